//! A bundle for a third party: no byte that left and no word of who the planted person is remains,
//! the verdict still verifies, and a changed one does not.

use belljar_tests::{Belljar, Ended, fresh_seed};
use serde_json::Value;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The shortest run of payload bytes that must not be found again. Shorter ones are found by chance:
/// planted prose and the words of the page are both English.
const WINDOW: usize = 24;

struct Redacted {
    original: Belljar,
    folder: PathBuf,
    seed: u64,
}

/// Runs a component, verifies, redacts.
fn redacted(scenario: &str, component: &str, profile: &str) -> Redacted {
    let seed = fresh_seed();
    let args = ["--component", component, "--profile", profile];
    let mut original = Belljar::run(scenario, seed, &args);
    original.end();
    let folder = original.folder().join("third-party");
    let ended = command(&original, &["report", "bundle", "--redact", "third-party"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    Redacted { original, folder, seed }
}

fn command(at: &Belljar, args: &[&str]) -> Ended {
    let mut belljar = Belljar::new(args);
    belljar.command.current_dir(at.folder());
    belljar.end()
}

/// Every file of a folder, with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).expect("the folder can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("the file can be read");
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found
}

fn holds(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn no_word_of_the_person_remains_in_any_file() {
    for (scenario, component) in
        [("contractor-laptop", "overreach"), ("office-network", "collector")]
    {
        let redacted = redacted(scenario, component, "default");
        let decoys = std::fs::read(redacted.original.bundle().join("decoys.json"));
        let decoys: Value = serde_json::from_slice(&decoys.expect("is there")).expect("is JSON");
        let mut words = vec![redacted.seed.to_string()];
        for fact in decoys["facts"].as_array().expect("a list") {
            let person =
                ["user-name", "full-name", "email", "hostname", "machine-id", "installation-id"];
            let item = fact["item"].as_str().expect("text");
            if fact["common"] == false && person.contains(&item) {
                let value = fact["value"].as_str().expect("text");
                words.push(value.to_owned());
                words.push(hex(value.as_bytes()));
                words.extend(value.split('@').filter(|part| part.len() > 6).map(str::to_owned));
            }
        }
        assert!(words.len() > 8, "{words:?}");
        // Digests by which a guess could be tried.
        for decoy in decoys["decoys"].as_array().expect("a list") {
            words.push(decoy["digest"]["sha256"].as_str().expect("text").to_owned());
            words.push(decoy["digest"]["md5"].as_str().expect("text").to_owned());
        }
        let original = files(&redacted.original.bundle());
        let there = |files: &[(PathBuf, Vec<u8>)], word: &str| {
            files.iter().find(|(_, text)| holds(text, word.as_bytes())).map(|(at, _)| at.clone())
        };
        assert!(there(&original, &words[1]).is_some(), "the original says who it is");
        let third = files(&redacted.folder);
        for word in &words {
            assert_eq!(there(&third, word), None, "{component}: {word}");
        }
    }
}

#[test]
fn no_byte_that_left_remains_but_for_what_the_plan_says_itself() {
    for (scenario, component) in [
        ("contractor-laptop", "overreach"),
        ("office-network", "collector"),
        ("office-network", "saboteur"),
    ] {
        let redacted = redacted(scenario, component, "default");
        let third = files(&redacted.folder);
        let names: Vec<&str> =
            third.iter().filter_map(|(path, _)| path.file_name()?.to_str()).collect();
        for file in ["bundle.json", "verdict.json", "record.jsonl", "report.html", "carried.json"] {
            assert!(names.contains(&file), "{names:?}");
        }
        assert!(!names.contains(&"capture.pcapng") && !redacted.folder.join("payloads").exists());
        // What the plan and the manifest of the redacted bundle say is nobody's secret: hosts,
        // paths of the vendor's rules, names of planted files.
        let mut public: HashSet<&[u8]> = HashSet::new();
        for (path, text) in &third {
            if path.ends_with("plan.json") || path.ends_with("decoys.json") {
                // With what stands around a name in a sentence and in a header: a space, a quote, a colon.
                for len in WINDOW - 4..=WINDOW {
                    public.extend(text.windows(len));
                }
            }
        }
        let named = |window: &[u8]| {
            let mark = |byte: &u8| !byte.is_ascii_alphanumeric();
            let from = window.iter().take_while(|byte| mark(byte)).count();
            let bare = &window[from.min(2)..];
            let after = bare.iter().rev().take_while(|byte| mark(byte)).count();
            let bare = &bare[..bare.len() - after.min(2)];
            bare.len() >= WINDOW - 4 && (public.contains(window) || public.contains(bare))
        };
        let mut told: HashSet<&[u8]> = HashSet::new();
        for (_, text) in &third {
            told.extend(text.windows(WINDOW).filter(|window| !named(window)));
        }
        let record = redacted.original.record();
        let mut left = 0;
        for line in &record {
            let event = &line["event"];
            if event["kind"] != "payload"
                || event["direction"] != "out"
                || event["layer"] == "output"
            {
                continue;
            }
            let name = event["payload"]["sha256"].as_str().expect("a digest");
            let bytes = std::fs::read(redacted.original.bundle().join("payloads").join(name));
            let bytes = bytes.expect("is kept");
            left += bytes.len();
            for window in bytes.windows(WINDOW) {
                // Runs of one or two bytes are nobody's, either.
                let kinds: HashSet<&u8> = window.iter().collect();
                assert!(
                    kinds.len() < 4 || !told.contains(window),
                    "{component}: {:?}",
                    String::from_utf8_lossy(window)
                );
            }
        }
        assert!(left > 30, "{component}: {left}");
    }
}

#[test]
fn it_verifies_says_what_it_takes_as_stated_and_judges_as_the_original() {
    let redacted = redacted("contractor-laptop", "overreach", "default");
    let ended = command(&redacted.original, &["verify", "third-party"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for words in ["HOLDS", "Redacted", "traces as stated", "the ceiling of"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    let (one, other) = (
        redacted.original.verdict(),
        belljar_tests::read_json(&redacted.folder.join("verdict.json")),
    );
    for field in ["verdict", "ceiling", "coverage"] {
        assert_eq!(one[field], other[field], "{field}");
    }
    let told = |verdict: &Value| -> Vec<Value> {
        let items = verdict["items"].as_array().expect("a list");
        items
            .iter()
            .map(|row| serde_json::json!([row["item"], row["sent"], row["verdict"]]))
            .collect()
    };
    assert_eq!(told(&one), told(&other));
    assert_eq!(other["findings"][0]["class"], "whole-file");
    assert_eq!(other["findings"][0]["destination"]["host"], "upload.vendor.example");
    // Its page says first that it is redacted, and links to nothing that is not there.
    let page = std::fs::read_to_string(redacted.folder.join("report.html")).expect("is there");
    assert!(page.contains("Redacted for a third party"));
    for link in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(link.starts_with('#') || redacted.folder.join(link).exists(), "{link}");
    }
}

#[test]
fn who_holds_the_original_gets_the_same_bundle_again_and_no_other_way() {
    let redacted = redacted("office-network", "collector", "default");
    let again = command(&redacted.original, &["report", "bundle", "--redact", "again"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    let strip = |folder: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        files(folder)
            .into_iter()
            .map(|(path, bytes)| (path.strip_prefix(folder).expect("below").to_owned(), bytes))
            .collect()
    };
    let again = redacted.original.folder().join("again");
    assert!(strip(&redacted.folder) == strip(&again), "the two differ");
    // Not from a redacted one, and not over another.
    let twice = command(&redacted.original, &["report", "third-party", "--redact", "twice"]);
    assert_ne!(twice.code, 0);
    let over = command(&redacted.original, &["report", "bundle", "--redact", "again"]);
    assert_ne!(over.code, 0);
}

#[test]
fn a_changed_redacted_bundle_does_not_hold() {
    let redacted = redacted("contractor-laptop", "overreach", "default");
    let verdict = redacted.folder.join("verdict.json");
    let text = std::fs::read_to_string(&verdict).expect("is there");
    let changed = text.replacen("\"whole-file\"", "\"metadata\"", 1);
    assert_ne!(text, changed);
    // With the digest put right as well: the judge still comes to another verdict.
    std::fs::write(&verdict, &changed).expect("can be written");
    put_right(&redacted.folder, "verdict.json");
    let ended = command(&redacted.original, &["verify", "third-party"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("verdict.json"), "{}", ended.stderr);
    std::fs::write(&verdict, &text).expect("can be written");
    put_right(&redacted.folder, "verdict.json");
    assert_eq!(command(&redacted.original, &["verify", "third-party"]).code, 0);
    // A trace that is left out, and a line of the record.
    let carried = redacted.folder.join("carried.json");
    let mut value = belljar_tests::read_json(&carried);
    value["traces"].as_array_mut().expect("a list").remove(0);
    std::fs::write(&carried, value.to_string()).expect("can be written");
    put_right(&redacted.folder, "carried.json");
    assert_eq!(command(&redacted.original, &["verify", "third-party"]).code, 1);
}

/// Puts the digest of a changed file right, as a careful forger would.
fn put_right(folder: &Path, name: &str) {
    let digest = std::process::Command::new("sha256sum").arg(folder.join(name)).output();
    let digest = String::from_utf8(digest.expect("sha256sum runs").stdout).expect("text");
    let len = std::fs::metadata(folder.join(name)).expect("is there").len();
    let path = folder.join("bundle.json");
    let mut bundle = belljar_tests::read_json(&path);
    for file in bundle["files"].as_array_mut().expect("a list") {
        if file["path"] == name {
            file["sha256"] = digest[..64].into();
            file["len"] = len.into();
        }
    }
    std::fs::write(path, bundle.to_string()).expect("can be written");
}
