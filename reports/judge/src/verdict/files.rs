//! What was read outside the task, and what was changed.

use super::{Listing, Who};
use belljar_schema::DataItem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Reads {
    /// Reads by the component.
    pub count: u64,
    /// Bytes given to it.
    pub bytes: u64,
    /// Reads that are known to the page only.
    pub page_granular: u64,
    /// Different decoys read within the task.
    pub within: u64,
    /// Different decoys that lie within the task.
    pub within_planted: u64,
    /// Decoys read outside the task, and identity files.
    pub beyond: Listing<ReadRow>,
    /// Decoys opened, listed or looked at outside the task, but not read.
    pub touched_beyond: Listing<TouchRow>,
    /// Files of the world that are no decoys, read outside the task.
    pub others_beyond: Listing<TouchRow>,
    /// Directories listed.
    pub listed: u64,
    /// Names looked for that are not there.
    pub missed: u64,
}

/// A decoy that was read outside the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ReadRow {
    /// Path.
    pub path: String,
    /// Its id in the manifest, if it is a decoy.
    pub decoy: Option<u32>,
    /// Which item it belongs to.
    pub item: DataItem,
    /// Whether it is one of the few files that nearly every program reads (`/etc/passwd`, …).
    pub everyday: bool,
    /// Protective marking.
    pub marking: Option<String>,
    /// Who read it.
    pub who: Vec<Who>,
    /// How often.
    pub reads: u64,
    /// Bytes given (counted as often as they were read).
    pub bytes: u64,
    /// Whether some reads are known to the page only.
    pub page_granular: bool,
    /// Whether the policy allows it.
    pub allowed: bool,
    /// First line of the record. Volatile.
    pub seq: u64,
    /// When first, nanoseconds since the run began. Volatile.
    pub at: u64,
}

/// A file that was only looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TouchRow {
    /// Path.
    pub path: String,
    /// How often.
    pub count: u64,
    /// Bytes read of it.
    pub bytes: u64,
    /// First line of the record. Volatile.
    pub seq: u64,
}

/// What was changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Writes {
    /// Changes to the world of decoys.
    pub world: Listing<WorldWriteRow>,
    /// What it left in the rest of the machine.
    pub system: Listing<SystemChangeRow>,
    /// Bytes written to the world.
    pub bytes: u64,
}

/// A file of the world that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct WorldWriteRow {
    /// Path.
    pub path: String,
    /// Its id in the manifest, if it is a decoy.
    pub decoy: Option<u32>,
    /// What was done, in words, in order of first appearance.
    pub acts: Vec<String>,
    /// How many acts.
    pub count: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Who (first).
    pub who: Who,
    /// First line of the record. Volatile.
    pub seq: u64,
}

/// A change outside the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SystemChangeRow {
    /// Path inside the jar.
    pub path: String,
    /// How, in words.
    pub change: String,
    /// Length afterwards.
    pub len: u64,
    /// Whether it lies in a place that the component keeps state in.
    pub own: bool,
    /// Line of the record. Volatile.
    pub seq: u64,
}
