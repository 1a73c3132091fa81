//! The jar for WebAssembly: a guest between the two doors, without any help of an operating system.
//!
//! Promises: it runs unprivileged, also where user namespaces and FUSE are refused; a program that
//! cannot run is refused with the import that stands in the way; time, memory, tables and
//! descriptors are bounded, and no guest brings belljar down; with the same seed a run gives the
//! same record, byte for byte.
//!
//! Cannot see: what a guest does between two imports. Cannot promise equal runs for guests that
//! were ended by the host's patience (said in the record), nor for the ciphertext of guests that
//! speak TLS themselves.
#![forbid(unsafe_code)]

mod adapt;
mod conduct;
mod engine;
mod module;
mod session;

pub use adapt::component_of;
pub use conduct::{Conduct, ConductError, Gone, declare};
pub use engine::{EngineError, JarSettings, Library, Pooled, Program, WasmJar};
pub use module::LoadError;
pub use session::{GuestEnd, Outcome, Session};
