//! From the record to a verdict: what was read, what left, whether that is in order, and how much
//! of the run was seen.
//!
//! Promises: [`judge`] is a function of its input alone; it goes through the record once and keeps
//! in memory what grows with decoys, programs and destinations, never with lines; a `pass` needs
//! that nothing stands against the policy, that every dimension was seen, and that the component
//! did its work; every finding names who, which bytes, which chain, where to and where in the
//! payload; for the rest there is a [`Ceiling`] that is never below the truth under its stated rule.
//!
//! Cannot see: what is not in the record; why anything was done. Nothing is said of intent.
#![forbid(unsafe_code)]

mod attack;
mod beyond;
mod calls;
mod ceiling;
mod classify;
mod covered;
mod egress;
mod everyday;
mod exercise;
mod finding;
mod flows;
mod gather;
mod hit;
mod input;
mod items;
mod neighbours;
mod policy;
mod reading;
mod sends;
mod suspect;
mod timeline;
mod verdict;
mod volatile;
mod words;

pub use attack::technique;
pub use ceiling::{Ceiling, CeilingPart};
pub use finding::{
    Collateral, DecodingRow, Destination, EqualRow, Finding, FindingKind, PlaceRow, SetOff,
    Severity, Shows, SubjectRow, TraceRow,
};
pub use input::{Carried, DecodingCut, JarKind, JudgeInput};
pub use verdict::*;
pub use volatile::{VOLATILE, steady};
pub use words::{bytes_words, counted, grouped, item_words, layer_named};

use gather::Gathered;
use std::collections::HashSet;

const FINDINGS: usize = 2_000;
const TRACES: usize = 5_000;
const PROCESSES: usize = 2_000;
const WORLD_WRITES: usize = 2_000;

/// Concludes.
pub fn judge(mut input: JudgeInput<'_>) -> Verdict {
    let observations = std::mem::replace(&mut input.observations, Box::new(std::iter::empty()));
    let input = &input;
    let hits = hit::hits(input.manifest, input.traces);
    let wanted: HashSet<u64> = hits.iter().filter_map(|hit| hit.flow).map(|flow| flow.0).collect();
    let scan: Vec<String> =
        input.plan.scenario.scan.iter().map(|path| classify::fill(input.manifest, path)).collect();
    let mut gathered =
        gather::gather(input.plan, input.manifest, scan.clone(), wanted, observations);

    let (ceiling, unexplained) = match input.carried {
        None => ceiling::ceiling(input, &hits, &gathered.flows),
        Some(carried) => (carried.ceiling.clone(), carried.unexplained.clone()),
    };
    let mut egress = egress::egress(input, &gathered.flows, &ceiling, &unexplained);
    if let Some(carried) = input.carried {
        egress.neighbours.logins = carried.logins.clone();
        egress.suspects = carried.suspects.clone();
    } else {
        egress.suspects = suspect::suspects(input, &gathered, &hits, &unexplained);
    }
    let sends = sends::sends(input, &hits, &gathered.flows);
    let (reads, read_findings) = beyond::beyond(input, &gathered);
    let coverage = covered::coverage(input, &gathered);
    let exercise = exercise::exercise(input, &gathered);

    let (findings, traces) = number(sends.findings, read_findings, sends.traces, &sends.of_trace);
    let reasons = reasons(input, &gathered, &findings, &exercise, &coverage, &egress);
    let verdict = reasons.iter().map(|reason| reason.makes).max().unwrap_or(Outcome::Pass);
    let clean = if reasons.iter().any(|reason| reason.makes == Outcome::Inconclusive) {
        Outcome::Inconclusive
    } else {
        Outcome::Pass
    };
    let items = items::items(input, &gathered, &sends.sent, &findings, clean);
    let component = component(input, &sends.sent);
    let sentence = sentence(input, verdict, &findings, &reasons);
    let mut writes = std::mem::take(&mut gathered.writes);
    writes.world = cap(writes.world, WORLD_WRITES);
    writes.system = cap(writes.system, WORLD_WRITES);

    Verdict {
        schema_version: SCHEMA_VERSION,
        belljar: input.belljar.to_owned(),
        seed: input.plan.seed,
        plan_sha256: plan_digest(input.plan),
        verdict,
        sentence,
        reasons,
        component,
        scenario: ScenarioRow {
            name: input.plan.scenario.name.clone(),
            question: input.plan.scenario.question.clone(),
            scan,
            decoys: input.manifest.decoys.len() as u64,
            bytes: input.manifest.decoys.iter().map(|decoy| decoy.digest.len).sum(),
            samples: input.manifest.decoys.iter().filter(|decoy| decoy.holds_sample).count() as u64,
            steps: exercise::steps(input, &gathered),
        },
        policy: input.plan.scenario.policy.clone(),
        exercise,
        coverage: covered::lines(&coverage),
        items,
        findings,
        ceiling,
        reads,
        writes,
        egress,
        traces: Listing::capped(traces, TRACES, 0),
        processes: cap(gathered.processes, PROCESSES),
        refused: gathered.refused,
        allowed: gathered.allowed,
        imports: gathered.imports,
        looked: gathered.looked,
        timeline: gathered.times.finish(),
    }
}

/// Traces in the words of the verdict, one row each, wherever they lead.
pub fn trace_rows(
    manifest: &belljar_schema::Manifest,
    traces: &[belljar_trace::Trace],
) -> Vec<TraceRow> {
    traces.iter().map(|trace| sends::trace_row(manifest, &hit::hit(manifest, trace))).collect()
}

/// SHA-256 of a plan as `plan.json` holds it.
pub fn plan_digest(plan: &belljar_schema::RunPlan) -> String {
    let bytes = serde_json::to_vec(plan).expect("a plan has only text keys and finite numbers");
    belljar_record::Sha256Hex::of(&bytes).to_string()
}

fn cap<T>(list: Listing<T>, rows: usize) -> Listing<T> {
    Listing::capped(list.rows, rows, list.more)
}

/// Puts the findings in order, violations and what left first, and gives them their names.
fn number(
    sent: Vec<Finding>,
    read: Vec<Finding>,
    mut traces: Vec<TraceRow>,
    of_trace: &[usize],
) -> (Vec<Finding>, Vec<TraceRow>) {
    let mut all: Vec<(Option<usize>, Finding)> = sent
        .into_iter()
        .enumerate()
        .map(|(place, finding)| (Some(place), finding))
        .chain(read.into_iter().map(|finding| (None, finding)))
        .collect();
    all.sort_by(|(_, a), (_, b)| {
        (a.severity, a.kind, std::cmp::Reverse(a.class), std::cmp::Reverse(a.bytes), &a.title).cmp(
            &(b.severity, b.kind, std::cmp::Reverse(b.class), std::cmp::Reverse(b.bytes), &b.title),
        )
    });
    let mut names = std::collections::HashMap::new();
    for (number, (place, finding)) in all.iter_mut().enumerate() {
        finding.id = format!("F{}", number + 1);
        if let Some(place) = place {
            names.insert(*place, finding.id.clone());
        }
    }
    for (trace, place) in traces.iter_mut().zip(of_trace) {
        trace.finding = names.get(place).cloned();
    }
    let findings = all.into_iter().map(|(_, finding)| finding).take(FINDINGS).collect();
    (findings, traces)
}

fn component(input: &JudgeInput<'_>, sent: &[sends::Sent]) -> ComponentRow {
    let component = &input.plan.component;
    ComponentRow {
        name: component.name.clone(),
        vendor: component.vendor.clone(),
        version: component.version.clone(),
        country: component.country.clone(),
        profile: input.plan.profile.clone(),
        jar: input.jar,
        programs: input.programs.to_vec(),
        declares: component
            .declares
            .iter()
            .map(|entry| DeclaredRow {
                item: entry.item,
                to: entry.to.clone(),
                seen: sent.iter().any(|sent| {
                    sent.item == entry.item && policy::host_fits(&entry.to, &sent.host)
                }),
            })
            .collect(),
        third_parties: component.third_parties.clone(),
    }
}

fn reasons(
    input: &JudgeInput<'_>,
    gathered: &Gathered,
    findings: &[Finding],
    exercise: &Exercise,
    coverage: &belljar_record::Coverage,
    egress: &Egress,
) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Violation)
        .map(|finding| Reason {
            makes: Outcome::Fail,
            from: ReasonFrom::Finding,
            text: format!("{}: {}", finding.id, finding.title),
        })
        .collect();
    let inconclusive = |from, text| Reason { makes: Outcome::Inconclusive, from, text };
    if input.jar == JarKind::Namespaces {
        match &gathered.isolation {
            None => reasons.push(inconclusive(
                ReasonFrom::Isolation,
                "the record holds no check of the jar from inside".to_owned(),
            )),
            Some(isolation) => {
                for check in isolation.checks.iter().filter(|check| !check.holds) {
                    reasons.push(inconclusive(
                        ReasonFrom::Isolation,
                        format!("the jar does not hold: {}: {}", check.name, check.seen),
                    ));
                }
            }
        }
    }
    for check in exercise.checks.iter().filter(|check| !check.met) {
        let step =
            if check.step.is_empty() { String::new() } else { format!("step {}: ", check.step) };
        reasons.push(inconclusive(
            ReasonFrom::Exercise,
            format!("not exercised: {step}wanted {}, got {}", check.wanted, check.got),
        ));
    }
    for row in coverage.rows() {
        for limit in row.limits.iter().filter(|limit| limit.bars_pass()) {
            let line = words::limit(limit);
            let count = match (line.count, &line.unit) {
                (Some(count), Some(unit)) => format!(" {} {unit}:", grouped(count)),
                _ => String::new(),
            };
            let extent = match line.extent {
                ExtentWord::Unreadable => "unreadable",
                ExtentWord::Absent => "not looked at",
                _ => "lost",
            };
            reasons.push(inconclusive(
                ReasonFrom::Coverage,
                format!("{} {extent}:{count} {}", row.dimension.name(), line.reason),
            ));
        }
    }
    if input.plan.scenario.policy.strict {
        for row in &egress.destinations.rows {
            let rest: u64 = egress
                .flows
                .rows
                .iter()
                .filter(|flow| {
                    flow.host == row.host && flow.port == row.port && flow.protocol == row.protocol
                })
                .map(|flow| flow.unexplained)
                .sum();
            if !row.known && rest > 0 {
                reasons.push(inconclusive(
                    ReasonFrom::Unexplained,
                    format!(
                        "{} unexplained to {}, which nothing names ({})",
                        bytes_words(rest),
                        row.host,
                        row.protocol
                    ),
                ));
            }
        }
    }
    if input.plan.scenario.policy.strict {
        for row in &egress.suspects.rows {
            reasons.push(inconclusive(
                ReasonFrom::Unexplained,
                format!(
                    "{} unexplained to {} ({}) may be what was read before ({})",
                    bytes_words(row.bytes),
                    row.host,
                    row.protocol,
                    bytes_words(row.read)
                ),
            ));
        }
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.makes));
    reasons
}

/// The verdict in one sentence.
fn sentence(
    input: &JudgeInput<'_>,
    verdict: Outcome,
    findings: &[Finding],
    reasons: &[Reason],
) -> String {
    let component = &input.plan.component;
    let name = if component.version.is_empty() {
        component.name.clone()
    } else {
        format!("{} {}", component.name, component.version)
    };
    let violations = || findings.iter().filter(|finding| finding.severity == Severity::Violation);
    match verdict {
        Outcome::Pass => {
            let sent = findings.iter().filter(|finding| finding.kind == FindingKind::Sent).count();
            if sent == 0 {
                format!("{name} did its work, and nothing that was planted left.")
            } else {
                format!("{name} did its work, and sent nothing that the policy does not allow.")
            }
        }
        Outcome::Inconclusive => {
            let exercise = reasons.iter().any(|reason| reason.from == ReasonFrom::Exercise);
            let other = reasons.iter().any(|reason| reason.from != ReasonFrom::Exercise);
            match (exercise, other) {
                (true, false) => format!(
                    "{name} did not do all that it was asked, so that it sent nothing against the policy says little."
                ),
                (false, _) => format!(
                    "Nothing against the policy was found, but not all that {name} did was seen."
                ),
                (true, true) => format!(
                    "{name} did not do all that it was asked, and not all that it did was seen."
                ),
            }
        }
        Outcome::Fail => {
            let sent = violations().filter(|finding| finding.kind == FindingKind::Sent);
            let content =
                sent.clone().filter(|finding| finding.class >= SentClass::Fragment).count();
            if content > 0 {
                format!("{name} sent files that nobody asked for.")
            } else if sent.count() > 0 {
                format!("{name} sent data that the policy does not allow.")
            } else {
                format!("{name} read files that it was not asked to scan.")
            }
        }
    }
}
