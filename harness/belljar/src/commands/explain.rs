//! `belljar explain`: a finding replayed from its bundle.

use crate::cli::{ExplainArgs, ExplainFormat};
use crate::exit::Exit;
use crate::problem::Problem;
use belljar_evidence::Bundle;
use std::io::Write as _;

/// Replays a finding and prints each step.
pub(crate) fn explain(args: &ExplainArgs) -> Result<Exit, Problem> {
    let bundle = Bundle::open(&args.bundle)?;
    let plan = bundle.plan()?;
    let again = belljar_run::Replanted::new(&plan);
    let told = belljar_evidence::explain(&bundle, &args.finding, usize::from(args.bytes), &|id| {
        again.decoy(id)
    })?;
    let text = match args.format {
        ExplainFormat::Text => belljar_render::explained(&told),
        ExplainFormat::Json => {
            let json = serde_json::to_string_pretty(&told);
            json.map_err(|error| Problem::Print(error.into()))? + "\n"
        }
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(Problem::Print)?;
    Ok(if told.holds { Exit::Pass } else { Exit::Fail })
}
