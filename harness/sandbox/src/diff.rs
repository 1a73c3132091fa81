//! What changed outside the world: the storage before the start compared with the storage after.
//!
//! Promises: every entry is compared by kind, length, owner, mode, times and inode; overlays are read
//! by their upper layer (a hole is a removal); what is beyond the budget is counted.
//! Cannot see: files that were made and removed again in between; content that was changed and
//! changed back is told as modified.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use belljar_record::{ByteString, Change, Sha256Hex};
use serde::{Deserialize, Serialize};

use crate::SystemChange;

const MOST_ENTRIES: usize = 300_000;
const MOST_CHANGES: usize = 50_000;
const MOST_DEEP: usize = 64;
/// Longer files are told of without a digest.
const LONGEST_HASHED: u64 = 64 << 20;
const MOST_HASHED: u64 = 512 << 20;

/// A tree that is compared.
#[derive(Debug, Clone)]
pub(crate) struct Scanned {
    /// Where it is, from the storage.
    pub tree: PathBuf,
    /// Where it is inside.
    pub inside: PathBuf,
    /// What lies below it, for the upper layer of an overlay.
    pub lower: Option<PathBuf>,
}

/// What changed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Changes {
    pub list: Vec<SystemChange>,
    /// Entries that were not compared or not told of.
    pub lost: u64,
    /// Bytes free on the storage.
    pub free: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    kind: u32,
    mode: u32,
    uid: u32,
    gid: u32,
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    inode: u64,
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        let directory = meta.is_dir();
        Self {
            kind: meta.mode() & 0o170_000,
            mode: meta.mode() & 0o7777,
            uid: meta.uid(),
            gid: meta.gid(),
            len: if directory { 0 } else { meta.len() },
            // A directory's times change with what is in it, which is told of by itself.
            modified: if directory { (0, 0) } else { (meta.mtime(), meta.mtime_nsec()) },
            changed: if directory { (0, 0) } else { (meta.ctime(), meta.ctime_nsec()) },
            inode: meta.ino(),
        }
    }
}

/// The state of all trees at a time.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    entries: BTreeMap<PathBuf, Stamp>,
    lost: u64,
}

impl Snapshot {
    /// Reads them from `storage`.
    pub(crate) fn take(trees: &[Scanned], storage: &Path) -> Self {
        let mut out = Self::default();
        for tree in trees {
            out.walk(&storage.join(&tree.tree), &tree.inside, 0);
        }
        out
    }

    fn walk(&mut self, at: &Path, inside: &Path, deep: usize) {
        let Ok(entries) = fs::read_dir(at) else {
            self.lost += 1;
            return;
        };
        for entry in entries.flatten() {
            if self.entries.len() >= MOST_ENTRIES || deep > MOST_DEEP {
                self.lost += 1;
                continue;
            }
            let Ok(meta) = fs::symlink_metadata(entry.path()) else { continue };
            let name = inside.join(entry.file_name());
            if meta.is_dir() {
                self.walk(&entry.path(), &name, deep + 1);
            }
            self.entries.insert(name, Stamp::of(&meta));
        }
    }
}

/// Compares the state now with that of `before`.
pub(crate) fn changes(before: &Snapshot, trees: &[Scanned], storage: &Path) -> Changes {
    let after = Snapshot::take(trees, storage);
    let mut out = Changes { lost: before.lost + after.lost, ..Changes::default() };
    let mut hashed = 0;
    for (inside, now) in &after.entries {
        let was = before.entries.get(inside);
        if was == Some(now) {
            continue;
        }
        let Some(tree) = tree_of(trees, inside) else { continue };
        let rest = inside.strip_prefix(&tree.inside).unwrap_or(inside);
        let here = storage.join(&tree.tree).join(rest);
        let below = tree.lower.as_ref().map(|lower| storage.join(lower).join(rest));
        let below = below.and_then(|below| fs::symlink_metadata(below).ok());
        let Ok(meta) = fs::symlink_metadata(&here) else { continue };
        if meta.file_type().is_char_device() && meta.rdev() == 0 {
            if below.is_some() {
                push(&mut out, inside, Change::Removed, 0, None);
            }
            continue;
        }
        let known = was.copied().or_else(|| below.as_ref().map(Stamp::of));
        let change = match known {
            None => Change::Created,
            Some(known) => match compare(&known, now, was.is_some()) {
                Some(change) => change,
                None => {
                    hidden(&mut out, tree, &here, inside, storage, rest);
                    continue;
                }
            },
        };
        let digest = digest(&here, &meta, &mut hashed);
        push(&mut out, inside, change, now.len, digest);
        hidden(&mut out, tree, &here, inside, storage, rest);
    }
    for inside in before.entries.keys().filter(|inside| !after.entries.contains_key(*inside)) {
        push(&mut out, inside, Change::Removed, 0, None);
    }
    out.free = nix::sys::statvfs::statvfs(storage)
        .map_or(u64::MAX, |now| now.blocks_available() * now.fragment_size());
    out
}

/// How an entry changed. `same_layer`: both stamps are of the same file system, so that inode and
/// change time mean something.
fn compare(known: &Stamp, now: &Stamp, same_layer: bool) -> Option<Change> {
    let attributes = (known.mode, known.uid, known.gid) != (now.mode, now.uid, now.gid);
    if known.kind != now.kind || known.len != now.len || known.modified != now.modified {
        return Some(Change::Modified);
    }
    if attributes {
        return Some(Change::Attributes);
    }
    (same_layer && (known.changed != now.changed || known.inode != now.inode))
        .then_some(Change::Modified)
}

/// A directory that hides what lay below it: all of that is gone.
fn hidden(
    out: &mut Changes,
    tree: &Scanned,
    here: &Path,
    inside: &Path,
    storage: &Path,
    rest: &Path,
) {
    let Some(lower) = &tree.lower else { return };
    let directory = fs::symlink_metadata(here).is_ok_and(|meta| meta.is_dir());
    if !directory || !belljar_sys::mounts::is_opaque(here) {
        return;
    }
    let Ok(entries) = fs::read_dir(storage.join(lower).join(rest)) else { return };
    for entry in entries.flatten() {
        if fs::symlink_metadata(here.join(entry.file_name())).is_err() {
            push(out, &inside.join(entry.file_name()), Change::Removed, 0, None);
        }
    }
}

fn tree_of<'a>(trees: &'a [Scanned], inside: &Path) -> Option<&'a Scanned> {
    trees
        .iter()
        .filter(|tree| inside.starts_with(&tree.inside))
        .max_by_key(|tree| tree.inside.as_os_str().len())
}

fn push(out: &mut Changes, path: &Path, change: Change, len: u64, sha256: Option<Sha256Hex>) {
    if out.list.len() >= MOST_CHANGES {
        out.lost += 1;
        return;
    }
    let path = ByteString::from(path.as_os_str().as_bytes());
    out.list.push(SystemChange { path, change, len, sha256 });
}

fn digest(path: &Path, meta: &Metadata, hashed: &mut u64) -> Option<Sha256Hex> {
    let len = meta.len();
    if !meta.is_file() || len > LONGEST_HASHED || hashed.saturating_add(len) > MOST_HASHED {
        return None;
    }
    *hashed += len;
    fs::read(path).ok().map(|bytes| Sha256Hex::of(&bytes))
}
