//! The programs that ran, and the calls that the jar refused.

use super::Who;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A program that ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProcessRow {
    /// Process number as the harness saw it. Volatile.
    pub pid: u32,
    /// Start time in clock ticks since boot. Volatile.
    pub start: u64,
    /// Its parent's number. Volatile.
    pub parent: Option<u32>,
    /// How deep in the tree it stands, from 0.
    pub depth: u32,
    /// The executable.
    pub program: String,
    /// The command line, as far as it was read.
    pub command: String,
    /// Exit code.
    pub code: Option<i32>,
    /// When first seen, nanoseconds since the run began. Volatile.
    pub at: u64,
}

/// A call that the jar refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RefusedRow {
    /// Which call.
    pub call: String,
    /// Its arguments, as far as they matter.
    pub detail: String,
    /// The error given.
    pub errno: String,
    /// Why it is refused, in words.
    pub why: String,
    /// How often.
    pub count: u64,
    /// Who (first).
    pub who: Who,
}

/// A call that passed by neither door and was let through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CallRow {
    /// Which call.
    pub call: String,
    /// With what, as far as it matters.
    pub detail: String,
    /// How often.
    pub count: u64,
    /// Who (first).
    pub who: Who,
}
