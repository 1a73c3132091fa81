//! Writing a bundle. It is marked partial from its first moment; only [`BundleWriter::finish`]
//! takes the mark away, after everything else is on disk.

use crate::bundle::{
    BundleError, BundleManifest, BundleState, FileEntry, Redaction, SCHEMA_VERSION,
};
use crate::kept::{FileSource, Kept, KeptDecoy, KeptPart, kind_word};
use crate::redact::CarriedOver;
use crate::{PlantedSource, names};
use belljar_judge::{JarKind, ProgramFile, Verdict};
use belljar_record::{DecoySource, Sha256Hex};
use belljar_schema::{Manifest, RunPlan};
use serde::Serialize;
use sha2::Digest as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const BLOCK: usize = 1 << 20;
/// How deep parts of parts are kept.
const DEPTH: usize = 8;

/// A bundle that is being written.
#[derive(Debug)]
pub struct BundleWriter {
    folder: PathBuf,
    manifest: BundleManifest,
    room: u64,
}

impl BundleWriter {
    /// Makes the folder (which may exist if it is empty) and marks it partial. `generator` is what
    /// makes it (`belljar 0.1.0`); `room` is how many bytes of decoys may be kept.
    ///
    /// # Errors
    /// [`BundleError::Make`] if there is something in it already or it cannot be made.
    pub fn create(
        folder: &Path,
        generator: &str,
        jar: JarKind,
        room: u64,
    ) -> Result<Self, BundleError> {
        let make = |reason: String| BundleError::Make { path: folder.to_owned(), reason };
        std::fs::create_dir_all(folder).map_err(|error| make(error.to_string()))?;
        let mut entries = std::fs::read_dir(folder).map_err(|error| make(error.to_string()))?;
        if entries.next().is_some() {
            return Err(make("there is something in it already".to_owned()));
        }
        for name in [names::PAYLOADS, names::KEPT] {
            std::fs::create_dir(folder.join(name)).map_err(|error| make(error.to_string()))?;
        }
        let writer = Self {
            folder: folder.to_owned(),
            manifest: BundleManifest {
                schema_version: SCHEMA_VERSION,
                generator: generator.to_owned(),
                state: BundleState::Partial { reason: "the run has not ended".to_owned() },
                jar,
                programs: Vec::new(),
                files: Vec::new(),
                kept: Vec::new(),
                not_kept: Vec::new(),
                redacted: None,
            },
            room,
        };
        writer.mark()?;
        Ok(writer)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the record goes.
    pub fn record(&self) -> PathBuf {
        self.folder.join(names::RECORD)
    }

    /// Where the packets go.
    pub fn capture(&self) -> PathBuf {
        self.folder.join(names::CAPTURE)
    }

    /// The folder of payloads.
    pub fn payloads(&self) -> PathBuf {
        self.folder.join(names::PAYLOADS)
    }

    /// Notes the component's program files.
    ///
    /// # Errors
    /// [`BundleError::Write`].
    pub fn programs(&mut self, programs: Vec<ProgramFile>) -> Result<(), BundleError> {
        self.manifest.programs = programs;
        self.mark()
    }

    /// Writes the plan.
    ///
    /// # Errors
    /// [`BundleError::Write`].
    pub fn plan(&self, plan: &RunPlan) -> Result<(), BundleError> {
        self.json(names::PLAN, plan)
    }

    /// Writes the manifest of the plant.
    ///
    /// # Errors
    /// [`BundleError::Write`].
    pub fn decoys(&self, manifest: &Manifest) -> Result<(), BundleError> {
        self.json(names::DECOYS, manifest)
    }

    /// Writes what a redacted bundle carries over.
    ///
    /// # Errors
    /// [`BundleError::Write`].
    pub(crate) fn carried(&self, carried: &CarriedOver) -> Result<(), BundleError> {
        self.json(names::CARRIED, carried)
    }

    /// Notes what is withheld, and takes the empty folders away.
    ///
    /// # Errors
    /// [`BundleError::Write`].
    pub(crate) fn redacted(&mut self, redaction: Redaction) -> Result<(), BundleError> {
        for name in [names::PAYLOADS, names::KEPT] {
            let path = self.folder.join(name);
            std::fs::remove_dir(&path).map_err(|source| BundleError::Write { path, source })?;
        }
        self.manifest.redacted = Some(redaction);
        self.mark()
    }

    /// Writes the verdict, for people and machines to read.
    ///
    /// # Errors
    /// [`BundleError::Write`].
    pub fn verdict(&self, verdict: &Verdict) -> Result<(), BundleError> {
        let path = self.folder.join(names::VERDICT);
        let mut bytes = serde_json::to_vec_pretty(verdict)
            .map_err(|source| BundleError::Parse { path: path.clone(), source })?;
        bytes.push(b'\n');
        write(&path, &bytes)
    }

    /// Writes the page for people.
    ///
    /// # Errors
    /// [`BundleError::Write`].
    pub fn report(&self, html: &str) -> Result<(), BundleError> {
        write(&self.folder.join(names::REPORT), html.as_bytes())
    }

    /// Keeps the bytes of a decoy, of what is inside it and of its twin. Without room for them it
    /// is noted that they are not kept.
    ///
    /// # Errors
    /// [`BundleError::Write`].
    pub fn keep(&mut self, planted: &PlantedSource) -> Result<(), BundleError> {
        let twin = planted.twin.as_deref();
        let need =
            size(&*planted.source, DEPTH).saturating_add(twin.map_or(0, |twin| size(twin, DEPTH)));
        if need > self.room {
            self.manifest.not_kept.push(planted.decoy);
            return Ok(());
        }
        self.room -= need;
        let content = self.keep_source(&*planted.source, DEPTH)?;
        let twin = twin.map(|twin| self.keep_source(twin, DEPTH)).transpose()?;
        self.manifest.kept.push(KeptDecoy { decoy: planted.decoy, content, twin });
        Ok(())
    }

    fn keep_source(&self, source: &dyn DecoySource, depth: usize) -> Result<Kept, BundleError> {
        let folder = self.folder.join(names::KEPT);
        let error = |path: &Path, source| BundleError::Write { path: path.to_owned(), source };
        let mut file =
            tempfile::NamedTempFile::new_in(&folder).map_err(|source| error(&folder, source))?;
        let mut hash = sha2::Sha256::new();
        let mut block = vec![0; BLOCK];
        let mut at = 0;
        loop {
            let filled = source.read_at(at, &mut block);
            if filled == 0 {
                break;
            }
            hash.update(&block[..filled]);
            file.write_all(&block[..filled]).map_err(|source| error(&folder, source))?;
            at += filled as u64;
        }
        let sha256 = Sha256Hex::from_digest(&hash.finalize()).to_string();
        let path = folder.join(&sha256);
        let kept = file.persist(&path).map_err(|failed| error(&path, failed.error))?;
        // Temporary files are made for their owner alone; evidence is there to be read.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        kept.set_permissions(mode).map_err(|source| error(&path, source))?;
        let parts = if depth == 0 { Vec::new() } else { source.parts() };
        let parts = parts
            .iter()
            .map(|part| {
                Ok(KeptPart {
                    name: part.name.lossy().into_owned(),
                    kind: kind_word(part.kind).to_owned(),
                    sample: part.sample,
                    content: self.keep_source(&*part.source, depth - 1)?,
                })
            })
            .collect::<Result<_, BundleError>>()?;
        Ok(Kept { sha256, len: at, parts })
    }

    /// Ends the bundle: digests of every file, and the mark `complete`.
    ///
    /// # Errors
    /// [`BundleError`] if a file cannot be read again or `bundle.json` cannot be written; the
    /// bundle then stays marked partial.
    pub fn finish(mut self) -> Result<PathBuf, BundleError> {
        self.manifest.files = list(&self.folder)?;
        self.manifest.state = BundleState::Complete;
        self.mark()?;
        Ok(self.folder)
    }

    /// Ends a bundle that is not whole, and says why.
    ///
    /// # Errors
    /// As [`BundleWriter::finish`].
    pub fn finish_partial(mut self, reason: &str) -> Result<PathBuf, BundleError> {
        self.manifest.files = list(&self.folder)?;
        self.manifest.state = BundleState::Partial { reason: reason.to_owned() };
        self.mark()?;
        Ok(self.folder)
    }

    fn mark(&self) -> Result<(), BundleError> {
        self.json(names::BUNDLE, &self.manifest)
    }

    fn json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), BundleError> {
        let path = self.folder.join(name);
        let bytes = serde_json::to_vec(value)
            .map_err(|source| BundleError::Parse { path: path.clone(), source })?;
        write(&path, &bytes)
    }
}

/// Bytes of a source and of everything inside it, as far as it would be kept.
fn size(source: &dyn DecoySource, depth: usize) -> u64 {
    let inside = if depth == 0 { Vec::new() } else { source.parts() };
    inside.iter().fold(source.len(), |sum, part| {
        sum.saturating_add(size(&*part.source, depth.saturating_sub(1)))
    })
}

/// Writes beside and renames, so that no half file carries a name of the bundle.
fn write(path: &Path, bytes: &[u8]) -> Result<(), BundleError> {
    let error = |source| BundleError::Write { path: path.to_owned(), source };
    let beside = path.with_extension("new");
    std::fs::write(&beside, bytes).map_err(error)?;
    std::fs::rename(&beside, path).map_err(error)
}

/// Every file of a bundle but `bundle.json`, with length and digest, by path.
pub(crate) fn list(folder: &Path) -> Result<Vec<FileEntry>, BundleError> {
    let mut files = Vec::new();
    let read = |path: &Path, source| BundleError::Read { path: path.to_owned(), source };
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((at, prefix)) = folders.pop() {
        for entry in std::fs::read_dir(&at).map_err(|source| read(&at, source))? {
            let entry = entry.map_err(|source| read(&at, source))?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().map_err(|source| read(&entry.path(), source))?;
            if kind.is_dir() {
                folders.push((entry.path(), format!("{path}/")));
            } else if path != names::BUNDLE {
                let (len, sha256) =
                    digest(&entry.path()).map_err(|source| read(&entry.path(), source))?;
                files.push(FileEntry { path, len, sha256 });
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Length and digest of a regular file.
pub(crate) fn digest(path: &Path) -> std::io::Result<(u64, String)> {
    let source = FileSource::open(path)?;
    let mut hash = sha2::Sha256::new();
    let mut block = vec![0; BLOCK];
    let mut at = 0;
    loop {
        let filled = source.read_at(at, &mut block);
        if filled == 0 {
            break;
        }
        hash.update(&block[..filled]);
        at += filled as u64;
    }
    Ok((at, Sha256Hex::from_digest(&hash.finalize()).to_string()))
}
