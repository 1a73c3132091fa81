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
        let Some(range) = scaled(&step.input, place, from, to) else { continue };
        let digits = |letter: fn(&u8) -> bool| {
            all(payload, &range, |byte| byte.is_ascii_digit() || letter(&byte))
        };
        let one_spelling = match step.decoder {
            Decoder::Hex => {
                digits(|byte| matches!(byte, b'a'..=b'f'))
                    || digits(|byte| matches!(byte, b'A'..=b'F'))
            }
            _ => {
                digits(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'+' | b'/'))
                    || digits(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'))
            }
        };
        if one_spelling {
            known.push(Known::trace(range, cost + 1));
        }
    }
}

/// Where decoded bytes stand in their encoding, which turns `from` bytes into `to`; groups at the
/// edges that hold other bytes too are left out.
fn scaled(input: &Range<u64>, place: &Range<u64>, from: u64, to: u64) -> Option<Range<u64>> {
    let start = input.start.checked_add(place.start.div_ceil(from).checked_mul(to)?)?;
    let end = input.start.checked_add((place.end / from).checked_mul(to)?)?;
    (start < end && end <= input.end).then_some(start..end)
}

/// Whether all bytes of a range are as asked. That also shows that no line breaks shift the
/// groups within it; those before it would make the decoded bytes others than the trace's.
fn all(payload: &dyn DecoySource, range: &Range<u64>, good: impl Fn(u8) -> bool) -> bool {
    let mut at = range.start;
    let mut block = vec![0; BLOCK];
    while at < range.end {
        let len = usize::try_from(range.end - at).unwrap_or(BLOCK).min(BLOCK);
        let filled = payload.read_at(at, &mut block[..len]);
        if filled == 0 || !block[..filled].iter().all(|&byte| good(byte)) {
            return false;
        }
        at += filled as u64;
    }
    true
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
