//! Traffic-like bytes: files of this machine.

use std::io::Read as _;
use std::path::PathBuf;

/// Bytes of the machine's files, a piece from each.
pub(crate) fn host(wanted: usize) -> Vec<Vec<u8>> {
    let mut folders: Vec<PathBuf> =
        ["/usr/share/doc", "/usr/bin", "/usr/lib"].map(PathBuf::from).to_vec();
    let (mut pieces, mut total) = (Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = Vec::new();
            let read = std::fs::File::open(&path)
                .and_then(|file| file.take(256 << 10).read_to_end(&mut bytes));
            if read.is_err() || bytes.len() < 512 {
                continue;
            }
            total += bytes.len();
            pieces.push(bytes);
            if total >= wanted {
                return pieces;
            }
        }
    }
    pieces
}
