//! The command line as typed. Help texts are written here; what is not built is not shown.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Runs an antivirus-like component among planted files and a fake internet, and says, with
/// evidence that others can check, what it read and what it tried to send.
#[derive(Debug, Parser)]
#[command(name = "belljar", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Say more on standard error (twice: everything).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

const EXIT_CODES: &str = "Exit codes: 0 pass · 1 fail (a finding against the policy) · 2 usage, or \
a bad scenario or component file · 3 inconclusive · 4 belljar or the host failed · 130 interrupted";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a component in the jar and judge it
    Run(RunArgs),
    /// Write the world of a scenario to a folder
    Plant(PlantArgs),
    /// List the scenarios and components that come with belljar
    Scenarios,
    /// Print a scenario file (or a component file)
    Show(ShowArgs),
    /// Print the report of a bundle
    Report(ReportArgs),
    /// Replay a finding of a bundle: each decoding, and the bytes next to the decoy's
    Explain(ExplainArgs),
    /// Look for decoys in captures, HAR archives or files of your own
    Trace(TraceArgs),
    /// Check a bundle: every hash, and the verdict derived anew
    Verify(VerifyArgs),
    /// Try what this host can do for belljar, and say what to do about the rest
    Doctor(DoctorArgs),
    /// Give this host, once and as root, what belljar needs to run without root
    Setup(SetupArgs),
    /// Measure how much of what leaves is found
    #[command(subcommand)]
    Bench(BenchCommand),
}

/// `belljar run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A scenario file, or the name of one in the library (see `belljar scenarios`)
    pub(crate) scenario: String,
    /// A component file, or the name of one that comes with belljar [default: overreach]
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<String>,
    /// Profile of the component
    #[arg(long, default_value = "default")]
    pub(crate) profile: String,
    /// Seed of the plant [default: the scenario's, else a fresh one]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Folder for the evidence bundle; must not exist [default: belljar-run-SCENARIO-COMPONENT-N]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = RunFormat::Text)]
    pub(crate) format: RunFormat,
    /// Run this installed program instead of a component file; `{scan}` stands for the paths to scan
    #[arg(last = true, value_name = "CMD", conflicts_with = "component")]
    pub(crate) cmd: Vec<String>,
}

/// What `run` prints on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunFormat {
    /// Nothing: the summary for people goes to standard error
    Text,
    /// The verdict as JSON
    Json,
}

/// `belljar plant`.
#[derive(Debug, Args)]
pub(crate) struct PlantArgs {
    /// Folder to write to; must be empty or not exist
    pub(crate) dir: PathBuf,
    /// A scenario file, or the name of one in the library
    #[arg(long)]
    pub(crate) scenario: String,
    /// Seed of the plant [default: the scenario's, else a fresh one]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

/// `belljar show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Name of a scenario or component that comes with belljar, or a file
    pub(crate) name: String,
}

/// `belljar report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    /// How
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
    /// Write a bundle for a third party to this folder instead: what left and who the planted
    /// person is are masked, and it still verifies
    #[arg(long, value_name = "DIR", conflicts_with = "format")]
    pub(crate) redact: Option<PathBuf>,
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// The summary for people
    Text,
    /// The verdict as JSON
    Json,
    /// The page, made anew
    Html,
    /// A comment for a change: what the first page says, the rest folded
    Markdown,
    /// JUnit XML: a test case an item, a step asked for, a dimension of coverage
    Junit,
    /// SARIF 2.1.0: a result a finding
    Sarif,
}

/// `belljar explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    /// The finding (`F1`), or one of the traces that it rests on (`T1`)
    pub(crate) finding: String,
    /// Bytes that are shown of each comparison (all are compared)
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub(crate) bytes: u16,
    /// How
    #[arg(long, value_enum, default_value_t = ExplainFormat::Text)]
    pub(crate) format: ExplainFormat,
}

/// How an explanation is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// For people
    Text,
    /// As JSON
    Json,
}

/// `belljar trace`.
#[derive(Debug, Args)]
#[command(after_help = TRACE_CODES)]
pub(crate) struct TraceArgs {
    /// What is looked for: the decoys.json of a bundle (they are planted again by its seed; with the
    /// record beside it, what was read is known) or a folder with decoys of your own
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) decoys: PathBuf,
    /// The scenario of the manifest, where its plan.json does not lie beside it: a file, or the name
    /// of one in the library [default: that of the manifest's name]
    #[arg(long, value_name = "SCENARIO")]
    pub(crate) scenario: Option<String>,
    /// A folder of files that say nothing (templates, program files): what decoys share with them
    /// is no trace
    #[arg(long, value_name = "DIR")]
    pub(crate) common: Vec<PathBuf>,
    /// A TLS key log (SSLKEYLOGFILE), beside those inside a pcapng
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Vec<PathBuf>,
    /// Address of the machine under test: only what it sent is traced [default: what the capture
    /// says of each packet, else both ways]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) machine: Vec<std::net::IpAddr>,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = TraceFormat::Text)]
    pub(crate) format: TraceFormat,
    /// pcap, pcapng or HAR files, any other files, or folders of them
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
}

const TRACE_CODES: &str = "Exit codes: 0 nothing planted was found (but for the sample), and all could \
be read · 1 something was found · 2 usage · 3 nothing was found, and not all could be read · 4 \
belljar failed. There is no policy here: whatever was planted counts.";

/// How what was found is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TraceFormat {
    /// For people
    Text,
    /// As JSON
    Json,
}

/// `belljar verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
}

/// `belljar doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = BenchFormat::Text)]
    pub(crate) format: BenchFormat,
}

/// `belljar setup`.
#[derive(Debug, Args)]
pub(crate) struct SetupArgs {
    /// Take back what an earlier `setup` did, and nothing else
    #[arg(long)]
    pub(crate) remove: bool,
    /// Give this user a range of users of its own; may be repeated [default: who called sudo]
    #[arg(long, value_name = "NAME", conflicts_with = "remove")]
    pub(crate) user: Vec<String>,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Set up the system below this folder (an image), not this host
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,
    /// The belljar that will be run there [default: this one]
    #[arg(long, value_name = "PATH", conflicts_with = "remove")]
    pub(crate) executable: Option<PathBuf>,
}

/// `belljar bench`.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Carry out the cases of the leak benchmark and score what is found of them
    Leaks(BenchLeaksArgs),
    /// Look for false findings in files of this machine, as they are, compressed, encrypted, in base64
    Traffic(BenchTrafficArgs),
}

/// `belljar bench leaks`.
#[derive(Debug, Args)]
pub(crate) struct BenchLeaksArgs {
    /// Only this share of the cases, drawn by the seed
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    pub(crate) sample: f64,
    /// Draws the cases and plants the world [default: a fresh one]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// A folder with a set of your own (JSON or TOML files with `cases`)
    #[arg(long, value_name = "DIR")]
    pub(crate) cases: Option<PathBuf>,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = BenchFormat::Text)]
    pub(crate) format: BenchFormat,
    /// Runs at a time [default: one a processor]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Keep the bundles of the runs in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Only cases whose id holds this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
    /// By which kind of component the cases are carried out
    #[arg(long, value_enum, default_value_t = BenchKind::Native)]
    pub(crate) kind: BenchKind,
}

/// Kinds of components that carry the cases out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchKind {
    /// Native programs: all cases
    Native,
    /// WebAssembly guests: the cases that exist for them
    Wasm,
    /// The cases that exist for guests, by both; what differs is named
    Both,
}

/// `belljar bench traffic`.
#[derive(Debug, Args)]
pub(crate) struct BenchTrafficArgs {
    /// How much to look through, in MiB
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub(crate) mebibytes: u64,
    /// Plants the decoys that are looked for [default: a fresh one]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

/// What `bench` and `doctor` print on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchFormat {
    /// For people
    Text,
    /// The same as JSON; what is for people goes to standard error
    Json,
}
