//! Openings and references: what keeps a node alive after its last name is gone.

use crate::error::WorldError;
use crate::tree::{shared, sole};
use crate::usage::count;
use crate::world::World;
use belljar_record::{Actor, FileAct, HandleId, NodeId};
use std::sync::atomic::Ordering;

impl World {
    /// Opens a file or directory. `flags` are those of open(2); `exec` says that it is opened to
    /// be run. Truncation on opening is a change of length of its own.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn open(
        &self,
        actor: &Actor,
        node: NodeId,
        flags: u32,
        exec: bool,
    ) -> Result<HandleId, WorldError> {
        let met = self.meet(node)?;
        let handle = self.next_handle();
        let act = FileAct::Open { handle, flags, exec };
        self.note(actor, &met.node, &met.path, act, None)?;
        met.node.opens.fetch_add(1, Ordering::AcqRel);
        count(&self.counters.opens, 1);
        if *actor != Actor::Belljar {
            crate::tree::lock(&met.node.usage).opens += 1;
        }
        Ok(handle)
    }

    /// Records that an opening was synced; there is nothing behind the world to sync to.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn sync(&self, actor: &Actor, node: NodeId, handle: HandleId) -> Result<(), WorldError> {
        let met = self.meet(node)?;
        self.note(actor, &met.node, &met.path, FileAct::Release { handle }, None)
    }

    /// Ends an opening. It ends even when the record cannot take the line.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn release(&self, actor: &Actor, node: NodeId, handle: HandleId) -> Result<(), WorldError> {
        let met = self.meet(node)?;
        let noted = self.note(actor, &met.node, &met.path, FileAct::Release { handle }, None);
        let before = met
            .node
            .opens
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |opens| opens.checked_sub(1));
        if before == Ok(1) {
            self.let_go(node);
        }
        noted
    }

    /// A door keeps a reference to a node (before it answers a lookup). Not an observation.
    ///
    /// # Errors
    /// [`WorldError::Stale`] if the node has gone meanwhile.
    pub fn hold(&self, node: NodeId) -> Result<(), WorldError> {
        shared(&self.tree).slot(node)?.node.holds.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    /// A door gives `count` references back.
    pub fn forget(&self, node: NodeId, count: u64) {
        let last = shared(&self.tree).slot(node).is_ok_and(|slot| {
            let taken = slot.node.holds.fetch_update(Ordering::AcqRel, Ordering::Acquire, |held| {
                Some(held.saturating_sub(count))
            });
            taken.is_ok_and(|held| held <= count)
        });
        if last {
            self.let_go(node);
        }
    }

    /// Frees what a node without names, openings and references took.
    pub(crate) fn let_go(&self, node: NodeId) {
        // Most nodes still have a name: the tree is locked for them only to look.
        if shared(&self.tree).slot(node).is_ok_and(|slot| slot.names.is_empty()) {
            let freed = sole(&self.tree).let_go(node);
            self.refund(freed);
        }
    }
}
