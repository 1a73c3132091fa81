//! Mapping users and groups into the jar's user namespace, from outside.
//!
//! Promises: a root harness never maps a user inside to the host's root.

use std::path::Path;
use std::process::Command;

use crate::JarError;

/// First host user of the range that a root harness maps. Nothing on a usual host owns files there.
const FIRST: u32 = 100_000;
const COUNT: u32 = 65_536;

/// How many users there are inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Users {
    /// 65,536, written by a root harness.
    Range,
    /// 65,536: the one who runs belljar and a range that the host's administrator gave it.
    Delegated { uid: (u32, u32), gid: (u32, u32) },
    /// Only the one who runs belljar.
    Single,
}

impl Users {
    pub(crate) fn here() -> Self {
        let user = nix::unistd::Uid::effective();
        if user.is_root() {
            return Self::Range;
        }
        let name = nix::unistd::User::from_uid(user).ok().flatten().map(|user| user.name);
        let range = |file: &str| delegated(file, user.as_raw(), name.as_deref());
        match (range("/etc/subuid"), range("/etc/subgid")) {
            (Some(uid), Some(gid)) if has_program("newuidmap") && has_program("newgidmap") => {
                Self::Delegated { uid, gid }
            }
            _ => Self::Single,
        }
    }

    pub(crate) fn single(self) -> bool {
        self == Self::Single
    }

    /// Writes the maps of the process.
    pub(crate) fn write(self, pid: u32) -> Result<(), JarError> {
        let (uid, gid) = (nix::unistd::Uid::effective(), nix::unistd::Gid::effective());
        let put = |name: &str, text: String| {
            let path = format!("/proc/{pid}/{name}");
            std::fs::write(&path, text).map_err(|error| JarError::Map(format!("{path}: {error}")))
        };
        match self {
            Self::Range => {
                put("gid_map", format!("0 {FIRST} {COUNT}"))?;
                put("uid_map", format!("0 {FIRST} {COUNT}"))
            }
            Self::Single => {
                put("setgroups", "deny".into())?;
                put("gid_map", format!("0 {gid} 1"))?;
                put("uid_map", format!("0 {uid} 1"))
            }
            Self::Delegated { uid: (first_uid, uids), gid: (first_gid, gids) } => {
                run_map("newgidmap", pid, gid.as_raw(), first_gid, gids)?;
                run_map("newuidmap", pid, uid.as_raw(), first_uid, uids)
            }
        }
    }
}

fn run_map(program: &str, pid: u32, own: u32, first: u32, count: u32) -> Result<(), JarError> {
    let count = count.min(COUNT - 1);
    let numbers = [pid, 0, own, 1, 1, first, count].map(|number| number.to_string());
    let done = Command::new(program)
        .args(numbers)
        .output()
        .map_err(|error| JarError::Map(format!("{program}: {error}")))?;
    if done.status.success() {
        return Ok(());
    }
    Err(JarError::Map(format!("{program}: {}", String::from_utf8_lossy(&done.stderr).trim())))
}

fn has_program(name: &str) -> bool {
    ["/usr/bin", "/bin", "/usr/local/bin"].iter().any(|dir| Path::new(dir).join(name).is_file())
}

fn delegated(file: &str, id: u32, name: Option<&str>) -> Option<(u32, u32)> {
    parse_delegated(&std::fs::read_to_string(file).ok()?, id, name)
}

fn parse_delegated(text: &str, id: u32, name: Option<&str>) -> Option<(u32, u32)> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let who = fields.next()?;
        if Some(who) != name && who.parse() != Ok(id) {
            return None;
        }
        let (first, count): (u32, u32) =
            (fields.next()?.trim().parse().ok()?, fields.next()?.trim().parse().ok()?);
        // Never the host's root, and enough that the usual service accounts exist.
        (first > 0 && count >= 1000).then_some((first, count))
    })
}

/// Whether this process may make mounts whose owners are mapped (`CAP_SYS_ADMIN`, number 21 in
/// capabilities(7)). Root in a container usually may not.
pub(crate) fn may_map_mounts() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    effective.is_some_and(|bits| bits & (1 << 21) != 0)
}

/// What is wrong with the map of a process, as belljar sees it.
pub(crate) fn maps_root(pid: u32) -> Result<bool, std::io::Error> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/uid_map"))?;
    Ok(text.lines().any(|line| {
        line.split_ascii_whitespace().nth(1).and_then(|first| first.parse::<u32>().ok()) == Some(0)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_or_number_and_never_holds_the_hosts_root() {
        let text = "a:100000:65536\n1001:200000:65536\nb:0:65536\nc:5:10\nbroken\n";
        assert_eq!(parse_delegated(text, 1, Some("a")), Some((100_000, 65_536)));
        assert_eq!(parse_delegated(text, 1001, None), Some((200_000, 65_536)));
        assert_eq!(parse_delegated(text, 1, Some("b")), None);
        assert_eq!(parse_delegated(text, 1, Some("c")), None);
        assert_eq!(parse_delegated(text, 7, Some("d")), None);
    }
}
