//! Copying host content into the jar's own storage.
//!
//! Promises: bounded in files, bytes and depth; links are copied as links and never followed; what
//! cannot be read is left out (it is not the component's to read).

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::path::Path;

const MOST_FILES: u64 = 200_000;
const MOST_BYTES: u64 = 4 << 30;
const MOST_DEEP: u32 = 32;

/// What was copied so far.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    files: u64,
    bytes: u64,
}

impl Copied {
    fn count(&mut self, bytes: u64) -> io::Result<()> {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.files > MOST_FILES || self.bytes > MOST_BYTES {
            return Err(io::Error::other("too much to copy"));
        }
        Ok(())
    }
}

/// Copies what is in `from` into `to`, which exists.
pub(crate) fn directory(
    from: &Path,
    to: &Path,
    copied: &mut Copied,
    single: bool,
) -> io::Result<()> {
    let meta = fs::symlink_metadata(from)?;
    into(from, to, copied, single, 0)?;
    dress(to, &meta, single)
}

fn into(from: &Path, to: &Path, copied: &mut Copied, single: bool, deep: u32) -> io::Result<()> {
    if deep > MOST_DEEP {
        return Err(io::Error::other("too deep to copy"));
    }
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let Ok(meta) = fs::symlink_metadata(&source) else { continue };
        let kind = meta.file_type();
        if kind.is_dir() {
            copied.count(0)?;
            fs::create_dir_all(&target)?;
            into(&source, &target, copied, single, deep + 1)?;
            dress(&target, &meta, single)?;
        } else {
            one(&source, &target, &meta, copied, single)?;
        }
    }
    Ok(())
}

/// Copies a file or a link. Other kinds (sockets, devices) are left out.
pub(crate) fn one(
    source: &Path,
    target: &Path,
    meta: &Metadata,
    copied: &mut Copied,
    single: bool,
) -> io::Result<()> {
    let kind = meta.file_type();
    if kind.is_symlink() {
        copied.count(0)?;
        if target.symlink_metadata().is_err() {
            symlink(fs::read_link(source)?, target)?;
        }
        return Ok(());
    }
    if !kind.is_file() {
        return Ok(());
    }
    copied.count(meta.len())?;
    let Ok(mut reader) = fs::File::open(source) else { return Ok(()) };
    let mut writer = fs::File::create(target)?;
    io::copy(&mut reader, &mut writer)?;
    dress(target, meta, single)
}

fn dress(target: &Path, meta: &Metadata, single: bool) -> io::Result<()> {
    // With one user nobody else can own anything; an owner that is not mapped stays the jar's root.
    if !single {
        let known = |id: u32| if id < 65_534 { id } else { 0 };
        lchown(target, Some(known(meta.uid())), Some(known(meta.gid())))?;
    }
    fs::set_permissions(target, fs::Permissions::from_mode(meta.mode() & 0o7777))
}
