//! Claim: while the tests run, not one packet that is not the host's own reaches an interface of the
//! host. `tests/run` watches; here it is shown that the watcher would see one.

use belljar_tests::{repository, skip};
use std::process::Command;

/// In a network namespace of its own: devices, the watcher, what `$1` sends, then the report.
const WATCHED: &str = r#"set -e
ip link set lo up
ip link add one type veth peer name two
ip link set one arp off
ip link set two up
ip addr add 10.77.0.1/24 dev one
ip addr add 192.0.2.9/24 dev one
ip link set one up
ip route add default dev one
mkfifo "$REPORT.ready"
"$WATCH" "$REPORT" >"$REPORT.ready" &
watcher=$!
read -r line <"$REPORT.ready"
python3 -I -c "$1"
kill -TERM $watcher
wait $watcher || true
cat "$REPORT"
"#;

/// What the watcher says of what a Python program sends.
fn watched(sends: &str) -> Result<serde_json::Value, String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("needs root, to make a network namespace and to watch it".into());
    }
    let folder = tempfile::tempdir().expect("made");
    let out = Command::new("unshare")
        .args(["--net", "/bin/sh", "-c", WATCHED, "sh", sends])
        .env("REPORT", folder.path().join("report"))
        .env("WATCH", repository().join("tests/host-watch"))
        .output()
        .expect("unshare is installed");
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    Ok(serde_json::from_str(&text).expect("a report"))
}

fn foreign(sends: &str) -> Result<Vec<String>, String> {
    let report = watched(sends)?;
    assert_eq!(report["lost"], 0, "{report}");
    let first = report["first"].as_array().expect("a list");
    assert_eq!(report["foreign"], first.len(), "{report}");
    Ok(first.iter().map(|one| one["why"].as_str().expect("a word").to_owned()).collect())
}

#[test]
fn each_kind_of_foreign_packet_is_counted() {
    for (why, sends) in [
        ("fake", "import socket; socket.socket(2, 2).sendto(b'x', ('198.18.7.7', 9))"),
        (
            "name",
            "import socket; socket.socket(2, 2).sendto(b'\\0' * 12 + b'\\6vendor\\7example\\0\\0\\1\\0\\1', ('10.77.0.53', 53))",
        ),
        (
            "source",
            "import socket; s = socket.socket(2, 3, 255); s.sendto(bytes.fromhex('450000140000000040fd00000a090909') + socket.inet_aton('10.77.0.3'), ('10.77.0.3', 0))",
        ),
        (
            "type",
            "import socket; s = socket.socket(17, 3); s.bind(('one', 0x88b5)); s.send(b'\\xff' * 12 + b'\\x88\\xb5' + b'x' * 50)",
        ),
    ] {
        match foreign(sends) {
            // A packet to a neighbour that nobody is may be asked for more than once.
            Ok(found) => {
                assert!(!found.is_empty() && found.iter().all(|one| one == why), "{why}: {found:?}")
            }
            Err(reason) => skip!("{reason}"),
        }
    }
}

#[test]
fn what_a_host_sends_by_itself_is_not() {
    let own = "import socket; s = socket.socket(2, 2); s.sendto(b'x', ('10.77.0.2', 9)); \
        s.sendto(b'x', ('192.0.2.7', 9)); s.sendto(b'x', ('127.0.0.1', 9))";
    match watched(own) {
        Ok(report) => {
            assert_eq!(report["foreign"], 0, "{report}");
            assert!(report["seen"].as_u64().is_some_and(|seen| seen >= 2), "{report}");
        }
        Err(reason) => skip!("{reason}"),
    }
}

#[test]
fn a_process_that_no_test_started_may_have_its_hosts_at_such_addresses() {
    // Its parent ends, so that it descends from nothing that was built here.
    let orphan = "import os, socket, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while os.getppid() != 1: time.sleep(0.01)
        s = socket.socket(2, 2)
        for _ in range(20):
            s.sendto(b'x', ('198.18.7.7', 9)); time.sleep(0.1)
    os._exit(0)
os.wait()
time.sleep(3)";
    match watched(orphan) {
        Ok(report) => {
            assert_eq!(report["foreign"], 0, "{report}");
            // Each is seen on both ends of the pair.
            assert_eq!(report["bystanders"], 40, "{report}");
        }
        Err(reason) => skip!("{reason}"),
    }
}
