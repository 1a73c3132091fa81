//! DNS by an independent codec: answers, broken messages, the record.

mod support;

use belljar_internet::{DatagramEnd, RESOLVER_V4};
use belljar_record::{Direction, Event, FlowId, Layer, Payloads, Protocol};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use proptest::prelude::*;
use std::net::IpAddr;
use support::{Bench, endpoint, rule};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn query(name: &str, kind: RecordType) -> Message {
    let mut message = Message::new(0x1234, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).expect("is a name"), kind));
    message
}

fn send(bench: &Bench, bytes: &[u8], remote: &str) -> DatagramEnd {
    bench.internet.serve_datagram(FlowId(3), endpoint(remote), bytes)
}

fn ask(bench: &Bench, name: &str, kind: RecordType) -> Message {
    let remote = format!("{RESOLVER_V4}:53");
    let end = send(bench, &query(name, kind).to_vec().expect("encodes"), &remote);
    assert_eq!(end.protocol, Protocol::Dns);
    let reply = Message::from_vec(&end.replies[0]).expect("decodes");
    assert_eq!((reply.metadata.id, reply.metadata.message_type), (0x1234, MessageType::Response));
    reply
}

fn lookups(bench: &Bench) -> Vec<(String, String, String)> {
    bench
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Lookup { name, record, answer, .. } => Some((name.to_string(), record, answer)),
            _ => None,
        })
        .collect()
}

#[test]
fn every_record_type_is_answered_and_listed() {
    let bench = Bench::new(vec![rule("*.example", "dns:TXT", "one {host}\ntwo")]);
    let (v4, v6) = bench.internet.addresses(b"up.vendor.example");
    assert_eq!(bench.internet.name_of(v4.into()), None);
    let only = |kind| ask(&bench, "Up.Vendor.example.", kind).answers[0].data.clone();
    assert_eq!(only(RecordType::A), RData::A(v4.into()));
    assert_eq!(only(RecordType::AAAA), RData::AAAA(v6.into()));
    assert_eq!(only(RecordType::MX).to_string(), "10 mail.Up.Vendor.example.");
    assert!(only(RecordType::TXT).to_string().contains("one up.vendor.example"));
    assert!(only(RecordType::NS).to_string().starts_with("ns1."));
    assert!(matches!(only(RecordType::SOA), RData::SOA(_)));
    assert!(ask(&bench, "up.vendor.example.", RecordType::ANY).answers.len() > 4);
    for kind in [RecordType::CNAME, RecordType::HTTPS, RecordType::SVCB, RecordType::SRV] {
        let reply = ask(&bench, "up.vendor.example.", kind);
        assert_eq!(reply.metadata.response_code, ResponseCode::NoError, "{kind}");
        assert!(reply.answers.is_empty() && reply.authorities.len() == 1, "{kind}");
    }
    for address in [IpAddr::from(v4), IpAddr::from(v6)] {
        let name = bench.internet.name_of(address).expect("was looked up");
        assert_eq!(name.to_string(), "up.vendor.example");
        let arpa = Name::from(address).to_ascii();
        assert_eq!(
            ask(&bench, &arpa, RecordType::PTR).answers[0].data.to_string(),
            "up.vendor.example."
        );
    }
    let nobody = ask(&bench, "9.9.18.198.in-addr.arpa.", RecordType::PTR);
    assert_eq!(nobody.metadata.response_code, ResponseCode::NXDomain);
    let listed = lookups(&bench);
    assert_eq!(listed[0], ("Up.Vendor.example".into(), "A".into(), v4.to_string()));
    assert_eq!(listed.last().expect("some").2, "NXDOMAIN");
    assert!(listed.contains(&("up.vendor.example".into(), "HTTPS".into(), "NODATA".into())));
}

#[test]
fn dns_is_recognised_on_any_port_and_other_datagrams_get_no_answer() {
    let bench = Bench::new(vec![]);
    let bytes = query("x.example.", RecordType::A).to_vec().expect("encodes");
    assert_eq!(send(&bench, &bytes, "203.0.113.9:5353").replies.len(), 1);
    let quic = [0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x44, 0xd0, 1, 2, 3];
    let end = send(&bench, &quic, "203.0.113.9:443");
    assert_eq!((end.protocol, end.replies.len()), (Protocol::Unknown, 0));
    let mut time = [0; 48];
    time[0] = 0x23;
    assert_eq!(send(&bench, &time, "203.0.113.9:123").replies.len(), 1);
}

#[test]
fn long_answers_are_truncated_for_those_who_cannot_take_them() {
    let body = "x".repeat(250) + "\n" + &"y".repeat(250) + "\n" + &"z".repeat(250);
    let bench = Bench::new(vec![rule("big.example", "dns:TXT", &body)]);
    let plain = ask(&bench, "big.example.", RecordType::TXT);
    assert!(plain.metadata.truncation && plain.answers.is_empty());
    let mut message = query("big.example.", RecordType::TXT);
    let mut edns = Edns::new();
    edns.set_max_payload(4096);
    message.set_edns(edns);
    let end = send(&bench, &message.to_vec().expect("encodes"), "198.18.0.1:53");
    let reply = Message::from_vec(&end.replies[0]).expect("decodes");
    assert!(!reply.metadata.truncation && reply.answers.len() == 1 && reply.edns.is_some());
}

#[test]
fn broken_messages_get_formerr_and_are_in_the_record() {
    let bench = Bench::new(vec![]);
    let bytes = query("x.example.", RecordType::A).to_vec().expect("encodes");
    let end = send(&bench, &bytes[..bytes.len() - 3], "198.18.0.1:53");
    let reply = Message::from_vec(&end.replies[0]).expect("decodes");
    assert_eq!(reply.metadata.response_code, ResponseCode::FormErr);
    assert_eq!(reply.metadata.id, 0x1234);
    assert_eq!(lookups(&bench), [("".into(), "unreadable".into(), "FORMERR".into())]);
    assert!(send(&bench, b"short", "198.18.0.1:53").replies.is_empty());
}

#[test]
fn a_full_log_gives_no_answer() {
    let bench = Bench::with_budgets(vec![], 0, Payloads::in_memory(1 << 20));
    let bytes = query("x.example.", RecordType::A).to_vec().expect("encodes");
    assert!(send(&bench, &bytes, "198.18.0.1:53").replies.is_empty());
}

#[tokio::test]
async fn dns_over_streams_is_answered_message_by_message() {
    let bench = Bench::new(vec![]);
    let (mut client, task) = bench.connect("198.18.0.1:53");
    for name in ["a.example.", "b.example."] {
        let bytes = query(name, RecordType::A).to_vec().expect("encodes");
        client.write_u16(u16::try_from(bytes.len()).expect("is short")).await.expect("is taken");
        client.write_all(&bytes).await.expect("is taken");
        let len = client.read_u16().await.expect("is answered");
        let mut reply = vec![0; usize::from(len)];
        client.read_exact(&mut reply).await.expect("is whole");
        assert_eq!(Message::from_vec(&reply).expect("decodes").answers.len(), 1);
    }
    client.shutdown().await.expect("closes");
    let end = task.await.expect("ends");
    assert_eq!((end.protocol, end.requests), (Protocol::Dns, 2));
    assert_eq!(lookups(&bench).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn mail_goes_through_to_its_last_line_when_the_client_waits_for_the_server() {
    let bench = Bench::new(vec![]);
    let (mut client, task) = bench.connect("198.18.7.9:25");
    let mut got = vec![0; 1024];
    let mut said = String::new();
    for line in [
        "",
        "EHLO me\r\n",
        "MAIL FROM:<a@b.example>\r\n",
        "RCPT TO:<c@d.example>\r\n",
        "DATA\r\n",
        "Subject: x\r\n\r\nsecret\r\n.\r\n",
        "QUIT\r\n",
    ] {
        client.write_all(line.as_bytes()).await.expect("is taken");
        let count = client.read(&mut got).await.expect("is answered");
        said += &String::from_utf8_lossy(&got[..count]);
    }
    drop(client);
    task.await.expect("ends");
    let codes: Vec<&str> = said.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["220", "250", "250", "250", "250", "250", "250", "354", "250", "221"]);
    let kept = bench.kept(Layer::Stream, Direction::Out);
    assert!(kept.windows(6).any(|part| part == b"secret"));
    assert_eq!(bench.served(), [("SMTP DATA".into(), 250, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_file_goes_through_ftp_over_any_port() {
    let bench = Bench::new(vec![]);
    let (mut control, task) = bench.connect("198.18.7.9:21");
    let mut got = vec![0; 1024];
    let mut said = String::new();
    for line in ["", "USER a\r\n", "PASS b\r\n", "TYPE I\r\n", "PASV\r\n", "STOR f\r\n", "QUIT\r\n"]
    {
        control.write_all(line.as_bytes()).await.expect("is taken");
        let count = control.read(&mut got).await.expect("is answered");
        said += &String::from_utf8_lossy(&got[..count]);
    }
    assert!(said.contains("227 ready (198,18,7,9,195,101)"), "{said}");
    assert!(said.ends_with("221 bye\r\n"), "{said}");
    drop(control);
    task.await.expect("ends");
    let (mut data, task) = bench.connect("198.18.7.9:50021");
    data.write_all(b"the file").await.expect("is taken");
    drop(data);
    assert_eq!(task.await.expect("ends").bytes_out, 8);
    let (mut listing, _task) = bench.connect("198.18.7.9:50021");
    assert_eq!(listing.read(&mut got).await.expect("ends at once"), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_datagram_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), port in prop::sample::select(vec![53u16, 123, 443, 5353])) {
        let bench = Bench::new(vec![]);
        let _ = send(&bench, &bytes, &format!("198.18.0.1:{port}"));
    }

    #[test]
    fn a_damaged_query_is_answered_or_formerr_but_never_a_panic(at in 0usize..40, with: u8, cut in 0usize..40) {
        let bench = Bench::new(vec![]);
        let mut bytes = query("some.long.name.example.", RecordType::ANY).to_vec().expect("encodes");
        let at = at % bytes.len();
        bytes[at] = with;
        bytes.truncate(bytes.len().saturating_sub(cut % 8));
        for reply in send(&bench, &bytes, "198.18.0.1:53").replies {
            prop_assert!(Message::from_vec(&reply).is_ok());
        }
    }
}
