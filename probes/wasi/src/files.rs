//! `wasi:filesystem` over the world: every call of it, with the rights, errors and order of checks
//! of the published hosts. Each read is exact: offset and length are what the guest asked for.
//!
//! Differences from a real directory, on purpose: an absolute link leads nowhere; directories are
//! listed in the world's order; there are no device numbers, so the hash of a node's metadata is one
//! of its own; names that are not UTF-8 cannot be told to a guest (an error says so).

use crate::by_path::open_flags;
use crate::file_streams::{FsFailure, Reader, Writer, Writing};
use crate::guest::Guest;
use crate::resolve::{Last, code};
use belljar_record::{HandleId, NodeId, Precision};
use belljar_world::{Attributes, NodeKind, SetAttributes, SetTime, Stamp, World};
use std::ops::ControlFlow;
use std::sync::Arc;
use types::{DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

pub(crate) type Descriptor = Resource<types::Descriptor>;
type EntryStream = Resource<types::DirectoryEntryStream>;

/// Most bytes of one read, as the published hosts have it.
pub(crate) const READ_MOST: u64 = 64 << 10;

/// An opened node, as the table holds it. The published resource type cannot be made outside its
/// crate, but a resource is only a number: the guest holds the number of this.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) node: NodeId,
    pub(crate) handle: HandleId,
    directory: bool,
    read: bool,
    write: bool,
    world: Arc<World>,
    shared: Arc<crate::guest::Shared>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        // It ends even when the record cannot take the line (which the world counts).
        let _ = self.world.release(&self.shared.actor(), self.node, self.handle);
    }
}

/// A listing, taken when it was asked for.
struct Listing(std::vec::IntoIter<Result<types::DirectoryEntry, ErrorCode>>);

fn own(fd: &Descriptor) -> Resource<Arc<Opened>> {
    Resource::new_borrow(fd.rep())
}

fn kind_of(kind: NodeKind) -> DescriptorType {
    match kind {
        NodeKind::File => DescriptorType::RegularFile,
        NodeKind::Directory => DescriptorType::Directory,
        NodeKind::Symlink => DescriptorType::SymbolicLink,
        NodeKind::Fifo => DescriptorType::Fifo,
        NodeKind::Socket => DescriptorType::Socket,
    }
}

fn time(stamp: Stamp) -> Option<Datetime> {
    Some(Datetime { seconds: u64::try_from(stamp.seconds).ok()?, nanoseconds: stamp.nanos })
}

fn stat(found: &Attributes) -> types::DescriptorStat {
    let size = match found.kind {
        // What a real directory says of its size is its file system's own business.
        NodeKind::Directory => 4096,
        _ => found.len,
    };
    types::DescriptorStat {
        type_: kind_of(found.kind),
        link_count: u64::from(found.links),
        size,
        data_access_timestamp: time(found.atime),
        data_modification_timestamp: time(found.mtime),
        status_change_timestamp: time(found.ctime),
    }
}

pub(crate) fn set_time(new: types::NewTimestamp) -> Result<Option<SetTime>, ErrorCode> {
    Ok(match new {
        types::NewTimestamp::NoChange => None,
        types::NewTimestamp::Now => Some(SetTime::Now),
        types::NewTimestamp::Timestamp(Datetime { seconds, nanoseconds }) => {
            let seconds = i64::try_from(seconds).map_err(|_| ErrorCode::Overflow)?;
            Some(SetTime::To(Stamp { seconds, nanos: nanoseconds }))
        }
    })
}

fn metadata_hash(found: &Attributes) -> types::MetadataHashValue {
    // Different nodes, different values: multiplication by an odd number loses nothing.
    let lower = found.node.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    types::MetadataHashValue { lower, upper: lower.rotate_left(32) ^ found.node.0 }
}

pub(crate) fn last(flags: PathFlags) -> Last {
    if flags.contains(PathFlags::SYMLINK_FOLLOW) { Last::Follow } else { Last::Keep }
}

impl Guest {
    fn opened(&self, fd: &Descriptor) -> FsResult<Arc<Opened>> {
        Ok(Arc::clone(self.table.get(&own(fd))?))
    }

    pub(crate) fn directory(&self, fd: &Descriptor) -> FsResult<Arc<Opened>> {
        let opened = self.opened(fd)?;
        if opened.directory { Ok(opened) } else { Err(ErrorCode::NotDirectory.into()) }
    }

    fn file(&self, fd: &Descriptor) -> FsResult<Arc<Opened>> {
        let opened = self.opened(fd)?;
        if opened.directory { Err(ErrorCode::BadDescriptor.into()) } else { Ok(opened) }
    }

    pub(crate) fn push_opened(
        &mut self,
        node: NodeId,
        directory: bool,
        (read, write): (bool, bool),
        flags: u32,
    ) -> FsResult<Descriptor> {
        self.exchanges.turn();
        let actor = self.shared.actor();
        let world = Arc::clone(&self.doors.world);
        let handle = world.open(&actor, node, flags, false).map_err(code)?;
        let shared = Arc::clone(&self.shared);
        let opened = Opened { node, handle, directory, read, write, world, shared };
        match self.table.push(Arc::new(opened)) {
            Ok(resource) => Ok(Resource::new_own(resource.rep())),
            // The opening has ended again with its value.
            Err(_) => Err(ErrorCode::InsufficientMemory.into()),
        }
    }
}

impl preopens::Host for Guest {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Descriptor, String)>> {
        let root = self.doors.world.root();
        let opened = self.push_opened(root, true, (true, true), open_flags::DIRECTORY);
        Ok(vec![(opened.map_err(wasmtime::Error::from)?, "/".to_owned())])
    }
}

impl types::Host for Guest {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        let error = self.table.get(&error)?;
        Ok(error.downcast_ref::<FsFailure>().map(|failure| failure.0))
    }
}

impl types::HostDescriptor for Guest {
    fn read_via_stream(
        &mut self,
        fd: Descriptor,
        offset: u64,
    ) -> FsResult<Resource<DynInputStream>> {
        let opened = self.opened(&fd)?;
        if opened.directory {
            return Err(ErrorCode::IsDirectory.into());
        }
        let reader: DynInputStream = Box::new(Reader::new(opened, offset));
        Ok(self.table.push(reader)?)
    }

    fn write_via_stream(
        &mut self,
        fd: Descriptor,
        offset: u64,
    ) -> FsResult<Resource<DynOutputStream>> {
        let writer: DynOutputStream = Box::new(Writer::new(self.file(&fd)?, Writing::At(offset)));
        Ok(self.table.push(writer)?)
    }

    fn append_via_stream(&mut self, fd: Descriptor) -> FsResult<Resource<DynOutputStream>> {
        let writer: DynOutputStream = Box::new(Writer::new(self.file(&fd)?, Writing::Append));
        Ok(self.table.push(writer)?)
    }

    async fn advise(
        &mut self,
        fd: Descriptor,
        offset: u64,
        len: u64,
        advice: types::Advice,
    ) -> FsResult<()> {
        self.file(&fd)?;
        // fadvise(2) takes signed places.
        i64::try_from(offset).map_err(|_| ErrorCode::Invalid)?;
        i64::try_from(len).map_err(|_| ErrorCode::Invalid)?;
        let detail = format!("{advice:?} {offset}+{len}");
        self.note("wasi:filesystem/types advise", detail).map_err(FsError::trap)?;
        Ok(())
    }

    async fn sync_data(&mut self, fd: Descriptor) -> FsResult<()> {
        self.sync(fd).await
    }

    async fn get_flags(&mut self, fd: Descriptor) -> FsResult<DescriptorFlags> {
        let opened = self.opened(&fd)?;
        let mut flags = DescriptorFlags::empty();
        if opened.read {
            flags |= DescriptorFlags::READ;
        }
        if opened.write {
            flags |= if opened.directory {
                DescriptorFlags::MUTATE_DIRECTORY
            } else {
                DescriptorFlags::WRITE
            };
        }
        Ok(flags)
    }

    async fn get_type(&mut self, fd: Descriptor) -> FsResult<DescriptorType> {
        let opened = self.opened(&fd)?;
        let actor = self.shared.actor();
        let found = self.doors.world.attributes(&actor, opened.node).map_err(code)?;
        Ok(kind_of(found.kind))
    }

    async fn set_size(&mut self, fd: Descriptor, size: u64) -> FsResult<()> {
        let opened = self.file(&fd)?;
        if !opened.write || i64::try_from(size).is_err() {
            // ftruncate(2) on something that is not open for writing.
            return Err(ErrorCode::Invalid.into());
        }
        let actor = self.shared.actor();
        let set = SetAttributes { len: Some(size), ..SetAttributes::default() };
        self.doors.world.set_attributes(&actor, opened.node, set).map_err(code)?;
        Ok(())
    }

    async fn set_times(
        &mut self,
        fd: Descriptor,
        atime: types::NewTimestamp,
        mtime: types::NewTimestamp,
    ) -> FsResult<()> {
        let opened = self.opened(&fd)?;
        let (atime, mtime) = (set_time(atime)?, set_time(mtime)?);
        let actor = self.shared.actor();
        let set = SetAttributes { atime, mtime, ..SetAttributes::default() };
        self.doors.world.set_attributes(&actor, opened.node, set).map_err(code)?;
        Ok(())
    }

    async fn read(&mut self, fd: Descriptor, len: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        let opened = self.file(&fd)?;
        if !opened.read {
            return Err(ErrorCode::BadDescriptor.into());
        }
        if i64::try_from(offset).is_err() {
            return Err(ErrorCode::Invalid.into());
        }
        let mut bytes = vec![0; usize::try_from(len.min(READ_MOST)).unwrap_or(0)];
        let actor = self.shared.actor();
        let count = self
            .doors
            .world
            .read(&actor, opened.node, opened.handle, offset, &mut bytes, Precision::Exact)
            .map_err(code)?;
        bytes.truncate(count);
        let end = bytes.is_empty();
        Ok((bytes, end))
    }

    async fn write(&mut self, fd: Descriptor, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        let opened = self.file(&fd)?;
        if !opened.write {
            return Err(ErrorCode::BadDescriptor.into());
        }
        if i64::try_from(offset).is_err() {
            return Err(ErrorCode::Invalid.into());
        }
        let actor = self.shared.actor();
        let world = &self.doors.world;
        let count =
            world.write(&actor, opened.node, opened.handle, offset, &bytes).map_err(code)?;
        Ok(count as u64)
    }

    async fn read_directory(&mut self, fd: Descriptor) -> FsResult<EntryStream> {
        let opened = self.directory(&fd)?;
        if !opened.read {
            return Err(ErrorCode::BadDescriptor.into());
        }
        let actor = self.shared.actor();
        let mut entries = Vec::new();
        self.doors
            .world
            .list(&actor, opened.node, 0, |entry| {
                if entry.name != b"." && entry.name != b".." {
                    let type_ = kind_of(entry.attributes.kind);
                    entries.push(match String::from_utf8(entry.name.to_vec()) {
                        Ok(name) => Ok(types::DirectoryEntry { type_, name }),
                        Err(_) => Err(ErrorCode::IllegalByteSequence),
                    });
                }
                ControlFlow::Continue(())
            })
            .map_err(code)?;
        let listing = self.table.push(Listing(entries.into_iter()));
        let listing = listing.map_err(|_| ErrorCode::InsufficientMemory)?;
        Ok(Resource::new_own(listing.rep()))
    }

    async fn sync(&mut self, fd: Descriptor) -> FsResult<()> {
        let opened = self.opened(&fd)?;
        let actor = self.shared.actor();
        self.doors.world.sync(&actor, opened.node, opened.handle).map_err(code)?;
        Ok(())
    }

    async fn create_directory_at(&mut self, fd: Descriptor, path: String) -> FsResult<()> {
        self.make_directory(&fd, &path)
    }

    async fn stat(&mut self, fd: Descriptor) -> FsResult<types::DescriptorStat> {
        let opened = self.opened(&fd)?;
        let actor = self.shared.actor();
        Ok(stat(&self.doors.world.attributes(&actor, opened.node).map_err(code)?))
    }

    async fn stat_at(
        &mut self,
        fd: Descriptor,
        flags: PathFlags,
        path: String,
    ) -> FsResult<types::DescriptorStat> {
        let base = self.directory(&fd)?;
        let (_, found) = self.existing(base.node, &path, last(flags))?;
        let actor = self.shared.actor();
        Ok(stat(&self.doors.world.attributes(&actor, found.node).map_err(code)?))
    }

    async fn set_times_at(
        &mut self,
        fd: Descriptor,
        flags: PathFlags,
        path: String,
        atime: types::NewTimestamp,
        mtime: types::NewTimestamp,
    ) -> FsResult<()> {
        self.change_times(&fd, flags, &path, atime, mtime)
    }

    async fn link_at(
        &mut self,
        fd: Descriptor,
        flags: PathFlags,
        old: String,
        new_fd: Descriptor,
        new: String,
    ) -> FsResult<()> {
        self.make_link(&fd, flags, &old, &new_fd, &new)
    }

    async fn open_at(
        &mut self,
        fd: Descriptor,
        path_flags: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Descriptor> {
        self.open_path(&fd, path_flags, &path, how, flags)
    }

    async fn readlink_at(&mut self, fd: Descriptor, path: String) -> FsResult<String> {
        self.link_target(&fd, &path)
    }

    async fn remove_directory_at(&mut self, fd: Descriptor, path: String) -> FsResult<()> {
        self.take_directory(&fd, &path)
    }

    async fn rename_at(
        &mut self,
        fd: Descriptor,
        old: String,
        new_fd: Descriptor,
        new: String,
    ) -> FsResult<()> {
        self.move_entry(&fd, &old, &new_fd, &new)
    }

    async fn symlink_at(&mut self, fd: Descriptor, target: String, path: String) -> FsResult<()> {
        self.make_symlink(&fd, &target, &path)
    }

    async fn unlink_file_at(&mut self, fd: Descriptor, path: String) -> FsResult<()> {
        self.take_file(&fd, &path)
    }

    async fn is_same_object(&mut self, a: Descriptor, b: Descriptor) -> wasmtime::Result<bool> {
        let (a, b) = (self.table.get(&own(&a))?, self.table.get(&own(&b))?);
        Ok(a.node == b.node)
    }

    async fn metadata_hash(&mut self, fd: Descriptor) -> FsResult<types::MetadataHashValue> {
        let opened = self.opened(&fd)?;
        let actor = self.shared.actor();
        let found = self.doors.world.attributes(&actor, opened.node).map_err(code)?;
        Ok(metadata_hash(&found))
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Descriptor,
        flags: PathFlags,
        path: String,
    ) -> FsResult<types::MetadataHashValue> {
        let base = self.directory(&fd)?;
        let (_, found) = self.existing(base.node, &path, last(flags))?;
        let actor = self.shared.actor();
        let found = self.doors.world.attributes(&actor, found.node).map_err(code)?;
        Ok(metadata_hash(&found))
    }

    fn drop(&mut self, fd: Descriptor) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Arc<Opened>>::new_own(fd.rep()))?;
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for Guest {
    async fn read_directory_entry(
        &mut self,
        stream: EntryStream,
    ) -> FsResult<Option<types::DirectoryEntry>> {
        let listing = self.table.get_mut(&Resource::<Listing>::new_borrow(stream.rep()))?;
        Ok(listing.0.next().transpose()?)
    }

    fn drop(&mut self, stream: EntryStream) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Listing>::new_own(stream.rep()))?;
        Ok(())
    }
}

impl Opened {
    pub(crate) fn may_read(&self) -> bool {
        self.read
    }

    pub(crate) fn may_write(&self) -> bool {
        self.write
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    pub(crate) fn actor(&self) -> Arc<belljar_record::Actor> {
        self.shared.actor()
    }
}
