//! What was shown already, so that equal content is shown once.
//!
//! Contents are told apart by a hash of 64 bits under a key that is drawn anew for each payload
//! (multiplications folded onto themselves, as in wyhash): nobody can choose two contents that are
//! taken for one. It is as fast as memory is, which SipHash is not by far.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

/// Contents, by what was made of them and where in the payload.
pub(crate) struct Seen {
    keys: [u64; 3],
    known: HashSet<u64>,
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl Seen {
    pub(crate) fn new() -> Self {
        let random = RandomState::new();
        // Odd, so that no multiplication by one loses everything.
        let keys = [1_u64, 2, 3].map(|number| random.hash_one(number) | 1);
        Self { keys, known: HashSet::new() }
    }

    /// Notes `bytes` at `place`; says whether they are new there.
    pub(crate) fn is_new(&mut self, bytes: &[u8], place: u64) -> bool {
        let hash = fold(self.hash(bytes) ^ self.keys[0], place ^ self.keys[1]);
        self.known.insert(hash)
    }

    fn hash(&self, bytes: &[u8]) -> u64 {
        let [a, b, c] = self.keys;
        let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let (blocks, rest) = bytes.as_chunks::<32>();
        // Two lanes: one multiplication need not wait for the other.
        let (mut one, mut two) = (a ^ bytes.len() as u64, c);
        for block in blocks {
            if let ([w, x, y, z], _) = block.as_chunks::<8>() {
                one = fold(word(w) ^ b, word(x) ^ one);
                two = fold(word(y) ^ c, word(z) ^ two);
            }
        }
        for piece in rest.chunks(16) {
            let mut last = [0; 16];
            last[..piece.len()].copy_from_slice(piece);
            if let ([w, x], _) = last.as_chunks::<8>() {
                one = fold(word(w) ^ b, word(x) ^ one);
            }
        }
        fold(one ^ b, two ^ a)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_content_at_one_place_is_known() {
        let mut seen = Seen::new();
        let bytes: Vec<u8> = (0..1000_u32).map(|i| (i * 7 % 251) as u8).collect();
        for len in 0..200 {
            assert!(seen.is_new(&bytes[..len], 1), "{len}");
            assert!(!seen.is_new(&bytes[..len], 1));
            assert!(seen.is_new(&bytes[..len], 2));
        }
        for at in 0..1000 {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(seen.is_new(&other, 1), "{at}");
        }
    }
}
