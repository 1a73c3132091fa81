//! Where the bytes of a planted file come from: made on demand, never all in memory.

use crate::ByteString;
use std::sync::Arc;

/// Bytes of a known length that can be read at any place. The length is known before any byte
/// exists, so a world of a million files costs no memory until somebody reads.
pub trait DecoySource: Send + Sync + std::fmt::Debug {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Fills `buf` from `offset`; returns how many bytes were filled: `min(buf.len(), len - offset)`,
    /// 0 at or past the end. The same place always gives the same bytes.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize;

    /// What lies inside: archive members, the text of a document, mail parts, database values.
    /// Parts of parts are found by asking each part. Empty for plain bytes.
    fn parts(&self) -> Vec<Part> {
        Vec::new()
    }

    /// Whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes. Only for sources known to be small, or streamed by hand.
    fn read_all(&self) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.len()).expect("fits in memory")];
        let filled = self.read_at(0, &mut bytes);
        bytes.truncate(filled);
        bytes
    }
}

/// Something inside a decoy.
#[derive(Debug, Clone)]
pub struct Part {
    /// Name within the decoy: member path, `text`, `table.column`, …
    pub name: ByteString,
    /// What it is.
    pub kind: PartKind,
    /// Its own, decoded bytes.
    pub source: Arc<dyn DecoySource>,
    /// Whether this part is the planted sample that a scanner is meant to detect.
    pub sample: bool,
}

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// A member file of an archive or a package.
    Member,
    /// The text a person reads (document text, mail body).
    Text,
    /// A stored value (database cell, metadata).
    Value,
}

/// Plain bytes in memory.
#[derive(Debug, Clone)]
pub struct BytesSource(pub Arc<[u8]>);

impl DecoySource for BytesSource {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let count = buf.len().min(self.0.len() - from);
        buf[..count].copy_from_slice(&self.0[from..from + count]);
        count
    }
}

impl From<Vec<u8>> for BytesSource {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}
