//! Large uploads pass in constant memory; throughput is printed (client and server share the
//! machine, so it is a lower bound).
#![cfg(target_os = "linux")]

mod support;

use belljar_record::{Direction, Event, Layer, Payloads};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use support::Bench;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const MIB: usize = 1 << 20;
const LEN: usize = 256 * MIB;
/// Both tests of this file may run at once in this process.
const GROWTH_MAX: usize = 24 * MIB;

/// The most memory this process ever held (`VmHWM` in proc_pid_status(5)), in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("can be read");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("is there");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).expect("a number")
        * 1024
}

fn bench(name: &str) -> (Bench, PathBuf) {
    let folder =
        std::env::temp_dir().join(format!("belljar-internet-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("has room");
    let payloads = Payloads::in_folder(&folder, u64::MAX / 2);
    (Bench::with_budgets(vec![], u64::MAX / 2, payloads), folder)
}

/// Uploads [`LEN`] bytes and returns how many were sent with the head.
async fn upload(mut io: impl AsyncRead + AsyncWrite + Unpin, what: &str) -> u64 {
    let block = vec![0x5a; MIB];
    let before = peak();
    let began = Instant::now();
    let head = format!(
        "PUT /big HTTP/1.1\r\nHost: a.example\r\nContent-Length: {LEN}\r\nConnection: close\r\n\r\n"
    );
    io.write_all(head.as_bytes()).await.expect("is taken");
    for _ in 0..LEN / MIB {
        io.write_all(&block).await.expect("is taken");
    }
    io.flush().await.expect("is taken");
    let mut got = String::new();
    io.read_to_string(&mut got).await.expect("ends in order");
    let seconds = began.elapsed().as_secs_f64();
    let grown = peak() - before;
    let rate = f64::from(u32::try_from(LEN / MIB).expect("is small")) / seconds;
    eprintln!("{what}: {rate:.0} MiB/s, peak memory grew by {} KiB", grown / 1024);
    assert!(got.starts_with("HTTP/1.1 201"), "{got}");
    assert!(grown < GROWTH_MAX, "memory grew by {grown} bytes");
    (LEN + head.len()) as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_upload_is_recorded_whole_in_constant_memory() {
    let (bench, folder) = bench("plain");
    let (client, task) = bench.connect("198.18.7.9:80");
    let sent = upload(client, "plain upload, recorded to files").await;
    assert_eq!(task.await.expect("ends").bytes_out, sent);
    std::fs::remove_dir_all(&folder).expect("is ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_inside_tls_is_recorded_twice_in_constant_memory() {
    let (bench, folder) = bench("tls");
    let mut roots = rustls::RootCertStore::empty();
    let pem = bench.internet.ca_pem();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("is PEM")).expect("is right");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .expect("are supported")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (io, task) = bench.connect("198.18.7.9:443");
    let server = ServerName::try_from("a.example").expect("is a name");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let client = connector.connect(server, io).await.expect("opens");
    let sent = upload(client, "TLS upload, both layers recorded to files").await;
    assert!(task.await.expect("ends").bytes_out > sent);
    let plain = bench.events().into_iter().find_map(|event| match event {
        Event::Payload { layer: Layer::Plaintext, direction: Direction::Out, payload, .. } => {
            Some(payload.len)
        }
        _ => None,
    });
    assert_eq!(plain, Some(sent));
    std::fs::remove_dir_all(&folder).expect("is ours");
}
