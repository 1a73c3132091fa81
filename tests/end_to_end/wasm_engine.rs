//! Claim: a real engine runs as a guest. libyara, compiled for WASI, finds in the scenario's world what
//! the native yara finds there, and reads the same files.
#![allow(missing_docs, reason = "a test")]

use belljar_tests::guests::yara;
use belljar_tests::{Belljar, fresh_seed, skip};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Verdict, paths with a detection, and decoys that were read.
fn run(component: &str, seed: u64) -> (Value, BTreeSet<String>, BTreeSet<String>) {
    let mut belljar = Belljar::run("contractor-laptop", seed, &["--component", component]);
    let ended = belljar.end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let (mut detected, mut read) = (BTreeSet::new(), BTreeSet::new());
    for line in belljar.record() {
        let event = &line["event"];
        for detection in event["detections"].as_array().into_iter().flatten() {
            let text = detection.as_str().unwrap_or_default();
            detected.insert(text.split(": ").next().unwrap_or_default().to_owned());
        }
        if event["act"]["op"] == "read" && !event["decoy"].is_null() {
            read.insert(event["path"].as_str().unwrap_or_default().to_owned());
        }
    }
    (belljar.verdict(), detected, read)
}

#[test]
fn libyara_as_a_guest_finds_what_yara_finds() {
    if !Path::new("/usr/bin/yara").exists() {
        skip!("yara is not installed");
    }
    if let Err(reason) = yara() {
        skip!("{reason}");
    }
    let seed = fresh_seed();
    let (native, detected, read) = run("yara", seed);
    let (wasm, detected_by_guest, read_by_guest) = run("yara-wasm", seed);
    assert!(!detected.is_empty(), "the planted sample is detected");
    assert_eq!(detected_by_guest, detected);
    assert!(read.is_subset(&read_by_guest), "{read:#?} {read_by_guest:#?}");
    assert_eq!(wasm["verdict"], native["verdict"]);
    assert_eq!(wasm["exercise"]["detections-found"], native["exercise"]["detections-found"]);
}
