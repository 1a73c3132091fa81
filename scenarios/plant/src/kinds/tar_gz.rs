//! tar archives (POSIX.1-1988 ustar) in gzip (RFC 1952) that are never made whole.
//!
//! gzip holds *stored* blocks (RFC 1951, 3.2.4), so that the length is known before any byte
//! exists and any place can be read without what lies before it: the cost is that nothing is
//! really compressed, and that a decoy's members stand in it as they are, cut every 65,535 bytes.
//! Only headers are kept; the check sum is streamed once, when the last eight bytes are read.

use super::zip::{Member, crc_of};
use crate::content::{Content, Inside, Literal, Rope, copy_at, parts_of};
use crate::seed::{ALPHANUMERIC, Draw as _, Seed};
use belljar_record::{DecoySource, Part};
use std::sync::{Arc, OnceLock};

const RECORD: u64 = 512;
/// Most bytes of a stored block.
const STORED: u64 = 65_535;
const BLOCK_HEAD: u64 = 5;
const HEAD: u64 = 10;
const TAIL: u64 = 8;
/// Longest member name: that of the field, without the prefix.
pub(crate) const LONGEST_NAME: usize = 100;

/// Bytes that a member takes in the tar.
pub(crate) fn member_len(content: u64) -> u64 {
    RECORD + content.next_multiple_of(RECORD)
}

/// Bytes of a tar without members.
pub(crate) const EMPTY: u64 = 2 * RECORD;

/// Bytes of the gzip file without comment, for a tar of so many bytes.
pub(crate) fn gzip_len(tar: u64) -> u64 {
    HEAD + tar + BLOCK_HEAD * tar.div_ceil(STORED) + TAIL
}

/// How a tar of `base` bytes is made to give a gzip file of `size` bytes: by a filling member of
/// so many bytes (if any) and a comment of so many bytes, its closing NUL counted.
pub(crate) fn fit(base: u64, size: u64) -> Option<(Option<u64>, u64)> {
    let least = gzip_len(base);
    if size < least {
        return None;
    }
    let mut tar = size.saturating_sub(HEAD + TAIL) / RECORD * RECORD;
    while tar > base && gzip_len(tar) > size {
        tar -= RECORD;
    }
    let fill = tar.saturating_sub(base + RECORD);
    if fill >= RECORD {
        Some((Some(fill), size - gzip_len(tar)))
    } else {
        Some((None, size - least))
    }
}

/// A gzipped tar.
#[derive(Debug)]
pub(crate) struct TarGz {
    head: Vec<u8>,
    tar: Rope,
    crc: OnceLock<u32>,
    members: Vec<Member>,
}

impl TarGz {
    /// An archive of these members; `comment` counts its closing NUL.
    pub(crate) fn new(seed: Seed, members: Vec<Member>, comment: u64) -> Self {
        let mut pieces: Vec<Arc<dyn Content>> = Vec::with_capacity(3 * members.len() + 1);
        for member in &members {
            let len = member.content.len();
            pieces.push(Literal::arc(header(member).to_vec()));
            pieces.push(Arc::clone(&member.content));
            let rest = len.next_multiple_of(RECORD) - len;
            if rest > 0 {
                pieces.push(Literal::arc(vec![0; rest as usize]));
            }
        }
        pieces.push(Literal::arc(vec![0; EMPTY as usize]));
        // Flag 16: a comment follows. Time 0, no extra flags, made on Unix.
        let flags = if comment > 0 { 16 } else { 0 };
        let mut head = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3];
        if let Some(letters) = comment.checked_sub(1) {
            let text = seed.stream("comment").token(letters as usize, ALPHANUMERIC);
            head.extend_from_slice(text.as_bytes());
            head.push(0);
        }
        Self { head, tar: Rope::new(pieces, Vec::new()), crc: OnceLock::new(), members }
    }

    /// The five bytes before a stored block.
    fn block_head(&self, block: u64) -> [u8; 5] {
        let from = block * STORED;
        let left = self.tar.len().saturating_sub(from);
        let len = u16::try_from(left).unwrap_or(u16::MAX);
        let [low, high] = len.to_le_bytes();
        [u8::from(left <= STORED), low, high, !low, !high]
    }

    /// The bytes from `offset` to at most the end of the piece that it lies in.
    fn read_piece(&self, offset: u64, buf: &mut [u8]) -> usize {
        let head = self.head.len() as u64;
        let Some(offset) = offset.checked_sub(head) else {
            return copy_at(&self.head, offset, buf);
        };
        let tar = self.tar.len();
        let body = tar + BLOCK_HEAD * tar.div_ceil(STORED);
        if let Some(offset) = offset.checked_sub(body) {
            let crc = *self.crc.get_or_init(|| crc_of(&self.tar));
            let mut tail = crc.to_le_bytes().to_vec();
            // RFC 1952: the length modulo 2^32.
            tail.extend_from_slice(&(tar as u32).to_le_bytes());
            return copy_at(&tail, offset, buf);
        }
        let block = offset / (BLOCK_HEAD + STORED);
        let within = offset % (BLOCK_HEAD + STORED);
        let Some(within) = within.checked_sub(BLOCK_HEAD) else {
            return copy_at(&self.block_head(block), within, buf);
        };
        let most = buf.len().min((STORED - within) as usize);
        self.tar.read_at(block * STORED + within, &mut buf[..most])
    }
}

fn header(member: &Member) -> [u8; RECORD as usize] {
    let mut header = tar::Header::new_ustar();
    let name = member.name.as_bytes();
    let kept = name.len().min(LONGEST_NAME);
    header.as_old_mut().name[..kept].copy_from_slice(&name[..kept]);
    header.set_mode(0o644);
    header.set_uid(1000);
    header.set_gid(1000);
    header.set_size(member.content.len());
    header.set_mtime(u64::try_from(member.when.0).unwrap_or(0));
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    *header.as_bytes()
}

impl DecoySource for TarGz {
    fn len(&self) -> u64 {
        self.head.len() as u64 - HEAD + gzip_len(self.tar.len())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < buf.len() {
            let got = self.read_piece(offset.saturating_add(filled as u64), &mut buf[filled..]);
            if got == 0 {
                break;
            }
            filled += got;
        }
        filled
    }

    fn parts(&self) -> Vec<Part> {
        parts_of(self)
    }
}

impl Content for TarGz {
    fn inside(&self) -> Vec<Inside> {
        self.members.iter().map(Member::inside).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_from_the_least_can_be_reached() {
        for base in [EMPTY, 5 * RECORD, 200 * RECORD] {
            let least = gzip_len(base);
            assert_eq!(fit(base, least - 1), None);
            for size in (least..least + 3_000).chain([least + 400_000, least + 65_540 * 7]) {
                let (fill, comment) = fit(base, size).expect("it is large enough");
                let tar = base + fill.map_or(0, member_len);
                assert_eq!(gzip_len(tar) + comment, size);
                assert!(comment < 3 * RECORD);
            }
        }
    }
}
