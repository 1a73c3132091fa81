//! The wire: the component's only way out.
//!
//! Promises: every packet that the component's device gives is written to the capture *before* it
//! is answered or passed on; what cannot be recorded is not passed on; whatever is dropped anywhere
//! is counted and told in the record. TCP goes on to belljar's own kernel, which answers for every
//! address and port; datagrams and pings are answered here. Every payload byte is in a stream, a
//! datagram or packet series, or a named remainder. Nothing is sent to any real network: the wire
//! has two devices in made namespaces, and no other socket.
//!
//! Cannot see: what the component's kernel drops before its device (full queue: counted), or sends
//! by another device (the sandbox checks that there is none); what headers carry (they are in the
//! capture, in no payload), but for hop limits and the component's ports in a series (`headers`); what [`LinkWatch`](belljar_sys::net::LinkWatch) cannot count once the
//! component moved its device; a TCP segment refused by the answering kernel for its
//! acknowledgement or timestamp and sent again with other bytes (in the capture only).
#![forbid(unsafe_code)]

mod accept;
mod answer;
mod capture;
mod ends;
mod flows;
mod fragments;
#[cfg(test)]
mod fuzz;
mod headers;
mod inward;
mod keeper;
mod link;
mod loopback;
mod losses;
mod outward;
mod queue;
mod responders;
mod track;
mod wire;

pub use capture::{Capture, CaptureError, Interface};
pub use link::{LONGEST_FRAME, Link, Offload, Pair, Tun};
pub use responders::{Known, Responders, SecretSink};
pub use wire::{Wire, WireDevices, WireEnd, WireError, WireLimits};
