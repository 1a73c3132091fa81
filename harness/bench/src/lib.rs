//! The leak benchmark: cases are carried out in jars by one reference component, many cases a run,
//! and what belljar concludes is held against the truth that each case declares.
//!
//! Promises: no case is scored that was not carried out (those are counted as *failed to run*); what
//! cannot be found is counted as missed like everything else; rivals look at the same captures.
//! Cannot see: whether the component's declared truth is the truth. It is small enough to be read.
#![forbid(unsafe_code)]

mod batch;
mod error;
mod leaks;
mod ranges;
mod rivals;
mod score;
mod table;
mod tally;
mod traffic;

pub use error::BenchError;
pub use leaks::{Advance, Kinds, LeaksOptions, leaks};
pub use rivals::Rivals;
pub use score::{Attribution, Finding, Result as CaseResult, Seen};
pub use table::text;
pub use tally::{AxisRow, LeaksReport, Named, Share};
pub use traffic::{TrafficReport, traffic};
