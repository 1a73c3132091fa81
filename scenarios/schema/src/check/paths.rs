//! Paths: absolute, plain, and where the world is.

use super::placeholders;
use crate::error::FileErrorKind;
use crate::source::Wrong;

/// Top-level folders that the world may serve.
const WORLD: [&str; 9] = ["home", "root", "etc", "srv", "var", "opt", "mnt", "media", "data"];
/// Folders that the jar makes itself.
const JAR: [&str; 4] = ["proc", "sys", "dev", "run"];

/// How `{home}`, `{user}` and the planted person's login name are brought to one form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Homes<'a> {
    /// The login name, if the scenario fixes it.
    pub(crate) user: Option<&'a str>,
}

impl Homes<'_> {
    /// The path with the home as `/home/{user}`, so that equal paths are equal texts.
    pub(crate) fn normal(self, path: &str) -> String {
        let path = placeholders::replace(path, "home", "/home/{user}");
        if let Some(user) = self.user
            && let Some(rest) = path.strip_prefix("/home/").and_then(|rest| rest.strip_prefix(user))
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return format!("/home/{{user}}{rest}");
        }
        path
    }
}

fn wrong(message: String, help: impl Into<String>) -> Wrong {
    Wrong::new(FileErrorKind::Path, message, help)
}

/// An absolute path without `.`, `..` or empty parts.
pub(super) fn absolute(path: &str, known: &[&str]) -> Result<(), Wrong> {
    placeholders::check(path, known)?;
    let rooted = ["{home}", "{beside}"]
        .iter()
        .find_map(|start| path.strip_prefix(start))
        .filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let rest = match rooted {
        Some(rest) => rest,
        None if path.starts_with('/') => path,
        None => {
            let help = match path.strip_prefix("~/") {
                Some(rest) if known.contains(&"home") => format!("write \"{{home}}/{rest}\""),
                _ if known.contains(&"home") => {
                    format!("write \"/…\" or \"{{home}}/{}\"", path.trim_start_matches("./"))
                }
                _ => "a path begins with `/`".into(),
            };
            return Err(wrong(format!("`{path}` is not absolute"), help));
        }
    };
    if rest.is_empty() || rest == "/" {
        return Ok(());
    }
    parts(path, &rest[1..])
}

/// A path inside an archive.
pub(super) fn member(path: &str, known: &[&str]) -> Result<(), Wrong> {
    placeholders::check(path, known)?;
    if path.starts_with('/') {
        return Err(wrong(
            format!("`{path}` is absolute, but names a member"),
            format!("write \"{}\"", path.trim_start_matches('/')),
        ));
    }
    parts(path, path)
}

fn parts(path: &str, rest: &str) -> Result<(), Wrong> {
    if path.len() > 1024 {
        return Err(wrong(
            format!("a path has {} bytes", path.len()),
            "a path may have 1024 bytes",
        ));
    }
    if path.chars().any(char::is_control) {
        return Err(wrong(
            format!("`{}` holds a control character", path.escape_debug()),
            "use printable characters",
        ));
    }
    for part in rest.split('/') {
        match part {
            "" => {
                return Err(wrong(
                    format!("`{path}` has an empty part"),
                    "write single slashes, and none at the end",
                ));
            }
            "." | ".." => {
                return Err(wrong(
                    format!("`{path}` holds `{part}`"),
                    "write the path as it is, without steps up",
                ));
            }
            part if part.len() > 200 => {
                return Err(wrong(
                    format!("a part of `{path}` has {} bytes", part.len()),
                    "a name may have 200 bytes",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A path at which a decoy can be planted.
pub(super) fn in_world(path: &str, known: &[&str]) -> Result<(), Wrong> {
    absolute(path, known)?;
    let inside = Homes { user: None }.normal(path);
    let mut names = inside.split('/').skip(1);
    let top = names.next().unwrap_or_default();
    if !WORLD.contains(&top) {
        return Err(wrong(
            format!("`{path}` lies outside the world"),
            format!("decoys are planted below /{}", WORLD.join(", /")),
        ));
    }
    if names.next().is_none() {
        return Err(wrong(
            format!("`{path}` is a top-level folder"),
            format!("name a file below it: \"{path}/…\""),
        ));
    }
    if inside == "/home/{user}" {
        return Err(wrong(format!("`{path}` is the home itself"), "name a file below it"));
    }
    Ok(())
}

/// A folder that a component keeps state in: also one below `/run`, which begins empty.
pub(super) fn state(path: &str) -> Result<(), Wrong> {
    match path.strip_prefix("/run/") {
        Some(_) => absolute(path, &[]),
        None => in_jar(path, &[]),
    }
}

/// A path at which belljar can show or write something for the component.
pub(super) fn in_jar(path: &str, known: &[&str]) -> Result<(), Wrong> {
    absolute(path, known)?;
    let top = path.split('/').nth(1).unwrap_or_default();
    if path == "/" || JAR.contains(&top) {
        return Err(wrong(
            format!("`{path}` belongs to the jar"),
            "choose a place like /opt/…, /usr/… or /var/lib/…",
        ));
    }
    Ok(())
}
