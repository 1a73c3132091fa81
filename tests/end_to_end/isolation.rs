//! Claim: a component never starts in a jar that lets it reach the host. Each check of the look
//! from inside is made to fail by breaking the jar on purpose.

use belljar_tests::made::{events, phases, state};
use belljar_tests::{Belljar, Ended, fresh_seed, skip};
use serde_json::Value;

/// What the component leaves behind wherever it runs: a planted file read, a file written to the
/// world, a line printed, a name looked up.
const TRACES: &str = "cat {home}/Documents/diary.txt >/dev/null; echo here >{home}/left-behind; \
    echo component-was-here; getent hosts trace.vendor.example; exit 0";

fn run(seed: u64, sabotage: Option<&str>) -> (Belljar, Ended) {
    let mut belljar = Belljar::run("quiet-machine", seed, &["--", "/bin/sh", "-c", TRACES]);
    if let Some(sabotage) = sabotage {
        belljar.command.env("BELLJAR_TEST_SABOTAGE", sabotage);
    }
    let ended = belljar.end();
    (belljar, ended)
}

/// Everything in a record that only the component can have caused.
fn traces(record: &[Value]) -> Vec<String> {
    let mut out = Vec::new();
    for line in record {
        let (event, actor) = (&line["event"], &line["actor"]);
        let executable = actor["native"]["executable"].as_str().unwrap_or_default();
        let kind = event["kind"].as_str().unwrap_or_default();
        match kind {
            "process" => out.push(format!("process {}", event["executable"])),
            "payload" | "lookup" | "flow-opened" | "step-began" | "reach" | "refused" => {
                out.push(kind.to_owned());
            }
            "file" if actor.get("native").is_some() && !executable.ends_with("/belljar") => {
                out.push(format!("file {}", event["path"]));
            }
            _ => {}
        }
    }
    out
}

/// A jar broken in one way: exit 4 before the component runs, the check named, the bundle partial.
fn is_noticed(sabotage: &str, check: &str, seen: &str) {
    if !nix::unistd::geteuid().is_root() {
        skip!("needs root, as do the host's canaries in /root and /etc");
    }
    let (belljar, ended) = run(fresh_seed(), Some(sabotage));
    assert_eq!(ended.code, 4);

    let record = belljar.record();
    let isolation = events(&record, "isolation").next().expect("what was seen is recorded");
    let failed: Vec<_> = isolation["checks"]
        .as_array()
        .expect("checks are a list")
        .iter()
        .filter(|check| check["holds"] == false)
        .collect();
    let found = failed.iter().find(|one| one["name"] == check).unwrap_or_else(|| {
        panic!("the check {check} holds in a jar broken by {sabotage}; failed: {failed:?}")
    });
    assert!(found["seen"].as_str().is_some_and(|text| text.contains(seen)), "{found}");

    let said = ended.stderr.replace("\n  │ ", " ").replace('\n', " ");
    assert!(said.contains("not isolated") && said.contains(check), "the message names the check");
    assert_eq!(traces(&record), Vec::<String>::new(), "nothing of the component is in the record");
    assert_eq!(phases(&record), ["planting", "starting", "mounted"], "it never came to running");
    let (state, reason) = state(&belljar);
    assert_eq!(state, "partial");
    assert!(reason.contains(check), "{reason}");
    assert!(!belljar.bundle().join("verdict.json").exists(), "nothing is said of the component");
}

#[test]
fn a_whole_jar_starts_it_and_its_traces_are_seen() {
    if !nix::unistd::geteuid().is_root() {
        skip!("needs root, like the tests that it is the counterpart of");
    }
    let (belljar, _) = run(fresh_seed(), None);
    let traces = traces(&belljar.record());
    for expected in ["step-began", "process \"/usr/bin/dash\"", "payload", "lookup", "flow-opened"]
    {
        assert!(traces.iter().any(|trace| trace.contains(expected)), "{expected} in {traces:?}");
    }
    assert!(traces.iter().any(|trace| trace.ends_with("/left-behind\"")), "{traces:?}");
    assert_eq!(state(&belljar).0, "complete");
}

#[test]
fn another_way_out_is_noticed_by_its_routes() {
    is_noticed("extra-route", "routes", "leak0");
}

#[test]
fn another_network_device_is_noticed() {
    is_noticed("extra-route", "interfaces", "leak0");
}

#[test]
fn an_inherited_descriptor_is_noticed() {
    is_noticed("inherited-descriptor", "descriptors", "is /");
}

#[test]
fn a_socket_of_the_host_is_noticed() {
    is_noticed("host-socket", "unix-sockets", "/run/host.sock");
}

#[test]
fn a_readable_secret_of_root_is_noticed() {
    is_noticed("readable-canary-root", "host-secrets", "/srv/sabotage/.belljar-");
}

#[test]
fn a_readable_secret_of_etc_is_noticed() {
    is_noticed("readable-canary-etc", "host-secrets", "/srv/sabotage/.belljar-");
}

#[test]
fn an_unknown_sabotage_starts_nothing_either() {
    is_noticed("no-such-sabotage", "sabotage", "Unknown");
}
