//! Writing a plant to a directory: the same files that a run serves, with modes and times. Owners
//! are left to whoever writes it.

use crate::decoy::DecoyMeta;
use crate::error::PlantError;
use crate::plant::Plant;
use belljar_record::DecoySource;
use std::fs::{File, FileTimes, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Files.
    pub files: u64,
    /// Directories below the target.
    pub directories: u64,
    /// Bytes of content.
    pub bytes: u64,
}

fn at<T>(path: &Path, result: std::io::Result<T>) -> Result<T, PlantError> {
    result.map_err(|source| PlantError::Write { path: path.to_owned(), source })
}

impl Plant {
    /// Writes decoys and system files below `dir`, which must be empty or new. The sample lies
    /// there in clear: scanners of the host will find it.
    ///
    /// # Errors
    /// [`PlantError::NotEmpty`], or [`PlantError::Write`] with the path that failed; what was
    /// written before stays.
    pub fn write_to(&self, dir: &Path) -> Result<Written, PlantError> {
        at(dir, std::fs::create_dir_all(dir))?;
        if at(dir, std::fs::read_dir(dir))?.next().is_some() {
            return Err(PlantError::NotEmpty { dir: dir.to_owned() });
        }
        let mut written = Written { files: 0, directories: 0, bytes: 0 };
        let directories = self.directories();
        for directory in &directories {
            let path = below(dir, &directory.path);
            at(&path, std::fs::create_dir(&path))?;
            written.directories += 1;
        }
        let mut buffer = vec![0; 256 << 10];
        for file in self.system_files() {
            written.bytes += write(&below(dir, file.path), &*file.source, file.meta, &mut buffer)?;
            written.files += 1;
        }
        for decoy in self.decoys() {
            let path = below(dir, decoy.path_str());
            written.bytes += write(&path, &**decoy, decoy.meta(), &mut buffer)?;
            written.files += 1;
        }
        // Last, and children first: a directory without write permission, or one that is written
        // into, would else not stay as it is meant to be.
        for directory in directories.iter().rev() {
            let path = below(dir, &directory.path);
            let opened = at(&path, File::open(&path))?;
            finish(&path, &opened, directory.meta)?;
        }
        Ok(written)
    }
}

/// Paths of a plant are absolute and have no `..`: they stay below `dir`.
fn below(dir: &Path, path: &str) -> PathBuf {
    dir.join(path.trim_start_matches('/'))
}

fn write(
    path: &Path,
    source: &dyn DecoySource,
    meta: DecoyMeta,
    buffer: &mut [u8],
) -> Result<u64, PlantError> {
    let mut file =
        at(path, OpenOptions::new().write(true).create_new(true).mode(0o600).open(path))?;
    let mut offset = 0;
    loop {
        let got = source.read_at(offset, buffer);
        if got == 0 {
            break;
        }
        at(path, file.write_all(&buffer[..got]))?;
        offset += got as u64;
    }
    finish(path, &file, meta)?;
    Ok(offset)
}

fn finish(path: &Path, file: &File, meta: DecoyMeta) -> Result<(), PlantError> {
    at(path, file.set_permissions(Permissions::from_mode(meta.mode)))?;
    let seconds = Duration::from_secs(u64::try_from(meta.mtime_s).unwrap_or(0));
    at(path, file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + seconds)))
}
