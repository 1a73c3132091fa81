//! Everything that gives something to the component.

use crate::attributes::{Attributes, NodeKind};
use crate::error::WorldError;
use crate::tree::{Body, ROOT, lock, shared};
use crate::usage::count;
use crate::world::World;
use belljar_record::{Actor, FileAct, HandleId, NodeId, Precision};
use std::ops::ControlFlow;

/// A name in a listing.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Where to go on behind it.
    pub cookie: u64,
    /// The name.
    pub name: &'a [u8],
    /// What it leads to.
    pub attributes: Attributes,
}

impl World {
    /// Looks for a name. A name that is not there is recorded as missed; one that is there as
    /// `stat`, because its attributes are given.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn lookup(
        &self,
        actor: &Actor,
        parent: NodeId,
        name: &[u8],
    ) -> Result<Attributes, WorldError> {
        let tree = shared(&self.tree);
        match tree.child(parent, name) {
            Ok(id) => {
                let slot = tree.slot(id)?;
                let (attributes, path) = (slot.attributes(), tree.path_at(parent, name));
                let node = std::sync::Arc::clone(&slot.node);
                drop(tree);
                self.note(actor, &node, &path, FileAct::Stat, None)?;
                count(&self.counters.stats, 1);
                Ok(attributes)
            }
            Err(error) => {
                let path = tree.path_at(parent, name);
                drop(tree);
                self.note_as(actor, parent, None, &path, FileAct::Missed, Some(error))?;
                count(&self.counters.missed, 1);
                Err(error)
            }
        }
    }

    /// A name on the way to another one, for doors that resolve paths themselves. Not an
    /// observation: what the path leads to is looked up or opened, a name that is missing on the
    /// way is looked up again.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn peek(&self, parent: NodeId, name: &[u8]) -> Result<Attributes, WorldError> {
        let tree = shared(&self.tree);
        let id = tree.child(parent, name)?;
        Ok(tree.slot(id)?.attributes())
    }

    /// The attributes of a node on the way, likewise.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn peek_node(&self, node: NodeId) -> Result<Attributes, WorldError> {
        Ok(shared(&self.tree).slot(node)?.attributes())
    }

    /// Reads attributes.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn attributes(&self, actor: &Actor, node: NodeId) -> Result<Attributes, WorldError> {
        let (met, attributes) = self.meet_with_attributes(node)?;
        self.note(actor, &met.node, &met.path, FileAct::Stat, None)?;
        count(&self.counters.stats, 1);
        Ok(attributes)
    }

    /// Reads the target of a symbolic link.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn read_link(&self, actor: &Actor, node: NodeId) -> Result<Vec<u8>, WorldError> {
        let met = self.meet(node)?;
        let Body::Symlink(target) = &met.node.body else {
            let error = WorldError::Invalid;
            self.note(actor, &met.node, &met.path, FileAct::ReadLink, Some(error))?;
            return Err(error);
        };
        self.note(actor, &met.node, &met.path, FileAct::ReadLink, None)?;
        Ok(target.to_vec())
    }

    /// Reads bytes into `buf`; returns how many there were.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn read(
        &self,
        actor: &Actor,
        node: NodeId,
        handle: HandleId,
        offset: u64,
        buf: &mut [u8],
        precision: Precision,
    ) -> Result<usize, WorldError> {
        let met = self.meet(node)?;
        let requested = u32::try_from(buf.len()).unwrap_or(u32::MAX);
        let act = |returned, pristine| FileAct::Read {
            handle,
            offset,
            requested,
            returned,
            precision,
            pristine,
        };
        let content = match met.node.content() {
            Ok(content) => shared(content),
            Err(error) => {
                self.note(actor, &met.node, &met.path, act(0, false), Some(error))?;
                return Err(error);
            }
        };
        let serving = content.serving(offset, buf.len());
        // What the component wrote itself tells nothing; one planted byte in it does. Nothing read
        // (at the end) is as planted as long as nobody wrote.
        let pristine = !serving.planted.is_empty() || (serving.len == 0 && !content.changed());
        let returned = u32::try_from(serving.len).unwrap_or(u32::MAX);
        self.note(actor, &met.node, &met.path, act(returned, pristine), None)?;
        if !serving.planted.is_empty() && *actor != Actor::Belljar {
            let mut usage = lock(&met.node.usage);
            usage.reads += 1;
            for range in serving.planted {
                usage.ranges.insert(range);
            }
            if usage.ranges.len() > self.limits.ranges {
                usage.ranges.coarsen(self.limits.ranges / 2);
            }
        }
        count(&self.counters.reads, 1);
        count(&self.counters.bytes_read, serving.len as u64);
        Ok(content.read_at(offset, &mut buf[..serving.len]))
    }

    /// Lists a directory from behind `cookie` (0: from the beginning), `.` and `..` first.
    ///
    /// `collect` must only keep the entries: they may be given out when this has returned, because
    /// only then is the listing in the record. It breaks when it has no more room, and then does
    /// not keep the entry that it was shown.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn list(
        &self,
        actor: &Actor,
        directory: NodeId,
        cookie: u64,
        mut collect: impl FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> Result<u32, WorldError> {
        let tree = shared(&self.tree);
        let slot = tree.slot(directory)?;
        let path = tree.path(slot);
        let node = std::sync::Arc::clone(&slot.node);
        let mut entries = 0;
        let outcome = tree.names_after(directory, cookie).map(|names| {
            let parent = slot.names.first().and_then(|place| tree.slot(place.parent).ok());
            let dots = [(1, &b"."[..], slot), (2, &b".."[..], parent.unwrap_or(slot))];
            let dots = dots.into_iter().filter(|&(place, ..)| place > cookie);
            for (cookie, name, slot) in
                dots.chain(names.map(|(at, name, slot)| (at, &**name, slot)))
            {
                let entry = Entry { cookie, name, attributes: slot.attributes() };
                if collect(entry).is_break() {
                    break;
                }
                entries += 1;
            }
        });
        drop(tree);
        let act = FileAct::List { entries };
        self.note(actor, &node, &path, act, outcome.err())?;
        outcome?;
        count(&self.counters.lists, 1);
        Ok(entries)
    }

    /// Reads an extended attribute.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn extended(
        &self,
        actor: &Actor,
        node: NodeId,
        name: &[u8],
    ) -> Result<Vec<u8>, WorldError> {
        let met = self.meet(node)?;
        let value =
            lock(&met.node.inode).extended.get(name).cloned().ok_or(WorldError::NoAttribute);
        let act = FileAct::Attribute { detail: format!("get {}", name.escape_ascii()) };
        self.note(actor, &met.node, &met.path, act, value.as_ref().err().copied())?;
        value
    }

    /// Lists the names of the extended attributes, each with a zero byte behind it.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn extended_names(&self, actor: &Actor, node: NodeId) -> Result<Vec<u8>, WorldError> {
        let met = self.meet(node)?;
        let mut names = Vec::new();
        for name in lock(&met.node.inode).extended.keys() {
            names.extend_from_slice(name);
            names.push(0);
        }
        let act = FileAct::Attribute { detail: "list".into() };
        self.note(actor, &met.node, &met.path, act, None)?;
        Ok(names)
    }

    /// Finds a node by its path from the root, for belljar itself. Links are not followed.
    pub fn find(&self, path: &[u8]) -> Option<NodeId> {
        let tree = shared(&self.tree);
        let mut at = ROOT;
        for part in path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
            at = tree.child(at, part).ok()?;
        }
        Some(at)
    }

    /// Reads a file for belljar itself: not an observation. Returns how many bytes there were.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn read_node(
        &self,
        node: NodeId,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize, WorldError> {
        let met = self.meet(node)?;
        Ok(shared(met.node.content()?).read_at(offset, buf))
    }

    /// The content of a file by its path, for belljar itself, at most `most` bytes of it.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn content(&self, path: &[u8], most: usize) -> Result<Vec<u8>, WorldError> {
        let met = self.meet(self.find(path).ok_or(WorldError::NotFound)?)?;
        let content = shared(met.node.content()?);
        let len = usize::try_from(content.len()).unwrap_or(usize::MAX).min(most);
        let mut bytes = vec![0; len];
        content.read_at(0, &mut bytes);
        Ok(bytes)
    }

    /// The files at and below a path, in order of name, for belljar itself: not an observation.
    /// Links are not followed.
    pub fn files_below(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let (tree, start) = match self.find(path) {
            Some(start) => (shared(&self.tree), start),
            None => return Vec::new(),
        };
        let mut trimmed = path;
        while let [rest @ .., b'/'] = trimmed {
            trimmed = rest;
        }
        let mut files = Vec::new();
        // What is still to be looked at, the next one last.
        let mut rest = vec![(start, trimmed.to_vec())];
        while let Some((node, path)) = rest.pop() {
            let Ok(slot) = tree.slot(node) else { continue };
            match slot.node.kind() {
                NodeKind::File => files.push(path),
                NodeKind::Directory => {
                    let Ok(names) = tree.names_after(node, 0) else { continue };
                    let mut below: Vec<_> = names
                        .map(|(_, name, slot)| (slot.node.id, [&path, &b"/"[..], name].concat()))
                        .collect();
                    below.sort_by(|(_, one), (_, other)| other.cmp(one));
                    rest.extend(below);
                }
                _ => {}
            }
        }
        files
    }

    /// The names in the root directory, and what each is: what a sandbox has to show.
    pub fn top_level(&self) -> Vec<(Vec<u8>, crate::NodeKind)> {
        let tree = shared(&self.tree);
        tree.names_after(ROOT, 0)
            .map(|names| names.map(|(_, name, slot)| (name.to_vec(), slot.node.kind())).collect())
            .unwrap_or_default()
    }
}
