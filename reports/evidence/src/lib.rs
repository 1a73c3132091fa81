//! The bundle: a folder that holds one run's evidence, and the means to check it without trusting
//! whoever made it.
//!
//! Promises: [`conclude`] goes from record, payloads and decoys to a verdict, and is the one way
//! there is, for the run and for [`verify`]; a [`BundleWriter`] marks a bundle partial from its
//! first moment until [`BundleWriter::finish`]; [`verify`] checks every digest and length, the
//! numbering of the record, and derives the verdict again from the bundle alone; [`explain`] replays
//! one finding, step by step.
//!
//! Cannot see: whether a bundle was made up as a whole. Somebody who changes record, payloads,
//! verdict and digests together, in agreement, is found out only by a signature, by the original
//! digest of `bundle.json`, or by running the plan again.
#![forbid(unsafe_code)]

mod bundle;
mod conclude;
mod excerpt;
mod explain;
mod kept;
mod redact;
mod repeated;
mod schemas;
mod verify;
mod writer;

pub use bundle::{
    Bundle, BundleError, BundleManifest, BundleState, FileEntry, Redaction, holds, read_manifest,
    read_plan,
};
pub use conclude::conclude;
pub use conclude::{
    ConcludeError, ConcludeInput, Concluded, PlantedSource, distinctive_name, needles, read_ranges,
    targets,
};
pub use excerpt::{Excerpt, excerpts};
pub use explain::{
    Compared, DecoyShown, Excerpted, ExplainError, Explanation, PayloadShown, StepShown, explain,
};
pub use kept::{FileSource, Kept, KeptDecoy, KeptPart};
pub use redact::redact;
pub use repeated::Repeated;
pub use schemas::{bundle_schema, record_schema, verdict_schema};
pub use verify::{Difference, VerifyReport, verify};
pub use writer::BundleWriter;

/// Names of the files of a bundle.
pub mod names {
    /// What the bundle holds, with digests, and its state.
    pub const BUNDLE: &str = "bundle.json";
    /// The verdict.
    pub const VERDICT: &str = "verdict.json";
    /// The record, one observation a line.
    pub const RECORD: &str = "record.jsonl";
    /// The packets, with their TLS secrets.
    pub const CAPTURE: &str = "capture.pcapng";
    /// What left and what was answered, by digest.
    pub const PAYLOADS: &str = "payloads";
    /// The manifest of the plant.
    pub const DECOYS: &str = "decoys.json";
    /// The plan.
    pub const PLAN: &str = "plan.json";
    /// The page for people.
    pub const REPORT: &str = "report.html";
    /// What a redacted bundle carries over from the original.
    pub const CARRIED: &str = "carried.json";
    /// Bytes of the decoys that traces were found of, by digest.
    pub const KEPT: &str = "decoys";
}
