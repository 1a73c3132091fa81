//! Traces as the judge weighs them.

use crate::finding::{DecodingRow, EqualRow, Shows};
use crate::verdict::Listing;
use belljar_decode::{Decoder, Step};
use belljar_record::{Direction, FlowId, Layer, PayloadRef};
use belljar_schema::Manifest;
use belljar_trace::{Contained, Match, NameKind, Subject, Trace};
use std::ops::Range;

/// Runs of equal bytes of one trace that are listed.
const EQUAL: usize = 32;

/// Of what something was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HitSubject {
    /// A decoy, or a member of it (name from the decoy inwards, joined by `!`).
    Decoy { id: u32, member: Option<String> },
    /// A planted fact: its place in the manifest.
    Fact(usize),
}

/// What of it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HitKind {
    /// Bytes of the content; all of it, or not.
    Content { whole: bool },
    /// A digest.
    Hash,
    /// Its name or path.
    Name,
    /// The value of a fact.
    Value,
}

/// One trace.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) subject: HitSubject,
    pub(crate) kind: HitKind,
    /// Whether it is the planted sample.
    pub(crate) sample: bool,
    pub(crate) chain: Vec<Step>,
    /// How many bytes each of these gives.
    pub(crate) gives: Vec<u64>,
    /// What is to be compared at its place.
    pub(crate) shows: Shows,
    pub(crate) flow: Option<FlowId>,
    pub(crate) payload: PayloadRef,
    pub(crate) layer: Layer,
    /// The smallest part of the protocol that holds it.
    pub(crate) part: Option<String>,
    /// Bytes of the payload that carry it.
    pub(crate) outer: Vec<Range<u64>>,
    /// Bytes of the decoy (empty for digests, names and facts).
    pub(crate) decoy: Vec<Range<u64>>,
    /// Bytes of what the chain gives: as many ranges, one for digests, names and facts.
    pub(crate) piece: Vec<Range<u64>>,
    pub(crate) contains: Vec<Contained>,
}

/// The traces that lead out of the jar. What came in, and what was only printed, has not left.
pub(crate) fn hits(manifest: &Manifest, traces: &[Trace]) -> Vec<Hit> {
    traces
        .iter()
        .filter(|trace| {
            trace.egress.direction == Direction::Out && trace.egress.layer != Layer::Output
        })
        .map(|trace| hit(manifest, trace))
        .collect()
}

/// A trace, wherever it leads.
pub(crate) fn hit(manifest: &Manifest, trace: &Trace) -> Hit {
    let name = |part: &Option<belljar_record::ByteString>| {
        part.as_ref().map(|part| part.lossy().into_owned())
    };
    let at = |len: usize| trace.offset..trace.offset.saturating_add(len as u64);
    let (subject, kind, sample, decoy, piece, shows) = match &trace.subject {
        Subject::Content { decoy, part, sample, ranges, whole, .. } => (
            HitSubject::Decoy { id: decoy.0, member: name(part) },
            HitKind::Content { whole: *whole },
            *sample,
            ranges.iter().map(|range| range.decoy.clone()).collect(),
            ranges.iter().map(|range| range.piece.clone()).collect(),
            Shows::Content { part: name(part), ranges: equal(ranges) },
        ),
        Subject::Hash { decoy, part, sample, algorithm, bytes, over, salt } => {
            let subject = HitSubject::Decoy { id: decoy.0, member: name(part) };
            let shows = Shows::Digest {
                part: name(part),
                algorithm: *algorithm,
                bytes: Some(*bytes),
                over: over.as_ref().map(|over| [over.start, over.end]),
                salt: salt.clone(),
            };
            let range = trace.offset..trace.offset.saturating_add(*bytes);
            (subject, HitKind::Hash, *sample, Vec::new(), vec![range], shows)
        }
        Subject::Name { decoy, kind } => {
            let path =
                crate::classify::decoy(manifest, decoy.0).map_or("", |decoy| decoy.path.as_str());
            let len = match kind {
                NameKind::Path => path.len(),
                NameKind::FileName => path.rsplit('/').next().map_or(0, str::len),
            };
            let subject = HitSubject::Decoy { id: decoy.0, member: None };
            let shows = match kind {
                NameKind::Path => Shows::Path,
                NameKind::FileName => Shows::FileName,
            };
            (subject, HitKind::Name, false, Vec::new(), vec![at(len)], shows)
        }
        Subject::Fact { needle } => {
            let place = *needle as usize;
            let len = manifest.facts.get(place).map_or(0, |fact| fact.value.len());
            let shows = Shows::Fact { fact: place as u64 };
            (HitSubject::Fact(place), HitKind::Value, false, Vec::new(), vec![at(len)], shows)
        }
    };
    Hit {
        subject,
        kind,
        sample,
        chain: trace.chain.clone(),
        gives: trace.gives.clone(),
        shows,
        flow: trace.egress.flow,
        payload: trace.egress.payload.clone(),
        layer: trace.egress.layer,
        part: trace.egress.part.as_ref().map(ToString::to_string),
        outer: trace.outer.clone(),
        decoy,
        piece,
        contains: trace.contains.clone(),
    }
}

/// The first runs of equal bytes; the rest is counted. A run within a longer one is left out: it only
/// says that the decoy has those bytes in other places, too, and who knows other decoys than this one
/// would give them to those.
fn equal(ranges: &[Match]) -> Listing<EqualRow> {
    let mut widest: Vec<&Match> = ranges.iter().collect();
    widest.sort_by_key(|range| {
        (range.piece.start, std::cmp::Reverse(range.piece.end), range.decoy.start)
    });
    let mut reached = None;
    widest.retain(|range| {
        let further = reached.is_none_or(|end| range.piece.end > end);
        reached = reached.max(Some(range.piece.end));
        further
    });
    let row = |range: &Match| EqualRow {
        decoy_offset: range.decoy.start,
        decoded_offset: range.piece.start,
        len: range.decoy.end.saturating_sub(range.decoy.start),
    };
    let rows = widest.iter().copied().take(EQUAL).map(row).collect();
    Listing { rows, more: widest.len().saturating_sub(EQUAL) as u64 }
}

impl Hit {
    /// The chain with what each step reads and gives, outermost first.
    pub(crate) fn decodings(&self) -> Vec<DecodingRow> {
        self.chain
            .iter()
            .zip(self.chain_words())
            .enumerate()
            .map(|(place, (step, words))| DecodingRow {
                words,
                step: step.clone(),
                gives: self.gives.get(place).copied(),
            })
            .collect()
    }

    /// Bytes that were recognised.
    pub(crate) fn len(&self) -> u64 {
        let ranges = if self.decoy.is_empty() { &self.piece } else { &self.decoy };
        union(ranges)
    }

    /// Where in the payload, before any decoding: from its first byte to its last.
    pub(crate) fn raw(&self) -> Range<u64> {
        let start = self.outer.iter().map(|range| range.start).min().unwrap_or(0);
        let end = self.outer.iter().map(|range| range.end).max().unwrap_or(0);
        start..end.max(start)
    }

    /// Offset in the decoy of its first byte.
    pub(crate) fn decoy_offset(&self) -> u64 {
        self.decoy.first().map_or(0, |range| range.start)
    }

    /// Offset of its first byte in what the chain gives.
    pub(crate) fn piece_offset(&self) -> u64 {
        self.piece.first().map_or(0, |range| range.start)
    }

    /// Whether its bytes stand in the payload as they are, if perhaps in several places.
    pub(crate) fn verbatim(&self) -> bool {
        self.chain.iter().all(|step| step.decoder == Decoder::Part)
    }

    /// The chain in words, outermost first.
    pub(crate) fn chain_words(&self) -> Vec<String> {
        self.chain
            .iter()
            .map(|step| match &step.detail {
                Some(detail) => format!("{} ({detail})", step.decoder.name()),
                None => step.decoder.name().to_owned(),
            })
            .collect()
    }
}

/// How many bytes a list of ranges covers, each once.
pub(crate) fn union(ranges: &[Range<u64>]) -> u64 {
    let mut sorted: Vec<&Range<u64>> = ranges.iter().collect();
    sorted.sort_by_key(|range| (range.start, range.end));
    let mut end = 0;
    let mut sum = 0;
    for range in sorted {
        let from = range.start.max(end);
        if range.end > from {
            sum += range.end - from;
            end = range.end;
        }
    }
    sum
}
