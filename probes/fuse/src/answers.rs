//! The world's words in FUSE's.

use belljar_world::{Attributes, NodeKind, SetTime, Stamp, WorldError};
use fuser::{Errno, FileAttr, FileType, INodeNo, TimeOrNow};
use std::time::{Duration, SystemTime};

pub(crate) fn errno(error: WorldError) -> Errno {
    match error {
        WorldError::NotFound => Errno::ENOENT,
        WorldError::Stale => Errno::ESTALE,
        WorldError::Exists => Errno::EEXIST,
        WorldError::NotDirectory => Errno::ENOTDIR,
        WorldError::IsDirectory => Errno::EISDIR,
        WorldError::NotEmpty => Errno::ENOTEMPTY,
        WorldError::Invalid => Errno::EINVAL,
        WorldError::NameTooLong => Errno::ENAMETOOLONG,
        WorldError::NoSpace => Errno::ENOSPC,
        WorldError::TooLarge => Errno::EFBIG,
        WorldError::NoAttribute => Errno::ENODATA,
        WorldError::AttributeTooLarge => Errno::E2BIG,
        WorldError::Unsupported => Errno::EOPNOTSUPP,
        WorldError::NotPermitted => Errno::EPERM,
        WorldError::NoDevice => Errno::ENOTTY,
        WorldError::TooManyLinks => Errno::EMLINK,
        WorldError::RecordFull => Errno::EIO,
    }
}

pub(crate) fn kind(kind: NodeKind) -> FileType {
    match kind {
        NodeKind::File => FileType::RegularFile,
        NodeKind::Directory => FileType::Directory,
        NodeKind::Symlink => FileType::Symlink,
        NodeKind::Fifo => FileType::NamedPipe,
        NodeKind::Socket => FileType::Socket,
    }
}

pub(crate) fn attributes(from: &Attributes) -> FileAttr {
    FileAttr {
        ino: INodeNo(from.node.0),
        size: from.len,
        blocks: from.len.div_ceil(4096) * 8,
        atime: time(from.atime),
        mtime: time(from.mtime),
        ctime: time(from.ctime),
        crtime: time(from.mtime),
        kind: kind(from.kind),
        perm: u16::try_from(from.mode & 0o7777).unwrap_or(0),
        nlink: from.links,
        uid: from.uid,
        gid: from.gid,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn time(stamp: Stamp) -> SystemTime {
    let seconds = Duration::from_secs(stamp.seconds.unsigned_abs());
    let whole = if stamp.seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(seconds)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(seconds)
    };
    let nanos = Duration::from_nanos(u64::from(stamp.nanos));
    whole.and_then(|time| time.checked_add(nanos)).unwrap_or(SystemTime::UNIX_EPOCH)
}

pub(crate) fn set_time(time: TimeOrNow) -> SetTime {
    match time {
        TimeOrNow::Now => SetTime::Now,
        TimeOrNow::SpecificTime(time) => SetTime::To(stamp(time)),
    }
}

fn stamp(time: SystemTime) -> Stamp {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Stamp {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanos: since.subsec_nanos(),
        },
        Err(before) => {
            let before = before.duration();
            let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            match before.subsec_nanos() {
                0 => Stamp { seconds: -seconds, nanos: 0 },
                nanos => Stamp { seconds: -seconds - 1, nanos: 1_000_000_000 - nanos },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_after_1970_come_back_as_they_went() {
        for (seconds, nanos) in [(0, 0), (1_700_000_000, 5), (-1, 999_999_999), (-86_400, 0)] {
            let before = Stamp { seconds, nanos };
            assert_eq!(stamp(time(before)), before);
        }
    }
}
