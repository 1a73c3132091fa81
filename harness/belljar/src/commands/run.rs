//! `belljar run`: one run, from scenario and component to verdict and bundle.

use crate::cli::{RunArgs, RunFormat};
use crate::exit::Exit;
use crate::files;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::seed::seed_for;
use crate::signals;
use belljar_judge::Verdict;
use belljar_run::{Stop, run as conduct};
use belljar_schema::{ComponentFile, ResolveOptions, resolve};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Runs a component.
pub(crate) fn run(args: &RunArgs) -> Result<Exit, Problem> {
    let scenario = files::scenario(&args.scenario)?;
    let component = if args.cmd.is_empty() {
        files::component(args.component.as_deref().unwrap_or(files::DEFAULT_COMPONENT))?
    } else {
        ComponentFile::ad_hoc(&args.cmd)?
    };
    let options = ResolveOptions {
        profile: Some(args.profile.clone()),
        seed: seed_for(args.seed, scenario.seed()),
        beside: beside()?,
    };
    let plan = resolve(&scenario, &component, &options)?;
    let folder =
        args.out.clone().unwrap_or_else(|| free_folder(&plan.scenario.name, &plan.component.name));

    // Before any other thread starts, so that all of them leave the signals to one.
    let stop = Stop::default();
    signals::ask_to_stop(stop.clone());
    let progress = Progress::start();
    let ended = conduct(&plan, &folder, &|event| progress.take(&event), &stop);
    progress.end();
    let ended = ended?;

    let width = terminal_width();
    eprint!("{}", belljar_render::text_summary(&ended.verdict, width));
    eprintln!("\nEvidence: {}", ended.bundle.display());
    if args.format == RunFormat::Json {
        print_json(&ended.verdict)?;
    }
    Ok(ended.verdict.verdict.into())
}

/// Prints a verdict on standard output, in the form of `verdict.json`.
pub(crate) fn print_json(verdict: &Verdict) -> Result<(), Problem> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, verdict)
        .map_err(|error| Problem::Print(error.into()))?;
    out.write_all(b"\n").map_err(Problem::Print)
}

/// The folder of this executable: reference components lie there, too.
pub(crate) fn beside() -> Result<PathBuf, Problem> {
    let executable = std::env::current_exe().map_err(Problem::Beside)?;
    Ok(executable.parent().unwrap_or(Path::new("/")).to_owned())
}

/// The first folder of this name that is not there yet.
fn free_folder(scenario: &str, component: &str) -> PathBuf {
    let mut number = 1_u32;
    loop {
        let folder = PathBuf::from(format!("belljar-run-{scenario}-{component}-{number}"));
        if folder.symlink_metadata().is_err() || number == u32::MAX {
            return folder;
        }
        number += 1;
    }
}

/// Columns of the terminal on standard error, within what reads well; 80 where there is none.
pub(crate) fn terminal_width() -> usize {
    let (_, columns) = console::Term::stderr().size_checked().unwrap_or((24, 80));
    usize::from(columns).clamp(60, 100)
}
