//! One change to a host, as data: what can be done, can be told, kept and undone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{SetupError, failed};

/// One change to a host. Paths are absolute on the host; they are looked up below its root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Deed {
    /// A new file of belljar's own.
    Write {
        /// Which.
        path: String,
        /// What is in it.
        text: String,
        /// A command that makes it take effect at once, where it exists and the root is the host's.
        then: Vec<String>,
    },
    /// A line at the end of a file that others write to, too.
    Line {
        /// Which file.
        path: String,
        /// The line, without its end.
        line: String,
    },
    /// Other permissions of a device node, until the next start of the host.
    Mode {
        /// Which.
        path: String,
        /// As it was.
        from: u32,
        /// As it will be.
        to: u32,
    },
}

/// Where a path of the host is, below `root`.
pub(super) fn below(root: &Path, path: &str) -> std::path::PathBuf {
    root.join(path.trim_start_matches('/'))
}

impl Deed {
    pub(super) fn carry_out(&self, root: &Path) -> Result<(), SetupError> {
        match self {
            Self::Write { path, text, then } => {
                let place = below(root, path);
                if let Some(parent) = place.parent() {
                    fs::create_dir_all(parent).map_err(failed("make the folder of", &place))?;
                }
                fs::write(&place, text).map_err(failed("write", &place))?;
                let open = fs::Permissions::from_mode(0o644);
                fs::set_permissions(&place, open).map_err(failed("write", &place))?;
                run(root, then);
                Ok(())
            }
            Self::Line { path, line } => {
                let place = below(root, path);
                let mut text = match fs::read_to_string(&place) {
                    Ok(text) => text,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                    Err(error) => return Err(failed("read", &place)(error)),
                };
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push('\n');
                }
                text.push_str(line);
                text.push('\n');
                replace(&place, &text)
            }
            Self::Mode { path, to, .. } => set_mode(&below(root, path), *to),
        }
    }
}

/// Says it to the system. That a tool is not there, or fails, is no error: the file takes effect at
/// the next start, and `belljar doctor` shows whether it did.
pub(super) fn run(root: &Path, command: &[String]) {
    if root == Path::new("/")
        && let Some((program, arguments)) = command.split_first()
    {
        let _ = std::process::Command::new(program)
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status();
    }
}

pub(super) fn set_mode(path: &Path, mode: u32) -> Result<(), SetupError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(failed("change the permissions of", path))
}

/// Writes a file of others anew, in one step and with the permissions that it has.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), SetupError> {
    let mode = fs::metadata(path).map_or(0o644, |meta| meta.permissions().mode() & 0o7777);
    let fresh = path.with_extension("belljar-new");
    fs::write(&fresh, text).map_err(failed("write", &fresh))?;
    set_mode(&fresh, mode)?;
    fs::rename(&fresh, path).map_err(failed("write", path))
}

impl std::fmt::Display for Deed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Write { path, text, then } => {
                writeln!(f, "write {path}:")?;
                for line in text.lines() {
                    writeln!(f, "    {line}")?;
                }
                if then.is_empty() { Ok(()) } else { write!(f, "    then: {}", then.join(" ")) }
            }
            Self::Line { path, line } => write!(f, "add to {path}: {line}"),
            Self::Mode { path, from, to } => {
                write!(f, "set the permissions of {path} to {to:04o} (they are {from:04o})")
            }
        }
    }
}
