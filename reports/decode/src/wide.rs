//! UTF-16 whose characters are all below U+0100 (every other byte is zero), and UTF-32.

use crate::Decoder;
use std::ops::Range;

/// The least number of characters in a run.
const LEAST: usize = 8;
/// How many zero characters may follow each other in a run.
const ZEROS: usize = 64;

/// Whether `decoder` is one of this module's.
pub(crate) fn is_wide(decoder: Decoder) -> bool {
    matches!(decoder, Decoder::Utf16Le | Decoder::Utf16Be | Decoder::Utf32Le | Decoder::Utf32Be)
}

/// Runs of such text in `bytes`.
pub(crate) fn find(bytes: &[u8]) -> Vec<(Decoder, Range<usize>)> {
    let mut found = Vec::new();
    if let Some(decoder) = all_of_it(bytes) {
        return vec![(decoder, 0..bytes.len())];
    }
    let mut at = 0;
    while at < bytes.len() {
        // What is found holds three zeros four bytes apart, the first at most two bytes behind its
        // own first zero or two before the end of those; from some bytes before that on it is
        // looked at closely.
        let Some(near) = three_zeros(bytes, at) else { break };
        if near > at + 16 {
            at = near - 16;
            // Not from the middle of other zeros.
            while bytes[at - 1] == 0 && bytes[at] == 0 {
                at += 1;
            }
        }
        let Some(zero) = memchr::memchr(0, &bytes[at..]).map(|i| i + at) else { break };
        // Every second byte of such a run is zero; most zeros in other data stand alone.
        let sixteen = zeros_at(bytes, zero, 2);
        // A run of characters with a zero after each: it began one byte before the zero.
        let start = zero.saturating_sub(1).max(at.saturating_sub(1));
        let little = if sixteen { run(&bytes[start..], 1) } else { 0 };
        if zero > start && little >= LEAST {
            found.push((Decoder::Utf16Le, start..start + little * 2));
            at = start + little * 2;
            continue;
        }
        let big = if sixteen { run(&bytes[zero..], 0) } else { 0 };
        if big >= LEAST {
            found.push((Decoder::Utf16Be, zero..zero + big * 2));
            at = zero + big * 2;
            continue;
        }
        if let Some((decoder, range)) = four(bytes, zero, at) {
            at = range.end;
            found.push((decoder, range));
            continue;
        }
        // Runs of zeros hold nothing.
        at = zero + 1;
        while at < bytes.len() && bytes[at] == 0 {
            at += 1;
        }
    }
    found
}

/// Where the next of three zeros stand that are four bytes apart.
fn three_zeros(bytes: &[u8], from: usize) -> Option<usize> {
    const STEP: usize = 32;
    let is = |at: usize| bytes.get(at) == Some(&0);
    let exact = |at: usize| is(at) && is(at + 4) && is(at + 8);
    let mut at = from;
    while let Some(window) = bytes.get(at..).and_then(|rest| rest.first_chunk::<{ STEP + 8 }>()) {
        let any =
            (0..STEP).fold(false, |any, i| any | (window[i] | window[i + 4] | window[i + 8] == 0));
        if any {
            return (at..at + STEP).find(|&at| exact(at));
        }
        at += STEP;
    }
    (at..bytes.len()).find(|&at| exact(at))
}

/// Whether as many zeros as the shortest run has stand `apart` bytes from each other.
fn zeros_at(bytes: &[u8], first: usize, apart: usize) -> bool {
    (0..LEAST).all(|unit| bytes.get(first + unit * apart) == Some(&0))
}

/// Whether all of it is UTF-16 or UTF-32: then zero characters at its edges belong to it too.
fn all_of_it(bytes: &[u8]) -> Option<Decoder> {
    if bytes.len() < LEAST * 2 || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let zero_at = |place: usize| bytes.chunks_exact(2).all(|pair| pair[place] == 0);
    let zeros = || bytes.iter().filter(|&&b| b == 0).count() * 4 > bytes.len() * 3;
    let wide = |decoder| {
        bytes.len().is_multiple_of(4)
            && bytes.chunks_exact(4).all(|four| {
                scalar(decoder, four).is_some_and(|c| c == '\0' || c as u32 & 0xff != 0)
            })
            && bytes.iter().any(|&b| b != 0)
    };
    match () {
        () if wide(Decoder::Utf32Le) => Some(Decoder::Utf32Le),
        () if wide(Decoder::Utf32Be) => Some(Decoder::Utf32Be),
        () if zero_at(1) && !zeros() => Some(Decoder::Utf16Le),
        () if zero_at(0) && !zeros() => Some(Decoder::Utf16Be),
        () => None,
    }
}

/// How many characters follow whose zero byte is at `zero_at` (0 or 1) of each pair. Zero
/// characters may stand between others, but not too many of them.
fn run(bytes: &[u8], zero_at: usize) -> usize {
    counted(bytes.chunks_exact(2).map(|pair| match (pair[zero_at], pair[1 - zero_at]) {
        (0, 0) => Unit::Zero,
        (0, _) => Unit::Character,
        _ => Unit::None,
    }))
}

enum Unit {
    Character,
    Zero,
    None,
}

fn counted(units: impl Iterator<Item = Unit>) -> usize {
    let (mut count, mut zeros) = (0, 0);
    for unit in units {
        match unit {
            Unit::Character => {
                count += zeros + 1;
                zeros = 0;
            }
            Unit::Zero if count > 0 && zeros < ZEROS => zeros += 1,
            _ => break,
        }
    }
    count
}

/// A run of UTF-32 around the first zero byte at or behind `floor`: the longest.
fn four(bytes: &[u8], zero: usize, floor: usize) -> Option<(Decoder, Range<usize>)> {
    let zeros = bytes[zero..].iter().take_while(|&&byte| byte == 0).count();
    // In little-endian the first zero is the second to fourth byte; in big-endian the first
    // character ends the run of zeros.
    let little = (1..=3)
        .filter_map(|back| zero.checked_sub(back))
        .filter(|&start| start >= floor.saturating_sub(1))
        .map(|start| (Decoder::Utf32Le, start));
    let big = (Decoder::Utf32Be, (zero + zeros).saturating_sub(3).max(zero));
    little
        .chain(std::iter::once(big))
        .filter(|&(decoder, start)| {
            let highest = if decoder == Decoder::Utf32Le { start + 3 } else { start };
            zeros_at(bytes, highest, 4)
        })
        .map(|(decoder, start)| (decoder, start, fours(decoder, &bytes[start..])))
        .max_by_key(|&(_, start, count)| (count, std::cmp::Reverse(start)))
        .filter(|&(_, _, count)| count >= LEAST)
        .map(|(decoder, start, count)| (decoder, start..start + count * 4))
}

/// How many characters of UTF-32 follow.
fn fours(decoder: Decoder, bytes: &[u8]) -> usize {
    counted(bytes.chunks_exact(4).map(|four| match scalar(decoder, four) {
        Some('\0') => Unit::Zero,
        // Of a reading that is off by a byte or two, every low byte is zero.
        Some(c) if c as u32 & 0xff != 0 => Unit::Character,
        _ => Unit::None,
    }))
}

fn scalar(decoder: Decoder, four: &[u8]) -> Option<char> {
    let four = *four.first_chunk::<4>()?;
    char::from_u32(match decoder {
        Decoder::Utf32Be => u32::from_be_bytes(four),
        _ => u32::from_le_bytes(four),
    })
}

/// Takes the zero bytes out.
pub(crate) fn decode(decoder: Decoder, input: &[u8]) -> Vec<u8> {
    match decoder {
        Decoder::Utf32Le | Decoder::Utf32Be => {
            let text: Vec<char> = input
                .chunks_exact(4)
                .map(|four| scalar(decoder, four).unwrap_or('\u{fffd}'))
                .collect();
            if text.iter().all(|&c| (c as u32) < 0x100) {
                return text.into_iter().map(|c| c as u32 as u8).collect();
            }
            text.into_iter().collect::<String>().into_bytes()
        }
        _ => {
            let keep = usize::from(decoder == Decoder::Utf16Be);
            input.chunks_exact(2).map(|pair| pair[keep]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As [`find`], zero by zero.
    fn plain(bytes: &[u8]) -> Vec<(Decoder, Range<usize>)> {
        let mut found = Vec::new();
        if let Some(decoder) = all_of_it(bytes) {
            return vec![(decoder, 0..bytes.len())];
        }
        let mut at = 0;
        while let Some(zero) = (at..bytes.len()).find(|&place| bytes[place] == 0) {
            let little = zero.checked_sub(1).filter(|&start| start + 1 >= at);
            let little = little.map(|start| (start, run(&bytes[start..], 1)));
            let big = run(&bytes[zero..], 0);
            if let Some((start, count @ LEAST..)) = little {
                at = start + count * 2;
                found.push((Decoder::Utf16Le, start..at));
            } else if big >= LEAST {
                at = zero + big * 2;
                found.push((Decoder::Utf16Be, zero..at));
            } else if let Some((decoder, range)) = four(bytes, zero, at) {
                at = range.end;
                found.push((decoder, range));
            } else {
                at = (zero..bytes.len()).find(|&at| bytes[at] != 0).unwrap_or(bytes.len());
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_is_passed_over_holds_nothing(
            pieces in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(1_u8..=255, 0..40),
                    proptest::collection::vec(prop_oneof![Just(0_u8), Just(b'a')], 0..40),
                    (0_usize..20).prop_map(|len| vec![0; len]),
                    (1_usize..20).prop_map(|len| b"a\0".repeat(len)),
                    (1_usize..20).prop_map(|len| b"\0a".repeat(len)),
                    (1_usize..20).prop_map(|len| b"a\0\0\0".repeat(len)),
                    (1_usize..20).prop_map(|len| b"\0\0\0b".repeat(len)),
                ],
                0..12,
            ),
        ) {
            let bytes = pieces.concat();
            prop_assert_eq!(find(&bytes), plain(&bytes));
        }
    }
}
