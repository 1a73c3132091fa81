//! The page: a verdict as one HTML file, from the first page in words to the command that repeats
//! the run. Each part of the page is a module; the template only arranges them.

mod findings;
mod first;
mod items;
mod machine;
mod network;
mod seen;
mod tree;

use crate::lines::outcome;
use crate::picture;
use crate::shown::shown;
use askama::Template;
use belljar_evidence::Excerpt;
use belljar_judge::{Outcome, Verdict, grouped};
use belljar_schema::Manifest;
use findings::FindingView;
use first::{LineView, LinkView};
use items::ItemView;
use machine::{CallTable, ReadView, RefusedView, WriteView};
use network::{ConversationView, DestinationView, NeighboursView};
use seen::{CheckView, CoverageView, StepView};
use sha2::Digest as _;
use tree::ProcessView;

/// The page is never larger than this.
const LARGEST: usize = 2_000_000;
/// The page's only script. Its digest stands in the page's security policy, so no other runs.
const SCRIPT: &str = include_str!("../../templates/filter.js");

/// What a page is made from.
pub struct HtmlInput<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// What was planted.
    pub manifest: &'a Manifest,
    /// Bytes of findings.
    pub excerpts: &'a [Excerpt],
    /// The command line that repeats the run exactly; none where it may not be told.
    pub command: Option<&'a str>,
    /// Whether the bundle holds a file: only those are linked to.
    pub holds: &'a dyn Fn(&str) -> bool,
    /// What a reader must know before anything else (that a page is redacted); empty: nothing.
    pub notice: &'a str,
}

impl std::fmt::Debug for HtmlInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HtmlInput")
            .field("component", &self.verdict.component.name)
            .field("excerpts", &self.excerpts.len())
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

/// A page that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The template refused.
    #[error("the page cannot be made: {0}")]
    Template(#[from] askama::Error),
}

/// Rows that are shown of each table.
#[derive(Debug, Clone, Copy)]
struct Rows {
    findings: usize,
    dumps: usize,
    table: usize,
    subjects: usize,
}

/// Makes the page. If it grew too large, it is made again with fewer rows; the verdict keeps them
/// all.
///
/// # Errors
/// [`RenderError::Template`] if the template refuses.
pub fn html(input: &HtmlInput<'_>) -> Result<String, RenderError> {
    let mut rows = Rows { findings: 200, dumps: 40, table: 300, subjects: 12 };
    loop {
        let page = page(input, rows).render()?;
        if page.len() < LARGEST || rows.table <= 2 {
            return Ok(page);
        }
        rows = Rows {
            findings: rows.findings / 3,
            dumps: rows.dumps / 3,
            table: rows.table / 3,
            subjects: (rows.subjects / 2).max(2),
        };
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    title: String,
    script: &'static str,
    script_digest: String,
    outcome: &'static str,
    class: &'static str,
    sentence: String,
    notice: String,
    facts: Vec<Pair>,
    lines: Vec<LineView>,
    command: Option<String>,
    seed: Option<u64>,
    plan: String,
    files: Vec<LinkView>,
    steps: Vec<StepView>,
    items: Vec<ItemView>,
    quiet: Vec<&'static str>,
    ways: String,
    way_rows: Vec<WayView>,
    ways_more: String,
    findings: Vec<FindingView>,
    findings_more: String,
    ceiling: Vec<Pair>,
    subtracted: Vec<Pair>,
    ceiling_bytes: String,
    ceiling_sent: String,
    excludes: String,
    checks: Vec<CheckView>,
    reads: Vec<ReadView>,
    reads_more: String,
    reads_note: String,
    touched: Vec<Pair>,
    touched_more: String,
    destinations: Vec<DestinationView>,
    destinations_more: String,
    conversations: Vec<ConversationView>,
    conversations_more: String,
    neighbours: Option<NeighboursView>,
    internal: String,
    processes: Vec<ProcessView>,
    processes_more: String,
    timeline: String,
    marks: Vec<Pair>,
    marks_more: String,
    writes: Vec<WriteView>,
    writes_more: String,
    refused: Vec<RefusedView>,
    refused_more: String,
    calls: Vec<CallTable>,
    coverage: Vec<CoverageView>,
    reasons: Vec<String>,
    reasons_more: String,
    generator: String,
    belljar: String,
}

struct Pair {
    name: String,
    value: String,
}

/// A way out in words: what the picture shows.
struct WayView {
    class: &'static str,
    stations: Vec<String>,
    bytes: String,
    words: &'static str,
    findings: Vec<String>,
}

fn pair(name: &str, value: impl Into<String>) -> Pair {
    Pair { name: name.to_owned(), value: value.into() }
}

fn more(count: u64, what: &str) -> String {
    if count == 0 {
        String::new()
    } else {
        format!("And {} {what}; verdict.json and record.jsonl hold them.", grouped(count))
    }
}

/// How many rows are not shown.
fn rest(total: u64, shown: usize) -> u64 {
    total.saturating_sub(shown as u64)
}

fn page(input: &HtmlInput<'_>, rows: Rows) -> Page {
    let verdict = input.verdict;
    let shown_findings = findings::views(input, rows);
    let (items, quiet) = items::views(verdict);
    let destinations = &verdict.egress.destinations;
    let flows = &verdict.egress.flows;
    let ways = picture::ways(verdict);
    let marks = 60.min(rows.table);
    let (writes, writes_more) = machine::writes(verdict, rows.table);
    let (processes, processes_more) = tree::processes(verdict, rows.table);
    Page {
        title: format!(
            "{} · {} in {}",
            outcome(verdict.verdict),
            shown(&verdict.component.name),
            shown(&verdict.scenario.name)
        ),
        script: SCRIPT,
        script_digest: data_encoding::BASE64.encode(&sha2::Sha256::digest(SCRIPT)),
        outcome: outcome(verdict.verdict),
        class: outcome_class(verdict.verdict),
        sentence: shown(&verdict.sentence),
        notice: shown(input.notice),
        facts: first::facts(input),
        lines: first::lines(input),
        command: input.command.map(shown),
        seed: input.command.map(|_| verdict.seed),
        plan: verdict.plan_sha256.clone(),
        files: first::files(input),
        steps: seen::steps(verdict),
        items,
        quiet,
        ways: picture::ways_picture(&ways),
        way_rows: ways.iter().take(60.min(rows.table)).map(way).collect(),
        ways_more: more(rest(ways.len() as u64, 60.min(rows.table)), "more ways"),
        findings_more: more(
            rest(verdict.findings.len() as u64, shown_findings.len()),
            "more findings",
        ),
        findings: shown_findings,
        ceiling: seen::parts(&verdict.ceiling.parts),
        subtracted: seen::parts(&verdict.ceiling.subtracted),
        ceiling_bytes: grouped(verdict.ceiling.bytes),
        ceiling_sent: grouped(verdict.ceiling.sent),
        excludes: verdict.ceiling.excludes.join("; "),
        checks: seen::checks(verdict, rows.table),
        reads: machine::reads(verdict, rows.table),
        reads_more: more(rest(verdict.reads.beyond.total(), rows.table), "more files"),
        reads_note: machine::reads_note(verdict),
        touched: machine::touched(verdict, rows.table),
        touched_more: more(rest(verdict.reads.touched_beyond.total(), rows.table), "more files"),
        destinations: network::destinations(verdict, rows.table),
        destinations_more: more(rest(destinations.total(), rows.table), "more destinations"),
        conversations: network::conversations(input, rows.table),
        conversations_more: more(rest(flows.total(), rows.table), "more conversations"),
        neighbours: network::neighbours(verdict),
        internal: match verdict.egress.internal {
            0 => String::new(),
            count => format!(
                "{} stayed inside the jar (loopback): no egress.",
                belljar_judge::counted(count, "conversation", "conversations")
            ),
        },
        processes,
        processes_more,
        timeline: picture::timeline(&verdict.timeline, &verdict.scenario.steps),
        marks: verdict
            .timeline
            .marks
            .rows
            .iter()
            .take(marks)
            .map(|mark| pair(&seconds(mark.at), shown(&mark.text)))
            .collect(),
        marks_more: more(rest(verdict.timeline.marks.total(), marks), "more moments"),
        writes,
        writes_more,
        refused: machine::refused(verdict, rows.table),
        refused_more: more(rest(verdict.refused.total(), rows.table), "more kinds of calls"),
        calls: machine::calls(verdict, rows.table),
        coverage: verdict.coverage.iter().map(seen::coverage).collect(),
        reasons: verdict.reasons.iter().take(30).map(|reason| shown(&reason.text)).collect(),
        reasons_more: more(rest(verdict.reasons.len() as u64, 30), "more reasons"),
        generator: shown(&input.manifest.generator),
        belljar: shown(&verdict.belljar),
    }
}

fn way(way: &picture::Way) -> WayView {
    WayView {
        class: way.class(),
        stations: way
            .stations
            .iter()
            .map(|name| name.as_deref().map_or_else(|| "–".to_owned(), shown))
            .collect(),
        bytes: grouped(way.bytes),
        words: way.words(),
        findings: way.findings.iter().take(6).cloned().collect(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn seconds(at: u64) -> String {
    format!("{:.3} s", at as f64 / 1e9)
}

fn outcome_class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "good",
        Outcome::Fail => "bad",
        Outcome::Inconclusive => "doubt",
    }
}
