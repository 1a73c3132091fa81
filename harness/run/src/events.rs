//! What happens during a run, as one stream. Terminal, JSON and tests are readers of it.

use belljar_record::{Isolation, StepEnd, StepId};
use belljar_schema::Step;
use std::path::PathBuf;

/// Phases of a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Decoys, identity and world are being made.
    Planting,
    /// Namespaces, devices and doors are being made.
    Starting,
    /// The doors are open; the jar is being checked from inside.
    Mounted,
    /// The component runs.
    Running,
    /// Traces, verdict and bundle are being made.
    Concluding,
}

impl Phase {
    /// Its name in the record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planting => "planting",
            Self::Starting => "starting",
            Self::Mounted => "mounted",
            Self::Running => "running",
            Self::Concluding => "concluding",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum RunEvent {
    /// A phase began.
    Phase(Phase),
    /// So much was planted.
    Planted {
        /// Decoys.
        decoys: usize,
        /// Their length together, in bytes.
        bytes: u64,
    },
    /// The jar was looked at from inside.
    Checked(Isolation),
    /// A step of the stimulus began.
    StepBegan {
        /// Which.
        id: StepId,
        /// Of how many.
        of: usize,
        /// The step.
        step: Step,
    },
    /// A step ended.
    StepEnded(StepEnd),
    /// The bundle is complete.
    Written {
        /// Where.
        bundle: PathBuf,
    },
}

/// A reader of the stream. Called from the run's own thread, in order.
pub type EventSink<'a> = &'a (dyn Fn(RunEvent) + Sync);
