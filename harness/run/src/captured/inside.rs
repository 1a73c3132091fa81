//! What is inside a file of a lab's own: members of archives, what is compressed in it.

use super::lost::Lost;
use belljar_decode::{Budget, Decoder, Piece, explore};
use belljar_record::{BytesSource, DecoySource, Layer, Part, PartKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files larger than this are not opened.
const LARGEST: u64 = 64 << 20;
/// Bytes of all that is kept of one file.
const KEPT: usize = 128 << 20;

/// A file with what is in it.
#[derive(Debug)]
struct Opened {
    file: Arc<dyn DecoySource>,
    parts: Vec<Part>,
}

impl DecoySource for Opened {
    fn len(&self) -> u64 {
        self.file.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        self.file.read_at(offset, buf)
    }

    fn parts(&self) -> Vec<Part> {
        self.parts.clone()
    }
}

/// Opens a file: every object that only decompression gives becomes a part of it.
pub(crate) fn opened(file: Arc<dyn DecoySource>, lost: &mut Lost) -> Arc<dyn DecoySource> {
    if file.len() > LARGEST {
        lost.add("decoys", 1, "decoys too large to look for what is inside them");
        return file;
    }
    let budget = Budget { depth: 3, ratio: 16, ..Budget::default() };
    let mut found: BTreeMap<u64, (String, Vec<u8>)> = BTreeMap::new();
    let mut kept = 0_usize;
    explore(&*file, Layer::Output, &budget, &mut |piece| {
        if !packed(piece) || kept + piece.bytes.len() > KEPT {
            return;
        }
        let (_, bytes) = found.entry(piece.object).or_insert_with(|| (name(piece), Vec::new()));
        // Windows of one object overlap.
        let from = bytes.len().saturating_sub(usize::try_from(piece.base).unwrap_or(usize::MAX));
        let new = piece.bytes.get(from..).unwrap_or_default();
        kept += new.len();
        bytes.extend_from_slice(new);
    });
    let parts = found
        .into_values()
        .map(|(name, bytes)| Part {
            name: name.into(),
            kind: PartKind::Member,
            source: Arc::new(BytesSource::from(bytes)),
            sample: false,
        })
        .collect();
    Arc::new(Opened { file, parts })
}

/// Whether all steps to an object decompress.
fn packed(piece: &Piece<'_>) -> bool {
    !piece.chain.is_empty()
        && piece
            .chain
            .iter()
            .all(|step| matches!(step.decoder, Decoder::Gzip | Decoder::Zlib | Decoder::ZipMember))
}

fn name(piece: &Piece<'_>) -> String {
    let words: Vec<String> = piece
        .chain
        .iter()
        .map(|step| match &step.detail {
            Some(detail) => detail.to_string(),
            None => format!("{} at {}", step.decoder.name(), step.input.start),
        })
        .collect();
    words.join("!")
}
