//! What is known of a node beside its content, and what a world may grow to.

use belljar_record::{Moment, NodeId};
use std::collections::BTreeMap;

/// Owner, group, mode and time of a planted node, as the component sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Permission bits, with set-user-id, set-group-id and sticky (12 bits).
    pub mode: u32,
    /// Owner, as a number in the jar's outer user namespace.
    pub uid: u32,
    /// Group, likewise.
    pub gid: u32,
    /// Time of the last change of content, in seconds since 1970.
    pub mtime_s: i64,
}

/// How far a world may grow. All budgets are counted, not estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorldLimits {
    /// Memory for written pages, extended attributes and names, in bytes.
    pub write_bytes: u64,
    /// Nodes that may exist, planted ones included.
    pub nodes: u64,
    /// Longest path that may come to be, in bytes (it stands in each line of the record).
    pub path_bytes: usize,
    /// Greatest length of a file.
    pub file_bytes: u64,
    /// Bytes that may be read back for digests when the run concludes.
    pub digest_bytes: u64,
    /// Ranges kept for each decoy before neighbouring ones are joined.
    pub ranges: usize,
    /// The owners that the jar can show.
    pub owners: Owners,
}

/// Which owners planted files have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Owners {
    /// Those that were planted.
    #[default]
    AsPlanted,
    /// User and group 0: the jar has no others, and files of users that it does not have could not
    /// be read even by its root.
    OnlyRoot,
}

impl Owners {
    pub(crate) fn of(self, meta: Meta) -> Meta {
        match self {
            Self::AsPlanted => meta,
            Self::OnlyRoot => Meta { uid: 0, gid: 0, ..meta },
        }
    }
}

impl Default for WorldLimits {
    fn default() -> Self {
        Self {
            write_bytes: 256 << 20,
            nodes: 1_000_000,
            path_bytes: 64 << 10,
            file_bytes: 16 << 40,
            digest_bytes: 4 << 30,
            ranges: 4096,
            owners: Owners::AsPlanted,
        }
    }
}

/// A point in time as file attributes hold it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Nanoseconds of that second.
    pub nanos: u32,
}

impl Stamp {
    /// A whole second.
    pub const fn at(seconds: i64) -> Self {
        Self { seconds, nanos: 0 }
    }

    pub(crate) fn after(epoch: i64, moment: Moment) -> Self {
        let seconds = i64::try_from(moment.0 / 1_000_000_000).unwrap_or(i64::MAX);
        Self {
            seconds: epoch.saturating_add(seconds),
            nanos: u32::try_from(moment.0 % 1_000_000_000).unwrap_or(0),
        }
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe: only the name is served here, the bytes stay between the processes.
    Fifo,
    /// A socket: likewise.
    Socket,
}

/// What stat(2) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Which node.
    pub node: NodeId,
    /// What it is.
    pub kind: NodeKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Length in bytes.
    pub len: u64,
    /// Names that lead to it.
    pub links: u32,
    /// Last reading, as planted or as set (readings do not move it).
    pub atime: Stamp,
    /// Last change of content.
    pub mtime: Stamp,
    /// Last change of attributes.
    pub ctime: Stamp,
}

/// A time to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetTime {
    /// To this.
    To(Stamp),
    /// To the run's present.
    Now,
}

/// Attributes to be set; `None` leaves one as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SetAttributes {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Length.
    pub len: Option<u64>,
    /// Time of the last reading.
    pub atime: Option<SetTime>,
    /// Time of the last change of content.
    pub mtime: Option<SetTime>,
}

impl SetAttributes {
    /// In words, without the length (that has an event of its own); empty if nothing else is set.
    pub(crate) fn words(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.mode.map(|mode| format!("mode {:o}", mode & 0o7777)));
        words.extend(self.uid.map(|uid| format!("owner {uid}")));
        words.extend(self.gid.map(|gid| format!("group {gid}")));
        for (name, time) in [("atime", self.atime), ("mtime", self.mtime)] {
            words.extend(time.map(|time| match time {
                SetTime::To(stamp) => format!("{name} {}.{:09}", stamp.seconds, stamp.nanos),
                SetTime::Now => format!("{name} now"),
            }));
        }
        words.join(", ")
    }
}

/// The changeable attributes of a node.
#[derive(Debug, Clone)]
pub(crate) struct Inode {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) atime: Stamp,
    pub(crate) mtime: Stamp,
    pub(crate) ctime: Stamp,
    /// Extended attributes.
    pub(crate) extended: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Whether the component set any of these.
    pub(crate) touched: bool,
}

impl Inode {
    pub(crate) fn new(meta: Meta) -> Self {
        Self::at(meta, Stamp::at(meta.mtime_s))
    }

    pub(crate) fn at(meta: Meta, stamp: Stamp) -> Self {
        Self {
            mode: meta.mode & 0o7777,
            uid: meta.uid,
            gid: meta.gid,
            atime: stamp,
            mtime: stamp,
            ctime: stamp,
            extended: BTreeMap::new(),
            touched: false,
        }
    }
}
