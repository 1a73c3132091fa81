//! What changed outside the world: the storage before the start compared with the storage after.
//!
//! Promises: every entry is compared by kind, length, owner, mode, times and inode; overlays are read
//! by their upper layer (a hole is a removal); what is beyond the budget is counted.
//! Cannot see: files that were made and removed again in between; content that was changed and
//! changed back is told as modified.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use belljar_record::{ByteString, Change, Sha256Hex};
use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, fstatat};
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
    /// What lies below it, for the upper layer of an overlay: held open, since no path leads there
    /// any more once the host's tree is detached.
    pub lower: Option<Arc<File>>,
}

/// What changed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Changes {
    pub list: Vec<SystemChange>,
    /// Entries that were not compared or not told of.
    pub lost: u64,
    /// Bytes free on the storage.
    pub free: u64,
    /// Files that could still be made there.
    pub free_files: u64,
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

impl Stamp {
    fn below(lower: &File, path: &Path) -> Option<Self> {
        let stat = fstatat(lower, path, AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
        let directory = stat.st_mode & 0o170_000 == 0o040_000;
        Some(Self {
            kind: stat.st_mode & 0o170_000,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            len: if directory { 0 } else { u64::try_from(stat.st_size).unwrap_or(0) },
            modified: if directory { (0, 0) } else { (stat.st_mtime, stat.st_mtime_nsec) },
            changed: if directory { (0, 0) } else { (stat.st_ctime, stat.st_ctime_nsec) },
            inode: stat.st_ino,
        })
    }
}

/// The state of all trees at a time.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    entries: BTreeMap<PathBuf, Stamp>,
    /// Places where something else is mounted: that has its own door or its own layer.
    mounted: BTreeSet<PathBuf>,
    lost: u64,
}

impl Snapshot {
    /// Reads them from `storage`.
    pub(crate) fn take(trees: &[Scanned], storage: &Path) -> Self {
        let mut out = Self::default();
        for tree in trees {
            let at = storage.join(&tree.tree);
            let device = fs::symlink_metadata(&at).map_or(0, |meta| meta.dev());
            out.walk(&at, &tree.inside, device, 0);
        }
        out
    }

    fn walk(&mut self, at: &Path, inside: &Path, device: u64, deep: usize) {
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
            if meta.dev() != device {
                self.mounted.insert(name);
                continue;
            }
            if meta.is_dir() {
                self.walk(&entry.path(), &name, device, deep + 1);
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
        if was == Some(now) || before.mounted.contains(inside) {
            continue;
        }
        let Some(tree) = tree_of(trees, inside) else { continue };
        let rest = inside.strip_prefix(&tree.inside).unwrap_or(inside);
        let here = storage.join(&tree.tree).join(rest);
        let below = tree.lower.as_ref().and_then(|lower| Stamp::below(lower, rest));
        let Ok(meta) = fs::symlink_metadata(&here) else { continue };
        if meta.file_type().is_char_device() && meta.rdev() == 0 {
            if below.is_some() {
                push(&mut out, inside, Change::Removed, 0, None);
            }
            continue;
        }
        let known = was.copied().or(below);
        let change = match known {
            None => Change::Created,
            Some(known) => match compare(&known, now, was.is_some()) {
                Some(change) => change,
                None => {
                    hidden(&mut out, tree, &here, inside, rest);
                    continue;
                }
            },
        };
        let digest = digest(&here, &meta, &mut hashed);
        push(&mut out, inside, change, now.len, digest);
        hidden(&mut out, tree, &here, inside, rest);
    }
    for inside in before.entries.keys().filter(|inside| !after.entries.contains_key(*inside)) {
        push(&mut out, inside, Change::Removed, 0, None);
    }
    (out.free, out.free_files) = nix::sys::statvfs::statvfs(storage)
        .map_or((u64::MAX, u64::MAX), |now| {
            (now.blocks_available() * now.fragment_size(), now.files_available())
        });
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
fn hidden(out: &mut Changes, tree: &Scanned, here: &Path, inside: &Path, rest: &Path) {
    let Some(lower) = &tree.lower else { return };
    let directory = fs::symlink_metadata(here).is_ok_and(|meta| meta.is_dir());
    if !directory || !belljar_sys::mounts::is_opaque(here) {
        return;
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let Ok(mut entries) = Dir::openat(&**lower, rest, flags, Mode::empty()) else { return };
    for entry in entries.iter().flatten() {
        let name = std::ffi::OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." && fs::symlink_metadata(here.join(name)).is_err() {
            push(out, &inside.join(name), Change::Removed, 0, None);
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
