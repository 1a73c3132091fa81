//! Payloads: what left (and what was answered), kept by its SHA-256.
//!
//! A [`StreamWriter`] takes bytes *before* they are passed on. When the budget is used up it
//! refuses, and the door must close the conversation. The digest of what is long is taken when it is
//! finished: SHA-256 is slower than most senders, and a sender must not wait for it.

use crate::Sha256Hex;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::collections::HashMap;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A kept payload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PayloadRef {
    /// Its digest, also its file name under `payloads/`.
    pub sha256: Sha256Hex,
    /// Its length in bytes.
    pub len: u64,
}

/// A payload that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The budget for payloads is used up.
    #[error("payloads have reached their budget of {budget} bytes")]
    Budget {
        /// In bytes.
        budget: u64,
    },
    /// The file system refused.
    #[error("cannot keep payload {path}: {source}")]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Where payloads are kept: a folder, or memory (for runs of microseconds).
#[derive(Debug, Clone)]
pub struct Payloads {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    place: Place,
    budget: u64,
    used: AtomicU64,
    next: AtomicU64,
}

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    Memory(Mutex<HashMap<Sha256Hex, Arc<[u8]>>>),
}

impl Payloads {
    /// Keeps payloads as files in `folder` (which must exist), at most `budget` bytes in all.
    pub fn in_folder(folder: &Path, budget: u64) -> Self {
        Self::new(Place::Folder(folder.to_owned()), budget)
    }

    /// Keeps payloads in memory, at most `budget` bytes in all.
    pub fn in_memory(budget: u64) -> Self {
        Self::new(Place::Memory(Mutex::default()), budget)
    }

    fn new(place: Place, budget: u64) -> Self {
        Self {
            inner: Arc::new(Inner {
                place,
                budget,
                used: AtomicU64::new(0),
                next: AtomicU64::new(0),
            }),
        }
    }

    /// Begins a payload whose bytes come bit by bit. `name` tells people what an unfinished file
    /// was, should belljar be killed (letters, digits, `-`).
    ///
    /// # Errors
    /// [`StoreError::Write`] if no file can be made.
    pub fn begin(&self, name: &str) -> Result<StreamWriter, StoreError> {
        let ordinal = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let sink = match &self.inner.place {
            Place::Memory(_) => Sink::Memory(Vec::new()),
            Place::Folder(folder) => {
                let path = folder.join(format!("unfinished-{ordinal}-{name}"));
                let file = std::fs::File::options()
                    .read(true)
                    .write(true)
                    .create_new(true)
                    .open(&path)
                    .map_err(|source| StoreError::Write { path: path.clone(), source })?;
                Sink::File { path, file }
            }
        };
        Ok(StreamWriter {
            store: self.clone(),
            sink: Some(sink),
            hash: sha2::Sha256::new(),
            hashed: 0,
            len: 0,
        })
    }

    /// Keeps a whole payload.
    ///
    /// # Errors
    /// As [`StreamWriter::append`] and [`StreamWriter::finish`].
    pub fn keep(&self, bytes: &[u8]) -> Result<PayloadRef, StoreError> {
        let mut writer = self.begin("whole")?;
        writer.append(bytes)?;
        writer.finish()
    }

    /// Bytes of a payload kept in memory; `None` for folder stores and unknown payloads.
    pub fn in_memory_bytes(&self, payload: &PayloadRef) -> Option<Arc<[u8]>> {
        match &self.inner.place {
            Place::Folder(_) => None,
            Place::Memory(kept) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).get(&payload.sha256).cloned()
            }
        }
    }

    /// Bytes kept so far.
    pub fn used(&self) -> u64 {
        self.inner.used.load(Ordering::Relaxed)
    }
}

/// Where a payload's bytes go while it is being written.
#[derive(Debug)]
enum Sink {
    /// A file that gets its final name when it is finished.
    File {
        path: PathBuf,
        file: std::fs::File,
    },
    Memory(Vec<u8>),
}

/// A payload that is being written.
#[derive(Debug)]
pub struct StreamWriter {
    store: Payloads,
    sink: Option<Sink>,
    hash: sha2::Sha256,
    /// How many bytes from the beginning the digest has taken in.
    hashed: u64,
    len: u64,
}

/// Bytes from the beginning whose digest is taken as they come: short payloads are never read back.
const HASHED_AT_ONCE: u64 = 1 << 20;

impl StreamWriter {
    /// Adds one datagram or packet, preceded by its length as four bytes, big-endian. Payloads of
    /// the layers `datagram`, `packet` and `remainder` are written so: one payload holds a series.
    ///
    /// # Errors
    /// As [`StreamWriter::append`].
    pub fn append_framed(&mut self, message: &[u8]) -> Result<(), StoreError> {
        let len = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let mut framed = Vec::with_capacity(message.len() + 4);
        framed.extend_from_slice(&len.to_be_bytes());
        framed.extend_from_slice(message);
        self.append(&framed)
    }

    /// Adds bytes. Call it before passing them on.
    ///
    /// # Errors
    /// [`StoreError`] when the budget is used up or the file cannot be written; nothing was added.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let more = bytes.len() as u64;
        let budget = self.store.inner.budget;
        let used = &self.store.inner.used;
        if used.fetch_add(more, Ordering::Relaxed).saturating_add(more) > budget {
            used.fetch_sub(more, Ordering::Relaxed);
            return Err(StoreError::Budget { budget });
        }
        match self.sink.as_mut() {
            Some(Sink::Memory(kept)) => kept.extend_from_slice(bytes),
            Some(Sink::File { path, file }) => file
                .write_all(bytes)
                .map_err(|source| StoreError::Write { path: path.clone(), source })?,
            None => {}
        }
        if self.hashed == self.len && self.len < HASHED_AT_ONCE {
            self.hash.update(bytes);
            self.hashed += more;
        }
        self.len += more;
        Ok(())
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes in what was not hashed as it came.
    fn hash_rest(&mut self) -> Result<(), StoreError> {
        match self.sink.as_mut() {
            Some(Sink::Memory(kept)) => {
                let from = usize::try_from(self.hashed).unwrap_or(usize::MAX).min(kept.len());
                self.hash.update(&kept[from..]);
            }
            Some(Sink::File { path, file }) if self.hashed < self.len => {
                let failed = |source| StoreError::Write { path: path.clone(), source };
                file.seek(std::io::SeekFrom::Start(self.hashed)).map_err(failed)?;
                let mut buffer = vec![0; 256 * 1024];
                while self.hashed < self.len {
                    let got = file.read(&mut buffer).map_err(failed)?;
                    if got == 0 {
                        return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
                    }
                    self.hash.update(&buffer[..got]);
                    self.hashed += got as u64;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Gives the payload its final name.
    ///
    /// # Errors
    /// [`StoreError::Write`] if it cannot be read back or renamed.
    pub fn finish(mut self) -> Result<PayloadRef, StoreError> {
        self.hash_rest()?;
        let digest = std::mem::take(&mut self.hash).finalize();
        let payload = PayloadRef { sha256: Sha256Hex::from_digest(&digest), len: self.len };
        match (self.sink.take(), &self.store.inner.place) {
            (Some(Sink::File { path, file }), Place::Folder(folder)) => {
                drop(file);
                std::fs::rename(&path, folder.join(payload.sha256.as_str()))
                    .map_err(|source| StoreError::Write { path, source })?;
            }
            (Some(Sink::Memory(bytes)), Place::Memory(kept)) => {
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(payload.sha256.clone(), bytes.into());
            }
            _ => {}
        }
        Ok(payload)
    }
}

/// An abandoned, empty payload leaves no file; one with bytes stays, as `unfinished-…`.
impl Drop for StreamWriter {
    fn drop(&mut self) {
        if let (Some(Sink::File { path, .. }), 0) = (&self.sink, self.len) {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_kept_by_its_digest() {
        let store = Payloads::in_memory(100);
        let mut writer = store.begin("flow-1").expect("memory has room");
        writer.append(b"ab").expect("has room");
        writer.append(b"c").expect("has room");
        let payload = writer.finish().expect("finishes");
        assert_eq!(payload.sha256, Sha256Hex::of(b"abc"));
        assert_eq!(&*store.in_memory_bytes(&payload).expect("kept"), b"abc");
    }

    #[test]
    fn the_digest_is_that_of_all_bytes_however_they_came() {
        let name = format!("belljar-record-payload-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("a folder");
        for len in [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_300_007_usize] {
            let bytes: Vec<u8> = (0..len).map(|at| (at * 7 + at / 251) as u8).collect();
            for piece in [1_000_003, 300_000, 65_536] {
                for store in [Payloads::in_folder(&folder, 1 << 30), Payloads::in_memory(1 << 30)] {
                    let mut writer = store.begin("flow-1").expect("begins");
                    for piece in bytes.chunks(piece) {
                        writer.append(piece).expect("has room");
                    }
                    let payload = writer.finish().expect("finishes");
                    assert_eq!(payload.sha256, Sha256Hex::of(&bytes), "{len} by {piece}");
                    assert_eq!(payload.len, len as u64);
                }
                let kept = std::fs::read(folder.join(Sha256Hex::of(&bytes).as_str()));
                assert!(kept.expect("kept by its digest") == bytes);
            }
        }
        std::fs::remove_dir_all(&folder).expect("it goes");
    }

    #[test]
    fn a_used_up_budget_refuses() {
        let store = Payloads::in_memory(3);
        assert!(store.keep(b"abc").is_ok());
        assert!(matches!(store.keep(b"d"), Err(StoreError::Budget { budget: 3 })));
        assert_eq!(store.used(), 3);
    }
}
