//! What was run, in which scenario, and whether it did what it was asked.

use super::Listing;
use crate::JarKind;
use belljar_schema::DataItem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ComponentRow {
    /// Name.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Version as the vendor writes it.
    pub version: String,
    /// Country of the vendor.
    pub country: Option<String>,
    /// Profile.
    pub profile: String,
    /// In which kind of jar it ran.
    pub jar: JarKind,
    /// The programs of it, by path and digest as measured on the host before the start.
    pub programs: Vec<ProgramFile>,
    /// What the vendor declares that it sends, in words.
    pub declares: Vec<DeclaredRow>,
    /// Others that get data from it, as declared.
    pub third_parties: Vec<String>,
}

/// A program file of the component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProgramFile {
    /// Path inside the jar.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// Something that the vendor declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DeclaredRow {
    /// What.
    pub item: DataItem,
    /// To whom.
    pub to: String,
    /// Whether it was seen to be sent there.
    pub seen: bool,
}

/// In which scenario it was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ScenarioRow {
    /// Name.
    pub name: String,
    /// The question it asks.
    pub question: String,
    /// What the component was asked to scan.
    pub scan: Vec<String>,
    /// How many decoys were planted.
    pub decoys: u64,
    /// Bytes of all decoys.
    pub bytes: u64,
    /// How many decoys are, or hold, a sample.
    pub samples: u64,
    /// The steps that were to be done, by name.
    pub steps: Vec<StepRow>,
}

/// One step and how it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct StepRow {
    /// Name.
    pub name: String,
    /// The command line, as people type it; empty for steps without one.
    pub command: String,
    /// When it began, nanoseconds since the run began; absent if it never did. Volatile.
    pub began: Option<u64>,
    /// How long it took, in milliseconds; absent if it never ended. Volatile.
    pub millis: Option<u64>,
    /// Exit code.
    pub code: Option<i32>,
    /// What it said it detected.
    pub detections: Listing<String>,
}

/// Whether the component did its work.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Exercise {
    /// Whether everything that was asked of it was got.
    pub done: bool,
    /// Each thing that was asked.
    pub checks: Vec<ExerciseCheck>,
    /// Different decoys read.
    pub decoys_read: u64,
    /// Planted samples that were to be detected.
    pub detections_wanted: u64,
    /// How many of them were.
    pub detections_found: u64,
    /// Requests that a rule of the scenario answered.
    pub vendor_answers: u64,
}

/// One thing that was asked of the component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ExerciseCheck {
    /// In which step; empty for the whole run.
    pub step: String,
    /// What was asked.
    pub what: ExerciseKind,
    /// What was wanted, in words.
    pub wanted: String,
    /// What was got, in words.
    pub got: String,
    /// Whether that is enough.
    pub met: bool,
}

/// Kinds of things that are asked of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExerciseKind {
    /// To run to its end.
    Ended,
    /// To end with a certain code.
    ExitCode,
    /// To detect planted samples.
    Detections,
    /// To read decoys.
    DecoysRead,
    /// To be answered by its vendor.
    VendorAnswered,
    /// To stay within the limits.
    Limits,
    /// Anything else that the runner did not get.
    Other,
    /// To be asked for anything at all.
    Asked,
}
