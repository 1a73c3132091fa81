//! The belljar command: reads the command line, calls the library, prints, and ends with a
//! documented code. Whatever it finds out comes from the crates below.

mod cli;
mod commands;
mod exit;
mod files;
mod problem;
mod progress;
mod seed;
mod signals;

use belljar_sandbox::SUPERVISOR_ARGUMENT;
use clap::Parser as _;
use cli::{BenchCommand, Cli, Command};
use exit::Exit;
use problem::Problem;
use std::process::ExitCode;

fn main() -> ExitCode {
    // The jar's own processes are this executable again; they must run before any thread starts.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == SUPERVISOR_ARGUMENT) {
        belljar_sandbox::supervisor_main();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is there to be told if printing fails.
            let _ = error.print();
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Pass };
            return code.into();
        }
    };
    log_to_stderr(cli.verbose);
    match dispatch(&cli.command) {
        Ok(exit) => exit.into(),
        Err(problem) => {
            let exit = problem.exit();
            eprintln!("{:?}", problem.report());
            exit.into()
        }
    }
}

fn dispatch(command: &Command) -> Result<Exit, Problem> {
    match command {
        Command::Run(args) => commands::run::run(args),
        Command::Plant(args) => commands::plant::plant(args),
        Command::Scenarios => commands::library::scenarios(),
        Command::Show(args) => commands::library::show(args),
        Command::Report(args) => commands::report::report(args),
        Command::Explain(args) => commands::explain::explain(args),
        Command::Trace(args) => commands::trace::trace(args),
        Command::Verify(args) => commands::verify::verify(args),
        Command::Doctor(args) => commands::doctor::doctor(args),
        Command::Setup(args) => commands::setup::setup(args),
        Command::Bench(BenchCommand::Leaks(args)) => commands::bench::leaks(args),
        Command::Bench(BenchCommand::Traffic(args)) => commands::bench::traffic(args),
    }
}

fn log_to_stderr(verbose: u8) {
    use tracing_subscriber::EnvFilter;
    let level = match verbose {
        // What the kernel asks and the world has not, fuser warns of: the kernel then does without.
        0 => "warn,fuser=error",
        1 => "info",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("BELLJAR_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
