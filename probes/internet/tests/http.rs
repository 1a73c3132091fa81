//! HTTP over streams in memory: what is answered, and that it is recorded first.

mod support;

use belljar_internet::{Ending, Exchange, Internet};
use belljar_record::{
    Dimension, Direction, Event, Extent, FlowId, Layer, Payloads, Protocol, Sha256Hex,
};
use belljar_schema::VendorRule;
use proptest::prelude::*;
use std::time::Duration;
use support::{Bench, rule};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn talk(bench: &Bench, sent: &[u8]) -> (String, belljar_internet::StreamEnd) {
    let (mut client, task) = bench.connect("198.18.7.9:80");
    client.write_all(sent).await.expect("is taken");
    client.shutdown().await.expect("closes");
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.expect("ends");
    (String::from_utf8_lossy(&got).into_owned(), task.await.expect("does not panic"))
}

#[tokio::test]
async fn a_half_closed_request_is_answered_and_both_directions_are_kept() {
    let bench = Bench::new(vec![]);
    let sent =
        b"POST /submit HTTP/1.1\r\nHost: Vendor.example:80\r\nContent-Length: 6\r\n\r\nsecret";
    let (got, end) = talk(&bench, sent).await;
    assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
    assert_eq!(bench.kept(Layer::Stream, Direction::Out), sent);
    assert_eq!(bench.kept(Layer::Stream, Direction::In), got.as_bytes());
    assert_eq!(bench.served(), [("POST /submit".into(), 200, None)]);
    assert_eq!(end.protocol, Protocol::Http);
    assert_eq!(end.host.expect("is named").to_string(), "vendor.example");
    assert_eq!((end.bytes_out, end.bytes_in), (sent.len() as u64, got.len() as u64));
    assert_eq!((end.ending, end.requests), (Ending::Closed, 1));
    let body_lens: Vec<u64> = bench
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Served(served) => Some(served.body_len),
            _ => None,
        })
        .collect();
    assert_eq!(body_lens, [6]);
}

#[tokio::test]
async fn rules_answer_by_ordinal_with_what_the_request_held() {
    let headers = [("X-Digest".to_owned(), "{body-sha256}".to_owned())].into();
    let bench = Bench::new(vec![
        VendorRule {
            ordinal: Some(1),
            status: 202,
            ..rule("*.vendor.example", "/q/*", "n{ordinal} {host}{path}")
        },
        VendorRule {
            method: Some("PUT".into()),
            headers,
            ..rule("*.vendor.example", "/q/*", "{body-sha256}")
        },
    ]);
    let one = "GET /q/a?x=1 HTTP/1.1\r\nHost: up.vendor.example\r\n\r\n";
    let two = "PUT /q/b HTTP/1.1\r\nHost: up.vendor.example\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    let (got, end) = talk(&bench, format!("{one}{two}{one}").as_bytes()).await;
    assert!(got.contains("n1 up.vendor.example/q/a"), "{got}");
    let digest = Sha256Hex::of(b"abc");
    assert_eq!(got.matches(digest.as_str()).count(), 2, "header and body: {got}");
    assert_eq!(
        bench.served(),
        [
            ("GET /q/a?x=1".into(), 202, Some(0)),
            ("PUT /q/b".into(), 200, Some(1)),
            ("GET /q/a?x=1".into(), 200, None),
        ]
    );
    assert_eq!(end.requests, 3, "pipelined on one connection");
}

#[tokio::test]
async fn continue_is_given_to_those_who_expect_it() {
    let bench = Bench::new(vec![]);
    let (mut client, task) = bench.connect("198.18.7.9:80");
    client
        .write_all(b"PUT /f HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n")
        .await
        .expect("is taken");
    let mut first = [0; 25];
    client.read_exact(&mut first).await.expect("is told");
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"abc").await.expect("is taken");
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.expect("ends");
    assert!(rest.starts_with("HTTP/1.1 201 Created"), "{rest}");
    drop(client);
    assert_eq!(task.await.expect("ends").ending, Ending::Closed);
}

#[tokio::test]
async fn ordinary_methods_get_ordinary_answers() {
    let bench = Bench::new(vec![]);
    for (request, status) in [
        ("HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n", "200"),
        ("OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n", "200"),
        ("PROPFIND /d/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "207"),
        ("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", "405"),
        (
            "GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "426",
        ),
        ("GET / HTTP/1.0\r\n\r\n", "200"),
    ] {
        let (got, _) = talk(&bench, request.as_bytes()).await;
        assert_eq!(got.split(' ').nth(1), Some(status), "{request}{got}");
        assert!(got.contains("Date: Sat, 01 Jun 2024 00:00:00 GMT"), "{got}");
    }
}

#[tokio::test]
async fn statuses_and_methods_without_a_body_keep_the_connection_in_step() {
    let none = |path: &str, status| VendorRule { status, ..rule("*", path, "body") };
    let bench = Bench::new(vec![none("/204", 204), none("/304", 304), rule("*", "/200", "body")]);
    let requests: String = ["GET /204", "GET /304", "HEAD /200", "GET /200"]
        .map(|line| format!("{line} HTTP/1.1\r\nHost: a.example\r\n\r\n"))
        .concat();
    let (got, end) = talk(&bench, requests.as_bytes()).await;
    let lines: Vec<&str> = got.lines().filter(|line| line.starts_with("HTTP/1.1")).collect();
    assert_eq!(lines.len(), 4, "{got}");
    assert_eq!(got.matches("body").count(), 1, "{got}");
    assert_eq!(end.requests, 4);
}

#[tokio::test]
async fn what_is_no_http_is_recorded_and_not_answered() {
    let bench = Bench::new(vec![]);
    let (got, end) = talk(&bench, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrest").await;
    assert_eq!((got.as_str(), end.protocol), ("", Protocol::Unknown));
    assert_eq!(bench.kept(Layer::Stream, Direction::Out), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrest");
}

#[tokio::test]
async fn bytes_behind_a_broken_request_are_recorded_too() {
    let bench = Bench::new(vec![]);
    let (mut client, task) = bench.connect("198.18.7.9:80");
    client.write_all(b"GET /\x01 HTTP/1.1\r\nbad header\r\n\r\n").await.expect("is taken");
    tokio::time::sleep(Duration::from_millis(50)).await;
    client.write_all(b"late secret").await.expect("is still taken");
    client.shutdown().await.expect("closes");
    assert!(matches!(task.await.expect("ends").ending, Ending::Broken { .. }));
    assert!(bench.kept(Layer::Stream, Direction::Out).ends_with(b"late secret"));
}

#[tokio::test]
async fn a_used_up_payload_budget_closes_the_connection_and_says_what_was_lost() {
    let bench = Bench::with_budgets(vec![], u64::MAX / 2, Payloads::in_memory(64 * 1024));
    let (mut client, task) = bench.connect("198.18.7.9:80");
    let head = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9000000\r\n\r\n";
    client.write_all(head).await.expect("is taken");
    let block = vec![7; 64 * 1024];
    let mut pushed = 0;
    while pushed < 9_000_000 && client.write_all(&block).await.is_ok() {
        pushed += block.len();
    }
    assert!(pushed < 9_000_000, "the door closed");
    let end = task.await.expect("ends");
    assert!(matches!(end.ending, Ending::Refused { .. }), "{end:?}");
    assert!(end.bytes_lost > 0);
    let limits: Vec<_> = bench
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Limited { dimension, extent: Extent::Lost { count, unit, .. } } => {
                Some((dimension, count, unit))
            }
            _ => None,
        })
        .collect();
    assert_eq!(limits, [(Dimension::Streams, end.bytes_lost, "bytes".to_owned())]);
    assert!(bench.served().is_empty(), "nothing was answered");
    let kept = bench.kept(Layer::Stream, Direction::Out).len() as u64;
    assert_eq!(kept, end.bytes_out);
}

#[tokio::test]
async fn an_answer_that_cannot_be_kept_is_not_given() {
    let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let payloads = Payloads::in_memory(request.len() as u64);
    let bench = Bench::with_budgets(vec![], u64::MAX / 2, payloads);
    let (got, end) = talk(&bench, request).await;
    assert_eq!(got, "");
    assert_eq!((end.bytes_out, end.bytes_in), (request.len() as u64, 0));
    assert!(matches!(end.ending, Ending::Refused { .. }), "{end:?}");
}

#[tokio::test]
async fn a_full_log_refuses_to_answer() {
    let bench = Bench::with_budgets(vec![], 0, Payloads::in_memory(1 << 20));
    let (got, end) = talk(&bench, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    assert!(!got.contains("200"), "{got}");
    assert!(matches!(end.ending, Ending::Refused { .. }), "{end:?}");
    let reported = bench.events().iter().any(|event| {
        matches!(
            event,
            Event::Limited { dimension: Dimension::Streams, extent: Extent::Lost { .. } }
        )
    });
    assert!(reported);
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed_after_half_a_minute() {
    let bench = Bench::new(vec![]);
    let (_client, task) = bench.connect("198.18.7.9:9999");
    let before = tokio::time::Instant::now();
    let end = task.await.expect("ends");
    assert_eq!(end.ending, Ending::Idle);
    assert!(before.elapsed() < Duration::from_secs(70), "{:?}", before.elapsed());
    let (mut client, task) = bench.connect("198.18.7.9:80");
    client.write_all(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx").await.expect("is taken");
    assert_eq!(task.await.expect("ends").ending, Ending::Idle);
}

#[tokio::test]
async fn an_abandoned_connection_still_has_its_payloads_in_the_record() {
    let bench = Bench::new(vec![]);
    let (mut client, task) = bench.connect("198.18.7.9:9999");
    client.write_all(b"half a secret").await.expect("is taken");
    tokio::time::sleep(Duration::from_millis(50)).await;
    task.abort();
    let _ = task.await;
    assert_eq!(bench.kept(Layer::Stream, Direction::Out), b"half a secret");
}

#[tokio::test]
async fn a_parsed_exchange_gets_the_same_answer() {
    let bench = Bench::new(vec![rule("v.example", "/x", "{body-sha256}")]);
    let digest = Sha256Hex::of(b"body");
    let (uri, headers) = (hyper::Uri::from_static("https://v.example/x"), hyper::HeaderMap::new());
    assert!(bench.internet.wants_digest(&uri, &headers, None));
    let answer = bench
        .internet
        .answer_exchange(&Exchange {
            flow: FlowId(1),
            protocol: Protocol::Https,
            host: None,
            method: &hyper::Method::POST,
            uri: &uri,
            headers: &headers,
            body_len: 4,
            body_sha256: Some(&digest),
        })
        .expect("is recorded");
    assert_eq!(answer.body, digest.as_str().as_bytes());
    assert_eq!(bench.served(), [("POST https://v.example/x".into(), 200, Some(0))]);
}

#[test]
fn serving_can_move_between_threads() {
    fn sendable<T: Send>(_: T) {}
    fn check(internet: &Internet, io: tokio::io::DuplexStream) {
        sendable(internet.serve_stream(FlowId(1), support::endpoint("198.18.7.9:80"), io));
    }
    let _ = check;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_bytes_make_it_panic_and_all_are_recorded(
        start in prop::sample::select(vec!["", "GET / HTTP/1.1\r\n", "POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\n", "\x16\x03\x01", "EHLO x\r\nDATA\r\n"]),
        rest in prop::collection::vec(any::<u8>(), 0..400),
        port in prop::sample::select(vec![80u16, 443, 25, 21, 53, 110, 143, 4444]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("starts");
        let sent = [start.as_bytes(), &rest].concat();
        let kept = runtime.block_on(async {
            let bench = Bench::new(vec![]);
            let (mut client, task) = bench.connect(&format!("198.18.7.9:{port}"));
            let _ = client.write_all(&sent).await;
            let _ = client.shutdown().await;
            let mut got = Vec::new();
            let _ = client.read_to_end(&mut got).await;
            task.await.expect("does not panic");
            bench.kept(Layer::Stream, Direction::Out)
        });
        prop_assert_eq!(kept, sent);
    }
}
