//! What guests do by a path: open, make, link, move and take away, with the rights, errors and order
//! of checks of the published hosts.

use crate::files::{Descriptor, last, set_time};
use crate::guest::Guest;
use crate::resolve::{Last, Place, Want, code, may};
use belljar_record::NodeId;
use belljar_world::{NewNode, NodeKind, RenameMode, SetAttributes, WorldError};
use types::{DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types;

/// Flags of open(2) as the record has them (Linux, x86-64).
pub(crate) mod open_flags {
    pub(crate) const WRITE_ONLY: u32 = 1;
    pub(crate) const READ_WRITE: u32 = 2;
    pub(crate) const CREATE: u32 = 0o100;
    pub(crate) const EXCLUSIVE: u32 = 0o200;
    pub(crate) const TRUNCATE: u32 = 0o1000;
    pub(crate) const DIRECTORY: u32 = 0o200_000;
    pub(crate) const NO_FOLLOW: u32 = 0o400_000;
}

impl Guest {
    /// The directory above a place must let this guest change it.
    fn may_change(&self, place: &Place) -> Result<(), ErrorCode> {
        let above = self.doors.world.peek_node(place.parent).map_err(code)?;
        may(&above, self.setting.owner, Want::Write)
    }

    /// A place for a new name. What is there already is an error of the world's.
    fn new_place(&self, base: NodeId, path: &str, directory: bool) -> FsResult<Place> {
        let place = self.resolve(base, path, Last::Keep)?;
        if place.is_itself() {
            return Err(ErrorCode::Exist.into());
        }
        if place.slash && !directory && place.found.is_none() {
            return Err(self.missed(&place).into());
        }
        self.may_change(&place)?;
        Ok(place)
    }

    pub(crate) fn make_directory(&self, fd: &Descriptor, path: &str) -> FsResult<()> {
        let base = self.directory(fd)?;
        let place = self.new_place(base.node, path, true)?;
        let (actor, owner) = (self.shared.actor(), self.setting.owner);
        let (parent, name) = (place.parent, &place.name);
        self.doors
            .world
            .make(&actor, parent, name, NewNode::Directory, 0o755, owner)
            .map_err(code)?;
        Ok(())
    }

    pub(crate) fn change_times(
        &self,
        fd: &Descriptor,
        flags: PathFlags,
        path: &str,
        atime: types::NewTimestamp,
        mtime: types::NewTimestamp,
    ) -> FsResult<()> {
        let base = self.directory(fd)?;
        let (atime, mtime) = (set_time(atime)?, set_time(mtime)?);
        let (_, found) = self.existing(base.node, path, last(flags))?;
        let actor = self.shared.actor();
        if self.setting.owner.0 != 0 && self.setting.owner.0 != found.uid {
            let refused =
                self.doors.world.refuse(&actor, found.node, "set times", WorldError::NotPermitted);
            return Err(code(refused).into());
        }
        let set = SetAttributes { atime, mtime, ..SetAttributes::default() };
        self.doors.world.set_attributes(&actor, found.node, set).map_err(code)?;
        Ok(())
    }

    pub(crate) fn make_link(
        &self,
        fd: &Descriptor,
        flags: PathFlags,
        old: &str,
        new_fd: &Descriptor,
        new: &str,
    ) -> FsResult<()> {
        let (from, to) = (self.directory(fd)?, self.directory(new_fd)?);
        if flags.contains(PathFlags::SYMLINK_FOLLOW) {
            return Err(ErrorCode::Invalid.into());
        }
        let (_, found) = self.existing(from.node, old, Last::Keep)?;
        let place = self.new_place(to.node, new, false)?;
        let actor = self.shared.actor();
        self.doors.world.link(&actor, found.node, place.parent, &place.name).map_err(code)?;
        Ok(())
    }

    pub(crate) fn open_path(
        &mut self,
        fd: &Descriptor,
        path_flags: PathFlags,
        path: &str,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Descriptor> {
        let base = self.directory(fd)?;
        let synced = DescriptorFlags::FILE_INTEGRITY_SYNC
            | DescriptorFlags::DATA_INTEGRITY_SYNC
            | DescriptorFlags::REQUESTED_WRITE_SYNC;
        if flags.intersects(synced) {
            return Err(ErrorCode::Unsupported.into());
        }
        let made = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE;
        let directory = how.contains(OpenFlags::DIRECTORY);
        if directory && how.intersects(made) {
            return Err(ErrorCode::Invalid.into());
        }
        let (create, truncate) =
            (how.contains(OpenFlags::CREATE), how.contains(OpenFlags::TRUNCATE));
        let exclusive = create && how.contains(OpenFlags::EXCLUSIVE);
        let write = create || truncate || flags.contains(DescriptorFlags::WRITE);
        let read = flags.contains(DescriptorFlags::READ) || !flags.contains(DescriptorFlags::WRITE);

        let mut recorded = match (read, write) {
            (true, true) => open_flags::READ_WRITE,
            (false, true) => open_flags::WRITE_ONLY,
            _ => 0,
        };
        for (wanted, flag) in [
            (create, open_flags::CREATE),
            (exclusive, open_flags::EXCLUSIVE),
            (truncate, open_flags::TRUNCATE),
            (directory, open_flags::DIRECTORY),
            (last(path_flags) == Last::Keep, open_flags::NO_FOLLOW),
        ] {
            recorded |= if wanted { flag } else { 0 };
        }

        // A new name is never that of a link that leads nowhere.
        let follow = if exclusive { Last::Keep } else { last(path_flags) };
        let place = self.resolve(base.node, path, follow)?;
        let (actor, owner) = (self.shared.actor(), self.setting.owner);
        let found = match place.found {
            Some(_) if exclusive => {
                let taken = WorldError::Exists;
                let found = place.found.map_or(place.parent, |found| found.node);
                let refused = self.doors.world.refuse(&actor, found, "open as new", taken);
                return Err(code(refused).into());
            }
            Some(found) => found,
            None if !create => return Err(self.missed(&place).into()),
            None if place.slash => return Err(ErrorCode::IsDirectory.into()),
            None => {
                self.may_change(&place)?;
                let new = NewNode::File;
                self.doors
                    .world
                    .make(&actor, place.parent, &place.name, new, 0o644, owner)
                    .map_err(code)?
            }
        };
        match found.kind {
            NodeKind::Symlink => return Err(ErrorCode::Loop.into()),
            NodeKind::Directory if write => return Err(ErrorCode::IsDirectory.into()),
            NodeKind::Directory => {}
            _ if directory || place.slash => return Err(ErrorCode::NotDirectory.into()),
            NodeKind::File => {}
            // Only the name of a pipe or a socket is served.
            _ => return Err(ErrorCode::Unsupported.into()),
        }
        if place.found.is_some() {
            for (wanted, want) in [(read, Want::Read), (write, Want::Write)] {
                if wanted {
                    may(&found, owner, want)?;
                }
            }
        }
        if truncate && found.len > 0 {
            let set = SetAttributes { len: Some(0), ..SetAttributes::default() };
            self.doors.world.set_attributes(&actor, found.node, set).map_err(code)?;
        }
        let is_directory = found.kind == NodeKind::Directory;
        self.push_opened(found.node, is_directory, (read, write), recorded)
    }

    pub(crate) fn link_target(&self, fd: &Descriptor, path: &str) -> FsResult<String> {
        let base = self.directory(fd)?;
        let (_, found) = self.existing(base.node, path, Last::Keep)?;
        let actor = self.shared.actor();
        let target = self.doors.world.read_link(&actor, found.node).map_err(code)?;
        if target.first() == Some(&b'/') {
            return Err(ErrorCode::NotPermitted.into());
        }
        String::from_utf8(target).map_err(|_| ErrorCode::IllegalByteSequence.into())
    }

    pub(crate) fn take_directory(&self, fd: &Descriptor, path: &str) -> FsResult<()> {
        let base = self.directory(fd)?;
        let place = self.resolve(base.node, path, Last::Keep)?;
        if place.is_itself() {
            return Err(ErrorCode::Invalid.into());
        }
        self.may_change(&place)?;
        let actor = self.shared.actor();
        self.doors.world.remove_directory(&actor, place.parent, &place.name).map_err(code)?;
        Ok(())
    }

    pub(crate) fn move_entry(
        &self,
        fd: &Descriptor,
        old: &str,
        new_fd: &Descriptor,
        new: &str,
    ) -> FsResult<()> {
        let (from, to) = (self.directory(fd)?, self.directory(new_fd)?);
        let old = self.resolve(from.node, old, Last::Keep)?;
        let new = self.resolve(to.node, new, Last::Keep)?;
        if old.is_itself() || new.is_itself() {
            return Err(ErrorCode::Busy.into());
        }
        let directory = old.found.is_some_and(|found| found.kind == NodeKind::Directory);
        if old.found.is_some() && !directory && (old.slash || new.slash) {
            return Err(ErrorCode::NotDirectory.into());
        }
        self.may_change(&old)?;
        self.may_change(&new)?;
        let actor = self.shared.actor();
        self.doors
            .world
            .rename(&actor, (old.parent, &old.name), (new.parent, &new.name), RenameMode::Replace)
            .map_err(code)?;
        Ok(())
    }

    pub(crate) fn make_symlink(&self, fd: &Descriptor, target: &str, path: &str) -> FsResult<()> {
        let base = self.directory(fd)?;
        if target.starts_with('/') {
            return Err(ErrorCode::NotPermitted.into());
        }
        if target.is_empty() {
            return Err(ErrorCode::NoEntry.into());
        }
        let place = self.new_place(base.node, path, false)?;
        let (actor, owner) = (self.shared.actor(), self.setting.owner);
        let new = NewNode::Symlink(target.as_bytes());
        self.doors
            .world
            .make(&actor, place.parent, &place.name, new, 0o777, owner)
            .map_err(code)?;
        Ok(())
    }

    pub(crate) fn take_file(&self, fd: &Descriptor, path: &str) -> FsResult<()> {
        let base = self.directory(fd)?;
        let place = self.resolve(base.node, path, Last::Keep)?;
        if place.is_itself() {
            return Err(ErrorCode::IsDirectory.into());
        }
        let file = place.found.is_some_and(|found| found.kind != NodeKind::Directory);
        if place.slash && file {
            return Err(ErrorCode::NotDirectory.into());
        }
        self.may_change(&place)?;
        let actor = self.shared.actor();
        self.doors.world.unlink(&actor, place.parent, &place.name).map_err(code)?;
        Ok(())
    }
}
