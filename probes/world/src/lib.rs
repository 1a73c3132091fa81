//! The world: a file tree that belljar serves, and everything that is done to it.
//!
//! Promises: every open, read, listing, stat, link reading, write, change of length, name, mode or
//! extended attribute, and every name that was looked for in vain, is appended to the log *before*
//! anything is given back; when the log refuses, the operation fails with [`WorldError::RecordFull`]
//! and is counted. A decoy stays that decoy when it is renamed, linked or written to. Writes go
//! into memory, page by page, over the planted bytes, within a budget; then [`WorldError::NoSpace`].
//!
//! Knows no operating system and no host clock: a door (FUSE, WASI) calls it with an actor.
//!
//! Cannot see: by which of several hard links a node was reached (doors ask by node; the first
//! name that is still there is recorded), and what a door answers from its own cache. It checks no
//! permissions: it keeps owner, group and mode, and the door has them enforced (the FUSE door by
//! the mount option `default_permissions`).
#![forbid(unsafe_code)]

mod attributes;
mod build;
mod changes;
mod content;
mod error;
mod handles;
mod names;
mod ranges;
mod reading;
mod stimulus;
mod tree;
mod usage;
mod world;
mod writing;

pub use attributes::{
    Attributes, Meta, NodeKind, Owners, SetAttributes, SetTime, Stamp, WorldLimits,
};
pub use build::{BuildError, WorldBuilder};
pub use changes::{ChangeKind, WorldChange};
pub use error::WorldError;
pub use names::{NewNode, RenameMode};
pub use ranges::RangeSet;
pub use reading::Entry;
pub use stimulus::Staleness;
pub use usage::{DecoyUse, WorldStats};
pub use world::World;
pub use writing::ExtendedMode;
