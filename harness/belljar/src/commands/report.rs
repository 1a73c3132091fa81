//! `belljar report`: a bundle as a page, as text, as JSON.

use crate::cli::{ReportArgs, ReportFormat};
use crate::commands::run::{print_json, terminal_width};
use crate::exit::Exit;
use crate::problem::Problem;
use belljar_evidence::Bundle;
use std::io::Write as _;

/// Prints the report.
pub(crate) fn report(args: &ReportArgs) -> Result<Exit, Problem> {
    let bundle = Bundle::open(&args.bundle)?;
    let text = match args.format {
        ReportFormat::Json => {
            print_json(&bundle.verdict()?)?;
            return Ok(Exit::Pass);
        }
        ReportFormat::Text => belljar_render::text_summary(&bundle.verdict()?, terminal_width()),
        ReportFormat::Html => belljar_run::page(&bundle)?,
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(Problem::Print)?;
    Ok(Exit::Pass)
}
