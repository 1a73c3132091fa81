//! Nodes, names and paths. A node keeps its number for ever; names come and go.

use crate::attributes::{Attributes, Inode, NodeKind};
use crate::content::Content;
use crate::error::WorldError;
use crate::usage::Usage;
use belljar_record::{DecoyId, NodeId};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The root directory's node, in every world.
pub(crate) const ROOT: NodeId = NodeId(1);
/// Longest name, in bytes (NAME_MAX of usual file systems).
pub(crate) const NAME_MAX: usize = 255;
/// Most names of one node (as ext4 has it).
const LINK_MAX: usize = 65_000;
/// Cookies 1 and 2 stand for `.` and `..`.
const FIRST_COOKIE: u64 = 3;
/// The generation of a path that will not change again.
const FROZEN: u64 = u64::MAX;

pub(crate) type Name = Arc<[u8]>;

// A panic in another door's thread must neither silence the record nor stop the world; every
// change under these locks is made in steps that leave the tree whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn shared<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn sole<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// What a node holds.
#[derive(Debug)]
pub(crate) enum Body {
    File(RwLock<Content>),
    Directory,
    Symlink(Arc<[u8]>),
    Fifo,
    Socket,
}

/// A node: what stays the same whatever it is called.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) decoy: Option<DecoyId>,
    /// Where belljar planted it; `None` for what the component made.
    pub(crate) planted_at: Option<Name>,
    pub(crate) body: Body,
    pub(crate) inode: Mutex<Inode>,
    path: Mutex<(u64, Name)>,
    /// Openings that are not released yet.
    pub(crate) opens: AtomicU32,
    /// References that a door still holds without having it open.
    pub(crate) holds: AtomicU64,
    /// belljar itself took it away or put another in its place.
    pub(crate) withdrawn: std::sync::atomic::AtomicBool,
    pub(crate) usage: Mutex<Usage>,
}

impl Node {
    pub(crate) fn kind(&self) -> NodeKind {
        match self.body {
            Body::File(_) => NodeKind::File,
            Body::Directory => NodeKind::Directory,
            Body::Symlink(_) => NodeKind::Symlink,
            Body::Fifo => NodeKind::Fifo,
            Body::Socket => NodeKind::Socket,
        }
    }

    pub(crate) fn content(&self) -> Result<&RwLock<Content>, WorldError> {
        match &self.body {
            Body::File(content) => Ok(content),
            Body::Directory => Err(WorldError::IsDirectory),
            _ => Err(WorldError::Invalid),
        }
    }
}

/// One of the names of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) parent: NodeId,
    pub(crate) name: Name,
}

#[derive(Debug, Default)]
pub(crate) struct Directory {
    by_name: BTreeMap<Name, (u64, NodeId)>,
    by_cookie: BTreeMap<u64, Name>,
    next: u64,
    subdirectories: u32,
}

/// A node and its place in the tree.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) node: Arc<Node>,
    /// Its names; the first one is recorded. Empty once it is unlinked.
    pub(crate) names: Vec<Place>,
    directory: Option<Box<Directory>>,
}

impl Slot {
    pub(crate) fn links(&self) -> u32 {
        let names = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        match &self.directory {
            Some(directory) if names > 0 => directory.subdirectories.saturating_add(2),
            Some(_) => 0,
            None => names,
        }
    }

    pub(crate) fn attributes(&self) -> Attributes {
        let len = match &self.node.body {
            Body::File(content) => shared(content).len(),
            Body::Directory => 4096,
            Body::Symlink(target) => target.len() as u64,
            Body::Fifo | Body::Socket => 0,
        };
        let inode = lock(&self.node.inode);
        Attributes {
            node: self.node.id,
            kind: self.node.kind(),
            mode: inode.mode,
            uid: inode.uid,
            gid: inode.gid,
            len,
            links: self.links(),
            atime: inode.atime,
            mtime: inode.mtime,
            ctime: inode.ctime,
        }
    }
}

/// All nodes.
#[derive(Debug)]
pub(crate) struct Tree {
    slots: Vec<Option<Box<Slot>>>,
    generation: u64,
    live: u64,
    pub(crate) decoys: HashMap<DecoyId, Vec<NodeId>>,
}

impl Tree {
    pub(crate) fn new(root: Inode) -> Self {
        let mut tree = Self { slots: vec![None], generation: 1, live: 0, decoys: HashMap::new() };
        let root = tree.add(Body::Directory, root, None, Some(Arc::from(&b"/"[..])));
        debug_assert_eq!(root, ROOT);
        if let Some(slot) = tree.slots.last_mut().and_then(Option::as_mut) {
            // The root is its own parent, so that it counts as having a name.
            slot.names.push(Place { parent: ROOT, name: Arc::from(&b""[..]) });
        }
        tree
    }

    /// Nodes that exist.
    pub(crate) fn live(&self) -> u64 {
        self.live
    }

    /// Makes a node that has no name yet.
    pub(crate) fn add(
        &mut self,
        body: Body,
        inode: Inode,
        decoy: Option<DecoyId>,
        planted_at: Option<Name>,
    ) -> NodeId {
        let id = NodeId(self.slots.len() as u64);
        let directory = matches!(body, Body::Directory)
            .then(|| Box::new(Directory { next: FIRST_COOKIE, ..Directory::default() }));
        let path = planted_at.clone().unwrap_or_else(|| Arc::from(&b""[..]));
        let node = Arc::new(Node {
            id,
            decoy,
            planted_at,
            body,
            inode: Mutex::new(inode),
            path: Mutex::new((0, path)),
            opens: AtomicU32::new(0),
            holds: AtomicU64::new(0),
            withdrawn: false.into(),
            usage: Mutex::default(),
        });
        self.slots.push(Some(Box::new(Slot { node, names: Vec::new(), directory })));
        self.live += 1;
        if let Some(decoy) = decoy {
            self.decoys.entry(decoy).or_default().push(id);
        }
        id
    }

    pub(crate) fn slot(&self, id: NodeId) -> Result<&Slot, WorldError> {
        usize::try_from(id.0)
            .ok()
            .and_then(|index| self.slots.get(index))
            .and_then(Option::as_deref)
            .ok_or(WorldError::Stale)
    }

    fn slot_mut(&mut self, id: NodeId) -> Result<&mut Slot, WorldError> {
        usize::try_from(id.0)
            .ok()
            .and_then(|index| self.slots.get_mut(index))
            .and_then(Option::as_deref_mut)
            .ok_or(WorldError::Stale)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten().map(|slot| &**slot)
    }

    fn directory(&self, id: NodeId) -> Result<&Directory, WorldError> {
        self.slot(id)?.directory.as_deref().ok_or(WorldError::NotDirectory)
    }

    fn directory_mut(&mut self, id: NodeId) -> Result<&mut Directory, WorldError> {
        self.slot_mut(id)?.directory.as_deref_mut().ok_or(WorldError::NotDirectory)
    }

    /// The node that `name` leads to.
    pub(crate) fn child(&self, parent: NodeId, name: &[u8]) -> Result<NodeId, WorldError> {
        if name.len() > NAME_MAX {
            return Err(WorldError::NameTooLong);
        }
        let directory = self.directory(parent)?;
        directory.by_name.get(name).map(|&(_, id)| id).ok_or(WorldError::NotFound)
    }

    /// The names behind `cookie`, in order, each with its own cookie.
    pub(crate) fn names_after(
        &self,
        directory: NodeId,
        cookie: u64,
    ) -> Result<impl Iterator<Item = (u64, &Name, &Slot)>, WorldError> {
        let directory = self.directory(directory)?;
        let from = cookie.saturating_add(1).max(FIRST_COOKIE);
        Ok(directory.by_cookie.range(from..).filter_map(|(&cookie, name)| {
            let &(_, id) = directory.by_name.get(name)?;
            Some((cookie, name, self.slot(id).ok()?))
        }))
    }

    pub(crate) fn is_empty_directory(&self, id: NodeId) -> Result<bool, WorldError> {
        Ok(self.directory(id)?.by_name.is_empty())
    }

    /// Gives a node a name. The caller has seen to it that the name is free.
    pub(crate) fn attach(
        &mut self,
        id: NodeId,
        parent: NodeId,
        name: Name,
    ) -> Result<(), WorldError> {
        let is_directory = self.slot(id)?.directory.is_some();
        if self.slot(id)?.names.len() >= LINK_MAX {
            return Err(WorldError::TooManyLinks);
        }
        let directory = self.directory_mut(parent)?;
        let cookie = directory.next;
        directory.next += 1;
        directory.by_name.insert(Arc::clone(&name), (cookie, id));
        directory.by_cookie.insert(cookie, Arc::clone(&name));
        directory.subdirectories += u32::from(is_directory);
        let slot = self.slot_mut(id)?;
        slot.names.push(Place { parent, name });
        self.names_changed(id);
        Ok(())
    }

    /// Takes a name from the node that it leads to. The node keeps its last path for the record.
    pub(crate) fn detach(&mut self, parent: NodeId, name: &[u8]) -> Result<NodeId, WorldError> {
        let id = self.child(parent, name)?;
        let last_path = (self.slot(id)?.names.len() == 1).then(|| self.path_of(id));
        let is_directory = self.slot(id)?.directory.is_some();
        let directory = self.directory_mut(parent)?;
        if let Some((cookie, _)) = directory.by_name.remove(name) {
            directory.by_cookie.remove(&cookie);
        }
        directory.subdirectories = directory.subdirectories.saturating_sub(u32::from(is_directory));
        let slot = self.slot_mut(id)?;
        slot.names.retain(|place| place.parent != parent || &*place.name != name);
        self.names_changed(id);
        if let Some(path) = last_path {
            *lock(&self.slot(id)?.node.path) = (FROZEN, path);
        }
        Ok(id)
    }

    /// Makes the newest name of a node the one that is recorded.
    pub(crate) fn put_last_name_first(&mut self, id: NodeId) {
        if let Ok(slot) = self.slot_mut(id) {
            slot.names.rotate_right(1);
        }
        self.names_changed(id);
    }

    fn names_changed(&mut self, id: NodeId) {
        let Ok(slot) = self.slot(id) else { return };
        lock(&slot.node.path).0 = 0;
        // Only then are there paths that hang on this name.
        if slot.directory.as_ref().is_some_and(|directory| !directory.by_name.is_empty()) {
            self.generation += 1;
        }
    }

    /// The recorded path of a node: by its first name, or the last one it had.
    pub(crate) fn path(&self, slot: &Slot) -> Name {
        let mut cached = lock(&slot.node.path);
        if cached.0 != self.generation && cached.0 != FROZEN {
            *cached = (self.generation, self.walk_up(slot));
        }
        Arc::clone(&cached.1)
    }

    pub(crate) fn path_of(&self, id: NodeId) -> Name {
        self.slot(id).map_or_else(|_| Arc::from(&b""[..]), |slot| self.path(slot))
    }

    fn walk_up(&self, slot: &Slot) -> Name {
        if slot.node.id == ROOT {
            return Arc::from(&b"/"[..]);
        }
        let mut parts: Vec<&Name> = Vec::new();
        let mut at = slot;
        // A detached directory ends the walk; the number of steps is bounded by the nodes.
        while let Some(place) = at.names.first() {
            if at.node.id == ROOT {
                break;
            }
            parts.push(&place.name);
            let Ok(parent) = self.slot(place.parent) else { break };
            at = parent;
        }
        let mut path = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
        if at.node.id != ROOT {
            // Below a removed directory: what it was called last.
            path.extend_from_slice(&lock(&at.node.path).1);
        }
        for part in parts.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        path.into()
    }

    /// The path that `name` in `parent` has or would have.
    pub(crate) fn path_at(&self, parent: NodeId, name: &[u8]) -> Vec<u8> {
        let above = self.path_of(parent);
        let mut path = Vec::with_capacity(above.len() + 1 + name.len());
        path.extend_from_slice(&above);
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        path
    }

    /// Whether `inner` is `outer` or lies below it.
    pub(crate) fn is_within(&self, inner: NodeId, outer: NodeId) -> bool {
        let mut at = inner;
        loop {
            if at == outer {
                return true;
            }
            match self.slot(at).ok().and_then(|slot| slot.names.first()) {
                Some(place) if at != ROOT => at = place.parent,
                _ => return false,
            }
        }
    }

    /// The longest path below a node, counted from that node.
    pub(crate) fn longest_below(&self, id: NodeId) -> usize {
        let mut longest = 0;
        let mut open = vec![(id, 0usize)];
        while let Some((at, length)) = open.pop() {
            longest = longest.max(length);
            let Ok(directory) = self.directory(at) else { continue };
            for (name, &(_, child)) in &directory.by_name {
                open.push((child, length + 1 + name.len()));
            }
        }
        longest
    }

    /// Lets go of a node that has no name, no opening and no reference. What was planted is kept,
    /// since the conclusion asks for it; its written pages are not. Returns the freed budget.
    pub(crate) fn let_go(&mut self, id: NodeId) -> u64 {
        let Ok(slot) = self.slot(id) else { return 0 };
        let node = &slot.node;
        let in_use = !slot.names.is_empty()
            || node.opens.load(Ordering::Acquire) > 0
            || node.holds.load(Ordering::Acquire) > 0;
        if in_use {
            return 0;
        }
        let mut freed = match &node.body {
            Body::File(content) => {
                let mut content = sole(content);
                let cost = content.cost();
                content.discard();
                cost
            }
            Body::Symlink(target) if node.planted_at.is_none() => target.len() as u64,
            _ => 0,
        };
        {
            let extended = std::mem::take(&mut lock(&node.inode).extended);
            freed +=
                extended.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum::<u64>();
        }
        if node.planted_at.is_none()
            && let Some(slot) = usize::try_from(id.0).ok().and_then(|at| self.slots.get_mut(at))
        {
            *slot = None;
            self.live -= 1;
        }
        freed
    }
}
