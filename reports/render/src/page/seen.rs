//! How far it was seen, whether it did its work, and what was done step by step.

use super::{Pair, pair};
use crate::shown::shown;
use belljar_judge::{CeilingPart, CoverageLine, ExtentWord, Verdict, counted, grouped};

pub(super) struct StepView {
    pub(super) name: String,
    pub(super) command: String,
    pub(super) ended: String,
    pub(super) detections: String,
}

pub(super) struct CheckView {
    pub(super) step: String,
    pub(super) wanted: String,
    pub(super) got: String,
    pub(super) met: bool,
}

pub(super) struct CoverageView {
    pub(super) name: String,
    pub(super) extent: &'static str,
    pub(super) class: &'static str,
    pub(super) why: Vec<String>,
}

pub(super) fn parts(parts: &[CeilingPart]) -> Vec<Pair> {
    parts.iter().map(|part| pair(&part.what, grouped(part.bytes))).collect()
}

pub(super) fn checks(verdict: &Verdict, most: usize) -> Vec<CheckView> {
    verdict
        .exercise
        .checks
        .iter()
        .take(most)
        .map(|check| CheckView {
            step: shown(&check.step),
            wanted: shown(&check.wanted),
            got: shown(&check.got),
            met: check.met,
        })
        .collect()
}

pub(super) fn steps(verdict: &Verdict) -> Vec<StepView> {
    verdict
        .scenario
        .steps
        .iter()
        .map(|step| StepView {
            name: shown(&step.name),
            command: shown(&step.command),
            ended: match (step.code, step.millis) {
                (Some(code), Some(millis)) => format!("code {code}, {} ms", grouped(millis)),
                (None, Some(millis)) => format!("{} ms", grouped(millis)),
                _ => "did not end".to_owned(),
            },
            detections: match step.detections.total() {
                0 => String::new(),
                total => format!(
                    "{}: {}",
                    counted(total, "detection", "detections"),
                    step.detections
                        .rows
                        .iter()
                        .take(5)
                        .map(|said| shown(said))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            },
        })
        .collect()
}

pub(super) fn coverage(row: &CoverageLine) -> CoverageView {
    CoverageView {
        name: row.dimension.replace('-', " "),
        extent: match row.extent {
            ExtentWord::Whole => "whole",
            ExtentWord::Blind => "blind",
            ExtentWord::Unreadable => "unreadable",
            ExtentWord::Lost => "lost",
            ExtentWord::Absent => "absent",
        },
        class: match row.extent {
            ExtentWord::Whole => "good",
            ExtentWord::Blind => "plain",
            _ => "bad",
        },
        why: row
            .limits
            .iter()
            .take(20)
            .map(|limit| match (limit.count, &limit.unit) {
                (Some(count), Some(unit)) => {
                    format!("{} {}: {}", grouped(count), shown(unit), shown(&limit.reason))
                }
                _ => shown(&limit.reason),
            })
            .collect(),
    }
}
