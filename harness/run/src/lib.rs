//! One run: from a plan to an evidence bundle.
//!
//! Promises: a run is a function of its plan (and the host); no component is started before its
//! jar was looked at from inside; whatever happens, everything in the jar is dead and nothing stays
//! mounted when [`run`] returns; a bundle that is not complete says so.
//!
//! Cannot see: anything itself. It wires planting, jar, doors, stimulus and conclusion together.
#![forbid(unsafe_code)]

mod captured;
mod conclude;
mod conduct;
mod error;
mod events;
mod jar_plan;
mod output;
mod page;
mod planting;
mod programs;
mod replanted;
mod run;
mod stimulus;
mod stop;
mod wasm;

pub use captured::{
    CommonFiles, DecoysRow, FoundRow, InputRow, LostRow, TraceError, TraceReport, TraceRequest,
    trace,
};
pub use error::RunError;
pub use events::{EventSink, Phase, RunEvent};
pub use page::{command, page, redact};
pub use planting::PlantingError;
pub use replanted::Replanted;
pub use run::{Ended, VERSION, run};
pub use stop::Stop;
