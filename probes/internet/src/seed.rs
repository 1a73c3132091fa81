//! Bytes drawn from the run's seed by label. Every draw is a function of seed and label alone, so
//! asking for one thing never moves another.

use sha2::{Digest as _, Sha256};

/// The fake internet's share of the run's seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 32 bytes for `purpose` and `name`. `round` gives further ones (for rejected draws).
    pub(crate) fn bytes(self, purpose: &str, name: &[u8], round: u32) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"belljar internet 1\0");
        hash.update(self.0.to_be_bytes());
        hash.update(round.to_be_bytes());
        hash.update((purpose.len() as u64).to_be_bytes());
        hash.update(purpose.as_bytes());
        hash.update(name);
        hash.finalize().into()
    }
}
