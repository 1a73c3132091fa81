//! Looks at what gives the jar away: which calls and which files are such looks.
//!
//! Promises: a look by a path from the root, or by `statfs` or `sysinfo`, is told of.
//! Cannot see: looks by a path that begins at an open directory or at a link of the component's own,
//! addresses and routes that are asked for over netlink, CPUID, clocks that need no call.

use belljar_record::Tell;

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
}
