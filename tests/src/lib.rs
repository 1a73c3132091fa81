//! Drives the real `belljar` binary, as its user would.
//!
//! Every test draws a fresh seed and prints it; run it again with `BELLJAR_TEST_SEED=N`.
#![forbid(unsafe_code)]

pub mod browser;
pub mod guests;
pub mod made;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The repository's top folder.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lie in the repository").to_owned()
}

/// The release binary, built if it is not up to date (`BELLJAR_BIN` names another).
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("BELLJAR_BIN") {
            return path.into();
        }
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--workspace", "--bins"])
            .current_dir(repository())
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the release build fails");
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| repository().join("target"), PathBuf::from);
        target.join("release/belljar")
    })
}

/// A seed that no test has seen before.
pub fn fresh_seed() -> u64 {
    let seed = match std::env::var("BELLJAR_TEST_SEED") {
        Ok(text) => text.parse().expect("BELLJAR_TEST_SEED is a number"),
        Err(_) => {
            let now = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .expect("after 1970");
            (now.as_nanos() as u64 ^ u64::from(std::process::id()) << 32) >> 12
        }
    };
    println!("seed {seed}");
    seed
}

/// What a finding says, without where in this record it is and who of this jar it was.
pub fn said(finding: &Value) -> String {
    let subjects: Vec<&Value> = finding["subjects"]["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|subject| &subject["name"])
        .collect();
    format!(
        "{} {} {} to {}:{} declared {} bytes {} of {:?}",
        finding["severity"],
        finding["item"],
        finding["class"],
        finding["destination"]["host"],
        finding["destination"]["port"],
        finding["declared"],
        finding["bytes"],
        subjects
    )
}

/// Ends a test that cannot run here, and says why where `tests/run` collects it.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)*) => {{
        $crate::skipped(&format!($($reason)*));
        return;
    }};
}

/// Reports a skipped test (use [`skip!`]).
pub fn skipped(reason: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    eprintln!("SKIPPED {name}: {reason}");
    if let Some(path) = std::env::var_os("BELLJAR_SKIPPED") {
        use std::io::Write as _;
        let line = format!("{name}: {reason}\n");
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .expect("the list of skipped tests can be written");
        file.write_all(line.as_bytes()).expect("the list of skipped tests can be written");
    }
}

/// A run of the command that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code (128 + signal where a signal ended it).
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl From<(Output, Duration)> for Ended {
    fn from((output, took): (Output, Duration)) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        Self {
            code: output
                .status
                .code()
                .or_else(|| output.status.signal().map(|signal| 128 + signal))
                .unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took,
        }
    }
}

/// A command line of belljar and a folder of its own for what it writes.
#[derive(Debug)]
pub struct Belljar {
    /// The command, to be added to.
    pub command: Command,
    folder: TempDir,
}

impl Belljar {
    /// `belljar ARGS…`, run in a fresh folder.
    pub fn new(args: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut command = Command::new(binary());
        command.args(args).current_dir(folder.path()).stdin(Stdio::null());
        Self { command, folder }
    }

    /// `belljar run SCENARIO --seed SEED --out bundle ARGS…`.
    pub fn run(scenario: &str, seed: u64, args: &[&str]) -> Self {
        let seed = seed.to_string();
        let mut all = vec!["run", scenario, "--seed", &seed, "--out", "bundle"];
        all.extend_from_slice(args);
        Self::new(&all)
    }

    /// Where the bundle of a `run` goes.
    pub fn bundle(&self) -> PathBuf {
        self.folder.path().join("bundle")
    }

    /// The folder in which it runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder and returns its path.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("the file can be written");
        path
    }

    /// Runs the command in a mount namespace of its own, after a shell script. Needs root.
    pub fn beneath(&mut self, script: &str) {
        let mut wrapped = Command::new("unshare");
        wrapped
            .args(["--mount", "--propagation", "private", "/bin/sh", "-c"])
            .arg(format!("set -e; {script}; exec \"$@\""))
            .arg("sh")
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .current_dir(self.folder())
            .stdin(Stdio::null());
        self.command = wrapped;
    }

    /// Runs it to its end.
    pub fn end(&mut self) -> Ended {
        let began = Instant::now();
        let output = self.command.output().expect("belljar starts");
        let ended = Ended::from((output, began.elapsed()));
        println!("--- belljar ended with {} after {:?}\n{}", ended.code, ended.took, ended.stderr);
        ended
    }

    /// The verdict of the bundle.
    pub fn verdict(&self) -> Value {
        read_json(&self.bundle().join("verdict.json"))
    }

    /// The lines of the record.
    pub fn record(&self) -> Vec<Value> {
        std::fs::read_to_string(self.bundle().join("record.jsonl"))
            .expect("the record is there")
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect()
    }
}

/// Reads a JSON file.
pub fn read_json(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
