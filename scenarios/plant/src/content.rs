//! What content is made of: pieces of known length that can be read at any place.

use crate::cache::Cache;
use crate::seed::Seed;
use belljar_record::{ByteString, DecoySource, Part, PartKind};
use belljar_schema::DecoyClass;
use std::sync::Arc;

/// Content, and what lies inside it.
pub(crate) trait Content: DecoySource {
    /// What lies inside, one level down, in order.
    fn inside(&self) -> Vec<Inside> {
        Vec::new()
    }
}

/// Something inside content. As [`Part`], with the class that the scenario gave it.
#[derive(Debug, Clone)]
pub(crate) struct Inside {
    pub(crate) name: String,
    pub(crate) kind: PartKind,
    /// `None`: the class of what it lies in.
    pub(crate) class: Option<DecoyClass>,
    pub(crate) sample: bool,
    pub(crate) content: Arc<dyn Content>,
}

impl Inside {
    pub(crate) fn bytes(name: &str, kind: PartKind, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), kind, class: None, sample: false, content: Literal::arc(bytes) }
    }
}

impl From<Inside> for Part {
    fn from(inside: Inside) -> Self {
        Self {
            name: ByteString::from(inside.name),
            kind: inside.kind,
            source: inside.content,
            sample: inside.sample,
        }
    }
}

/// The parts of content, as the record knows them.
pub(crate) fn parts_of(content: &dyn Content) -> Vec<Part> {
    content.inside().into_iter().map(Part::from).collect()
}

/// Copies from `bytes` as if they were a whole source.
pub(crate) fn copy_at(bytes: &[u8], offset: u64, buf: &mut [u8]) -> usize {
    let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let count = buf.len().min(bytes.len() - from);
    buf[..count].copy_from_slice(&bytes[from..from + count]);
    count
}

/// A few bytes kept as they are.
#[derive(Debug)]
pub(crate) struct Literal(Box<[u8]>);

impl Literal {
    pub(crate) fn arc(bytes: impl Into<Box<[u8]>>) -> Arc<dyn Content> {
        Arc::new(Self(bytes.into()))
    }
}

impl DecoySource for Literal {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        copy_at(&self.0, offset, buf)
    }
}

impl Content for Literal {}

/// Pieces one after another.
#[derive(Debug)]
pub(crate) struct Rope {
    /// Where each piece ends.
    ends: Vec<u64>,
    pieces: Vec<Arc<dyn Content>>,
    inside: Vec<Inside>,
}

impl Rope {
    pub(crate) fn new(pieces: Vec<Arc<dyn Content>>, inside: Vec<Inside>) -> Self {
        let mut end = 0;
        let ends = pieces
            .iter()
            .map(|piece| {
                end += piece.len();
                end
            })
            .collect();
        Self { ends, pieces, inside }
    }
}

impl DecoySource for Rope {
    fn len(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let mut filled = 0;
        let mut at = self.ends.partition_point(|&end| end <= offset);
        while filled < buf.len() && at < self.pieces.len() {
            let piece = &self.pieces[at];
            let start = self.ends[at] - piece.len();
            let within = (offset + filled as u64).saturating_sub(start);
            let got = piece.read_at(within, &mut buf[filled..]);
            filled += got;
            at += 1;
        }
        filled
    }

    fn parts(&self) -> Vec<Part> {
        parts_of(self)
    }
}

impl Content for Rope {
    fn inside(&self) -> Vec<Inside> {
        self.inside.clone()
    }
}

/// A bit of content that is to be the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Flip {
    /// Byte within the content.
    pub(crate) offset: u64,
    /// Bit within the byte, 0 being the lowest.
    pub(crate) bit: u8,
}

impl Flip {
    /// Changes one character of text to another letter or digit: the bit that was asked for if it
    /// leaves one, else the next that does. So that documents stay readable by their programs.
    pub(crate) fn in_text(self, text: &mut [u8]) {
        if text.is_empty() {
            return;
        }
        let len = text.len();
        let from = (self.offset % len as u64) as usize;
        for place in (from..len).chain(0..from) {
            if !text[place].is_ascii_alphanumeric() {
                continue;
            }
            for step in 0..6 {
                let other = text[place] ^ (1 << ((self.bit + step) % 6));
                if other.is_ascii_alphanumeric() {
                    text[place] = other;
                    return;
                }
            }
        }
    }
}

/// Content with one bit flipped.
#[derive(Debug)]
pub(crate) struct Flipped {
    pub(crate) inner: Arc<dyn Content>,
    pub(crate) flip: Flip,
}

impl DecoySource for Flipped {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let filled = self.inner.read_at(offset, buf);
        if let Some(place) = self.flip.offset.checked_sub(offset)
            && place < filled as u64
        {
            buf[place as usize] ^= 1 << (self.flip.bit % 8);
        }
        filled
    }
}

impl Content for Flipped {}

/// How to make a file that can only be made whole.
pub(crate) trait Build: Send + Sync + std::fmt::Debug {
    /// All bytes; as many as were promised.
    fn build(&self) -> Vec<u8>;
    /// What lies inside.
    fn inside(&self) -> Vec<Inside>;
}

/// Content that is built whole when it is first read, and again when the cache has dropped it.
#[derive(Debug)]
pub(crate) struct Built<B> {
    pub(crate) recipe: B,
    pub(crate) len: u64,
    pub(crate) key: BuiltKey,
    pub(crate) cache: Arc<Cache>,
}

/// What a built file is a function of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BuiltKey {
    pub(crate) seed: Seed,
    pub(crate) flip: Option<Flip>,
}

impl<B: Build> DecoySource for Built<B> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        if offset >= self.len || buf.is_empty() {
            return 0;
        }
        let bytes = self.cache.get_or_build(self.key, || {
            let bytes = self.recipe.build();
            debug_assert_eq!(bytes.len() as u64, self.len, "{:?}", self.recipe);
            bytes
        });
        copy_at(&bytes, offset, buf)
    }

    fn parts(&self) -> Vec<Part> {
        parts_of(self)
    }
}

impl<B: Build> Content for Built<B> {
    fn inside(&self) -> Vec<Inside> {
        self.recipe.inside()
    }
}
