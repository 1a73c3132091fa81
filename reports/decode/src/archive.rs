//! What lies in zip and tar archives, told from the local headers alone, so that archives that are
//! cut short or still being written are read too.
//!
//! Members that are stored as they are (tar, zip method 0) stand in one piece in the archive and
//! are therefore no decoding; [`entries`] only names them. Cannot see: encrypted members, methods
//! other than stored and deflate.

use belljar_record::ByteString;
use std::ops::Range;

/// What kind of archive an entry is in, and how it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// zip, stored as it is.
    ZipStored,
    /// zip, deflated.
    ZipDeflated,
    /// zip, encrypted or by another method.
    ZipOther,
    /// tar.
    Tar,
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How it is kept.
    pub kind: EntryKind,
    /// Its name in the archive.
    pub name: ByteString,
    /// Where its header begins.
    pub header: u64,
    /// Where its bytes lie; empty if the header does not say how many there are.
    pub data: Range<u64>,
}

/// A zip local file header (APPNOTE 4.3.7).
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub(crate) deflated: bool,
    pub(crate) stored: bool,
    /// How it is packed (APPNOTE 4.4.5); 0 where it is encrypted.
    pub(crate) method: u16,
    /// How it is packed beneath the encryption; 99 for AES.
    pub(crate) secret_method: u16,
    /// Whether it is encrypted.
    pub(crate) encrypted: bool,
    /// The byte that a right password gives (APPNOTE 6.1.6).
    pub(crate) check: u8,
    /// Length of the header, name and extra field.
    pub(crate) len: usize,
    pub(crate) compressed: u64,
    pub(crate) name: ByteString,
}

impl Local {
    /// Whether it can be unpacked: deflate, bzip2, LZMA, Zstandard, xz.
    pub(crate) fn packed(&self) -> bool {
        matches!(self.method, 8 | 12 | 14 | 93 | 95)
    }

    /// Whether it is encrypted with AES.
    pub(crate) fn aes(&self) -> bool {
        self.encrypted && self.secret_method == 99
    }
}

pub(crate) fn local_header(bytes: &[u8]) -> Option<Local> {
    let head = bytes.get(..30)?;
    if !head.starts_with(b"PK\x03\x04") {
        return None;
    }
    let word = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let (flags, method) = (word(6), word(8));
    let (name_len, extra_len) = (usize::from(word(26)), usize::from(word(28)));
    let name = bytes.get(30..30 + name_len)?;
    let plain = flags & 1 == 0;
    let mut compressed = u64::from(u32::from_le_bytes([head[18], head[19], head[20], head[21]]));
    if flags & 8 != 0 || compressed == u64::from(u32::MAX) {
        compressed = 0;
    }
    Some(Local {
        deflated: plain && method == 8,
        stored: plain && method == 0,
        method: if plain { method } else { 0 },
        secret_method: method,
        encrypted: !plain,
        // With a descriptor behind the data the checksum is not known in advance.
        check: if flags & 8 != 0 { head[11] } else { head[17] },
        len: 30 + name_len + extra_len,
        compressed,
        name: name.into(),
    })
}

/// The members of every archive in `bytes`, by place.
pub fn entries(bytes: &[u8]) -> Vec<Entry> {
    let mut found = Vec::new();
    for at in memchr::memmem::find_iter(bytes, b"PK\x03\x04") {
        if let Some(local) = bytes.get(at..).and_then(local_header) {
            let kind = match (local.deflated, local.stored) {
                (true, _) => EntryKind::ZipDeflated,
                (_, true) => EntryKind::ZipStored,
                _ => EntryKind::ZipOther,
            };
            let from = (at + local.len).min(bytes.len()) as u64;
            let to = (from + local.compressed).min(bytes.len() as u64);
            found.push(Entry { kind, name: local.name, header: at as u64, data: from..to });
        }
    }
    // POSIX ustar and GNU both write `ustar` at 257 of each header.
    let mut next = 0;
    for magic in memchr::memmem::find_iter(bytes, b"ustar") {
        let Some(at) = magic.checked_sub(257).filter(|&at| at >= next) else { continue };
        let Some(header) = bytes.get(at..at + 512) else { continue };
        let until_nul = |field: &[u8]| field.iter().position(|&b| b == 0).unwrap_or(field.len());
        let name = &header[..until_nul(&header[..100])];
        let digits = &header[124..124 + until_nul(&header[124..136])];
        let size = std::str::from_utf8(digits)
            .ok()
            .and_then(|text| u64::from_str_radix(text.trim(), 8).ok());
        let Some(size) = size else { continue };
        let from = at as u64 + 512;
        let to = from.saturating_add(size).min(bytes.len() as u64);
        found.push(Entry {
            kind: EntryKind::Tar,
            name: name.into(),
            header: at as u64,
            data: from..to,
        });
        // A tar inside a tar is looked into as well, so headers are not skipped by size.
        next = at + 512;
    }
    found.sort_by_key(|entry| entry.header);
    found
}
