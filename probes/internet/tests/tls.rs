//! TLS in memory, with a real client: opened, refused, recorded.

mod support;

use belljar_internet::Ending;
use belljar_record::{Direction, Layer, Protocol, TlsOutcome};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, Mutex};
use support::Bench;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

fn client(
    trusted: Option<&str>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = trusted {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("is PEM");
        roots.add(certificate).expect("is a certificate");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("are supported")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

const REQUEST: &[u8] = b"POST /t HTTP/1.1\r\nHost: up.vendor.example\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret";

#[tokio::test]
async fn plain_text_inside_tls_is_recorded_as_sent() {
    for (version, name) in
        [(&rustls::version::TLS13, "TLS1.3"), (&rustls::version::TLS12, "TLS1.2")]
    {
        let bench = Bench::new(vec![]);
        let secrets = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&secrets);
        bench.internet.on_secret(Box::new(move |line| {
            seen.lock().expect("not poisoned").push_str(&String::from_utf8_lossy(line));
        }));
        let mut config = client(Some(&bench.internet.ca_pem()), &[version]);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let (io, task) = bench.connect("198.18.7.9:443");
        let server = ServerName::try_from("up.vendor.example").expect("is a name");
        let mut tls =
            TlsConnector::from(Arc::new(config)).connect(server, io).await.expect("opens");
        let expected = if name == "TLS1.3" { "SERVER_TRAFFIC_SECRET_0 " } else { "CLIENT_RANDOM " };
        assert!(secrets.lock().expect("not poisoned").contains(expected), "{secrets:?}");
        tls.write_all(REQUEST).await.expect("is taken");
        let mut got = Vec::new();
        tls.read_to_end(&mut got).await.expect("ends with close_notify");
        drop(tls);
        let end = task.await.expect("does not panic");
        assert_eq!(bench.kept(Layer::Plaintext, Direction::Out), REQUEST);
        assert_eq!(bench.kept(Layer::Plaintext, Direction::In), got);
        assert!(got.starts_with(b"HTTP/1.1 200 OK"));
        assert_eq!(end.protocol, Protocol::Https);
        assert_eq!(end.host.expect("is named").to_string(), "up.vendor.example");
        assert_eq!(bench.kept(Layer::Stream, Direction::Out).len() as u64, end.bytes_out);
        let [(sni, TlsOutcome::Opened { version, alpn, .. })] = &bench.tls()[..] else {
            panic!("one opened: {:?}", bench.tls());
        };
        assert_eq!(sni.as_deref(), Some("up.vendor.example"));
        assert_eq!((version.as_str(), alpn.as_deref()), (name, Some("http/1.1")));
    }
}

#[tokio::test]
async fn a_client_that_does_not_trust_us_is_recorded_as_refused() {
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let bench = Bench::new(vec![]);
        let (io, task) = bench.connect("198.18.7.9:443");
        let config = Arc::new(client(None, &[version]));
        let server = ServerName::try_from("pinned.example").expect("is a name");
        let error = TlsConnector::from(config).connect(server, io).await.expect_err("refuses");
        assert!(error.to_string().contains("UnknownIssuer"), "{error}");
        let end = task.await.expect("does not panic");
        assert_eq!((end.protocol, end.requests), (Protocol::Tls, 0));
        let refused = TlsOutcome::Refused { reason: "unknown_ca".into() };
        assert_eq!(bench.tls(), [(Some("pinned.example".into()), refused)]);
        assert!(bench.kept(Layer::Plaintext, Direction::Out).is_empty());
        assert!(!bench.kept(Layer::Stream, Direction::Out).is_empty(), "raw bytes are kept");
    }
}

#[tokio::test]
async fn a_client_that_leaves_without_a_word_after_the_certificate_is_refused_too() {
    let bench = Bench::new(vec![]);
    let (mut io, task) = bench.connect("198.18.7.9:443");
    let config = Arc::new(client(None, &[&rustls::version::TLS13]));
    let server = ServerName::try_from("mute.example").expect("is a name");
    let mut session = rustls::ClientConnection::new(config, server).expect("is made");
    let mut hello = Vec::new();
    session.write_tls(&mut hello).expect("writes");
    io.write_all(&hello).await.expect("is taken");
    let mut first = [0; 64];
    io.read_exact(&mut first).await.expect("the server answers");
    drop(io);
    task.await.expect("does not panic");
    let [(_, TlsOutcome::Refused { reason })] = &bench.tls()[..] else {
        panic!("one refused: {:?}", bench.tls());
    };
    assert!(reason.contains("after the certificate"), "{reason}");
}

#[tokio::test]
async fn a_client_that_names_nobody_gets_a_certificate_for_the_looked_up_name_or_the_address() {
    let bench = Bench::new(vec![support::rule("known.example", "/", "")]);
    let (known, _) = bench.internet.addresses(b"known.example");
    for (remote, valid_for) in
        [(known.to_string(), "known.example"), ("198.18.7.9".into(), "198.18.7.9")]
    {
        let mut config = client(Some(&bench.internet.ca_pem()), &[&rustls::version::TLS13]);
        config.enable_sni = false;
        let (io, task) = bench.connect(&format!("{remote}:8443"));
        let server = ServerName::try_from(valid_for).expect("is a name");
        let mut tls =
            TlsConnector::from(Arc::new(config)).connect(server, io).await.expect("opens");
        tls.write_all(b"\x01\x02binary").await.expect("is taken");
        tls.shutdown().await.expect("closes");
        let mut got = Vec::new();
        tls.read_to_end(&mut got).await.expect("closes in order");
        drop(tls);
        let end = task.await.expect("ends");
        assert_eq!((end.protocol, end.ending), (Protocol::Tls, Ending::Closed));
    }
    assert_eq!(bench.kept(Layer::Plaintext, Direction::Out), b"\x01\x02binary\x01\x02binary");
}

#[tokio::test]
async fn what_an_http2_only_client_sends_unasked_is_recorded() {
    let bench = Bench::new(vec![]);
    let mut config = client(Some(&bench.internet.ca_pem()), &[&rustls::version::TLS13]);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (io, task) = bench.connect("198.18.7.9:443");
    let server = ServerName::try_from("grpc.example").expect("is a name");
    let mut tls = TlsConnector::from(Arc::new(config)).connect(server, io).await.expect("opens");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nframes";
    tls.write_all(preface).await.expect("is taken");
    tls.shutdown().await.expect("closes");
    drop(tls);
    assert_eq!(task.await.expect("ends").protocol, Protocol::Tls);
    assert_eq!(bench.kept(Layer::Plaintext, Direction::Out), preface);
}

#[tokio::test]
async fn secrets_come_before_the_first_protected_answer() {
    let bench = Bench::new(vec![]);
    let log = Arc::new(Mutex::new(0));
    let count = Arc::clone(&log);
    bench.internet.on_secret(Box::new(move |line| {
        assert!(line.ends_with(b"\n") && line.split(|&b| b == b' ').count() == 3);
        *count.lock().expect("not poisoned") += 1;
    }));
    let config = Arc::new(client(Some(&bench.internet.ca_pem()), &[&rustls::version::TLS13]));
    let (mut io, _task) = bench.connect("198.18.7.9:443");
    let server = ServerName::try_from("a.example").expect("is a name");
    let mut session = rustls::ClientConnection::new(config, server).expect("is made");
    let mut hello = Vec::new();
    session.write_tls(&mut hello).expect("writes");
    io.write_all(&hello).await.expect("is taken");
    io.read_u8().await.expect("the server answers");
    assert!(*log.lock().expect("not poisoned") >= 2, "both handshake secrets were given");
}
