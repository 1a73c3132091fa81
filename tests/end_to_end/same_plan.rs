//! The same plan twice gives the same verdict, but for the fields that are documented as volatile.

use belljar_tests::{Belljar, fresh_seed, skip};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// The fields left out of the comparison, wherever they stand (docs/repeatability.md).
const VOLATILE: &[&str] = belljar_judge::VOLATILE;

fn verdict(scenario: &str, component: &str, seed: u64) -> Value {
    let mut belljar = Belljar::run(scenario, seed, &["--component", component]);
    belljar.end();
    belljar_judge::steady(belljar.verdict())
}

/// Where two values differ, for the message.
fn difference(at: &str, one: &Value, other: &Value, out: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let (a, b) = (one.get(key), other.get(key));
                let null = Value::Null;
                difference(&format!("{at}/{key}"), a.unwrap_or(&null), b.unwrap_or(&null), out);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (place, (a, b)) in one.iter().zip(other).enumerate() {
                difference(&format!("{at}/{place}"), a, b, out);
            }
        }
        _ if one != other => out.push(format!("{at}: {one} and {other}")),
        _ => {}
    }
}

#[test]
fn every_volatile_field_is_documented() {
    let path = belljar_tests::repository().join("docs/repeatability.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    for field in VOLATILE {
        assert!(page.contains(&format!("`{field}`")), "{field}");
    }
}

#[test]
fn the_same_plan_twice_gives_the_same_verdict_but_for_volatile_fields() {
    assert!(VOLATILE.contains(&"pid") && !VOLATILE.contains(&"verdict"));
    for (scenario, component) in [
        ("contractor-laptop", "overreach"),
        ("contractor-laptop", "honest"),
        ("quiet-machine", "quiet"),
        ("office-network", "collector"),
        ("contractor-laptop", "clamscan"),
    ] {
        if component == "clamscan" && !Path::new("/usr/bin/clamscan").is_file() {
            skip!("clamscan is not installed");
        }
        let seed = fresh_seed();
        let (one, other) = (verdict(scenario, component, seed), verdict(scenario, component, seed));
        let mut found = Vec::new();
        difference("", &one, &other, &mut found);
        assert!(found.is_empty(), "{component}:\n{}", found.join("\n"));
    }
}

/// A life of many short programs, each with a connection of its own: whatever the kernel's timing,
/// the same programs run, the same is read, changed, sent and found. Not compared: bytes on the wire
/// and the ceiling, since a segment that is sent again on a busy host counts there.
#[test]
fn a_life_of_many_programs_is_told_the_same_way_twice() {
    let seed = fresh_seed();
    let run = || verdict("install-to-uninstall", "resident", seed);
    let (one, other) = (run(), run());
    let mut found = Vec::new();
    for field in ["verdict", "exercise", "items", "findings", "processes", "reads", "writes"] {
        assert!(!one[field].is_null(), "{field}");
        difference(&format!("/{field}"), &one[field], &other[field], &mut found);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(one["processes"]["rows"].as_array().expect("a list").len() > 20);
}
