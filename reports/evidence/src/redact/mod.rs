//! A bundle for a third party: the same run, without the bytes that left and without what tells who
//! the planted person is, and the verdict still verifies.
//!
//! What goes: payloads, packets, the bytes of decoys, the seed. What is masked, by the same mask
//! everywhere: the planted facts; digests of what went; words of requests, names and command lines
//! that the plan does not hold. What stays: every line of the record, who read which file and how
//! much, who sent how much to whom, the traces as places and lengths, and the verdict, which is
//! judged anew from exactly that. It is refused where it would come out other than the original's.
//!
//! What a redacted bundle cannot show, and says so: that the traces are in what left, and the
//! ceiling. Whoever holds the original can do both, and gets the same redacted bundle again.
//! Names of planted files and of programs stay; a seed that is guessed gives the plant away.

mod mask;
mod record;

use crate::bundle::{BundleError, Redaction};
use crate::conclude::{Found, trace};
use crate::{Bundle, BundleWriter, ConcludeInput, names};
use belljar_judge::{Carried, DecodingCut, JudgeInput, Listing, Verdict, judge};
use belljar_record::{Observation, PayloadRef, Sha256Hex, read_log};
use belljar_schema::{Digests, Manifest, RunPlan};
use belljar_trace::Trace;
use mask::Masks;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::path::Path;

/// What a redacted bundle carries over from the original, because the bytes that it was derived
/// from are withheld: `carried.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct CarriedOver {
    traces: Vec<Trace>,
    cuts: Vec<DecodingCut>,
    judged: Carried,
}

/// Writes the redacted bundle into `folder`, but for its page: the caller writes that and then
/// finishes it.
///
/// # Errors
/// [`BundleError::Redact`] if the original is partial, is redacted itself, does not verify, or
/// would be judged otherwise without what is withheld; else as reading and writing.
pub fn redact(bundle: &Bundle, folder: &Path) -> Result<(BundleWriter, Verdict), BundleError> {
    let refuse = |reason: String| Err(BundleError::Redact { reason });
    if bundle.manifest().redacted.is_some() {
        return refuse("it is redacted already".to_owned());
    }
    let checked = crate::verify(bundle);
    if !checked.holds {
        let what = checked.differences.first().map_or("it is partial", |it| it.what.as_str());
        return refuse(format!("the original does not verify ({what})"));
    }
    let (plan, manifest, verdict) = (bundle.plan()?, bundle.decoys()?, bundle.verdict()?);
    let path = bundle.folder().join(names::BUNDLE);
    let original =
        std::fs::read(&path).map_err(|source| BundleError::Read { path: path.clone(), source })?;
    let masks = Masks::new(&original, &manifest, &vocabulary(&plan)?);

    let found = trace(&ConcludeInput {
        plan: &plan,
        manifest: &manifest,
        record: &bundle.folder().join(names::RECORD),
        payloads: &bundle.folder().join(names::PAYLOADS),
        sources: &bundle.sources(),
        jar: bundle.manifest().jar,
        programs: &bundle.manifest().programs,
        belljar: &verdict.belljar,
    })
    .map_err(|error| BundleError::Redact { reason: error.to_string() })?;

    let generator = &bundle.manifest().generator;
    let mut writer = BundleWriter::create(folder, generator, bundle.manifest().jar, 0)?;
    let (masked_plan, masked_manifest) = (plan_of(&masks, plan)?, manifest_of(&masks, manifest));
    let lines = record_of(&masks, bundle, &writer.record())?;
    let carried = carried_of(&masks, &found, &verdict);
    writer.programs(bundle.manifest().programs.clone())?;
    writer.plan(&masked_plan)?;
    writer.decoys(&masked_manifest)?;
    writer.carried(&carried)?;
    let judged = again(
        &masked_plan,
        &masked_manifest,
        &writer.record(),
        &carried,
        bundle,
        &verdict.belljar,
    )?;
    if let Some(what) = otherwise(&verdict, &judged) {
        return refuse(format!("without what is withheld, {what} would be another"));
    }
    writer.verdict(&judged)?;
    let payloads: Vec<&crate::FileEntry> =
        bundle.manifest().files.iter().filter(|file| file.path.starts_with("payloads/")).collect();
    writer.redacted(Redaction {
        original: Sha256Hex::of(&original).to_string(),
        payloads: payloads.len() as u64,
        payload_bytes: payloads.iter().map(|file| file.len).sum(),
        decoys: bundle.manifest().kept.len() as u64,
        masked: masks.count(),
        lines,
    })?;
    Ok((writer, judged))
}

/// Judges a redacted bundle from its masked record and what was carried over.
pub(crate) fn again(
    plan: &RunPlan,
    manifest: &Manifest,
    record: &Path,
    carried: &CarriedOver,
    bundle: &Bundle,
    belljar: &str,
) -> Result<Verdict, BundleError> {
    let observations = read_log(record)?.map_while(Result::ok);
    Ok(judge(JudgeInput {
        plan,
        manifest,
        observations: Box::new(observations),
        traces: &carried.traces,
        cuts: &carried.cuts,
        payload: &|_: &PayloadRef| None,
        jar: bundle.manifest().jar,
        programs: &bundle.manifest().programs,
        belljar,
        carried: Some(&carried.judged),
    }))
}

/// How many traces and payloads a redacted bundle states and does not prove.
impl CarriedOver {
    pub(crate) fn traces(&self) -> u64 {
        self.traces.len() as u64
    }

    pub(crate) fn ceiling(&self) -> u64 {
        self.judged.ceiling.bytes
    }
}

/// Every text of the plan: what is written there is no secret of the run.
fn vocabulary(plan: &RunPlan) -> Result<String, BundleError> {
    fn texts(value: &serde_json::Value, out: &mut String) {
        match value {
            serde_json::Value::String(text) => {
                out.push_str(text);
                out.push('\n');
            }
            serde_json::Value::Array(rows) => rows.iter().for_each(|row| texts(row, out)),
            serde_json::Value::Object(fields) => fields.values().for_each(|it| texts(it, out)),
            _ => {}
        }
    }
    let mut out = String::new();
    texts(&value(plan)?, &mut out);
    Ok(out)
}

fn value<T: Serialize>(of: &T) -> Result<serde_json::Value, BundleError> {
    serde_json::to_value(of).map_err(|error| BundleError::Redact { reason: error.to_string() })
}

fn plan_of(masks: &Masks, plan: RunPlan) -> Result<RunPlan, BundleError> {
    fn masked(masks: &Masks, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = masks.text(text),
            serde_json::Value::Array(rows) => rows.iter_mut().for_each(|row| masked(masks, row)),
            serde_json::Value::Object(fields) => {
                fields.values_mut().for_each(|it| masked(masks, it));
            }
            _ => {}
        }
    }
    let mut value = value(&RunPlan { seed: 0, ..plan })?;
    masked(masks, &mut value);
    serde_json::from_value(value).map_err(|error| BundleError::Redact { reason: error.to_string() })
}

fn manifest_of(masks: &Masks, mut manifest: Manifest) -> Manifest {
    manifest.seed = 0;
    for fact in manifest.facts.iter_mut().filter(|fact| mask::personal(fact)) {
        fact.value = masks.text(&fact.value);
    }
    for decoy in &mut manifest.decoys {
        decoy.path = masks.text(&decoy.path);
        decoy.digest = digests(masks, &decoy.digest);
        for member in &mut decoy.members {
            member.name = masks.text(&member.name);
            member.digest = digests(masks, &member.digest);
        }
    }
    manifest
}

fn digests(masks: &Masks, digests: &Digests) -> Digests {
    Digests {
        len: digests.len,
        md5: masks.digest(&digests.md5),
        sha1: masks.digest(&digests.sha1),
        sha256: masks.digest(&digests.sha256),
    }
}

fn record_of(masks: &Masks, bundle: &Bundle, to: &Path) -> Result<u64, BundleError> {
    let write = |source| BundleError::Write { path: to.to_owned(), source };
    let mut out = std::io::BufWriter::new(std::fs::File::create(to).map_err(write)?);
    let mut lines = 0;
    for line in bundle.record()? {
        let line: Observation = record::observation(masks, line?);
        serde_json::to_writer(&mut out, &line)
            .map_err(|source| BundleError::Parse { path: to.to_owned(), source })?;
        out.write_all(b"\n").map_err(write)?;
        lines += 1;
    }
    out.flush().map_err(write)?;
    Ok(lines)
}

fn carried_of(masks: &Masks, found: &Found, verdict: &Verdict) -> CarriedOver {
    let mut judged = Carried::of(verdict);
    let logins = judged.logins.rows.iter().map(|login| masks.foreign(login)).collect();
    judged.logins = Listing { rows: logins, more: judged.logins.more };
    for row in &mut judged.suspects.rows {
        row.host = masks.host(&row.host);
        row.who.program = masks.text(&row.who.program);
    }
    CarriedOver {
        traces: found.traces.iter().map(|trace| record::trace(masks, trace)).collect(),
        cuts: found
            .cuts
            .iter()
            .map(|cut| DecodingCut { payload: masks.sha256(&cut.payload), ..cut.clone() })
            .collect(),
        judged,
    }
}

/// What of the masked verdict is not the original's, if anything.
fn otherwise(original: &Verdict, masked: &Verdict) -> Option<&'static str> {
    let items = |verdict: &Verdict| -> Vec<_> {
        let rows = verdict.items.iter();
        rows.map(|row| (row.item, row.read, row.files_read, row.sent, row.declared, row.verdict))
            .collect()
    };
    let findings = |verdict: &Verdict| {
        let mut all: Vec<_> = verdict
            .findings
            .iter()
            .map(|it| (it.kind, it.severity, it.item, it.class, it.bytes, it.declared))
            .collect();
        all.sort();
        all
    };
    [
        ("the verdict", original.verdict == masked.verdict),
        ("the table of items", items(original) == items(masked)),
        ("the findings", findings(original) == findings(masked)),
        ("the ceiling", original.ceiling == masked.ceiling),
        ("the exercise", original.exercise.done == masked.exercise.done),
        ("the coverage", {
            let bars = |verdict: &Verdict| -> Vec<bool> {
                verdict.coverage.iter().map(|row| row.bars_pass).collect()
            };
            bars(original) == bars(masked)
        }),
        ("what left", original.egress.bytes == masked.egress.bytes),
    ]
    .into_iter()
    .find_map(|(what, same)| (!same).then_some(what))
}
