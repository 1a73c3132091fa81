//! What lies in zip, tar, cpio (newc, odc) and ar archives, told from the local headers alone, so that archives that are
//! cut short or still being written are read too.
//!
//! Members that are stored as they are (tar, cpio, ar, zip method 0) stand in one piece in the archive and
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
    /// cpio, with numbers in hexadecimal (newc) or octal (odc) digits.
    Cpio,
    /// ar.
    Ar,
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
    cpio(bytes, &mut found);
    ar(bytes, &mut found);
    found.sort_by_key(|entry| entry.header);
    found
}

/// A number in digits, perhaps with blanks behind it.
fn digits(field: &[u8], radix: u32) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(field).ok()?.trim_end(), radix).ok()
}

fn cpio(bytes: &[u8], found: &mut Vec<Entry>) {
    // Of each form: the header's length, radix, places of the name's and the file's length, padding.
    let forms = [
        (&b"070701"[..], 110, 16, 94..102, 54..62, 4),
        (b"070702", 110, 16, 94..102, 54..62, 4),
        (b"070707", 76, 8, 59..65, 65..76, 1),
    ];
    for (magic, header, radix, name_len, file_len, pad) in forms {
        for at in memchr::memmem::find_iter(bytes, magic) {
            let Some(head) = bytes.get(at..at + header) else { continue };
            let (Some(name_len), Some(len)) =
                (digits(&head[name_len.clone()], radix), digits(&head[file_len.clone()], radix))
            else {
                continue;
            };
            let name_end = (at + header) as u64 + name_len;
            let Some(name) = usize::try_from(name_end)
                .ok()
                .filter(|_| (2..4096).contains(&name_len))
                .and_then(|end| bytes.get(at + header..end)?.strip_suffix(b"\0"))
            else {
                continue;
            };
            if name == b"TRAILER!!!" {
                continue;
            }
            // Padding counts from the header on.
            let from = at as u64 + (name_end - at as u64).next_multiple_of(pad);
            let end = bytes.len() as u64;
            let data = from.min(end)..from.saturating_add(len).min(end);
            found.push(Entry { kind: EntryKind::Cpio, name: name.into(), header: at as u64, data });
        }
    }
}

fn ar(bytes: &[u8], found: &mut Vec<Entry>) {
    const MAGIC: &[u8] = b"!<arch>\n";
    for start in memchr::memmem::find_iter(bytes, MAGIC) {
        let mut at = start + MAGIC.len();
        while let Some(head) = bytes.get(at..at + 60).filter(|head| head.ends_with(b"`\n")) {
            let Some(len) = digits(&head[48..58], 10) else { break };
            let from = (at + 60) as u64;
            let end = from.saturating_add(len).min(bytes.len() as u64);
            let mut name = head[..16].trim_ascii_end();
            name = name.strip_suffix(b"/").filter(|name| !name.is_empty()).unwrap_or(name);
            let mut data = from..end;
            let mut full = name.to_vec();
            // BSD writes long names before the content.
            if let Some(len) = name.strip_prefix(b"#1/").and_then(|len| digits(len, 10))
                && from + len <= end
            {
                let long = &bytes[from as usize..(from + len) as usize];
                full = long.split(|&b| b == 0).next().unwrap_or(long).to_vec();
                data.start = from + len;
            }
            found.push(Entry { kind: EntryKind::Ar, name: full.into(), header: at as u64, data });
            at = end as usize + (end as usize - start) % 2;
        }
    }
}

/// Members that are stored as they are, if something is an archive from its first byte on.
pub(crate) fn stored(bytes: &[u8]) -> Vec<Range<usize>> {
    let begins = [&b"PK\x03\x04"[..], b"070701", b"070702", b"070707", b"!<arch>\n"]
        .iter()
        .any(|mark| bytes.starts_with(mark));
    if !begins && bytes.get(257..262) != Some(b"ustar") {
        return Vec::new();
    }
    entries(bytes)
        .into_iter()
        .filter(|entry| !matches!(entry.kind, EntryKind::ZipDeflated | EntryKind::ZipOther))
        .map(|entry| entry.data.start as usize..entry.data.end as usize)
        .filter(|range| !range.is_empty() && range.len() < bytes.len())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newc(name: &str, data: &[u8]) -> Vec<u8> {
        let mut out = b"070701".to_vec();
        let size = data.len();
        for field in [1, 0o100_644, 0, 0, 1, 0, size, 0, 0, 0, 0, name.len() + 1, 0] {
            out.extend(format!("{field:08X}").bytes());
        }
        out.extend(name.bytes());
        out.push(0);
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(data);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    fn odc(name: &str, data: &[u8]) -> Vec<u8> {
        let mut out = b"070707".to_vec();
        for field in [1, 2, 0o100_644, 0, 0, 1, 0] {
            out.extend(format!("{field:06o}").bytes());
        }
        out.extend(format!("{:011o}{:06o}{:011o}{name}\0", 0, name.len() + 1, data.len()).bytes());
        out.extend(data);
        out
    }

    #[test]
    fn members_of_cpio_and_ar_are_named() {
        let mut archive = newc("a/minutes.txt", b"first text");
        archive.extend(newc("TRAILER!!!", b""));
        archive.extend(odc("b.txt", b"second text"));
        archive.extend(b"!<arch>\n");
        for (name, data) in [("c.txt/", &b"third"[..]), ("#1/12", b"long_name.o\0fourth")] {
            let len = data.len();
            archive.extend(
                format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{len:<10}`\n", 0, 0, 0, 644).bytes(),
            );
            archive.extend(data);
            if len % 2 == 1 {
                archive.push(b'\n');
            }
        }
        let found: Vec<(String, &[u8])> = entries(&archive)
            .into_iter()
            .map(|entry| {
                let data = &archive[entry.data.start as usize..entry.data.end as usize];
                (entry.name.to_string(), data)
            })
            .collect();
        let expected: [(&str, &[u8]); 4] = [
            ("a/minutes.txt", b"first text"),
            ("b.txt", b"second text"),
            ("c.txt", b"third"),
            ("long_name.o", b"fourth"),
        ];
        assert_eq!(found.len(), 4, "{found:?}");
        for ((name, data), (wanted, content)) in found.iter().zip(expected) {
            assert_eq!((name.as_str(), *data), (wanted, content));
        }
    }
}
