//! Everything that changes a node: bytes, length, attributes.

use crate::attributes::{Attributes, SetAttributes, SetTime};
use crate::content::Content;
use crate::error::WorldError;
use crate::tree::{Node, lock, sole};
use crate::usage::count;
use crate::world::{Met, World};
use belljar_record::{Actor, FileAct, HandleId, NodeId};
use std::sync::RwLockWriteGuard;

/// Longest value of an extended attribute (XATTR_SIZE_MAX).
const VALUE_MAX: usize = 64 << 10;
/// Most bytes of extended attributes on one node.
const EXTENDED_MAX: usize = 256 << 10;

impl World {
    /// Writes bytes.
    ///
    /// # Errors
    /// [`WorldError`]; then nothing was written.
    pub fn write(
        &self,
        actor: &Actor,
        node: NodeId,
        handle: HandleId,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, WorldError> {
        let met = self.meet(node)?;
        let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let act = FileAct::Write { handle, offset, len };
        let prepared = met.node.content().map(sole).and_then(|content| {
            let end = offset.checked_add(data.len() as u64).ok_or(WorldError::TooLarge)?;
            if end > self.limits.file_bytes {
                return Err(WorldError::TooLarge);
            }
            let cost = content.cost_of_writing(offset, data.len());
            self.charge(cost)?;
            Ok((content, cost))
        });
        match prepared {
            Err(error) => {
                self.note(actor, &met.node, &met.path, act, Some(error))?;
                Err(error)
            }
            Ok((mut content, cost)) => {
                if let Err(error) = self.note(actor, &met.node, &met.path, act, None) {
                    self.refund(cost);
                    return Err(error);
                }
                content.write_at(offset, data);
                drop(content);
                self.content_touched(&met.node);
                count(&self.counters.writes, 1);
                count(&self.counters.bytes_written, data.len() as u64);
                Ok(data.len())
            }
        }
    }

    fn content_touched(&self, node: &Node) {
        let now = self.now();
        let mut inode = lock(&node.inode);
        inode.mtime = now;
        inode.ctime = now;
    }

    /// Sets the length of a file, as truncate(2) does.
    fn set_len(&self, actor: &Actor, met: &Met, len: u64) -> Result<(), WorldError> {
        let act = FileAct::Truncate { len };
        let prepared = met.node.content().map(sole).and_then(|content| {
            if len > self.limits.file_bytes { Err(WorldError::TooLarge) } else { Ok(content) }
        });
        match prepared {
            Err(error) => {
                self.note(actor, &met.node, &met.path, act, Some(error))?;
                Err(error)
            }
            Ok(mut content) => {
                self.note(actor, &met.node, &met.path, act, None)?;
                self.apply_len(&mut content, len);
                drop(content);
                self.content_touched(&met.node);
                Ok(())
            }
        }
    }

    fn apply_len(&self, content: &mut RwLockWriteGuard<'_, Content>, len: u64) {
        let before = content.cost();
        content.set_len(len);
        self.refund(before - content.cost());
    }

    /// Makes sure that a file is at least `len` long, as fallocate(2) without flags does. No
    /// memory is put aside for it.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn extend(&self, actor: &Actor, node: NodeId, len: u64) -> Result<(), WorldError> {
        let met = self.meet(node)?;
        let known = crate::tree::shared(met.node.content()?).len();
        self.set_len(actor, &met, len.max(known))
    }

    /// Sets attributes. The length, if it is set, has an event of its own, and comes first.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn set_attributes(
        &self,
        actor: &Actor,
        node: NodeId,
        set: SetAttributes,
    ) -> Result<Attributes, WorldError> {
        let met = self.meet(node)?;
        if let Some(len) = set.len {
            self.set_len(actor, &met, len)?;
        }
        let detail = set.words();
        if !detail.is_empty() {
            self.note(actor, &met.node, &met.path, FileAct::SetAttributes { detail }, None)?;
            let now = self.now();
            let time = |time| match time {
                SetTime::To(stamp) => stamp,
                SetTime::Now => now,
            };
            let mut inode = lock(&met.node.inode);
            inode.mode = set.mode.map_or(inode.mode, |mode| mode & 0o7777);
            inode.uid = set.uid.unwrap_or(inode.uid);
            inode.gid = set.gid.unwrap_or(inode.gid);
            inode.atime = set.atime.map_or(inode.atime, time);
            inode.mtime = set.mtime.map_or(inode.mtime, time);
            inode.ctime = now;
            // A length set together with times is no change of attributes of its own.
            inode.touched |= set.mode.is_some()
                || set.uid.is_some()
                || set.gid.is_some()
                || (set.len.is_none() && (set.atime.is_some() || set.mtime.is_some()));
        }
        self.meet_with_attributes(node).map(|(_, attributes)| attributes)
    }

    /// Sets an extended attribute. `mode` stands for the flags of setxattr(2).
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn set_extended(
        &self,
        actor: &Actor,
        node: NodeId,
        name: &[u8],
        value: &[u8],
        mode: ExtendedMode,
    ) -> Result<(), WorldError> {
        let met = self.meet(node)?;
        let detail = format!("set {} to {} bytes", name.escape_ascii(), value.len());
        let act = FileAct::Attribute { detail };
        let mut inode = lock(&met.node.inode);
        let extended = &mut inode.extended;
        let known = extended.get(name).map(|value| name.len() + value.len());
        let all: usize = extended.iter().map(|(name, value)| name.len() + value.len()).sum();
        let new = name.len() + value.len();
        let allowed = match (mode, known) {
            _ if value.len() > VALUE_MAX => Err(WorldError::AttributeTooLarge),
            (ExtendedMode::MustBeNew, Some(_)) => Err(WorldError::Exists),
            (ExtendedMode::MustExist, None) => Err(WorldError::NoAttribute),
            _ if !name.starts_with(b"user.") && !name.starts_with(b"trusted.") => {
                Err(WorldError::Unsupported)
            }
            _ if all - known.unwrap_or(0) + new > EXTENDED_MAX => Err(WorldError::NoSpace),
            _ => self.charge(new as u64),
        };
        if let Err(error) = allowed {
            self.note(actor, &met.node, &met.path, act, Some(error))?;
            return Err(error);
        }
        if let Err(error) = self.note(actor, &met.node, &met.path, act, None) {
            self.refund(new as u64);
            return Err(error);
        }
        self.refund(known.unwrap_or(0) as u64);
        extended.insert(name.to_vec(), value.to_vec());
        inode.ctime = self.now();
        inode.touched = true;
        Ok(())
    }

    /// Removes an extended attribute.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn remove_extended(
        &self,
        actor: &Actor,
        node: NodeId,
        name: &[u8],
    ) -> Result<(), WorldError> {
        let met = self.meet(node)?;
        let act = FileAct::Attribute { detail: format!("remove {}", name.escape_ascii()) };
        let mut inode = lock(&met.node.inode);
        let known = inode.extended.get(name).map(Vec::len);
        let Some(len) = known else {
            let error = WorldError::NoAttribute;
            self.note(actor, &met.node, &met.path, act, Some(error))?;
            return Err(error);
        };
        self.note(actor, &met.node, &met.path, act, None)?;
        inode.extended.remove(name);
        self.refund((name.len() + len) as u64);
        inode.ctime = self.now();
        inode.touched = true;
        Ok(())
    }

    /// Puts into the record that something was asked for which the world does not offer, and gives
    /// back the error for it.
    pub fn refuse(
        &self,
        actor: &Actor,
        node: NodeId,
        detail: impl Into<String>,
        error: WorldError,
    ) -> WorldError {
        let noted = self.meet(node).and_then(|met| {
            let act = FileAct::Attribute { detail: detail.into() };
            self.note(actor, &met.node, &met.path, act, Some(error))
        });
        noted.err().unwrap_or(error)
    }
}

/// How an extended attribute may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtendedMode {
    /// Whether it is there or not.
    Either,
    /// Only if it is not there yet (XATTR_CREATE).
    MustBeNew,
    /// Only if it is there (XATTR_REPLACE).
    MustExist,
}
