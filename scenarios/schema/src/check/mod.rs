//! What TOML and types cannot say: whether a file makes sense in itself. The first mistake ends
//! the look.

mod component;
mod decoys;
mod hosts;
mod paths;
mod placeholders;
mod scenario;
mod steps;

pub(crate) use component::check_component;
pub(crate) use decoys::samples;
pub(crate) use paths::Homes;
pub(crate) use placeholders::{expand_argument, replace};
pub(crate) use scenario::check_scenario;

use crate::error::FileErrorKind;
use crate::source::Wrong;

/// Names of scenarios, components and profiles are also names of files and of rows in tables.
fn check_name(name: &str) -> Result<(), Wrong> {
    let ok = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if ok {
        return Ok(());
    }
    Err(Wrong::new(
        FileErrorKind::Value,
        format!("`{name}` is no name"),
        "a name begins with a lower-case letter and has lower-case letters, digits and `-`, at most 64",
    ))
}

/// A regular expression, with a bound on what it may cost.
fn check_pattern(pattern: &str, groups: &[&str]) -> Result<(), Wrong> {
    let regex = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|error| {
        // The first lines of the message draw the pattern; the last says what is wrong.
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Wrong::new(
            FileErrorKind::Pattern,
            format!("`{pattern}` is no regular expression: {why}"),
            "write a regular expression without look-around; in TOML, single quotes keep `\\` as it is",
        )
    })?;
    for group in groups {
        if !regex.capture_names().flatten().any(|name| name == *group) {
            return Err(Wrong::new(
                FileErrorKind::Pattern,
                format!("`{pattern}` has no group `{group}`"),
                format!("name the part that is the {group}: `(?P<{group}>.+)`"),
            ));
        }
    }
    Ok(())
}
