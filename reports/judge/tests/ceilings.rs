//! The ceiling is never below what was hidden.

mod support;

use belljar_judge::*;
use belljar_record::*;
use support::*;

/// The account always balances: what was sent is either taken off or counted.
fn balanced(verdict: &Verdict) {
    let ceiling = &verdict.ceiling;
    let taken: u64 = ceiling.subtracted.iter().map(|part| part.bytes).sum();
    let parts: u64 = ceiling.parts.iter().map(|part| part.bytes).sum();
    assert_eq!(ceiling.sent, ceiling.bytes + taken, "{ceiling:?}");
    assert_eq!(ceiling.bytes, parts);
    let flows: u64 = verdict.egress.flows.rows.iter().map(|flow| flow.unexplained).sum();
    assert_eq!(ceiling.bytes, flows);
}

/// An HTTP request with `secret` bytes hidden by `put`.
fn hidden_in_http(put: impl Fn(&str) -> String, secret: &[u8]) -> Verdict {
    let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut case = honest();
    let bytes = put(&text).into_bytes();
    let flow = case.flow(UPLOAD, Transport::Tcp, Protocol::Http, 80);
    case.converse(&flow, Layer::Stream, &bytes, bytes.len() as u64);
    case.judge()
}

#[test]
fn a_secret_anywhere_in_a_request_is_within_the_ceiling() {
    let plain = honest().judge();
    balanced(&plain);
    type Hide = fn(&str) -> String;
    let places: [(&str, Hide); 9] = [
        ("path", |s| format!("GET /v1/sample/{s} HTTP/1.1\r\nHost: {UPLOAD}\r\n\r\n")),
        ("query", |s| format!("GET /v1/sample?q={s} HTTP/1.1\r\nHost: {UPLOAD}\r\n\r\n")),
        ("wildcard", |s| format!("GET /u/{s}/done HTTP/1.1\r\nHost: a.vendor.example\r\n\r\n")),
        ("host", |s| format!("GET /v1/sample HTTP/1.1\r\nHost: {s}.vendor.example\r\n\r\n")),
        ("header value", |s| {
            format!("GET /v1/sample HTTP/1.1\r\nHost: {UPLOAD}\r\nCookie: id={s}\r\n\r\n")
        }),
        ("header name", |s| {
            format!("GET /v1/sample HTTP/1.1\r\nHost: {UPLOAD}\r\nX-{s}: 1\r\n\r\n")
        }),
        ("body", |s| {
            format!(
                "POST /v1/sample HTTP/1.1\r\nHost: {UPLOAD}\r\nContent-Length: {}\r\n\r\n{s}",
                s.len()
            )
        }),
        ("method", |s| format!("{s} /v1/sample HTTP/1.1\r\nHost: {UPLOAD}\r\n\r\n")),
        ("after the request", |s| format!("GET /v1/sample HTTP/1.1\r\nHost: {UPLOAD}\r\n\r\n{s}")),
    ];
    for len in [1_usize, 16, 200] {
        let secret = noise(len as u64, len);
        for (name, put) in places {
            let verdict = hidden_in_http(put, &secret);
            balanced(&verdict);
            let more = verdict.ceiling.bytes - plain.ceiling.bytes;
            assert!(more >= len as u64, "{name}: {len} hidden, {more} counted");
        }
    }
}

#[test]
fn a_request_that_the_scenario_gives_away_counts_a_few_bytes() {
    let plain = honest().judge().ceiling.bytes;
    let mut case = honest();
    case.post(UPLOAD, "/v1/sample", b"");
    let more = case.judge().ceiling.bytes - plain;
    assert!((5..=12).contains(&more), "{more}");
}

#[test]
fn order_and_choice_of_known_lines_are_paid_for() {
    // Ten known lines in one of many orders: each costs a byte, so any order is covered.
    let names = ["Accept: */*", "Connection: close", "Pragma: no-cache", "Expect: 100-continue"];
    let head = names.iter().cycle().take(40).fold(String::new(), |all, line| all + line + "\r\n");
    let verdict =
        hidden_in_http(|_| format!("GET /v1/sample HTTP/1.1\r\nHost: {UPLOAD}\r\n{head}\r\n"), b"");
    let more = verdict.ceiling.bytes - honest().judge().ceiling.bytes;
    assert!(more >= 40 * 2 / 8, "40 choices of one in four are 10 bytes, {more} counted");
}

#[test]
fn a_secret_in_dns_labels_and_ids_is_within_the_ceiling() {
    let query = |id: u16, name: &str| {
        let mut message = id.to_be_bytes().to_vec();
        message.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        for label in name.split('.') {
            message.push(u8::try_from(label.len()).expect("short"));
            message.extend_from_slice(label.as_bytes());
        }
        message.extend_from_slice(&[0, 0, 1, 0, 1]);
        let mut framed = u32::try_from(message.len()).expect("short").to_be_bytes().to_vec();
        framed.extend(message);
        framed
    };
    let judged = |bytes: Vec<u8>| {
        let mut case = honest();
        let sent = bytes.len() as u64 - 4;
        let flow = case.flow("resolver", Transport::Udp, Protocol::Dns, 53);
        case.converse(&flow, Layer::Datagram, &bytes, sent);
        let verdict = case.judge();
        balanced(&verdict);
        verdict.ceiling.bytes
    };
    let base = honest().judge().ceiling.bytes;
    let known = judged(query(7, UPLOAD)) - base;
    assert!((2..=8).contains(&known), "a known name costs its id and its choice: {known}");
    let secret: String = noise(5, 30).iter().map(|byte| format!("{byte:02x}")).collect();
    let hidden = judged(query(7, &format!("{}.vendor.example", &secret[..60]))) - base;
    assert!(hidden >= 30, "{hidden}");
    let case_bits = judged(query(7, "UpLoAd.VeNdOr.ExAmPlE")) - base;
    assert!(case_bits > known + 2, "letters of mixed case can carry bits: {case_bits}");
}

#[test]
fn of_tls_nothing_is_taken_but_the_plain_text() {
    let mut case = honest();
    let base = case.judge().ceiling.bytes;
    let request = format!("GET /v1/sample HTTP/1.1\r\nHost: {UPLOAD}\r\n\r\n");
    let flow = case.flow(UPLOAD, Transport::Tcp, Protocol::Https, 443);
    case.own(Event::Tls {
        flow: flow.id,
        sni: Some(UPLOAD.into()),
        outcome: TlsOutcome::Opened { version: "TLS1.3".into(), cipher: "x".into(), alpn: None },
    });
    case.converse(&flow, Layer::Plaintext, request.as_bytes(), request.len() as u64 + 620);
    let verdict = case.judge();
    balanced(&verdict);
    assert!(verdict.ceiling.bytes - base >= 620, "randoms and key shares are the client's");
}

#[test]
fn an_archive_as_it_is_is_taken_off_and_the_rest_is_not() {
    let case = overreach();
    let verdict = case.judge();
    balanced(&verdict);
    assert!(verdict.ceiling.bytes < 64, "{:?}", verdict.ceiling);

    // The same bytes with a secret between two halves: the trace has a hole.
    let mut case = overreach();
    case.traces.clear();
    let mut body = case.sources[0].bytes.clone();
    let secret = noise(77, 100);
    body.splice(500..500, secret.iter().copied());
    let (flow, payload, at) = case.post(UPLOAD, "/v1/sample", &body);
    case.trace_whole(0, &flow, &payload, at);
    let len = case.sources[0].bytes.len() as u64;
    case.traces[0].outer = vec![at..at + 500, at + 600..at + 100 + len];
    let with = case.judge();
    balanced(&with);
    assert!(with.ceiling.bytes >= 100);
}

#[test]
fn hex_digits_of_mixed_case_and_compressed_streams_are_not_taken_off() {
    use belljar_decode::{Decoder, Step};
    let sent = |text: &[u8], decoder| {
        let mut case = honest();
        let (flow, payload, at) = case.post(UPLOAD, "/v1/sample", text);
        case.trace_whole(3, &flow, &payload, at);
        let len = case.sources[3].bytes.len() as u64;
        let trace = case.traces.last_mut().expect("just added");
        let input = at..at + text.len() as u64;
        trace.chain = vec![Step { decoder, input: input.clone(), detail: None }];
        trace.outer = vec![input];
        if let belljar_trace::Subject::Content { ranges, .. } = &mut trace.subject {
            ranges[0].piece = 0..len;
        }
        let verdict = case.judge();
        balanced(&verdict);
        verdict.ceiling.bytes
    };
    let bytes = support::Case::new().sources[3].bytes.clone();
    let lower: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mixed: String = lower
        .chars()
        .enumerate()
        .map(|(n, c)| if n % 3 == 0 { c.to_ascii_uppercase() } else { c })
        .collect();
    assert!(sent(lower.as_bytes(), Decoder::Hex) < 100);
    assert!(sent(mixed.as_bytes(), Decoder::Hex) >= 6000);
    assert!(sent(&noise(3, 2500), Decoder::Gzip) >= 2500);
}

#[test]
fn a_payload_that_is_not_there_counts_whole() {
    let mut case = overreach();
    case.payloads.clear();
    let verdict = case.judge();
    assert_eq!(verdict.ceiling.bytes, verdict.ceiling.sent);
}

#[test]
fn icmp_and_unknown_conversations_count_whole() {
    let mut case = honest();
    let base = case.judge().ceiling.bytes;
    let mut framed = 56_u32.to_be_bytes().to_vec();
    framed.extend(noise(9, 56));
    let flow = case.flow("198.18.0.9", Transport::Icmp, Protocol::Unknown, 0);
    case.converse(&flow, Layer::Packet, &framed, 56);
    let verdict = case.judge();
    balanced(&verdict);
    assert_eq!(verdict.ceiling.bytes - base, 56);
}

#[test]
fn wrapped_base64_is_taken_off_but_its_line_breaks_are_not() {
    use belljar_decode::{Decoder, Step};
    let bytes = support::Case::new().sources[3].bytes.clone();
    let text = data_encoding::BASE64.encode(&bytes);
    let sent = |before: &str, wrap: usize| {
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(wrap)
            .map(|line| std::str::from_utf8(line).expect("ASCII"))
            .collect();
        let body = format!("{before}{}", lines.join("\r\n"));
        let mut case = honest();
        let (flow, payload, at) = case.post(UPLOAD, "/v1/sample", body.as_bytes());
        case.trace_whole(3, &flow, &payload, at);
        let shift = before.len() as u64 / 4 * 3;
        let trace = case.traces.last_mut().expect("just added");
        let input = at..at + body.len() as u64;
        trace.chain = vec![Step { decoder: Decoder::Base64, input: input.clone(), detail: None }];
        trace.outer = vec![input];
        if let belljar_trace::Subject::Content { ranges, .. } = &mut trace.subject {
            ranges[0].piece = shift..shift + bytes.len() as u64;
        }
        let verdict = case.judge();
        balanced(&verdict);
        verdict.ceiling.bytes - honest().judge().ceiling.bytes
    };
    assert!(sent("", 100_000) < 60);
    // 52 breaks of two bytes each: their bytes and their places count.
    let wrapped = sent("", 76);
    assert!((200..800).contains(&wrapped), "{wrapped}");
    let hidden: String = data_encoding::BASE64.encode(&noise(4, 90));
    assert!(sent(&hidden, 100_000) >= 90);
}
