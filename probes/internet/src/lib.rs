//! The fake internet: responders over byte streams, datagrams and parsed requests.
//!
//! Promises: every byte of a stream is recorded raw, below whatever parses it, *before* it is
//! passed on, in both directions, and likewise the plain text inside TLS; when the record refuses,
//! the connection is closed and the loss is said once; names, keys and certificates are functions of
//! the seed; memory per connection is constant; nothing that a component sends makes it panic.
//! It knows no operating system: sockets, devices and packets are the wire's business.
//!
//! Cannot see: plain text of TLS with a pinned key (the refusal is recorded), of any other
//! encryption, and QUIC (recorded, not answered). HTTP/2 is not spoken: a component that offers
//! nothing else gets no answer, but what it sends unasked is recorded. Trailers are recorded raw only.
#![forbid(unsafe_code)]

mod answer;
mod authority;
mod dialogue;
mod dns;
mod http;
mod internet;
mod ledger;
mod names;
mod opening;
mod rules;
mod seed;
mod tap;
mod tls;

pub use answer::{Answer, Exchange};
pub use internet::{
    DatagramEnd, Ending, Internet, InternetError, InternetPlan, SecretSink, StreamEnd,
};
pub use names::{RESOLVER_V4, RESOLVER_V6};
