//! How much of the run was seen, dimension by dimension.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One dimension of coverage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CoverageLine {
    /// Its name.
    pub dimension: String,
    /// The worst of its limits.
    pub extent: ExtentWord,
    /// Whether it bars a pass.
    pub bars_pass: bool,
    /// All limits.
    pub limits: Vec<LimitLine>,
}

/// How much of a dimension was seen.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ExtentWord {
    /// All.
    Whole,
    /// A limit known beforehand.
    Blind,
    /// Seen, not understood.
    Unreadable,
    /// Dropped.
    Lost,
    /// Not looked at.
    Absent,
}

/// One limit of a dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LimitLine {
    /// How.
    pub extent: ExtentWord,
    /// How many, where they can be counted.
    pub count: Option<u64>,
    /// Of what.
    pub unit: Option<String>,
    /// Why.
    pub reason: String,
}
