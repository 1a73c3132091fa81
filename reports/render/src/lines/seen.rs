//! What was not seen.

use super::{Evidence, Line, Mark};
use crate::shown::shown;
use belljar_judge::{ExtentWord, Verdict, grouped};

pub(crate) fn not_seen(verdict: &Verdict) -> Line {
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
        evidence: vec![Evidence::here("coverage")],
    }
}
