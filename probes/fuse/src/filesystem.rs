//! Each request of the kernel as an operation of the world.

use crate::answers::{attributes, errno, kind, set_time};
use crate::forgetting::Forgetting;
use crate::{MAX_REQUEST, TTL};
use belljar_record::{Actor, HandleId, Identify, NodeId, Precision};
use belljar_world::{
    Attributes, ExtendedMode, NewNode, RenameMode, SetAttributes, World, WorldError,
};
use fuser::{
    BsdFileFlags, Errno, FileHandle, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    IoctlFlags, KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyOpen, ReplyStatfs,
    ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};
use std::cell::RefCell;
use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The kernel opens the file to run it (`__FMODE_EXEC` of linux/fs.h; in the flags of OPEN and READ).
const FMODE_EXEC: i32 = 0x20;
/// The attribute that the kernel asks for by itself before each write.
const CAPABILITY: &[u8] = b"security.capability";

thread_local! {
    /// Where an answering thread puts the bytes that it is going to give.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug)]
pub(crate) struct WorldFilesystem {
    world: Arc<World>,
    who: Arc<dyn Identify>,
    forgetting: Arc<Forgetting>,
    panics: Arc<AtomicU64>,
    own: u32,
}

impl WorldFilesystem {
    pub(crate) fn new(
        world: Arc<World>,
        who: Arc<dyn Identify>,
        forgetting: Arc<Forgetting>,
        panics: Arc<AtomicU64>,
    ) -> Self {
        Self { world, who, forgetting, panics, own: std::process::id() }
    }

    /// Who asks. The number in a request is a thread's, as the mounting process sees it; 0 is the
    /// kernel on its own account (releases, and writing pages back, which does not happen here).
    fn actor(&self, request: &Request) -> Actor {
        match request.pid() {
            0 => Actor::Kernel,
            thread => match self.who.identify(thread) {
                // belljar looking into a process's memory touches pages that the process mapped.
                actor if actor.process().is_some_and(|process| process.pid == self.own) => {
                    Actor::Belljar
                }
                actor => actor,
            },
        }
    }

    /// A panic in one request must not take the door down with it: the reply, dropped, says EIO.
    fn guard(&self, handle: impl FnOnce()) {
        if std::panic::catch_unwind(AssertUnwindSafe(handle)).is_err() {
            self.panics.fetch_add(1, Ordering::Relaxed);
            tracing::error!("a request to the world panicked");
        }
    }

    /// Answers with a name's node, which the kernel then holds until it forgets it.
    fn entry(&self, made: Result<Attributes, WorldError>, reply: ReplyEntry) {
        let held = made.and_then(|made| self.world.hold(made.node).map(|()| made));
        match held {
            Ok(made) => reply.entry(&TTL, &attributes(&made), Generation(0)),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn empty(done: Result<(), WorldError>, reply: ReplyEmpty) {
        match done {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn bytes(bytes: Result<Vec<u8>, WorldError>, size: u32, reply: ReplyXattr) {
        match bytes {
            Err(error) => reply.error(errno(error)),
            Ok(bytes) => match u32::try_from(bytes.len()) {
                Ok(len) if size == 0 => reply.size(len),
                Ok(len) if len <= size => reply.data(&bytes),
                _ => reply.error(Errno::ERANGE),
            },
        }
    }
}

fn node(ino: INodeNo) -> NodeId {
    NodeId(ino.0)
}

fn handle(fh: FileHandle) -> HandleId {
    HandleId(fh.0)
}

fn owner(request: &Request) -> (u32, u32) {
    (request.uid(), request.gid())
}

impl Filesystem for WorldFilesystem {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // A larger value would be cut to what the kernel has; one byte becomes one page.
        let _ = config.set_max_readahead(1);
        let _ = config.set_max_write(MAX_REQUEST);
        for wanted in [InitFlags::FUSE_DO_READDIRPLUS, InitFlags::FUSE_PARALLEL_DIROPS] {
            // Without them a scan is slower, nothing else.
            let _ = config.add_capabilities(wanted);
        }
        Ok(())
    }

    fn lookup(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.guard(|| {
            let found = self.world.lookup(&self.actor(request), node(parent), name.as_bytes());
            self.entry(found, reply);
        });
    }

    fn forget(&self, _: &Request, ino: INodeNo, count: u64) {
        self.guard(|| self.world.forget(node(ino), count));
    }

    fn getattr(&self, request: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        self.guard(|| match self.world.attributes(&self.actor(request), node(ino)) {
            Ok(known) => reply.attr(&TTL, &attributes(&known)),
            Err(error) => reply.error(errno(error)),
        });
    }

    fn setattr(
        &self,
        request: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        len: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        self.guard(|| {
            let (atime, mtime) = (atime.map(set_time), mtime.map(set_time));
            let set = SetAttributes { mode, uid, gid, len, atime, mtime };
            match self.world.set_attributes(&self.actor(request), node(ino), set) {
                Ok(known) => reply.attr(&TTL, &attributes(&known)),
                Err(error) => reply.error(errno(error)),
            }
        });
    }

    fn readlink(&self, request: &Request, ino: INodeNo, reply: ReplyData) {
        self.guard(|| match self.world.read_link(&self.actor(request), node(ino)) {
            Ok(target) => reply.data(&target),
            Err(error) => reply.error(errno(error)),
        });
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _rdev: u32,
        reply: ReplyEntry,
    ) {
        self.guard(|| {
            let actor = self.actor(request);
            let what = match mode & libc::S_IFMT {
                libc::S_IFREG | 0 => NewNode::File,
                libc::S_IFIFO => NewNode::Fifo,
                libc::S_IFSOCK => NewNode::Socket,
                _ => {
                    let detail = format!("make device {}", name.as_bytes().escape_ascii());
                    let error = WorldError::NotPermitted;
                    let error = self.world.refuse(&actor, node(parent), detail, error);
                    return reply.error(errno(error));
                }
            };
            let (parent, name) = (node(parent), name.as_bytes());
            let made = self.world.make(&actor, parent, name, what, mode, owner(request));
            self.entry(made, reply);
        });
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        self.guard(|| {
            let (parent, name, what) = (node(parent), name.as_bytes(), NewNode::Directory);
            let actor = self.actor(request);
            self.entry(self.world.make(&actor, parent, name, what, mode, owner(request)), reply);
        });
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        self.guard(|| {
            let what = NewNode::Symlink(target.as_os_str().as_bytes());
            let (actor, name) = (self.actor(request), name.as_bytes());
            let made = self.world.make(&actor, node(parent), name, what, 0o777, owner(request));
            self.entry(made, reply);
        });
    }

    fn link(
        &self,
        request: &Request,
        ino: INodeNo,
        parent: INodeNo,
        name: &OsStr,
        reply: ReplyEntry,
    ) {
        self.guard(|| {
            let actor = self.actor(request);
            self.entry(self.world.link(&actor, node(ino), node(parent), name.as_bytes()), reply);
        });
    }

    fn unlink(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.guard(|| {
            let actor = self.actor(request);
            Self::empty(self.world.unlink(&actor, node(parent), name.as_bytes()), reply);
        });
    }

    fn rmdir(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.guard(|| {
            let actor = self.actor(request);
            Self::empty(self.world.remove_directory(&actor, node(parent), name.as_bytes()), reply);
        });
    }

    fn rename(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        self.guard(|| {
            let actor = self.actor(request);
            let mode = if flags.is_empty() {
                RenameMode::Replace
            } else if flags == RenameFlags::RENAME_NOREPLACE {
                RenameMode::NoReplace
            } else if flags == RenameFlags::RENAME_EXCHANGE {
                RenameMode::Exchange
            } else {
                let detail = format!("rename {} with {flags}", name.as_bytes().escape_ascii());
                let error = WorldError::Invalid;
                let error = self.world.refuse(&actor, node(parent), detail, error);
                return reply.error(errno(error));
            };
            let from = (node(parent), name.as_bytes());
            let to = (node(new_parent), new_name.as_bytes());
            Self::empty(self.world.rename(&actor, from, to, mode), reply);
        });
    }

    fn open(&self, request: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        self.guard(|| {
            let exec = flags.0 & FMODE_EXEC != 0;
            let open_flags = (flags.0 & !FMODE_EXEC).cast_unsigned();
            match self.world.open(&self.actor(request), node(ino), open_flags, exec) {
                Ok(opened) => reply.opened(FileHandle(opened.0), FopenFlags::FOPEN_DIRECT_IO),
                Err(error) => reply.error(errno(error)),
            }
        });
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        self.guard(|| {
            let (parent, name, flags) = (node(parent), name.as_bytes(), flags.cast_unsigned());
            let actor = self.actor(request);
            let made = self
                .world
                .create(&actor, parent, name, mode, owner(request), flags)
                .and_then(|made| self.world.hold(made.0.node).map(|()| made));
            match made {
                Ok((made, opened)) => reply.created(
                    &TTL,
                    &attributes(&made),
                    Generation(0),
                    FileHandle(opened.0),
                    FopenFlags::FOPEN_DIRECT_IO,
                ),
                Err(error) => reply.error(errno(error)),
            }
        });
    }

    fn read(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        flags: OpenFlags,
        lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.guard(|| {
            let actor = self.actor(request);
            // Only read(2) and its kin carry a lock owner; filling a page does not.
            let precision = if lock_owner.is_some() { Precision::Exact } else { Precision::Page };
            BUFFER.with_borrow_mut(|buffer| {
                let size = size.min(MAX_REQUEST) as usize;
                if buffer.len() < size {
                    buffer.resize(size, 0);
                }
                let buf = &mut buffer[..size];
                match self.world.read(&actor, node(ino), handle(fh), offset, buf, precision) {
                    Ok(got) => reply.data(&buf[..got]),
                    Err(error) => reply.error(errno(error)),
                }
            });
            // A program that runs from here would be read again page by page, without end.
            if precision == Precision::Page && flags.0 & FMODE_EXEC == 0 {
                self.forgetting.pages_of(node(ino));
            }
        });
    }

    fn write(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        self.guard(|| {
            match self.world.write(&self.actor(request), node(ino), handle(fh), offset, data) {
                Ok(taken) => reply.written(u32::try_from(taken).unwrap_or(u32::MAX)),
                Err(error) => reply.error(errno(error)),
            }
        });
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Closing one of several descriptors of an opening; the kernel then asks no more.
        reply.error(Errno::ENOSYS);
    }

    fn fsync(&self, request: &Request, ino: INodeNo, fh: FileHandle, _: bool, reply: ReplyEmpty) {
        self.guard(|| {
            let actor = self.actor(request);
            Self::empty(self.world.sync(&actor, node(ino), handle(fh)), reply);
        });
    }

    fn fsyncdir(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        datasync: bool,
        reply: ReplyEmpty,
    ) {
        self.fsync(request, ino, fh, datasync, reply);
    }

    fn release(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.guard(|| {
            let actor = self.actor(request);
            Self::empty(self.world.release(&actor, node(ino), handle(fh)), reply);
        });
    }

    fn opendir(&self, request: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        self.guard(|| {
            let flags = flags.0.cast_unsigned();
            match self.world.open(&self.actor(request), node(ino), flags, false) {
                // The listing is not kept by the kernel, so that each listing is seen.
                Ok(opened) => reply.opened(FileHandle(opened.0), FopenFlags::empty()),
                Err(error) => reply.error(errno(error)),
            }
        });
    }

    fn readdir(
        &self,
        request: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        self.guard(|| {
            let listed = self.world.list(&self.actor(request), node(ino), offset, |entry| {
                let (ino, name) = (INodeNo(entry.attributes.node.0), OsStr::from_bytes(entry.name));
                match reply.add(ino, entry.cookie, kind(entry.attributes.kind), name) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            });
            match listed {
                Ok(_) => reply.ok(),
                Err(error) => reply.error(errno(error)),
            }
        });
    }

    fn readdirplus(
        &self,
        request: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        self.guard(|| {
            let mut held = Vec::new();
            let listed = self.world.list(&self.actor(request), node(ino), offset, |entry| {
                let known = attributes(&entry.attributes);
                let name = OsStr::from_bytes(entry.name);
                if reply.add(known.ino, entry.cookie, name, &TTL, &known, Generation(0)) {
                    return ControlFlow::Break(());
                }
                // `.` and `..` are no lookups; the kernel holds every other node.
                if entry.name != b"." && entry.name != b".." {
                    held.push(entry.attributes.node);
                }
                ControlFlow::Continue(())
            });
            match listed {
                Ok(_) => {
                    for node in held {
                        // One that has gone since is not to be found again by its number either.
                        let _ = self.world.hold(node);
                    }
                    reply.ok();
                }
                Err(error) => reply.error(errno(error)),
            }
        });
    }

    fn releasedir(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.guard(|| {
            let actor = self.actor(request);
            Self::empty(self.world.release(&actor, node(ino), handle(fh)), reply);
        });
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        self.guard(|| {
            // The numbers of a usual disk of 64 GiB, of which the world is a part; the budget is
            // what is free.
            let stats = self.world.stats();
            let limits = self.world.limits();
            let free = limits.write_bytes.saturating_sub(stats.written_memory) / 4096;
            let nodes_free = limits.nodes.saturating_sub(stats.nodes);
            reply.statfs(16 << 20, free, free, 4 << 20, nodes_free, 4096, 255, 4096);
        });
    }

    fn setxattr(
        &self,
        request: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        self.guard(|| {
            let mode = match flags {
                libc::XATTR_CREATE => ExtendedMode::MustBeNew,
                libc::XATTR_REPLACE => ExtendedMode::MustExist,
                _ => ExtendedMode::Either,
            };
            let (actor, name) = (self.actor(request), name.as_bytes());
            Self::empty(self.world.set_extended(&actor, node(ino), name, value, mode), reply);
        });
    }

    fn getxattr(
        &self,
        request: &Request,
        ino: INodeNo,
        name: &OsStr,
        size: u32,
        reply: ReplyXattr,
    ) {
        if name.as_bytes() == CAPABILITY {
            return reply.error(Errno::ENODATA);
        }
        self.guard(|| {
            let actor = self.actor(request);
            Self::bytes(self.world.extended(&actor, node(ino), name.as_bytes()), size, reply);
        });
    }

    fn listxattr(&self, request: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        self.guard(|| {
            let actor = self.actor(request);
            Self::bytes(self.world.extended_names(&actor, node(ino)), size, reply);
        });
    }

    fn removexattr(&self, request: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.guard(|| {
            let actor = self.actor(request);
            Self::empty(self.world.remove_extended(&actor, node(ino), name.as_bytes()), reply);
        });
    }

    fn ioctl(
        &self,
        request: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        _flags: IoctlFlags,
        command: u32,
        _in_data: &[u8],
        _out_size: u32,
        reply: ReplyIoctl,
    ) {
        self.guard(|| {
            let (actor, detail) = (self.actor(request), format!("ioctl {command:#x}"));
            let error = self.world.refuse(&actor, node(ino), detail, WorldError::NoDevice);
            reply.error(errno(error));
        });
    }

    fn fallocate(
        &self,
        request: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        self.guard(|| {
            let actor = self.actor(request);
            let done = match mode {
                0 => self.world.extend(&actor, node(ino), offset.saturating_add(length)),
                // Holes and room beyond the end: programs do without where it is refused.
                _ => {
                    let detail = format!("fallocate mode {mode:#x}");
                    let error = WorldError::Unsupported;
                    Err(self.world.refuse(&actor, node(ino), detail, error))
                }
            };
            Self::empty(done, reply);
        });
    }
}
