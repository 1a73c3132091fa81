//! What of DNS queries the plan and the protocol give away (RFC 1035).

use super::Predicted;
use super::settle::Known;
use belljar_record::DecoySource;
use std::ops::Range;

const LONGEST: u64 = 4096;

/// DNS over TCP: each message after its length.
pub(super) fn stream(source: &dyn DecoySource, predicted: &Predicted, known: &mut Vec<Known>) {
    let mut at = 0;
    let mut length = [0; 2];
    for _ in 0..100_000 {
        if source.read_at(at, &mut length) < 2 {
            break;
        }
        let start = at + 2;
        let end = start + u64::from(u16::from_be_bytes(length));
        if end > source.len() {
            break;
        }
        message(source, start..end, predicted, known);
        at = end;
    }
}

/// One query. The transaction id (the first two bytes) always counts.
pub(super) fn message(
    source: &dyn DecoySource,
    range: Range<u64>,
    predicted: &Predicted,
    known: &mut Vec<Known>,
) {
    let len = range.end.saturating_sub(range.start);
    if !(17..=LONGEST).contains(&len) {
        return;
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    if source.read_at(range.start, &mut bytes) != bytes.len() {
        return;
    }
    let Some(header) = bytes.get(2..12) else { return };
    let additional = match header {
        [0x01, 0x00 | 0x20, 0, 1, 0, 0, 0, 0, 0, more @ (0 | 1)] => *more == 1,
        _ => return,
    };
    known.push(Known::dns(range.start + 2..range.start + 12, 1));
    let Some((name, name_end)) = name(&bytes) else { return };
    let Some(question) = bytes.get(name_end..name_end + 4) else { return };
    // A, NS, SOA, PTR, MX, TXT, AAAA, SRV, HTTPS of the internet: one of nine.
    let usual = matches!(question, [0, 1 | 2 | 6 | 12 | 15 | 16 | 28 | 33 | 65, 0, 1]);
    let from = range.start + 12;
    let to = range.start + name_end as u64;
    let given = if predicted.hosts.contains(&name) { Some(from..to) } else { None };
    let given = given.or_else(|| {
        let suffix = predicted.suffixes.iter().filter(|suffix| name.ends_with(suffix.as_str()));
        let longest = suffix.map(String::len).max()? as u64;
        // The suffix begins with its dot, which on the wire is the length of its first label.
        Some(to.checked_sub(longest + 1)?..to)
    });
    if let Some(given) = given {
        known.push(Known::dns(given, 2));
    }
    if usual {
        known.push(Known::dns(to..to + 4, 1));
    }
    let rest = bytes.get(name_end + 4..).unwrap_or(&[]);
    if additional
        && matches!(
            rest,
            [0, 0, 41, 0x02 | 0x04 | 0x05 | 0x10, 0x00 | 0xd0 | 0xac | 0xc0, 0, 0, 0, 0, 0, 0]
        )
    {
        known.push(Known::dns(to + 4..range.end, 1));
    }
}

/// The name of the question, and where it ends. A pointer in a question is nothing usual.
fn name(bytes: &[u8]) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut at = 12;
    loop {
        let len = usize::from(*bytes.get(at)?);
        at += 1;
        if len == 0 {
            return Some((name, at));
        }
        if len > 63 || name.len() > 255 {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(std::str::from_utf8(bytes.get(at..at + len)?).ok()?);
        at += len;
    }
}
