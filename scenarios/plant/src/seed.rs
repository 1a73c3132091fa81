//! Randomness by name.
//!
//! There is no generator that is advanced from decoy to decoy: every piece of content has its own
//! stream, keyed by the seed and a label. Changing, adding or removing one decoy therefore moves
//! nothing else. The streams are reproducible, not secret: who knows the seed knows every byte.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// A stream of random bytes: `ChaCha8` keyed by SHA-256 of seed and label.
pub type Stream = ChaCha8Rng;

/// What a plant, a decoy or a block is drawn from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed([u8; 32]);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seed({})", data_encoding::HEXLOWER.encode(&self.0[..6]))
    }
}

impl Seed {
    /// The seed of a plant.
    pub fn new(number: u64) -> Self {
        Self(derive(&[b"belljar plant 1", &number.to_le_bytes()]))
    }

    /// The stream of this label.
    pub fn stream(&self, label: &str) -> Stream {
        ChaCha8Rng::from_seed(derive(&[&self.0, b"\0stream\0", label.as_bytes()]))
    }

    /// The seed of something below this one.
    pub fn child(&self, label: &str) -> Self {
        Self(derive(&[&self.0, b"\0child\0", label.as_bytes()]))
    }

    /// The stream of the n-th block: as [`Seed::stream`], without making a label.
    pub(crate) fn block(&self, number: u64) -> Stream {
        ChaCha8Rng::from_seed(derive(&[&self.0, b"\0block\0", &number.to_le_bytes()]))
    }
}

fn derive(pieces: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update(piece);
    }
    hash.finalize().into()
}

/// Draws from a stream.
pub(crate) trait Draw: Rng {
    /// A number below `bound` (0 if `bound` is 0). Slightly uneven for large bounds, which does not
    /// matter here, and costs one word of the stream whatever comes out.
    fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// A number in `least..=most`.
    fn between(&mut self, least: u64, most: u64) -> u64 {
        let span = u128::from(most.saturating_sub(least)) + 1;
        least + ((u128::from(self.next_u64()) * span) >> 64) as u64
    }

    /// One of a list that is not empty.
    fn one_of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(u32::try_from(list.len()).unwrap_or(u32::MAX)) as usize]
    }

    /// Letters and digits.
    fn token(&mut self, len: usize, alphabet: &[u8]) -> String {
        (0..len).map(|_| char::from(alphabet[self.below(alphabet.len() as u32) as usize])).collect()
    }
}

impl<R: Rng> Draw for R {}

/// Digits of hexadecimal numbers.
pub(crate) const HEX: &[u8] = b"0123456789abcdef";
/// Letters and digits, as in passwords and identifiers.
pub(crate) const ALPHANUMERIC: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_seed_and_label_only() {
        let first = |seed: Seed, label: &str| seed.stream(label).next_u64();
        assert_eq!(first(Seed::new(7), "a"), first(Seed::new(7), "a"));
        assert_ne!(first(Seed::new(7), "a"), first(Seed::new(7), "b"));
        assert_ne!(first(Seed::new(7), "a"), first(Seed::new(8), "a"));
        assert_ne!(first(Seed::new(7).child("a"), "x"), first(Seed::new(7), "a/x"));
    }

    #[test]
    fn draws_stay_in_their_range() {
        let mut stream = Seed::new(1).stream("range");
        for _ in 0..1000 {
            assert!(stream.below(7) < 7);
            assert!((5..=9).contains(&stream.between(5, 9)));
        }
        assert_eq!(stream.below(0), 0);
    }
}
