//! What of the host is shown inside, and taking hold of it.
//!
//! Promises: only `/usr` (and its usual neighbours), and what the component's own file names; a root
//! harness hands over read-only mounts whose owners are the jar's users.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use belljar_sys::{channel as sockets, mounts};

use crate::jar::step;
use crate::leftovers::Canaries;
use crate::maps::{Users, may_map_mounts};
use crate::messages::{Lower, LowerKind};
use crate::sabotage::Sabotage;
use crate::{JarError, JarPlan};

/// Where a sabotage shows a folder of the host.
pub(crate) const SABOTAGE_FOLDER: &str = "/srv/sabotage";

/// Directories of the list of [`crate::etc`] with hundreds of files.
const MANY: [&str; 2] = ["/etc/alternatives", "/etc/ssl/certs"];

/// What the plan shows of the host.
pub(crate) fn lowers(
    plan: &JarPlan,
    sabotage: Option<Sabotage>,
    users: Users,
) -> Result<Vec<Lower>, JarError> {
    let tree = |host: &Path, inside: &Path| Lower {
        host: host.into(),
        inside: inside.into(),
        kind: LowerKind::Tree,
    };
    let mut out = vec![tree(Path::new("/usr"), Path::new("/usr"))];
    for name in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
        if std::fs::symlink_metadata(name).is_ok_and(|meta| meta.is_dir()) {
            out.push(tree(Path::new(name), Path::new(name)));
        }
    }
    if users == Users::Range {
        // Many small files: shown where their owners can be mapped, else copied.
        for name in MANY {
            if std::fs::symlink_metadata(name).is_ok_and(|meta| meta.is_dir()) {
                out.push(tree(Path::new(name), Path::new(name)));
            }
        }
    }
    for file in &plan.files {
        if file.host == file.inside && file.host.starts_with("/usr") {
            continue;
        }
        let name = || format!("find the component's {}", file.host.display());
        let hint = "name files that exist in the component's `files`";
        let host = file.host.canonicalize().map_err(|error| step(name(), error, hint))?;
        let kind = if host.is_dir() { LowerKind::Tree } else { LowerKind::File };
        out.push(Lower { host, inside: file.inside.clone(), kind });
    }
    for state in &plan.state {
        if state.is_dir() {
            let kind = LowerKind::State;
            out.push(Lower { host: state.clone(), inside: state.clone(), kind });
        }
    }
    let folders = Canaries::folders();
    let shown = match sabotage {
        Some(Sabotage::ReadableCanaryRoot) => folders.first(),
        Some(Sabotage::ReadableCanaryEtc) => folders.last(),
        _ => None,
    };
    if let Some(folder) = shown {
        let inside = SABOTAGE_FOLDER.into();
        out.push(Lower { host: folder.clone(), inside, kind: LowerKind::File });
    }
    Ok(out)
}

/// Mounts for the supervisor.
#[derive(Debug, Default)]
pub(crate) struct MappedMounts {
    /// Which lowers they are of.
    pub lowers: Vec<usize>,
    pub mounts: Vec<OwnedFd>,
    /// Host paths whose file system cannot map owners.
    pub not_mapped: Vec<PathBuf>,
}

/// Read-only mounts of what is shown, with owners as the jar's users, made by a root harness.
pub(crate) fn map_owners(
    lowers: &[Lower],
    users: Users,
    pid: u32,
) -> Result<MappedMounts, JarError> {
    let mut out = MappedMounts::default();
    if users != Users::Range {
        return Ok(out);
    }
    if !may_map_mounts() {
        // The supervisor takes hold of them by itself, in its own user namespace.
        out.not_mapped = lowers.iter().map(|lower| lower.host.clone()).collect();
        return Ok(out);
    }
    let path = format!("/proc/{pid}/ns/user");
    let namespace = std::fs::File::open(&path)
        .map(OwnedFd::from)
        .map_err(|error| JarError::Map(format!("{path}: {error}")))?;
    for (at, lower) in lowers.iter().enumerate() {
        if out.mounts.len() >= sockets::MOST_DESCRIPTORS {
            return Err(step("show host files", "more than fit into one message", ""));
        }
        let name = || format!("take hold of {}", lower.host.display());
        let taken = mounts::detached(&lower.host).map_err(|error| step(name(), error, ""))?;
        if mounts::restrict(&taken, Some(&namespace)).is_err() {
            out.not_mapped.push(lower.host.clone());
            let taken = mounts::detached(&lower.host).map_err(|error| step(name(), error, ""))?;
            mounts::restrict(&taken, None).map_err(|error| step(name(), error, ""))?;
            out.lowers.push(at);
            out.mounts.push(taken);
            continue;
        }
        out.lowers.push(at);
        out.mounts.push(taken);
    }
    Ok(out)
}
