//! UTF-16 whose characters are all below U+0100: every other byte is zero.

use crate::Decoder;
use std::ops::Range;

/// The least number of characters in a run.
const LEAST: usize = 8;

/// Runs of UTF-16 text in `bytes`.
pub(crate) fn find(bytes: &[u8]) -> Vec<(Decoder, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let Some(zero) = memchr::memchr(0, &bytes[at..]).map(|i| i + at) else { break };
        // A run of characters with a zero after each: it began one byte before the zero.
        let start = zero.saturating_sub(1).max(at.saturating_sub(1));
        let little = run(&bytes[start..], 1);
        if zero > start && little >= LEAST {
            found.push((Decoder::Utf16Le, start..start + little * 2));
            at = start + little * 2;
            continue;
        }
        let big = run(&bytes[zero..], 0);
        if big >= LEAST {
            found.push((Decoder::Utf16Be, zero..zero + big * 2));
            at = zero + big * 2;
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

/// How many characters follow whose zero byte is at `zero_at` (0 or 1) of each pair.
fn run(bytes: &[u8], zero_at: usize) -> usize {
    bytes.chunks_exact(2).take_while(|pair| pair[zero_at] == 0 && pair[1 - zero_at] != 0).count()
}

/// Takes the zero bytes out.
pub(crate) fn decode(decoder: Decoder, input: &[u8]) -> Vec<u8> {
    let keep = usize::from(decoder == Decoder::Utf16Be);
    input.chunks_exact(2).map(|pair| pair[keep]).collect()
}
