//! Why a benchmark could not be measured.

use belljar_leaks::LoadError;
use belljar_run::RunError;
use std::path::PathBuf;

/// Why a benchmark could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A sealed set cannot be used.
    #[error(transparent)]
    Cases(#[from] LoadError),
    /// The scenario of the benchmark, or of a sealed set, is not right.
    #[error("the benchmark's scenario: {0}")]
    Scenario(#[from] belljar_schema::FileError),
    /// A scenario file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The world cannot be planted.
    #[error("cannot plant the benchmark's world: {0}")]
    Plant(#[from] belljar_plant::PlantError),
    /// A run came to no verdict.
    #[error("a run of the benchmark: {0}")]
    Run(#[from] RunError),
    /// A case names a decoy that is not planted, or a place that it does not have.
    #[error("case {id}: {detail}")]
    Case {
        /// Which.
        id: String,
        /// What is wrong.
        detail: String,
    },
    /// A folder for the runs cannot be made.
    #[error("cannot make a folder for the runs: {0}")]
    Folder(std::io::Error),
    /// The decoys cannot be indexed.
    #[error("the decoys cannot be indexed: {0}")]
    Index(#[from] belljar_trace::IndexError),
    /// Nothing is left to be measured.
    #[error("no case was drawn")]
    Nothing,
    /// A thread of the benchmark ended in an error of its own.
    #[error("a worker of the benchmark failed")]
    Worker,
}
