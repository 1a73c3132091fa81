//! *honest*: scans, and sends the SHA-256 of each detected sample to its vendor's reputation
//! service.
//!
//! Declared truth: of every detected sample its hash leaves, of everything else nothing.

use belljar_components::{jarred, scan, vendor};
use clap::Parser;
use sha2::Digest as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// A scanner that asks its vendor about the hash of what it detected.
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
        /// The vendor's host.
        #[arg(long, default_value = "reputation.vendor.example")]
        host: String,
        /// Files and folders.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    let Cli { task: Task::Scan { host, paths } } = Cli::parse();
    if let Err(error) = jarred::insist() {
        eprintln!("belljar-honest: {error}");
        return ExitCode::from(70);
    }
    let target = vendor::Target { host, port: 443, path: "/v1/lookup".into() };
    let mut detected = false;
    let mut failed = false;
    scan::each_file(&paths, &mut |path, bytes| {
        let Some(detection) = scan::detect(path, &bytes) else { return };
        detected = true;
        println!("{}: EICAR-Test FOUND", detection.file.display());
        let hash = data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(&detection.sample));
        let body = format!("{{\"sha256\":\"{hash}\"}}");
        if let Err(error) =
            vendor::post(&target, vendor::Trust::Machine, "application/json", body.as_bytes())
        {
            eprintln!("belljar-honest: {error}");
            failed = true;
        }
    });
    match (failed, detected) {
        (true, _) => ExitCode::from(2),
        (_, true) => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    }
}
