//! Sealed sets of others: a folder of JSON or TOML files, each with a list `cases`.
//!
//! Promises: ids and hosts are different, encodings one to three, truths lie in files that are
//! sources of their case. Cannot see: whether a decoy is planted; the benchmark says so when it
//! plants.

use crate::case::{Case, Kind};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files larger than this are refused.
const LARGEST: u64 = 64 << 20;

/// Why a set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder, or a file in it, cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not of the form.
    #[error("{path} is no file of cases: {detail}")]
    Form {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A case does not hold together.
    #[error("case {id} in {path}: {detail}")]
    Case {
        /// Which.
        id: String,
        /// In which file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// There is no case.
    #[error("{0} holds no file of cases (*.json, *.toml)")]
    Empty(PathBuf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cases: Vec<Case>,
}

/// Loads all cases of a folder, in the order of file names. `scenario.toml` in it is not read here.
///
/// # Errors
/// [`LoadError`], with the file and the case.
pub fn load(folder: &Path) -> Result<Vec<Case>, LoadError> {
    let unreadable = |source| LoadError::Read { path: folder.to_owned(), source };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    paths.sort();
    let mut cases = Vec::new();
    let (mut ids, mut hosts) = (BTreeSet::new(), BTreeSet::new());
    for path in paths {
        let is = |end: &str| path.extension().is_some_and(|found| found == end);
        if path.file_name().is_some_and(|name| name == "scenario.toml")
            || !(is("json") || is("toml"))
        {
            continue;
        }
        for case in read(&path, is("json"))? {
            check(&case, &mut ids, &mut hosts).map_err(|detail| LoadError::Case {
                id: case.id.clone(),
                path: path.clone(),
                detail,
            })?;
            cases.push(case);
        }
    }
    if cases.is_empty() { Err(LoadError::Empty(folder.to_owned())) } else { Ok(cases) }
}

fn read(path: &Path, json: bool) -> Result<Vec<Case>, LoadError> {
    let unreadable = |source| LoadError::Read { path: path.to_owned(), source };
    let form = |detail| LoadError::Form { path: path.to_owned(), detail };
    let len = std::fs::metadata(path).map_err(unreadable)?.len();
    if len > LARGEST {
        return Err(form(format!("it has {len} bytes, more than {LARGEST}")));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let file: File = if json {
        serde_json::from_str(&text).map_err(|error| form(error.to_string()))?
    } else {
        toml::from_str(&text).map_err(|error| form(error.to_string()))?
    };
    Ok(file.cases)
}

fn check(
    case: &Case,
    ids: &mut BTreeSet<String>,
    hosts: &mut BTreeSet<String>,
) -> Result<(), String> {
    if !ids.insert(case.id.clone()) {
        return Err("its id stands twice".into());
    }
    if !hosts.insert(case.host.clone()) {
        return Err(format!("its host {} is another case's, too", case.host));
    }
    if case.host.split('.').count() != 2 || !case.host.ends_with(".example") {
        return Err(format!("its host {} must be one label below .example", case.host));
    }
    if !(1..=3).contains(&case.encodings.len()) {
        return Err(format!("{} encodings; there must be one to three", case.encodings.len()));
    }
    if let Some(reason) = case.channel.waiting() {
        return Err(format!("the channel {} cannot be run: {reason}", case.channel.name()));
    }
    match case.kind {
        Kind::Leaking if case.truth.is_empty() => Err("it leaks, but says no truth".into()),
        Kind::Refused | Kind::Negative(_) if !case.truth.is_empty() => {
            Err("nothing leaves, but it says a truth".into())
        }
        _ => Ok(()),
    }
}
