//! One source of truth, two jars: *overreach* as an ELF program and as a WebAssembly guest gets the
//! same findings from the same plant. A difference is a mistake in one of the jars.
#![allow(missing_docs, reason = "a test")]

use belljar_tests::guests::{NO_COMPILER, guests};
use belljar_tests::{Belljar, fresh_seed, said, skip};
use serde_json::Value;

fn verdict(component: &str, seed: u64, args: &[&str]) -> Value {
    let mut all = vec!["--component", component];
    all.extend_from_slice(args);
    let mut belljar = Belljar::run("contractor-laptop", seed, &all);
    let ended = belljar.end();
    assert!(matches!(ended.code, 0 | 1 | 3), "{}", ended.stderr);
    belljar.verdict()
}

fn findings(verdict: &Value) -> Vec<String> {
    let mut all: Vec<String> =
        verdict["findings"].as_array().into_iter().flatten().map(said).collect();
    // A product is known by its component's name, and the guests go by the programs' names.
    all.retain(|line| !line.contains("\"product-version\""));
    all.sort();
    all
}

/// What the verdict says of each item.
fn items(verdict: &Value) -> Vec<String> {
    verdict["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|row| row["item"] != "product-version")
        .map(|row| {
            let hosts: Vec<String> = row["sent-to"]["rows"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|to| format!("{} {}", to["host"], to["class"]))
                .collect();
            // To find an address, a C library looks into /etc/hosts and /etc/nsswitch.conf. A guest
            // asks its host.
            let by_libc = matches!(row["item"].as_str(), Some("network" | "system-file"));
            let read = match by_libc {
                true => String::new(),
                false => format!(
                    "read {} ({} files, {} beyond), ",
                    row["read"], row["files-read"], row["files-read-beyond"]
                ),
            };
            format!(
                "{}: {read}sent {} to {hosts:?}, verdict {}",
                row["item"], row["sent"], row["verdict"]
            )
        })
        .collect()
}

#[track_caller]
fn equal(wasm: &[String], native: &[String]) {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).cloned().collect()
    };
    let (ours, theirs) = (only(wasm, native), only(native, wasm));
    assert!(
        ours.is_empty() && theirs.is_empty() && wasm.len() == native.len(),
        "only in wasm: {ours:#?}\nonly native: {theirs:#?}"
    );
}

fn compare(name: &str, args: &[&str]) {
    if guests().is_none() {
        skip!("{NO_COMPILER}");
    }
    let seed = fresh_seed();
    let wasm = verdict(&format!("{name}-wasm"), seed, args);
    let native = verdict(name, seed, args);
    assert_eq!(wasm["verdict"], native["verdict"], "{:#}", wasm["reasons"]);
    equal(&findings(&wasm), &findings(&native));
    equal(&items(&wasm), &items(&native));
    assert_eq!(wasm["exercise"]["detections-found"], native["exercise"]["detections-found"]);
    assert_eq!(wasm["exercise"]["decoys-read"], native["exercise"]["decoys-read"]);
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
fn so_it_is_to_another_port() {
    compare("overreach", &["--profile", "other-port"]);
}

#[test]
fn honest_passes_in_both_jars() {
    compare("honest", &[]);
}

#[test]
fn quiet_gets_the_same_verdict_in_both_jars() {
    compare("quiet", &[]);
}

#[test]
fn collector_tells_the_same_of_the_machine_in_both_jars() {
    compare("collector", &[]);
}

#[test]
fn a_hidden_bit_shows_in_no_jar_and_is_no_pass() {
    if guests().is_none() {
        skip!("{NO_COMPILER}");
    }
    let verdict = verdict("hidden-bit-wasm", fresh_seed(), &[]);
    let left = |finding: &&Value| finding["kind"] == "sent";
    let sent = verdict["findings"].as_array().into_iter().flatten().filter(left);
    assert!(sent.map(said).all(|finding| !finding.contains("ssh")));
    // That the key was read is seen; that one bit of it left cannot be.
    let rows = verdict["items"].as_array().expect("a list");
    let beyond = rows.iter().any(|row| row["files-read-beyond"].as_u64() > Some(0));
    assert!(beyond, "{rows:#?}");
}

#[test]
fn a_finding_names_the_functions_of_the_guest_that_read_and_sent() {
    if guests().is_none() {
        skip!("{NO_COMPILER}");
    }
    let verdict = verdict("overreach-wasm", fresh_seed(), &[]);
    let said = verdict["findings"].to_string();
    assert!(said.contains("send_request"), "{said}");
}

#[test]
fn an_explanation_names_them_too() {
    if guests().is_none() {
        skip!("{NO_COMPILER}");
    }
    let mut belljar =
        Belljar::run("contractor-laptop", fresh_seed(), &["--component", "overreach-wasm"]);
    assert_eq!(belljar.end().code, 1);
    let verdict = belljar.verdict();
    let id = |kind: &str| {
        let all = verdict["findings"].as_array().expect("a list");
        let found = all.iter().find(|finding| finding["kind"] == kind);
        found.and_then(|finding| finding["id"].as_str()).map(str::to_owned)
    };
    let explain = |id: &str| {
        let mut explain = Belljar::new(&["explain"]);
        explain.command.arg(belljar.bundle()).arg(id);
        let ended = explain.end();
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        ended.stdout
    };
    let sent = explain(&id("sent").expect("something was sent"));
    assert!(sent.contains("By wasm instance 0, wasi:cli/run"), "{sent}");
    assert!(sent.contains("send_request, called by scan, called by each_file"), "{sent}");
}
