//! Trying each ability by doing it, in jars made for nothing else.
//!
//! Promises: nothing of the host is changed; what was made is gone afterwards; an ability that cannot
//! be tried because one before it is missing is said to be untried, never to be missing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use belljar_process::Watcher;
use belljar_record::{BytesSource, Event, Log, Observation, SteadyClock};
use belljar_sandbox::{
    CommandSpec, Jar as _, JarError, JarLimits, JarPlan, NamespaceJar, Token, User, WireMount,
    WorldMount,
};
use belljar_world::{Meta, WorldBuilder, WorldLimits};

use crate::{Ability, Answer, Facts, State, advice};

const PATIENCE: Duration = Duration::from_secs(30);
/// Descriptors that the fake internet needs to serve as many connections at a time as it may.
const MANY_FILES: u64 = 5 * 4096;
/// Free space that a run with a gigabyte of egress needs: capture and payloads.
const MUCH_SPACE: u64 = 4 << 30;

/// Tries all abilities, in the order of [`Ability::ALL`]. `folder` is where bundles would be written.
pub fn examine(facts: &Facts, folder: &Path) -> Vec<Answer> {
    let mut found: BTreeMap<Ability, Seen> = BTreeMap::new();
    found.extend(bare_jar());
    // What the doors need beside the jar is only asked where there is a jar.
    if found.get(&Ability::Isolation).is_some_and(|seen| seen.state == State::Works) {
        found.insert(Ability::World, world());
        found.insert(Ability::Wire, wire());
    }
    found.insert(Ability::OpenFiles, open_files());
    found.insert(Ability::Space, space(folder));
    Ability::ALL.map(|ability| answer(ability, found.remove(&ability), facts)).into()
}

/// What was seen of one ability.
struct Seen {
    state: State,
    seen: String,
}

fn works(seen: impl Into<String>) -> Seen {
    Seen { state: State::Works, seen: seen.into() }
}

fn weaker(seen: impl Into<String>) -> Seen {
    Seen { state: State::Weaker, seen: seen.into() }
}

fn missing(error: &impl ToString) -> Seen {
    Seen { state: State::Missing, seen: error.to_string() }
}

fn tried(ability: Ability) -> &'static str {
    match ability {
        Ability::Namespaces => "made a jar's namespaces",
        Ability::Users => "mapped users into a jar",
        Ability::Tree => "built a jar's tree and made it the root",
        Ability::Calls => "ran /bin/sh in a jar and waited for what it runs to be told of",
        Ability::Isolation => "looked out of a jar from the place where a component stands",
        Ability::World => "served a file over FUSE and read it inside",
        Ability::Wire => "connected a jar by TUN devices, and looked at its routes from inside",
        Ability::Limits => "made control groups with limits for a jar",
        Ability::OpenFiles => "asked for the hard limit of open files",
        Ability::Space => "asked the file system of the current folder",
    }
}

fn answer(ability: Ability, seen: Option<Seen>, facts: &Facts) -> Answer {
    let Seen { state, seen } = seen
        .unwrap_or(Seen { state: State::Untried, seen: "something before it is missing".into() });
    let lacks = matches!(state, State::Weaker | State::Missing);
    Answer {
        ability,
        state,
        tried: tried(ability).into(),
        seen,
        loses: if lacks { ability.loses().into() } else { String::new() },
        advice: if lacks { advice(ability, facts) } else { Vec::new() },
    }
}

/// A log that can be read back.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn observations(&self) -> Vec<Observation> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        bytes
            .split(|&byte| byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()
    }
}

fn log() -> (Log, Lines) {
    let lines = Lines::default();
    (Log::new(lines.clone(), 16 << 20, Arc::new(SteadyClock::start())), lines)
}

fn plan() -> JarPlan {
    JarPlan {
        hostname: "doctor".into(),
        world: None,
        wire: None,
        files: Vec::new(),
        state: Vec::new(),
        provisions: Vec::new(),
        ca_pem: String::new(),
        env: BTreeMap::new(),
        limits: JarLimits::default(),
    }
}

/// Which ability is missing when making a jar ends with this.
fn blamed(error: &JarError) -> Ability {
    match error {
        JarError::NotIsolated(_) | JarError::Canary { .. } => Ability::Isolation,
        JarError::Map(_) => Ability::Users,
        JarError::Watch(_) => Ability::Calls,
        JarError::Limits(_) => Ability::Limits,
        JarError::Step { step, .. } if step.starts_with("unshare") => Ability::Namespaces,
        JarError::Execute { detail, .. } if detail.starts_with("install the filter") => {
            Ability::Calls
        }
        _ => Ability::Tree,
    }
}

/// Everything that a jar needs without the two doors.
fn bare_jar() -> BTreeMap<Ability, Seen> {
    let mut found = BTreeMap::new();
    let (log, lines) = log();
    let watcher = match Watcher::start(log.clone()) {
        Ok(watcher) => Arc::new(watcher),
        Err(error) => return [(Ability::Calls, missing(&error))].into(),
    };
    let mut jar = match NamespaceJar::prepare(plan(), Arc::clone(&watcher)) {
        Ok((jar, _)) => jar,
        Err(error) => {
            let blamed = blamed(&error);
            if blamed > Ability::Namespaces {
                found.insert(Ability::Namespaces, works("all were made"));
            }
            found.insert(blamed, missing(&error));
            return found;
        }
    };
    found.insert(Ability::Namespaces, works("all were made"));
    found.insert(Ability::Users, users());
    found.insert(Ability::Limits, limits(&jar));
    match jar.check() {
        Ok(isolation) => {
            found.insert(Ability::Tree, works("built"));
            let all = isolation.checks.len();
            found.insert(Ability::Isolation, works(format!("all {all} checks hold")));
        }
        Err(error) => {
            let blamed = blamed(&error);
            if blamed > Ability::Tree {
                found.insert(Ability::Tree, works("built"));
            }
            found.insert(blamed, missing(&error));
            return found;
        }
    }
    found.insert(Ability::Calls, calls(&mut jar, &watcher, &log, &lines));
    found
}

fn users() -> Seen {
    if NamespaceJar::has_many_users() {
        works("a range of users is mapped")
    } else {
        weaker(
            "only one user can be mapped (no range in /etc/subuid and /etc/subgid, or no newuidmap)",
        )
    }
}

fn limits(jar: &NamespaceJar) -> Seen {
    let kept = jar.limits_kept_by();
    if jar.limits_need_a_watcher() {
        weaker(format!("kept by {kept}"))
    } else {
        works(format!("kept by {kept}"))
    }
}

fn calls(jar: &mut NamespaceJar, watcher: &Watcher, log: &Log, lines: &Lines) -> Seen {
    let command = CommandSpec {
        argv: ["/bin/sh", "-c", "/bin/true"].map(String::from).into(),
        env: BTreeMap::new(),
        cwd: "/".into(),
        user: User::Root,
    };
    let running = match jar.spawn(&command) {
        Ok(running) => running,
        Err(error) => return missing(&error),
    };
    let ended = running.wait(PATIENCE);
    if let Err(error) = jar.finish() {
        return missing(&error);
    }
    let tally = watcher.finish();
    let _ = log.flush();
    let told = lines.observations().iter().any(|seen| {
        matches!(&seen.event, Event::Process(program) if program.executable.to_string().ends_with("/true"))
    });
    match (ended.and_then(belljar_sandbox::Ended::code), told) {
        (Some(0), true) => works(format!("{} calls were told of", tally.answered)),
        (Some(0), false) => missing(&"the program that the shell ran was not told of"),
        (code, _) => missing(&format!("the shell ended with {code:?}")),
    }
}

fn world() -> Seen {
    let (log, _) = log();
    let content = b"served by belljar".to_vec();
    let mut plan = plan();
    plan.world = Some(WorldMount {
        options: belljar_fuse::mount_options("{fd}", 0, 0),
        binds: vec!["/root".into()],
        token: Some(Token { path: "/root/token".into(), content: content.clone() }),
    });
    let owner = |mode| Meta { mode, uid: 0, gid: 0, mtime_s: 0 };
    let tried = (|| -> Result<usize, String> {
        let watcher = Arc::new(Watcher::start(log.clone()).map_err(|error| error.to_string())?);
        let world = WorldBuilder::new(WorldLimits::default())
            .directory("/root", owner(0o700))
            .file("/root/token", owner(0o600), Arc::new(BytesSource::from(content)), None)
            .build(log.clone())
            .map_err(|error| error.to_string())?;
        let (mut jar, devices) =
            NamespaceJar::prepare(plan, Arc::clone(&watcher)).map_err(|error| error.to_string())?;
        let device = devices.fuse.ok_or("no device was made")?;
        let door = belljar_fuse::FuseDoor::serve(device, world, watcher.table())
            .map_err(|error| error.to_string())?;
        let looked = jar.check().map(|isolation| isolation.checks.len());
        drop(jar);
        door.stop(PATIENCE);
        watcher.finish();
        looked.map_err(|error| error.to_string())
    })();
    match tried {
        Ok(_) => works("the file was read, and only as it was served"),
        Err(error) => missing(&error),
    }
}

fn wire() -> Seen {
    let (log, _) = log();
    let mut plan = plan();
    plan.wire = Some(WireMount { resolvers: vec![std::net::Ipv4Addr::new(198, 18, 0, 1).into()] });
    let tried = (|| -> Result<bool, String> {
        let watcher = Arc::new(Watcher::start(log).map_err(|error| error.to_string())?);
        let (mut jar, devices) =
            NamespaceJar::prepare(plan, Arc::clone(&watcher)).map_err(|error| error.to_string())?;
        let by_tun = jar.has_tun();
        let looked = jar.check();
        drop((jar, devices));
        watcher.finish();
        looked.map(|_| by_tun).map_err(|error| error.to_string())
    })();
    match tried {
        Ok(true) => works("the only way out of the jar is the wire"),
        Ok(false) => weaker(
            "the only way out of the jar is the wire, over a pair of Ethernet devices: no TUN device can be had",
        ),
        Err(error) => missing(&error),
    }
}

fn open_files() -> Seen {
    use nix::sys::resource::{Resource, getrlimit};
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((_, most)) if most >= MANY_FILES => works(format!("{most} may be open")),
        Ok((_, most)) => weaker(format!("{most} may be open; {MANY_FILES} would be enough")),
        Err(error) => weaker(format!("cannot ask: {error}")),
    }
}

fn space(folder: &Path) -> Seen {
    match nix::sys::statvfs::statvfs(folder) {
        Ok(stat) => {
            let free = stat.blocks_available().saturating_mul(stat.fragment_size());
            let words = format!("{} MiB are free in {}", free >> 20, folder.display());
            if free >= MUCH_SPACE { works(words) } else { weaker(words) }
        }
        Err(error) => weaker(format!("cannot ask for {}: {error}", folder.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_blamed_is_what_failed() {
        let step =
            |step: &str| JarError::Step { step: step.into(), detail: String::new(), hint: "" };
        for (error, ability) in [
            (step("unshare user namespace"), Ability::Namespaces),
            (step("overlay /usr"), Ability::Tree),
            (JarError::Map(String::new()), Ability::Users),
            (JarError::Limits(String::new()), Ability::Limits),
            (
                JarError::Execute {
                    program: String::new(),
                    detail: "install the filter: x".into(),
                },
                Ability::Calls,
            ),
        ] {
            assert_eq!(blamed(&error), ability, "{error}");
        }
    }
}
