//! Scenarios, components and policies: as people write them, and resolved into a [`RunPlan`].
//!
//! Two steps, two types: *as written* (TOML, with spans, defaults left out) and *resolved* (every
//! field filled in). Mistakes are found between the two and say line, value and what would be right.
#![forbid(unsafe_code)]

mod check;
mod error;
mod file;
mod item;
mod library;
mod manifest;
mod measure;
mod plan;
mod resolve;
mod source;
pub mod written;

pub use error::{FileError, FileErrorKind};
pub use file::{ComponentFile, ScenarioFile, load_component, load_scenario};
pub use item::DataItem;
pub use library::{LibraryEntry, component_library, library};
pub use manifest::{DecoyRecord, Digests, Fact, Manifest, MemberRecord};
pub use measure::{Size, Time};
pub use plan::*;
pub use resolve::{ResolveOptions, resolve, resolve_world};
