//! Passwords and keys that stand in the same egress as what they open.
//!
//! Passwords are words of text: those behind a label such as `password` first. Keys are what is
//! exactly as long as a key and was written in digits. Cannot see: keys in other payloads.

use std::collections::HashSet;
use std::ops::Range;

/// The most passwords that are tried.
const PASSWORDS: usize = 512;
/// The most keys, and the most nonces, that are kept.
const KEYS: usize = 32;
/// Bytes in which passwords are looked for, at each end of something long.
const TEXT: usize = 64 << 10;

/// The most places of one key that are kept.
const PLACES: usize = 4;

/// Keys and nonces that were seen.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    keys: Vec<Known>,
    nonces: Vec<Known>,
}

/// A key or nonce, and where in the payload it stands.
#[derive(Debug)]
struct Known {
    bytes: Vec<u8>,
    places: Vec<u64>,
}

impl Keys {
    /// Keys and nonces of which some place is outside of `inside`: what is encrypted does not hold
    /// its own key in digits.
    pub(crate) fn outside(&self, inside: &Range<u64>) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let of = |all: &[Known]| {
            all.iter()
                .filter(|known| known.places.iter().any(|place| !inside.contains(place)))
                .map(|known| known.bytes.clone())
                .collect()
        };
        (of(&self.keys), of(&self.nonces))
    }

    /// Takes note of something decoded from digits that stand at `place` of the payload.
    pub(crate) fn see(&mut self, bytes: &[u8], place: u64) {
        if !matches!(bytes.len(), 8 | 12 | 16 | 24 | 32) {
            return;
        }
        let mut set = [0_u64; 4];
        for &byte in bytes {
            set[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        let different: u32 = set.iter().map(|word| word.count_ones()).sum();
        if different as usize * 2 <= bytes.len() {
            return;
        }
        let keep = |list: &mut Vec<Known>| {
            if let Some(known) = list.iter_mut().find(|known| known.bytes == bytes) {
                if known.places.len() < PLACES && !known.places.contains(&place) {
                    known.places.push(place);
                }
            } else if list.len() < KEYS {
                list.push(Known { bytes: bytes.to_vec(), places: vec![place] });
            }
        };
        if matches!(bytes.len(), 16 | 24 | 32) {
            keep(&mut self.keys);
        }
        if matches!(bytes.len(), 8 | 12 | 16 | 24) {
            keep(&mut self.nonces);
        }
    }
}

/// Words of `bytes` that may be passwords, likeliest first.
pub(crate) fn passwords(bytes: &[u8]) -> Vec<Vec<u8>> {
    let head = &bytes[..bytes.len().min(TEXT)];
    let tail = &bytes[head.len().max(bytes.len().saturating_sub(TEXT))..];
    let (mut labelled, mut other) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    // What comes last is nearest to being a comment, a trailer, a last field.
    for text in [tail, head] {
        let mut wanted = 0_u32;
        for word in text.split(|&b| is_break(b)).filter(|word| !word.is_empty()) {
            let lower = word.to_ascii_lowercase();
            let label = [&b"pass"[..], b"pw", b"pwd", b"secret", b"key", b"pin"]
                .iter()
                .any(|label| lower.starts_with(label) && word.len() <= 12);
            if wanted > 0 || (4..=64).contains(&word.len()) && seen.insert(word) {
                if wanted > 0 {
                    labelled.push(word.to_vec());
                    wanted -= 1;
                } else if other.len() < PASSWORDS {
                    other.push(word.to_vec());
                }
            }
            if label {
                wanted = 2;
            }
        }
    }
    labelled.truncate(PASSWORDS / 2);
    labelled.extend(other);
    labelled.truncate(PASSWORDS);
    labelled
}

fn is_break(byte: u8) -> bool {
    !(0x21..0x7f).contains(&byte)
        || matches!(
            byte,
            b'"' | b'\''
                | b'='
                | b':'
                | b'&'
                | b';'
                | b','
                | b'<'
                | b'>'
                | b'{'
                | b'}'
                | b'('
                | b')'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_only_in_what_is_encrypted_does_not_count() {
        let (twice, inside) = (b"0123456789abcdef", b"fedcba9876543210");
        let mut keys = Keys::default();
        keys.see(twice, 10);
        keys.see(twice, 500);
        keys.see(inside, 20);
        assert_eq!(keys.outside(&(0..100)), (vec![twice.to_vec()], vec![twice.to_vec()]));
        assert_eq!(keys.outside(&(0..600)), (vec![], vec![]));
    }

    #[test]
    fn a_password_behind_its_label_comes_first() {
        let found =
            passwords(b"POST /up HTTP/1.1\r\nx: y\r\n\r\n\x01\x02{\"password\":\"Tr0ub4dor\"}");
        assert_eq!(found[0], b"Tr0ub4dor");
    }
}
