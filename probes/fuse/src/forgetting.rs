//! The thread that takes things out of the kernel's caches.
//!
//! It runs apart from the threads that answer: the kernel may hold a page's lock until the answer
//! is there, and taking the page out before would wait for ever.

use belljar_record::NodeId;
use belljar_world::Staleness;
use fuser::{INodeNo, Notifier};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// What is to be taken out. Each node stands in it once, so it never outgrows the world.
#[derive(Debug, Default)]
pub(crate) struct Forgetting {
    due: Mutex<Due>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Due {
    nodes: BTreeSet<NodeId>,
    names: BTreeSet<(NodeId, Vec<u8>)>,
    done: u64,
    failed: u64,
    over: bool,
}

impl Forgetting {
    fn lock(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pages of this node were filled.
    pub(crate) fn pages_of(&self, node: NodeId) {
        self.lock().nodes.insert(node);
        self.wake.notify_one();
    }

    /// belljar changed the world.
    pub(crate) fn stale(&self, stale: Staleness) {
        let mut due = self.lock();
        match stale {
            Staleness::Node(node) => due.nodes.insert(node),
            Staleness::Name { parent, name } => due.names.insert((parent, name)),
        };
        drop(due);
        self.wake.notify_one();
    }

    /// Starts the thread.
    pub(crate) fn start(self: Arc<Self>, notifier: Notifier) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("world-forgets".into()).spawn(move || self.run(&notifier))
    }

    fn run(&self, notifier: &Notifier) {
        loop {
            let mut due = self.lock();
            while due.nodes.is_empty() && due.names.is_empty() {
                if due.over {
                    return;
                }
                due = self.wake.wait(due).unwrap_or_else(PoisonError::into_inner);
            }
            let (nodes, names) = (std::mem::take(&mut due.nodes), std::mem::take(&mut due.names));
            drop(due);
            let mut done = 0;
            let mut failed = 0;
            let mut say = |result: std::io::Result<()>| match result {
                Ok(()) => done += 1,
                Err(_) => failed += 1,
            };
            for (parent, name) in names {
                say(notifier
                    .inval_entry(INodeNo(parent.0), OsStr::from_bytes(&name))
                    .or_else(gone));
            }
            for node in nodes {
                say(notifier.inval_inode(INodeNo(node.0), 0, 0).or_else(gone));
            }
            let mut due = self.lock();
            due.done += done;
            due.failed += failed;
        }
    }

    /// Ends the thread once it has done what is due; says how often it was done, and failed.
    pub(crate) fn end(&self) {
        self.lock().over = true;
        self.wake.notify_one();
    }

    pub(crate) fn counts(&self) -> (u64, u64) {
        let due = self.lock();
        (due.done, due.failed)
    }
}

/// The kernel does not have it (any more), or is not mounted (any more): nothing is cached.
fn gone(error: std::io::Error) -> std::io::Result<()> {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTCONN | libc::ENODEV) => Ok(()),
        _ => Err(error),
    }
}
