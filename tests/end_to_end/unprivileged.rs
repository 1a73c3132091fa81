//! Claim: a user without privileges gets the same verdict, and is told what is weaker.

use belljar_tests::made::{coverage, state};
use belljar_tests::{Belljar, fresh_seed, repository, skip};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// A user that owns nothing.
const NOBODY: u32 = 65_534;

/// What is laid over the host in a mount namespace of the test's own: device nodes that everybody
/// may open, a home, and ranges of users where `ranges` gives them.
const PRIVATE: &str = r#"set -e
mount -t tmpfs -o mode=0755 own /dev
for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 fuse:10:229; do
    IFS=: read -r name major minor <<EOF
$node
EOF
    mknod -m 0666 "/dev/$name" c "$major" "$minor"
done
mkdir /dev/net /dev/shm
chmod 1777 /dev/shm
mknod -m 0666 /dev/net/tun c 10 200
for file in subuid subgid; do
    printf '%s' "$ranges" >"/dev/shm/$file"
    mount --bind "/dev/shm/$file" "/etc/$file"
done
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
"#;

/// `belljar run SCENARIO …` as nobody; `None` where that cannot be tried here.
fn as_nobody(seed: u64, scenario: &str, args: &[&str], ranges: &str) -> Result<Belljar, String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("needs root, to become nobody and to make device nodes".into());
    }
    for folder in repository().ancestors() {
        let mode = std::fs::metadata(folder).map_or(0, |meta| meta.permissions().mode());
        if mode & 0o001 == 0 {
            return Err(format!("nobody may not enter {}", folder.display()));
        }
    }
    for file in ["/etc/subuid", "/etc/subgid"] {
        if !Path::new(file).exists() {
            return Err(format!("needs {file}"));
        }
    }
    let mut belljar = Belljar::run(scenario, seed, args);
    let folder = belljar.folder().to_owned();
    nix::unistd::chown(&folder, Some(NOBODY.into()), Some(NOBODY.into())).expect("root may");
    let mut wrapped = Command::new("unshare");
    wrapped
        .args(["--mount", "--propagation", "private", "/bin/sh", "-c", PRIVATE, "sh"])
        .arg(belljar.command.get_program())
        .args(belljar.command.get_args())
        .env("ranges", ranges)
        .env("HOME", &folder)
        .current_dir(&folder)
        .stdin(std::process::Stdio::null());
    belljar.command = wrapped;
    Ok(belljar)
}

fn uid_range(belljar: &Belljar) -> belljar_tests::made::Covered {
    let coverage = coverage(&belljar.verdict());
    coverage.into_iter().find(|row| row.dimension == "uid-range").expect("a row for it")
}

#[test]
fn a_leak_is_found_without_privileges() {
    let mut belljar = match as_nobody(fresh_seed(), "contractor-laptop", &[], "") {
        Ok(belljar) => belljar,
        Err(reason) => skip!("{reason}"),
    };
    assert_eq!(belljar.end().code, 1);
    let verdict = belljar.verdict();
    assert!(
        verdict["findings"].as_array().is_some_and(|findings| !findings.is_empty()),
        "the archive that left is found"
    );
    assert_eq!(state(&belljar).0, "complete");
}

#[test]
fn a_single_user_is_said() {
    let args = ["--component", "honest"];
    let mut belljar = match as_nobody(fresh_seed(), "contractor-laptop", &args, "") {
        Ok(belljar) => belljar,
        Err(reason) => skip!("{reason}"),
    };
    assert_eq!(belljar.end().code, 0, "a limit that is known beforehand bars no pass");
    let row = uid_range(&belljar);
    assert_eq!((row.extent.as_str(), row.bars), ("blind", false), "{row:?}");
    assert!(row.reasons[0].contains("only one user can be mapped"), "{row:?}");
}

#[test]
fn a_delegated_range_gives_all_users() {
    if Command::new("newuidmap").output().is_err() {
        skip!("needs newuidmap (package uidmap)");
    }
    // A daemon's way: other groups, another user, a file given away.
    let drops = "os.setgroups([4, 24]); os.chown('/tmp', 33, 33); os.setgid(33); os.setuid(33); \
        print('now', os.getuid(), os.getgroups())";
    let program = format!("import os; {drops}");
    let args = ["--", "/usr/bin/python3", "-I", "-S", "-c", &program];
    let range = "nobody:200000:65536\n";
    let mut belljar = match as_nobody(fresh_seed(), "quiet-machine", &args, range) {
        Ok(belljar) => belljar,
        Err(reason) => skip!("{reason}"),
    };
    // It scans nothing, so it is not exercised; what matters is that it could change users.
    assert_eq!(belljar.end().code, 3);
    let row = uid_range(&belljar);
    assert_eq!(row.extent, "whole", "{row:?}");
    let codes: Vec<_> = belljar
        .record()
        .iter()
        .filter(|line| line["event"]["kind"] == "step-ended" && !line["event"]["code"].is_null())
        .map(|line| line["event"]["code"].clone())
        .collect();
    assert_eq!(codes, [0], "setgroups, chown, setgid and setuid work");
    let printed = std::fs::read_dir(belljar.bundle().join("payloads"))
        .expect("payloads are there")
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok())
        .any(|text| text.contains("now 33 [4, 24]"));
    assert!(printed, "it is user 33 in groups 4 and 24");
}
