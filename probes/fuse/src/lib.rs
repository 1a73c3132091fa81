//! The FUSE door: a thin translation of kernel requests into operations of the world.
//!
//! Promises: every request that reaches it is attributed, done by the world (which records it
//! first), and answered. Reads by read(2) and its kin arrive with the offset and length that the
//! component asked for ([`belljar_record::Precision::Exact`]): files are opened with `FOPEN_DIRECT_IO`. Reads that
//! fill the page cache (mmap, sendfile, splice, running a program) arrive in pages
//! ([`belljar_record::Precision::Page`]), with read-ahead of one page, and the page is thrown out of the cache again
//! by a second thread, so that the next process that touches it is seen, too. Shared writable
//! mappings are refused by the kernel, because `FUSE_DIRECT_IO_ALLOW_MMAP` is not asked for.
//!
//! Cannot see, and so says here:
//! - Repeated stat(2) and path walks: attributes and names that were given are kept by the kernel
//!   for [`TTL`]. The first giving is recorded (`stat`, or `list` for a whole directory, which
//!   gives the attributes of its names). Without this a scan costs 2.5 times as much. Names that
//!   were missed are never kept: each miss is recorded.
//! - A page that is read twice within the microseconds between the reply and its removal from the
//!   cache; pages of running programs (they stay in the cache while it runs).
//! - Locks: flock(2) and fcntl(2) locks are kept by the kernel, because a remote lock would hold
//!   killed processes. They carry no bytes of a decoy.
//! - `O_TMPFILE`, which the kernel answers with EOPNOTSUPP after the door's library has refused
//!   the request that it does not know.
//! - The kernel's own question for `security.capability` before each write and program start; there
//!   is never such an attribute, and answering it is not recorded.
//! - Whether the kernel could deliver an answer: bytes given to a process that was killed meanwhile
//!   are in the record all the same.
//!
//! Permissions are checked by the kernel (`default_permissions` in [`mount_options`]).
#![forbid(unsafe_code)]

mod answers;
mod door;
mod filesystem;
mod forgetting;

pub use door::{DoorEnd, FuseDoor, FuseError};

use std::time::Duration;

/// How long the kernel may keep names and attributes that it was given.
pub const TTL: Duration = Duration::from_secs(3600);

/// The largest read or write in one request.
pub const MAX_REQUEST: u32 = 1 << 20;

/// What mount(2) needs as its data for file system type `fuse`, for the opened `/dev/fuse` with
/// number `fd` (or a placeholder that whoever mounts replaces by it). `user` and `group` are the mounting process's own, in its user namespace (0, 0 for
/// the root of a jar).
///
/// Mount after entering the user, mount and pid namespaces but *before* the fork into the new pid
/// namespace: the kernel names requesters as the mounting process would see them. `allow_other` lets
/// nested user namespaces in; a process that mounts by itself needs no privilege for it.
pub fn mount_options(fd: impl std::fmt::Display, user: u32, group: u32) -> String {
    format!(
        "fd={fd},rootmode=40000,user_id={user},group_id={group},\
         allow_other,default_permissions,max_read={MAX_REQUEST}"
    )
}
