//! The programs that a run needs, looked for before anything is started: a missing one is said at
//! once, and not by a jar without it.

use crate::error::RunError;
use crate::planting::Planted;
use belljar_judge::ProgramFile;
use belljar_record::Sha256Hex;
use belljar_schema::{Action, RunPlan};
use sha2::Digest as _;
use std::io::Read as _;
use std::path::Path;

/// Where a name without a folder is looked for, on the host and in the jar.
const PATH: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The component's program files with their digests, as they are on the host before the start.
///
/// # Errors
/// [`RunError::ComponentFile`] or [`RunError::Program`] if one is not there.
pub(crate) fn programs(plan: &RunPlan, planted: &Planted) -> Result<Vec<ProgramFile>, RunError> {
    let component = &plan.component;
    let same = component.files.iter().map(|path| (path.clone(), path.clone()));
    let placed = component.placed.iter().map(|placed| (placed.host.clone(), placed.inside.clone()));
    let mut files: Vec<(String, String)> = same.chain(placed).collect();
    for step in &plan.steps {
        let (Action::Run { command } | Action::Start { command, .. }) = &step.action else {
            continue;
        };
        let Some(program) = command.argv.first() else { continue };
        let program = planted.plant.fill(program);
        let given = files.iter().any(|(_, inside)| lies_in(&program, inside))
            || component.state.iter().any(|place| lies_in(&program, place))
            || plan.scenario.provisions.iter().any(|provision| provision.path == program)
            || planted.decoys.iter().any(|decoy| decoy.path_str() == program);
        if given {
            continue;
        }
        match on_host(&program) {
            Some(host) => files.push((host.clone(), host)),
            None => return Err(RunError::Program { program, step: step.name.clone() }),
        }
    }
    files.sort();
    files.dedup();
    let digests = files.iter().map(|(host, inside)| digest(host, inside));
    Ok(digests.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn lies_in(path: &str, place: &str) -> bool {
    path == place || path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'))
}

fn on_host(program: &str) -> Option<String> {
    if program.contains('/') {
        return Path::new(program).is_file().then(|| program.to_owned());
    }
    PATH.iter().map(|folder| format!("{folder}/{program}")).find(|path| Path::new(path).is_file())
}

/// The digest of a regular file; `None` for folders.
fn digest(host: &str, inside: &str) -> Result<Option<ProgramFile>, RunError> {
    let failed = |source| RunError::ComponentFile { path: host.to_owned(), source };
    if !std::fs::metadata(host).map_err(failed)?.is_file() {
        return Ok(None);
    }
    let mut file = std::fs::File::open(host).map_err(failed)?;
    let mut hash = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
    }
    let sha256 = Sha256Hex::from_digest(&hash.finalize()).0;
    Ok(Some(ProgramFile { path: inside.to_owned(), sha256 }))
}
