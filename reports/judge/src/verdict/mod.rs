//! The verdict: the words of `verdict.json`. Plain data; every list is bounded and says how much
//! more there was, the record being the full source.
//!
//! Field names are kebab-case and stable within one `schema-version`; new fields may be added.

mod asked;
mod calls;
mod coverage;
mod egress;
mod files;
mod items;
mod times;

pub use asked::*;
pub use calls::*;
pub use coverage::*;
pub use egress::*;
pub use files::*;
pub use items::*;
pub use times::*;

use crate::Ceiling;
use crate::finding::{Finding, TraceRow};
use belljar_schema::Policy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the form of `verdict.json`. It grows when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// What is concluded.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing against the policy was found, everything was seen, and the component did its work.
    Pass,
    /// Neither a pass nor a fail can be said.
    Inconclusive,
    /// Something against the policy was found.
    Fail,
}

impl Outcome {
    /// The word as written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// The conclusion of one run, with all that it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Verdict {
    /// Version of this form.
    pub schema_version: u32,
    /// Version of belljar that concluded.
    pub belljar: String,
    /// The seed of the plant.
    pub seed: u64,
    /// SHA-256 of `plan.json` (compact JSON of the plan).
    pub plan_sha256: String,
    /// The overall outcome.
    pub verdict: Outcome,
    /// The verdict in one sentence.
    pub sentence: String,
    /// Why it is not a pass, the weightiest first; empty for a pass.
    pub reasons: Vec<Reason>,
    /// What was run.
    pub component: ComponentRow,
    /// In which scenario.
    pub scenario: ScenarioRow,
    /// By which policy.
    pub policy: Policy,
    /// Whether it did its work.
    pub exercise: Exercise,
    /// What was seen and what was not, every dimension.
    pub coverage: Vec<CoverageLine>,
    /// The data items, every row of the table.
    pub items: Vec<ItemRow>,
    /// Findings, violations first.
    pub findings: Vec<Finding>,
    /// How much the rest of what left could have carried.
    pub ceiling: Ceiling,
    /// What was read.
    pub reads: Reads,
    /// What was changed.
    pub writes: Writes,
    /// What left, a conversation a row.
    pub egress: Egress,
    /// Decoy bytes found in what left.
    pub traces: Listing<TraceRow>,
    /// The programs that ran.
    pub processes: Listing<ProcessRow>,
    /// Calls that the jar refused.
    pub refused: Listing<RefusedRow>,
    /// Calls that the jar let pass and that hand memory or descriptors on inside it.
    #[serde(default)]
    pub allowed: Listing<CallRow>,
    /// What a guest asked of its host beside files and network (clock, randomness, arguments).
    #[serde(default)]
    pub imports: Listing<CallRow>,
    /// Looks at what gives the jar away.
    #[serde(default)]
    pub looked: Listing<CallRow>,
    /// When things happened.
    pub timeline: Timeline,
}

/// A bounded list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Listing<T> {
    /// The first rows.
    pub rows: Vec<T>,
    /// How many rows there are beyond these.
    pub more: u64,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), more: 0 }
    }
}

impl<T> Listing<T> {
    /// Keeps the first `cap` of `rows`, and counts the rest on top of `more`.
    pub fn capped(mut rows: Vec<T>, cap: usize, more: u64) -> Self {
        let over = rows.len().saturating_sub(cap) as u64;
        rows.truncate(cap);
        Self { rows, more: more + over }
    }

    /// Adds a row, or counts it once `cap` rows are kept.
    pub fn push(&mut self, row: T, cap: usize) {
        if self.rows.len() < cap {
            self.rows.push(row);
        } else {
            self.more += 1;
        }
    }

    /// How many there are in all.
    pub fn total(&self) -> u64 {
        self.rows.len() as u64 + self.more
    }
}

/// Why the verdict is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Reason {
    /// What it makes of the verdict.
    pub makes: Outcome,
    /// Which part of the verdict it comes from.
    pub from: ReasonFrom,
    /// In words.
    pub text: String,
}

/// Where a reason comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonFrom {
    /// A finding against the policy.
    Finding,
    /// The component did not do its work.
    Exercise,
    /// Something was lost, unreadable or absent.
    Coverage,
    /// The policy is strict and something is unexplained.
    Unexplained,
    /// The jar could not be shown to hold.
    Isolation,
}

/// Who did something.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub struct Who {
    /// The executable inside the jar, or what stands for it, in words.
    pub program: String,
    /// Process number as the harness saw it. Volatile.
    pub pid: Option<u32>,
    /// Start time of the process in clock ticks since boot. Volatile.
    pub start: Option<u64>,
}
