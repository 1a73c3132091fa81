//! The host: what it can do for belljar, and what it must be given.
//!
//! Promises: an ability is never guessed from a version or a setting, it is tried, in a jar of its
//! own, and each answer says what was tried and what was seen; what is weaker says what a verdict
//! loses by it; what [`setup`] writes it can take away again.
//! Cannot see: whether the advice for a system other than the one it runs on works there; each piece
//! of advice says whether it was tried or comes from that system's own documentation.
#![forbid(unsafe_code)]

mod ability;
mod advice;
mod attempt;
mod facts;
pub mod setup;

pub use ability::{Ability, Answer, State};
pub use advice::{Advice, Basis, advice};
pub use attempt::examine;
pub use facts::{Container, Facts, System};
