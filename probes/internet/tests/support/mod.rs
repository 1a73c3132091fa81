//! A fake internet in memory and what is in its record afterwards.
#![allow(dead_code, reason = "each test file uses its own part")]

use belljar_internet::{Internet, InternetPlan, StreamEnd};
use belljar_record::{
    Direction, Endpoint, Event, FlowId, Layer, Log, Observation, Payloads, SteadyClock, TlsOutcome,
};
use belljar_schema::VendorRule;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

/// 2024-06-01.
pub(crate) const NOW: i64 = 1_717_200_000;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A fake internet, its log and its payloads.
pub(crate) struct Bench {
    pub(crate) internet: Arc<Internet>,
    pub(crate) payloads: Payloads,
    log: Log,
    lines: Shared,
}

impl Bench {
    pub(crate) fn new(rules: Vec<VendorRule>) -> Self {
        Self::with_budgets(rules, u64::MAX / 2, Payloads::in_memory(u64::MAX / 2))
    }

    pub(crate) fn with_budgets(rules: Vec<VendorRule>, record: u64, payloads: Payloads) -> Self {
        let lines = Shared::default();
        let log = Log::new(lines.clone(), record, Arc::new(SteadyClock::start()));
        let plan = InternetPlan { seed: 42, rules, now: NOW };
        let internet = Internet::new(plan, log.clone(), payloads.clone()).expect("is made");
        Self { internet, payloads, log, lines }
    }

    /// Opens a stream to `remote` and lets the internet serve it.
    pub(crate) fn connect(&self, remote: &str) -> (DuplexStream, JoinHandle<StreamEnd>) {
        let (client, server) = tokio::io::duplex(256 * 1024);
        let internet = Arc::clone(&self.internet);
        let remote = endpoint(remote);
        let task =
            tokio::spawn(async move { internet.serve_stream(FlowId(7), remote, server).await });
        (client, task)
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.log.flush().expect("memory takes all");
        let lines = self.lines.0.lock().expect("not poisoned").clone();
        lines
            .split(|&b| b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice::<Observation>(line).expect("reads back").event)
            .collect()
    }

    /// The bytes kept of a layer and direction, all payloads in order.
    pub(crate) fn kept(&self, layer: Layer, direction: Direction) -> Vec<u8> {
        let mut bytes = Vec::new();
        for event in self.events() {
            if let Event::Payload { direction: d, layer: l, payload, .. } = event
                && (l, d) == (layer, direction)
            {
                let kept = self.payloads.in_memory_bytes(&payload).expect("is kept");
                bytes.extend_from_slice(&kept);
            }
        }
        bytes
    }

    pub(crate) fn tls(&self) -> Vec<(Option<String>, TlsOutcome)> {
        self.events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Tls { sni, outcome, .. } => {
                    Some((sni.map(|name| name.to_string()), outcome))
                }
                _ => None,
            })
            .collect()
    }

    /// Request, status and rule of every answered request.
    pub(crate) fn served(&self) -> Vec<(String, u16, Option<u32>)> {
        self.events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Served(served) => {
                    Some((served.request.to_string(), served.status, served.rule))
                }
                _ => None,
            })
            .collect()
    }
}

pub(crate) fn endpoint(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().expect("is an address");
    Endpoint { address: socket.ip(), port: socket.port() }
}

pub(crate) fn rule(host: &str, path: &str, body: &str) -> VendorRule {
    VendorRule {
        host: host.into(),
        path: path.into(),
        method: None,
        ordinal: None,
        status: 200,
        headers: Default::default(),
        body: body.into(),
    }
}
