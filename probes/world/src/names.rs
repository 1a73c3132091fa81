//! Everything that makes, moves or takes away a name.

use crate::attributes::{Attributes, Inode, Meta, NodeKind};
use crate::content::Content;
use crate::error::WorldError;
use crate::tree::{Body, NAME_MAX, Tree, lock, sole};
use crate::world::World;
use belljar_record::{Actor, ByteString, FileAct, HandleId, NodeId};
use std::sync::{Arc, RwLock};

const SET_GID: u32 = 0o2000;
/// Longest target of a symbolic link (PATH_MAX).
const TARGET_MAX: usize = 4096;

/// What is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewNode<'a> {
    /// An empty file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link to this target.
    Symlink(&'a [u8]),
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

/// What renaming does when the new name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenameMode {
    /// It takes the place.
    Replace,
    /// It fails.
    NoReplace,
    /// The two change places.
    Exchange,
}

impl NewNode<'_> {
    fn act(self) -> FileAct {
        match self {
            Self::Directory => FileAct::MakeDirectory,
            Self::Symlink(target) => {
                FileAct::Link { target: ByteString::from(target), symbolic: true }
            }
            Self::File | Self::Fifo | Self::Socket => FileAct::Create,
        }
    }

    fn body(self) -> Body {
        match self {
            Self::File => Body::File(RwLock::new(Content::empty())),
            Self::Directory => Body::Directory,
            Self::Symlink(target) => Body::Symlink(Arc::from(target)),
            Self::Fifo => Body::Fifo,
            Self::Socket => Body::Socket,
        }
    }
}

impl World {
    /// Makes a node. `mode` has been through the umask; a directory with the set-group-id bit hands
    /// its group down.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn make(
        &self,
        actor: &Actor,
        parent: NodeId,
        name: &[u8],
        what: NewNode<'_>,
        mode: u32,
        owner: (u32, u32),
    ) -> Result<Attributes, WorldError> {
        let mut tree = sole(&self.tree);
        let path = tree.path_at(parent, name);
        let prepared = self.may_make(&tree, parent, name, path.len()).and_then(|()| match what {
            NewNode::Symlink(target) if target.len() > TARGET_MAX => Err(WorldError::NameTooLong),
            NewNode::Symlink(target) => self.charge(target.len() as u64),
            _ => Ok(()),
        });
        if let Err(error) = prepared {
            self.note_as(actor, parent, None, &path, what.act(), Some(error))?;
            return Err(error);
        }
        let now = self.now();
        let meta = Meta { mode, uid: owner.0, gid: owner.1, mtime_s: now.seconds };
        let mut inode = Inode::at(meta, now);
        let above = lock(&tree.slot(parent)?.node.inode).clone();
        if above.mode & SET_GID != 0 {
            inode.gid = above.gid;
            if what == NewNode::Directory {
                inode.mode |= SET_GID;
            }
        }
        // The number is known before the node is: nobody else adds nodes meanwhile.
        let id = tree.add(what.body(), inode, None, None);
        if let Err(error) = self.note_as(actor, id, None, &path, what.act(), None) {
            let freed = tree.let_go(id);
            self.refund(freed);
            return Err(error);
        }
        tree.attach(id, parent, Arc::from(name))?;
        self.directory_touched(&tree, parent);
        Ok(tree.slot(id)?.attributes())
    }

    /// Makes a file and opens it; recorded as two doings.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn create(
        &self,
        actor: &Actor,
        parent: NodeId,
        name: &[u8],
        mode: u32,
        owner: (u32, u32),
        flags: u32,
    ) -> Result<(Attributes, HandleId), WorldError> {
        let attributes = self.make(actor, parent, name, NewNode::File, mode, owner)?;
        let handle = self.open(actor, attributes.node, flags, false)?;
        Ok((attributes, handle))
    }

    fn may_make(
        &self,
        tree: &Tree,
        parent: NodeId,
        name: &[u8],
        path_len: usize,
    ) -> Result<(), WorldError> {
        self.may_name(tree, parent, name, path_len)?;
        if tree.child(parent, name).is_ok() {
            return Err(WorldError::Exists);
        }
        if tree.live() >= self.limits.nodes { Err(WorldError::NoSpace) } else { Ok(()) }
    }

    fn may_name(
        &self,
        tree: &Tree,
        parent: NodeId,
        name: &[u8],
        path_len: usize,
    ) -> Result<(), WorldError> {
        if name.len() > NAME_MAX || path_len > self.limits.path_bytes {
            return Err(WorldError::NameTooLong);
        }
        if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') {
            return Err(WorldError::Invalid);
        }
        let slot = tree.slot(parent)?;
        match slot.node.kind() {
            // Nothing can be made in a directory that was removed while somebody stood in it.
            NodeKind::Directory if slot.names.is_empty() => Err(WorldError::NotFound),
            NodeKind::Directory => Ok(()),
            _ => Err(WorldError::NotDirectory),
        }
    }

    fn directory_touched(&self, tree: &Tree, directory: NodeId) {
        if let Ok(slot) = tree.slot(directory) {
            let now = self.now();
            let mut inode = lock(&slot.node.inode);
            inode.mtime = now;
            inode.ctime = now;
        }
    }

    fn links_touched(&self, tree: &Tree, node: NodeId) {
        if let Ok(slot) = tree.slot(node) {
            lock(&slot.node.inode).ctime = self.now();
        }
    }

    /// Gives a file one more name.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn link(
        &self,
        actor: &Actor,
        node: NodeId,
        parent: NodeId,
        name: &[u8],
    ) -> Result<Attributes, WorldError> {
        let mut tree = sole(&self.tree);
        let path = tree.path_at(parent, name);
        let slot = tree.slot(node)?;
        let decoy = slot.node.decoy;
        let act = FileAct::Link { target: ByteString::from(&*tree.path(slot)), symbolic: false };
        let allowed = match slot.node.kind() {
            NodeKind::Directory => Err(WorldError::NotPermitted),
            _ if slot.names.is_empty() => Err(WorldError::NotFound),
            _ => self.may_make(&tree, parent, name, path.len()),
        };
        self.note_as(actor, node, decoy, &path, act, allowed.err())?;
        allowed?;
        tree.attach(node, parent, Arc::from(name))?;
        self.directory_touched(&tree, parent);
        self.links_touched(&tree, node);
        Ok(tree.slot(node)?.attributes())
    }

    /// Takes a name from a file; the file stays while it has names or openings.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn unlink(&self, actor: &Actor, parent: NodeId, name: &[u8]) -> Result<(), WorldError> {
        self.take_away(actor, parent, name, FileAct::Unlink)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn remove_directory(
        &self,
        actor: &Actor,
        parent: NodeId,
        name: &[u8],
    ) -> Result<(), WorldError> {
        self.take_away(actor, parent, name, FileAct::RemoveDirectory)
    }

    fn take_away(
        &self,
        actor: &Actor,
        parent: NodeId,
        name: &[u8],
        act: FileAct,
    ) -> Result<(), WorldError> {
        let mut tree = sole(&self.tree);
        let path = tree.path_at(parent, name);
        let wants_directory = act == FileAct::RemoveDirectory;
        let found = tree.child(parent, name).and_then(|id| {
            let is_directory = tree.slot(id)?.node.kind() == NodeKind::Directory;
            match (wants_directory, is_directory) {
                (true, false) => Err(WorldError::NotDirectory),
                (false, true) => Err(WorldError::IsDirectory),
                (true, true) if !tree.is_empty_directory(id)? => Err(WorldError::NotEmpty),
                _ => Ok(id),
            }
        });
        match found {
            Err(error) => {
                self.note_as(actor, parent, None, &path, act, Some(error))?;
                Err(error)
            }
            Ok(id) => {
                let decoy = tree.slot(id)?.node.decoy;
                self.note_as(actor, id, decoy, &path, act, None)?;
                tree.detach(parent, name)?;
                self.directory_touched(&tree, parent);
                self.links_touched(&tree, id);
                let freed = tree.let_go(id);
                self.refund(freed);
                Ok(())
            }
        }
    }

    /// Renames. A decoy stays that decoy.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn rename(
        &self,
        actor: &Actor,
        from: (NodeId, &[u8]),
        to: (NodeId, &[u8]),
        mode: RenameMode,
    ) -> Result<(), WorldError> {
        let mut tree = sole(&self.tree);
        let old_path = tree.path_at(from.0, from.1);
        let new_path = tree.path_at(to.0, to.1);
        let act = FileAct::Rename {
            to: ByteString::from(&new_path[..]),
            exchange: mode == RenameMode::Exchange,
        };
        let plan = self.plan_rename(&tree, from, to, mode, (old_path.len(), new_path.len()));
        let (id, other) = match plan {
            Ok(plan) => plan,
            Err(error) => {
                let found = tree.child(from.0, from.1).and_then(|id| tree.slot(id));
                let (id, decoy) = found.map_or((from.0, None), |s| (s.node.id, s.node.decoy));
                self.note_as(actor, id, decoy, &old_path, act, Some(error))?;
                return Err(error);
            }
        };
        let decoy = tree.slot(id)?.node.decoy;
        self.note_as(actor, id, decoy, &old_path, act, None)?;
        if other == Some(id) {
            // Two names of one file: rename(2) does nothing.
            return Ok(());
        }
        tree.detach(from.0, from.1)?;
        if other.is_some() {
            tree.detach(to.0, to.1)?;
        }
        tree.attach(id, to.0, Arc::from(to.1))?;
        tree.put_last_name_first(id);
        match other {
            Some(other) if mode == RenameMode::Exchange => {
                tree.attach(other, from.0, Arc::from(from.1))?;
            }
            Some(other) => {
                self.links_touched(&tree, other);
                let freed = tree.let_go(other);
                self.refund(freed);
            }
            None => {}
        }
        for directory in [from.0, to.0] {
            self.directory_touched(&tree, directory);
        }
        self.links_touched(&tree, id);
        Ok(())
    }

    /// What is renamed, and what stood at the new name.
    fn plan_rename(
        &self,
        tree: &Tree,
        from: (NodeId, &[u8]),
        to: (NodeId, &[u8]),
        mode: RenameMode,
        lengths: (usize, usize),
    ) -> Result<(NodeId, Option<NodeId>), WorldError> {
        let id = tree.child(from.0, from.1)?;
        self.may_name(tree, to.0, to.1, lengths.1)?;
        let other = match (tree.child(to.0, to.1), mode) {
            (Ok(_), RenameMode::NoReplace) => return Err(WorldError::Exists),
            (Err(error), RenameMode::Exchange) => return Err(error),
            (other, _) => other.ok(),
        };
        if tree.is_within(to.0, id) {
            return Err(WorldError::Invalid);
        }
        let is_directory = |id| tree.slot(id).map(|slot| slot.node.kind() == NodeKind::Directory);
        let moves_directory = is_directory(id)?;
        if let Some(other) = other {
            let over_directory = is_directory(other)?;
            match mode {
                RenameMode::Exchange if tree.is_within(from.0, other) => {
                    return Err(WorldError::Invalid);
                }
                RenameMode::Exchange
                    if over_directory
                        && lengths.0 + tree.longest_below(other) > self.limits.path_bytes =>
                {
                    return Err(WorldError::NameTooLong);
                }
                RenameMode::Exchange => {}
                _ if moves_directory && !over_directory => return Err(WorldError::NotDirectory),
                _ if !moves_directory && over_directory => return Err(WorldError::IsDirectory),
                _ if over_directory && !tree.is_empty_directory(other)? => {
                    return Err(WorldError::NotEmpty);
                }
                _ => {}
            }
        }
        if moves_directory
            && lengths.1 > lengths.0
            && lengths.1 + tree.longest_below(id) > self.limits.path_bytes
        {
            return Err(WorldError::NameTooLong);
        }
        Ok((id, other))
    }
}
