//! Hostile streams and datagrams at the fake internet: it never panics, and keeps every byte.

mod support;

use belljar_fuzz::{behaviour, fuzz};
use belljar_internet::RESOLVER_V4;
use belljar_record::{Direction, FlowId, Layer};
use support::{Bench, endpoint};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[test]
fn hostile_dns() {
    let query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06vendor\x07example\x00\x00\x01\x00\x01";
    let begin = vec![query.to_vec(), [&query[..25], b"\xc0\x0c\x00\x1c\x00\x01"].concat()];
    let remote = endpoint(&format!("{RESOLVER_V4}:53"));
    let (mut bench, mut ids) = (Bench::new(vec![]), 1);
    let fuzzed = fuzz("dns", &begin, |bytes| {
        ids += 1;
        // The record of a bench grows: a fresh one now and then.
        if ids % 4096 == 0 {
            bench = Bench::new(vec![]);
        }
        let end = bench.internet.serve_datagram(FlowId(ids), remote, bytes);
        let reply = end.replies.first();
        behaviour((
            end.protocol,
            end.replies.len(),
            reply.and_then(|reply| reply.get(2..4).map(<[u8]>::to_vec)),
            reply.map(|reply| reply.len() / 16),
        ))
    });
    assert!(fuzzed.behaviours > 5, "{fuzzed:?}: hardly anything was reached");
}

/// Sends bytes to a port, shuts down, and says how it went.
fn sent(bench: &Bench, runtime: &tokio::runtime::Runtime, port: u16, bytes: &[u8]) -> u64 {
    let before = bench.kept(Layer::Stream, Direction::Out).len();
    let (end, got) = runtime.block_on(async {
        let (mut client, task) = bench.connect(&format!("198.18.7.9:{port}"));
        let _ = client.write_all(bytes).await;
        let _ = client.shutdown().await;
        let mut got = Vec::new();
        let _ = client.read_to_end(&mut got).await;
        (task.await.expect("does not panic"), got)
    });
    let kept = bench.kept(Layer::Stream, Direction::Out);
    assert_eq!(&kept[before..], bytes, "every byte is kept, in order");
    behaviour((
        end.protocol,
        end.requests,
        format!("{:?}", end.ending).chars().take(80).collect::<String>(),
        got.get(..12).map(<[u8]>::to_vec),
    ))
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("starts")
}

fn on_streams(target: &str, port: u16, begin: &[Vec<u8>], least: usize) {
    let runtime = runtime();
    let (mut bench, mut used) = (Bench::new(vec![]), 0);
    let fuzzed = fuzz(target, begin, |bytes| {
        used += 1;
        // The record of a bench grows: a fresh one now and then.
        if used % 64 == 0 {
            bench = Bench::new(vec![]);
        }
        sent(&bench, &runtime, port, bytes)
    });
    assert!(fuzzed.behaviours > least, "{fuzzed:?}: hardly anything was reached");
}

#[test]
fn hostile_http() {
    let begin: Vec<Vec<u8>> = [
        "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello",
        "POST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "PUT /f HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    on_streams("http", 80, &begin, 5);
}

#[test]
fn hostile_hellos() {
    // A hello of TLS 1.2 that asks for one suite and names a host.
    let name = b"\x00\x00\x00\x0e\x00\x0c\x00\x00\x09a.example";
    let body = [
        &b"\x03\x03"[..],
        &[7; 32],
        b"\x00\x00\x02\xc0\x2b\x01\x00",
        &u16::try_from(name.len()).expect("short").to_be_bytes(),
        name,
    ]
    .concat();
    let length = |len: usize| u16::try_from(len).expect("short").to_be_bytes();
    let shake = [&b"\x01\x00"[..], &length(body.len()), &body].concat();
    let hello = [&b"\x16\x03\x01"[..], &length(shake.len()), &shake].concat();
    let broken = hello[..40].to_vec();
    on_streams("tls", 443, &[hello, broken, b"\x16\x03\x01\x00\x00".to_vec()], 2);
}

#[test]
fn hostile_dialogues() {
    let begin: Vec<Vec<u8>> = [
        "EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n",
        "USER a\r\nPASS b\r\nPASV\r\nSTOR f\r\n",
        "\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    for (target, port) in [("smtp", 25), ("ftp", 21), ("dns-tcp", 53), ("any-tcp", 4444)] {
        on_streams(target, port, &begin, 0);
    }
}
