//! The account: every byte is either taken, with a reason, or counts.

use super::{Ceiling, CeilingPart};
use belljar_record::DecoySource;
use std::collections::BTreeMap;
use std::ops::Range;

/// Messages of one framed payload that are looked at; the rest counts whole.
const MESSAGES: usize = 200_000;

/// A predictable piece of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    range: Range<u64>,
    /// Bytes that its choice can carry.
    cost: u64,
    what: What,
}

/// Why a piece is predictable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Framing,
    Trace,
    Http,
    Dns,
}

impl What {
    fn words(self) -> &'static str {
        match self {
            Self::Framing => "belljar's own framing",
            Self::Trace => "bytes of decoys and planted facts, shown as traces",
            Self::Http => "HTTP lines given by the scenario and the protocol",
            Self::Dns => "DNS fields and names given by the scenario and the protocol",
        }
    }
}

impl Known {
    pub(crate) fn framing(range: Range<u64>) -> Self {
        Self { range, cost: 0, what: What::Framing }
    }

    pub(crate) fn trace(range: Range<u64>, cost: u64) -> Self {
        Self { range, cost, what: What::Trace }
    }

    pub(crate) fn http(range: Range<u64>, cost: u64) -> Self {
        Self { range, cost, what: What::Http }
    }

    pub(crate) fn dns(range: Range<u64>, cost: u64) -> Self {
        Self { range, cost, what: What::Dns }
    }
}

/// One message in a framed payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message {
    /// Where its length stands.
    pub(crate) frame: u64,
    /// Where it begins.
    pub(crate) start: u64,
    /// Where it ends.
    pub(crate) end: u64,
}

/// The messages of a framed payload; stops at the first frame that does not fit.
pub(crate) fn frames(source: &dyn DecoySource) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut at = 0;
    let mut length = [0; 4];
    while messages.len() < MESSAGES && source.read_at(at, &mut length) == 4 {
        let start = at + 4;
        let end = start + u64::from(u32::from_be_bytes(length));
        if end > source.len() {
            break;
        }
        messages.push(Message { frame: at, start, end });
        at = end;
    }
    messages
}

/// Sums of everything.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sent: u64,
    unexplained: u64,
    unreadable: u64,
    parts: BTreeMap<&'static str, u64>,
    subtracted: BTreeMap<What, u64>,
}

impl Tally {
    pub(crate) fn unexplained(&self) -> u64 {
        self.unexplained
    }

    /// Bytes of which nothing is predictable.
    pub(crate) fn unexplained_part(&mut self, what: &'static str, bytes: u64) {
        if bytes > 0 {
            self.sent += bytes;
            self.unexplained += bytes;
            *self.parts.entry(what).or_default() += bytes;
        }
    }

    pub(crate) fn unreadable(&mut self, bytes: u64) {
        self.unreadable += bytes;
    }

    /// Settles one payload of `len` bytes, `frames` of which are belljar's own. A byte that is
    /// predictable twice is taken once; every piece costs what its choice can carry.
    pub(crate) fn settle(
        &mut self,
        what: &'static str,
        len: u64,
        frames: u64,
        mut known: Vec<Known>,
    ) {
        known.sort_by_key(|piece| (piece.range.start, piece.what, piece.range.end));
        let mut end = 0;
        let mut taken = 0;
        for piece in known {
            let from = piece.range.start.max(end);
            let to = piece.range.end.min(len);
            if to <= from {
                continue;
            }
            end = to;
            let gain = (to - from).saturating_sub(piece.cost);
            taken += gain;
            if piece.what != What::Framing {
                *self.subtracted.entry(piece.what).or_default() += gain;
            }
        }
        let rest = len.saturating_sub(taken);
        self.sent += len.saturating_sub(frames);
        self.unexplained += rest;
        if rest > 0 {
            *self.parts.entry(what).or_default() += rest;
        }
    }

    pub(crate) fn finish(self, packets: u64) -> Ceiling {
        let list = |map: Vec<(&'static str, u64)>| {
            let mut parts: Vec<CeilingPart> = map
                .into_iter()
                .filter(|&(_, bytes)| bytes > 0)
                .map(|(what, bytes)| CeilingPart { what: what.to_owned(), bytes })
                .collect();
            parts.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.what.cmp(&b.what)));
            parts
        };
        let mut excludes = vec!["timing".to_owned()];
        if packets > 0 {
            excludes.push("headers, sizes and number of the packets, but for hop limits and own ports in a series".to_owned());
        }
        Ceiling {
            bytes: self.unexplained,
            unreadable: self.unreadable,
            sent: self.sent,
            parts: list(self.parts.into_iter().collect()),
            subtracted: list(
                self.subtracted.into_iter().map(|(what, bytes)| (what.words(), bytes)).collect(),
            ),
            excludes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_known_twice_is_taken_once_and_the_account_balances() {
        let mut tally = Tally::default();
        let known = vec![Known::http(0..10, 1), Known::trace(5..20, 2), Known::trace(8..9, 2)];
        tally.settle("x", 30, 0, known);
        let ceiling = tally.finish(1);
        // 10 − 1 by the line, 10 − 2 by the trace.
        assert_eq!(ceiling.bytes, 30 - 9 - 8);
        let taken: u64 = ceiling.subtracted.iter().map(|part| part.bytes).sum();
        assert_eq!(ceiling.sent, ceiling.bytes + taken);
    }
}
