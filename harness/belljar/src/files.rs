//! Finds scenarios and components: files of the user's, or entries of the library.

use crate::problem::Problem;
use belljar_schema::{
    ComponentFile, LibraryEntry, ScenarioFile, component_library, library, load_component,
    load_scenario,
};
use std::path::Path;

/// The component that `belljar run` takes when none is named.
pub(crate) const DEFAULT_COMPONENT: &str = "overreach";

/// Reads a scenario by name or path.
pub(crate) fn scenario(wanted: &str) -> Result<ScenarioFile, Problem> {
    let (name, text) = text(wanted, "scenario", library())?;
    Ok(load_scenario(&name, &text)?)
}

/// Reads a component by name or path.
pub(crate) fn component(wanted: &str) -> Result<ComponentFile, Problem> {
    let (name, text) = text(wanted, "component", component_library())?;
    Ok(load_component(&name, &text)?)
}

/// The name for messages and the text of a file or an entry of the library. A file wins only where
/// it is written as a path (`./x`, `x.toml`), so that a stray file never shadows the library.
pub(crate) fn text(
    wanted: &str,
    what: &'static str,
    library: &[LibraryEntry],
) -> Result<(String, String), Problem> {
    let entry = library.iter().find(|entry| entry.name == wanted);
    if let Some(entry) = entry {
        return Ok((format!("{wanted} (library)"), entry.text.to_owned()));
    }
    let path = Path::new(wanted);
    if !path.exists() && !wanted.contains(['/', '.']) {
        return Err(Problem::UnknownName {
            what,
            name: wanted.to_owned(),
            known: library.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", "),
        });
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((wanted.to_owned(), text)),
        Err(source) => Err(Problem::Unreadable { what, path: path.to_owned(), source }),
    }
}
