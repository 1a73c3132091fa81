//! Reference components with a declared truth of another kind: what one tells of the machine, what
//! one does to it and to its neighbours, and what one sends and leaves from install to uninstall.

use belljar_tests::{Belljar, fresh_seed};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn judged(scenario: &str, component: &str, profile: &str) -> Value {
    let args = ["--component", component, "--profile", profile];
    let mut belljar = Belljar::run(scenario, fresh_seed(), &args);
    belljar.end();
    belljar.verdict()
}

fn rows<'a>(verdict: &'a Value, path: &str) -> &'a Vec<Value> {
    let rows = verdict.pointer(path).and_then(Value::as_array);
    rows.unwrap_or_else(|| panic!("{path} is a list"))
}

/// The items that were sent, with the most that left of each.
fn sent(verdict: &Value) -> BTreeMap<&str, &str> {
    rows(verdict, "/items")
        .iter()
        .filter(|row| row["sent"] != "none")
        .filter_map(|row| Some((row["item"].as_str()?, row["sent"].as_str()?)))
        .collect()
}

/// Items that the vendor declares.
fn declared(verdict: &Value) -> BTreeSet<&str> {
    let rows = rows(verdict, "/component/declares");
    rows.iter().filter_map(|row| row["item"].as_str()).collect()
}

/// Paths changed in the system, outside the component's own places, with how.
fn changed(verdict: &Value) -> BTreeMap<&str, &str> {
    rows(verdict, "/writes/system/rows")
        .iter()
        .filter(|row| row["own"] == false)
        .filter_map(|row| Some((row["path"].as_str()?, row["change"].as_str()?)))
        .collect()
}

/// What was asked of each host, by the step in which it was asked.
fn stages(verdict: &Value) -> BTreeSet<(&str, &str)> {
    rows(verdict, "/egress/flows/rows")
        .iter()
        .filter(|flow| flow["protocol"] != "DNS")
        .filter_map(|flow| Some((flow["step"].as_str()?, flow["host"].as_str()?)))
        .collect()
}

#[test]
fn collector_sends_exactly_what_it_declares() {
    let verdict = judged("office-network", "collector", "default");
    let sent = sent(&verdict);
    assert_eq!(sent.keys().copied().collect::<BTreeSet<_>>(), declared(&verdict), "{sent:?}");
    assert_eq!(sent["processes"], "metadata");
    assert_eq!(sent["machine-id"], "identifier");
    for row in rows(&verdict, "/items").iter().filter(|row| row["sent"] != "none") {
        for to in row["sent-to"]["rows"].as_array().expect("a list") {
            assert_eq!(to["host"], "telemetry.vendor.example");
            assert_eq!(to["declared"], true);
        }
    }
    // Declared, and still against the scenario's policy.
    assert_eq!(verdict["verdict"], "fail");
    assert_eq!(verdict["exercise"]["done"], true);

    let off = judged("office-network", "collector", "telemetry-off");
    assert_eq!(off["verdict"], "pass", "{}", off["reasons"]);
    assert_eq!(off["egress"]["bytes"], 0);
}

#[test]
fn saboteur_is_told_in_every_point() {
    let verdict = judged("office-network", "saboteur", "default");
    assert_eq!(sent(&verdict), BTreeMap::new());
    assert_eq!(verdict["exercise"]["done"], true);

    let world = rows(&verdict, "/writes/world/rows");
    let acts = |end: &str| -> Vec<&str> {
        let row = world.iter().find(|row| row["path"].as_str().is_some_and(|at| at.ends_with(end)));
        let row = row.unwrap_or_else(|| panic!("{end} is changed: {world:?}"));
        row["acts"].as_array().expect("a list").iter().filter_map(Value::as_str).collect()
    };
    assert!(acts("/minutes.txt").contains(&"written"));
    assert!(acts("/contract.docx").contains(&"written"));
    assert!(acts("/contract.docx").iter().any(|act| act.ends_with("/contract.docx.locked")));
    assert_eq!(world.len(), 2, "{world:?}");

    let changed = changed(&verdict);
    for path in [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/ssl/certs/saboteur.pem",
        "/etc/resolv.conf",
        "/etc/cron.d/saboteur",
        "/etc/ld.so.preload",
    ] {
        assert!(changed.contains_key(path), "{path}: {changed:?}");
    }

    let neighbours = &verdict["egress"]["neighbours"];
    assert_eq!(neighbours["hosts"], 8);
    // Four doors of each of eight machines, and the file server's for FTP.
    assert_eq!(neighbours["doors"], 33);
    assert_eq!(neighbours["scanned"], true);
    let logins = rows(&verdict, "/egress/neighbours/logins/rows");
    assert_eq!(logins.len(), 1, "{logins:?}");
    assert!(logins[0].as_str().is_some_and(|login| login.ends_with(":21: user backup")));
    assert!(!verdict.to_string().contains("PASS backup"));
    let strangers = rows(&verdict, "/egress/destinations/rows");
    assert!(strangers.iter().all(|row| row["whose"] == "neighbour"), "{strangers:?}");

    let harmless = judged("office-network", "saboteur", "harmless");
    assert_eq!(harmless["verdict"], "pass", "{}", harmless["reasons"]);
    assert_eq!(rows(&harmless, "/writes/world/rows").len(), 0);
    assert_eq!(harmless["egress"]["neighbours"]["hosts"], 0);
}

#[test]
fn a_life_from_install_to_uninstall_is_told_stage_by_stage() {
    let verdict = judged("install-to-uninstall", "resident", "default");
    assert_eq!(verdict["verdict"], "pass", "{}", verdict["reasons"]);
    assert_eq!(
        sent(&verdict),
        BTreeMap::from([
            ("machine-id", "identifier"),
            ("installation-id", "identifier"),
            ("product-version", "metadata"),
            ("hash-of-sample", "hash"),
        ])
    );
    assert_eq!(
        stages(&verdict),
        BTreeSet::from([
            ("install", "register.vendor.example"),
            ("update", "update.vendor.example"),
            ("start daemon", "alive.vendor.example"),
            ("scan", "reputation.vendor.example"),
            ("scan again", "reputation.vendor.example"),
        ])
    );
    // What is left when it is gone: not the job, which its removal takes away.
    let changed = changed(&verdict);
    assert!(changed.contains_key("/usr/local/share/ca-certificates/resident.crt"), "{changed:?}");
    assert!(!changed.contains_key("/etc/cron.d/resident"), "{changed:?}");
    let own = rows(&verdict, "/writes/system/rows");
    assert!(own.iter().any(|row| row["path"] == "/var/lib/resident/id" && row["own"] == true));

    let private = judged("install-to-uninstall", "resident", "private");
    assert_eq!(private["verdict"], "pass", "{}", private["reasons"]);
    assert_eq!(
        sent(&private),
        BTreeMap::from([("product-version", "metadata"), ("hash-of-sample", "hash")])
    );
}
