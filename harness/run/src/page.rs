//! The page of a bundle, made from what lies in it.

use crate::error::RunError;
use belljar_evidence::{Bundle, excerpts};
use belljar_judge::Verdict;
use belljar_record::DecoySource;
use belljar_render::HtmlInput;
use belljar_schema::{Action, Manifest, RunPlan};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that are shown of each finding.
const SHOWN: usize = 256;

/// Opens the bytes of a payload by its digest.
pub(crate) type OpenPayload<'a> = &'a dyn Fn(&str) -> Option<Arc<dyn DecoySource>>;
/// Opens the bytes of a decoy by its id.
pub(crate) type OpenDecoy<'a> = &'a dyn Fn(u32) -> Option<Arc<dyn DecoySource>>;

/// Makes the page of a finished bundle anew.
///
/// # Errors
/// [`RunError`] if the bundle cannot be read.
pub fn page(bundle: &Bundle) -> Result<String, RunError> {
    let payload = |digest: &str| {
        bundle.payload(digest).map(|source| Arc::new(source) as Arc<dyn DecoySource>)
    };
    let decoy = |id| bundle.decoy(id);
    let (plan, verdict, manifest) = (bundle.plan()?, bundle.verdict()?, bundle.decoys()?);
    let from = Evidence { folder: bundle.folder(), payload: &payload, decoy: &decoy };
    match &bundle.manifest().redacted {
        None => render(&from, &verdict, &manifest, Some(&command(&plan)), ""),
        Some(_) => render(&from, &verdict, &manifest, None, WITHHELD),
    }
}

/// What the page of a bundle for a third party says first.
const WITHHELD: &str = "Redacted for a third party: the bytes that left, the packets, the bytes of \
    the planted files and the seed are withheld, and what tells who the planted person is is \
    masked. The verdict is judged from what is here; belljar verify says what it takes as stated.";

/// Writes a bundle for a third party into `folder`, which must not exist or be empty.
///
/// # Errors
/// [`RunError`] if the original does not verify or cannot be read, or the folder not be written.
pub fn redact(bundle: &Bundle, folder: &Path) -> Result<PathBuf, RunError> {
    let (writer, verdict) = belljar_evidence::redact(bundle, folder)?;
    let manifest: Manifest = Bundle::open(folder)?.decoys()?;
    let from = Evidence { folder, payload: &|_| None, decoy: &|_| None };
    writer.report(&render(&from, &verdict, &manifest, None, WITHHELD)?)?;
    Ok(writer.finish()?)
}

/// Where the bytes of a page come from.
pub(crate) struct Evidence<'a> {
    /// The bundle's folder.
    pub(crate) folder: &'a Path,
    /// Opens what left.
    pub(crate) payload: OpenPayload<'a>,
    /// Opens what was planted.
    pub(crate) decoy: OpenDecoy<'a>,
}

pub(crate) fn render(
    from: &Evidence<'_>,
    verdict: &Verdict,
    manifest: &Manifest,
    command: Option<&str>,
    notice: &str,
) -> Result<String, RunError> {
    let excerpts = excerpts(verdict, from.payload, from.decoy, SHOWN);
    Ok(belljar_render::html(&HtmlInput {
        verdict,
        manifest,
        excerpts: &excerpts,
        command,
        holds: &|path| belljar_evidence::holds(from.folder, path),
        notice,
    })?)
}

/// The command line that repeats a run. Scenario and component are named as in their files; a
/// program that was named on the command line stands there again.
pub fn command(plan: &RunPlan) -> String {
    let component = &plan.component;
    let unnamed = component.vendor == "unknown"
        && component.files.is_empty()
        && component.placed.is_empty()
        && component.declares.is_empty();
    let argv = plan.steps.iter().find_map(|step| match &step.action {
        Action::Run { command } if step.name == "scan" => Some(&command.argv),
        _ => None,
    });
    match argv.filter(|_| unnamed) {
        Some(argv) => format!(
            "belljar run {} --seed {} -- {}",
            plan.scenario.name,
            plan.seed,
            argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
        ),
        None => format!(
            "belljar run {} --component {} --profile {} --seed {}",
            plan.scenario.name, component.name, plan.profile, plan.seed
        ),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:=,{}@%+-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
