//! The first page in words: what the terminal and the page both say.

use crate::shown::shown;
use belljar_judge::{
    ExerciseKind, ExtentWord, Finding, FindingKind, Outcome, Severity, Verdict, bytes_words,
    counted, grouped, item_words,
};
use belljar_schema::DataItem;
use std::collections::BTreeMap;

/// Findings that stand on the first page.
const FIRST: usize = 5;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub label: &'static str,
    /// How it is to be taken.
    pub mark: Mark,
    /// The statement, in sentences.
    pub text: String,
    /// Where its evidence stands: ids on the page (`F1`, `coverage`, …).
    pub evidence: Vec<String>,
}

/// How a statement is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// In order.
    Good,
    /// Against the policy.
    Bad,
    /// Limits what can be said.
    Doubt,
    /// Neither.
    Plain,
}

/// The first page, line by line.
pub fn lines(verdict: &Verdict) -> Vec<Line> {
    let mut lines = sent(verdict);
    lines.push(ceiling(verdict));
    lines.push(worked(verdict));
    lines.push(beyond(verdict));
    lines.push(declared(verdict));
    lines.push(changes(verdict));
    lines.push(not_seen(verdict));
    lines
}

fn is_violation(finding: &&Finding) -> bool {
    finding.severity == Severity::Violation
}

fn sent(verdict: &Verdict) -> Vec<Line> {
    let sent: Vec<&Finding> =
        verdict.findings.iter().filter(|finding| finding.kind == FindingKind::Sent).collect();
    let against: Vec<&Finding> = sent.iter().copied().filter(is_violation).collect();
    let allowed = sent.len() - against.len();
    let mut lines: Vec<Line> = against
        .iter()
        .take(FIRST)
        .map(|finding| Line {
            label: "Left",
            mark: Mark::Bad,
            text: told(finding),
            evidence: vec![finding.id.clone()],
        })
        .collect();
    if against.len() > FIRST {
        lines.push(Line {
            label: "Left",
            mark: Mark::Bad,
            text: format!(
                "And {} against the policy.",
                counted((against.len() - FIRST) as u64, "more finding", "more findings")
            ),
            evidence: vec!["findings".to_owned()],
        });
    }
    if against.is_empty() {
        lines.push(Line {
            label: "Left",
            mark: Mark::Good,
            text: if verdict.egress.bytes == 0 {
                "Nothing was sent.".to_owned()
            } else {
                "Nothing against the policy was found in what left.".to_owned()
            },
            evidence: vec!["destinations".to_owned()],
        });
    }
    if allowed > 0 {
        let first: Vec<&Finding> =
            sent.iter().copied().filter(|finding| !is_violation(finding)).collect();
        let mut text: Vec<String> = first
            .iter()
            .take(3)
            .map(|finding| {
                format!(
                    "{} ({})",
                    shown(&finding.title),
                    if finding.declared { "declared" } else { "not declared" }
                )
            })
            .collect();
        if first.len() > 3 {
            text.push(format!("and {} more", grouped((first.len() - 3) as u64)));
        }
        lines.push(Line {
            label: "Allowed",
            mark: Mark::Good,
            text: format!("{}.", text.join("; ")),
            evidence: first.iter().take(3).map(|finding| finding.id.clone()).collect(),
        });
    }
    lines
}

/// A finding of something that left, in sentences.
fn told(finding: &Finding) -> String {
    let mut text = shown(&finding.title);
    if let Some(to) = &finding.destination {
        text.push_str(&format!(", {} port {}", to.protocol, to.port));
    }
    if !finding.chain.is_empty() {
        text.push_str(&format!(", as {}", shown(&finding.chain.join(" of "))));
    }
    if let (Some(sample), Some(millis)) =
        (&finding.set_off.sample, finding.set_off.sample_before_millis)
    {
        let whose = if finding.set_off.same_process { "it" } else { "another process" };
        let own = finding.subjects.rows.first().is_some_and(|subject| subject.name == *sample);
        let what = if own {
            "it".to_owned()
        } else {
            format!("{}, which holds the sample", shown(sample))
        };
        let what = if own && finding.set_off.same_process { "that file".to_owned() } else { what };
        text.push_str(&format!(", {} after {whose} last read {what}", seconds(millis)));
    }
    text.push('.');
    if let Some(collateral) = &finding.collateral
        && collateral.innocent > 0
    {
        text.push_str(&format!(
            " {} of it was not the sample: {} innocent bytes to each byte of sample",
            share(collateral.innocent, collateral.innocent + collateral.sample),
            ratio(collateral.ratio),
        ));
        if collateral.innocent_members > 0 {
            text.push_str(&format!(
                "; {} inside",
                counted(collateral.innocent_members, "innocent file", "innocent files")
            ));
            if collateral.marked_members > 0 {
                text.push_str(&format!(
                    ", {} with a protective marking",
                    grouped(collateral.marked_members)
                ));
            }
        }
        text.push('.');
    } else if let Some(marking) =
        finding.subjects.rows.iter().find_map(|subject| subject.marking.as_ref())
    {
        text.push_str(&format!(" It is marked {}.", shown(marking)));
    }
    text.push_str(if finding.declared {
        " The vendor declares it."
    } else {
        " The vendor does not declare it."
    });
    text
}

fn seconds(millis: u64) -> String {
    if millis < 1000 {
        format!("{millis} ms")
    } else {
        format!("{}.{} s", millis / 1000, millis % 1000 / 100)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn share(part: u64, whole: u64) -> String {
    let percent = part as f64 * 100.0 / whole.max(1) as f64;
    // Never round up to all of it.
    format!("{:.2} %", (percent * 100.0).floor() / 100.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a ratio of two lengths is positive and small enough"
)]
fn ratio(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.1}") } else { grouped(ratio as u64) }
}

fn ceiling(verdict: &Verdict) -> Line {
    let ceiling = &verdict.ceiling;
    let excluded = ceiling.excludes.join("; ");
    let mut text = if ceiling.sent == 0 {
        format!("Nothing else left. Not in this: {excluded}.")
    } else {
        format!(
            "All else that left could carry at most {} (not counted: {excluded}).",
            bytes_words(ceiling.bytes)
        )
    };
    if ceiling.unreadable > 0 {
        text.push_str(&format!(" {} of them could not be read.", bytes_words(ceiling.unreadable)));
    }
    Line {
        label: "The rest",
        mark: if ceiling.unreadable > 0 { Mark::Doubt } else { Mark::Plain },
        text,
        evidence: vec!["ceiling".to_owned()],
    }
}

fn worked(verdict: &Verdict) -> Line {
    let exercise = &verdict.exercise;
    let mut parts = Vec::new();
    if exercise.detections_wanted > 0 {
        parts.push(format!(
            "{} of {}",
            grouped(exercise.detections_found),
            counted(exercise.detections_wanted, "planted detection", "planted detections")
        ));
    }
    parts.push(format!(
        "{} of {} that it was asked to scan read",
        grouped(verdict.reads.within),
        counted(verdict.reads.within_planted, "file", "files")
    ));
    if exercise.checks.iter().any(|check| check.what == ExerciseKind::VendorAnswered)
        || exercise.vendor_answers > 0
    {
        parts.push(format!(
            "{} by the vendor's server",
            counted(exercise.vendor_answers, "request answered", "requests answered")
        ));
    }
    let mut text = if exercise.done {
        format!("It worked: {}.", parts.join(", "))
    } else {
        format!("It did not do all that it was asked: {}.", parts.join(", "))
    };
    for check in exercise.checks.iter().filter(|check| !check.met).take(3) {
        let step = if check.step.is_empty() {
            String::new()
        } else {
            format!("step {}: ", shown(&check.step))
        };
        text.push_str(&format!(
            " {step}wanted {}, got {}.",
            shown(&check.wanted),
            shown(&check.got)
        ));
    }
    Line {
        label: "Worked",
        mark: if exercise.done { Mark::Good } else { Mark::Doubt },
        text,
        evidence: vec!["exercise".to_owned()],
    }
}

fn beyond(verdict: &Verdict) -> Line {
    let rows = &verdict.reads.beyond;
    let mut groups: BTreeMap<(bool, DataItem), (u64, String)> = BTreeMap::new();
    for row in rows.rows.iter().filter(|row| !row.everyday || !row.allowed) {
        let group = groups.entry((row.allowed, row.item)).or_insert((0, row.path.clone()));
        group.0 += 1;
    }
    let everyday =
        rows.rows.iter().filter(|row| row.everyday && row.allowed).map(|row| row.path.as_str());
    let everyday: Vec<String> = everyday.take(4).map(shown).collect();
    let bad = groups.keys().any(|(allowed, _)| !allowed);
    let mut evidence: Vec<String> = verdict
        .findings
        .iter()
        .filter(|finding| finding.kind == FindingKind::ReadBeyondTask)
        .take(FIRST)
        .map(|finding| finding.id.clone())
        .collect();
    evidence.push("reads".to_owned());
    let mut text = if groups.is_empty() {
        "It read no planted file outside what it was asked to scan.".to_owned()
    } else {
        let list: Vec<String> = groups
            .iter()
            .map(|((allowed, item), (count, first))| {
                let note = if *allowed { ", allowed" } else { "" };
                if *count == 1 {
                    format!("{} ({}{note})", shown(first), item_words(*item))
                } else {
                    format!("{} of {}{note}", counted(*count, "file", "files"), item_words(*item))
                }
            })
            .collect();
        format!("Outside what it was asked to scan it read {}.", list.join(", "))
    };
    if rows.more > 0 {
        text.push_str(&format!(" And {} more.", counted(rows.more, "file", "files")));
    }
    if !everyday.is_empty() {
        text.push_str(&format!(" Also {}, which nearly every program reads.", everyday.join(", ")));
    }
    Line { label: "Read beyond", mark: if bad { Mark::Bad } else { Mark::Good }, text, evidence }
}

fn declared(verdict: &Verdict) -> Line {
    let declares = &verdict.component.declares;
    let list = |seen: bool| {
        declares
            .iter()
            .filter(|row| row.seen == seen)
            .map(|row| format!("{} to {}", item_words(row.item), shown(&row.to)))
            .collect::<Vec<_>>()
    };
    let undeclared: Vec<&str> = verdict
        .items
        .iter()
        .filter(|row| row.sent_to.rows.iter().any(|to| !to.declared))
        .map(|row| item_words(row.item))
        .collect();
    let mut text = Vec::new();
    if declares.is_empty() {
        text.push("The vendor declares that it sends nothing.".to_owned());
    }
    let seen = list(true);
    if !seen.is_empty() {
        text.push(format!("Declared and seen: {}.", seen.join(", ")));
    }
    let unseen = list(false);
    if !unseen.is_empty() {
        text.push(format!("Declared and not seen in this run: {}.", unseen.join(", ")));
    }
    text.push(if undeclared.is_empty() {
        "Nothing was sent that is not declared.".to_owned()
    } else {
        format!("Sent and not declared: {}.", undeclared.join(", "))
    });
    Line {
        label: "Declared",
        mark: if undeclared.is_empty() { Mark::Good } else { Mark::Bad },
        text: text.join(" "),
        evidence: vec!["items".to_owned()],
    }
}

fn changes(verdict: &Verdict) -> Line {
    let writes = &verdict.writes;
    let world = writes.world.total();
    let outside: Vec<&str> =
        writes.system.rows.iter().filter(|row| !row.own).map(|row| row.path.as_str()).collect();
    let decoys = writes.world.rows.iter().filter(|row| row.decoy.is_some()).count() as u64;
    let mut text = Vec::new();
    text.push(match (world, decoys) {
        (0, _) => "It changed none of the planted files.".to_owned(),
        (_, 0) => format!(
            "It made or changed {} beside the planted ones.",
            counted(world, "file", "files")
        ),
        _ => format!(
            "It changed {} and {} beside them.",
            counted(decoys, "planted file", "planted files"),
            counted(world - decoys, "file", "files")
        ),
    });
    if outside.is_empty() {
        text.push("Nothing in the system outside its own places is changed.".to_owned());
    } else {
        let first: Vec<String> = outside.iter().take(3).map(|path| shown(path)).collect();
        text.push(format!(
            "In the system, outside its own places, it changed {}: {}{}.",
            counted(outside.len() as u64, "file", "files"),
            first.join(", "),
            if outside.len() > 3 { ", …" } else { "" }
        ));
    }
    let refused: u64 = verdict.refused.rows.iter().map(|row| row.count).sum();
    if refused > 0 {
        text.push(format!("The jar refused {}.", counted(refused, "system call", "system calls")));
    }
    Line {
        label: "Changed",
        mark: if decoys == 0 && outside.is_empty() { Mark::Good } else { Mark::Doubt },
        text: text.join(" "),
        evidence: vec!["writes".to_owned(), "refused".to_owned()],
    }
}

fn not_seen(verdict: &Verdict) -> Line {
    let mut barred = Vec::new();
    let mut blind = Vec::new();
    for row in &verdict.coverage {
        for limit in &row.limits {
            let name = row.dimension.replace('-', " ");
            match (limit.extent, limit.count, &limit.unit) {
                (ExtentWord::Blind, _, _) => {
                    if !blind.contains(&name) {
                        blind.push(name);
                    }
                }
                (extent, Some(count), Some(unit)) => barred.push(format!(
                    "{name}: {} {} {} ({})",
                    grouped(count),
                    shown(unit),
                    if extent == ExtentWord::Unreadable { "unreadable" } else { "lost" },
                    shown(&limit.reason)
                )),
                _ => barred.push(format!("{name}: not looked at ({})", shown(&limit.reason))),
            }
        }
    }
    let more = barred.len().saturating_sub(4);
    barred.truncate(4);
    let mut text = if barred.is_empty() {
        "Nothing was lost.".to_owned()
    } else {
        let mut text = barred.join("; ");
        if more > 0 {
            text.push_str(&format!("; and {more} more"));
        }
        text.push('.');
        text
    };
    if !blind.is_empty() {
        text.push_str(&format!(" No run of this kind sees: {}.", blind.join(", ")));
    }
    text.push_str(" Nothing is said of intent.");
    Line {
        label: "Not seen",
        mark: if barred.is_empty() { Mark::Plain } else { Mark::Doubt },
        text,
        evidence: vec!["coverage".to_owned()],
    }
}

/// The word for an outcome, in capitals.
pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "PASS",
        Outcome::Fail => "FAIL",
        Outcome::Inconclusive => "INCONCLUSIVE",
    }
}
