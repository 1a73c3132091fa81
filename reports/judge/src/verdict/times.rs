//! When things happened. All of it is volatile.

use super::Listing;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When things happened. All of it is volatile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Timeline {
    /// Nanoseconds that one column stands for.
    pub column: u64,
    /// The columns.
    pub columns: Vec<TimeColumn>,
    /// What stands out, in order.
    pub marks: Listing<TimeMark>,
}

/// One column of the timeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TimeColumn {
    /// Reads of decoys within the task.
    pub reads: u64,
    /// Reads of decoys beyond it.
    pub beyond: u64,
    /// Changes to the world.
    pub writes: u64,
    /// Conversations begun and requests answered.
    pub sends: u64,
    /// Bytes of the bodies of the requests.
    pub sent_bytes: u64,
}

/// Something that stands out in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TimeMark {
    /// When, nanoseconds since the run began.
    pub at: u64,
    /// What kind.
    pub kind: MarkKind,
    /// In words.
    pub text: String,
}

/// Kinds of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// A step began or ended.
    Step,
    /// The component had said what it detected by now.
    Detection,
    /// A file that holds a sample was read.
    Sample,
    /// A decoy was first read outside the task.
    Beyond,
    /// A request was answered.
    Send,
    /// A limit, an interruption.
    Limit,
}
