//! Placeholders: a word in braces that is filled in later. A brace before anything but a
//! lower-case word stands for itself, so JSON and rule files need no escapes.

use crate::error::{FileErrorKind, nearest};
use crate::source::Wrong;
use std::ops::Range;

/// In paths of the world.
pub(super) const PATH: &[&str] = &["user", "home"];
/// In host paths.
pub(super) const HOST: &[&str] = &["beside"];
/// In command lines.
pub(super) const ARGUMENT: &[&str] = &["beside", "scan", "user", "home"];
/// In environments.
pub(super) const ENVIRONMENT: &[&str] = &["beside", "user", "home"];
/// In files that are written for the component.
pub(super) const PROVISION: &[&str] = &[
    "eicar-hex",
    "eicar-md5",
    "eicar-sha256",
    "scan-lines",
    "user",
    "home",
    "hostname",
    "email",
    "installation-id",
];
/// In answers of the fake vendor.
pub(super) const BODY: &[&str] =
    &["host", "path", "ordinal", "body-sha256", "eicar-hex", "eicar-md5", "eicar-sha256"];

/// The placeholders of a text: their places (with braces) and names.
fn placeholders(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    text.match_indices('{').filter_map(|(start, _)| {
        let rest = &text[start + 1..];
        let len = rest.find('}')?;
        let name = &rest[..len];
        let word = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        word.then_some((start..start + len + 2, name))
    })
}

/// Whether all placeholders of a text are known here.
pub(super) fn check(text: &str, known: &[&str]) -> Result<(), Wrong> {
    for (_, name) in placeholders(text) {
        if !known.contains(&name) {
            let all: Vec<String> = known.iter().map(|name| format!("`{{{name}}}`")).collect();
            let help = match nearest(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{{{meant}}}`?"),
                None => format!("known here: {}", all.join(", ")),
            };
            return Err(Wrong::new(
                FileErrorKind::Placeholder,
                format!("nothing fills in `{{{name}}}` here"),
                help,
            ));
        }
    }
    Ok(())
}

/// Fills in one placeholder.
pub(crate) fn replace(text: &str, name: &str, value: &str) -> String {
    text.replace(&format!("{{{name}}}"), value)
}

/// An argument for each path, if it holds `{scan}`; else the argument itself.
pub(crate) fn expand_argument(argument: &str, scan: &[String]) -> Vec<String> {
    if argument.contains("{scan}") {
        scan.iter().map(|path| replace(argument, "scan", path)).collect()
    } else {
        vec![argument.to_owned()]
    }
}
