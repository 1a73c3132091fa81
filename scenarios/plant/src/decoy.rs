//! A planted file: where it is, what it is, and its bytes on demand.

use crate::content::{Content, Flip, parts_of};
use crate::recipe::{Recipe, Workshop};
use crate::seed::Seed;
use belljar_record::{ByteString, DecoyId, DecoySource, Part};
use belljar_schema::{DecoyClass, DecoyKind};
use std::sync::Arc;

/// A planted file. Its length is known; its bytes are made when they are read.
#[derive(Debug)]
pub struct Decoy {
    pub(crate) id: DecoyId,
    pub(crate) recipe: Arc<Recipe>,
    pub(crate) seed: Seed,
    pub(crate) mutation: Option<Mutation>,
    pub(crate) shop: Arc<Workshop>,
    pub(crate) content: Arc<dyn Content>,
    pub(crate) meta: DecoyMeta,
}

/// Mode, owner and time of a planted file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecoyMeta {
    /// Mode bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Time of last change, seconds since 1970.
    pub mtime_s: i64,
}

/// How a twin differs from its decoy. Path, length, mode, owner and time stay the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mutation {
    /// All content is another, drawn from this number; the same number gives the same twin.
    Reseed(u64),
    /// One bit of the content is the other way round; everything else stays, but for what the
    /// format derives from it (check sums, compressed streams, the public half of a key).
    ///
    /// *Content* is: the body of text, source, system files and binaries (without the marking);
    /// the members of an archive one after another; the text of a docx; the first page of a pdf; the body of a
    /// mail; the first twelve addresses of a browser history, 64 bytes each; the 32 secret bytes of
    /// a key. The offset wraps at its end. In documents, mails and databases the next bit is taken
    /// that turns a letter or digit into another, so that the file stays valid. A sample does not
    /// change.
    FlipBit {
        /// Byte within the content.
        offset: u64,
        /// Bit within the byte, 0 being the lowest.
        bit: u8,
    },
}

impl Decoy {
    pub(crate) fn new(
        id: DecoyId,
        recipe: Arc<Recipe>,
        seed: Seed,
        shop: Arc<Workshop>,
        meta: DecoyMeta,
    ) -> Self {
        let content = recipe.content(seed, &shop, None);
        Self { id, recipe, seed, mutation: None, shop, content, meta }
    }

    /// Its id in the record.
    pub fn id(&self) -> DecoyId {
        self.id
    }

    /// Its absolute path inside the jar.
    pub fn path(&self) -> ByteString {
        ByteString::from(self.recipe.name.as_str())
    }

    /// Its absolute path inside the jar, as text.
    pub fn path_str(&self) -> &str {
        &self.recipe.name
    }

    /// What kind of file it is. Files of a source tree are [`DecoyKind::Source`].
    pub fn kind(&self) -> DecoyKind {
        self.recipe.kind
    }

    /// How sensitive it is.
    pub fn class(&self) -> DecoyClass {
        self.recipe.class
    }

    /// Protective marking, if any.
    pub fn marking(&self) -> Option<&str> {
        self.recipe.marking.as_deref()
    }

    /// Mode, owner, time.
    pub fn meta(&self) -> DecoyMeta {
        self.meta
    }

    /// Mode bits.
    pub fn mode(&self) -> u32 {
        self.meta.mode
    }

    /// Owner.
    pub fn uid(&self) -> u32 {
        self.meta.uid
    }

    /// Group.
    pub fn gid(&self) -> u32 {
        self.meta.gid
    }

    /// Time of last change, seconds since 1970: a second of 2023 to 2025.
    pub fn mtime(&self) -> i64 {
        self.meta.mtime_s
    }

    /// Whether it is, or holds, a sample that scanners are meant to detect.
    pub fn holds_sample(&self) -> bool {
        self.recipe.holds_sample()
    }

    /// Which twin it is; `None` for the decoy of the plant itself.
    pub fn mutation(&self) -> Option<Mutation> {
        self.mutation
    }

    /// The twin that differs so. Mutations of a twin start from the twin.
    pub fn vary(&self, mutation: Mutation) -> Arc<Self> {
        let (seed, flip) = match mutation {
            Mutation::Reseed(number) => (self.seed.child(&format!("twin {number}")), None),
            Mutation::FlipBit { offset, bit } => (self.seed, Some(Flip { offset, bit })),
        };
        let content = self.recipe.content(seed, &self.shop, flip);
        Arc::new(Self {
            id: self.id,
            recipe: Arc::clone(&self.recipe),
            seed,
            mutation: Some(mutation),
            shop: Arc::clone(&self.shop),
            content,
            meta: self.meta,
        })
    }
}

impl DecoySource for Decoy {
    fn len(&self) -> u64 {
        self.recipe.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        self.content.read_at(offset, buf)
    }

    fn parts(&self) -> Vec<Part> {
        parts_of(&*self.content)
    }
}
