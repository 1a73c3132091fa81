//! Ascii85 and Z85: four bytes in five printable characters.
//!
//! Recognised by the alphabet and by how often characters stand in it that words, base64 and
//! addresses do not have; groups that are too large for four bytes tell text from it. Cannot see:
//! runs shorter than 40 characters, runs with blanks in them.

use crate::Decoder;
use std::ops::Range;

/// The least number of characters in a run.
const LEAST: usize = 40;
const SKIP: u8 = 0xfc;
const ZERO: u8 = 0xfd;
const NONE: u8 = 0xff;
const Z85: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

static ASCII85_VALUES: [u8; 256] = ascii85_values();
static Z85_VALUES: [u8; 256] = z85_values();

const fn ascii85_values() -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut i = 0;
    while i < 85 {
        values[b'!' as usize + i] = i as u8;
        i += 1;
    }
    values[b'z' as usize] = ZERO;
    values[b'\r' as usize] = SKIP;
    values[b'\n' as usize] = SKIP;
    values
}

const fn z85_values() -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut i = 0;
    while i < 85 {
        values[Z85[i] as usize] = i as u8;
        i += 1;
    }
    values[b'\r' as usize] = SKIP;
    values[b'\n' as usize] = SKIP;
    values
}

fn values(decoder: Decoder) -> &'static [u8; 256] {
    if decoder == Decoder::Z85 { &Z85_VALUES } else { &ASCII85_VALUES }
}

/// Runs in `bytes`, one for each place in a group of five at which they may begin.
pub(crate) fn find(bytes: &[u8]) -> Vec<(Decoder, Range<usize>)> {
    let mut found = Vec::new();
    for decoder in [Decoder::Ascii85, Decoder::Z85] {
        let values = values(decoder);
        let inside = |byte: u8| values[byte as usize] != NONE;
        let (mut floor, mut probe) = (0, LEAST - 1);
        while probe < bytes.len() {
            if !inside(bytes[probe]) {
                floor = probe + 1;
                probe += LEAST;
                continue;
            }
            let start = bytes[floor..probe]
                .iter()
                .rposition(|&b| !inside(b))
                .map_or(floor, |i| floor + i + 1);
            let long = bytes[probe..].as_chunks::<32>().0.iter();
            let behind = probe + 32 * long.take_while(|chunk| all_inside(decoder, chunk)).count();
            let end = bytes[behind..]
                .iter()
                .position(|&b| !inside(b))
                .map_or(bytes.len(), |i| behind + i);
            if end - start >= LEAST && looks_so(decoder, &bytes[start..end]) {
                phases(decoder, bytes, start..end, &mut found);
            }
            floor = end;
            probe = end + LEAST;
        }
    }
    found
}

/// Whether all bytes are of the alphabet, by comparisons that need no table.
fn all_inside(decoder: Decoder, chunk: &[u8; 32]) -> bool {
    let break_ = |byte: u8| (byte == b'\r') | (byte == b'\n');
    if decoder == Decoder::Z85 {
        // All that is printable but the blank and nine signs.
        return chunk.iter().fold(true, |all, &b| {
            let printable = b.wrapping_sub(0x21) < 0x5e;
            let none = (b == b'"') | (b == b'\'') | (b == b',') | (b == b';') | (b == b'\\');
            let nor = (b == b'_') | (b == b'`') | (b == b'|') | (b == b'~');
            all & ((printable & !none & !nor) | break_(b))
        });
    }
    chunk.iter().fold(true, |all, &b| all & ((b.wrapping_sub(b'!') < 85) | (b == b'z') | break_(b)))
}

/// What a byte counts for in [`looks_so`], sixteen bits each: signs, capitals, digits, all.
type Weights = [u64; 256];

static ASCII85_WEIGHTS: Weights = weights(false);
static Z85_WEIGHTS: Weights = weights(true);

const fn weights(z85: bool) -> Weights {
    let mut weights = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        let sign = if z85 {
            !b.is_ascii_alphanumeric() && Z85_VALUES[byte] < SKIP
        } else {
            matches!(b, b'!'..=b'*' | b',' | b':'..=b'<' | b'>'..=b'@' | b'['..=b'^' | b'`')
        };
        // Zeros are written in these.
        let zero = if z85 { b'0' } else { b'!' };
        if b != zero {
            weights[byte] = sign as u64
                | (b.is_ascii_uppercase() as u64) << 16
                | (b.is_ascii_digit() as u64) << 32
                | (!matches!(b, b'\r' | b'\n') as u64) << 48;
        }
        byte += 1;
    }
    weights
}

/// Whether a run has as many signs as random bytes give.
fn looks_so(decoder: Decoder, run: &[u8]) -> bool {
    let weights = if decoder == Decoder::Z85 { &Z85_WEIGHTS } else { &ASCII85_WEIGHTS };
    let (mut sum, mut set) = (0_u64, 0_u128);
    for &byte in run.iter().take(4096) {
        let weight = weights[byte as usize];
        sum += weight;
        set |= u128::from(weight & 1) << (byte & 127);
    }
    let part = |place: u32| (sum >> place) as u16 as u32;
    let (signs, upper, digits, all) = (part(0), part(16), part(32), part(48));
    let different = set.count_ones();
    // Of 85 characters, 23 are such signs, 26 capitals, 10 digits; text of few different bytes has
    // fewer. Addresses have few capitals.
    if decoder == Decoder::Z85 && (upper * 10 < all || digits * 40 < all) {
        return false;
    }
    let least = if decoder == Decoder::Z85 { 7 } else { 10 };
    signs * least >= all && different >= 6 && signs * 5 <= all * 4
}

/// The places at which the first group may begin: those from which few groups are too large.
fn phases(
    decoder: Decoder,
    bytes: &[u8],
    run: Range<usize>,
    found: &mut Vec<(Decoder, Range<usize>)>,
) {
    for start in
        (run.start..run.end).filter(|&i| values(decoder)[bytes[i] as usize] != SKIP).take(5)
    {
        let (mut groups, mut wrong) = (0_u32, 0_u32);
        each_group(decoder, &bytes[start..run.end.min(start + (16 << 10))], |group| {
            groups += 1;
            wrong += u32::from(group.too_large);
        });
        // What stands before the run (a field's name) is read along with it.
        if wrong <= 2 + groups / 64 {
            found.push((decoder, start..run.end));
        }
    }
}

struct Group {
    number: u32,
    len: usize,
    too_large: bool,
}

fn each_group(decoder: Decoder, text: &[u8], mut see: impl FnMut(Group)) {
    let values = values(decoder);
    let (mut number, mut held) = (0_u64, 0_usize);
    for &byte in text {
        match values[byte as usize] {
            SKIP => {}
            ZERO if held == 0 => see(Group { number: 0, len: 4, too_large: false }),
            // In the middle of a group it is none: whatever stood before is not of it.
            ZERO | NONE => {
                see(Group { number: 0, len: 0, too_large: true });
                (number, held) = (0, 0);
            }
            value => {
                number = number * 85 + u64::from(value);
                held += 1;
                if held == 5 {
                    let too_large = number > u64::from(u32::MAX);
                    see(Group { number: number as u32, len: 4, too_large });
                    (number, held) = (0, 0);
                }
            }
        }
    }
    if held > 1 {
        let len = held - 1;
        for _ in held..5 {
            number = number * 85 + 84;
        }
        see(Group { number: number as u32, len, too_large: number > u64::from(u32::MAX) });
    }
}

/// Decodes a run.
pub(crate) fn decode(decoder: Decoder, text: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(text.len() / 5 * 4 + 4);
    each_group(decoder, text, |group| {
        output.extend_from_slice(&group.number.to_be_bytes()[..group.len]);
    });
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_are_read() {
        assert_eq!(decode(Decoder::Ascii85, b"9jqo^F*2M7/c"), b"Man sure.");
        assert_eq!(decode(Decoder::Ascii85, b"z9jqo^"), b"\0\0\0\0Man ");
        assert_eq!(decode(Decoder::Z85, b"HelloWorld"), b"\x86\x4f\xd2\x6f\xb5\x59\xf7\x5b");
    }

    #[test]
    fn the_alphabets_are_told_without_their_tables() {
        for decoder in [Decoder::Ascii85, Decoder::Z85] {
            for byte in 0..=255 {
                let known = values(decoder)[usize::from(byte)] != NONE;
                assert_eq!(all_inside(decoder, &[byte; 32]), known, "{decoder:?} {byte}");
            }
        }
    }

    #[test]
    fn words_and_addresses_are_none() {
        let words = b"https://www.example.com/some/long/path?with=a&query=string&and=more#fragment";
        assert_eq!(find(words), []);
        assert_eq!(find(&b"abcdefgh".repeat(20)), []);
    }
}
