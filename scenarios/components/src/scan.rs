//! Scanning: walks folders, reads files whole, looks into zip and gzipped tar archives.
//!
//! Knows one sample, the EICAR test file. Does not follow symbolic links; opens archives one level
//! deep; reads at most 256 MiB of a file.

use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};

/// A detected sample.
#[derive(Debug)]
pub struct Detection {
    /// The file that is, or holds, the sample.
    pub file: PathBuf,
    /// The sample's own bytes: the file, or the member of the archive.
    pub sample: Vec<u8>,
}

/// Most that is read of one file or member, in bytes.
const MOST: u64 = 256 << 20;

/// The EICAR test string, put together here so that it stands in no file of the repository.
fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}", "$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!", "$H+H*"]
        .concat()
        .into_bytes()
}

/// Visits every regular file below `roots`, in order of name, and reads it whole.
/// Unreadable files are passed over, as scanners do.
pub fn each_file(roots: &[PathBuf], visit: &mut dyn FnMut(&Path, Vec<u8>)) {
    for root in roots {
        walk(root, visit);
    }
}

fn walk(path: &Path, visit: &mut dyn FnMut(&Path, Vec<u8>)) {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return };
    if meta.is_dir() {
        let Ok(entries) = std::fs::read_dir(path) else { return };
        let mut below: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        below.sort();
        for path in below {
            walk(&path, visit);
        }
    } else if meta.is_file()
        && let Ok(file) = std::fs::File::open(path)
    {
        let mut bytes = Vec::new();
        if file.take(MOST).read_to_end(&mut bytes).is_ok() {
            visit(path, bytes);
        }
    }
}

/// Looks for the sample in a file and, if it is an archive, in its members.
pub fn detect(file: &Path, bytes: &[u8]) -> Option<Detection> {
    let found = |sample: Vec<u8>| Detection { file: file.to_owned(), sample };
    if holds_sample(bytes) {
        return Some(found(bytes.to_vec()));
    }
    zip_members(bytes)
        .into_iter()
        .chain(tar_members(bytes))
        .find(|member| holds_sample(member))
        .map(found)
}

fn holds_sample(bytes: &[u8]) -> bool {
    bytes.starts_with(&eicar())
}

fn zip_members(bytes: &[u8]) -> Vec<Vec<u8>> {
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else { return Vec::new() };
    (0..archive.len())
        .filter_map(|index| {
            let mut member = Vec::new();
            archive.by_index(index).ok()?.take(MOST).read_to_end(&mut member).ok()?;
            Some(member)
        })
        .collect()
}

fn tar_members(bytes: &[u8]) -> Vec<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Vec::new();
    }
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes).take(MOST));
    let Ok(entries) = archive.entries() else { return Vec::new() };
    entries
        .map_while(Result::ok)
        .filter_map(|mut entry| {
            let mut member = Vec::new();
            entry.read_to_end(&mut member).ok()?;
            Some(member)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn the_sample_is_found_alone_and_in_archives() {
        let path = Path::new("file");
        assert!(detect(path, b"clean").is_none());
        assert_eq!(detect(path, &eicar()).expect("found").sample, eicar());

        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for (name, body) in [("a.txt", b"clean".to_vec()), ("b.com", eicar())] {
            zip.start_file(name, options).expect("in memory");
            zip.write_all(&body).expect("in memory");
        }
        let zip = zip.finish().expect("in memory").into_inner();
        assert_eq!(detect(path, &zip).expect("found").sample, eicar());

        let gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        let mut header = tar::Header::new_gnu();
        header.set_size(eicar().len() as u64);
        header.set_cksum();
        tar.append_data(&mut header, "b.com", eicar().as_slice()).expect("in memory");
        let gz = tar.into_inner().expect("in memory").finish().expect("in memory");
        assert_eq!(detect(path, &gz).expect("found").sample, eicar());
    }
}
