//! Why a run did not come to a verdict.

use crate::planting::PlantingError;
use belljar_sandbox::JarError;
use std::path::PathBuf;

/// Why a run did not come to a verdict. Nothing is said of the component then.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The scenario cannot be planted or served.
    #[error(transparent)]
    Planting(#[from] PlantingError),
    /// The bundle's folder is there already.
    #[error("{0} exists already; a bundle is never written over another")]
    Exists(PathBuf),
    /// Something of the bundle cannot be written or read back.
    #[error("cannot {doing} {path}: {source}")]
    Bundle {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The bundle cannot be written.
    #[error(transparent)]
    Evidence(#[from] belljar_evidence::BundleError),
    /// The page cannot be made.
    #[error(transparent)]
    Page(#[from] belljar_render::RenderError),
    /// No conclusion can be drawn.
    #[error(transparent)]
    Conclude(#[from] belljar_evidence::ConcludeError),
    /// A host file that the component needs is not there.
    #[error("the component needs {path}, which cannot be read: {source}")]
    ComponentFile {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program that a step runs is nowhere.
    #[error("step {step} runs {program}, which is not installed on this host")]
    Program {
        /// Which.
        program: String,
        /// In which step.
        step: String,
    },
    /// The fake internet cannot be made.
    #[error("cannot make the fake internet: {0}")]
    Internet(#[from] belljar_internet::InternetError),
    /// The wire cannot be started.
    #[error("cannot start the wire: {0}")]
    Wire(#[from] belljar_wire::WireError),
    /// The watcher of system calls cannot be started.
    #[error("cannot watch system calls: {0}")]
    Watch(#[from] belljar_process::WatchError),
    /// The world cannot be served.
    #[error("cannot serve the world: {0}")]
    Fuse(#[from] belljar_fuse::FuseError),
    /// There is no jar, or it does not hold.
    #[error(transparent)]
    Jar(#[from] JarError),
    /// The engine for WebAssembly cannot be made.
    #[error(transparent)]
    Engine(#[from] belljar_wasm::EngineError),
    /// A WebAssembly component cannot be run.
    #[error(transparent)]
    Guest(#[from] belljar_wasm::ConductError),
    /// The record cannot be kept.
    #[error(transparent)]
    Log(#[from] belljar_record::LogFull),
    /// A pattern of the component cannot be used.
    #[error("the component's detection pattern cannot be used: {0}")]
    Pattern(#[from] regex::Error),
    /// A step cannot be gone on from.
    #[error("step {step}: {what}")]
    Step {
        /// Which.
        step: String,
        /// What went wrong.
        what: String,
    },
    /// Somebody asked to stop. The bundle is marked as partial.
    #[error("interrupted; the bundle {bundle} is marked as partial")]
    Interrupted {
        /// The partial bundle.
        bundle: PathBuf,
    },
}

impl RunError {
    /// Whether the one who asked has to put something right, rather than the host.
    pub fn is_usage(&self) -> bool {
        use belljar_plant::PlantError;
        match self {
            Self::Planting(PlantingError::Plant(PlantError::Write { .. })) => false,
            Self::Planting(_)
            | Self::Exists(_)
            | Self::ComponentFile { .. }
            | Self::Program { .. }
            | Self::Guest(belljar_wasm::ConductError::Program { .. })
            | Self::Pattern(_) => true,
            _ => false,
        }
    }

    /// What to do next, as far as known.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Exists(_) => "name another folder with --out, or remove this one",
            Self::ComponentFile { path, .. } if path.ends_with(".wasm") => {
                "build it: the reference guests by `scenarios/components/wasm/build FOLDER`, where \
                 FOLDER is `wasm` beside the belljar executable"
            }
            Self::ComponentFile { .. } => {
                "install the component, or correct `files` in its component file"
            }
            Self::Program { .. } => {
                "install the program (in /usr, where the jar sees it), or name it in `files` of a component file"
            }
            Self::Bundle { .. } => "look at the space and the rights of the folder",
            Self::Jar(JarError::Step { hint, .. }) if !hint.is_empty() => hint,
            Self::Guest(belljar_wasm::ConductError::Program { .. }) => {
                "docs/wasm.md says which modules and components can run"
            }
            Self::Jar(JarError::NotIsolated(_)) => {
                "the component was not started; belljar never runs one in a jar that it doubts"
            }
            _ => return None,
        })
    }
}
