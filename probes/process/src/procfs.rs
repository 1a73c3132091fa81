//! Reading `/proc` of processes that may be hostile and may end at any time.
//!
//! Promises: everything read is bounded; whatever is gone or odd is `None`, never a panic.

use std::os::unix::ffi::OsStrExt as _;

use belljar_record::{ByteString, ProcessKey};

/// What `/proc/PID/stat` (proc(5)) says, as far as it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub parent: u32,
    pub start: u64,
    /// Where the arguments lie in memory: another program image has another place (ASLR).
    pub image: u64,
}

pub(crate) fn stat(pid: u32) -> Option<Stat> {
    let text = read_bounded(&format!("/proc/{pid}/stat"), 4096)?;
    parse_stat(&text)
}

fn parse_stat(text: &[u8]) -> Option<Stat> {
    // The name may hold anything, also `)`: fields begin after the last one.
    let after = text.iter().rposition(|&b| b == b')')? + 1;
    let text = std::str::from_utf8(text.get(after..)?).ok()?;
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(4)?).ok()?,
        start: number(22)?,
        image: number(28).unwrap_or(0) ^ number(48).unwrap_or(0).rotate_left(32),
    })
}

pub(crate) fn key(pid: u32) -> Option<ProcessKey> {
    stat(pid).map(|stat| ProcessKey { pid, start: stat.start })
}

/// The process that a thread belongs to.
pub(crate) fn process_of(tid: u32) -> Option<u32> {
    let text = read_bounded(&format!("/proc/{tid}/status"), 8192)?;
    let text = String::from_utf8_lossy(&text);
    text.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

pub(crate) fn executable(pid: u32) -> Option<ByteString> {
    let link = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(ByteString::from(link.as_os_str().as_bytes()))
}

pub(crate) const MOST_ARGUMENTS: usize = 64;
pub(crate) const LONGEST_ARGUMENTS: usize = 16 * 1024;

/// The inode of the socket behind a descriptor.
pub(crate) fn socket_inode(pid: u32, fd: i32) -> Option<u32> {
    let link = std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok()?;
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Whether the process holds the socket, looking at no more than `most` descriptors.
pub(crate) fn holds_socket(pid: u32, inode: u32, most: usize) -> bool {
    let wanted = format!("socket:[{inode}]");
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries.take(most).flatten().any(|entry| {
        std::fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == &*wanted)
    })
}

pub(crate) fn read_bounded(path: &str, most: usize) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).ok()?;
    let mut out = Vec::with_capacity(1024);
    file.take(most as u64).read_to_end(&mut out).ok()?;
    Some(out)
}

/// The memory of a process, read while one of its threads is held.
pub(crate) struct Memory(std::fs::File);

impl Memory {
    pub(crate) fn of(tid: u32) -> Option<Self> {
        std::fs::File::open(format!("/proc/{tid}/mem")).ok().map(Self)
    }

    pub(crate) fn bytes(&self, at: u64, len: usize) -> Option<Vec<u8>> {
        use std::os::unix::fs::FileExt as _;
        let mut out = vec![0; len];
        self.0.read_exact_at(&mut out, at).ok()?;
        Some(out)
    }

    pub(crate) fn word(&self, at: u64, wide: bool) -> Option<u64> {
        if wide {
            Some(u64::from_ne_bytes(self.bytes(at, 8)?.try_into().ok()?))
        } else {
            Some(u64::from(u32::from_ne_bytes(self.bytes(at, 4)?.try_into().ok()?)))
        }
    }

    /// A string that ends with NUL, read page by page so that it may end just before a hole.
    pub(crate) fn string(&self, at: u64, most: usize) -> Option<ByteString> {
        use std::os::unix::fs::FileExt as _;
        let mut out = Vec::new();
        let mut from = at;
        while out.len() < most {
            let room = 4096 - usize::try_from(from % 4096).ok()?;
            let mut piece = vec![0; room.min(most - out.len())];
            let got = self.0.read_at(&mut piece, from).ok()?;
            if got == 0 {
                return None;
            }
            if let Some(end) = piece[..got].iter().position(|&b| b == 0) {
                out.extend_from_slice(&piece[..end]);
                return Some(ByteString::from(out));
            }
            out.extend_from_slice(&piece[..got]);
            from = from.checked_add(got as u64)?;
        }
        Some(ByteString::from(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_process_name_does_not_shift_the_fields() {
        let mut line = b"7 (a) R 99 (b) c) S 42".to_vec();
        line.extend(" 0".repeat(60).bytes());
        assert_eq!(parse_stat(&line).map(|stat| stat.parent), Some(42));
        assert_eq!(parse_stat(b"7 (a) S"), None);
        assert_eq!(parse_stat(b""), None);
    }

    #[test]
    fn this_process_is_read_as_it_is() {
        let pid = std::process::id();
        assert_eq!(process_of(pid), Some(pid));
        assert_eq!(stat(pid).map(|stat| stat.parent), Some(std::os::unix::process::parent_id()));
        let here = std::env::current_exe().expect("has one");
        assert_eq!(executable(pid), Some(ByteString::from(here.as_os_str().as_bytes())));
    }
}
