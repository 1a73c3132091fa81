//! Claim: a wasm component runs where nothing is allowed, and equal plans give equal records there
//! and as root, byte for byte.
#![allow(missing_docs, reason = "a test")]

use belljar_tests::guests::{NO_COMPILER, guests};
use belljar_tests::{Belljar, fresh_seed, skip};
use std::process::{Command, Stdio};

/// A user namespace in which no other can be made, with a /dev without fuse and tun, and no
/// capability left.
const NOTHING: &str = r#"set -e
mkdir "$room/dev"
mount -t tmpfs -o mode=0755 own "$room/dev"
for name in null zero full random urandom tty; do
    [ -e "/dev/$name" ] || continue
    : >"$room/dev/$name"
    mount --bind "/dev/$name" "$room/dev/$name"
done
mount --rbind "$room/dev" /dev
echo 0 >/proc/sys/user/max_user_namespaces
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"#;

fn where_nothing_is_allowed(belljar: &mut Belljar) {
    let mut wrapped = Command::new("unshare");
    wrapped
        .args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c", NOTHING, "sh"])
        .arg(belljar.command.get_program())
        .args(belljar.command.get_args())
        .env("room", belljar.folder())
        .env("HOME", belljar.folder())
        .current_dir(belljar.folder())
        .stdin(Stdio::null());
    belljar.command = wrapped;
}

fn user_namespaces() -> bool {
    let probe = "mount -t tmpfs own /mnt && echo 0 >/proc/sys/user/max_user_namespaces";
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c", probe])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn record(belljar: &Belljar) -> Vec<u8> {
    std::fs::read(belljar.bundle().join("record.jsonl")).expect("a record")
}

fn run(component: &str, seed: u64) -> Belljar {
    Belljar::run("contractor-laptop", seed, &["--component", component])
}

#[test]
fn a_guest_leaks_where_user_namespaces_and_fuse_are_refused_and_is_found() {
    if guests().is_none() {
        skip!("{NO_COMPILER}");
    }
    if !user_namespaces() {
        skip!("a user namespace in which no other can be made cannot be made here");
    }
    let seed = fresh_seed();
    let mut native = run("overreach", seed);
    where_nothing_is_allowed(&mut native);
    assert_eq!(native.end().code, 4, "nothing is allowed there: no native component starts");

    let mut there = run("overreach-wasm", seed);
    where_nothing_is_allowed(&mut there);
    assert_eq!(there.end().code, 1);
    let verdict = there.verdict();
    assert_eq!(verdict["verdict"], "fail");

    let mut here = run("overreach-wasm", seed);
    assert_eq!(here.end().code, 1);
    assert!(record(&there) == record(&here), "the place of a run shows in its record");
}

#[test]
fn two_runs_of_one_seed_have_one_record_and_another_seed_another() {
    if guests().is_none() {
        skip!("{NO_COMPILER}");
    }
    let seed = fresh_seed();
    let of = |seed| {
        let mut belljar = run("overreach-wasm", seed);
        assert_eq!(belljar.end().code, 1);
        record(&belljar)
    };
    let first = of(seed);
    assert!(first == of(seed), "two runs of one seed differ");
    assert!(first != of(seed ^ 1), "two seeds have one record");
}
