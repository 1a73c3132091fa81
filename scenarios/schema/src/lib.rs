//! Scenarios, components and policies: as people write them, and resolved into a [`RunPlan`].
//!
//! Two steps, two types: *as written* (TOML, with spans, defaults left out) and *resolved* (every
//! field filled in). Mistakes are found between the two and say line, value and what would be right.
#![forbid(unsafe_code)]

mod item;
mod manifest;
mod plan;

pub use item::DataItem;
pub use manifest::{DecoyRecord, Digests, Fact, Manifest, MemberRecord};
pub use plan::*;
