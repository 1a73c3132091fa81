//! Coverage: what the probes said of themselves, what follows from the record, and what no jar of
//! this kind can see.

use crate::gather::Gathered;
use crate::input::{JarKind, JudgeInput};
use crate::verdict::CoverageLine;
use crate::words;
use belljar_record::{Actor, Coverage, Dimension, Extent, Protocol, Transport};

/// Completes the coverage that the record tells.
pub(crate) fn coverage(input: &JudgeInput<'_>, gathered: &Gathered) -> Coverage {
    let mut coverage = gathered.coverage.clone();
    let blind = |reason: &str| Extent::Blind { reason: reason.to_owned() };
    let lost = |count: u64, unit: &str, reason: &str| Extent::Lost {
        count,
        unit: unit.to_owned(),
        reason: reason.to_owned(),
    };
    coverage.add(Dimension::Timing, blind("when things are sent can carry information"));
    if input.jar == JarKind::Namespaces {
        coverage.add(
            Dimension::HostFacts,
            blind("CPU, memory size and kernel are the host's and are asked for without a door"),
        );
        coverage.add(
            Dimension::SharedMemory,
            blind("memory handed between processes of the component is not followed"),
        );
    }
    if gathered.reading.pages > 0 {
        coverage.add(
            Dimension::ReadPrecision,
            Extent::Blind {
                reason: format!(
                    "{} by mmap, sendfile or splice: known to the page, not to the byte",
                    words::counted(gathered.reading.pages, "read", "reads")
                ),
            },
        );
    }
    coverage.add(
        Dimension::FileAttribution,
        lost(gathered.reading.unknown_reads, "reads", "nobody could be named"),
    );
    let mut unknown = gathered.flows.more_unknown;
    for flow in gathered.flows.seen.values().filter(|flow| !flow.internal()) {
        match &flow.flow {
            None => unknown += 1,
            Some(known) if matches!(known.actor, Actor::Unknown { .. }) => unknown += 1,
            Some(_) => {}
        }
        let unreadable = |reason: &str| Extent::Unreadable {
            count: 1,
            unit: "conversations".to_owned(),
            reason: reason.to_owned(),
        };
        match &flow.tls {
            Some(tls) if !tls.opened => {
                coverage.add(
                    Dimension::Encrypted,
                    unreadable(&format!("{}: {}", flow.host(), tls.words)),
                );
            }
            // What a host hands over parsed was never encrypted.
            None if flow.flow.as_ref().is_some_and(|flow| flow.transport == Transport::Host) => {}
            None if matches!(flow.protocol(), Protocol::Tls | Protocol::Https)
                && flow.bytes_out > 0 =>
            {
                coverage.add(
                    Dimension::Encrypted,
                    unreadable(&format!("{}: TLS was not opened", flow.host())),
                );
            }
            _ => {}
        }
    }
    // The watcher may have said the same of the same conversations: only what it did not tell of.
    let told = told(&gathered.coverage, Dimension::FlowAttribution, "conversations");
    coverage.add(
        Dimension::FlowAttribution,
        lost(unknown.saturating_sub(told), "conversations", "nobody could be named"),
    );
    coverage.add(
        Dimension::Streams,
        lost(
            gathered.flows.more,
            "conversations",
            "too many to be judged one by one; their bytes are in the ceiling",
        ),
    );
    for cut in input.cuts {
        coverage.add(
            Dimension::Decoding,
            lost(cut.count, "pieces", &format!("not decoded: {}", cut.reason)),
        );
    }
    coverage
}

/// How many of `unit` the probes themselves said were lost of a dimension.
fn told(coverage: &Coverage, dimension: Dimension, unit: &str) -> u64 {
    coverage
        .rows()
        .iter()
        .filter(|row| row.dimension == dimension)
        .flat_map(|row| &row.limits)
        .filter_map(|limit| match limit {
            Extent::Lost { count, unit: of, .. } if of == unit => Some(*count),
            _ => None,
        })
        .sum()
}

/// Coverage in the words of the verdict.
pub(crate) fn lines(coverage: &Coverage) -> Vec<CoverageLine> {
    coverage
        .rows()
        .into_iter()
        .map(|row| CoverageLine {
            dimension: row.dimension.name().to_owned(),
            extent: words::extent(&row.worst()),
            bars_pass: row.limits.iter().any(Extent::bars_pass),
            limits: row.limits.iter().map(words::limit).collect(),
        })
        .collect()
}
