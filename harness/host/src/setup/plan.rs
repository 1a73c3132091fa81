//! What a host still needs, from what is there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::deed::below;
use super::{Deed, SetupError, failed};
use crate::{Facts, System};

/// What is wished for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// Root of the host to be set up: `/`, or where an image is mounted.
    pub root: PathBuf,
    /// The belljar that will be run, as an absolute path on that host.
    pub executable: PathBuf,
    /// Users that are to get a range of users of their own.
    pub users: Vec<String>,
}

const RULES: &str = "/etc/udev/rules.d/70-belljar.rules";
const MODULES: &str = "/etc/modules-load.d/belljar.conf";
const PROFILE: &str = "/etc/apparmor.d/belljar";
const SYSCTL: &str = "/etc/sysctl.d/60-belljar.conf";
const HEAD: &str = "# Written by `belljar setup`; `belljar setup --remove` takes it away.\n";

/// First and length of the ranges of users that are given (as useradd(8) does).
const FIRST: u64 = 100_000;
const COUNT: u64 = 65_536;
const LAST: u64 = 600_100_000;

/// Says what is to be done, the least that is missing. Changes nothing.
///
/// # Errors
/// [`SetupError`].
pub fn plan(facts: &Facts, wishes: &Wishes) -> Result<Vec<Deed>, SetupError> {
    let mut out = Vec::new();
    let root = &*wishes.root;
    let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    write(
        root,
        &mut out,
        RULES,
        "KERNEL==\"fuse\", MODE=\"0666\", OPTIONS+=\"static_node=fuse\"\nKERNEL==\"tun\", MODE=\"0666\", OPTIONS+=\"static_node=net/tun\"\n",
        command(&["udevadm", "control", "--reload"]),
    )?;
    write(
        root,
        &mut out,
        MODULES,
        "fuse\ntun\nnf_tables\nnft_tproxy\nnft_socket\n",
        command(&["modprobe", "-a", "fuse", "tun", "nf_tables", "nft_tproxy", "nft_socket"]),
    )?;
    if facts.setting("kernel.apparmor_restrict_unprivileged_userns").is_some()
        || (facts.system == System::Ubuntu && root.join("etc/apparmor.d").is_dir())
    {
        let profile = profile(&wishes.executable)?;
        write(root, &mut out, PROFILE, &profile, command(&["apparmor_parser", "-r", PROFILE]))?;
    }
    if facts.setting("user.max_user_namespaces") == Some("0")
        || facts.setting("kernel.unprivileged_userns_clone") == Some("0")
    {
        let mut text = String::from("user.max_user_namespaces = 15000\n");
        if facts.setting("kernel.unprivileged_userns_clone").is_some() {
            text.push_str("kernel.unprivileged_userns_clone = 1\n");
        }
        write(root, &mut out, SYSCTL, &text, command(&["sysctl", "-q", "-p", SYSCTL]))?;
    }
    // Device nodes are the running host's, not an image's.
    if root == Path::new("/") {
        for path in ["/dev/fuse", "/dev/net/tun"] {
            let Ok(meta) = fs::metadata(path) else { continue };
            let from = meta.permissions().mode() & 0o7777;
            if from & 0o666 != 0o666 {
                out.push(Deed::Mode { path: path.into(), from, to: from | 0o666 });
            }
        }
    }
    for user in &wishes.users {
        range(root, &mut out, user)?;
    }
    Ok(out)
}

fn write(
    root: &Path,
    out: &mut Vec<Deed>,
    path: &str,
    text: &str,
    then: Vec<String>,
) -> Result<(), SetupError> {
    let text = format!("{HEAD}{text}");
    let place = below(root, path);
    match fs::read_to_string(&place) {
        Ok(there) if there == text => return Ok(()),
        Ok(there) if !there.starts_with(HEAD) => return Err(SetupError::Foreign(place)),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("read", &place)(error)),
    }
    out.push(Deed::Write { path: path.into(), text, then });
    Ok(())
}

/// The form that Ubuntu's release notes of 24.04 give for programs that need user namespaces.
fn profile(executable: &Path) -> Result<String, SetupError> {
    let odd = || SetupError::OddPath(executable.to_owned());
    let path = executable.to_str().ok_or_else(odd)?;
    let usual = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if !path.starts_with('/') || !path.chars().all(usual) {
        return Err(odd());
    }
    Ok(format!(
        "abi <abi/4.0>,\ninclude <tunables/global>\n\nprofile belljar {path} flags=(unconfined) {{\n  userns,\n\n  include if exists <local/belljar>\n}}\n"
    ))
}

fn range(root: &Path, out: &mut Vec<Deed>, user: &str) -> Result<(), SetupError> {
    let usual = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if user.is_empty() || user.starts_with('-') || !user.chars().all(usual) {
        return Err(SetupError::OddUser(user.into()));
    }
    let accounts = below(root, "/etc/passwd");
    let known = fs::read_to_string(&accounts).map_err(failed("read", &accounts))?;
    if !known.lines().any(|line| line.split(':').next() == Some(user)) {
        return Err(SetupError::NoUser(user.into()));
    }
    for path in ["/etc/subuid", "/etc/subgid"] {
        let place = below(root, path);
        let text = fs::read_to_string(&place).unwrap_or_default();
        if text.lines().any(|line| line.split(':').next() == Some(user)) {
            continue;
        }
        let planned = out.iter().filter_map(|deed| match deed {
            Deed::Line { path: other, line } if other == path => Some(&**line),
            _ => None,
        });
        let first = free_range(text.lines().chain(planned)).ok_or(SetupError::Full(place))?;
        out.push(Deed::Line { path: path.into(), line: format!("{user}:{first}:{COUNT}") });
    }
    Ok(())
}

/// The first start of a range that no line of a subuid(5) file overlaps.
fn free_range<'a>(lines: impl Iterator<Item = &'a str>) -> Option<u64> {
    let mut taken: Vec<(u64, u64)> = lines
        .filter_map(|line| {
            let mut fields = line.split(':').skip(1);
            let (first, count) = (fields.next()?.trim(), fields.next()?.trim());
            Some((first.parse().ok()?, count.parse().ok()?))
        })
        .collect();
    taken.sort_unstable();
    let mut at = FIRST;
    for (first, count) in taken {
        if first < at + COUNT && first.saturating_add(count) > at {
            at = first.saturating_add(count);
        }
    }
    (at <= LAST).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_never_overlap() {
        for (text, first) in [
            ("", 100_000),
            ("a:100000:65536", 165_536),
            ("a:165536:65536\nb:100000:65536", 231_072),
            ("a:120000:10", 120_010),
            ("a:1:5\nbroken", 100_000),
            ("a:300000:65536", 100_000),
        ] {
            assert_eq!(free_range(text.lines()), Some(first), "{text}");
        }
        assert_eq!(free_range("a:100000:9999999999".lines()), None);
    }

    #[test]
    fn a_path_that_would_break_out_of_the_profile_is_refused() {
        assert!(profile(Path::new("/usr/local/bin/belljar")).is_ok());
        for odd in ["/a b/belljar", "/x{y}", "relative", "/a\n/b", "/*"] {
            assert!(profile(Path::new(odd)).is_err(), "{odd}");
        }
    }
}
