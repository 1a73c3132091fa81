//! The plant: decoy files, the person and the machine that they seem to belong to.
//!
//! It promises: the same generator version, scenario and seed give the same bytes, at whatever
//! place and in whatever order they are read; the length of every decoy is known before any byte
//! exists; changing, adding or removing one decoy changes no byte of another; memory stays bounded
//! however large the plant is (plain content is made block by block, archives keep only headers,
//! documents lie in one cache with a budget).
//!
//! It cannot: fool an attentive person (prose has grammar but no meaning), compress archives
//! (their members are stored, so that lengths are known), or give formats of more than 4 GiB.
//! All content is invented; addresses are from test ranges, hosts under `.example`.
#![forbid(unsafe_code)]

mod blocks;
mod cache;
mod calendar;
mod code;
mod content;
mod decoy;
mod error;
mod identity;
mod kinds;
mod manifest;
mod plant;
mod recipe;
mod seed;
mod system_files;
mod system_style;
mod tree;
mod twins;
mod word_lists;
mod words;
mod write;

pub use cache::{CacheUse, DEFAULT_CACHE_BYTES};
pub use decoy::{Decoy, DecoyMeta, Mutation};
pub use error::PlantError;
pub use identity::ResolvedIdentity;
pub use manifest::{GENERATOR, digests};
pub use plant::{Directory, Plant};
pub use seed::{Seed, Stream};
pub use system_files::SystemFile;
pub use twins::twins;
pub use write::Written;
