//! Taking back what was done, and nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::deed::{below, replace, run, set_mode};
use super::{Deed, STATE, SetupError, done, failed};

/// Something that was not taken back, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// What was done.
    pub deed: Deed,
    /// Why it stays.
    pub why: String,
}

/// Takes back what [`super::apply`] did below `root`, the last deed first, and tells `tell` of each.
///
/// # Errors
/// [`SetupError`]; what was not taken back by then is still kept, so that it can be tried again.
pub fn remove(root: &Path, tell: &mut dyn FnMut(&Deed)) -> Result<Vec<Left>, SetupError> {
    let state = root.join(STATE);
    let mut done = done(root)?.ok_or_else(|| SetupError::Nothing(state.clone()))?;
    let mut left = Vec::new();
    while let Some(deed) = done.deeds.last().cloned() {
        match take_back(root, &deed)? {
            None => tell(&deed),
            Some(why) => left.push(Left { deed, why }),
        }
        done.deeds.pop();
        super::keep(root, &done)?;
    }
    fs::remove_file(&state).map_err(failed("remove", &state))?;
    if let Some(folder) = state.parent() {
        // Another file may lie there.
        let _ = fs::remove_dir(folder);
    }
    Ok(left)
}

/// Why it was left, if it was.
fn take_back(root: &Path, deed: &Deed) -> Result<Option<String>, SetupError> {
    match deed {
        Deed::Write { path, text, .. } => {
            let place = below(root, path);
            match fs::read_to_string(&place) {
                Ok(there) if there == *text => {
                    if path.starts_with("/etc/apparmor.d/") {
                        run(root, &["apparmor_parser", "-R", path].map(str::to_owned));
                    }
                    fs::remove_file(&place).map_err(failed("remove", &place))?;
                    Ok(None)
                }
                Ok(_) => Ok(Some("somebody has changed it since".into())),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(failed("read", &place)(error)),
            }
        }
        Deed::Line { path, line } => {
            let place = below(root, path);
            let text = fs::read_to_string(&place).map_err(failed("read", &place))?;
            let mut lines: Vec<&str> = text.lines().collect();
            let Some(at) = lines.iter().rposition(|one| one == line) else {
                return Ok(Some("the line is not there any more".into()));
            };
            lines.remove(at);
            let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
            replace(&place, &text)?;
            Ok(None)
        }
        Deed::Mode { path, from, to } => {
            let place = below(root, path);
            match fs::metadata(&place) {
                Ok(meta) if meta.permissions().mode() & 0o7777 == *to => {
                    set_mode(&place, *from)?;
                    Ok(None)
                }
                Ok(_) => Ok(Some("somebody has changed its permissions since".into())),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(failed("look at", &place)(error)),
            }
        }
    }
}
