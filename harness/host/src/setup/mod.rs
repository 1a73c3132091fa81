//! Giving a host, once and as root, what belljar needs to run there without root; and taking it back.
//!
//! Promises: every deed is told of before it is done; what was done stands in
//! `/var/lib/belljar/setup.json` before the next deed begins; [`remove`] takes back exactly that, and
//! leaves alone what somebody has changed since. Doing it twice changes nothing.
//! Cannot see: whether a rule takes effect before the next start of the host, where the system's own
//! tools (`modprobe`, `apparmor_parser`, `udevadm`) are not there to say it at once.

mod deed;
mod plan;
mod undo;

use std::path::{Path, PathBuf};

pub use deed::Deed;
pub use plan::{Wishes, plan};
pub use undo::{Left, remove};

use serde::{Deserialize, Serialize};

/// Where it is kept what was done, below the root of the host.
pub const STATE: &str = "var/lib/belljar/setup.json";

/// Why a host cannot be set up, or not be set back.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Only root may change a host.
    #[error("only root may set up a host")]
    NotRoot,
    /// A name that is no user's.
    #[error("there is no user named `{0}`")]
    NoUser(String),
    /// A name that cannot stand in a file of ranges.
    #[error("`{0}` is no usual name of a user")]
    OddUser(String),
    /// A path that cannot be quoted in a profile.
    #[error("the path {} cannot be written into an AppArmor profile; install belljar elsewhere", .0.display())]
    OddPath(PathBuf),
    /// There is a file of that name already which is not belljar's.
    #[error("{} is there already and is not belljar's", .0.display())]
    Foreign(PathBuf),
    /// Nothing is known to have been set up.
    #[error("nothing is known to have been set up here ({} is not there)", .0.display())]
    Nothing(PathBuf),
    /// No users are left below the highest that a range may hold.
    #[error("there is no free range of 65,536 users in {}", .0.display())]
    Full(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// What is kept of an earlier set-up cannot be understood.
    #[error("cannot understand {}: {source}", path.display())]
    State {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
}

/// What was done to a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// In the order in which it was done.
    pub deeds: Vec<Deed>,
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> SetupError {
    let path = path.to_owned();
    move |source| SetupError::File { doing, path, source }
}

/// What is known to have been done below `root`; `None` where nothing is.
///
/// # Errors
/// [`SetupError`], when it cannot be read.
pub fn done(root: &Path) -> Result<Option<Done>, SetupError> {
    let path = root.join(STATE);
    match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|source| SetupError::State { path, source }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", &path)(error)),
    }
}

fn keep(root: &Path, done: &Done) -> Result<(), SetupError> {
    let path = root.join(STATE);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed("make the folder of", &path))?;
    }
    let text = serde_json::to_string_pretty(done)
        .map_err(|source| SetupError::State { path: path.clone(), source })?;
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, text).map_err(failed("write", &fresh))?;
    std::fs::rename(&fresh, &path).map_err(failed("write", &path))
}

/// Does what [`plan`] gave, and tells `tell` of each deed when it is done.
///
/// # Errors
/// [`SetupError`]; what was done until then is kept, and [`remove`] takes it back.
pub fn apply(root: &Path, deeds: &[Deed], tell: &mut dyn FnMut(&Deed)) -> Result<(), SetupError> {
    let mut done = done(root)?.unwrap_or_default();
    for deed in deeds {
        // Kept first: what is cut off in the middle can still be taken back.
        done.deeds.push(deed.clone());
        keep(root, &done)?;
        deed.carry_out(root)?;
        tell(deed);
    }
    Ok(())
}
