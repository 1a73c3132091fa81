//! Who did it: process tree, program starts, addresses asked for, refused calls.
//!
//! Promises: an actor is a process by number and start time, never a bare number; every attribution
//! says where it comes from and how far it can be relied on; what could not be kept is counted.
//! Cannot see: whether something *happened* (that is for the world and the wire); memory that is
//! changed while a held call is looked at.
#![forbid(unsafe_code)]

mod address;
mod attribute;
mod called;
mod filter;
mod floods;
#[cfg(test)]
mod fuzz;
mod looks;
mod procfs;
mod table;
mod watcher;

pub use attribute::FlowActors;
pub use filter::{Action, Filter, FilterError, Rule};
pub use table::ProcessTable;
pub use watcher::{Tally, WatchError, Watcher};
