//! Digits that stand for bytes: hexadecimal, base32, base64. They are recognised by their
//! alphabet alone, at any place and any alignment.

use crate::{Decoder, base58, lz_string};
use std::ops::Range;

const SKIP: u8 = 0xfd;
const RESET: u8 = 0xfe;
const OTHER: u8 = 0xff;

/// An alphabet: the value of each byte, or SKIP, RESET, OTHER.
pub(crate) struct Alphabet {
    values: [u8; 256],
    bits: u32,
    /// The least number of digits in a run.
    least: usize,
}

const fn table(letters: &[u8], start: u8, mut values: [u8; 256]) -> [u8; 256] {
    let mut i = 0;
    while i < letters.len() {
        values[letters[i] as usize] = start + i as u8;
        i += 1;
    }
    values
}

const fn mark(bytes: &[u8], as_what: u8, mut values: [u8; 256]) -> [u8; 256] {
    let mut i = 0;
    while i < bytes.len() {
        values[bytes[i] as usize] = as_what;
        i += 1;
    }
    values
}

static BASE64: Alphabet = Alphabet {
    values: mark(
        b"=",
        RESET,
        mark(
            b"\r\n",
            SKIP,
            table(
                b"-_",
                62,
                table(
                    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                    0,
                    [OTHER; 256],
                ),
            ),
        ),
    ),
    bits: 6,
    least: 22,
};

static BASE32: Alphabet = Alphabet {
    values: mark(
        b"=",
        RESET,
        mark(
            b"\r\n",
            SKIP,
            table(
                b"abcdefghijklmnopqrstuvwxyz",
                0,
                table(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 0, [OTHER; 256]),
            ),
        ),
    ),
    bits: 5,
    least: 26,
};

static BASE32HEX: Alphabet = Alphabet {
    values: mark(
        b"=",
        RESET,
        mark(
            b"\r\n",
            SKIP,
            table(
                b"abcdefghijklmnopqrstuv",
                10,
                table(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", 0, [OTHER; 256]),
            ),
        ),
    ),
    bits: 5,
    least: 26,
};

static HEX: Alphabet = Alphabet {
    // `x` undoes the 0 of `0x`.
    values: mark(
        b"xX",
        RESET,
        mark(
            b"\r\n\t :,-\\",
            SKIP,
            table(b"abcdef", 10, table(b"ABCDEF", 10, table(b"0123456789", 0, [OTHER; 256]))),
        ),
    ),
    bits: 4,
    least: 32,
};

/// The alphabet of a decoder, if it has one.
pub(crate) fn alphabet(decoder: Decoder) -> Option<&'static Alphabet> {
    match decoder {
        Decoder::Hex => Some(&HEX),
        Decoder::Base32 => Some(&BASE32),
        Decoder::Base32Hex => Some(&BASE32HEX),
        Decoder::Base64 => Some(&BASE64),
        _ => None,
    }
}

impl Alphabet {
    fn inside(&self, byte: u8) -> bool {
        self.values[byte as usize] != OTHER
    }

    fn is_digit(&self, byte: u8) -> bool {
        self.values[byte as usize] < SKIP
    }

    /// How many leading bytes of `bytes` belong to a run.
    pub(crate) fn leading(&self, bytes: &[u8]) -> usize {
        let mut at = 0;
        if self.bits == 6 {
            // Long runs are of this alphabet: most of one is gone through many bytes at a time.
            let whole = bytes.as_chunks::<32>().0.iter().take_while(|chunk| all_base64(chunk));
            at = whole.count() * 32;
        }
        bytes[at..].iter().position(|&b| !self.inside(b)).map_or(bytes.len(), |i| at + i)
    }

    /// The starts of each alignment of a run: how many bytes into it they lie.
    pub(crate) fn alignments(&self, run: &[u8]) -> Vec<usize> {
        let phases = match self.bits {
            4 => 2,
            6 => 4,
            _ => 8,
        };
        run.iter()
            .enumerate()
            .filter(|&(_, &b)| self.is_digit(b))
            .map(|(i, _)| i)
            .take(phases)
            .collect()
    }

    /// Whether a run, read from its first digit on, gives nothing but printable text: then there
    /// is no other way to read it. (Pieces of it are looked at.)
    pub(crate) fn gives_text(&'static self, run: &[u8]) -> bool {
        const PIECE: usize = 64;
        let mut digits = Digits::new(self);
        let mut output = Vec::new();
        if run.len() <= 16 * PIECE {
            digits.push(run, &mut output);
        } else {
            // What gives other bytes at once gives too many in all: seventeen pieces may have 16.
            let mut head = Vec::new();
            let first = run.iter().copied().filter(|&b| self.is_digit(b)).take(PIECE);
            Digits::new(self).push(&first.collect::<Vec<_>>(), &mut head);
            if head.iter().filter(|&b| !is_printable(*b)).count() * 50 > 17 * head.len() {
                return false;
            }
            // Whole groups of digits, between line breaks, begin anew wherever one begins.
            let group = if self.bits == 5 { 8 } else { 4 };
            let at: Vec<u8> = run.iter().copied().filter(|&b| self.is_digit(b)).collect();
            let step = (at.len() / 16).next_multiple_of(group);
            for piece in at.chunks(step) {
                Digits::new(self).push(&piece[..piece.len().min(PIECE)], &mut output);
            }
        }
        let printable = output.iter().filter(|&b| is_printable(*b)).count();
        output.len() >= 24 && printable * 50 >= output.len() * 49
    }

    /// The runs of `bytes` that are long enough.
    fn runs(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut floor = 0;
        let mut probe = self.least - 1;
        // Any run of `least` bytes holds a probe.
        while probe < bytes.len() {
            if !self.inside(bytes[probe]) {
                floor = probe + 1;
                probe += self.least;
                continue;
            }
            let start = bytes[floor..probe]
                .iter()
                .rposition(|&b| !self.inside(b))
                .map_or(floor, |i| floor + i + 1);
            let end = probe + self.leading(&bytes[probe..]);
            let body = start + head_line(&bytes[start..end]);
            found.extend([start..body, body..end].into_iter().filter(|run| {
                let digits = bytes[run.clone()].iter().filter(|&&b| self.is_digit(b));
                digits.take(self.least).count() >= self.least
            }));
            floor = end;
            probe = end + self.least;
        }
        found
    }
}

/// How much of a run is the end of a head (`332`, `close`, `us-ascii`) before the blank line that its
/// digits stand behind: read along, it would shift them.
fn head_line(run: &[u8]) -> usize {
    const HEAD: usize = 64;
    let head = &run[..run.len().min(HEAD)];
    let blank = |sign: &[u8]| head.windows(sign.len()).position(|four| four == sign);
    let behind = |sign: &'static [u8]| blank(sign).map(|at| at + sign.len());
    behind(b"\r\n\r\n").or_else(|| behind(b"\n\n")).unwrap_or(0)
}

/// Whether all bytes are of the alphabet of base64, by comparisons that need no table.
fn all_base64(chunk: &[u8; 32]) -> bool {
    chunk.iter().fold(true, |all, &byte| {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        let sign = (byte == b'+') | (byte == b'/') | (byte == b'-') | (byte == b'_');
        let other = (byte == b'=') | (byte == b'\r') | (byte == b'\n');
        all & (letter | digit | sign | other)
    })
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e | b'\t' | b'\r' | b'\n')
}

/// Runs of digits in `bytes`, each with what it can be.
pub(crate) fn find(bytes: &[u8]) -> Vec<(Decoder, Range<usize>)> {
    let mut found: Vec<_> = HEX.runs(bytes).into_iter().map(|run| (Decoder::Hex, run)).collect();
    for run in BASE64.runs(bytes) {
        let run = before_field(bytes, run);
        let text = &bytes[run.clone()];
        // Text that is all hexadecimal is not base64 (about one in 4^32 is).
        if text.iter().all(|&b| HEX.inside(b)) {
            continue;
        }
        let of_32 = base32(text);
        let covered = of_32.iter().map(|(_, part)| part.len()).max().unwrap_or(0);
        found.extend(
            of_32
                .into_iter()
                .map(|(decoder, part)| (decoder, run.start + part.start..run.start + part.end)),
        );
        // Sixty-four digits of base64 that are all of one case are as good as never seen.
        if covered == text.len() && covered >= 64 {
            continue;
        }
        let mut numbers = Vec::new();
        base58::find(text, &mut numbers);
        found.extend(
            numbers.into_iter().map(|n| (Decoder::Base58, run.start + n.start..run.start + n.end)),
        );
        if let Some(stream) = lz_string::find(text) {
            found.push((Decoder::LzString, run.start + stream.start..run.start + stream.end));
        }
        if changes_often(text) {
            segments(text, run.start, &mut found);
            found.push((Decoder::Base64, run));
        }
    }
    found
}

/// Runs of base32 in letters of one case, of either alphabet. What of the one alphabet stands by
/// chance within a much longer run of the other is left out.
fn base32(text: &[u8]) -> Vec<(Decoder, Range<usize>)> {
    let of = |decoder: Decoder, alphabet: &'static Alphabet| -> Vec<Range<usize>> {
        let pieces = alphabet.runs(text).into_iter().flat_map(|run| of_one_case(text, run));
        let enough = |part: &Range<usize>| {
            let digits = text[part.clone()].iter().filter(|&&b| alphabet.is_digit(b)).count();
            digits >= alphabet.least && looks_so(decoder, &text[part.clone()])
        };
        pieces.filter(enough).collect()
    };
    let (plain, hex) = (of(Decoder::Base32, &BASE32), of(Decoder::Base32Hex, &BASE32HEX));
    let apart = |own: &[Range<usize>], other: &[Range<usize>], decoder: Decoder| {
        let within = |part: &Range<usize>| {
            let before = other.partition_point(|long| long.start <= part.start);
            before.checked_sub(1).is_some_and(|long| {
                other[long].end >= part.end && other[long].len() > 2 * part.len()
            })
        };
        own.iter()
            .filter(|part| !within(part))
            .map(|part| (decoder, part.clone()))
            .collect::<Vec<_>>()
    };
    let mut found = apart(&plain, &hex, Decoder::Base32);
    found.extend(apart(&hex, &plain, Decoder::Base32Hex));
    found
}

/// Pieces of a run of which the letters are of one case: a word of the other case may stand before
/// digits, behind them, or on the line before.
fn of_one_case(text: &[u8], run: Range<usize>) -> Vec<Range<usize>> {
    let (mut pieces, mut start, mut case) = (Vec::new(), run.start, None);
    for at in run.clone() {
        let byte = text[at];
        let here = byte.is_ascii_uppercase();
        if !byte.is_ascii_alphabetic() || case == Some(here) {
            continue;
        }
        if case.is_some() {
            pieces.push(start..at);
            start = at;
        }
        case = Some(here);
    }
    // Numbers alone are of no case.
    if case.is_some() {
        pieces.push(start..run.end);
    }
    pieces
}

/// A run without the name of the header field that stands on the line behind it: names are written
/// in the same letters.
fn before_field(bytes: &[u8], run: Range<usize>) -> Range<usize> {
    let text = &bytes[run.clone()];
    let Some(line) = text.iter().rposition(|&b| b == b'\n').map(|at| at + 1) else { return run };
    let name = &text[line..];
    let is_name = bytes.get(run.end) == Some(&b':')
        && (1..=40).contains(&name.len())
        && name.iter().all(|&b| b.is_ascii_alphabetic() || b == b'-');
    let end = text[..line].iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |at| at + 1);
    match is_name && end > 0 {
        true => run.start..run.start + end,
        false => run,
    }
}

/// Whether digits of base32 are mixed as they must be: words have no digits, hexadecimal has no
/// letters beyond `f`.
fn looks_so(decoder: Decoder, part: &[u8]) -> bool {
    match decoder {
        Decoder::Base32Hex => {
            let beyond = part.iter().filter(|b| matches!(**b | 0x20, b'g'..=b'v')).count();
            // Zeros are written in zeros.
            let zeros = memchr::memchr_iter(b'0', part).count();
            beyond >= 3 && beyond * 8 >= part.len() - zeros && part.iter().any(u8::is_ascii_digit)
        }
        _ => part.iter().any(u8::is_ascii_digit),
    }
}

/// Whether capitals, small letters and digits change as often as in base64. Words, paths and the
/// names of functions, which are written in the same characters, change less.
fn changes_often(text: &[u8]) -> bool {
    // Escapes (`=41=42`) change less in base64: 32 bytes of content are 128 digits of it.
    const LONG: usize = 128;
    if text.len() >= LONG {
        return true;
    }
    let class = |byte: u8| match byte {
        b'A'..=b'Z' => 0,
        b'a'..=b'z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let (mut pairs, mut changes) = (0, 0);
    for pair in text.windows(2) {
        // Runs of one letter are zeros.
        if pair[0] != pair[1] && !matches!(pair[0], b'\r' | b'\n') {
            pairs += 1;
            changes += usize::from(class(pair[0]) != class(pair[1]));
        }
    }
    // In base64 about two of three neighbours differ in class.
    changes * 20 >= pairs * 7
}

/// Pieces of a short run between slashes: what stands in a path begins behind one.
fn segments(text: &[u8], at: usize, found: &mut Vec<(Decoder, Range<usize>)>) {
    if text.len() > 8192 || memchr::memchr_iter(b'/', text).count() > 8 {
        return;
    }
    let mut start = 0;
    for piece in text.split(|&b| b == b'/') {
        if piece.len() >= BASE64.least && piece.len() < text.len() && changes_often(piece) {
            found.push((Decoder::Base64, at + start..at + start + piece.len()));
        }
        start += piece.len() + 1;
    }
}

/// Digits to bytes, block by block.
pub(crate) struct Digits {
    alphabet: &'static Alphabet,
    value: u32,
    held: u32,
}

impl Digits {
    pub(crate) fn new(alphabet: &'static Alphabet) -> Self {
        Self { alphabet, value: 0, held: 0 }
    }

    /// Decodes `input` to the end of `output`.
    pub(crate) fn push(&mut self, input: &[u8], output: &mut Vec<u8>) {
        output.reserve(input.len());
        let mut at = 0;
        while at < input.len() {
            // Between line breaks whole groups follow each other.
            if self.held == 0 {
                at += match self.alphabet.bits {
                    6 => self.groups::<4, 3>(&input[at..], output),
                    5 => self.groups::<8, 5>(&input[at..], output),
                    _ => self.groups::<8, 4>(&input[at..], output),
                };
                if at == input.len() {
                    break;
                }
            }
            self.digit(input[at], output);
            at += 1;
        }
    }

    /// Decodes groups of digits with nothing between them; gives how many bytes these are.
    fn groups<const DIGITS: usize, const BYTES: usize>(
        &self,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> usize {
        let (values, bits) = (&self.alphabet.values, self.alphabet.bits);
        let (groups, _) = input.as_chunks::<DIGITS>();
        let mut whole = 0;
        for group in groups {
            let (mut number, mut all) = (0_u64, 0_u8);
            for &digit in group {
                let value = values[digit as usize];
                all |= value;
                number = number << bits | u64::from(value & 0x3f);
            }
            if all >= 0x40 {
                break;
            }
            output.extend_from_slice(&number.to_be_bytes()[8 - BYTES..]);
            whole += 1;
        }
        whole * DIGITS
    }

    fn digit(&mut self, byte: u8, output: &mut Vec<u8>) {
        let bits = self.alphabet.bits;
        let value = self.alphabet.values[byte as usize];
        if value < SKIP {
            self.value = (self.value << bits) | u32::from(value);
            self.held += bits;
            if self.held >= 8 {
                self.held -= 8;
                output.push((self.value >> self.held) as u8);
                self.value &= (1 << self.held) - 1;
            }
        } else if value == RESET {
            self.value = 0;
            self.held = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_alphabet_of_base64_is_told_without_its_table() {
        for byte in 0..=255 {
            assert_eq!(all_base64(&[byte; 32]), BASE64.inside(byte), "{byte}");
        }
    }

    proptest! {
        #[test]
        fn digits_in_groups_are_digits_one_by_one(
            text in proptest::collection::vec(
                prop_oneof![9 => proptest::sample::select(b"ABCDEFabcdef0123456789".to_vec()), 1 => any::<u8>()],
                0..200,
            ),
            cut in any::<prop::sample::Index>(),
        ) {
            for alphabet in [&HEX, &BASE32, &BASE32HEX, &BASE64] {
                let (mut one, mut plain) = (Digits::new(alphabet), Vec::new());
                text.iter().for_each(|&byte| one.digit(byte, &mut plain));
                let (mut all, mut grouped) = (Digits::new(alphabet), Vec::new());
                let cut = cut.index(text.len() + 1);
                all.push(&text[..cut], &mut grouped);
                all.push(&text[cut..], &mut grouped);
                prop_assert_eq!(plain, grouped);
            }
        }
    }
}
