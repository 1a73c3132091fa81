//! Looks at what gives the jar away: which calls and which files are such looks.
//!
//! Promises: a look by a path from the root, or by `statfs` or `sysinfo`, is told of; the first of each
//! kind by each process are listed, the rest is counted.
//! Cannot see: looks by a path that begins at an open directory or at a link of the component's own,
//! addresses and routes that are asked for over netlink, CPUID, clocks that need no call.

use std::collections::HashMap;

use belljar_record::{Actor, Event, ProcessKey, Tell};

/// Looks of one kind by one process that are listed singly; more are counted.
const LISTED: u64 = 4;
const MOST_KINDS: usize = 512;

/// What is looked at by opening this path, if it is anything that gives the jar away.
pub(crate) fn by_path(path: &[u8]) -> Option<Tell> {
    let within = |folder: &[u8]| path.starts_with(folder);
    if let Some(rest) = path.strip_prefix(b"/proc/") {
        let last = rest.rsplit(|&byte| byte == b'/').next().unwrap_or(rest);
        return match last {
            b"mountinfo" | b"mounts" | b"mountstats" => Some(Tell::Mounts),
            b"uptime" | b"loadavg" => Some(Tell::Uptime),
            b"cpuinfo" => Some(Tell::Processor),
            b"version" | b"cmdline" if rest == last => Some(Tell::Kernel),
            b"uid_map" | b"gid_map" | b"cgroup" | b"status" | b"attr" => Some(Tell::Confinement),
            _ if rest.starts_with(b"1/") => Some(Tell::Confinement),
            _ if rest.starts_with(b"net/") || rest.starts_with(b"self/net/") => Some(Tell::Network),
            _ => None,
        };
    }
    if path == b"/etc/mtab" {
        Some(Tell::Mounts)
    } else if within(b"/sys/") {
        Some(Tell::Processor)
    } else if within(b"/etc/ssl/certs/") || within(b"/etc/pki/") {
        Some(Tell::Authorities)
    } else if within(b"/var/log/") {
        Some(Tell::Logs)
    } else if path == b"/.dockerenv" || path == b"/run/.containerenv" {
        Some(Tell::Confinement)
    } else {
        None
    }
}

/// What is looked at by this call, whatever its arguments are.
pub(crate) fn by_call(name: &str) -> Option<Tell> {
    match name {
        "statfs" | "fstatfs" | "statfs64" | "fstatfs64" => Some(Tell::FileSystems),
        "sysinfo" => Some(Tell::Uptime),
        _ => None,
    }
}

/// Which argument of a call is the path to be opened.
pub(crate) fn path_argument(name: &str) -> usize {
    usize::from(name != "open")
}

struct Counted {
    actor: Actor,
    detail: String,
    count: u64,
}

/// Counts looks.
#[derive(Default)]
pub(crate) struct Looks {
    counted: HashMap<(Option<ProcessKey>, Tell), Counted>,
}

impl Looks {
    /// Takes one look; gives what is to be told at once.
    pub(crate) fn take(&mut self, actor: &Actor, tell: Tell, detail: &str) -> Option<Event> {
        let mut key = (actor.process(), tell);
        if !self.counted.contains_key(&key) && self.counted.len() >= MOST_KINDS {
            key = (None, tell);
        }
        let many = self.counted.entry(key).or_insert_with(|| Counted {
            actor: actor.clone(),
            detail: detail.to_owned(),
            count: 0,
        });
        many.count += 1;
        (many.count <= LISTED).then(|| Event::Looked { tell, detail: detail.to_owned(), count: 1 })
    }

    /// What was only counted.
    pub(crate) fn rest(&mut self) -> Vec<(Actor, Event)> {
        std::mem::take(&mut self.counted)
            .into_iter()
            .filter(|(_, many)| many.count > LISTED)
            .map(|((_, tell), Counted { actor, detail, count })| {
                (actor, Event::Looked { tell, detail, count: count - LISTED })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_the_jar_away_is_told_from_ordinary_files() {
        for (path, tell) in [
            ("/proc/self/mountinfo", Some(Tell::Mounts)),
            ("/proc/mounts", Some(Tell::Mounts)),
            ("/proc/12/mounts", Some(Tell::Mounts)),
            ("/proc/uptime", Some(Tell::Uptime)),
            ("/proc/cpuinfo", Some(Tell::Processor)),
            ("/sys/class/dmi/id/sys_vendor", Some(Tell::Processor)),
            ("/proc/version", Some(Tell::Kernel)),
            ("/proc/self/cmdline", None),
            ("/proc/1/comm", Some(Tell::Confinement)),
            ("/proc/self/status", Some(Tell::Confinement)),
            ("/proc/net/route", Some(Tell::Network)),
            ("/etc/ssl/certs/ca-certificates.crt", Some(Tell::Authorities)),
            ("/var/log/syslog", Some(Tell::Logs)),
            ("/etc/passwd", None),
            ("/home/u/proc/mounts", None),
            ("proc/mounts", None),
            ("", None),
        ] {
            assert_eq!(by_path(path.as_bytes()), tell, "{path}");
        }
    }

    #[test]
    fn floods_are_counted_and_nothing_is_lost() {
        let mut looks = Looks::default();
        let actor = Actor::unknown("a test");
        let told = (0..1000).filter_map(|_| looks.take(&actor, Tell::Uptime, "x")).count() as u64;
        let rest: u64 = looks
            .rest()
            .iter()
            .map(|(_, event)| if let Event::Looked { count, .. } = event { *count } else { 0 })
            .sum();
        assert_eq!((told, told + rest), (LISTED, 1000));
    }
}
