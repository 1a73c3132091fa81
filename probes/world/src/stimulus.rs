//! belljar's own changes to the world while the component runs: dropping a file, adding to one.
//!
//! They are recorded with belljar as the actor, count as planted, and are told to the doors, which
//! may hold older answers in a cache.

use crate::BuildError;
use crate::attributes::Meta;
use crate::content::Content;
use crate::error::WorldError;
use crate::tree::{Body, ROOT, lock, shared, sole};
use crate::world::World;
use belljar_record::{
    Actor, ByteString, BytesSource, DecoyId, DecoySource, FileAct, HandleId, NodeId,
};
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLock};

/// What a door must no longer answer from its cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Staleness {
    /// Attributes and bytes of a node.
    Node(NodeId),
    /// What a name leads to.
    Name {
        /// In which directory.
        parent: NodeId,
        /// Which name.
        name: Vec<u8>,
    },
}

pub(crate) type Listener = Box<dyn Fn(Staleness) + Send + Sync>;

/// Openings that belljar makes for itself have no number.
const OWN: HandleId = HandleId(0);

impl World {
    /// Tells a door of belljar's own changes. There is one listener; the last one counts.
    pub fn on_own_change(&self, listener: impl Fn(Staleness) + Send + Sync + 'static) {
        *lock(&self.listener) = Some(Box::new(listener));
    }

    fn tell(&self, stale: impl IntoIterator<Item = Staleness>) {
        if let Some(listener) = &*lock(&self.listener) {
            for stale in stale {
                listener(stale);
            }
        }
    }

    /// Plants a file while the world is served. What was at that path, if it is no directory, is
    /// withdrawn: it counts neither as removed by the component nor as changed.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn put(
        &self,
        path: &[u8],
        meta: Meta,
        source: Arc<dyn DecoySource>,
        decoy: Option<DecoyId>,
    ) -> Result<NodeId, WorldError> {
        let mut tree = sole(&self.tree);
        // The first directory that is missing is a new name in one that a door may know.
        let known = tree.walk(path);
        if known.is_some_and(|id| tree.is_directory(id)) {
            return Err(WorldError::IsDirectory);
        }
        let (parent_path, name) = split(path).ok_or(WorldError::Invalid)?;
        let stale_parent = nearest(&tree, parent_path);
        if let Some(old) = known {
            let parent = tree.walk(parent_path).ok_or(WorldError::NotFound)?;
            tree.detach(parent, name)?;
            let slot = tree.slot(old)?;
            slot.node.withdrawn.store(slot.names.is_empty(), Ordering::Release);
            let freed = tree.let_go(old);
            self.refund(freed);
        }
        let body = Body::File(RwLock::new(Content::planted(source)));
        let meta = self.limits.owners.of(meta);
        let id =
            tree.plant(path, meta, body, decoy, self.limits.path_bytes).map_err(
                |error| match error {
                    BuildError::Path { .. } => WorldError::Invalid,
                    BuildError::Place { why, .. } => why,
                },
            )?;
        let parent = tree.walk(parent_path).unwrap_or(ROOT);
        drop(tree);
        self.note_as(&Actor::Belljar, id, decoy, path, FileAct::Create, None)?;
        self.tell([
            Staleness::Name { parent, name: name.to_vec() },
            Staleness::Node(parent),
            Staleness::Node(stale_parent),
        ]);
        Ok(id)
    }

    /// Adds bytes to a file while the world is served. A file that is whole as planted stays so:
    /// the new bytes are planted, too.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn append(&self, path: &[u8], bytes: &[u8]) -> Result<NodeId, WorldError> {
        let id = shared(&self.tree).walk(path).ok_or(WorldError::NotFound)?;
        let met = self.meet(id)?;
        let mut content = sole(met.node.content()?);
        let offset = content.len();
        let len = u32::try_from(bytes.len()).map_err(|_| WorldError::TooLarge)?;
        let act = FileAct::Write { handle: OWN, offset, len };
        let head = content.pristine_source();
        let cost = if head.is_some() { 0 } else { content.cost_of_writing(offset, bytes.len()) };
        self.charge(cost)?;
        let noted = self.note_as(&Actor::Belljar, id, met.node.decoy, path, act, None);
        noted.inspect_err(|_| self.refund(cost))?;
        match head {
            Some(head) => {
                content.replant(Arc::new(Appended { head, tail: BytesSource(bytes.into()) }))
            }
            None => content.write_at(offset, bytes),
        }
        drop(content);
        let now = self.now();
        let mut inode = lock(&met.node.inode);
        inode.mtime = now;
        inode.ctime = now;
        drop(inode);
        self.tell([Staleness::Node(id)]);
        Ok(id)
    }
}

/// The path of the directory above, and the last name.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = path.iter().rposition(|&byte| byte == b'/')?;
    let name = path.get(at + 1..).filter(|name| !name.is_empty())?;
    Some((if at == 0 { &path[..1] } else { &path[..at] }, name))
}

/// The nearest directory at or above a path that is there.
fn nearest(tree: &crate::tree::Tree, path: &[u8]) -> NodeId {
    let mut at = ROOT;
    for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
        match tree.child(at, name) {
            Ok(id) => at = id,
            Err(_) => break,
        }
    }
    at
}

/// Planted bytes with more planted bytes behind them.
#[derive(Debug)]
struct Appended {
    head: Arc<dyn DecoySource>,
    tail: BytesSource,
}

impl DecoySource for Appended {
    fn len(&self) -> u64 {
        self.head.len() + self.tail.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let in_head = self.head.len().saturating_sub(offset);
        let (first, second) =
            buf.split_at_mut(usize::try_from(in_head).unwrap_or(usize::MAX).min(buf.len()));
        let filled = if first.is_empty() { 0 } else { self.head.read_at(offset, first) };
        let at = (offset + first.len() as u64).saturating_sub(self.head.len());
        filled + self.tail.read_at(at, second)
    }

    fn parts(&self) -> Vec<belljar_record::Part> {
        let mut parts = self.head.parts();
        parts.push(belljar_record::Part {
            name: ByteString::from("appended"),
            kind: belljar_record::PartKind::Value,
            source: Arc::new(self.tail.clone()),
            sample: false,
        });
        parts
    }
}
