//! Who did it. An actor is never a bare process number: numbers are used again.

use crate::{ByteString, Endpoint, Transport};
use serde::{Deserialize, Serialize};

/// A process for as long as it lives: its number in belljar's pid namespace and its start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessKey {
    /// Process number as the harness sees it (never the number inside the jar).
    pub pid: u32,
    /// Start time in clock ticks since boot (field 22 of `/proc/PID/stat`, proc(5)); 0 where it
    /// could not be read.
    pub start: u64,
}

/// A native process and the thread of it that acted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NativeActor {
    /// The process.
    pub process: ProcessKey,
    /// The thread (equal to the process number for the first thread).
    pub thread: u32,
    /// The executable, as a path inside the jar; empty where it could not be read.
    pub executable: ByteString,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// A process in a namespace jar.
    Native(NativeActor),
    /// A WebAssembly instance.
    Wasm {
        /// Instance, counted from 0 within the run.
        instance: u32,
        /// The exported function that was called from outside.
        export: String,
        /// Guest functions, innermost first.
        frames: Vec<String>,
    },
    /// Something inside a virtual machine that is not told apart further.
    Guest {
        /// What the guest says of itself.
        label: String,
    },
    /// The kernel of itself (router solicitations, retransmissions, …).
    Kernel,
    /// belljar itself.
    Belljar,
    /// Nobody could be named; the reason is kept.
    Unknown {
        /// Why not.
        reason: String,
    },
}

impl Actor {
    /// The process, for a native actor.
    pub fn process(&self) -> Option<ProcessKey> {
        match self {
            Self::Native(native) => Some(native.process),
            _ => None,
        }
    }

    /// An actor that could not be named.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown { reason: reason.into() }
    }
}

/// How far an attribution can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// The actor was held still by the kernel while it was identified.
    Held,
    /// Two independent sources agree.
    Confirmed,
    /// One source, read after or beside the act.
    Observed,
    /// Inferred from what else is known (same socket, same parent).
    Inferred,
}

/// Names the process behind a thread number while a request of it is held by the kernel.
///
/// The world's doors call this for each request. It must return at once and never block on the
/// component: a door that waited for attribution could deadlock with it.
pub trait Identify: Send + Sync + std::fmt::Debug {
    /// Who the thread `tid` (in belljar's pid namespace) is.
    fn identify(&self, tid: u32) -> Actor;
}

/// Who is behind a conversation, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// Who.
    pub actor: Actor,
    /// Where it comes from (`seccomp connect`, `sock_diag`, …).
    pub source: String,
    /// How far it can be relied on.
    pub confidence: Confidence,
}

/// Names the process behind a conversation. The wire asks when it sees the first packet.
pub trait AttributeFlow: Send + Sync + std::fmt::Debug {
    /// Who sends from `local` to `remote`. Must return at once.
    fn attribute(&self, transport: Transport, local: Endpoint, remote: Endpoint) -> Attribution;
}
