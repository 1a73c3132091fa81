//! Claim: the cases of the leak benchmark that exist for a guest are told as those of the native
//! component are. A difference is a mistake in one of the jars.
#![allow(missing_docs, reason = "a test")]

use belljar_tests::guests::{NO_COMPILER, guests};
use belljar_tests::{Belljar, fresh_seed, skip};
use serde_json::Value;

#[test]
fn more_than_a_hundred_cases_are_told_alike_in_both_jars() {
    if guests().is_none() {
        skip!("{NO_COMPILER}");
    }
    let seed = fresh_seed().to_string();
    let mut belljar = Belljar::new(&[
        "bench", "leaks", "--kind", "both", "--sample", "0.4", "--seed", &seed, "--format", "json",
    ]);
    let ended = belljar.end();
    assert_eq!(ended.code, 0);
    let report: Value = serde_json::from_str(&ended.stdout).expect("is JSON");
    let named = |list: &str| report[list].as_array().expect("a list").clone();
    assert!(named("failed").len() <= 1, "not carried out: {:#?}", named("failed"));
    let cases = report["cases"].as_u64().expect("a number");
    let leaking = report["leaking"].as_u64().expect("a number");
    assert!(cases >= 100 && leaking >= 70, "{cases} cases, {leaking} of them leak");
    // Each request of a guest is a conversation of its own, so that what lies in several is not put
    // together; and what it compresses has other bytes, some of which can be told.
    let differences = named("differences");
    let single: Vec<_> = differences
        .iter()
        .filter(|named| {
            let id = named["id"].as_str().unwrap_or_default();
            !(id.starts_with("dns-over-https.") || id.contains(".chunks."))
        })
        .collect();
    assert!(single.len() as u64 * 30 <= cases, "{single:#?}");
    assert!(cases - differences.len() as u64 >= 100, "{differences:#?}");
}
