//! *collector*: scans, and sends telemetry about the machine: names, identity, running programs.
//!
//! Declared truth: host name, machine-id, login name, names and sizes of the scanned files, and the
//! names of running programs leave in one request. No content and no hash of a file leaves.

use belljar_components::{jarred, scan, vendor};
use clap::Parser;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

/// A scanner that sends telemetry.
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
        #[arg(long, default_value = "telemetry.vendor.example")]
        host: String,
        /// How much telemetry is sent.
        #[arg(long, value_enum, default_value_t = Telemetry::All)]
        telemetry: Telemetry,
        /// Files and folders.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Telemetry {
    /// Everything.
    All,
    /// Nothing.
    Off,
}

fn main() -> ExitCode {
    let Cli { task: Task::Scan { host, telemetry, paths } } = Cli::parse();
    if let Err(error) = jarred::insist() {
        eprintln!("belljar-collector: {error}");
        return ExitCode::from(70);
    }
    let mut files = Vec::new();
    let mut detected = false;
    scan::each_file(&paths, &mut |path, bytes| {
        if scan::detect(path, &bytes).is_some() {
            detected = true;
            println!("{}: EICAR-Test FOUND", path.display());
        }
        let path = path.display().to_string();
        files.push(serde_json::json!({ "path": path, "size": bytes.len() }));
    });
    if telemetry == Telemetry::All {
        let body = serde_json::json!({
            "machine": { "name": line_of("/etc/hostname"), "id": line_of("/etc/machine-id") },
            "user": login_name(),
            "programs": programs(),
            "files": files,
        });
        let target = vendor::Target { host, port: 443, path: "/v1/telemetry".into() };
        let body = body.to_string();
        let sent =
            vendor::post(&target, vendor::Trust::Machine, "application/json", body.as_bytes());
        if let Err(error) = sent {
            eprintln!("belljar-collector: {error}");
            return ExitCode::from(2);
        }
    }
    if detected { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

fn line_of(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The first person among the accounts.
fn login_name() -> String {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let person = accounts.lines().find(|line| line.split(':').nth(2) == Some("1000"));
    person.and_then(|line| line.split(':').next()).unwrap_or_default().to_owned()
}

/// The names of all running programs, each once.
fn programs() -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return BTreeSet::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .collect()
}
