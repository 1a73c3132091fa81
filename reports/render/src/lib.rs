//! Pages and summaries: a verdict in words.
//!
//! Promises: [`html`] gives one file that opens offline, asks for nothing, is complete without its
//! small script, prints on A4 and stays under two megabytes however long the run was;
//! [`text_summary`] gives what one reads in ten seconds on a terminal, [`markdown`] what fits under a
//! change, [`junit`] and [`sarif`] what build servers read. All say the same, from the same [`lines`]. Names that come
//! from the component or its files are shown with control and direction characters made visible.
//!
//! Cannot see: the record. What the verdict counts and does not list, the page can only count.
//! `json` is `verdict.json` itself.
#![forbid(unsafe_code)]

mod dump;
mod explained;
mod junit;
mod lines;
mod markdown;
mod page;
mod picture;
mod sarif;
mod shown;
mod text;

pub use explained::explained;
pub use junit::junit;
pub use lines::{Evidence, Line, Mark, lines};
pub use markdown::{LONGEST, markdown};
pub use page::{HtmlInput, RenderError, html};
pub use sarif::sarif;
pub use shown::shown;
pub use text::text_summary;
