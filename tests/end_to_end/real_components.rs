//! What people run: each real program of the component library, as it is and in another profile,
//! with what it reads and sends. Needs the Debian packages that `tests/run` installs.

use belljar_tests::{Belljar, fresh_seed, skip};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const LAPTOP: &str = "contractor-laptop";
const UPDATE: &str = "signature-update";
const AUDIT: &str = "system-audit";

/// Runs a component and returns its verdict and record; the exit code must be the verdict's.
fn judged(scenario: &str, component: &str, profile: &str) -> (Belljar, Value) {
    let mut belljar =
        Belljar::run(scenario, fresh_seed(), &["--component", component, "--profile", profile]);
    let ended = belljar.end();
    let verdict = belljar.verdict();
    let code = match verdict["verdict"].as_str() {
        Some("pass") => 0,
        Some("fail") => 1,
        _ => 3,
    };
    assert_eq!(ended.code, code, "{component} {profile}");
    (belljar, verdict)
}

/// The items that were sent, with the most that left of each.
fn sent(verdict: &Value) -> BTreeMap<&str, &str> {
    let items = verdict["items"].as_array().expect("items are a list");
    items
        .iter()
        .filter(|row| row["sent"] != "none")
        .filter_map(|row| Some((row["item"].as_str()?, row["sent"].as_str()?)))
        .collect()
}

fn reasons(verdict: &Value) -> String {
    serde_json::to_string_pretty(&verdict["reasons"]).expect("is JSON")
}

/// It did its work, and not one byte left.
fn passes_in_silence(verdict: &Value) {
    assert_eq!(verdict["verdict"], "pass", "{}", reasons(verdict));
    assert_eq!(verdict["exercise"]["done"], true);
    assert_eq!(verdict["egress"]["bytes"], 0);
    assert_eq!(verdict["ceiling"]["bytes"], 0);
    assert_eq!(sent(verdict), BTreeMap::new());
}

/// Paths of planted files read outside the task, without those that nearly every program reads.
fn beyond(verdict: &Value) -> Vec<&str> {
    let rows = verdict["reads"]["beyond"]["rows"].as_array().expect("rows are a list");
    rows.iter()
        .filter(|row| row["everyday"] == false)
        .filter_map(|row| row["path"].as_str())
        .collect()
}

/// All that the component printed.
fn printed(belljar: &Belljar) -> String {
    let mut out = String::new();
    for line in belljar.record() {
        let event = &line["event"];
        if event["kind"] == "payload"
            && matches!(event["label"].as_str(), Some("stdout" | "stderr"))
        {
            let name = event["payload"]["sha256"].as_str().expect("a digest");
            let bytes = std::fs::read(belljar.bundle().join("payloads").join(name));
            out.push_str(&String::from_utf8_lossy(&bytes.expect("the payload is kept")));
        }
    }
    out
}

macro_rules! needs {
    ($($program:literal),+) => {
        for program in [$($program),+] {
            if !Path::new(program).is_file() {
                skip!("{program} is not installed");
            }
        }
        if !nix::unistd::geteuid().is_root() {
            skip!("daemons need a range of users, which a root harness gives them");
        }
    };
}

#[test]
fn clamscan_and_yara_send_nothing() {
    needs!("/usr/bin/clamscan", "/usr/bin/yara");
    for (component, scenario) in [
        ("clamscan", LAPTOP),
        ("clamscan", "quiet-machine"),
        ("yara", LAPTOP),
        ("yara", "quiet-machine"),
    ] {
        passes_in_silence(&judged(scenario, component, "default").1);
    }
    passes_in_silence(&judged(LAPTOP, "clamscan", "every-alert").1);
    passes_in_silence(&judged(LAPTOP, "yara", "one-thread").1);
}

#[test]
fn a_mail_filter_reads_every_mail_and_sends_nothing_of_it() {
    needs!("/usr/sbin/clamav-milter", "/usr/sbin/clamd", "/usr/bin/python3");
    for profile in ["default", "quarantine"] {
        let (belljar, verdict) = judged("mail-gateway", "clamav-milter", profile);
        passes_in_silence(&verdict);
        assert_eq!(verdict["reads"]["within"], 7, "{profile}");
        assert_eq!(verdict["exercise"]["detections-found"], 1, "{profile}");
        // One mail of seven is refused, and no other.
        let said = printed(&belljar);
        let refused: Vec<&str> =
            said.lines().filter(|line| line.ends_with(": refused FOUND")).collect();
        let [one] = refused.as_slice() else { panic!("{profile}: {said}") };
        assert!(one.contains("/Mail/inbox/offer.eml"), "{profile}: {one}");
        // The mail that is marked is opened by nobody but the filter's own glue and clamd.
        assert_eq!(beyond(&verdict), Vec::<&str>::new(), "{profile}");
    }
}

#[test]
fn clamd_sends_nothing_whatever_way_a_file_comes_to_it() {
    needs!("/usr/sbin/clamd", "/usr/bin/clamdscan");
    for profile in ["default", "stream", "by-path-root", "multiscan"] {
        let (_, verdict) = judged(LAPTOP, "clamd", profile);
        passes_in_silence(&verdict);
        assert_eq!(verdict["reads"]["within"], 30, "{profile}");
    }
}

#[test]
fn clamd_by_path_is_no_pass_since_its_account_may_not_read_everything() {
    needs!("/usr/sbin/clamd", "/usr/bin/clamdscan");
    let (_, verdict) = judged(LAPTOP, "clamd", "by-path");
    assert_eq!(verdict["verdict"], "inconclusive");
    assert_eq!(verdict["reads"]["within"], 28);
    assert!(reasons(&verdict).contains("wanted at least 30 decoys read, got 28"));
    assert_eq!(verdict["egress"]["bytes"], 0);
}

#[test]
fn freshclam_detects_by_what_anyone_on_the_path_could_have_sent() {
    needs!("/usr/bin/freshclam", "/usr/bin/clamscan");
    let (belljar, verdict) = judged(UPDATE, "freshclam", "default");
    assert_eq!(verdict["verdict"], "pass", "{}", reasons(&verdict));
    // The signature came by plain HTTP from the fake vendor, and from nowhere else.
    assert_eq!(verdict["exercise"]["detections-found"], 1);
    let requests: Vec<&str> = verdict["egress"]["flows"]["rows"]
        .as_array()
        .expect("rows are a list")
        .iter()
        .filter(|flow| flow["protocol"] == "HTTP")
        .filter_map(|flow| flow["requests"]["rows"][0].as_str())
        .collect();
    assert_eq!(requests, ["GET /belljar.ndb"]);
    assert_eq!(sent(&verdict), BTreeMap::from([("installation-id", "identifier")]));
    // It asked for the newest version by DNS, and was told.
    let record = belljar.record();
    let asked = record
        .iter()
        .map(|line| &line["event"])
        .find(|event| event["kind"] == "lookup" && event["name"] == "current.cvd.clamav.net");
    let asked = asked.expect("the version is asked for");
    assert_eq!(asked["record"], "TXT");
    assert!(asked["answer"].as_str().expect("text").contains("1.4.6:62:27900"), "{asked}");
}

#[test]
fn freshclam_refuses_an_official_database_without_the_key() {
    needs!("/usr/bin/freshclam", "/usr/bin/clamscan");
    let (belljar, verdict) = judged(UPDATE, "freshclam", "official");
    assert!(printed(&belljar).contains("Can't verify database integrity"));
    let steps = verdict["scenario"]["steps"].as_array().expect("steps are a list");
    let update = steps.iter().find(|step| step["name"] == "update").expect("it updates");
    assert_ne!(update["code"], 0);
    assert_eq!(verdict["exercise"]["detections-found"], 1, "by what was there before");
    assert_eq!(sent(&verdict), BTreeMap::from([("installation-id", "identifier")]));
}

/// The archive left whole, with the innocent members in it, to somebody else's storage, and the
/// vendor does not declare it.
fn hands_in_the_archive_whole(verdict: &Value) {
    assert_eq!(verdict["verdict"], "fail");
    let finding = &verdict["findings"][0];
    assert_eq!(finding["class"], "whole-file");
    assert_eq!(finding["item"], "archive");
    assert_eq!(finding["destination"]["host"], "clamav-site.s3.amazonaws.com");
    assert_eq!(finding["declared"], false);
    let name = finding["subjects"]["rows"][0]["name"].as_str().expect("a name");
    assert!(name.ends_with("/Projects/work.zip"), "{name}");
    assert!(finding["collateral"]["ratio"].as_f64().expect("a number") > 1000.0);
    let sent = sent(verdict);
    for item in ["archive", "document", "mail", "source", "sample"] {
        assert!(sent.contains_key(item), "{item}: {sent:?}");
    }
    assert!(!sent.contains_key("credentials") && !sent.contains_key("browsing"), "{sent:?}");
}

#[test]
fn clamsubmit_hands_in_what_was_detected_whole() {
    needs!("/usr/bin/clamsubmit", "/usr/bin/clamscan");
    let (_, verdict) = judged(LAPTOP, "clamsubmit", "default");
    hands_in_the_archive_whole(&verdict);
    let sent = sent(&verdict);
    assert_eq!(
        (sent.get("full-name"), sent.get("email")),
        (Some(&"identifier"), Some(&"identifier"))
    );
    passes_in_silence(&judged(LAPTOP, "clamsubmit", "hash-only").1);
}

#[test]
fn one_line_in_the_settings_of_clamd_hands_archives_in() {
    needs!("/usr/sbin/clamd", "/usr/bin/clamdscan", "/usr/bin/clamsubmit");
    let (_, verdict) = judged(LAPTOP, "clamd-event", "default");
    hands_in_the_archive_whole(&verdict);
    let who = verdict["findings"][0]["who"]["program"].as_str().expect("a program");
    assert!(who.ends_with("/clamsubmit"), "{who}");
    passes_in_silence(&judged(LAPTOP, "clamd-event", "log-only").1);
}

#[test]
fn checks_of_the_system_read_no_home_and_send_nothing() {
    needs!("/usr/sbin/chkrootkit", "/usr/bin/rkhunter", "/usr/bin/debsums");
    for (component, profile) in [
        ("chkrootkit", "quiet"),
        ("rkhunter", "default"),
        ("debsums", "default"),
        ("debsums", "all"),
    ] {
        let (_, verdict) = judged(AUDIT, component, profile);
        passes_in_silence(&verdict);
        let homes: Vec<_> =
            beyond(&verdict).into_iter().filter(|path| path.starts_with("/home/")).collect();
        assert!(homes.is_empty(), "{component}: {homes:?}");
    }
}
