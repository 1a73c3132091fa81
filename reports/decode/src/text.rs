//! Digits that stand for bytes: hexadecimal, base32, base64. They are recognised by their
//! alphabet alone, at any place and any alignment.

use crate::Decoder;
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
        bytes.iter().position(|&b| !self.inside(b)).unwrap_or(bytes.len())
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
            if end - start >= self.least
                && bytes[start..end].iter().filter(|&&b| self.is_digit(b)).take(self.least).count()
                    >= self.least
            {
                found.push(start..end);
            }
            floor = end;
            probe = end + self.least;
        }
        found
    }
}

/// Runs of digits in `bytes`, each with what it can be.
pub(crate) fn find(bytes: &[u8]) -> Vec<(Decoder, Range<usize>)> {
    let mut found: Vec<_> = HEX.runs(bytes).into_iter().map(|run| (Decoder::Hex, run)).collect();
    for run in BASE64.runs(bytes) {
        let text = &bytes[run.clone()];
        // Text that is all hexadecimal is not base64 (about one in 4^32 is).
        if text.iter().all(|&b| HEX.inside(b)) {
            continue;
        }
        for inner in BASE32.runs(text) {
            let part = &text[inner.clone()];
            let upper = part.iter().any(u8::is_ascii_uppercase);
            let lower = part.iter().any(u8::is_ascii_lowercase);
            if upper != lower {
                found.push((Decoder::Base32, run.start + inner.start..run.start + inner.end));
            }
        }
        found.push((Decoder::Base64, run));
    }
    found
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
        let bits = self.alphabet.bits;
        for &byte in input {
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
}
