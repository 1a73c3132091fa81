//! Pages and summaries: a verdict in words.
//!
//! Promises: [`html`] gives one file that opens offline, asks for nothing, runs no script, prints
//! on A4 and stays under two megabytes however long the run was; [`text_summary`] gives what one
//! reads in ten seconds on a terminal. Both say the same, from the same [`lines`]. Names that come
//! from the component or its files are shown with control and direction characters made visible.
//!
//! Cannot see: the record. What the verdict counts and does not list, the page can only count.
//! `json` is `verdict.json` itself.
#![forbid(unsafe_code)]

mod dump;
mod explained;
mod lines;
mod page;
mod picture;
mod shown;
mod text;

pub use explained::explained;
pub use lines::{Line, Mark, lines};
pub use page::{HtmlInput, RenderError, html};
pub use shown::shown;
pub use text::text_summary;
