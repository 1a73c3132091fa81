//! Digests of decoys and of what is in them.

use belljar_record::DecoySource;
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

impl Algorithm {
    /// The name as written in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha1 => "SHA-1",
            Self::Md5 => "MD5",
        }
    }

    /// The digest of all bytes of `source`.
    pub fn digest(self, source: &dyn DecoySource) -> Vec<u8> {
        let mut digests = Digests::default();
        let (mut buffer, mut at) = (vec![0; 256 << 10], 0);
        loop {
            let filled = source.read_at(at, &mut buffer);
            if filled == 0 {
                break;
            }
            digests.update(&buffer[..filled]);
            at += filled as u64;
        }
        let all = digests.finish();
        let place = PLACES.iter().find(|(algorithm, _, _)| *algorithm == self);
        place.map_or_else(Vec::new, |&(_, at, len)| all[at..at + len].to_vec())
    }
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
