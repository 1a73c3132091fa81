//! Digests of decoys and of what is in them.

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-1 (FIPS 180-4).
    Sha1,
    /// MD5 (RFC 1321).
    Md5,
}

/// Bytes of all digests of one content.
pub(crate) const ALL: usize = 68;

/// Where each algorithm's digest lies among them.
pub(crate) const PLACES: [(Algorithm, usize, usize); 3] =
    [(Algorithm::Sha256, 0, 32), (Algorithm::Sha1, 32, 20), (Algorithm::Md5, 52, 16)];

/// All digests of a content that comes bit by bit.
#[derive(Default)]
pub(crate) struct Digests {
    sha256: sha2::Sha256,
    sha1: sha1::Sha1,
    md5: md5::Md5,
}

impl Digests {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.sha1.update(bytes);
        self.md5.update(bytes);
    }

    pub(crate) fn finish(self) -> [u8; ALL] {
        let mut all = [0; ALL];
        all[..32].copy_from_slice(&self.sha256.finalize());
        all[32..52].copy_from_slice(&self.sha1.finalize());
        all[52..].copy_from_slice(&self.md5.finalize());
        all
    }
}
