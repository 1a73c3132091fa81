//! Reading a bundle.

use crate::kept::{FileSource, KeptDecoy, file_name, open};
use crate::{PlantedSource, names};
use belljar_judge::{JarKind, ProgramFile, Verdict};
use belljar_record::{DecoySource, Observation, ReadError, read_log};
use belljar_schema::{Manifest, RunPlan};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Version of the form of `bundle.json`.
pub(crate) const SCHEMA_VERSION: u32 = 1;
/// The longest JSON file of a bundle that is read into memory.
const LONGEST: u64 = 512 << 20;

/// What a bundle holds: `bundle.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct BundleManifest {
    /// Version of this form.
    pub schema_version: u32,
    /// What made it (`belljar 0.1.0`).
    pub generator: String,
    /// Whether it is whole.
    #[serde(flatten)]
    pub state: BundleState,
    /// In which kind of jar the component ran.
    pub jar: JarKind,
    /// The component's program files, as measured before the start.
    pub programs: Vec<ProgramFile>,
    /// Every other file of the bundle, by path.
    pub files: Vec<FileEntry>,
    /// Decoys whose bytes are kept.
    pub kept: Vec<KeptDecoy>,
    /// Decoys with traces whose bytes are too large to be kept: their traces cannot be proven again
    /// from the bundle, only by planting again.
    pub not_kept: Vec<u32>,
    /// What was withheld, if the bundle is one for a third party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<Redaction>,
}

/// What a bundle for a third party withholds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Redaction {
    /// SHA-256 of the original's `bundle.json`. Who holds the original can redact it again and gets
    /// this bundle, byte for byte.
    pub original: String,
    /// How many payloads are withheld.
    pub payloads: u64,
    /// Bytes of them.
    pub payload_bytes: u64,
    /// How many decoys are withheld whose bytes the original keeps.
    pub decoys: u64,
    /// How many places are masked.
    pub masked: u64,
    /// Lines of the record: as many as the original has.
    pub lines: u64,
}

/// Whether a bundle is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum BundleState {
    /// The run went to its end and everything was written.
    Complete,
    /// It is not whole.
    Partial {
        /// Why.
        reason: String,
    },
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FileEntry {
    /// Path within the bundle, with `/`.
    pub path: String,
    /// Length in bytes.
    pub len: u64,
    /// SHA-256.
    pub sha256: String,
}

/// A bundle that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The folder cannot be made, or is not empty.
    #[error("cannot make the bundle {path}: {reason}")]
    Make {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} is not what it should be: {source}")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A bundle for a third party cannot be made.
    #[error("cannot redact: {reason}")]
    Redact {
        /// Why.
        reason: String,
    },
    /// The record cannot be read.
    #[error(transparent)]
    Record(#[from] ReadError),
}

/// A bundle on disk.
#[derive(Debug, Clone)]
pub struct Bundle {
    folder: PathBuf,
    manifest: BundleManifest,
}

impl Bundle {
    /// Opens the bundle in `folder`.
    ///
    /// # Errors
    /// [`BundleError`] if `bundle.json` is missing or is none.
    pub fn open(folder: &Path) -> Result<Self, BundleError> {
        let manifest = read_json(&folder.join(names::BUNDLE))?;
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it holds a file (see [`holds`]).
    pub fn holds(&self, path: &str) -> bool {
        holds(&self.folder, path)
    }

    /// What it holds.
    pub fn manifest(&self) -> &BundleManifest {
        &self.manifest
    }

    /// The verdict.
    ///
    /// # Errors
    /// [`BundleError`] if it is missing or unreadable.
    pub fn verdict(&self) -> Result<Verdict, BundleError> {
        read_json(&self.folder.join(names::VERDICT))
    }

    /// The plan.
    ///
    /// # Errors
    /// As [`Bundle::verdict`].
    pub fn plan(&self) -> Result<RunPlan, BundleError> {
        read_json(&self.folder.join(names::PLAN))
    }

    /// What was planted.
    ///
    /// # Errors
    /// As [`Bundle::verdict`].
    pub fn decoys(&self) -> Result<Manifest, BundleError> {
        read_json(&self.folder.join(names::DECOYS))
    }

    /// The record, line by line.
    ///
    /// # Errors
    /// [`BundleError::Record`] if it cannot be opened; each line can be an error of its own.
    pub fn record(
        &self,
    ) -> Result<impl Iterator<Item = Result<Observation, ReadError>> + use<>, BundleError> {
        Ok(read_log(&self.folder.join(names::RECORD))?)
    }

    /// A payload, by its digest.
    pub fn payload(&self, sha256: &str) -> Option<FileSource> {
        let name = file_name(sha256)?;
        FileSource::open(&self.folder.join(names::PAYLOADS).join(name)).ok()
    }

    /// The decoys whose bytes are kept, as sources.
    pub fn sources(&self) -> Vec<PlantedSource> {
        let folder = self.folder.join(names::KEPT);
        self.manifest
            .kept
            .iter()
            .map(|kept| PlantedSource {
                decoy: kept.decoy,
                source: open(&folder, &kept.content),
                twin: kept.twin.as_ref().map(|twin| open(&folder, twin)),
            })
            .collect()
    }

    /// A kept decoy's bytes.
    pub fn decoy(&self, id: u32) -> Option<Arc<dyn DecoySource>> {
        let kept = self.manifest.kept.iter().find(|kept| kept.decoy == id)?;
        Some(open(&self.folder.join(names::KEPT), &kept.content))
    }
}

/// Reads a manifest of decoys (`decoys.json`), of a bundle or by itself.
///
/// # Errors
/// [`BundleError`] if it is missing or is none.
pub fn read_manifest(path: &Path) -> Result<Manifest, BundleError> {
    read_json(path)
}

/// Reads a plan (`plan.json`).
///
/// # Errors
/// As [`read_manifest`].
pub fn read_plan(path: &Path) -> Result<RunPlan, BundleError> {
    read_json(path)
}

/// Whether the bundle in `folder` holds a file of one of its own names: those of [`names`], its
/// folders with a last `/`, and payloads by digest. No other path is looked at.
pub fn holds(folder: &Path, path: &str) -> bool {
    let known = match path.split_once('/') {
        None => [
            names::BUNDLE,
            names::VERDICT,
            names::RECORD,
            names::CAPTURE,
            names::DECOYS,
            names::PLAN,
            names::REPORT,
            names::CARRIED,
        ]
        .contains(&path),
        Some((at, "")) => at == names::PAYLOADS || at == names::KEPT,
        Some((at, name)) => at == names::PAYLOADS && file_name(name).is_some(),
    };
    known && folder.join(path).exists()
}

/// The most bytes of one JSON file are bounded; what is larger is no file of ours.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, BundleError> {
    let read = |source| BundleError::Read { path: path.to_owned(), source };
    let len = std::fs::metadata(path).map_err(read)?.len();
    if len > LONGEST {
        let reason = format!("{len} bytes are more than such a file has");
        return Err(read(std::io::Error::new(std::io::ErrorKind::FileTooLarge, reason)));
    }
    let bytes = std::fs::read(path).map_err(read)?;
    serde_json::from_slice(&bytes)
        .map_err(|source| BundleError::Parse { path: path.to_owned(), source })
}
