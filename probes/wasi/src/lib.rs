//! The WASI door: every import of a guest, in front of the world and the fake internet.
//!
//! Promises: a guest reaches nothing but these hosts; each read, write and listing is the world's
//! and exact to the byte; each send is recorded before it is answered; clock, randomness,
//! arguments, environment, standard streams and path errors are in the record too; every line names
//! the guest functions that asked, innermost first; with the same seed all of it is the same, since
//! no clock, file or device of the host is asked.
//!
//! Cannot see: what a guest does between two imports; the plain text of encryption inside a guest
//! over `wasi:sockets` with a pinned key. Handshakes of TLS inside a guest draw their randomness
//! from the host, so such runs are equal in what was sent in the clear but not in their ciphertext.
//! Fields of `wasi:http` that belong to one hop (`connection`, …) are refused to guests by the
//! published hosts.
#![forbid(unsafe_code)]

mod address;
mod by_path;
mod cli;
mod clock;
mod conversation;
mod engine;
mod file_streams;
mod files;
mod guest;
mod http;
mod link;
mod network;
mod output;
mod pipe;
mod random;
mod resolve;
mod tcp;
mod udp;

pub use clock::VirtualClock;
pub use engine::{
    ENGINE_LINKED, ENGINE_WIT, SCAN, Scanner, ScannerPre, Services, Verdict, link_engine,
};
pub use guest::{Denied, Doors, Ended, Guest, Remains, Setting};
pub use link::{LINKED, link};
pub use output::{LineSink, Outputs};
