//! Which bytes of a payload a trace accounts for: only those in the one spelling that its content
//! has. A spelling with choices (hex digits of mixed case, percent-encoding, a compressed stream)
//! could carry bytes of its own, so it is not taken.

use super::settle::Known;
use crate::hit::{Hit, HitKind, HitSubject, union};
use belljar_decode::Decoder;
use belljar_record::DecoySource;
use belljar_schema::Manifest;
use std::ops::Range;

/// The choice of a piece of content: which file, from where, how long.
const CONTENT: u64 = 16;
/// The choice of a digest, a name or a fact, and of its spelling.
const SHORT: u64 = 4;
/// A byte that stands between digits, and the choice of its place.
const BREAK: u64 = 4;
const BLOCK: usize = 64 * 1024;

/// Adds what `hit` accounts for.
pub(super) fn covered(
    hit: &Hit,
    payload: &dyn DecoySource,
    manifest: &Manifest,
    known: &mut Vec<Known>,
) {
    let cost = match hit.kind {
        HitKind::Content { .. } => CONTENT,
        _ => SHORT,
    };
    if hit.verbatim() {
        let sent: u64 = hit.piece.iter().map(|range| range.end.saturating_sub(range.start)).sum();
        let as_it_is = match hit.kind {
            // Each byte of the payload is one byte of the decoy, and no byte between them.
            HitKind::Content { .. } => union(&hit.outer) <= sent,
            // Digits and names may be spelled in more than one way.
            _ => hit.outer.len() == 1 && exact(hit, payload, manifest),
        };
        if as_it_is {
            known.extend(hit.outer.iter().map(|range| Known::trace(range.clone(), cost)));
        }
        return;
    }
    let [step] = hit.chain.as_slice() else { return };
    let (from, to) = match step.decoder {
        Decoder::Hex => (1, 2),
        Decoder::Base64 => (3, 4),
        _ => return,
    };
    for place in &hit.piece {
        if let Some((range, breaks)) = walk(payload, &step.input, place, from, to, step.decoder) {
            known.push(Known::trace(range, cost + 1 + breaks.saturating_mul(BREAK)));
        }
    }
}

/// Where decoded bytes stand in their encoding, which turns groups of `from` bytes into `to`
/// digits, and how many bytes between them are no digits. Groups at the edges that hold other bytes
/// too are left out. `None` if the digits are not all of one spelling.
fn walk(
    payload: &dyn DecoySource,
    input: &Range<u64>,
    place: &Range<u64>,
    from: u64,
    to: u64,
    decoder: Decoder,
) -> Option<(Range<u64>, u64)> {
    let first = place.start.div_ceil(from).checked_mul(to)?;
    let last = (place.end / from).checked_mul(to)?;
    if first >= last {
        return None;
    }
    let mut digits = 0;
    let mut breaks = 0;
    let mut start = None;
    let mut spelling = Spelling::default();
    let mut at = input.start;
    let mut block = vec![0; BLOCK];
    while at < input.end {
        let len = usize::try_from(input.end - at).unwrap_or(BLOCK).min(BLOCK);
        let filled = payload.read_at(at, &mut block[..len]);
        if filled == 0 {
            return None;
        }
        for (offset, &byte) in (at..).zip(&block[..filled]) {
            if !Spelling::digit(decoder, byte) {
                breaks += u64::from(start.is_some());
                continue;
            }
            if digits == first {
                start = Some(offset);
            }
            if start.is_some() {
                spelling.take(byte);
            }
            digits += 1;
            if digits == last {
                let range = start?..offset + 1;
                return spelling.one(decoder).then_some((range, breaks));
            }
        }
        at += filled as u64;
    }
    None
}

/// Which kinds of digits were met.
#[derive(Debug, Default)]
struct Spelling {
    lower: bool,
    upper: bool,
    usual: bool,
    url: bool,
}

impl Spelling {
    fn digit(decoder: Decoder, byte: u8) -> bool {
        match decoder {
            Decoder::Hex => byte.is_ascii_hexdigit(),
            _ => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_'),
        }
    }

    fn take(&mut self, byte: u8) {
        self.lower |= byte.is_ascii_lowercase();
        self.upper |= byte.is_ascii_uppercase();
        self.usual |= matches!(byte, b'+' | b'/');
        self.url |= matches!(byte, b'-' | b'_');
    }

    fn one(&self, decoder: Decoder) -> bool {
        match decoder {
            Decoder::Hex => !(self.lower && self.upper),
            _ => !(self.usual && self.url),
        }
    }
}

/// Whether the bytes are exactly the value that was planted, in one of its two or three spellings.
fn exact(hit: &Hit, payload: &dyn DecoySource, manifest: &Manifest) -> bool {
    let place = hit.raw();
    let len = place.end - place.start;
    if len > 8192 {
        return false;
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    if payload.read_at(place.start, &mut bytes) != bytes.len() {
        return false;
    }
    match (&hit.subject, hit.kind) {
        (HitSubject::Fact(place), _) => {
            manifest.facts.get(*place).is_some_and(|fact| fact.value.as_bytes() == bytes)
        }
        (HitSubject::Decoy { id, .. }, HitKind::Name) => {
            manifest.decoys.get(*id as usize).is_some_and(|decoy| {
                decoy.path.as_bytes().ends_with(&bytes)
                    || decoy.members.iter().any(|member| member.name.as_bytes().ends_with(&bytes))
            })
        }
        (HitSubject::Decoy { id, .. }, HitKind::Hash) => {
            manifest.decoys.get(*id as usize).is_some_and(|decoy| {
                std::iter::once(&decoy.digest)
                    .chain(decoy.members.iter().map(|member| &member.digest))
                    .flat_map(|digest| [&digest.md5, &digest.sha1, &digest.sha256])
                    .any(|digest| {
                        digest.as_bytes() == bytes
                            || digest.to_ascii_uppercase().as_bytes() == bytes
                            || unhex(digest) == bytes
                    })
            })
        }
        _ => false,
    }
}

/// The bytes of a digest that is written in lower-case hexadecimal digits.
fn unhex(digits: &str) -> Vec<u8> {
    let value = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits
        .as_bytes()
        .chunks_exact(2)
        .filter_map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?))
        .collect()
}
