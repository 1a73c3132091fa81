//! Checking a bundle from itself alone: digests and lengths, the numbering of the record, the
//! decoys against their manifest, and the verdict, which is derived again and compared.

use crate::bundle::{Bundle, BundleState, FileEntry, Redaction, read_json};
use crate::kept::{Kept, file_name};
use crate::redact::{CarriedOver, again};
use crate::writer::list;
use crate::{ConcludeInput, conclude, names};
use belljar_record::Event;
use belljar_schema::{Manifest, MemberRecord};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Differences of one kind that are listed; the rest is counted.
const LISTED: usize = 100;

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct VerifyReport {
    /// Whether everything agrees and the bundle is whole.
    pub holds: bool,
    /// Why the bundle is not whole, if it says so itself.
    pub partial: Option<String>,
    /// What differs.
    pub differences: Vec<Difference>,
    /// How many more differences there are.
    pub more: u64,
    /// Files whose length and digest were checked.
    pub files: u64,
    /// Lines of the record whose number was checked.
    pub observations: u64,
    /// Payloads that the record names and that are there.
    pub payloads: u64,
    /// Decoys that were traced again.
    pub decoys: u64,
    /// Traces that were found again.
    pub traces: u64,
    /// Whether the verdict was derived again.
    pub derived: bool,
    /// What is withheld, in a bundle for a third party.
    pub redacted: Option<Redaction>,
    /// What a reader must know beside this.
    pub notes: Vec<String>,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// What: a file of the bundle, a line of the record, a field of the verdict.
    pub what: String,
    /// What the bundle says.
    pub says: String,
    /// What was found.
    pub found: String,
}

impl VerifyReport {
    fn differs(
        &mut self,
        what: impl Into<String>,
        says: impl Into<String>,
        found: impl Into<String>,
    ) {
        if self.differences.len() < LISTED {
            self.differences.push(Difference {
                what: what.into(),
                says: says.into(),
                found: found.into(),
            });
        } else {
            self.more += 1;
        }
    }
}

/// Verifies a bundle. Never fails: what cannot be read is a difference.
pub fn verify(bundle: &Bundle) -> VerifyReport {
    let mut report = VerifyReport::default();
    if let BundleState::Partial { reason } = &bundle.manifest().state {
        report.partial = Some(reason.clone());
    }
    report.redacted = bundle.manifest().redacted.clone();
    files(bundle, &mut report);
    record(bundle, &mut report);
    if let Some(redaction) = &report.redacted
        && redaction.lines != report.observations
    {
        let (says, found) = (redaction.lines, report.observations);
        report.differs(names::RECORD, format!("{says} lines"), format!("{found} lines"));
    }
    let plan = bundle.plan();
    let manifest = bundle.decoys();
    for (name, error) in [
        (names::PLAN, plan.as_ref().err().map(ToString::to_string)),
        (names::DECOYS, manifest.as_ref().err().map(ToString::to_string)),
    ] {
        if let Some(error) = error {
            report.differs(name, "can be read", error);
        }
    }
    if let (Ok(plan), Ok(manifest)) = (plan, manifest) {
        kept(bundle, &manifest, &mut report);
        match report.redacted {
            None => derive(bundle, &plan, &manifest, &mut report),
            Some(_) => derive_redacted(bundle, &plan, &manifest, &mut report),
        }
    }
    report.notes.push(
        "A bundle made up as a whole agrees with itself: compare the digest of bundle.json with \
         the one that the lab published, or run the plan again."
            .to_owned(),
    );
    if !bundle.manifest().not_kept.is_empty() {
        report.notes.push(format!(
            "The bytes of {} decoys were too large to be kept; plant them again with the seed to \
             prove their traces.",
            bundle.manifest().not_kept.len()
        ));
    }
    report.holds = report.differences.is_empty() && report.partial.is_none() && report.derived;
    report
}

fn files(bundle: &Bundle, report: &mut VerifyReport) {
    let there: BTreeMap<String, FileEntry> = match list(bundle.folder()) {
        Ok(files) => files.into_iter().map(|file| (file.path.clone(), file)).collect(),
        Err(error) => {
            report.differs("bundle", "can be read", error.to_string());
            return;
        }
    };
    let mut listed = BTreeSet::new();
    for file in &bundle.manifest().files {
        listed.insert(file.path.as_str());
        match there.get(&file.path) {
            None => report.differs(&file.path, "is there", "is missing"),
            Some(found) if found.len != file.len => report.differs(
                &file.path,
                format!("{} bytes", file.len),
                format!("{} bytes", found.len),
            ),
            Some(found) if found.sha256 != file.sha256 => {
                report.differs(&file.path, format!("sha256 {}", file.sha256), &found.sha256);
            }
            Some(_) => report.files += 1,
        }
    }
    for file in there.values() {
        if !listed.contains(file.path.as_str()) {
            report.differs(&file.path, "is not listed", "is there");
        }
        // Payloads and kept decoys are named by their digest: a second, independent statement.
        let name = file
            .path
            .strip_prefix("payloads/")
            .or_else(|| file.path.strip_prefix("decoys/"))
            .and_then(file_name);
        if let Some(name) = name
            && name != file.sha256
        {
            report.differs(&file.path, format!("is named {name}"), format!("is {}", file.sha256));
        }
    }
    if bundle.manifest().files.is_empty() {
        report.differs(names::BUNDLE, "lists its files", "lists none");
    }
}

fn record(bundle: &Bundle, report: &mut VerifyReport) {
    let lines = match bundle.record() {
        Ok(lines) => lines,
        Err(error) => {
            report.differs(names::RECORD, "can be read", error.to_string());
            return;
        }
    };
    let mut seen = BTreeSet::new();
    for (number, line) in (0_u64..).zip(lines) {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                report.differs(
                    format!("{} line {}", names::RECORD, number + 1),
                    "an observation",
                    error.to_string(),
                );
                return;
            }
        };
        if line.seq.0 != number {
            report.differs(
                format!("{} line {}", names::RECORD, number + 1),
                format!("number {number}"),
                format!("number {}", line.seq.0),
            );
            return;
        }
        report.observations += 1;
        if report.redacted.is_none()
            && let Event::Payload { payload, .. } = line.event
            && seen.insert(payload.clone())
        {
            match bundle.payload(payload.sha256.as_str()) {
                None => report.differs(
                    format!("payloads/{}", payload.sha256),
                    format!("is there (record line {})", number + 1),
                    "is missing",
                ),
                Some(source) => {
                    let len = belljar_record::DecoySource::len(&source);
                    if len == payload.len {
                        report.payloads += 1;
                    } else {
                        report.differs(
                            format!("payloads/{}", payload.sha256),
                            format!("{} bytes (record line {})", payload.len, number + 1),
                            format!("{len} bytes"),
                        );
                    }
                }
            }
        }
    }
}

/// The kept decoys must be those of the manifest, and what is inside them too.
fn kept(bundle: &Bundle, manifest: &Manifest, report: &mut VerifyReport) {
    for kept in &bundle.manifest().kept {
        let Some(decoy) = manifest.decoys.iter().find(|decoy| decoy.id == kept.decoy) else {
            report.differs(
                format!("kept decoy {}", kept.decoy),
                "is planted",
                "is not in decoys.json",
            );
            continue;
        };
        if decoy.digest.sha256 != kept.content.sha256 || decoy.digest.len != kept.content.len {
            report.differs(
                format!("kept decoy {}", kept.decoy),
                format!("sha256 {}", decoy.digest.sha256),
                kept.content.sha256.clone(),
            );
        }
        members(&kept.content, &decoy.members, &format!("kept decoy {}", kept.decoy), report);
        report.decoys += 1;
    }
}

/// Members of archives stand in the manifest with their digests; texts and values of a document
/// need not.
fn members(kept: &Kept, members_known: &[MemberRecord], name: &str, report: &mut VerifyReport) {
    for part in &kept.parts {
        let known = members_known.iter().any(|member| member.digest.sha256 == part.content.sha256);
        if part.kind == "member" && !known && !members_known.is_empty() {
            report.differs(
                format!("{name}!{}", part.name),
                "is a member in decoys.json",
                format!("sha256 {} is none", part.content.sha256),
            );
        }
        members(&part.content, members_known, &format!("{name}!{}", part.name), report);
    }
}

fn derive(
    bundle: &Bundle,
    plan: &belljar_schema::RunPlan,
    manifest: &Manifest,
    report: &mut VerifyReport,
) {
    let said = match bundle.verdict() {
        Ok(verdict) => verdict,
        Err(error) => {
            report.differs(names::VERDICT, "can be read", error.to_string());
            return;
        }
    };
    let sources = bundle.sources();
    let derived = conclude(&ConcludeInput {
        plan,
        manifest,
        record: &bundle.folder().join(names::RECORD),
        payloads: &bundle.folder().join(names::PAYLOADS),
        sources: &sources,
        jar: bundle.manifest().jar,
        programs: &bundle.manifest().programs,
        belljar: &said.belljar,
    });
    let derived = match derived {
        Ok(derived) => derived.verdict,
        Err(error) => {
            report.differs(names::VERDICT, "can be derived again", error.to_string());
            return;
        }
    };
    report.derived = true;
    report.traces = derived.traces.total();
    match (serde_json::to_value(&said), serde_json::to_value(&derived)) {
        (Ok(said), Ok(derived)) => compare(names::VERDICT, &said, &derived, report),
        (Err(error), _) | (_, Err(error)) => {
            report.differs(names::VERDICT, "can be written", error.to_string());
        }
    }
}

/// Judges a redacted bundle anew, from its record and the traces as they are stated.
fn derive_redacted(
    bundle: &Bundle,
    plan: &belljar_schema::RunPlan,
    manifest: &Manifest,
    report: &mut VerifyReport,
) {
    let at = |name: &str| bundle.folder().join(name);
    let read = bundle.verdict().and_then(|said| {
        let carried: CarriedOver = read_json(&at(names::CARRIED))?;
        let found = again(plan, manifest, &at(names::RECORD), &carried, bundle, &said.belljar)?;
        Ok((said, carried, found))
    });
    let (said, carried, derived) = match read {
        Ok(read) => read,
        Err(error) => {
            report.differs(names::VERDICT, "can be derived again", error.to_string());
            return;
        }
    };
    report.derived = true;
    report.traces = derived.traces.total();
    report.notes.push(format!(
        "Taken as stated, since the bytes are withheld: that the {} traces are in what left, and \
         the ceiling of {} bytes. The holder of the original can show both.",
        carried.traces(),
        carried.ceiling()
    ));
    match (serde_json::to_value(&said), serde_json::to_value(&derived)) {
        (Ok(said), Ok(derived)) => compare(names::VERDICT, &said, &derived, report),
        (Err(error), _) | (_, Err(error)) => {
            report.differs(names::VERDICT, "can be written", error.to_string());
        }
    }
}

/// Compares field by field, and names what differs.
fn compare(path: &str, said: &Value, found: &Value, report: &mut VerifyReport) {
    match (said, found) {
        (Value::Object(said), Value::Object(found)) => {
            let fields: BTreeSet<&String> = said.keys().chain(found.keys()).collect();
            for field in fields {
                compare(
                    &format!("{path} {field}"),
                    said.get(field).unwrap_or(&Value::Null),
                    found.get(field).unwrap_or(&Value::Null),
                    report,
                );
            }
        }
        (Value::Array(said), Value::Array(found)) if said.len() == found.len() => {
            for (place, (said, found)) in said.iter().zip(found).enumerate() {
                // Rows with a name are named by it.
                let name = ["item", "id", "dimension", "path"]
                    .iter()
                    .find_map(|key| said.get(key).and_then(Value::as_str))
                    .map_or_else(|| place.to_string(), str::to_owned);
                compare(&format!("{path} {name}"), said, found, report);
            }
        }
        (Value::Array(said), Value::Array(found)) => {
            report.differs(path, format!("{} rows", said.len()), format!("{} rows", found.len()))
        }
        (said, found) if said != found => {
            report.differs(path, said.to_string(), found.to_string());
        }
        _ => {}
    }
}
