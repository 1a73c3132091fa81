//! Suspicion without proof: what went to one place is even from its first to its last byte, as
//! compressed and encrypted content is, no trace explains it, and there is about as much of it as was
//! read before. That is no leak; it is what a further run with other decoys can settle.

use crate::classify;
use crate::flows::{FlowSeen, Flows};
use crate::gather::Gathered;
use crate::hit::{Hit, HitKind};
use crate::input::JudgeInput;
use crate::sends::{destination, who};
use crate::verdict::{Listing, SuspectRow, Who};
use belljar_record::Layer;
use belljar_schema::DataItem;
use std::collections::{BTreeMap, BTreeSet};

/// The least unexplained bytes.
const LEAST: u64 = 512;
/// Bytes of the payloads of one place that are looked at.
const LOOKED: u64 = 256 << 10;
const ROWS: usize = 200;

/// What went to one place from one process.
struct Sum {
    flows: u64,
    unexplained: u64,
    until: u64,
    counts: [u64; 256],
    looked: u64,
}

/// The rows, largest first.
pub(crate) fn suspects(
    input: &JudgeInput<'_>,
    gathered: &Gathered,
    hits: &[Hit],
    unexplained: &BTreeMap<u64, u64>,
) -> Listing<SuspectRow> {
    // What is packed is not taken from the ceiling, but a trace has said what it is.
    let traced: BTreeSet<u64> = hits
        .iter()
        .filter(|hit| matches!(hit.kind, HitKind::Content { .. }))
        .filter_map(|hit| hit.flow.map(|flow| flow.0))
        .collect();
    let mut sums: BTreeMap<(String, u16, String, Who), Sum> = BTreeMap::new();
    let Flows { seen, .. } = &gathered.flows;
    for (id, flow) in seen.iter().filter(|(_, flow)| !flow.internal()) {
        let rest = unexplained.get(id).copied().unwrap_or(0);
        if rest == 0 || traced.contains(id) {
            continue;
        }
        let to = destination(flow);
        let sum = sums.entry((to.host, to.port, to.protocol, who(flow))).or_insert_with(|| Sum {
            flows: 0,
            unexplained: 0,
            until: 0,
            counts: [0; 256],
            looked: 0,
        });
        sum.flows += 1;
        sum.unexplained += rest;
        sum.until = sum.until.max(flow.at);
        count(input, flow, sum);
    }
    let mut rows: Vec<SuspectRow> = sums
        .into_iter()
        .filter(|(_, sum)| sum.unexplained >= LEAST && sum.is_even())
        .filter_map(|((host, port, protocol, who), sum)| {
            let (own, read, items) = read_before(input, gathered, &who, sum.until);
            // From packed to a third up to written in hexadecimal digits.
            let follows =
                read >= LEAST && sum.unexplained * 3 >= read && sum.unexplained <= read * 2;
            follows.then(|| SuspectRow {
                host,
                port,
                protocol,
                who,
                flows: sum.flows,
                bytes: sum.unexplained,
                read,
                same_process: own,
                items: items.into_iter().collect(),
            })
        })
        .collect();
    rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.host.cmp(&b.host)));
    Listing::capped(rows, ROWS, 0)
}

/// Counts how often each byte stands in what the application wrote.
fn count(input: &JudgeInput<'_>, flow: &FlowSeen, sum: &mut Sum) {
    let opened = flow.payloads.iter().any(|kept| kept.layer == Layer::Plaintext);
    for kept in &flow.payloads {
        let written = match kept.layer {
            Layer::Stream => !opened && flow.tls.is_none(),
            Layer::Plaintext | Layer::Datagram | Layer::Packet | Layer::Exchange => true,
            Layer::Remainder | Layer::Headers | Layer::Output => false,
        };
        let left = LOOKED.saturating_sub(sum.looked).min(kept.payload.len);
        if !written || left == 0 {
            continue;
        }
        let Some(source) = (input.payload)(&kept.payload) else { continue };
        // The end: what heads there are stand at the beginning.
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(0)];
        let filled = source.read_at(kept.payload.len - left, &mut bytes);
        for &byte in &bytes[..filled] {
            sum.counts[usize::from(byte)] += 1;
        }
        sum.looked += filled as u64;
    }
}

impl Sum {
    /// Whether no byte stands out: nearly as many bits a byte as random bytes have, also in digits of
    /// base64.
    #[expect(clippy::cast_precision_loss, reason = "counts of bytes, far below 2^52")]
    fn is_even(&self) -> bool {
        if self.looked < LEAST {
            return false;
        }
        let all = self.looked as f64;
        let entropy: f64 = self
            .counts
            .iter()
            .filter(|&&count| count > 0)
            .map(|&count| {
                let share = count as f64 / all;
                -share * share.log2()
            })
            .sum();
        let digits = self.counts.iter().filter(|&&count| count * 400 > self.looked).count();
        // What a few hundred random bytes lack is about 184 / n bits.
        let lacking = 184.0 / all;
        entropy >= 7.4 - lacking || (60..=72).contains(&digits) && entropy >= 5.9 - lacking
    }
}

/// Bytes of decoys that were read before: by the process itself, else by any (it may have been told
/// by another). The first value says which.
fn read_before(
    input: &JudgeInput<'_>,
    gathered: &Gathered,
    who: &Who,
    until: u64,
) -> (bool, u64, BTreeSet<DataItem>) {
    let sum = |own: bool| {
        let (mut bytes, mut items) = (0, BTreeSet::new());
        for (&id, reads) in &gathered.reading.decoys {
            let of_it: u64 = reads
                .readers
                .iter()
                .filter(|reader| reader.at <= until && (!own || reader.who == *who))
                .map(|reader| reader.bytes)
                .sum();
            if of_it > 0 {
                bytes += of_it;
                items.insert(
                    classify::decoy(input.manifest, id)
                        .map_or(DataItem::Document, classify::read_item),
                );
            }
        }
        (bytes, items)
    };
    let (bytes, items) = sum(true);
    if bytes > 0 {
        return (true, bytes, items);
    }
    let (bytes, items) = sum(false);
    (false, bytes, items)
}
