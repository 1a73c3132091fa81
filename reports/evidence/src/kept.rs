//! Bytes of decoys that are kept in a bundle, with what is inside them, so that traces can be
//! proven again without the generator.

use belljar_record::{ByteString, DecoySource, Part, PartKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file that is read at any place.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
}

impl FileSource {
    /// Opens a regular file.
    ///
    /// # Errors
    /// As opening and asking for its length; a file that is not regular is refused.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Self { file, len: meta.len() })
    }
}

impl DecoySource for FileSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < buf.len() {
            match self.file.read_at(&mut buf[filled..], offset.saturating_add(filled as u64)) {
                Ok(0) | Err(_) => break,
                Ok(more) => filled += more,
            }
        }
        filled
    }
}

/// A decoy whose bytes are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct KeptDecoy {
    /// Its id in the manifest.
    pub decoy: u32,
    /// Its bytes.
    pub content: Kept,
    /// The same decoy planted with the twin seed: what both have is common and no trace.
    pub twin: Option<Kept>,
}

/// Kept bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Kept {
    /// Their digest, also the file's name.
    pub sha256: String,
    /// How many.
    pub len: u64,
    /// What is inside.
    pub parts: Vec<KeptPart>,
}

/// Something inside kept bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct KeptPart {
    /// Its name within the whole.
    pub name: String,
    /// What it is: `member`, `text` or `value`.
    pub kind: String,
    /// Whether it is the planted sample.
    pub sample: bool,
    /// Its bytes.
    pub content: Kept,
}

/// Kept bytes as a source, with their parts.
#[derive(Debug)]
struct KeptSource {
    folder: PathBuf,
    kept: Kept,
    file: Option<FileSource>,
}

impl DecoySource for KeptSource {
    fn len(&self) -> u64 {
        self.file.as_ref().map_or(0, DecoySource::len)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        self.file.as_ref().map_or(0, |file| file.read_at(offset, buf))
    }

    fn parts(&self) -> Vec<Part> {
        self.kept
            .parts
            .iter()
            .map(|part| Part {
                name: ByteString::from(part.name.as_str()),
                kind: match part.kind.as_str() {
                    "text" => PartKind::Text,
                    "value" => PartKind::Value,
                    _ => PartKind::Member,
                },
                source: open(&self.folder, &part.content),
                sample: part.sample,
            })
            .collect()
    }
}

/// Kept bytes below `folder`. A file that is missing or has an odd name is empty: what it should
/// hold is then not found again, and the verification says so.
pub(crate) fn open(folder: &Path, kept: &Kept) -> Arc<dyn DecoySource> {
    let file = file_name(&kept.sha256).and_then(|name| FileSource::open(&folder.join(name)).ok());
    Arc::new(KeptSource { folder: folder.to_owned(), kept: kept.clone(), file })
}

/// A digest as a file name: 64 hexadecimal digits and nothing else, so that no path can be smuggled.
pub(crate) fn file_name(sha256: &str) -> Option<&str> {
    (sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(sha256)
}

/// The word for a kind of part.
pub(crate) fn kind_word(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Member => "member",
        PartKind::Text => "text",
        PartKind::Value => "value",
    }
}
