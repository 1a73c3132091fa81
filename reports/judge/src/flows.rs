//! Conversations, as the record tells them. Those that traces lie in are kept whatever happens;
//! of the others the first twenty thousand, and the rest is counted with its bytes.

use crate::finding::SetOff;
use crate::gather::cut;
use crate::verdict::Listing;
use belljar_record::{
    ByteString, Direction, Flow, FlowId, Layer, PayloadRef, Protocol, Served, TlsOutcome,
};
use std::collections::{BTreeMap, HashMap, HashSet};

const FLOWS: usize = 20_000;
const PAYLOADS: usize = 10_000;
const REQUESTS: usize = 20;

/// A payload of a conversation.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) payload: PayloadRef,
    pub(crate) layer: Layer,
}

/// One conversation.
#[derive(Debug, Clone, Default)]
pub(crate) struct FlowSeen {
    pub(crate) flow: Option<Flow>,
    pub(crate) at: u64,
    pub(crate) seq: u64,
    pub(crate) before: SetOff,
    pub(crate) bytes_out: u64,
    pub(crate) bytes_in: u64,
    pub(crate) packets_out: u64,
    pub(crate) payloads: Vec<Kept>,
    /// Bytes of payloads that were too many to keep one by one.
    pub(crate) payloads_over: u64,
    pub(crate) tls: Option<Tls>,
    pub(crate) requests: Listing<String>,
    pub(crate) lookups: Listing<String>,
}

/// What came of TLS on a conversation.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) words: String,
    pub(crate) opened: bool,
}

impl FlowSeen {
    /// Whether it stayed inside the jar.
    pub(crate) fn internal(&self) -> bool {
        self.flow.as_ref().is_some_and(|flow| flow.remote.address.is_loopback())
    }

    /// The host in words: its name, or its address.
    pub(crate) fn host(&self) -> String {
        match &self.flow {
            None => "unknown".to_owned(),
            Some(flow) => match &flow.host {
                Some(host) if !host.as_bytes().is_empty() => host.to_string(),
                _ => flow.remote.address.to_string(),
            },
        }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.flow.as_ref().map_or(Protocol::Unknown, |flow| flow.protocol)
    }
}

/// All conversations.
#[derive(Debug)]
pub(crate) struct Flows {
    wanted: HashSet<u64>,
    pub(crate) seen: BTreeMap<u64, FlowSeen>,
    over: HashMap<u64, u64>,
    /// Conversations that are not kept one by one, and their bytes.
    pub(crate) more: u64,
    pub(crate) more_bytes: u64,
    pub(crate) more_packets: u64,
    pub(crate) more_unknown: u64,
}

impl Flows {
    pub(crate) fn new(wanted: HashSet<u64>) -> Self {
        Self {
            wanted,
            seen: BTreeMap::new(),
            over: HashMap::new(),
            more: 0,
            more_bytes: 0,
            more_packets: 0,
            more_unknown: 0,
        }
    }

    fn entry(&mut self, id: FlowId) -> Option<&mut FlowSeen> {
        if self.seen.len() >= FLOWS
            && !self.wanted.contains(&id.0)
            && !self.seen.contains_key(&id.0)
        {
            return None;
        }
        Some(self.seen.entry(id.0).or_default())
    }

    pub(crate) fn opened(&mut self, flow: &Flow, at: u64, seq: u64, before: SetOff) {
        if let Some(seen) = self.entry(flow.id)
            && seen.flow.is_none()
        {
            seen.flow = Some(flow.clone());
            seen.at = at;
            seen.seq = seq;
            seen.before = before;
        }
    }

    pub(crate) fn closed(
        &mut self,
        flow: &Flow,
        at: u64,
        seq: u64,
        before: SetOff,
        [bytes_out, bytes_in, packets_out]: [u64; 3],
    ) {
        self.opened(flow, at, seq, before);
        match self.entry(flow.id) {
            Some(seen) => {
                seen.flow = Some(flow.clone());
                seen.bytes_out = bytes_out;
                seen.bytes_in = bytes_in;
                seen.packets_out = packets_out;
            }
            None => {
                // Said twice of one conversation, its bytes count twice: upwards, never downwards.
                self.more += 1;
                self.more_bytes += bytes_out;
                self.more_packets += packets_out;
                if matches!(flow.actor, belljar_record::Actor::Unknown { .. }) {
                    self.more_unknown += 1;
                }
            }
        }
    }

    pub(crate) fn payload(
        &mut self,
        flow: Option<FlowId>,
        direction: Direction,
        layer: Layer,
        payload: &PayloadRef,
        _label: &str,
    ) {
        let (Some(flow), Direction::Out) = (flow, direction) else { return };
        match self.entry(flow) {
            Some(seen) if seen.payloads.len() < PAYLOADS => {
                seen.payloads.push(Kept { payload: payload.clone(), layer });
            }
            Some(seen) => seen.payloads_over += payload.len,
            None => *self.over.entry(flow.0 % 1024).or_default() += payload.len,
        }
    }

    pub(crate) fn served(&mut self, served: &Served, before: SetOff) {
        if let Some(seen) = self.entry(served.flow) {
            seen.requests.push(cut(&served.request.to_string(), 200), REQUESTS);
            if seen.before.sample.is_none() {
                seen.before = before;
            }
        }
    }

    pub(crate) fn tls(&mut self, flow: FlowId, sni: Option<&ByteString>, outcome: &TlsOutcome) {
        if let Some(seen) = self.entry(flow) {
            let name = sni.map(|sni| format!(", asked for {sni}")).unwrap_or_default();
            seen.tls = Some(match outcome {
                TlsOutcome::Opened { version, cipher, .. } => {
                    Tls { words: format!("opened ({version}, {cipher}){name}"), opened: true }
                }
                TlsOutcome::Refused { reason } => {
                    Tls { words: format!("not read: {reason}{name}"), opened: false }
                }
            });
        }
    }

    pub(crate) fn lookup(&mut self, flow: FlowId, name: &ByteString, record: &str) {
        if let Some(seen) = self.entry(flow) {
            seen.lookups.push(cut(&format!("{name} {record}"), 200), REQUESTS);
            seen.requests.push(cut(&format!("{name} {record}"), 200), REQUESTS);
        }
    }
}

impl Flows {
    /// Bytes of conversations that are not kept one by one.
    pub(crate) fn uncounted(&self) -> u64 {
        self.more_bytes.max(self.over.values().sum())
    }

    /// Packets that left.
    pub(crate) fn packets(&self) -> u64 {
        self.seen.values().filter(|flow| !flow.internal()).map(|flow| flow.packets_out).sum::<u64>()
            + self.more_packets
    }
}
