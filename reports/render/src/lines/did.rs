//! Whether it worked, what it was answered, what it read beside its task, and what of it is declared.

use super::{Evidence, FIRST, Line, Mark};
use crate::shown::shown;
use belljar_judge::{ExerciseKind, FindingKind, Verdict, counted, grouped, item_words};
use belljar_schema::DataItem;
use std::collections::BTreeMap;

pub(crate) fn worked(verdict: &Verdict) -> Line {
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
        evidence: vec![Evidence::here("exercise")],
    }
}

/// Who could have changed what it was answered: anyone on the path, where it came unprotected.
pub(crate) fn answers(verdict: &Verdict) -> Option<Line> {
    let open: Vec<String> = verdict
        .egress
        .destinations
        .rows
        .iter()
        .filter(|row| row.protocol == "HTTP" && row.bytes_in > 0)
        .map(|row| shown(&row.host))
        .collect();
    if open.is_empty() {
        return None;
    }
    let first = open.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = if open.len() > 3 { format!(" and {} more", open.len() - 3) } else { String::new() };
    Some(Line {
        label: "Answers",
        mark: Mark::Doubt,
        text: format!(
            "What {first}{more} answered came over plain HTTP: anyone on the path could have read \
             the question and changed the answer."
        ),
        evidence: vec![Evidence::here("destinations")],
    })
}

pub(crate) fn beyond(verdict: &Verdict) -> Line {
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
    let mut evidence: Vec<Evidence> = verdict
        .findings
        .iter()
        .filter(|finding| finding.kind == FindingKind::ReadBeyondTask)
        .take(FIRST)
        .map(|finding| Evidence::Here(finding.id.clone()))
        .collect();
    evidence.push(Evidence::here("reads"));
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

pub(crate) fn declared(verdict: &Verdict) -> Line {
    let declares = &verdict.component.declares;
    let list = |seen: bool, known: bool| {
        declares
            .iter()
            .filter(|row| row.seen == seen && (seen || looked_for(verdict, row.item) == known))
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
    let seen = list(true, true);
    if !seen.is_empty() {
        text.push(format!("Declared and seen: {}.", seen.join(", ")));
    }
    let unseen = list(false, true);
    if !unseen.is_empty() {
        text.push(format!("Declared and not seen in this run: {}.", unseen.join(", ")));
    }
    let unknown = list(false, false);
    if !unknown.is_empty() {
        text.push(format!(
            "Declared and not looked for, since its value is not known beforehand: {}.",
            unknown.join(", ")
        ));
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
        evidence: vec![Evidence::here("items")],
    }
}

/// Whether an item can be recognised in what left: values of the person and the machine only where
/// one is known.
fn looked_for(verdict: &Verdict, item: DataItem) -> bool {
    let value = matches!(
        item,
        DataItem::ProductVersion
            | DataItem::InstallationId
            | DataItem::Hostname
            | DataItem::MachineId
            | DataItem::Hardware
            | DataItem::OsVersion
            | DataItem::TimeZone
            | DataItem::Locale
            | DataItem::Applications
            | DataItem::Processes
            | DataItem::Network
            | DataItem::UserName
            | DataItem::FullName
            | DataItem::Email
    );
    !value || verdict.items.iter().any(|row| row.item == item && row.planted > 0)
}
