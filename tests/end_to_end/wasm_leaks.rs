//! Claim: the cases of the leak benchmark that exist for a guest are told as those of the native
//! component are. A difference is a mistake in one of the jars.
#![allow(missing_docs, reason = "a test")]

use belljar_tests::guests::{NO_COMPILER, guests};
use belljar_tests::{Belljar, fresh_seed, skip};
use serde_json::Value;

/// Encodings that compress by deflate.
const DEFLATE: [&str; 4] = ["gzip", "deflate", "zlib", "zip"];
/// The name of the field behind the value is read as more of its digits, and the guest's host writes
/// names in small letters.
const FIELD_BEHIND: &str = "http-header.base64.";

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
    // The two write deflate each in its own way: other bytes of another length, which are spread
    // over datagrams otherwise, and some of which can be told under a mask and some cannot.
    let differences = named("differences");
    let other: Vec<_> = differences
        .iter()
        .filter(|named| {
            let id = named["id"].as_str().unwrap_or_default();
            let encodings = id.split('.').nth(1).unwrap_or_default();
            !id.starts_with(FIELD_BEHIND) && !encodings.split('+').any(|one| DEFLATE.contains(&one))
        })
        .collect();
    assert!(other.is_empty(), "{other:#?}");
    assert!(differences.len() as u64 * 50 <= cases, "{differences:#?}");
}
