//! Limits of everything in the jar together: control groups (v2, else v1), else a watcher.
//!
//! Promises: the groups carry belljar's name and go away with the jar; those of a killed belljar are
//! swept at the next start; hits are told of.
//! Cannot see: with the watcher alone, System V shared memory that nobody has mapped, and what rises and
//! falls between two looks (100 ms).

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::leftovers::{is_stale, numbered_name};
use crate::{JarError, JarLimits, LimitHit};

const LOOK_EVERY: Duration = Duration::from_millis(100);
const MOST_WATCHED: usize = 4096;
/// Open files that one look goes through.
const MOST_OPEN: usize = 65_536;
const MOST_SWEPT: usize = 8192;
const DEEPEST_SWEPT: usize = 5;

/// The limits of one jar.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: JarLimits,
    groups: Vec<PathBuf>,
    unified: bool,
    memory: bool,
    processes: bool,
    watch: Option<Watch>,
    readying: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Watch {
    stop: Arc<AtomicBool>,
    hit: Arc<Mutex<Option<String>>>,
}

struct Hierarchy {
    controllers: Vec<String>,
    /// Where groups are made: where this process lives, if that can be told.
    place: PathBuf,
    /// Where it is mounted.
    top: PathBuf,
    /// Whether this process lives in `place`.
    ours: bool,
    unified: bool,
}

impl Hierarchy {
    fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|known| known == controller)
    }

    /// Makes a group that limits bytes of memory and processes; `None` if it can limit neither.
    fn group(&self, path: &Path, memory: Option<u64>, processes: Option<u64>) -> Option<Group> {
        if memory.is_none() && processes.is_none() {
            return None;
        }
        if let (true, Some(above)) = (self.unified, path.parent()) {
            // One by one: a host may have given one of them to a hierarchy of version 1.
            for controller in ["+memory", "+pids"] {
                let _ = fs::write(above.join("cgroup.subtree_control"), controller);
            }
        }
        fs::create_dir(path).ok()?;
        let set = |file: &str, value: u64| fs::write(path.join(file), value.to_string()).is_ok();
        let most = if self.unified { "memory.max" } else { "memory.limit_in_bytes" };
        let took_memory = memory.is_some_and(|memory| set(most, memory));
        let took_processes = processes.is_some_and(|processes| set("pids.max", processes));
        if !took_memory && !took_processes {
            let _ = fs::remove_dir(path);
            return None;
        }
        if let (true, Some(memory)) = (took_memory, memory) {
            // Without this what is over the limit would be swapped out instead.
            set("memory.swap.max", 0);
            set("memory.memsw.limit_in_bytes", memory);
        }
        Some(Group { path: path.into(), memory: took_memory, processes: took_processes })
    }
}

/// A group that was made, and what it limits.
struct Group {
    path: PathBuf,
    memory: bool,
    processes: bool,
}

fn hierarchies() -> Vec<Hierarchy> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut out = Vec::new();
    for line in mounts.lines() {
        let Some((head, tail)) = line.split_once(" - ") else { continue };
        let mut head = head.split(' ').skip(3);
        let (Some(root), Some(point)) = (head.next(), head.next()) else { continue };
        let mut tail = tail.split(' ');
        let (kind, options) = (tail.next().unwrap_or(""), tail.nth(1).unwrap_or(""));
        let unified = match kind {
            "cgroup" => false,
            "cgroup2" => true,
            _ => continue,
        };
        let controllers: Vec<String> = if unified {
            fs::read_to_string(Path::new(point).join("cgroup.controllers"))
                .unwrap_or_default()
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect()
        } else {
            options.split(',').map(str::to_owned).collect()
        };
        let mine = own.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (number, names, path) = (fields.next()?, fields.next()?, fields.next()?);
            let fits = if unified {
                number == "0"
            } else {
                names.split(',').any(|name| controllers.iter().any(|known| known == name))
            };
            fits.then_some(path)
        });
        let mine = mine.map(|path| path.strip_prefix(root).unwrap_or(path));
        let place = mine.map(|path| Path::new(point).join(path.trim_start_matches('/')));
        let place = place.filter(|place| place.is_dir());
        let ours = place.is_some();
        let place = place.unwrap_or_else(|| point.into());
        out.push(Hierarchy { controllers, place, top: point.into(), ours, unified });
    }
    out
}

impl Limiter {
    /// Makes groups with the limits, where the host has any that can be written.
    pub(crate) fn make(limits: JarLimits) -> Result<Self, JarError> {
        let hierarchies = hierarchies();
        let mut out = Self {
            limits,
            groups: Vec::new(),
            unified: false,
            memory: false,
            processes: false,
            watch: None,
            readying: None,
        };
        let name = numbered_name("jar");
        for hierarchy in &hierarchies {
            let memory = (hierarchy.has("memory") && !out.memory).then_some(limits.memory);
            let processes = (hierarchy.has("pids") && !out.processes).then_some(limits.processes);
            // Where ours may have no groups below it that limit (it has processes of its own), one
            // beside it may.
            let made = [&hierarchy.place, &hierarchy.top]
                .into_iter()
                .find_map(|place| hierarchy.group(&place.join(&name), memory, processes));
            let Some(group) = made else { continue };
            out.memory |= group.memory;
            out.processes |= group.processes;
            out.unified |= hierarchy.unified;
            out.groups.push(group.path);
        }
        // No sooner: it would hold up the making of groups.
        out.readying = ready(&hierarchies);
        Ok(out)
    }

    /// Whether there is something that no group limits.
    pub(crate) fn needs_a_watcher(&self) -> bool {
        !(self.memory && self.processes)
    }

    /// Starts the watcher for what no group limits.
    pub(crate) fn watch(&mut self, init: u32) {
        if !self.needs_a_watcher() {
            return;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let hit = Arc::new(Mutex::new(None));
        let watch = Watch { stop: Arc::clone(&stop), hit: Arc::clone(&hit) };
        let limits = self.limits;
        let spawned = std::thread::Builder::new().name("limits".into()).spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let members = descendants(init);
                let used = memory(&members);
                let over = if used > limits.memory {
                    Some(format!("{used} bytes of memory, {} allowed", limits.memory))
                } else if members.len() as u64 > limits.processes {
                    Some(format!("{} processes, {} allowed", members.len(), limits.processes))
                } else {
                    None
                };
                if let Some(over) = over {
                    *hit.lock().unwrap_or_else(PoisonError::into_inner) = Some(over);
                    for pid in members {
                        kill_member(pid, init);
                    }
                }
                std::thread::sleep(LOOK_EVERY);
            }
        });
        if spawned.is_ok() {
            self.watch = Some(watch);
        }
    }

    /// Puts a process under the limits. Its children follow by themselves.
    pub(crate) fn join(&self, pid: u32) -> Result<(), JarError> {
        for group in &self.groups {
            let path = group.join("cgroup.procs");
            fs::write(&path, pid.to_string())
                .map_err(|error| JarError::Limits(format!("{}: {error}", path.display())))?;
        }
        Ok(())
    }

    /// How the limits are kept, in words.
    pub(crate) fn kept_by(&self) -> String {
        let version = if self.unified { "2" } else { "1" };
        match (self.memory, self.processes) {
            (true, true) => format!("control groups, version {version}"),
            (true, false) | (false, true) => {
                format!("control groups, version {version}, and a watcher")
            }
            (false, false) => "a watcher that looks every 100 ms".into(),
        }
    }

    /// Which limits were hit.
    pub(crate) fn hits(&self, free: u64, free_files: u64) -> Vec<LimitHit> {
        let mut out = Vec::new();
        let mut hit = |what: &str, detail: String| {
            out.push(LimitHit { what: what.to_owned(), detail });
        };
        for group in &self.groups {
            let counted = |file: &str, name: &str| {
                let text = fs::read_to_string(group.join(file)).unwrap_or_default();
                text.lines()
                    .filter_map(|line| line.split_once(' '))
                    .find(|(key, _)| *key == name)
                    .and_then(|(_, value)| value.trim().parse::<u64>().ok())
                    .unwrap_or(0)
            };
            let killed =
                counted("memory.oom_control", "oom_kill").max(counted("memory.events", "oom_kill"));
            if killed > 0 {
                let allowed = self.limits.memory;
                hit("memory", format!("{allowed} bytes allowed; {killed} processes were killed"));
            }
            let refused = counted("pids.events", "max");
            if refused > 0 {
                let allowed = self.limits.processes;
                hit("processes", format!("{allowed} allowed; {refused} forks were refused"));
            }
        }
        if let Some(watch) = &self.watch {
            let what = watch.hit.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(detail) = what {
                hit("memory or processes", detail);
            }
        }
        if free < 4096 {
            hit("disk", format!("{} bytes allowed; all were used", self.limits.disk));
        } else if free_files == 0 {
            hit("disk", "all files that could be made were made, with room left in them".into());
        }
        out
    }
}

/// What is done beside the making of the jar. The first process that changes its group after a while
/// waits until no processor is in the midst of a fork (5 to 16 ms on a quiet host); those that follow
/// soon after do not. So that the component need not wait, this process says that it stays where it
/// is. Then groups of the dead are swept.
fn ready(hierarchies: &[Hierarchy]) -> Option<JoinHandle<()>> {
    let limiting = |one: &&Hierarchy| one.ours && (one.has("memory") || one.has("pids"));
    let stay = hierarchies.iter().find(limiting).map(|one| one.place.join("cgroup.procs"));
    let work = std::thread::Builder::new().name("control groups".into());
    let started = work.spawn(move || {
        if let Some(stay) = stay {
            // Where that is refused, the component waits.
            let _ = fs::write(stay, std::process::id().to_string());
        }
        sweep_groups();
    });
    started.ok()
}

impl Drop for Limiter {
    fn drop(&mut self) {
        if let Some(readying) = self.readying.take() {
            let _ = readying.join();
        }
        if let Some(watch) = &self.watch {
            watch.stop.store(true, Ordering::Relaxed);
        }
        for group in &self.groups {
            // The kernel needs a moment to let go of the last process.
            for _ in 0..100 {
                match fs::remove_dir(group) {
                    Err(error) if error.raw_os_error() == Some(nix::errno::Errno::EBUSY as i32) => {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    _ => break,
                }
            }
        }
    }
}

/// Removes the groups of makers that are dead. Gives how many.
pub fn sweep_groups() -> u64 {
    let mut places: VecDeque<(PathBuf, usize)> = VecDeque::new();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for line in mounts.lines() {
        if (line.contains(" - cgroup ") || line.contains(" - cgroup2 "))
            && let Some(point) = line.split(' ').nth(4)
        {
            places.push_back((point.into(), 0));
        }
    }
    let (mut swept, mut looked) = (0, 0);
    while let Some((place, deep)) = places.pop_front() {
        let Ok(entries) = fs::read_dir(&place) else { continue };
        for entry in entries.flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            looked += 1;
            if looked > MOST_SWEPT {
                return swept;
            }
            if entry.file_name().to_str().is_some_and(is_stale) {
                swept += u64::from(fs::remove_dir(entry.path()).is_ok());
            } else if deep < DEEPEST_SWEPT {
                places.push_back((entry.path(), deep + 1));
            }
        }
    }
    swept
}

fn descendants(init: u32) -> Vec<u32> {
    let (mut out, mut at) = (Vec::new(), VecDeque::from([init]));
    while let Some(pid) = at.pop_front() {
        let path = format!("/proc/{pid}/task/{pid}/children");
        for child in fs::read_to_string(path).unwrap_or_default().split_ascii_whitespace() {
            if let Ok(child) = child.parse()
                && out.len() < MOST_WATCHED
            {
                out.push(child);
                at.push_back(child);
            }
        }
    }
    out
}

/// Memory of these processes together, in bytes: pages of their own, and shared ones, which are either
/// mapped or in files without a name (memfd) that one of them holds open.
fn memory(members: &[u32]) -> u64 {
    let (mut own, mut mapped) = (0_u64, 0_u64);
    let mut unnamed: HashMap<(u64, u64), u64> = HashMap::new();
    let mut looked = 0;
    for pid in members {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let counted = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        };
        own += counted("RssAnon:").unwrap_or(0) + counted("RssFile:").unwrap_or(0);
        mapped += counted("RssShmem:").unwrap_or(0);
        let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        for entry in open.flatten() {
            looked += 1;
            if looked > MOST_OPEN {
                break;
            }
            let unnamed_file = |path: PathBuf| path.as_os_str().as_bytes().starts_with(b"/memfd:");
            if fs::read_link(entry.path()).is_ok_and(unnamed_file)
                && let Ok(meta) = fs::metadata(entry.path())
            {
                unnamed.insert((meta.dev(), meta.ino()), meta.blocks() / 2);
            }
        }
    }
    // What is mapped is counted once for each that maps it, and is in the unnamed files, too.
    (own + mapped.max(unnamed.values().sum())) * 1024
}

/// Kills a process only if it still is one of the jar's when held by descriptor.
fn kill_member(pid: u32, init: u32) {
    if let Ok(held) = belljar_sys::pidfd::open(pid)
        && descendants(init).contains(&pid)
    {
        let _ = belljar_sys::pidfd::signal(&held, 9);
    }
}
