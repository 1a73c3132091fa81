//! Claim: an engine that is a library, called for one file after the other through `belljar:engine`,
//! is told like one that is a command: what it submits is found, with the function and the exported
//! call that sent it; one that looks up digests sends nothing else.
#![allow(missing_docs, reason = "a test")]

use belljar_tests::guests::{NO_COMPILER, guests};
use belljar_tests::{Belljar, fresh_seed, said, skip};
use serde_json::Value;

/// Findings and detections that two components must have in common.
#[derive(Debug, PartialEq)]
struct Told {
    verdict: Value,
    findings: Vec<String>,
    detections: Value,
    read: Value,
}

fn run(component: &str, seed: u64) -> Belljar {
    let mut belljar = Belljar::run("contractor-laptop", seed, &["--component", component]);
    let ended = belljar.end();
    assert!(matches!(ended.code, 0 | 1), "{}{}", ended.stdout, ended.stderr);
    belljar
}

fn told(verdict: &Value) -> Told {
    let mut findings: Vec<String> = verdict["findings"]
        .as_array()
        .into_iter()
        .flatten()
        // A host says nothing of the product that it hosts; a command does in its user agent.
        .filter(|finding| finding["item"] != "product-version")
        .map(said)
        .collect();
    findings.sort();
    Told {
        verdict: verdict["verdict"].clone(),
        findings,
        detections: verdict["exercise"]["detections-found"].clone(),
        read: verdict["exercise"]["decoys-read"].clone(),
    }
}

#[test]
fn an_engine_that_submits_whole_files_is_told_as_the_command_that_does() {
    if guests().is_none() {
        skip!("{NO_COMPILER}");
    }
    let seed = fresh_seed();
    let engine = run("overreach-engine", seed);
    let verdict = engine.verdict();
    let told_of_engine = told(&verdict);
    assert_eq!(told_of_engine.verdict, "fail");
    assert!(told_of_engine.findings.iter().any(|line| line.contains("work.zip")));
    assert_eq!(told_of_engine, told(&run("overreach", seed).verdict()));
    assert_eq!(told_of_engine, told(&run("overreach-wasm", seed).verdict()));

    // Whose it was: the exported call, and the guest's functions within it.
    let archive = verdict["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|finding| finding["kind"] == "sent" && finding.to_string().contains("work.zip"))
        .expect("the archive is found");
    let who = archive["who"]["program"].as_str().expect("a text");
    assert_eq!(who, "wasm instance 0, belljar:engine/scanner scan");
    let known_by = archive["known-by"].as_str().expect("a text");
    assert!(known_by.contains("host_submit, called by upload, called by"), "{known_by}");

    // Each read and send lies within the call for the file that it is of.
    let mut called_for = None;
    let (mut reads, mut sends) = (0, 0);
    for line in engine.record() {
        let event = &line["event"];
        if event["kind"] == "import" && event["call"] == "belljar:engine/scanner scan" {
            called_for = event["detail"].as_str().map(|path| path.trim_matches('"').to_owned());
        }
        let within = line["actor"]["wasm"]["export"] == "belljar:engine/scanner scan";
        if event["act"]["op"] == "read" {
            assert!(within, "{line}");
            assert_eq!(event["path"].as_str(), called_for.as_deref(), "{line}");
            reads += 1;
        }
        if event["kind"] == "flow-opened" {
            assert!(within, "{line}");
            let path = called_for.as_deref().unwrap_or_default();
            assert!(path.ends_with("work.zip") || path.ends_with("invoice.com"), "{line}");
            sends += 1;
        }
    }
    assert!(reads > 30 && sends > 0, "{reads} reads, {sends} conversations");
}

#[test]
fn an_engine_that_looks_up_digests_passes() {
    if guests().is_none() {
        skip!("{NO_COMPILER}");
    }
    let seed = fresh_seed();
    let engine = told(&run("honest-engine", seed).verdict());
    assert_eq!(engine.verdict, "pass");
    assert_eq!(engine.detections, 2);
    assert!(engine.findings.iter().any(|line| line.contains("hash")), "{engine:#?}");
    assert_eq!(engine, told(&run("honest-wasm", seed).verdict()));
}

#[test]
fn equal_plans_give_engines_equal_records() {
    if guests().is_none() {
        skip!("{NO_COMPILER}");
    }
    let seed = fresh_seed();
    let record = || {
        let belljar = run("overreach-engine", seed);
        std::fs::read(belljar.bundle().join("record.jsonl")).expect("a record")
    };
    assert!(record() == record(), "two runs of one seed differ");
}

#[test]
fn an_engine_that_is_taken_for_a_command_is_refused_with_what_would_work() {
    if guests().is_none() {
        skip!("{NO_COMPILER}");
    }
    let mut belljar =
        Belljar::run("contractor-laptop", fresh_seed(), &["--component", "command.toml"]);
    let own = include_str!("../../scenarios/components/honest-engine.toml");
    let (before, after) = own.split_once("[engine]").expect("has one");
    let after = after.split_once("[[declares]]").expect("has one").1;
    belljar.file("command.toml", &format!("{before}[[declares]]{after}"));
    let ended = belljar.end();
    assert_ne!(ended.code, 0);
    assert!(ended.stderr.contains("[engine]"), "{}", ended.stderr);
}
