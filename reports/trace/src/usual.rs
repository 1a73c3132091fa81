//! How much a short run of text says: the words that the twins use too say little.
//!
//! Documents of one maker are made of the same few hundred words, so four or five of them in a row
//! come out equal now and then, in documents that have nothing to do with each other; the twin has
//! other such rows. A run of fewer than [`SHORT`] bytes therefore counts only if it says
//! [`ENOUGH`] bits: a word that the twins know [`KNOWN`] bits, another by its letters, digits and
//! bytes that are no text by their number. In prose that is some 46 bytes in place of 32. Digits of
//! base64 say what the text says that they stand for.

use std::collections::HashSet;

/// Runs that are shorter than this are weighed.
pub(crate) const SHORT: u64 = 64;
/// What a run must say, in bits.
pub(crate) const ENOUGH: f64 = 44.0;
/// What a word says that is known: one of a few hundred.
const KNOWN: f64 = 7.0;
/// What short words say: articles, conjunctions.
const SMALL: f64 = 3.0;
/// What a letter of an unknown word says, and all of them at most: names are made of known halves.
const LETTER: f64 = 4.5;
const UNKNOWN: f64 = 12.0;
const DIGIT: f64 = 3.3;
/// What a blank or a sign says, and any other byte.
const SIGN: f64 = 0.5;
const OTHER: f64 = 6.0;
/// Bytes of one source from which words are learned, and of all.
const OF_ONE: usize = 64 << 10;
const OF_ALL: usize = 4 << 20;

/// Words of the twins.
#[derive(Debug, Default)]
pub(crate) struct Usual {
    words: HashSet<u64>,
    learned: usize,
}

fn hash(word: &[u8]) -> u64 {
    word.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Usual {
    /// Learns the words of the head of something, if it is text.
    pub(crate) fn learn(&mut self, bytes: &[u8]) {
        let head = &bytes[..bytes.len().min(OF_ONE)];
        let printable = |b: &&u8| matches!(**b, 0x20..=0x7e | b'\t' | b'\r' | b'\n');
        let text = head.iter().take(512).filter(printable).count() * 10 >= head.len().min(512) * 9;
        if !text || self.learned >= OF_ALL {
            return;
        }
        self.learned += head.len();
        for word in head.split(|byte| !byte.is_ascii_alphabetic()) {
            if word.len() > 1 {
                self.words.insert(hash(word));
            }
        }
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> u64 {
        (self.words.capacity() * 9) as u64
    }

    /// How much a run says, in bits; digits of base64 say no more than the text that they stand for.
    pub(crate) fn bits(&self, run: &[u8]) -> f64 {
        let digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(byte);
        let written = self.of_text(run);
        if !run.iter().all(digit) {
            return written;
        }
        let digits: Vec<u8> = run.iter().copied().filter(|byte| !b"=\r\n".contains(byte)).collect();
        (0..4.min(digits.len()))
            .filter_map(|phase| text_of(&digits[phase..]))
            .map(|text| self.of_text(&text))
            .fold(written, f64::min)
    }

    /// A word that is cut at an edge counts by what is there.
    fn of_text(&self, run: &[u8]) -> f64 {
        let mut bits = 0.0;
        let mut at = 0;
        while at < run.len() {
            let letters = run[at..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            if letters == 0 {
                bits += match run[at] {
                    b'0'..=b'9' => DIGIT,
                    0x20..=0x7e | b'\t' | b'\r' | b'\n' => SIGN,
                    _ => OTHER,
                };
                at += 1;
                continue;
            }
            let word = &run[at..at + letters];
            let cut = at == 0 || at + letters == run.len();
            let most = letters as f64 * LETTER;
            // Capitals inside are of no word: digits of base64.
            let digits = word[1..].iter().any(u8::is_ascii_uppercase)
                && word.iter().any(u8::is_ascii_lowercase);
            bits += if digits {
                most
            } else if letters <= 3 {
                most.min(SMALL)
            } else if cut || self.words.contains(&hash(word)) {
                most.min(KNOWN)
            } else {
                most.min(UNKNOWN)
            };
            at += letters;
        }
        bits
    }
}

/// What digits of base64 stand for, if that is text.
fn text_of(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    };
    let groups = digits.as_chunks::<4>().0.iter();
    let text: Vec<u8> = groups
        .flat_map(|group| {
            let bits = group.iter().fold(0_u32, |bits, &byte| bits << 6 | u32::from(value(byte)));
            bits.to_be_bytes()[1..].to_vec()
        })
        .collect();
    let printable = |byte: &u8| matches!(byte, 0x20..=0x7e | b'\t' | b'\r' | b'\n');
    (text.len() >= 12 && text.iter().all(printable)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_words_say_little_and_other_bytes_much() {
        let mut usual = Usual::default();
        usual.learn(b"the quarterly budget confirms the other ledger while the small office moves");
        assert!(usual.bits(b"e quarterly budget confirms the l") < ENOUGH);
        assert!(usual.bits(b"e quarterly budget confirms the other led") < ENOUGH);
        assert!(
            usual.bits(b"other ledger confirms the quarterly budget while the small office")
                >= ENOUGH
        );
        // Without twins; digits of any kind; bytes.
        assert!(Usual::default().bits(b"the quarterly budget confirms the other") >= ENOUGH);
        assert!(usual.bits(b"3f9a1b77c0d2e4856f01a9b8c7d6e5f4") >= ENOUGH);
        assert!(usual.bits(b"kDx7Qm2ZpLw9RtYvB4nHsJ8cFgA1eUoK") >= ENOUGH);
        // Digits that stand for usual words, from any of them on, over the end of a line.
        let digits = data_encoding::BASE64
            .encode(b"the quarterly budget confirms the other ledger while the small office moves");
        for at in 0..4 {
            let run =
                [&digits.as_bytes()[at..at + 20], b"\r\n", &digits.as_bytes()[at + 20..at + 33]];
            assert!(usual.bits(&run.concat()) < ENOUGH, "{at}");
        }
        assert!(usual.bits(b"\x01\x82\xfe\x93\x04\x85\xf6\x97\x08\x89") >= ENOUGH);
    }
}
