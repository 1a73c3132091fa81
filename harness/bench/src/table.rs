//! The figures in words, for a terminal.

use crate::tally::{AxisRow, LeaksReport, Named, Share};
use std::fmt::Write as _;

/// Cases of a kind that are named.
const NAMED: usize = 40;

/// The report as text.
pub fn text(report: &LeaksReport) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut out, report);
    out
}

fn write(out: &mut String, report: &LeaksReport) -> std::fmt::Result {
    let LeaksReport { leaking, negative, found, .. } = report;
    writeln!(
        out,
        "{} of {} cases (seed {}), {} runs, {} at a time, {:.0} s\n",
        report.cases, report.set, report.seed, report.runs, report.jobs, report.seconds
    )?;
    writeln!(
        out,
        "recall      {:6.1} %   {found} of {leaking} leaks ({:.1} % of those that content can show)",
        report.recall * 100.0,
        report.recall_open * 100.0
    )?;
    writeln!(
        out,
        "precision   {:6.1} %   {} of {negative} innocent cases with a finding",
        report.precision * 100.0,
        report.false_positives
    )?;
    writeln!(
        out,
        "rivals      {:6.1} %   grep; {:.1} % a table of plain encodings\n",
        Share { count: report.rivals.grep, of: *leaking }.value() * 100.0,
        Share { count: report.rivals.table, of: *leaking }.value() * 100.0
    )?;
    let total = &report.total;
    for (name, share) in [
        ("decoy", total.decoy),
        ("range", total.range),
        ("class", total.class),
        ("chain", total.chain),
        ("destination", total.destination),
        ("process", total.process),
    ] {
        writeln!(
            out,
            "right {name:<12} {:6.1} %   {} of {}",
            percent(share),
            share.count,
            share.of
        )?;
    }
    writeln!(
        out,
        "refused by the jar as it must  {} of {}",
        report.refused.count, report.refused.of
    )?;
    writeln!(
        out,
        "hidden within the ceiling      {} of {}",
        report.within_ceiling.count, report.within_ceiling.of
    )?;
    for (axis, rows) in &report.axes {
        writeln!(out, "\n{axis:<22} found     right (decoy, range, destination, process)")?;
        for (value, row) in rows {
            line(out, value, row)?;
        }
    }
    writeln!(out, "\ninnocent               clean")?;
    for (kind, share) in &report.negatives {
        writeln!(out, "  {kind:<20} {:>3} of {:<3}", share.count, share.of)?;
    }
    list(out, "told differently by the two kinds of components", &report.differences)?;
    list(out, "missed", &report.missed_cases)?;
    list(out, "found where nothing leaves", &report.false_cases)?;
    list(out, "found, but told wrongly", &report.wrong_cases)?;
    list(out, "hidden above the ceiling", &report.above_ceiling)?;
    list(out, "not carried out", &report.failed)?;
    list(out, "waiting", &report.waiting)
}

fn percent(share: Share) -> f64 {
    share.value() * 100.0
}

fn line(out: &mut String, value: &str, row: &AxisRow) -> std::fmt::Result {
    writeln!(
        out,
        "  {value:<20} {:>3} of {:<3} {:>3} of {:<3}",
        row.found.count, row.found.of, row.right.count, row.right.of
    )
}

fn list(out: &mut String, title: &str, cases: &[Named]) -> std::fmt::Result {
    if cases.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title} ({})", cases.len())?;
    for case in cases.iter().take(NAMED) {
        writeln!(out, "  {}: {}", case.id, case.why)?;
    }
    if cases.len() > NAMED {
        writeln!(out, "  … and {} more (all with --format json)", cases.len() - NAMED)?;
    }
    Ok(())
}
