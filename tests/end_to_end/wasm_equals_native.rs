//! One source of truth, two jars: *overreach* as an ELF program and as a WebAssembly guest gets the
//! same findings from the same plant. A difference is a mistake in one of the jars.
#![allow(missing_docs, reason = "a test")]

use belljar_tests::{Belljar, fresh_seed, repository, skip};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The folder of the guests that were built from C; `None` without a compiler.
fn guests() -> Option<&'static PathBuf> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            Command::new("clang-19").arg("--version").output().ok()?;
            let folder = tempfile::tempdir().expect("a folder").keep();
            let script = repository().join("scenarios/components/wasm/build");
            let built = Command::new(script).arg(&folder).status().expect("the script runs");
            assert!(built.success(), "the guests are built");
            Some(folder)
        })
        .as_ref()
}

fn wasm(name: &str, seed: u64, args: &[&str]) -> Option<Value> {
    let folder = guests()?;
    let written = repository().join(format!("scenarios/components/wasm/{name}.toml"));
    let text = std::fs::read_to_string(written).expect("the component file is there");
    let text = text.replace("{beside}/wasm", folder.to_str().expect("text"));
    let component = folder.join(format!("{name}-here.toml"));
    std::fs::write(&component, text).expect("can be written");
    let mut all = vec!["--component", component.to_str().expect("text")];
    all.extend_from_slice(args);
    let mut belljar = Belljar::run("contractor-laptop", seed, &all);
    let ended = belljar.end();
    assert!(matches!(ended.code, 0 | 1 | 3), "{}", ended.stderr);
    Some(belljar.verdict())
}

fn native(name: &str, seed: u64, args: &[&str]) -> Value {
    let mut all = vec!["--component", name];
    all.extend_from_slice(args);
    let mut belljar = Belljar::run("contractor-laptop", seed, &all);
    belljar.end();
    belljar.verdict()
}

/// What a finding says, without where in this record it is and who of this jar it was.
fn said(finding: &Value) -> String {
    let subjects: Vec<&Value> = finding["subjects"]["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|subject| &subject["path"])
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

fn findings(verdict: &Value) -> Vec<String> {
    let mut all: Vec<String> =
        verdict["findings"].as_array().into_iter().flatten().map(said).collect();
    all.sort();
    all
}

/// What the verdict says of each item.
fn items(verdict: &Value) -> Vec<String> {
    verdict["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| {
            let hosts: Vec<String> = row["sent-to"]["rows"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|to| format!("{} {}", to["host"], to["class"]))
                .collect();
            format!(
                "{}: read {} ({} files, {} beyond), sent {} to {hosts:?}, verdict {}",
                row["item"],
                row["read"],
                row["files-read"],
                row["files-read-beyond"],
                row["sent"],
                row["verdict"]
            )
        })
        .collect()
}

fn compare(name: &str, args: &[&str]) {
    let seed = fresh_seed();
    let Some(wasm) = wasm(name, seed, args) else {
        skip!("clang-19 with wasi-libc is not installed");
    };
    let native = native(name, seed, args);
    assert_eq!(wasm["verdict"], native["verdict"], "{:#}", wasm["reasons"]);
    assert_eq!(findings(&wasm), findings(&native));
    assert_eq!(items(&wasm), items(&native));
    assert_eq!(wasm["exercise"]["detections-found"], native["exercise"]["detections-found"]);
}

#[test]
fn overreach_as_a_guest_has_the_findings_of_overreach_as_a_program() {
    compare("overreach", &[]);
}

#[test]
fn so_it_is_with_sharing_turned_off() {
    compare("overreach", &["--profile", "sharing-off"]);
}

#[test]
fn so_it_is_to_a_name_that_is_not_declared() {
    compare("overreach", &["--profile", "other-name"]);
}

#[test]
fn honest_passes_in_both_jars() {
    compare("honest", &[]);
}

#[test]
fn quiet_is_not_exercised_in_both_jars() {
    compare("quiet", &[]);
}

#[test]
fn the_same_seed_gives_the_same_record_of_a_guest() {
    let Some(folder) = guests() else { skip!("clang-19 with wasi-libc is not installed") };
    let written = repository().join("scenarios/components/wasm/overreach.toml");
    let text = std::fs::read_to_string(written).expect("the component file is there");
    let component = folder.join("overreach-twice.toml");
    let text = text.replace("{beside}/wasm", folder.to_str().expect("text"));
    std::fs::write(&component, text).expect("can be written");
    let seed = fresh_seed();
    let record = || {
        let args = ["--component", component.to_str().expect("text")];
        let mut belljar = Belljar::run("contractor-laptop", seed, &args);
        belljar.end();
        std::fs::read(belljar.bundle().join("record.jsonl")).expect("a record")
    };
    assert!(record() == record(), "two runs of one seed differ");
}
