//! What outlives a killed belljar (control groups, canaries, temporary folders), and how the next
//! start sweeps it away.
//!
//! Promises: names say who made them by process number and start time; only what a dead maker left
//! is removed. Mounts are never left: they end with the jar's mount namespace.

use std::fs;
use std::path::{Path, PathBuf};

use crate::JarError;
use crate::inside::Canary;

static TURN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// A name for one of several things of the same purpose.
pub(crate) fn numbered_name(purpose: &str) -> String {
    let turn = TURN.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    own_name(&format!("{purpose}{turn}"))
}

/// First part of every name.
const PREFIX: &str = "belljar-";

/// A name for something of this process: `belljar-PID-START-PURPOSE`.
pub fn own_name(purpose: &str) -> String {
    let pid = std::process::id();
    format!("{PREFIX}{pid}-{}-{purpose}", start_of(pid).unwrap_or(0))
}

/// Start time of a process in clock ticks (field 22 of `/proc/PID/stat`).
pub(crate) fn start_of(pid: u32) -> Option<u64> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after = text.iter().rposition(|&b| b == b')')? + 2;
    let text = std::str::from_utf8(text.get(after..)?).ok()?;
    text.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Whether a name is belljar's and its maker is dead.
pub(crate) fn is_stale(name: &str) -> bool {
    let name = name.strip_prefix('.').unwrap_or(name);
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    let mut parts = rest.splitn(3, '-');
    let pid = parts.next().and_then(|pid| pid.parse::<u32>().ok());
    let start = parts.next().and_then(|start| start.parse::<u64>().ok());
    match (pid, start, parts.next()) {
        (Some(pid), Some(start), Some(_)) => start_of(pid) != Some(start),
        _ => false,
    }
}

/// Removes what dead makers left in `folder`: files and folders with a name of [`own_name`]. Gives
/// how many there were.
pub fn sweep(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let mut swept = 0;
    for entry in entries.flatten() {
        if !entry.file_name().to_str().is_some_and(is_stale) {
            continue;
        }
        let path = entry.path();
        let folder = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
        let done = if folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        swept += u64::from(done.is_ok());
    }
    swept
}

/// Files of the host that must not be readable inside. They go away with this.
#[derive(Debug)]
pub(crate) struct Canaries(Vec<Canary>);

impl Canaries {
    /// Where canaries lie: where a host keeps its secrets, as far as this user may write there.
    pub(crate) fn folders() -> Vec<PathBuf> {
        if nix::unistd::Uid::effective().is_root() {
            return vec!["/root".into(), "/etc".into()];
        }
        let mut out = Vec::new();
        if let Some(home) = std::env::var_os("HOME").map(PathBuf::from)
            && home.is_absolute()
            && nix::unistd::access(&home, nix::unistd::AccessFlags::W_OK).is_ok()
        {
            out.push(home);
        }
        out.push(std::env::temp_dir());
        out
    }

    pub(crate) fn write() -> Result<Self, JarError> {
        use std::io::{Read as _, Write as _};
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut out = Self(Vec::new());
        for folder in Self::folders() {
            sweep(&folder);
            let path = folder.join(format!(".{}", numbered_name("canary")));
            let failed = |source| JarError::Canary { path: path.display().to_string(), source };
            let mut random = [0; 16];
            fs::File::open("/dev/urandom")
                .and_then(|mut file| file.read_exact(&mut random))
                .map_err(failed)?;
            let content: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            let mut options = fs::OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            options
                .open(&path)
                .and_then(|mut file| file.write_all(content.as_bytes()))
                .map_err(failed)?;
            out.0.push(Canary { path, content });
        }
        Ok(out)
    }

    pub(crate) fn list(&self) -> Vec<Canary> {
        self.0.clone()
    }
}

impl Drop for Canaries {
    fn drop(&mut self) {
        for canary in &self.0 {
            // What stays is swept by the next start.
            let _ = fs::remove_file(&canary.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_maker_left_is_stale() {
        assert!(!is_stale(&own_name("x")), "this process lives");
        let start = start_of(std::process::id()).expect("readable");
        let pid = std::process::id();
        assert!(is_stale(&format!("belljar-{pid}-{}-x", start + 1)), "a number used again");
        assert!(is_stale(&format!(".belljar-4194305-{start}-x")));
        for foreign in ["belljar-x", "belljar-1-2", "other-1-2-x", "belljar", ""] {
            assert!(!is_stale(foreign), "{foreign}");
        }
    }
}
