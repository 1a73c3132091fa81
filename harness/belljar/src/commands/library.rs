//! `belljar scenarios` and `belljar show`: what comes with belljar.

use crate::cli::ShowArgs;
use crate::exit::Exit;
use crate::files;
use crate::problem::Problem;
use belljar_schema::{component_library, library, load_component, load_scenario};
use std::io::Write as _;

/// Lists scenarios with their questions, and components with their profiles.
pub(crate) fn scenarios() -> Result<Exit, Problem> {
    let mut text = String::from("Scenarios (belljar run SCENARIO):\n");
    for entry in library() {
        let scenario = load_scenario(entry.name, entry.text)?;
        text.push_str(&format!("  {:<20} {}\n", entry.name, scenario.written().question));
    }
    text.push_str("\nComponents (--component NAME --profile PROFILE):\n");
    for entry in component_library() {
        let component = load_component(entry.name, entry.text)?;
        let profiles = component.profiles().join(", ");
        text.push_str(&format!("  {:<20} profiles: {profiles}\n", entry.name));
    }
    print(&text)
}

/// Prints a file of the library, or one of the user's that is right.
pub(crate) fn show(args: &ShowArgs) -> Result<Exit, Problem> {
    let all: Vec<_> = library().iter().chain(component_library()).copied().collect();
    let (_, text) = files::text(&args.name, "scenario or component", &all)?;
    print(&text)
}

fn print(text: &str) -> Result<Exit, Problem> {
    std::io::stdout().write_all(text.as_bytes()).map_err(Problem::Print)?;
    Ok(Exit::Pass)
}
