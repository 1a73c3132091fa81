//! LZ4 blocks and frames, decoded as far as they go.
//!
//! A block has no mark: it is taken for one if it is valid from the first to the last byte and ends
//! as the format demands. Checksums are not looked at: what left has left.

use crate::inflate::{Flow, Inflated};
use crate::span::Span;

/// How far back a match may reach.
const WINDOW: usize = 64 << 10;
/// The most that one block of a frame gives.
const BLOCK: usize = 8 << 20;
pub(crate) const FRAME: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
pub(crate) const LEGACY: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

/// Decodes a block to the end of `output`, at most `most` bytes. Says whether it was valid.
fn block(input: &[u8], output: &mut Vec<u8>, most: usize) -> bool {
    let begin = output.len();
    let mut at = 0;
    let extended = |at: &mut usize, nibble: u8| -> Option<usize> {
        let mut len = usize::from(nibble);
        if nibble == 15 {
            loop {
                let byte = *input.get(*at)?;
                *at += 1;
                len += usize::from(byte);
                if byte != 255 {
                    break;
                }
            }
        }
        Some(len)
    };
    loop {
        let Some(&token) = input.get(at) else { return false };
        at += 1;
        let Some(literals) = extended(&mut at, token >> 4) else { return false };
        let Some(bytes) = at.checked_add(literals).and_then(|end| input.get(at..end)) else {
            // Cut short: what is there is given.
            output.extend_from_slice(input.get(at..).unwrap_or(&[]));
            return false;
        };
        if output.len() - begin + literals > most {
            return false;
        }
        output.extend_from_slice(bytes);
        at += literals;
        if at == input.len() {
            return token & 15 == 0;
        }
        let Some(&[low, high]) = input.get(at..at + 2) else { return false };
        at += 2;
        let offset = usize::from(u16::from_le_bytes([low, high]));
        let Some(len) = extended(&mut at, token & 15) else { return false };
        let len = len + 4;
        if offset == 0 || offset > output.len() || output.len() - begin + len > most {
            return false;
        }
        let from = output.len() - offset;
        if offset >= len {
            output.extend_from_within(from..from + len);
        } else {
            for i in 0..len {
                output.push(output[from + i]);
            }
        }
    }
}

/// A bare block, with or without its decoded length before it (four bytes, little-endian).
pub(crate) fn bare(input: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut output = Vec::new();
    if let Some((&[a, b, c, d], rest)) = input.split_first_chunk::<4>() {
        let stated = u32::from_le_bytes([a, b, c, d]) as usize;
        if stated >= rest.len() / 2 && stated <= most && stated / 255 <= rest.len() {
            if block(rest, &mut output, stated) && output.len() == stated {
                return Some(output);
            }
            output.clear();
        }
    }
    // A block that is one literal is no compression; such bytes are seen as they are.
    (block(input, &mut output, most.min(input.len().saturating_mul(255)))
        && output.len() > input.len())
    .then_some(output)
}

/// Decodes a frame, or the older kind of frame, into `sink`.
pub(crate) fn frames(
    span: Span<'_>,
    start: u64,
    end: u64,
    sink: &mut dyn FnMut(&[u8]) -> Flow,
) -> Inflated {
    let mut went = Inflated { input: 0, output: 0, whole: false };
    let head = span.take(start..end, 19);
    let Some(&magic) = head.first_chunk::<4>() else { return went };
    let (mut at, mut checksums, legacy) = match magic {
        LEGACY => (4, 0, true),
        FRAME => {
            let Some(&[flags, descriptor]) = head.get(4..6) else { return went };
            // Version 1, no reserved bits, a size of block that there is.
            if flags >> 6 != 1 || flags & 2 != 0 || descriptor & 0x8f != 0 || descriptor >> 4 < 4 {
                return went;
            }
            let size = if flags & 8 != 0 { 8_u64 } else { 0 };
            let dictionary = if flags & 1 != 0 { 4 } else { 0 };
            (7 + size + dictionary, u64::from(flags >> 4 & 1) * 4, false)
        }
        _ => return went,
    };
    let at_start = at;
    // Matches reach into blocks before.
    let mut output: Vec<u8> = Vec::new();
    while let Some(&word) = span.take(start + at..end, 4).first_chunk::<4>() {
        let word = u32::from_le_bytes(word);
        if word == 0 && !legacy {
            at += 4;
            went.whole = true;
            break;
        }
        let (stored, size) = (word >> 31 == 1 && !legacy, (word & 0x7fff_ffff) as usize);
        if size > BLOCK + (BLOCK >> 4) || (legacy && word >> 31 == 1) {
            went.whole = legacy && at > at_start;
            break;
        }
        let input = span.take(start + at + 4..end, size);
        let kept = output.len();
        let valid = if stored {
            output.extend_from_slice(&input);
            input.len() == size
        } else {
            block(&input, &mut output, BLOCK) && input.len() == size
        };
        let fresh = &output[kept..];
        went.output += fresh.len() as u64;
        at += 4 + input.len() as u64;
        if !fresh.is_empty() && sink(fresh) == Flow::Stop {
            break;
        }
        if !valid {
            break;
        }
        at += checksums;
        if output.len() > WINDOW {
            output.drain(..output.len() - WINDOW);
        }
        if legacy {
            // Blocks of the older kind know nothing of each other.
            output.clear();
            checksums = 0;
            went.whole = start + at == end;
        }
    }
    went.input = at.min(end - start);
    went
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_with_a_match_that_reaches_into_itself_is_read() {
        // One literal, then a match of 19 bytes at offset 1, then five literals.
        let block = [0x1f, b'a', 1, 0, 0, 0x50, b'b', b'c', b'd', b'e', b'f'];
        assert_eq!(bare(&block, 1 << 20).as_deref(), Some(&b"aaaaaaaaaaaaaaaaaaaabcdef"[..]));
        assert_eq!(bare(&block[..8], 1 << 20), None);
        // A match before the beginning.
        assert_eq!(bare(&[0x1f, b'a', 2, 0, 0, 0x50, 1, 2, 3, 4, 5], 1 << 20), None);
    }
}
