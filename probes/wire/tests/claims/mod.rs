//! Real programs in a network namespace that the test made, over a real wire.
//!
//! Needs root (or the right to make network namespaces), curl, python3 and tshark; says so and
//! passes nothing silently: without them the test fails.
//!
//! Each client runs in the inner namespace because a child has the namespace of the *thread* that
//! started it. Nothing of this touches the host's own network.

use crate::CARRIER;
use belljar_internet::{Internet, InternetPlan};
use belljar_record::{
    Actor, AttributeFlow, Attribution, Confidence, Direction, Endpoint, Event, Layer, Log,
    Observation, PayloadRef, Payloads, Protocol, SteadyClock, Transport, read_log,
};
use belljar_sys::net::{
    Carrier, InnerConfig, OuterConfig, setup_inner, setup_inner_by_pair, setup_outer,
    setup_outer_by_pair,
};
use belljar_wire::{Wire, WireDevices, WireEnd, WireLimits};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::mpsc;

#[derive(Debug)]
struct Nobody;

impl AttributeFlow for Nobody {
    fn attribute(&self, _: Transport, _: Endpoint, _: Endpoint) -> Attribution {
        Attribution {
            actor: Actor::unknown("a test"),
            source: "test".into(),
            confidence: Confidence::Inferred,
        }
    }
}

/// What a test may do inside, and where the record is.
pub(crate) struct Inside<'a> {
    folder: &'a Path,
}

impl Inside<'_> {
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new(program)
            .args(arguments)
            .current_dir(self.folder)
            .env_remove("http_proxy")
            .env_remove("https_proxy")
            .output()
            .unwrap_or_else(|error| panic!("cannot run {program}: {error}"))
    }

    pub(crate) fn text(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        assert!(
            output.status.success(),
            "{program} failed: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn python(&self, script: &str) -> String {
        self.text("python3", &["-c", script])
    }
}

/// A finished run.
pub(crate) struct Ran {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) end: WireEnd,
    pub(crate) record: Vec<Observation>,
}

impl Ran {
    pub(crate) fn capture(&self) -> PathBuf {
        self.folder.path().join("capture.pcapng")
    }

    pub(crate) fn bytes(&self, payload: &PayloadRef) -> Vec<u8> {
        let path = self.folder.path().join("payloads").join(payload.sha256.as_str());
        let bytes = std::fs::read(&path).expect("a payload named in the record is there");
        assert_eq!(bytes.len() as u64, payload.len);
        bytes
    }

    pub(crate) fn payloads(&self, layer: Layer, direction: Direction) -> Vec<(String, Vec<u8>)> {
        self.record
            .iter()
            .filter_map(|line| match &line.event {
                Event::Payload { layer: l, direction: d, payload, label, .. }
                    if *l == layer && *d == direction =>
                {
                    Some((label.clone(), self.bytes(payload)))
                }
                _ => None,
            })
            .collect()
    }

    pub(crate) fn holds(&self, layer: Layer, bytes: &[u8]) -> bool {
        self.payloads(layer, Direction::Out)
            .iter()
            .any(|(_, payload)| payload.windows(bytes.len()).any(|window| window == bytes))
    }

    pub(crate) fn limits(&self) -> Vec<String> {
        self.record
            .iter()
            .filter_map(|line| match &line.event {
                Event::Limited { dimension, extent } => Some(format!("{dimension:?} {extent:?}")),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn tshark(&self, arguments: &[&str]) -> String {
        let output = Command::new("tshark")
            .arg("-r")
            .arg(self.capture())
            .args(arguments)
            .output()
            .expect("tshark is installed");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "tshark: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Makes both namespaces and a wire between them, runs `test` inside, ends the wire.
pub(crate) fn over_a_wire<T: Send + 'static>(
    limits: WireLimits,
    test: impl FnOnce(&Inside<'_>) -> T + Send + 'static,
) -> (Ran, T) {
    use nix::sched::{CloneFlags, unshare};
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("limits can be read");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("the soft limit can be raised");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let payloads = folder.path().join("payloads");
    std::fs::create_dir(&payloads).expect("a folder");
    let record = folder.path().join("record.jsonl");
    let file = std::fs::File::create(&record).expect("a file");
    let log = Log::new(file, u64::MAX / 2, Arc::new(SteadyClock::start()));
    let payloads = Payloads::in_folder(&payloads, u64::MAX / 2);

    let outer = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("the right to make a network namespace");
        let config = OuterConfig::default();
        match CARRIER {
            Carrier::Tun => (setup_outer(&config, None).expect("the outer network"), None),
            Carrier::Pair => {
                let (outer, crossing) = setup_outer_by_pair(&config).expect("the outer network");
                (outer, Some(crossing))
            }
        }
    });
    let (outer, crossing) = outer.join().expect("the outer network is set up");
    let (give, take) = mpsc::channel();
    let (start, started) = mpsc::channel::<()>();
    let place = folder.path().to_owned();
    let inside = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).expect("the right to make a network namespace");
        let config = InnerConfig::default();
        let inner = match crossing {
            None => setup_inner(&config, None),
            Some(crossing) => setup_inner_by_pair(&config, crossing),
        };
        give.send(inner.expect("the inner network")).expect("the test waits for it");
        started.recv().expect("the wire starts");
        test(&Inside { folder: &place })
    });
    let inner = take.recv().expect("the inner network is set up");
    let (devices, _sock_diag) = WireDevices::of(inner, outer);
    let plan = InternetPlan { seed: 7, rules: Vec::new(), now: 1_700_000_000 };
    let internet = Internet::new(plan, log.clone(), payloads.clone()).expect("a fake internet");
    std::fs::write(folder.path().join("ca.pem"), internet.ca_pem()).expect("a file");
    let capture = folder.path().join("capture.pcapng");
    let who = Arc::new(Nobody);
    let wire = Wire::start(devices, internet, log.clone(), payloads, &capture, who, &limits)
        .expect("the wire starts");
    start.send(()).expect("the inside waits");
    let result = inside.join();
    let end = wire.finish();
    log.flush().expect("the record is written");
    let record = read_log(&record).expect("a record").map(|line| line.expect("a line")).collect();
    let ran = Ran { folder, end, record };
    match result {
        Ok(result) => (ran, result),
        Err(panic) => {
            eprintln!("{:?}\n{:#?}", ran.end, ran.limits());
            std::panic::resume_unwind(panic)
        }
    }
}

fn assert_nothing_lost(ran: &Ran) {
    assert_eq!(ran.limits(), Vec::<String>::new(), "{:?}", ran.end);
    assert_eq!((ran.end.lost, ran.end.refused_in), (0, 0), "{:?}", ran.end);
}

#[test]
fn http_over_ipv4_and_ipv6_reaches_the_responders_and_is_captured() {
    let (ran, codes) = over_a_wire(WireLimits::default(), |inside| {
        ["http://203.0.113.77/four", "http://[2001:db8:7::7]:8080/six"].map(|url| {
            inside.text("curl", &["-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", url])
        })
    });
    assert!(codes.iter().all(|code| code.len() == 3 && code != "000"), "{codes:?}");
    assert!(ran.holds(Layer::Stream, b"GET /four HTTP/1.1"));
    assert!(ran.holds(Layer::Stream, b"GET /six HTTP/1.1"));
    let requests = ran.tshark(&["-Y", "http.request", "-T", "fields", "-e", "http.request.uri"]);
    assert_eq!(requests.split_whitespace().collect::<Vec<_>>(), ["/four", "/six"]);
    assert_nothing_lost(&ran);
}

#[test]
fn the_capture_alone_is_enough_to_decrypt_tls() {
    let (ran, _) = over_a_wire(WireLimits::default(), |inside| {
        inside.text(
            "curl",
            &[
                "-sS",
                "-m",
                "10",
                "--cacert",
                "ca.pem",
                "-d",
                "in the clear at last",
                "--resolve",
                "upload.example.com:443:203.0.113.9",
                "https://upload.example.com/secret-path",
            ],
        )
    });
    let uris = ran.tshark(&["-Y", "http.request", "-T", "fields", "-e", "http.request.uri"]);
    assert_eq!(uris.trim(), "/secret-path");
    assert!(ran.holds(Layer::Plaintext, b"in the clear at last"));
    assert!(ran.record.iter().any(|line| matches!(
        &line.event,
        Event::FlowClosed { flow, .. } if flow.protocol == Protocol::Https
            && flow.host == Some("upload.example.com".into())
    )));
    assert_nothing_lost(&ran);
}

#[test]
fn two_hundred_connections_at_once_to_distinct_addresses_and_ports_are_distinct_flows() {
    let (ran, answer) = over_a_wire(WireLimits::default(), |inside| {
        inside.python(
            r#"
import socket
all = []
for n in range(200):
    v6 = n % 2
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
    s.settimeout(10)
    s.connect((f"2001:db8:9::{n + 1:x}" if v6 else f"203.0.113.{n + 1}", 20000 + n))
    all.append(s)
for n, s in enumerate(all):
    s.sendall(b"mark-%d-end" % n)
for s in all:
    s.shutdown(socket.SHUT_WR)
for s in all:
    while s.recv(65536): pass
print("done")
"#,
        )
    });
    assert_eq!(answer.trim(), "done");
    for n in 0..200 {
        assert!(ran.holds(Layer::Stream, format!("mark-{n}-end").as_bytes()), "{n} is missing");
    }
    let closed: std::collections::HashSet<_> = ran
        .record
        .iter()
        .filter_map(|line| match &line.event {
            Event::FlowClosed { flow, .. } if flow.transport == Transport::Tcp => Some(flow.remote),
            _ => None,
        })
        .collect();
    assert_eq!(closed.len(), 200);
    assert_nothing_lost(&ran);
}

#[test]
fn bytes_of_connections_that_are_reset_at_once_are_kept() {
    let (ran, _) = over_a_wire(WireLimits { connections: 3, ..WireLimits::default() }, |inside| {
        inside.python(
            r#"
import socket, struct
for n in range(100):
    s = socket.create_connection(("203.0.113.9", 3000 + n), timeout=10)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.sendall(b"gone-%d-end" % n)
    s.close()
"#,
        )
    });
    for n in 0..100 {
        let mark = format!("gone-{n}-end");
        let kept = ran.holds(Layer::Stream, mark.as_bytes());
        assert!(kept || ran.holds(Layer::Remainder, mark.as_bytes()), "{n} is missing");
    }
    assert_nothing_lost(&ran);
}

#[test]
fn an_upload_of_64_mib_is_kept_byte_for_byte_and_a_half_close_is_answered() {
    let (ran, answer) = over_a_wire(WireLimits::default(), |inside| {
        inside.python(
            r#"
import hashlib, socket
s = socket.create_connection(("203.0.113.5", 4000), timeout=60)
h = hashlib.sha256()
block = bytes(range(256)) * 256
for n in range(1024):
    piece = n.to_bytes(8, "big") + block[8:]
    h.update(piece)
    s.sendall(piece)
s.shutdown(socket.SHUT_WR)
while s.recv(65536): pass
print(h.hexdigest())
"#,
        )
    });
    let kept = ran.record.iter().any(|line| {
        matches!(
            &line.event,
            Event::Payload { layer: Layer::Stream, direction: Direction::Out, payload, .. }
                if payload.sha256.as_str() == answer.trim() && payload.len == 64 << 20
        )
    });
    assert!(kept, "no payload with digest {answer}");
    assert_nothing_lost(&ran);
}

#[test]
fn dns_pings_big_datagrams_and_odd_protocols_are_answered_or_kept() {
    let (ran, answer) = over_a_wire(WireLimits::default(), |inside| {
        inside.python(
            r#"
import os, socket, struct
def dns(family, where):
    s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(5)
    q = struct.pack(">HHHHHH", 7, 256, 1, 0, 0, 0) + b"\x03www\x07example\x03com\x00" + struct.pack(">HH", 1, 1)
    s.sendto(q, (where, 53))
    r, peer = s.recvfrom(4096)
    assert r[:2] == b"\0\x07" and struct.unpack(">H", r[6:8])[0] >= 1 and peer[0] == where, (r, peer)
dns(socket.AF_INET, "198.18.0.1")
dns(socket.AF_INET6, "2001:db8::1")
def checksum(b):
    if len(b) % 2: b += b"\0"
    t = sum(struct.unpack(f">{len(b)//2}H", b))
    while t >> 16: t = (t & 65535) + (t >> 16)
    return ~t & 65535
def ping(family, proto, kind, where):
    s = socket.socket(family, socket.SOCK_RAW, proto); s.settimeout(5)
    body = struct.pack(">BBHHH", kind, 0, 0, 9, 1) + b"ping-payload-mark"
    if family == socket.AF_INET:
        body = body[:2] + struct.pack(">H", checksum(body)) + body[4:]
    s.sendto(body, (where, 0))
    for _ in range(8):
        r = s.recv(4096)
        r = r[20:] if family == socket.AF_INET else r
        if r[0] == (0 if family == socket.AF_INET else 129):
            assert r[8:] == b"ping-payload-mark", r
            return
    raise SystemExit("no echo reply")
ping(socket.AF_INET, 1, 8, "203.0.113.8")
ping(socket.AF_INET6, 58, 128, "2001:db8::8")
for family, where in ((socket.AF_INET, "203.0.113.3"), (socket.AF_INET6, "2001:db8::3")):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.sendto((b"%05d|" % 0) + b"B" * 8000 + b"last-of-" + where.encode(), (where, 9999))
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253); s.sendto(b"raw-253-mark", ("203.0.113.4", 0))
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 253); s.sendto(b"raw6-253-mark", ("2001:db8::4", 0))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.sendto(b"broadcast-mark", ("255.255.255.255", 7)); s.sendto(b"multicast-mark", ("239.1.2.3", 7))
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.sendto(b"multicast6-mark", ("ff02::1", 7, 0, socket.if_nametoindex("eth0")))
p = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
p.sendto(b"\x99not-ip-mark", ("eth0", 0x88b5))
# A segment of a connection that never was, made by hand, behind IP options.
ip = struct.pack(">BBHHHBBH4s4s", 0x46, 0, 0, 1, 0, 64, 6, 0, socket.inet_aton("198.51.100.23"), socket.inet_aton("203.0.113.6")) + b"\x01\x01OP"
tcp = struct.pack(">HHIIBBHHH", 1234, 80, 5, 5, 0x50, 0x18, 100, 0, 0) + b"stray-tcp-mark"
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
s.sendto(ip + tcp, ("203.0.113.6", 0))
print("done")
"#,
        )
    });
    assert_eq!(answer.trim(), "done");
    assert!(ran.holds(Layer::Datagram, b"\x03www\x07example\x03com"));
    assert!(!ran.payloads(Layer::Datagram, Direction::In).is_empty());
    for mark in [
        "last-of-203.0.113.3",
        "last-of-2001:db8::3",
        "broadcast-mark",
        "multicast-mark",
        "multicast6-mark",
    ] {
        assert!(ran.holds(Layer::Datagram, mark.as_bytes()), "{mark}");
    }
    for mark in ["ping-payload-mark", "raw-253-mark", "raw6-253-mark"] {
        assert!(ran.holds(Layer::Packet, mark.as_bytes()), "{mark}");
    }
    for mark in ["not-ip-mark", "stray-tcp-mark"] {
        assert!(ran.holds(Layer::Remainder, mark.as_bytes()), "{mark}");
    }
    assert!(
        ran.payloads(Layer::Remainder, Direction::Out)
            .iter()
            .any(|(label, _)| label == "IP options")
    );
    assert_eq!(ran.tshark(&["-Y", "ip.proto == 253 || ipv6.nxt == 253"]).lines().count(), 2);
    assert_nothing_lost(&ran);
}

#[test]
fn a_quiet_component_sends_nothing_and_its_loopback_is_captured_apart() {
    let (ran, _) = over_a_wire(WireLimits::default(), |inside| {
        inside.python(
            r#"
import socket, time
server = socket.create_server(("127.0.0.1", 5000))
client = socket.create_connection(("127.0.0.1", 5000))
client.sendall(b"to-myself"); server.accept()[0].recv(100)
time.sleep(1)
"#,
        )
    });
    assert_eq!(ran.end.packets, 0, "{:?}", ran.record);
    assert!(ran.end.loopback_packets >= 4, "{:?}", ran.end);
    let on_lo = ran.tshark(&[
        "-Y",
        "tcp.payload contains \"to-myself\"",
        "-T",
        "fields",
        "-e",
        "frame.interface_name",
    ]);
    assert_eq!(on_lo.trim(), "lo");
    assert_nothing_lost(&ran);
}

#[test]
fn every_datagram_of_a_flood_is_kept_or_counted() {
    const SENT: u64 = 100_000;
    let (ran, sent) = over_a_wire(WireLimits::default(), |inside| {
        inside.python(
            r#"
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("203.0.113.3", 9))
n = 0
for _ in range(100000):
    try: s.send(b"F" * 1200); n += 1
    except ConnectionRefusedError: pass
print(n)
"#,
        )
    });
    let kept: u64 = ran
        .payloads(Layer::Datagram, Direction::Out)
        .iter()
        .map(|(_, b)| b.len() as u64 / 1204)
        .sum();
    println!("sent {sent} kept {kept} {:?} {:?}", ran.end, ran.limits());
    assert_eq!(sent.trim().parse::<u64>().expect("a number"), SENT);
    assert_eq!(kept + ran.end.lost, SENT);
}

#[test]
fn a_full_capture_stops_the_packets_and_says_so() {
    let limits = WireLimits { capture: 100_000, ..WireLimits::default() };
    let (ran, _) = over_a_wire(limits, |inside| {
        inside.run("curl", &["-sS", "-m", "3", "-T", "/usr/bin/python3", "http://203.0.113.7/"])
    });
    assert!(ran.end.lost > 0);
    assert!(ran.limits().iter().any(|limit| limit.contains("Packets Lost")), "{:?}", ran.limits());
    assert!(ran.end.capture_bytes <= 100_000);
    ran.tshark(&["-q", "-z", "io,stat,0"]);
}

#[test]
fn a_moved_device_still_records_and_is_told() {
    let (ran, _) = over_a_wire(WireLimits::default(), |inside| {
        let there = r#"sleep 1; ip link set eth0 up; ip addr add 198.51.100.9/24 dev eth0
            ip route add default dev eth0
            python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b"from-elsewhere", ("203.0.113.1", 9))'
            python3 -c 'import socket; s = socket.create_connection(("203.0.113.1", 7000)); s.sendall(b"by-tcp-too"); s.shutdown(1); s.recv(9)'"#;
        let script = format!(
            "unshare -n sh -c '{}' & sleep 0.5; ip link set eth0 netns $! && wait $!",
            there.replace('\'', r"'\''")
        );
        inside.text("sh", &["-c", &script])
    });
    assert!(ran.holds(Layer::Datagram, b"from-elsewhere"));
    assert!(ran.holds(Layer::Stream, b"by-tcp-too"));
    assert!(
        ran.limits().iter().any(|limit| limit.contains("moved or removed")),
        "{:?}",
        ran.limits()
    );
}

#[test]
fn bytes_slipped_in_beside_a_connection_are_remainders() {
    let (ran, _) = over_a_wire(WireLimits::default(), |inside| {
        inside.python(
            r#"
import socket, struct, threading, time
p = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
c = socket.create_connection(("203.0.113.6", 7000))
c.sendall(b"honest-bytes")
time.sleep(.2)
seq = None
p.settimeout(2)
while seq is None:
    d, who = p.recvfrom(65536)
    if d[9] == 6 and who[2] == socket.PACKET_OUTGOING:
        seq, ack = struct.unpack(">II", d[24:32]); port = d[20:22]
def fake(payload, at):
    tcp = port + struct.pack(">HIIBBHHH", 7000, at & 0xffffffff, ack, 0x50, 0x18, 100, 0xbad, 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, socket.inet_aton("198.51.100.23"), socket.inet_aton("203.0.113.6"))
    r = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW); r.sendto(ip + tcp, ("203.0.113.6", 0))
fake(b"slipped-in-wrong-checksum", seq + 13)
fake(b"overlapping-others", seq + 1)
time.sleep(.2)
c.shutdown(1)
while c.recv(4096): pass
"#,
        )
    });
    assert!(ran.holds(Layer::Stream, b"honest-bytes"));
    for mark in [&b"slipped-in-wrong-checksum"[..], b"overlapping-others"] {
        assert!(ran.holds(Layer::Remainder, mark), "{}", mark.escape_ascii());
        assert!(!ran.holds(Layer::Stream, mark));
    }
}

#[test]
fn a_namespace_that_has_devices_is_refused() {
    let refused = std::thread::spawn(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).expect("a namespace");
        let first = setup_inner(&InnerConfig::default(), None);
        let second = setup_outer(&OuterConfig::default(), None);
        (first.is_ok(), second.is_err_and(|error| error.to_string().contains("refusing")))
    });
    assert_eq!(refused.join().expect("no panic"), (true, true));
}
