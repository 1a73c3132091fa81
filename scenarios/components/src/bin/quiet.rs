//! *quiet*: reads every file that it is asked to scan, finds nothing, sends nothing.
//!
//! Declared truth: nothing leaves. A run of it must be inconclusive: it did not do its work.

use belljar_components::{jarred, scan};
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// A scanner that finds nothing.
#[derive(Parser)]
struct Cli {
    /// What to do.
    #[command(subcommand)]
    task: Task,
}

#[derive(clap::Subcommand)]
enum Task {
    /// Scans files and folders.
    Scan {
        /// Files and folders.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    let Cli { task: Task::Scan { paths } } = Cli::parse();
    if let Err(error) = jarred::insist() {
        eprintln!("belljar-quiet: {error}");
        return ExitCode::from(70);
    }
    let mut files = 0_u64;
    scan::each_file(&paths, &mut |_, _| files += 1);
    println!("{files} files scanned, nothing found");
    ExitCode::SUCCESS
}
