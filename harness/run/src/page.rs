//! The page of a bundle, made from what lies in it.

use crate::error::RunError;
use belljar_evidence::{Bundle, excerpts};
use belljar_judge::Verdict;
use belljar_record::DecoySource;
use belljar_render::HtmlInput;
use belljar_schema::{Manifest, RunPlan};
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
    render(&bundle.plan()?, &bundle.verdict()?, &bundle.decoys()?, &payload, &|id| bundle.decoy(id))
}

pub(crate) fn render(
    plan: &RunPlan,
    verdict: &Verdict,
    manifest: &Manifest,
    payload: OpenPayload<'_>,
    decoy: OpenDecoy<'_>,
) -> Result<String, RunError> {
    let excerpts = excerpts(&verdict.findings, payload, decoy, SHOWN);
    let command = command(plan);
    Ok(belljar_render::html(&HtmlInput {
        verdict,
        manifest,
        excerpts: &excerpts,
        command: &command,
    })?)
}

/// The command line that repeats a run. Scenario and component are named as in their files.
fn command(plan: &RunPlan) -> String {
    format!(
        "belljar run {} --component {} --profile {} --seed {}",
        plan.scenario.name, plan.component.name, plan.profile, plan.seed
    )
}
