//! `belljar bench`: how much of what leaves is found, measured on cases with a declared truth.

use crate::cli::{BenchFormat, BenchKind, BenchLeaksArgs, BenchTrafficArgs};
use crate::commands::run::beside;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::seed::seed_for;
use crate::signals;
use belljar_bench::{Kinds, LeaksOptions, text};
use belljar_run::Stop;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write as _;

/// Runs the leak benchmark. Its figures are the result: the code says only whether it was measured.
pub(crate) fn leaks(args: &BenchLeaksArgs) -> Result<Exit, Problem> {
    let seed = seed_for(args.seed, None);
    let stop = Stop::default();
    signals::ask_to_stop(stop.clone());
    let options = LeaksOptions {
        share: args.sample,
        seed,
        cases: args.cases.clone(),
        beside: beside()?,
        jobs: args.jobs,
        keep: args.keep.clone(),
        only: args.only.clone(),
        kind: match args.kind {
            BenchKind::Native => Kinds::Native,
            BenchKind::Wasm => Kinds::Wasm,
            BenchKind::Both => Kinds::Both,
        },
    };
    let bar = bar();
    let measured = belljar_bench::leaks(
        &options,
        &|advance| {
            bar.set_length(advance.of as u64);
            bar.set_position(advance.done as u64);
        },
        &stop,
    );
    bar.finish_and_clear();
    let report = measured?;
    match args.format {
        BenchFormat::Text => print(&text(&report)),
        BenchFormat::Json => {
            eprint!("{}", text(&report));
            print(&json(&report)?)
        }
    }
}

/// Looks for false findings in files of the host.
pub(crate) fn traffic(args: &BenchTrafficArgs) -> Result<Exit, Problem> {
    let bytes = args.mebibytes << 20;
    let bar = bar();
    bar.set_length(bytes);
    let report = belljar_bench::traffic(bytes, seed_for(args.seed, None), &|done| {
        bar.set_position(done);
    });
    bar.finish_and_clear();
    print(&json(&report?)?)
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{elapsed:>4}  {wide_bar} {pos} of {len}") {
        bar.set_style(style);
    }
    bar
}

fn json<T: serde::Serialize>(report: &T) -> Result<String, Problem> {
    let text = serde_json::to_string_pretty(report).map_err(|e| Problem::Print(e.into()))?;
    Ok(text + "\n")
}

fn print(text: &str) -> Result<Exit, Problem> {
    std::io::stdout().write_all(text.as_bytes()).map_err(Problem::Print)?;
    Ok(Exit::Pass)
}
