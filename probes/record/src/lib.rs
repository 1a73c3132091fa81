//! The record: what the probes saw, in the words that every later stage uses.
//!
//! Promises: everything that a probe sees becomes an [`Observation`], appended to the [`Log`]
//! *before* the probe answers the component (record before serve); whatever could not be kept is
//! counted in [`Coverage`]; names and paths are bytes; nobody is a bare process number ([`Actor`]).
//!
//! Cannot see: anything. This crate knows no operating system and opens no door; it only keeps what
//! the doors hand to it.
#![forbid(unsafe_code)]

mod actor;
mod bytes;
mod coverage;
mod flow;
mod ids;
mod log;
mod observation;
mod payload;
mod source;

pub use actor::{Actor, AttributeFlow, Attribution, Confidence, Identify, NativeActor, ProcessKey};
pub use bytes::ByteString;
pub use coverage::{Coverage, CoverageRow, Dimension, Extent};
pub use flow::{Direction, Endpoint, Flow, Layer, Protocol, Transport};
pub use ids::{DecoyId, FlowId, HandleId, NodeId, Seq, Sha256Hex, StepId};
pub use log::{Clock, Log, LogFull, Moment, ReadError, SteadyClock, flush_interval, read_log};
pub use observation::{
    Change, Event, FileAct, FileEvent, Isolation, IsolationCheck, Observation, Precision, Program,
    RefusalKind, Served, StepEnd, Tell, TlsOutcome,
};
pub use payload::{PayloadRef, Payloads, StoreError, StreamWriter};
pub use source::{BytesSource, DecoySource, Part, PartKind};
