//! Raw system calls: the only room with `unsafe`, one call a block, each with its reason.
//!
//! Promises: safe functions over owned descriptors, one error variant a step.
//! Cannot see: why it is called. Policy lives in `process`, `wire` and the sandbox.
#![allow(unsafe_code, reason = "this crate exists to hold every unsafe block of the workspace")]

pub mod net;
