//! The conclusion of a run: traces, verdict, page, and the bytes that others need to check them.

use crate::error::RunError;
use crate::page::{Evidence, command, render};
use crate::planting::Planted;
use crate::run::{VERSION, jar_kind};
use belljar_evidence::{BundleWriter, ConcludeInput, FileSource};
use belljar_judge::{ProgramFile, Verdict};
use belljar_record::DecoySource;
use belljar_schema::RunPlan;
use std::sync::Arc;

/// Draws the conclusion and writes it into the bundle.
pub(crate) fn conclude(
    plan: &RunPlan,
    planted: &Planted,
    programs: &[ProgramFile],
    writer: &mut BundleWriter,
) -> Result<Verdict, RunError> {
    let sources = planted.sources();
    let concluded = belljar_evidence::conclude(&ConcludeInput {
        plan,
        manifest: &planted.manifest,
        record: &writer.record(),
        payloads: &writer.payloads(),
        sources: &sources,
        jar: jar_kind(plan),
        programs,
        belljar: VERSION,
    })?;
    for source in sources.iter().filter(|source| concluded.traced.contains(&source.decoy)) {
        writer.keep(source)?;
    }
    let verdict = concluded.verdict;
    writer.verdict(&verdict)?;
    let payloads = writer.payloads();
    let payload = |digest: &str| {
        FileSource::open(&payloads.join(digest))
            .ok()
            .map(|source| Arc::new(source) as Arc<dyn DecoySource>)
    };
    let decoy = |id: u32| {
        planted.decoys.get(id as usize).map(|decoy| Arc::clone(decoy) as Arc<dyn DecoySource>)
    };
    let from = Evidence { folder: writer.folder(), payload: &payload, decoy: &decoy };
    let page = render(&from, &verdict, &planted.manifest, Some(&command(plan)), "")?;
    writer.report(&page)?;
    Ok(verdict)
}
