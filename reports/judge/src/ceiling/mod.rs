//! The ceiling: the most bytes that the unexplained rest of what left could carry.
//!
//! The rule. All payload bytes that the component sent are counted. From them is taken only what
//! could have been predicted, and of that never all: a piece that is one of at most 256ⁿ known
//! alternatives still counts *n* bytes, because its choice can carry that much.
//! 1. *Traces*: bytes that are, in the payload itself or under one layer of hex or base64 in its
//!    one canonical spelling, bytes of a decoy or a planted fact. Each counts 16 bytes for the
//!    choice of what, from where and how long (4 for a digest, a name, a fact). Under any other
//!    decoding (gzip, zip, percent, …) nothing is taken: a compressor's choices can carry bytes.
//! 2. *HTTP*: request lines whose method, path and version stand in the scenario's vendor rules
//!    (2 bytes), header lines out of a closed list made from plan and protocol (1 byte each, 2 for
//!    `Host`), known header names (1 byte; their values count), line ends.
//! 3. *DNS*: the fixed header fields, question types, and names out of the scenario's (2 bytes);
//!    the transaction id and every other label count.
//! 4. Of TLS nothing is taken: what a connection sent beyond its plain text (random values, key
//!    shares, session ids, padding, how the text is cut into records) counts whole.
//!
//! A payload that is not there, or a conversation that could not be read, counts whole. What
//! cannot be analysed is therefore only ever counted upwards.
//!
//! Cannot see, and says so in [`Ceiling::excludes`]: packet headers (sizes, counters; hop limits and
//! own ports that change in a series are counted), the number and order of conversations, and timing.

mod dns;
mod http;
mod settle;
mod spelled;

use crate::flows::{FlowSeen, Flows};
use crate::hit::Hit;
use crate::input::JudgeInput;
use belljar_record::{DecoySource, Layer, PayloadRef, Protocol, Transport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use settle::{Known, Tally};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// How much the rest of what left could have carried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Ceiling {
    /// The most, in bytes.
    pub bytes: u64,
    /// Of that: bytes in conversations that could not be read.
    pub unreadable: u64,
    /// All payload bytes that left.
    pub sent: u64,
    /// What makes it up.
    pub parts: Vec<CeilingPart>,
    /// What was taken from all that left, and why.
    pub subtracted: Vec<CeilingPart>,
    /// What is not in the figure.
    pub excludes: Vec<String>,
}

/// One line of the ceiling's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CeilingPart {
    /// What, in words.
    pub what: String,
    /// Bytes.
    pub bytes: u64,
}

/// Names and lines that the plan gives away.
#[derive(Debug)]
pub(crate) struct Predicted {
    /// Host names, as written.
    pub(crate) hosts: Vec<String>,
    /// Suffixes (`.vendor.example`) below which names are free.
    pub(crate) suffixes: Vec<String>,
    /// Paths of rules.
    pub(crate) paths: Vec<String>,
    /// Values that a `User-Agent` may have.
    pub(crate) agents: Vec<String>,
}

impl Predicted {
    fn new(input: &JudgeInput<'_>) -> Self {
        let scenario = &input.plan.scenario;
        let component = &input.plan.component;
        let mut hosts = Vec::new();
        let mut suffixes = Vec::new();
        let patterns = scenario
            .vendor
            .iter()
            .map(|rule| &rule.host)
            .chain(component.declares.iter().map(|entry| &entry.to))
            .chain(scenario.policy.items.iter().flat_map(|row| &row.may_send_to));
        for pattern in patterns {
            match pattern.strip_prefix('*') {
                Some("") => {}
                Some(suffix) => suffixes.push(suffix.to_owned()),
                None => hosts.push(pattern.clone()),
            }
        }
        for list in [&mut hosts, &mut suffixes] {
            list.sort();
            list.dedup();
            list.truncate(8_000);
        }
        let mut paths: Vec<String> = scenario.vendor.iter().map(|rule| rule.path.clone()).collect();
        paths.sort();
        paths.dedup();
        paths.truncate(4_000);
        let agents = vec![
            format!("{}/{}", component.name, component.version),
            format!("{} {}", component.name, component.version),
            component.name.clone(),
        ];
        Self { hosts, suffixes, paths, agents }
    }
}

/// Sets the ceiling, and each conversation's part in it.
pub(crate) fn ceiling(
    input: &JudgeInput<'_>,
    hits: &[Hit],
    flows: &Flows,
) -> (Ceiling, BTreeMap<u64, u64>) {
    let predicted = Predicted::new(input);
    let mut by_payload: HashMap<&str, Vec<&Hit>> = HashMap::new();
    for hit in hits {
        by_payload.entry(hit.payload.sha256.as_str()).or_default().push(hit);
    }
    let mut tally = Tally::default();
    let mut each = BTreeMap::new();
    for (&id, flow) in &flows.seen {
        if flow.internal() {
            continue;
        }
        let before = tally.unexplained();
        one(input, &predicted, &by_payload, flow, &mut tally);
        each.insert(id, tally.unexplained() - before);
    }
    tally
        .unexplained_part("conversations that were too many to keep one by one", flows.uncounted());
    (tally.finish(flows.packets()), each)
}

fn one(
    input: &JudgeInput<'_>,
    predicted: &Predicted,
    hits: &HashMap<&str, Vec<&Hit>>,
    flow: &FlowSeen,
    tally: &mut Tally,
) {
    let mut stream = 0;
    let mut plain = 0;
    let mut other = 0;
    let mut analysed = Vec::new();
    let opened = flow.payloads.iter().any(|kept| kept.layer == Layer::Plaintext)
        || flow.tls.as_ref().is_some_and(|tls| tls.opened);
    for kept in &flow.payloads {
        match kept.layer {
            // The ciphertext, where it is kept too, is counted by its plain text and its overhead.
            Layer::Stream if opened => stream += kept.payload.len,
            Layer::Output => {}
            Layer::Stream => {
                stream += kept.payload.len;
                analysed.push(kept);
            }
            Layer::Plaintext => {
                plain += kept.payload.len;
                analysed.push(kept);
            }
            Layer::Datagram
            | Layer::Packet
            | Layer::Exchange
            | Layer::Remainder
            | Layer::Headers => {
                analysed.push(kept);
            }
        }
    }
    for kept in analysed {
        let framed = matches!(
            kept.layer,
            Layer::Datagram | Layer::Packet | Layer::Remainder | Layer::Headers
        );
        let source = (input.payload)(&kept.payload);
        let found = hits.get(kept.payload.sha256.as_str()).map_or(&[][..], Vec::as_slice);
        let (known, frames) =
            known(input, predicted, flow, &kept.payload, kept.layer, framed, source, found);
        let bytes = kept.payload.len.saturating_sub(frames);
        if matches!(kept.layer, Layer::Datagram | Layer::Packet | Layer::Exchange) {
            other += bytes;
        }
        let what = match (kept.layer, flow.protocol()) {
            (Layer::Remainder, _) => "bytes outside any stream",
            (Layer::Headers, _) => "hop limits and own ports that changed",
            (_, Protocol::Http | Protocol::Https) => "HTTP: free values, bodies and choices",
            (_, Protocol::Dns) => "DNS: free labels, ids and choices",
            (Layer::Packet, _) => "ICMP and other packets",
            _ => "conversations in no known protocol",
        };
        tally.settle(what, kept.payload.len, frames, known);
    }
    if opened {
        let over = flow.bytes_out.max(stream).saturating_sub(plain);
        tally.unexplained_part("TLS handshakes and record overhead", over);
    } else {
        let over = flow.bytes_out.saturating_sub(stream + other);
        let unread = flow.tls.is_some() || flow.protocol() == Protocol::Tls;
        if unread {
            tally.unreadable(stream + over);
        }
        tally.unexplained_part("bytes that are not among the kept payloads", over);
    }
    tally.unexplained_part("bytes that are not among the kept payloads", flow.payloads_over);
}

/// Everything predictable in one payload, and the bytes of its framing.
#[expect(clippy::too_many_arguments, reason = "one call; each is a different thing")]
fn known(
    input: &JudgeInput<'_>,
    predicted: &Predicted,
    flow: &FlowSeen,
    payload: &PayloadRef,
    layer: Layer,
    framed: bool,
    source: Option<Arc<dyn DecoySource>>,
    hits: &[&Hit],
) -> (Vec<Known>, u64) {
    let Some(source) = source.filter(|source| source.len() == payload.len) else {
        return (Vec::new(), 0);
    };
    let mut known = Vec::new();
    let mut frames = 0;
    if framed {
        let messages = settle::frames(&*source);
        frames = messages.iter().map(|message| message.start - message.frame).sum();
        known.extend(messages.iter().map(|message| Known::framing(message.frame..message.start)));
        if flow.protocol() == Protocol::Dns && layer != Layer::Headers {
            for message in &messages {
                dns::message(&*source, message.start..message.end, predicted, &mut known);
            }
        }
    } else if matches!(flow.protocol(), Protocol::Http | Protocol::Https) {
        let port = flow.flow.as_ref().map_or(0, |flow| flow.remote.port);
        http::requests(&*source, predicted, port, &mut known);
    } else if flow.protocol() == Protocol::Dns
        && flow.flow.as_ref().is_some_and(|flow| flow.transport == Transport::Tcp)
        && layer == Layer::Stream
    {
        dns::stream(&*source, predicted, &mut known);
    }
    for hit in hits {
        spelled::covered(hit, &*source, input.manifest, &mut known);
    }
    (known, frames)
}
