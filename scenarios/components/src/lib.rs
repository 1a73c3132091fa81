//! What the reference components share: how they know that they are in the jar, how they scan, and
//! how they talk to their vendor.
//!
//! They exist so that detection can be tested: small, plain, without any exploit, each with a
//! declared truth. They refuse to start outside the jar. What they promise is only that truth;
//! as scanners they know a single sample.
#![forbid(unsafe_code)]

pub mod jarred;
pub mod scan;
pub mod vendor;
