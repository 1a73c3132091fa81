//! Claim: however and whenever belljar is killed, the component dies with it, nothing stays
//! mounted, and the next start finds and removes what could not end by itself.
//!
//! Only processes that this test started are ever signalled, by their number.

use belljar_tests::made::phases;
use belljar_tests::{Belljar, fresh_seed, skip};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// How often belljar is killed in each of the five phases.
const TIMES: u32 = 10;
const PHASES: [&str; 5] = ["planting", "starting", "mounted", "running", "concluding"];
/// How long the kernel may take to end what was killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process by number and start time: a number used again is another process.
type Key = (u32, u64);

fn stat(pid: u32) -> Option<(u32, u64, char)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let rest = &text[text.rfind(')')? + 2..];
    let fields: Vec<&str> = rest.split(' ').collect();
    Some((fields[1].parse().ok()?, fields[19].parse().ok()?, fields[0].chars().next()?))
}

fn all_pids() -> Vec<u32> {
    std::fs::read_dir("/proc")
        .expect("/proc is there")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// A process and all that descend from it.
fn family(root: u32) -> BTreeMap<Key, String> {
    let mut parents = BTreeMap::new();
    for pid in all_pids() {
        if let Some((parent, start, _)) = stat(pid) {
            parents.insert(pid, (parent, start));
        }
    }
    let mut out = BTreeMap::new();
    let mut at = vec![root];
    while let Some(pid) = at.pop() {
        let Some(&(_, start)) = parents.get(&pid) else { continue };
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&line).replace('\0', " ");
        out.insert((pid, start), words);
        at.extend(parents.iter().filter(|(_, (parent, _))| *parent == pid).map(|(&pid, _)| pid));
    }
    out
}

fn lives((pid, start): Key) -> bool {
    stat(pid).is_some_and(|(_, now, state)| now == start && state != 'Z')
}

fn namespace(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok()
}

/// Processes in these mount namespaces that were there before the clock tick `before`.
fn still_mounted(namespaces: &BTreeSet<PathBuf>, before: u64) -> Vec<u32> {
    let inside = |pid: &u32| {
        namespace(*pid).is_some_and(|one| namespaces.contains(&one))
            && stat(*pid).is_some_and(|(_, start, state)| start < before && state != 'Z')
            && std::fs::read_to_string(format!("/proc/{pid}/mountinfo"))
                .is_ok_and(|mounts| mounts.contains(" - fuse ") || mounts.contains("belljar"))
    };
    all_pids().into_iter().filter(inside).collect()
}

/// Clock ticks since the host's start, as in `/proc/PID/stat`.
fn now() -> u64 {
    let text = std::fs::read_to_string("/proc/uptime").expect("/proc is there");
    let seconds: f64 = text.split(' ').next().and_then(|text| text.parse().ok()).expect("a number");
    (seconds * 100.0) as u64 + 1
}

/// What bears the name of a belljar of this number: files where canaries and temporary folders
/// lie, and control groups.
fn leftovers(pid: u32, places: &[&Path]) -> Vec<PathBuf> {
    let mine = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.trim_start_matches('.').starts_with(&format!("belljar-{pid}-"))
    };
    let mut out = Vec::new();
    for place in places {
        for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
            out.extend(Some(entry.path()).filter(|path| mine(path)));
        }
    }
    let mut groups = vec![(PathBuf::from("/sys/fs/cgroup"), 0)];
    while let Some((group, deep)) = groups.pop() {
        for entry in std::fs::read_dir(group).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && deep < 6 {
                out.extend(Some(entry.path()).filter(|path| mine(path)));
                groups.push((entry.path(), deep + 1));
            }
        }
    }
    out
}

fn phase_of(record: &Path) -> Option<String> {
    let text = std::fs::read_to_string(record).ok()?;
    let line = text.lines().rev().find(|line| line.contains(r#""kind":"phase""#))?;
    let at = line.find(r#""name":""#)? + 8;
    Some(line[at..].split('"').next()?.to_owned())
}

/// A run whose component leaves the ways open that a process has to outlive its parent.
fn started(seed: u64, temporary: &Path, marker: &str) -> (Belljar, Child) {
    let script = format!(
        "trap '' HUP TERM INT; find {{home}} -type f -exec cat {{}} + >/dev/null; \
         (setsid sleep {marker} & ) ; nohup sleep {marker} >/dev/null 2>&1 & \
         echo x >{{home}}/made; test -n \"$STAY\" && sleep {marker}; exit 0"
    );
    let args = ["--", "/bin/sh", "-c", &script];
    let mut belljar = Belljar::run("contractor-laptop", seed, &args);
    belljar.command.env("TMPDIR", temporary);
    belljar.command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let child = belljar.command.spawn().expect("belljar starts");
    (belljar, child)
}

struct Round {
    phase: Option<String>,
    pid: u32,
    members: usize,
    left: usize,
}

/// Starts a run, kills belljar `delay` after it has begun `phase`, and looks at what is left.
fn round(seed: u64, places: &[&Path], phase: &str, delay: Duration) -> Round {
    let marker = format!("9{}", seed % 1_000_000_000);
    let (belljar, mut child) = started(seed, places[0], &marker);
    let pid = child.id();
    let record = belljar.bundle().join("record.jsonl");
    let patience = Instant::now() + Duration::from_secs(60);
    // Planting takes about a millisecond: it is met by the folder that is made for the bundle.
    let met = || match phase {
        "planting" => belljar.bundle().exists(),
        _ => phase_of(&record).as_deref() == Some(phase),
    };
    while !met() {
        if let Some(ended) = child.try_wait().expect("it can be waited for") {
            return Round { phase: Some(format!("ended: {ended}")), pid, members: 0, left: 0 };
        }
        assert!(Instant::now() < patience, "it never came to {phase}");
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(delay);
    // The jar is gone by then, and the look takes longer than concluding does.
    let members = if phase == "concluding" { BTreeMap::new() } else { family(pid) };
    let namespaces: BTreeSet<PathBuf> = members
        .keys()
        .filter_map(|&(pid, _)| namespace(pid))
        .filter(|one| Some(one) != namespace(std::process::id()).as_ref())
        .collect();
    // The number is that of a child that was not waited for, so it cannot be another process.
    kill(Pid::from_raw(i32::try_from(pid).expect("small")), Signal::SIGKILL).expect("it is ours");
    let killed = now();
    let ended = child.wait().expect("it can be waited for");
    if ended.signal() != Some(9) {
        return Round { phase: Some(format!("ended: {ended}")), pid, members: 0, left: 0 };
    }

    let until = Instant::now() + PATIENCE;
    let left = |members: &BTreeMap<Key, String>| -> Vec<String> {
        let living = members.iter().filter(|(key, _)| lives(**key));
        living.map(|(key, words)| format!("{key:?} {words}")).collect()
    };
    while !left(&members).is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(left(&members), Vec::<String>::new(), "killed in {phase} after {delay:?}");
    // What was born after the list was made.
    let born = |pid: &u32| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&marker))
            && stat(*pid).is_some_and(|(_, _, state)| state != 'Z')
    };
    while all_pids().iter().any(born) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    let born: Vec<u32> = all_pids().into_iter().filter(born).collect();
    assert_eq!(born, Vec::<u32>::new(), "of the component, killed in {phase} after {delay:?}");
    assert_eq!(still_mounted(&namespaces, killed), Vec::<u32>::new(), "nothing is mounted");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("/proc is there");
    let here = belljar.folder().display().to_string();
    assert!(!mounts.contains(&here), "nothing is mounted in the host's tree");

    let left = leftovers(pid, places).len();
    let bundle = std::fs::read_to_string(belljar.bundle().join("bundle.json")).unwrap_or_default();
    if bundle.contains(r#""state":"complete""#) {
        assert_eq!(phase_of(&record).as_deref(), Some("concluding"), "it claims to be whole");
        return Round { phase: Some("ended: the bundle was whole".into()), pid, members: 0, left };
    }
    let phase = phase_of(&record).unwrap_or_else(|| "planting".into());
    Round { phase: Some(phase), pid, members: members.len(), left }
}

#[test]
fn killed_in_any_phase_nothing_outlives_it() {
    if !nix::unistd::geteuid().is_root() {
        skip!("needs root, to look into every process");
    }
    let temporary = tempfile::TempDir::new().expect("a temporary folder");
    let places = [temporary.path(), Path::new("/root"), Path::new("/etc"), Path::new("/tmp")];
    let mut seed = fresh_seed();
    let mut hits: BTreeMap<String, u32> = BTreeMap::new();
    let mut killed = Vec::new();
    let (mut most, mut before) = (0, 0);
    for phase in PHASES {
        // Learned while going on: too late a kill halves the spread, so that it fits the phase.
        let mut spread = match phase {
            "planting" => 2.0,
            "starting" => 12.0,
            "mounted" => 45.0,
            "running" => 400.0,
            _ => 20.0,
        };
        let mut turn = 0;
        while hits.get(phase).copied().unwrap_or(0) < TIMES {
            assert!(turn < 60, "{phase} was hit only {hits:?} times in {turn} turns");
            let delay = spread * f64::from(turn % 10) / 10.0;
            turn += 1;
            seed += 1;
            let round = round(seed, &places, phase, Duration::from_secs_f64(delay / 1e3));
            let Round { phase: Some(hit), pid, members, left } = round else { continue };
            println!("{phase} + {delay:.1} ms: killed in {hit}, {members} processes");
            most = most.max(members);
            before += left;
            if hit != phase {
                spread /= 2.0;
            }
            if PHASES.contains(&&*hit) {
                killed.push(pid);
                *hits.entry(hit).or_default() += 1;
            }
        }
    }

    // The next start, to its end.
    let mut next = Belljar::run("quiet-machine", seed + 1, &["--component", "quiet"]);
    next.command.env("TMPDIR", temporary.path());
    assert_eq!(next.end().code, 0);
    assert_eq!(phases(&next.record()), PHASES, "the phases are those that were hit");
    let left: Vec<PathBuf> = killed.iter().flat_map(|&pid| leftovers(pid, &places)).collect();
    println!(
        "killed {} times: {hits:?}; up to {most} processes each, 0 alive; {before} groups and \
         files left behind, {} after the next start",
        killed.len(),
        left.len()
    );
    assert_eq!(left, Vec::<PathBuf>::new());
    let temporary: Vec<_> = std::fs::read_dir(temporary.path()).expect("it is there").collect();
    assert!(temporary.is_empty(), "{temporary:?}");
    assert!(killed.len() >= 50);
}
