//! Claim: `belljar doctor` says what this host can do, because it has done it, and notices each
//! ability that is taken away; `belljar setup` gives and takes back what a host needs.

use belljar_tests::{binary, skip};
use std::process::{Command, Output};

/// The answers, with what is laid over the host before: shell lines in a mount namespace of the
/// test's own.
fn diagnosed(before: &str) -> Result<(i32, serde_json::Value), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("needs root, to take abilities away in a mount namespace".into());
    }
    let script = format!("set -e\n{before}\nexec \"$@\"");
    let Output { status, stdout, stderr } = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "/bin/sh", "-c", &script, "sh"])
        .arg(binary())
        .args(["doctor", "--format", "json"])
        .output()
        .expect("unshare is installed");
    let answers = serde_json::from_slice(&stdout);
    let answers = answers.map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&stderr)));
    Ok((status.code().expect("it ends by itself"), answers.expect("answers")))
}

fn state<'a>(answers: &'a serde_json::Value, ability: &str) -> &'a str {
    let all = answers["abilities"].as_array().expect("a list");
    let found = all.iter().find(|answer| answer["ability"] == ability);
    found.unwrap_or_else(|| panic!("no {ability}"))["state"].as_str().expect("a word")
}

fn advised(answers: &serde_json::Value, ability: &str) -> bool {
    let all = answers["abilities"].as_array().expect("a list");
    all.iter().any(|answer| {
        answer["ability"] == ability
            && answer["loses"].as_str().is_some_and(|text| !text.is_empty())
            && answer["advice"].as_array().is_some_and(|advice| !advice.is_empty())
    })
}

#[test]
fn this_host_is_ready_and_a_whole_run_shows_it() {
    let (code, answers) = match diagnosed("") {
        Ok(diagnosed) => diagnosed,
        Err(reason) => skip!("{reason}"),
    };
    assert_eq!((code, &answers["ready"]), (0, &true.into()), "{answers:#}");
    assert_eq!(answers["whole_run"]["state"], "works", "{answers:#}");
    for ability in ["namespaces", "users", "tree", "calls", "isolation", "world", "wire"] {
        assert_eq!(state(&answers, ability), "works", "{answers:#}");
    }
}

#[test]
fn each_ability_that_is_taken_away_is_missed_and_has_advice() {
    for (before, ability, expected, code) in [
        ("mount --bind /dev/null /dev/fuse", "world", "missing", 4),
        ("mount --bind /dev/null /dev/net/tun", "wire", "weaker", 0),
        ("mount -t tmpfs none /sys/fs/cgroup", "limits", "weaker", 0),
        ("ulimit -n 4096", "open-files", "weaker", 0),
    ] {
        let (ended, answers) = match diagnosed(before) {
            Ok(diagnosed) => diagnosed,
            Err(reason) => skip!("{reason}"),
        };
        assert_eq!(state(&answers, ability), expected, "{before}: {answers:#}");
        assert!(advised(&answers, ability), "{before}: {answers:#}");
        assert_eq!(ended, code, "{before}: {answers:#}");
        assert_eq!(answers["ready"], code == 0, "{before}");
    }
}

#[test]
fn without_user_namespaces_nothing_else_is_said_to_be_missing() {
    // The host's own setting is not touched: a namespace of users has its own.
    let Output { stdout, .. } = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c"])
        .arg("echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"")
        .arg("sh")
        .arg(binary())
        .args(["doctor", "--format", "json"])
        .output()
        .expect("unshare is installed");
    if stdout.is_empty() {
        skip!("user namespaces cannot be limited here");
    }
    let answers: serde_json::Value = serde_json::from_slice(&stdout).expect("answers");
    assert_eq!(answers["ready"], false);
    assert_eq!(state(&answers, "namespaces"), "missing", "{answers:#}");
    assert!(advised(&answers, "namespaces"));
    for ability in ["tree", "calls", "isolation", "world", "wire"] {
        assert_eq!(state(&answers, ability), "untried", "{answers:#}");
    }
}

#[test]
fn a_host_is_set_up_below_another_root_and_set_back() {
    let root = tempfile::tempdir().expect("made");
    std::fs::create_dir(root.path().join("etc")).expect("made");
    std::fs::write(root.path().join("etc/passwd"), "ada:x:1000:1000::/:/bin/sh\n")
        .expect("written");
    let setup = |args: &[&str]| {
        Command::new(binary())
            .arg("setup")
            .arg("--root")
            .arg(root.path())
            .args(args)
            .output()
            .expect("belljar runs")
    };
    let told = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let ranges = root.path().join("etc/subuid");

    let dry = setup(&["--user", "ada", "--dry-run"]);
    assert!(dry.status.success() && told(&dry).contains("ada:100000:65536"), "{}", told(&dry));
    assert!(!ranges.exists(), "only said");

    let done = setup(&["--user", "ada"]);
    assert!(done.status.success(), "{}", told(&done));
    assert_eq!(std::fs::read_to_string(&ranges).expect("written"), "ada:100000:65536\n");
    let again = setup(&["--user", "ada"]);
    assert!(told(&again).contains("Nothing is left to do"), "{}", told(&again));

    let back = setup(&["--remove"]);
    assert!(back.status.success(), "{}", told(&back));
    assert!(!root.path().join("etc/udev/rules.d/70-belljar.rules").exists());
    assert_eq!(setup(&["--remove"]).status.code(), Some(2), "nothing is left to take back");
    assert_eq!(setup(&["--user", "nobody-such"]).status.code(), Some(2));
}
