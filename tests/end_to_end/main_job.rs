//! The main job: each reference component, in each of its settings, gets the verdict that its
//! declared truth asks for, from a fresh seed.
#![allow(missing_docs, reason = "a test")]

use belljar_tests::{Belljar, fresh_seed};
use serde_json::Value;

/// The violations of a verdict.
fn violations(verdict: &Value) -> Vec<&Value> {
    verdict["findings"]
        .as_array()
        .expect("findings are a list")
        .iter()
        .filter(|finding| finding["severity"] == "violation")
        .collect()
}

/// The one violation that says that the archive left whole.
fn archive(verdict: &Value) -> &Value {
    let found: Vec<&Value> = violations(verdict)
        .into_iter()
        .filter(|finding| finding["item"] == "archive" && finding["class"] == "whole-file")
        .collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0]
}

fn overreach(args: &[&str]) -> (i32, Value) {
    let mut all = vec!["--component", "overreach"];
    all.extend_from_slice(args);
    let mut belljar = Belljar::run("contractor-laptop", fresh_seed(), &all);
    let ended = belljar.end();
    (ended.code, belljar.verdict())
}

#[test]
fn overreach_is_the_default_and_its_archive_upload_is_proven() {
    let mut belljar = Belljar::run("contractor-laptop", fresh_seed(), &[]);
    let ended = belljar.end();
    assert_eq!(ended.code, 1);
    // What a person reads says who, what, where to, and how much of it was innocent.
    for word in ["FAIL", "work.zip whole", "upload.vendor.example", "belljar-overreach"] {
        assert!(ended.stderr.contains(word), "the summary does not say {word}");
    }
    let verdict = belljar.verdict();
    assert_eq!(verdict["verdict"], "fail");
    let finding = archive(&verdict);
    assert_eq!(finding["who"]["program"], "/opt/reference/bin/belljar-overreach");
    assert_eq!(finding["destination"]["host"], "upload.vendor.example");
    assert_eq!(finding["destination"]["port"], 443);
    assert_eq!(finding["declared"], false);
    let (bytes, length) = (&finding["bytes"], &finding["subjects"]["rows"][0]["len"]);
    assert_eq!(bytes, length, "all of the archive");
    // 68 bytes of it are the sample: what is innocent is what the manifest says of the rest.
    let ratio = finding["collateral"]["ratio"].as_f64().expect("a sample was inside");
    let innocent = length.as_f64().expect("a number") - 68.0;
    assert!(ratio > 100.0 && ratio <= innocent / 68.0, "{ratio}");
    // Both samples were found, and every file that it was asked to scan was read.
    assert_eq!(verdict["exercise"]["done"], true);
    assert_eq!(verdict["exercise"]["detections-found"], 2);
    assert!(coverage_holds(&verdict), "{:#}", verdict["coverage"]);
}

fn coverage_holds(verdict: &Value) -> bool {
    verdict["coverage"]
        .as_array()
        .expect("coverage is a list")
        .iter()
        .all(|line| line["bars-pass"] == false)
}

#[test]
fn the_archive_is_found_under_another_name_and_port() {
    let (code, verdict) = overreach(&["--profile", "other-name"]);
    assert_eq!(code, 1);
    assert_eq!(archive(&verdict)["destination"]["host"], "files.storage.example");
    let (code, verdict) = overreach(&["--profile", "other-port"]);
    assert_eq!(code, 1);
    assert_eq!(archive(&verdict)["destination"]["port"], 8443);
}

#[test]
fn the_archive_is_found_through_every_encoding() {
    for (profile, step) in
        [("raw", None), ("base64", Some("base64")), ("hex", Some("hex")), ("gzip", Some("gzip"))]
    {
        let (code, verdict) = overreach(&["--profile", profile]);
        assert_eq!(code, 1, "{profile}");
        let chain = archive(&verdict)["chain"].to_string();
        match step {
            Some(step) => assert!(chain.contains(step), "{profile}: {chain}"),
            None => assert_eq!(chain, "[]", "{profile}"),
        }
    }
}

#[test]
fn nothing_is_found_when_sharing_is_off() {
    let (code, verdict) = overreach(&["--profile", "sharing-off"]);
    assert_eq!(code, 0);
    assert_eq!(verdict["verdict"], "pass");
    assert_eq!(verdict["egress"]["bytes"], 0);
}

#[test]
fn honest_passes_and_its_hash_is_seen_as_declared() {
    let mut belljar = Belljar::run("contractor-laptop", fresh_seed(), &["--component", "honest"]);
    assert_eq!(belljar.end().code, 0);
    let verdict = belljar.verdict();
    assert!(violations(&verdict).is_empty());
    let row = verdict["items"]
        .as_array()
        .expect("items are a list")
        .iter()
        .find(|row| row["item"] == "hash-of-sample")
        .expect("every item has a row");
    assert_eq!(row["sent"], "hash");
    assert_eq!(row["declared"], true);
    assert_eq!(row["verdict"], "pass");
    // Its User-Agent says which version it is; it is declared, and seen.
    let declared = verdict["component"]["declares"].as_array().expect("a list");
    assert_eq!(declared.len(), 2);
    assert!(declared.iter().all(|row| row["seen"] == true), "{declared:?}");
}

#[test]
fn quiet_does_not_pass_by_finding_nothing() {
    let mut belljar = Belljar::run("contractor-laptop", fresh_seed(), &["--component", "quiet"]);
    assert_eq!(belljar.end().code, 3);
    let verdict = belljar.verdict();
    assert_eq!(verdict["verdict"], "inconclusive");
    assert_eq!(verdict["exercise"]["done"], false);
    assert!(coverage_holds(&verdict), "only the exercise is at fault");
}

#[test]
fn real_scanners_pass_with_their_detections() {
    for (component, detections) in [("clamscan", 2), ("yara", 1)] {
        let mut belljar =
            Belljar::run("contractor-laptop", fresh_seed(), &["--component", component]);
        assert_eq!(belljar.end().code, 0, "{component}");
        let exercise = &belljar.verdict()["exercise"];
        assert_eq!(exercise["detections-found"], detections, "{component}");
    }
}

#[test]
fn a_bundle_verifies_from_itself_alone_and_a_changed_one_does_not() {
    let mut belljar = Belljar::run("contractor-laptop", fresh_seed(), &[]);
    assert_eq!(belljar.end().code, 1);
    // In another place, without the scenario, without a seed.
    let elsewhere = belljar.folder().join("elsewhere");
    std::fs::rename(belljar.bundle(), &elsewhere).expect("the bundle can be moved");
    let elsewhere = elsewhere.to_str().expect("a plain path");
    let verified = Belljar::new(&["verify", elsewhere]).end();
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    assert!(verified.stderr.contains("derived again"));

    let path = format!("{elsewhere}/verdict.json");
    let text = std::fs::read_to_string(&path).expect("the verdict is there");
    std::fs::write(&path, text.replacen("\"fail\"", "\"pass\"", 1)).expect("it can be changed");
    let verified = Belljar::new(&["verify", elsewhere]).end();
    assert_eq!(verified.code, 1);
    assert!(verified.stderr.contains("verdict"), "{}", verified.stderr);
}

#[test]
fn a_scenario_without_detections_still_asks_for_work() {
    let mut belljar = Belljar::run("quiet-machine", fresh_seed(), &["--component", "honest"]);
    assert_eq!(belljar.end().code, 0);
    let verdict = belljar.verdict();
    assert_eq!(verdict["egress"]["bytes"], 0);
    assert_eq!(verdict["exercise"]["done"], true);
}
