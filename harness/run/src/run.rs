//! From a plan to a bundle.

use crate::conclude::conclude;
use crate::conduct::{Conducted, conduct, open_log, phase};
use crate::error::RunError;
use crate::events::{EventSink, Phase, RunEvent};
use crate::planting::{Planted, PlantingError};
use crate::programs::programs;
use crate::stop::Stop;
use crate::wasm;
use belljar_evidence::BundleWriter;
use belljar_judge::{JarKind, Verdict};
use belljar_record::Event;
use belljar_schema::{ComponentKind, RunPlan};
use std::path::{Path, PathBuf};

/// Version of belljar, as it stands in bundles.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Bytes of decoys that a bundle may hold, so that a third party can derive the verdict anew.
const KEEP: u64 = 1 << 30;

/// A run that came to a verdict.
#[derive(Debug)]
pub struct Ended {
    /// The verdict.
    pub verdict: Verdict,
    /// The bundle that it rests on.
    pub bundle: PathBuf,
}

/// Runs a plan and writes its bundle into `folder`, which must not exist or be empty.
///
/// # Errors
/// [`RunError`], with the step that failed. If the folder was made by then, it holds a bundle that
/// is marked as partial.
pub fn run(
    plan: &RunPlan,
    folder: &Path,
    events: EventSink<'_>,
    stop: &Stop,
) -> Result<Ended, RunError> {
    raise_open_files();
    // What a killed belljar could not take away. Canaries and control groups go with the next jar.
    belljar_sandbox::sweep(&std::env::temp_dir());
    // What the one who asked got wrong is said before anything is written.
    let planted = Planted::new(plan).map_err(PlantingError::from)?;
    let programs = programs(plan, &planted)?;
    if folder.symlink_metadata().is_ok() && !is_empty_folder(folder) {
        return Err(RunError::Exists(folder.to_owned()));
    }
    let generator = format!("belljar {VERSION}");
    let mut writer = BundleWriter::create(folder, &generator, jar_kind(plan), KEEP)?;
    let result = (|| {
        writer.programs(programs.clone())?;
        writer.plan(plan)?;
        writer.decoys(&planted.manifest)?;
        let virtual_clock = wasm::clock();
        let log = match plan.component.kind {
            ComponentKind::Native => open_log(&writer.record(), plan.scenario.limits.record)?,
            ComponentKind::Wasm => wasm::open_log(&writer.record(), plan, &virtual_clock)?,
        };
        phase(&log, events, Phase::Planting)?;
        events(RunEvent::Planted { decoys: planted.decoys.len(), bytes: planted.bytes() });
        let conducted = match plan.component.kind {
            ComponentKind::Native => conduct(plan, planted, writer.folder(), &log, events, stop),
            ComponentKind::Wasm => {
                let clocked = (&log, virtual_clock);
                wasm::conduct(plan, planted, writer.folder(), clocked, events, stop)
            }
        };
        if let Err(error) = &conducted {
            // The reserve may be used up; the bundle is marked as partial in any case.
            let _ = log.append_own(Event::Interrupted { reason: error.to_string() });
            let _ = log.flush();
        }
        let Conducted { planted, interrupted } = conducted?;
        phase(&log, events, Phase::Concluding)?;
        if interrupted {
            return Err(RunError::Interrupted { bundle: folder.to_owned() });
        }
        conclude(plan, &planted, &programs, &mut writer)
    })();
    match result {
        Ok(verdict) => {
            let bundle = writer.finish()?;
            events(RunEvent::Written { bundle: bundle.clone() });
            Ok(Ended { verdict, bundle })
        }
        Err(error) => {
            // Without space even this cannot be written: then the mark of the beginning stays, and
            // says that the run has not ended.
            let _ = writer.finish_partial(&error.to_string());
            Err(error)
        }
    }
}

/// Payloads and connections take descriptors: as many as this process may have. What runs inside has
/// a limit of its own. Where it cannot be raised, the wire serves fewer connections at a time.
fn raise_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

fn is_empty_folder(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

/// The kind of jar that a component runs in.
pub(crate) fn jar_kind(plan: &RunPlan) -> JarKind {
    match plan.component.kind {
        ComponentKind::Native => JarKind::Namespaces,
        ComponentKind::Wasm => JarKind::Wasm,
    }
}
