//! Claim: a host that lacks something gets the same findings as long as a jar can be made there at
//! all, and is told what the verdict loses. (Without FUSE there is none: `bad_input`. Without root or
//! a range of users: `unprivileged`.)

use belljar_tests::made::{Covered, coverage, events, made, scenario, state};
use belljar_tests::{Belljar, fresh_seed, skip};

const NO_TUN: &str = "mount --bind /dev/null /dev/net/tun";
const NO_GROUPS: &str = "mount -t tmpfs none /sys/fs/cgroup";

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn row(belljar: &Belljar, dimension: &str) -> Covered {
    let all = coverage(&belljar.verdict());
    all.into_iter().find(|row| row.dimension == dimension).expect("a row for it")
}

/// That the archive has left whole: what `overreach` does, on every host.
fn the_leak_is_found(belljar: &mut Belljar) {
    assert_eq!(belljar.end().code, 1);
    assert_eq!(state(belljar).0, "complete");
    let verdict = belljar.verdict();
    let findings = verdict["findings"].as_array().expect("a list");
    assert!(
        findings.iter().any(|finding| finding.to_string().contains("work.zip")),
        "{findings:#?}"
    );
}

#[test]
fn without_tun_the_wire_is_a_pair_of_devices_and_weaker() {
    if !is_root() {
        skip!("needs root, to hide a device");
    }
    let mut belljar = Belljar::run("contractor-laptop", fresh_seed(), &[]);
    belljar.beneath(NO_TUN);
    the_leak_is_found(&mut belljar);
    let packets = row(&belljar, "packets");
    assert_eq!((&*packets.extent, packets.bars), ("blind", false), "{packets:?}");
    assert!(packets.reasons[0].contains("no TUN device"), "{packets:?}");

    let mut belljar = Belljar::run("contractor-laptop", fresh_seed(), &["--component", "honest"]);
    belljar.beneath(NO_TUN);
    assert_eq!(belljar.end().code, 0, "a limit that is known beforehand bars no pass");
}

#[test]
fn without_control_groups_a_watcher_keeps_the_limits() {
    if !is_root() {
        skip!("needs root, to hide the control groups");
    }
    let mut belljar = Belljar::run("contractor-laptop", fresh_seed(), &[]);
    belljar.beneath(NO_GROUPS);
    the_leak_is_found(&mut belljar);
    for (limit, does) in [
        ("memory = \"256 MiB\"", "hog = []\nwhile True: hog.append(os.urandom(1 << 20))\n"),
        (
            "memory = \"256 MiB\"",
            "hog = os.memfd_create('hog')\nwhile True: os.write(hog, b'x' * (1 << 20))\n",
        ),
        (
            "processes = 32",
            "end = time.time() + 20\nwhile time.time() < end:\n    if os.fork() == 0: time.sleep(30)\n",
        ),
    ] {
        let scenario = scenario(&format!("[limits]\ntime = \"60s\"\n{limit}"), "");
        let mut belljar = made(fresh_seed(), &scenario, &format!("scan()\n{does}"));
        belljar.beneath(NO_GROUPS);
        assert_eq!(belljar.end().code, 3, "{does} did not end as it should");
        let record = belljar.record();
        let mut hits = events(&record, "limit");
        let wanted = limit.split(' ').next().expect("a word");
        assert!(hits.any(|hit| hit.to_string().contains(wanted)), "{does}: no limit was hit");
    }
}

#[test]
fn root_without_the_right_to_mount_is_like_root_in_a_container() {
    if !is_root() {
        skip!("needs root, to give a right away");
    }
    let mut belljar = Belljar::run("contractor-laptop", fresh_seed(), &[]);
    let mut wrapped = std::process::Command::new("setpriv");
    wrapped
        .args(["--bounding-set=-sys_admin", "--inh-caps=-all"])
        .arg(belljar.command.get_program())
        .args(belljar.command.get_args())
        .current_dir(belljar.folder());
    belljar.command = wrapped;
    the_leak_is_found(&mut belljar);
    let range = row(&belljar, "uid-range");
    assert_eq!((&*range.extent, range.bars), ("blind", false), "{range:?}");
    assert!(range.reasons[0].contains("owners of /usr"), "{range:?}");
}
