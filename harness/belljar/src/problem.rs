//! What is said when a command cannot do what it was asked: always with what to do next, and with
//! the place in the file where there is one.

use crate::exit::Exit;
use belljar_bench::BenchError;
use belljar_host::setup::SetupError;
use belljar_run::RunError;
use belljar_schema::FileError;
use miette::{Diagnostic, LabeledSpan, NamedSource, Report, Severity};
use std::path::PathBuf;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{0}")]
    File(#[from] FileError),
    #[error("there is no {what} named `{name}`")]
    UnknownName { what: &'static str, name: String, known: String },
    #[error("cannot read the {what} file {}", path.display())]
    Unreadable { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Bench(#[from] BenchError),
    #[error("cannot plant: {0}")]
    Plant(#[from] belljar_plant::PlantError),
    #[error("cannot read the bundle: {0}")]
    Bundle(#[from] belljar_evidence::BundleError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error("{0}")]
    Explain(#[from] belljar_evidence::ExplainError),
    #[error("cannot trace: {0}")]
    Trace(#[from] belljar_run::TraceError),
    #[error("cannot write to standard output")]
    Print(#[source] std::io::Error),
    #[error("cannot find the folder of the belljar executable")]
    Beside(#[source] std::io::Error),
}

impl Problem {
    /// What belljar ends with.
    pub(crate) fn exit(&self) -> Exit {
        use belljar_evidence::ExplainError;
        use belljar_plant::PlantError;
        use belljar_run::TraceError;
        match self {
            Self::File(_) | Self::UnknownName { .. } | Self::Unreadable { .. } => Exit::Usage,
            Self::Run(error) if error.is_usage() => Exit::Usage,
            Self::Bench(BenchError::Run(error)) if error.is_usage() => Exit::Usage,
            Self::Bench(BenchError::Run(RunError::Interrupted { .. })) => Exit::Interrupted,
            Self::Bench(
                BenchError::Cases(_)
                | BenchError::Scenario(_)
                | BenchError::Read { .. }
                | BenchError::Case { .. }
                | BenchError::Nothing,
            ) => Exit::Usage,
            Self::Bench(_) => Exit::Failed,
            Self::Run(RunError::Interrupted { .. }) => Exit::Interrupted,
            Self::Explain(ExplainError::Unknown { .. }) => Exit::Usage,
            Self::Trace(TraceError::Index(_)) => Exit::Failed,
            Self::Trace(_) => Exit::Usage,
            Self::Plant(PlantError::Write { .. }) => Exit::Failed,
            Self::Setup(
                SetupError::NoUser(_) | SetupError::OddUser(_) | SetupError::Nothing(_),
            ) => Exit::Usage,
            Self::Plant(_) => Exit::Usage,
            Self::Run(_)
            | Self::Setup(_)
            | Self::Bundle(_)
            | Self::Explain(_)
            | Self::Print(_)
            | Self::Beside(_) => Exit::Failed,
        }
    }

    /// For people.
    pub(crate) fn report(self) -> Report {
        match self {
            Self::File(error) => {
                let source = NamedSource::new(&error.file, error.source_text.to_string());
                Report::new(InFile {
                    message: error.message,
                    span: (error.span.start, error.span.end - error.span.start).into(),
                    help: error.help,
                })
                .with_source_code(source)
            }
            other => {
                let help = other.help();
                Report::new(Plain { problem: other, help })
            }
        }
    }

    fn help(&self) -> Option<String> {
        use belljar_run::TraceError;
        match self {
            Self::UnknownName { what, known, .. } => Some(format!(
                "belljar comes with: {known}; to use a file of your own, name its path ({what}.toml)"
            )),
            Self::Unreadable { .. } => Some("name a file that you can read".into()),
            Self::Run(error) | Self::Bench(BenchError::Run(error)) => {
                error.help().map(str::to_owned)
            }
            Self::Bench(_) => None,
            Self::Plant(belljar_plant::PlantError::NotEmpty { .. }) => {
                Some("name a folder that is empty or does not exist".into())
            }
            Self::Setup(error) => setup_help(error).map(str::to_owned),
            Self::Trace(TraceError::NoScenario { .. }) => {
                Some("name its file with --scenario, or put its plan.json beside it".into())
            }
            Self::Trace(TraceError::Manifest(_)) => {
                Some("name the decoys.json of a bundle, or a folder of decoys".into())
            }
            Self::Trace(TraceError::Index(_)) => Some("look for fewer decoys at a time".into()),
            Self::Trace(_) => Some("name files that you can read".into()),
            Self::Explain(belljar_evidence::ExplainError::Unknown { known, .. }) => {
                Some(known.clone())
            }
            Self::Bundle(_) | Self::Explain(_) => {
                Some("name the folder that `belljar run` has written".into())
            }
            Self::File(_) | Self::Plant(_) | Self::Print(_) | Self::Beside(_) => None,
        }
    }
}

fn setup_help(error: &SetupError) -> Option<&'static str> {
    Some(match error {
        SetupError::NotRoot => {
            "run it with sudo; `belljar setup --dry-run` says beforehand what would be done"
        }
        SetupError::Foreign(_) => "look at that file; move it away if nobody needs it",
        SetupError::State { .. } => "look at that file; what it lists can be taken back by hand",
        SetupError::Nothing(_) => "nothing has to be taken back",
        _ => return None,
    })
}

/// A mistake in a file, shown at its place.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct InFile {
    message: String,
    span: miette::SourceSpan,
    help: Option<String>,
}

impl Diagnostic for InFile {
    fn help(&self) -> Option<Box<dyn std::fmt::Display + '_>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some("here".into()), self.span))))
    }
}

/// Anything else. Some problems say themselves what is beneath them: what was said is not said again.
#[derive(Debug)]
struct Plain {
    problem: Problem,
    help: Option<String>,
}

impl std::fmt::Display for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for Plain {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let said = self.problem.to_string();
        let mut beneath = self.problem.source();
        while let Some(source) = beneath {
            if !said.contains(&source.to_string()) {
                return Some(source);
            }
            beneath = source.source();
        }
        None
    }
}

impl Diagnostic for Plain {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }

    fn help(&self) -> Option<Box<dyn std::fmt::Display + '_>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }
}
