//! What was done with the decoys, kept compactly beside the record.

use crate::ranges::RangeSet;
use belljar_record::DecoyId;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the component did with one node.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    pub(crate) opens: u64,
    pub(crate) reads: u64,
    pub(crate) ranges: RangeSet,
}

/// What the component did with one decoy. Whatever belljar itself read is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecoyUse {
    /// Which.
    pub decoy: DecoyId,
    /// How often it was opened.
    pub opens: u64,
    /// How often planted bytes of it were given.
    pub reads: u64,
    /// Which of its planted bytes were given.
    pub ranges: RangeSet,
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// What was done to the world in all, belljar's own doings included.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct WorldStats {
            $($(#[doc = $doc])* pub $name: u64,)*
            /// Nodes that exist.
            pub nodes: u64,
            /// What is taken from the budget for writes, in bytes.
            pub written_memory: u64,
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)*
        }

        impl Counters {
            pub(crate) fn read(&self) -> WorldStats {
                WorldStats {
                    $($name: self.$name.load(Ordering::Relaxed),)*
                    nodes: 0,
                    written_memory: 0,
                }
            }
        }
    };
}

counters! {
    /// Openings.
    opens,
    /// Reads.
    reads,
    /// Bytes given.
    bytes_read,
    /// Listings (each answer counts).
    lists,
    /// Attributes read.
    stats,
    /// Names looked for in vain.
    missed,
    /// Writes.
    writes,
    /// Bytes taken.
    bytes_written,
    /// Operations refused because a budget of the world was used up.
    no_space,
    /// What would have told something and was refused because the record could not take more:
    /// each is a loss.
    record_refused,
    /// Changes refused for the same reason.
    record_refused_writes,
}

pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
