//! Claim: what belljar cannot do it says clearly, with the documented exit code; what it had
//! written by then is marked as partial.

use belljar_tests::made::{component, made, scenario, state};
use belljar_tests::{Belljar, Ended, fresh_seed, skip};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What was said, without the frame that it is drawn in.
fn said(ended: &Ended) -> String {
    let text: String =
        ended.stderr.chars().map(|c| if "│╭─╰▶·×".contains(c) { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn says(ended: &Ended, code: i32, words: &[&str]) {
    let said = said(ended);
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert_eq!(ended.code, code);
}

fn is_partial(belljar: &Belljar, why: &str) {
    let (state, reason) = state(belljar);
    assert_eq!(state, "partial");
    assert!(reason.contains(why), "{reason}");
    assert!(!belljar.bundle().join("verdict.json").exists(), "it says nothing of the component");
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[test]
fn an_unknown_key_is_shown_with_its_line_and_what_would_be_right() {
    let mut belljar = Belljar::run("made.toml", fresh_seed(), &["--component", "honest"]);
    belljar.file("made.toml", &scenario("[limits]\nmemry = \"1 GiB\"", ""));
    says(&belljar.end(), 2, &["memry", "made.toml:5", "memory"]);
    assert!(!belljar.bundle().exists(), "nothing was started");
}

#[test]
fn a_wrong_value_is_shown_with_its_line_and_what_would_be_right() {
    let mut belljar = Belljar::run("made.toml", fresh_seed(), &["--component", "honest"]);
    belljar.file("made.toml", &scenario("[limits]\nmemory = \"1 GB\"", ""));
    says(&belljar.end(), 2, &["made.toml:5", "1 GB", "write \"1 GiB\""]);
}

#[test]
fn a_mistake_in_a_component_file_is_shown_with_its_line() {
    let mut belljar = Belljar::run("quiet-machine", fresh_seed(), &[]);
    let component = component(&belljar, "scan()");
    let text = std::fs::read_to_string(&component).expect("it was just written");
    std::fs::write(&component, text.replace("vendor = ", "vender = ")).expect("it can be written");
    belljar.command.arg("--component").arg(component);
    says(&belljar.end(), 2, &["vender", "made-component.toml:2", "vendor"]);
}

#[test]
fn an_unknown_scenario_is_answered_with_the_known_ones() {
    let mut belljar = Belljar::run("contractor-labtop", fresh_seed(), &[]);
    says(&belljar.end(), 2, &["contractor-labtop", "contractor-laptop", "quiet-machine"]);
}

#[test]
fn a_missing_program_is_named_before_anything_starts() {
    let mut belljar =
        Belljar::run("quiet-machine", fresh_seed(), &["--", "no-such-scanner", "{scan}"]);
    says(&belljar.end(), 2, &["no-such-scanner", "not installed"]);
    assert!(!belljar.bundle().exists(), "nothing was started");
}

#[test]
fn a_missing_file_of_the_component_is_named_before_anything_starts() {
    let mut belljar = made(fresh_seed(), &scenario("", ""), "scan()");
    std::fs::remove_file(belljar.folder().join("made.py")).expect("it was just written");
    says(&belljar.end(), 2, &["made.py", "cannot be read", "`files`"]);
    assert!(!belljar.bundle().exists(), "nothing was started");
}

#[test]
fn a_folder_in_place_of_a_scenario_is_said() {
    let mut belljar = Belljar::run("./folder", fresh_seed(), &[]);
    std::fs::create_dir(belljar.folder().join("folder")).expect("it can be made");
    says(&belljar.end(), 2, &["folder", "cannot read"]);
}

#[test]
fn an_unreadable_scenario_is_said() {
    if !is_root() {
        skip!("needs root, to become somebody who may not read it");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mut belljar = Belljar::run("shut/made.toml", fresh_seed(), &[]);
    let shut = belljar.folder().join("shut");
    std::fs::create_dir(&shut).expect("it can be made");
    belljar.file("shut/made.toml", &scenario("", ""));
    std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
    std::fs::set_permissions(belljar.folder(), std::fs::Permissions::from_mode(0o755))
        .expect("it is ours");
    let mut wrapped = Command::new("setpriv");
    wrapped
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(belljar.command.get_program())
        .args(belljar.command.get_args())
        .current_dir(belljar.folder());
    belljar.command = wrapped;
    says(&belljar.end(), 2, &["made.toml", "cannot read", "Permission denied"]);
}

#[test]
fn a_bundle_is_never_written_over_another() {
    let mut belljar = Belljar::run("quiet-machine", fresh_seed(), &["--component", "quiet"]);
    std::fs::create_dir(belljar.bundle()).expect("it can be made");
    std::fs::write(belljar.bundle().join("mine"), "kept").expect("it can be written");
    says(&belljar.end(), 2, &["exists already", "--out"]);
    assert_eq!(
        std::fs::read_to_string(belljar.bundle().join("mine")).ok().as_deref(),
        Some("kept")
    );
}

#[test]
fn a_place_that_takes_no_bundle_is_said() {
    if !is_root() {
        skip!("needs root, to mount a read-only folder");
    }
    let mut belljar = Belljar::run("quiet-machine", fresh_seed(), &["--component", "quiet"]);
    belljar.beneath("mount -t tmpfs -o ro,size=4k none .; cd \"$PWD\"");
    says(&belljar.end(), 4, &["bundle", "Read-only file system"]);
}

/// No space: the bundle lies on a file system of this size.
fn without_space(size: &str) {
    if !is_root() {
        skip!("needs root, to mount a small file system");
    }
    let seed = fresh_seed().to_string();
    let mut belljar = Belljar::new(&["run", "contractor-laptop", "--seed", &seed]);
    let save = belljar.folder().join("saved");
    std::fs::create_dir(&save).expect("it can be made");
    // The small file system is seen only inside, so what is left of the bundle is taken out.
    let script = format!(
        "mkdir small; mount -t tmpfs -o size={size} none small; code=0; \
         \"$@\" --out small/bundle || code=$?; cp -r small/bundle {} || true; exit $code",
        save.display()
    );
    belljar.beneath(&script);
    let ended = belljar.end();
    says(&ended, 4, &["No space left"]);
    let bundle = save.join("bundle");
    if bundle.join("bundle.json").exists() {
        let marked = belljar_tests::read_json(&bundle.join("bundle.json"));
        assert_ne!(marked["state"], "complete");
    }
    assert!(!bundle.join("verdict.json").exists() || !bundle.join("report.html").exists());
}

#[test]
fn no_space_for_the_plan_is_said() {
    without_space("16k");
}

#[test]
fn no_space_for_what_is_seen_is_said() {
    without_space("128k");
}

/// `/dev` without `fuse`, in a mount namespace of the test's own.
fn dev_without_fuse() -> String {
    let nodes = [
        ("null", 1, 3),
        ("zero", 1, 5),
        ("full", 1, 7),
        ("random", 1, 8),
        ("urandom", 1, 9),
        ("tty", 5, 0),
        ("net/tun", 10, 200),
    ];
    let mut script = "mount -t tmpfs -o mode=0755 own /dev; mkdir /dev/net /dev/shm".to_owned();
    for (name, major, minor) in nodes {
        script += &format!("; mknod -m 0666 /dev/{name} c {major} {minor}");
    }
    script
}

#[test]
fn without_fuse_it_says_what_to_do() {
    if !is_root() {
        skip!("needs root, to hide a device");
    }
    let mut belljar = Belljar::run("quiet-machine", fresh_seed(), &["--component", "quiet"]);
    belljar.beneath(&dev_without_fuse());
    says(&belljar.end(), 4, &["/dev/fuse", "the `fuse` module must be loaded"]);
    is_partial(&belljar, "/dev/fuse");
}

/// Starts a component that would run for a minute, waits until it runs, and signals belljar.
fn interrupted(signals: &[Signal]) -> (Belljar, i32, String) {
    let mut belljar = made(fresh_seed(), &scenario("", ""), "scan()\ntime.sleep(60)");
    let record = belljar.bundle().join("record.jsonl");
    let child = belljar.command.stderr(Stdio::piped()).spawn().expect("belljar starts");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("small"));
    let began = Instant::now();
    let runs = |record: &Path| {
        std::fs::read_to_string(record).is_ok_and(|text| text.contains("/plans.txt"))
    };
    while !runs(&record) {
        assert!(began.elapsed() < Duration::from_secs(30), "the component never ran");
        std::thread::sleep(Duration::from_millis(5));
    }
    for &signal in signals {
        kill(pid, signal).expect("it is ours");
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().expect("it ends");
    assert!(began.elapsed() < Duration::from_secs(45), "it did not wait for the component");
    let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    println!("{code}: {said}");
    (belljar, code, said)
}

#[test]
fn sigint_leaves_a_marked_bundle() {
    let (belljar, code, said) = interrupted(&[Signal::SIGINT]);
    assert_eq!(code, 130);
    assert!(said.contains("interrupted") && said.contains("partial"), "{said}");
    is_partial(&belljar, "interrupted");
    let record = belljar.record();
    assert!(record.iter().any(|line| line["event"]["kind"] == "interrupted"), "the record says so");
    assert!(record.iter().any(|line| line["event"]["kind"] == "file"), "what was seen is kept");
}

#[test]
fn sigterm_leaves_a_marked_bundle() {
    let (belljar, code, _) = interrupted(&[Signal::SIGTERM]);
    assert_eq!(code, 130);
    is_partial(&belljar, "interrupted");
}

#[test]
fn an_impatient_second_signal_ends_it_at_once_and_the_bundle_is_not_whole() {
    let (belljar, code, _) = interrupted(&[Signal::SIGINT, Signal::SIGINT]);
    assert_eq!(code, 130);
    assert_ne!(state(&belljar).0, "complete");
}

#[test]
fn the_component_starts_with_the_usual_signals() {
    let does = "scan()\nfor line in open('/proc/self/status'):\n    \
        if line.startswith(('SigBlk', 'SigIgn')): print(line.strip())\n";
    let mut belljar = made(fresh_seed(), &scenario("", ""), does);
    // As if whoever runs belljar had some ignored (`nohup`).
    let mut ignoring = Command::new("/bin/sh");
    ignoring.args(["-c", "trap '' HUP USR1; exec \"$@\"", "sh"]);
    ignoring.arg(belljar.command.get_program()).args(belljar.command.get_args());
    ignoring.current_dir(belljar.command.get_current_dir().expect("a folder of its own"));
    belljar.command = ignoring;
    assert_eq!(belljar.end().code, 0);
    let printed: String = std::fs::read_dir(belljar.bundle().join("payloads"))
        .expect("payloads are there")
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok())
        .collect();
    // Python itself ignores SIGPIPE (13) and SIGXFSZ (25); the C library uses 32 and 33 for itself
    // and ignores them in whatever it spawns.
    assert!(printed.contains("SigBlk:\t0000000000000000"), "{printed}");
    assert!(printed.contains("SigIgn:\t0000000"), "{printed}");
    assert!(printed.contains("1001000\n"), "{printed}");
}
