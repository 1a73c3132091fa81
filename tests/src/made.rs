//! Scenarios and components that a test makes for one claim: small worlds, a program of a few
//! lines, and what the verdict says of coverage.

use crate::Belljar;
use serde_json::Value;
use std::path::PathBuf;

/// A scenario with a home of a few files and a single step: the scan. `more` comes first (limits,
/// identity), `decoys` after the usual ones.
pub fn scenario(more: &str, decoys: &str) -> String {
    format!(
        r#"name = "made"
question = "Is one claim true?"
scan = ["{{home}}"]
{more}

[[decoys]]
path = "{{home}}/notes.txt"
kind = "text"
size = "12 KiB"

[[decoys]]
path = "{{home}}/plans.txt"
kind = "text"
size = "40 KiB"
{decoys}

[[steps]]
run = "scan"
timeout = "60s"
decoys-read = 2

[policy]
strict = false
"#
    )
}

/// What every program of [`component`] begins with: `scan()` reads the planted files.
const BEGINNING: &str = "\
import os, sys, time
def scan(roots=None):
    for root in roots or sys.argv[1:]:
        for folder, _, names in os.walk(root):
            for name in sorted(names):
                with open(os.path.join(folder, name), 'rb') as file:
                    while file.read(65536):
                        pass
";

/// A component that is a Python program: `scan()` reads all it is asked to scan; what else it does
/// is given. Returns the component file.
pub fn component(belljar: &Belljar, does: &str) -> PathBuf {
    let program = belljar.file("made.py", &format!("{BEGINNING}{does}\n"));
    belljar.file(
        "made-component.toml",
        &format!(
            r#"name = "made"
vendor = "Test"
version = "1"
files = [{{ host = "{}", inside = "/opt/made/made.py" }}]

[commands.scan]
argv = ["/usr/bin/python3", "-I", "-S", "/opt/made/made.py", "{{scan}}"]
exit = [0]
"#,
            program.display()
        ),
    )
}

/// A run of a made component in a made scenario.
pub fn made(seed: u64, scenario: &str, does: &str) -> Belljar {
    let mut belljar = Belljar::run("made.toml", seed, &[]);
    belljar.file("made.toml", scenario);
    let component = component(&belljar, does);
    belljar.command.arg("--component").arg(component);
    belljar
}

/// A dimension of a verdict's coverage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// Its name.
    pub dimension: String,
    /// How much of it was seen, by the worst of its limits.
    pub extent: String,
    /// Whether it bars a pass.
    pub bars: bool,
    /// Why, for each limit.
    pub reasons: Vec<String>,
}

/// The coverage that a verdict tells.
pub fn coverage(verdict: &Value) -> Vec<Covered> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = verdict["coverage"].as_array().expect("coverage is a list");
    lines
        .iter()
        .map(|line| Covered {
            dimension: text(&line["dimension"]),
            extent: text(&line["extent"]),
            bars: line["bars-pass"].as_bool().expect("bars-pass is true or false"),
            reasons: line["limits"]
                .as_array()
                .expect("limits are a list")
                .iter()
                .map(|limit| {
                    format!(
                        "{} {} {}: {}",
                        text(&limit["extent"]),
                        limit["count"],
                        text(&limit["unit"]),
                        text(&limit["reason"])
                    )
                })
                .collect(),
        })
        .collect()
}

/// The dimensions that bar a pass.
pub fn barring(verdict: &Value) -> Vec<Covered> {
    coverage(verdict).into_iter().filter(|covered| covered.bars).collect()
}

/// The phases that a record shows, in order.
pub fn phases(record: &[Value]) -> Vec<String> {
    events(record, "phase").filter_map(|event| event["name"].as_str()).map(str::to_owned).collect()
}

/// The events of one kind.
pub fn events<'a>(record: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    record.iter().map(|line| &line["event"]).filter(move |event| event["kind"] == kind)
}

/// What `bundle.json` says of a run's end: the state, and why where it is partial.
pub fn state(belljar: &Belljar) -> (String, String) {
    let bundle = crate::read_json(&belljar.bundle().join("bundle.json"));
    let text = |name: &str| bundle[name].as_str().unwrap_or_default().to_owned();
    (text("state"), text("reason"))
}
