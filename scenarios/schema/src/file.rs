//! Scenario and component files, read and found to make sense in themselves.

use crate::check::{check_component, check_scenario};
use crate::error::FileError;
use crate::source::Source;
use crate::written::{WrittenCommand, WrittenCommands, WrittenComponent, WrittenScenario};
use std::sync::Arc;

/// A scenario file that makes sense in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioFile {
    pub(crate) source: Source,
    pub(crate) written: WrittenScenario,
}

/// A component file that makes sense in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentFile {
    pub(crate) source: Source,
    pub(crate) written: WrittenComponent,
}

/// Reads a scenario file. `name` is only for messages.
pub fn load_scenario(name: &str, text: &str) -> Result<ScenarioFile, FileError> {
    let source = Source { file: name.to_owned(), text: Arc::from(text) };
    let written = source.parse()?;
    check_scenario(&source, &written)?;
    Ok(ScenarioFile { source, written })
}

/// Reads a component file. `name` is only for messages.
pub fn load_component(name: &str, text: &str) -> Result<ComponentFile, FileError> {
    let source = Source { file: name.to_owned(), text: Arc::from(text) };
    let written = source.parse()?;
    check_component(&source, &written)?;
    Ok(ComponentFile { source, written })
}

impl ScenarioFile {
    /// As written.
    pub fn written(&self) -> &WrittenScenario {
        &self.written
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// The seed that the file fixes, if it does.
    pub fn seed(&self) -> Option<u64> {
        self.written.seed
    }
}

impl ComponentFile {
    /// As written.
    pub fn written(&self) -> &WrittenComponent {
        &self.written
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// Names of its profiles; `default` comes first and is always there.
    pub fn profiles(&self) -> Vec<&str> {
        let named = self.written.profiles.keys().map(String::as_str);
        std::iter::once("default").chain(named.filter(|name| *name != "default")).collect()
    }

    /// A component for a command line that was given in place of a file (`-- CMD…`): an installed
    /// program of which nothing is known. Its scan step runs the command; an argument that holds
    /// `{scan}` is repeated for each path to scan. Any exit code is in order, and detections are
    /// looked for as `PATH: NAME FOUND`, also in archives.
    pub fn ad_hoc(argv: &[String]) -> Result<Self, FileError> {
        let program = argv.first().map(String::as_str).unwrap_or_default();
        let base = program.rsplit('/').next().unwrap_or_default();
        let written = WrittenComponent {
            name: ad_hoc_name(base),
            vendor: "unknown".into(),
            version: "as installed".into(),
            looks_into: vec![crate::DecoyKind::Zip, crate::DecoyKind::TarGz, crate::DecoyKind::Eml],
            detection: Some(AD_HOC_DETECTION.into()),
            commands: WrittenCommands {
                scan: Some(WrittenCommand { argv: argv.to_vec(), ..WrittenCommand::default() }),
                ..WrittenCommands::default()
            },
            ..WrittenComponent::default()
        };
        // Messages point at the command line, not at a file that nobody wrote.
        let source = Source { file: "command line".into(), text: Arc::from(argv.join(" ")) };
        let wrong = |message: &str, help: &str| {
            crate::source::Wrong::new(crate::FileErrorKind::Value, message, help)
        };
        if program.is_empty() || program.contains("{scan}") {
            let wrong = wrong("no program is given", "write `-- PROGRAM ARGUMENT…`");
            return Err(source.wrong(&crate::source::At::root(), wrong));
        }
        if program.contains('/') && !program.starts_with(['/', '{']) {
            let wrong = wrong(
                &format!("`{program}` is not absolute"),
                "name an installed program, or give its absolute path inside the jar",
            );
            return Err(source.wrong(&crate::source::At::root(), wrong));
        }
        Ok(Self { source, written })
    }
}

/// How clamscan and many others tell a detection.
const AD_HOC_DETECTION: &str = r"^(?P<path>/.*): (?P<name>.+) FOUND$";

/// The program's name in the letters that names have.
fn ad_hoc_name(base: &str) -> String {
    let name: String = base
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(60)
        .collect();
    match name.starts_with(|c: char| c.is_ascii_lowercase()) {
        true => name,
        false => format!("c{name}"),
    }
}
