//! The world itself: its state, its budget, and how a doing gets into the record.

use crate::attributes::{Attributes, Stamp, WorldLimits};
use crate::error::WorldError;
use crate::ranges::RangeSet;
use crate::stimulus::Listener;
use crate::tree::{Name, Node, Tree, lock, shared};
use crate::usage::{Counters, DecoyUse, WorldStats, count};
use belljar_record::{
    Actor, ByteString, DecoyId, Event, FileAct, FileEvent, HandleId, Log, NodeId,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

/// A served file tree. Made by [`crate::WorldBuilder`]; shared by doors through an [`Arc`].
///
/// Every operation takes the actor, and appends to the log before it gives anything back.
pub struct World {
    pub(crate) tree: RwLock<Tree>,
    pub(crate) log: Log,
    pub(crate) limits: WorldLimits,
    /// Seconds since 1970 at the run's moment 0.
    pub(crate) epoch: i64,
    pub(crate) counters: Counters,
    pub(crate) listener: Mutex<Option<Listener>>,
    used: AtomicU64,
    next_handle: AtomicU64,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("nodes", &shared(&self.tree).live())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A node as an operation meets it: what it is, and what it is called now.
pub(crate) struct Met {
    pub(crate) node: Arc<Node>,
    pub(crate) path: Name,
}

impl World {
    pub(crate) fn new(tree: Tree, log: Log, limits: WorldLimits, epoch: i64) -> Self {
        Self {
            tree: RwLock::new(tree),
            log,
            limits,
            epoch,
            counters: Counters::default(),
            listener: Mutex::new(None),
            used: AtomicU64::new(0),
            next_handle: AtomicU64::new(1),
        }
    }

    /// The root directory.
    pub fn root(&self) -> NodeId {
        crate::tree::ROOT
    }

    pub(crate) fn now(&self) -> Stamp {
        Stamp::after(self.epoch, self.log.now())
    }

    pub(crate) fn next_handle(&self) -> HandleId {
        HandleId(self.next_handle.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn meet(&self, id: NodeId) -> Result<Met, WorldError> {
        let tree = shared(&self.tree);
        let slot = tree.slot(id)?;
        Ok(Met { node: Arc::clone(&slot.node), path: tree.path(slot) })
    }

    pub(crate) fn meet_with_attributes(&self, id: NodeId) -> Result<(Met, Attributes), WorldError> {
        let tree = shared(&self.tree);
        let slot = tree.slot(id)?;
        let met = Met { node: Arc::clone(&slot.node), path: tree.path(slot) };
        Ok((met, slot.attributes()))
    }

    /// Puts a doing into the record. Nothing may be given back before this.
    pub(crate) fn note(
        &self,
        actor: &Actor,
        node: &Node,
        path: &[u8],
        act: FileAct,
        error: Option<WorldError>,
    ) -> Result<(), WorldError> {
        self.note_as(actor, node.id, node.decoy, path, act, error)
    }

    pub(crate) fn note_as(
        &self,
        actor: &Actor,
        node: NodeId,
        decoy: Option<DecoyId>,
        path: &[u8],
        act: FileAct,
        error: Option<WorldError>,
    ) -> Result<(), WorldError> {
        if error == Some(WorldError::NoSpace) {
            count(&self.counters.no_space, 1);
        }
        let error = error.map(|error| error.errno().to_owned());
        let refused = match act.changes() {
            true => &self.counters.record_refused_writes,
            false => &self.counters.record_refused,
        };
        let event =
            Event::File(FileEvent { act, path: ByteString::from(path), node, decoy, error });
        match self.log.append(actor.clone(), event) {
            Ok(_) => Ok(()),
            Err(_) => {
                count(refused, 1);
                Err(WorldError::RecordFull)
            }
        }
    }

    /// Takes from the budget for writes.
    pub(crate) fn charge(&self, bytes: u64) -> Result<(), WorldError> {
        let limit = self.limits.write_bytes;
        self.used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
                used.checked_add(bytes).filter(|&used| used <= limit)
            })
            .map(|_| ())
            .map_err(|_| WorldError::NoSpace)
    }

    pub(crate) fn refund(&self, bytes: u64) {
        if bytes > 0 {
            self.used.fetch_sub(bytes, Ordering::AcqRel);
        }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    /// What was done in all.
    pub fn stats(&self) -> WorldStats {
        WorldStats {
            nodes: shared(&self.tree).live(),
            written_memory: self.used(),
            ..self.counters.read()
        }
    }

    /// The budgets of this world.
    pub fn limits(&self) -> WorldLimits {
        self.limits
    }

    /// Which planted bytes of a decoy were given to the component.
    pub fn reads_of(&self, decoy: DecoyId) -> RangeSet {
        self.use_of(decoy).ranges
    }

    /// What the component did with a decoy.
    pub fn use_of(&self, decoy: DecoyId) -> DecoyUse {
        let mut sum = DecoyUse { decoy, opens: 0, reads: 0, ranges: RangeSet::default() };
        let tree = shared(&self.tree);
        for &id in tree.decoys.get(&decoy).map_or(&[][..], Vec::as_slice) {
            let Ok(slot) = tree.slot(id) else { continue };
            let usage = lock(&slot.node.usage);
            sum.opens += usage.opens;
            sum.reads += usage.reads;
            sum.ranges.union(&usage.ranges);
        }
        sum
    }

    /// What the component did with each decoy, in the order of their numbers.
    pub fn uses(&self) -> Vec<DecoyUse> {
        let mut decoys: Vec<DecoyId> = shared(&self.tree).decoys.keys().copied().collect();
        decoys.sort_unstable();
        decoys.into_iter().map(|decoy| self.use_of(decoy)).collect()
    }
}
