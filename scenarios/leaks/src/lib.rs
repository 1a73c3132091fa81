//! The leak benchmark's cases, as data: which bytes of which decoy leave, by which channel, in which
//! encodings, read how, sent by what kind of process, when and why; and cases in which nothing of a
//! decoy leaves.
//!
//! Promises: [`cases`] is a function of its seed; ids and hosts of cases do not change when others
//! are added; every case says its own truth, so that sealed sets of others ([`load`]) need nothing of
//! this crate but the form. A case that cannot be found (a key that stays inside, time between
//! packets) is in the set and says why ([`Case::hidden`]).
//! Cannot see: whether a case really did what it says. The component reports that, and the benchmark
//! counts it apart.
#![forbid(unsafe_code)]

mod axes;
mod case;
mod combine;
mod draw;
mod innocent;
mod leaking;
mod load;
mod wasm;
mod world;

pub use axes::{Channel, Encoding, Form, ReadPath, Shape, Timing, Trigger, Waiting};
pub use case::{Case, Class, Innocent, Kind, Negative, Source, Truth};
pub use draw::sample;
pub use innocent::{FOREIGN_FOLDER, HOST_FILES};
pub use load::{LoadError, load};
pub use world::{COURIER, Planted, SCENARIO, WORLD};

/// The seed of the public set.
pub const PUBLIC_SEED: u64 = 2026;

/// All cases of the set that `seed` gives: leaking, refused, negative.
pub fn cases(seed: u64) -> Vec<Case> {
    let mut cases = leaking::leaking(seed);
    cases.extend(leaking::refused(seed));
    cases.extend(innocent::innocent(seed));
    cases
}
