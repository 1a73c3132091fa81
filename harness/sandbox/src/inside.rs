//! The look from inside: what a process sees that stands exactly where the component will stand.
//!
//! Promises: each check names what it saw; a check that cannot look does not hold.
//! Cannot see: ways out that need a flaw of the kernel; covert channels through shared hardware.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use belljar_record::IsolationCheck;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde::{Deserialize, Serialize};

use crate::launcher::Locked;
use crate::plan::Token;

/// What the look needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub wire: bool,
    pub canaries: Vec<Canary>,
    pub token: Option<Token>,
    pub world: Vec<String>,
    /// Places where something of the host is shown.
    pub overlays: Vec<PathBuf>,
    pub files: Vec<PathBuf>,
    /// belljar's own user namespace, as `/proc/self/ns/user` names it.
    pub outer_users: String,
}

/// A file of the host that must not be readable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Canary {
    pub path: PathBuf,
    pub content: String,
}

const MOST_ENTRIES: usize = 50_000;
const DEVICES: [&str; 14] = [
    "null", "zero", "full", "random", "urandom", "tty", "shm", "pts", "ptmx", "fd", "stdin",
    "stdout", "stderr", "console",
];
/// Devices that some kernels put into every new network namespace. They are down and without routes.
const KERNEL_DEVICES: [&str; 10] = [
    "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0",
    "teql0",
];

/// Tries to take mounts away or to make them writable, before the filter would refuse it anyway.
pub(crate) fn try_to_unmount(facts: &Facts) -> Locked {
    let mut locked = Locked::default();
    let places = facts.world.iter().map(String::as_str).chain(["/proc", "/dev/null"]);
    for place in places {
        let tried = umount2(place, MntFlags::MNT_DETACH).map_err(|errno| errno.to_string());
        locked.attempts.push((format!("umount {place}"), tried));
    }
    for file in &facts.files {
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
        let tried = mount(None::<&str>, file, None::<&str>, flags, None::<&str>)
            .map_err(|errno| errno.to_string());
        locked.attempts.push((format!("make {} writable", file.display()), tried));
    }
    locked
}

/// Looks, writes what was seen to standard output, and gives the exit code.
pub(crate) fn look(facts: &Facts, locked: &Locked) -> i32 {
    let checks = vec![
        routes(facts),
        interfaces(facts),
        descriptors(),
        unix_sockets(facts),
        host_secrets(facts),
        processes(),
        devices(),
        user_namespace(facts),
        mounts(facts),
        mounts_locked(locked),
        filter(),
        world(facts),
    ];
    match serde_json::to_vec(&checks) {
        Ok(text) if std::io::stdout().write_all(&text).is_ok() => {
            i32::from(std::io::stdout().flush().is_err())
        }
        _ => 1,
    }
}

fn check(name: &str, looked: Result<Vec<String>, String>, good: &str) -> IsolationCheck {
    let (holds, seen) = match looked {
        Ok(wrong) if wrong.is_empty() => (true, good.to_owned()),
        Ok(wrong) => {
            let more = if wrong.len() > 8 {
                format!(" and {} more", wrong.len() - 8)
            } else {
                String::new()
            };
            (false, wrong.into_iter().take(8).collect::<Vec<_>>().join(", ") + &more)
        }
        Err(error) => (false, format!("cannot look: {error}")),
    };
    IsolationCheck { name: name.to_owned(), holds, seen }
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

fn allowed_device(facts: &Facts, name: &str) -> bool {
    name == "lo" || (facts.wire && name == belljar_sys::net::DEVICE)
}

fn routes(facts: &Facts) -> IsolationCheck {
    let looked = || {
        let mut wrong = Vec::new();
        for line in read("/proc/net/route")?.lines().skip(1) {
            let device = line.split_ascii_whitespace().next().unwrap_or("");
            if !device.is_empty() && !allowed_device(facts, device) {
                wrong.push(format!("IPv4 route through {device}"));
            }
        }
        // Without IPv6 there is no such file.
        for line in fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default().lines() {
            let device = line.split_ascii_whitespace().next_back().unwrap_or("");
            if !allowed_device(facts, device) && !KERNEL_DEVICES.contains(&device) {
                wrong.push(format!("IPv6 route through {device}"));
            }
        }
        Ok(wrong)
    };
    check("routes", looked(), if facts.wire { "only through the wire" } else { "none" })
}

fn interfaces(facts: &Facts) -> IsolationCheck {
    let looked = || {
        let text = read("/proc/net/dev")?;
        let names = text.lines().skip(2).filter_map(|line| line.split(':').next());
        Ok(names
            .map(str::trim)
            .filter(|name| !allowed_device(facts, name) && !KERNEL_DEVICES.contains(name))
            .map(|name| format!("device {name}"))
            .collect())
    };
    check("interfaces", looked(), if facts.wire { "lo and the wire" } else { "lo" })
}

fn descriptors() -> IsolationCheck {
    let looked = || {
        let mut wrong = Vec::new();
        let entries = fs::read_dir("/proc/self/fd").map_err(|error| error.to_string())?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let target = fs::read_link(entry.path())
                .map(|target| target.to_string_lossy().into_owned())
                .unwrap_or_default();
            let fits = match &*name {
                "0" => target == "/dev/null",
                "1" | "2" => target.starts_with("pipe:"),
                // The directory that is being listed.
                _ => target.ends_with("/fd") && target.starts_with("/proc/"),
            };
            if !fits {
                wrong.push(format!("descriptor {name} is {target}"));
            }
        }
        Ok(wrong)
    };
    check("descriptors", looked(), "only 0, 1 and 2")
}

fn unix_sockets(facts: &Facts) -> IsolationCheck {
    let looked = || {
        let mut wrong: Vec<String> =
            read("/proc/net/unix")?.lines().skip(1).map(|line| format!("socket {line}")).collect();
        let mut budget = MOST_ENTRIES;
        for folder in ["/run", "/tmp", "/var", "/dev", "/etc", "/opt", "/srv", "/mnt", "/media"] {
            find_sockets(Path::new(folder), facts, &mut wrong, &mut budget);
        }
        if budget == 0 {
            return Err("too many files to look at".to_owned());
        }
        Ok(wrong)
    };
    check("unix-sockets", looked(), "none")
}

fn find_sockets(at: &Path, facts: &Facts, wrong: &mut Vec<String>, budget: &mut usize) {
    // The world is belljar's own; of the host's /etc only certificates and links are shown.
    let hosts_etc = at.starts_with("/etc") && facts.overlays.iter().any(|shown| shown == at);
    if hosts_etc || facts.world.iter().any(|world| Path::new(world) == at) {
        return;
    }
    let Ok(entries) = fs::read_dir(at) else { return };
    for entry in entries.flatten() {
        *budget = budget.saturating_sub(1);
        if *budget == 0 {
            return;
        }
        let Ok(meta) = fs::symlink_metadata(entry.path()) else { continue };
        if meta.file_type().is_socket() {
            wrong.push(format!("{}", entry.path().display()));
        } else if meta.is_dir() {
            find_sockets(&entry.path(), facts, wrong, budget);
        }
    }
}

fn host_secrets(facts: &Facts) -> IsolationCheck {
    let looked = || {
        let mut wrong = Vec::new();
        let points: Vec<PathBuf> = mount_points()?.into_iter().map(|point| point.place).collect();
        for canary in &facts.canaries {
            let mut candidates = vec![canary.path.clone()];
            let relative = canary.path.strip_prefix("/").unwrap_or(&canary.path);
            let name = canary.path.file_name().unwrap_or_default();
            for point in &points {
                candidates.push(point.join(relative));
                candidates.push(point.join(name));
            }
            for path in candidates {
                if fs::read_to_string(&path).is_ok_and(|text| text.contains(&canary.content)) {
                    wrong.push(format!("host file {}", path.display()));
                    break;
                }
            }
        }
        for path in ["/etc/shadow", "/etc/gshadow", "/etc/sudoers"] {
            let served = facts.world.iter().any(|world| Path::new(path).starts_with(world));
            if !served && Path::new(path).symlink_metadata().is_ok() {
                wrong.push(format!("{path} is not of the world"));
            }
        }
        for path in ["/proc/1/root", "/proc/1/cwd", "/proc/1/exe", "/proc/1/ns/mnt"] {
            if let Ok(target) = fs::read_link(path) {
                wrong.push(format!("{path} leads to {}", target.display()));
            }
        }
        for path in ["/proc/1/mem", "/proc/1/environ", "/proc/1/maps"] {
            // The kernel lets some of them be opened and gives nothing.
            let readable = fs::File::open(path).is_ok_and(|mut file| {
                let mut byte = [0; 1];
                std::io::Read::read(&mut file, &mut byte).is_ok_and(|len| len > 0)
            });
            if readable {
                wrong.push(format!("{path} is readable"));
            }
        }
        Ok(wrong)
    };
    let good = format!("{} canaries of the host are out of reach", facts.canaries.len());
    check("host-secrets", looked(), &good)
}

fn processes() -> IsolationCheck {
    let looked = || {
        let own = std::process::id();
        let entries = fs::read_dir("/proc").map_err(|error| error.to_string())?;
        Ok(entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .filter(|&pid| pid != 1 && pid != own)
            .map(|pid| format!("process {pid}"))
            .collect())
    };
    check("processes", looked(), "only its own")
}

fn devices() -> IsolationCheck {
    let looked = || {
        let entries = fs::read_dir("/dev").map_err(|error| error.to_string())?;
        Ok(entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !DEVICES.contains(&&**name))
            .map(|name| format!("/dev/{name}"))
            .collect())
    };
    check("devices", looked(), "only harmless ones; no fuse, tun, kvm, disk")
}

fn user_namespace(facts: &Facts) -> IsolationCheck {
    let looked = || {
        let mut wrong = Vec::new();
        let own = fs::read_link("/proc/self/ns/user").map_err(|error| error.to_string())?;
        if own == Path::new(&facts.outer_users) {
            wrong.push("the user namespace is belljar's own".to_owned());
        }
        // A call that needs a right over the host's clock fails for any user inside.
        let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_REALTIME)
            .map_err(|error| error.to_string())?;
        if nix::time::clock_settime(nix::time::ClockId::CLOCK_REALTIME, now).is_ok() {
            wrong.push("the host's clock can be set".to_owned());
        }
        Ok(wrong)
    };
    check("capabilities", looked(), "only over its own user namespace")
}

struct MountPoint {
    place: PathBuf,
    kind: String,
}

fn mount_points() -> Result<Vec<MountPoint>, String> {
    let text = read("/proc/self/mountinfo")?;
    text.lines()
        .map(|line| {
            let (head, tail) = line.split_once(" - ").ok_or("odd mountinfo")?;
            let place = head.split(' ').nth(4).ok_or("odd mountinfo")?;
            let kind = tail.split(' ').next().ok_or("odd mountinfo")?;
            Ok(MountPoint { place: unescape(place).into(), kind: kind.to_owned() })
        })
        .collect()
}

/// mountinfo writes blanks, tabs, line ends and backslashes in octal.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

fn mounts(facts: &Facts) -> IsolationCheck {
    let looked = || {
        Ok(mount_points()?
            .into_iter()
            .filter(|MountPoint { place, kind }| {
                let is = |path: &str| place == Path::new(path);
                let fits = match &**kind {
                    "tmpfs" if is("/") => true,
                    "proc" => is("/proc"),
                    "devpts" => is("/dev/pts"),
                    "overlay" => facts.overlays.contains(place),
                    "fuse" => facts.world.iter().any(|world| is(world)),
                    _ => {
                        facts.files.contains(place) || {
                            let name = place.strip_prefix("/dev").ok().and_then(Path::to_str);
                            name.is_some_and(|name| DEVICES[..6].contains(&name))
                        }
                    }
                };
                !fits
            })
            .map(|MountPoint { place, kind }| format!("{kind} at {}", place.display()))
            .collect())
    };
    check("mounts", looked(), "only those of the plan")
}

fn mounts_locked(locked: &Locked) -> IsolationCheck {
    let wrong = locked
        .attempts
        .iter()
        .filter(|(_, tried)| tried.is_ok())
        .map(|(what, _)| format!("{what} succeeded"))
        .collect();
    let good = format!("{} attempts to take them away were refused", locked.attempts.len());
    check("mounts-locked", Ok(wrong), &good)
}

fn filter() -> IsolationCheck {
    let looked = || {
        let status = read("/proc/self/status")?;
        let has = |line: &str| status.lines().any(|one| one == line);
        let mut wrong = Vec::new();
        for line in ["Seccomp:\t2", "NoNewPrivs:\t1"] {
            if !has(line) {
                wrong.push(format!("not {line}"));
            }
        }
        Ok(wrong)
    };
    check("filter", looked(), "system calls are filtered, no privileges can be gained")
}

fn world(facts: &Facts) -> IsolationCheck {
    let looked = || {
        let Some(token) = &facts.token else { return Ok(Vec::new()) };
        let content = fs::read(&token.path).map_err(|error| format!("{}: {error}", token.path))?;
        Ok(if content == token.content {
            Vec::new()
        } else {
            vec![format!("{} is not what belljar serves", token.path)]
        })
    };
    let good = if facts.token.is_some() { "served by belljar" } else { "none in this jar" };
    check("world", looked(), good)
}
