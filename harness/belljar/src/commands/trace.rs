//! `belljar trace`: decoys looked for in captures of others.

use crate::cli::{TraceArgs, TraceFormat};
use crate::exit::Exit;
use crate::files;
use crate::problem::Problem;
use belljar_run::{TraceRequest, trace as look};
use belljar_schema::{library, resolve_world};
use std::io::Write as _;

/// Looks and says what was found.
pub(crate) fn trace(args: &TraceArgs) -> Result<Exit, Problem> {
    let scenario = match &args.scenario {
        Some(name) => Some(resolve_world(&files::scenario(name)?)),
        None => of_manifest(args)?,
    };
    let report = look(&TraceRequest {
        decoys: args.decoys.clone(),
        scenario,
        common: args.common.clone(),
        inputs: args.inputs.clone(),
        keys: args.keylog.clone(),
        machine: args.machine.clone(),
    })?;
    let text = match args.format {
        TraceFormat::Text => words(&report),
        TraceFormat::Json => {
            let json = serde_json::to_string_pretty(&report);
            json.map_err(|error| Problem::Print(error.into()))? + "\n"
        }
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(Problem::Print)?;
    Ok(report.outcome.into())
}

/// The scenario of the library that a manifest without a plan beside it names.
fn of_manifest(args: &TraceArgs) -> Result<Option<belljar_schema::Scenario>, Problem> {
    let plan = args.decoys.parent().map(|folder| folder.join(belljar_evidence::names::PLAN));
    if args.decoys.is_dir() || plan.is_some_and(|plan| plan.exists()) {
        return Ok(None);
    }
    // A list that somebody names is theirs to put right, unlike a bundle that belljar has written.
    let manifest =
        belljar_evidence::read_manifest(&args.decoys).map_err(|error| Problem::Unreadable {
            what: "list of decoys",
            path: args.decoys.clone(),
            source: std::io::Error::other(error),
        })?;
    match library().iter().any(|entry| entry.name == manifest.scenario) {
        true => Ok(Some(resolve_world(&files::scenario(&manifest.scenario)?))),
        false => Ok(None),
    }
}

/// The report for a terminal.
fn words(report: &belljar_run::TraceReport) -> String {
    use belljar_judge::{Outcome, bytes_words, counted, grouped};
    use belljar_render::shown;
    let head = match report.outcome {
        Outcome::Pass => "PASS",
        Outcome::Fail => "FAIL",
        Outcome::Inconclusive => "INCONCLUSIVE",
    };
    let decoys = &report.decoys;
    let mut out = format!("{head}. {}\n\n", report.sentence);
    out.push_str(&format!(
        "Looked for {}, {}, in runs of {} bytes or more ({}).\n",
        counted(decoys.count, "decoy", "decoys"),
        bytes_words(decoys.bytes),
        decoys.runs,
        shown(&decoys.from),
    ));
    for input in &report.inputs {
        out.push_str(&format!(
            "{}: {} in {} ({} decrypted), {} traced\n",
            shown(&input.path),
            counted(input.packets, "packet or request", "packets or requests"),
            counted(input.conversations, "conversation", "conversations"),
            grouped(input.decrypted),
            bytes_words(input.bytes),
        ));
    }
    for (number, found) in (1_u64..).zip(&report.traces.rows) {
        let trace = &found.trace;
        let chain = match trace.chain.is_empty() {
            true => "as it is".to_owned(),
            false => format!("as {}", shown(&trace.chain.join(" of "))),
        };
        let to = found.host.as_ref().or(found.to.as_ref());
        out.push_str(&format!(
            "\nT{number}  {} ({}, {})\n    from byte {}, {chain}\n    in {}",
            shown(&trace.subject),
            trace.class.words(),
            bytes_words(trace.bytes),
            trace.decoy_offset,
            shown(&found.input),
        ));
        if let Some(to) = to {
            out.push_str(&format!(", to {}", shown(to)));
        }
        if let (Some(host), Some(to)) = (&found.host, &found.to)
            && host != to
        {
            out.push_str(&format!(" ({})", shown(to)));
        }
        if let Some(part) = &trace.place.part {
            out.push_str(&format!(", {}", shown(part)));
        }
        out.push_str(&format!(
            ", {}, bytes {}–{}\n",
            trace.place.layer,
            trace.place.offset,
            trace.place.offset + trace.place.len,
        ));
    }
    if report.traces.more > 0 {
        out.push_str(&format!("\nAnd {} more traces.\n", grouped(report.traces.more)));
    }
    if !report.lost.is_empty() {
        out.push_str("\nNot seen\n");
    }
    for lost in &report.lost {
        let (count, what) = (grouped(lost.count), shown(&lost.what));
        out.push_str(&format!("  {}: {count} {what}\n", shown(&lost.of)));
    }
    out
}
