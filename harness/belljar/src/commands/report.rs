//! `belljar report`: a bundle as a page, as text, as JSON, as what forges and build servers read.

use crate::cli::{ReportArgs, ReportFormat};
use crate::commands::run::{print_json, terminal_width};
use crate::exit::Exit;
use crate::problem::Problem;
use belljar_evidence::Bundle;
use std::io::Write as _;

/// Prints the report.
pub(crate) fn report(args: &ReportArgs) -> Result<Exit, Problem> {
    let bundle = Bundle::open(&args.bundle)?;
    if let Some(folder) = &args.redact {
        let written = belljar_run::redact(&bundle, folder)?;
        eprintln!("For a third party: {}", written.display());
        return Ok(Exit::Pass);
    }
    let text = match args.format {
        ReportFormat::Json => {
            print_json(&bundle.verdict()?)?;
            return Ok(Exit::Pass);
        }
        ReportFormat::Text => {
            let summary = belljar_render::text_summary(&bundle.verdict()?, terminal_width());
            match bundle.manifest().redacted {
                None => summary,
                Some(_) => {
                    format!("Redacted; the seed is withheld and 0 stands for it.\n\n{summary}")
                }
            }
        }
        ReportFormat::Html => belljar_run::page(&bundle)?,
        ReportFormat::Markdown => {
            // The seed of a redacted bundle is withheld, so it cannot be repeated.
            let whole = bundle.manifest().redacted.is_none();
            let command = whole.then(|| bundle.plan()).transpose()?;
            let command = command.as_ref().map(belljar_run::command);
            belljar_render::markdown(&bundle.verdict()?, command.as_deref())
        }
        ReportFormat::Junit => belljar_render::junit(&bundle.verdict()?),
        ReportFormat::Sarif => belljar_render::sarif(&bundle.verdict()?),
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(Problem::Print)?;
    Ok(Exit::Pass)
}
