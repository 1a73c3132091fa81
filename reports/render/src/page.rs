//! The page: a verdict as one HTML file.

use crate::dump::{DumpRow, dump};
use crate::lines::{Line, Mark, lines, outcome};
use crate::picture;
use crate::shown::shown;
use askama::Template;
use belljar_evidence::Excerpt;
use belljar_judge::{
    ExtentWord, Finding, FindingKind, ItemRow, Outcome, ReadWord, SentClass, Severity, Verdict,
    bytes_words, counted, grouped, item_words,
};
use belljar_schema::Manifest;

/// The page is never larger than this.
const LARGEST: usize = 2_000_000;

/// What a page is made from.
#[derive(Debug)]
pub struct HtmlInput<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// What was planted.
    pub manifest: &'a Manifest,
    /// Bytes of findings.
    pub excerpts: &'a [Excerpt],
    /// The command line that repeats the run exactly.
    pub command: &'a str,
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
    outcome: &'static str,
    class: &'static str,
    sentence: String,
    facts: Vec<Pair>,
    lines: Vec<LineView>,
    command: String,
    seed: u64,
    plan: String,
    steps: Vec<StepView>,
    items: Vec<ItemView>,
    quiet: Vec<&'static str>,
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
    processes: Vec<ProcessView>,
    processes_more: String,
    timeline: String,
    marks: Vec<Pair>,
    marks_more: String,
    writes: Vec<WriteView>,
    writes_more: String,
    refused: Vec<RefusedView>,
    refused_more: String,
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

struct LineView {
    label: &'static str,
    class: &'static str,
    mark: &'static str,
    text: String,
    evidence: Vec<String>,
}

struct StepView {
    name: String,
    command: String,
    ended: String,
    detections: String,
}

struct ItemView {
    name: &'static str,
    read: String,
    sent: &'static str,
    to: Vec<String>,
    declared: &'static str,
    allowed: String,
    verdict: &'static str,
    class: &'static str,
    evidence: Vec<String>,
}

struct FindingView {
    id: String,
    class: &'static str,
    severity: &'static str,
    title: String,
    facts: Vec<Pair>,
    sent: Vec<DumpRow>,
    decoy: Vec<DumpRow>,
}

struct CheckView {
    step: String,
    wanted: String,
    got: String,
    met: bool,
}

struct ReadView {
    path: String,
    item: &'static str,
    who: String,
    reads: String,
    bytes: String,
    note: String,
    allowed: bool,
}

struct DestinationView {
    host: String,
    address: String,
    protocol: String,
    tls: String,
    flows: String,
    out: String,
    back: String,
    known: bool,
    programs: String,
}

struct ProcessView {
    indent: u32,
    program: String,
    command: String,
    pid: u32,
    code: String,
}

struct WriteView {
    path: String,
    what: String,
    who: String,
    place: &'static str,
}

struct RefusedView {
    call: String,
    detail: String,
    why: String,
    count: String,
    who: String,
}

struct CoverageView {
    name: String,
    extent: &'static str,
    class: &'static str,
    why: Vec<String>,
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
    let findings: Vec<FindingView> = verdict
        .findings
        .iter()
        .take(rows.findings)
        .enumerate()
        .map(|(place, found)| finding(found, input.excerpts, place < rows.dumps, rows.subjects))
        .collect();
    let (items, quiet): (Vec<&ItemRow>, Vec<&ItemRow>) = verdict.items.iter().partition(|row| {
        row.sent > SentClass::None
            || matches!(row.read, ReadWord::BeyondTask | ReadWord::WithinTask)
            || row.declared
            || row.planted > 0
    });
    let reads = &verdict.reads;
    let destinations = &verdict.egress.destinations;
    let system = &verdict.writes.system;
    let world = &verdict.writes.world;
    let mut writes: Vec<WriteView> = system
        .rows
        .iter()
        .filter(|row| !row.own)
        .take(rows.table)
        .map(|row| WriteView {
            path: shown(&row.path),
            what: format!("{}, {} now", row.change, bytes_words(row.len)),
            who: String::new(),
            place: "system",
        })
        .collect();
    writes.extend(world.rows.iter().take(rows.table).map(|row| WriteView {
        path: shown(&row.path),
        what: format!(
            "{}{}",
            shown(&row.acts.join(", ")),
            if row.bytes > 0 { format!(", {}", bytes_words(row.bytes)) } else { String::new() }
        ),
        who: shown(&row.who.program),
        place: if row.decoy.is_some() { "planted file" } else { "world" },
    }));
    writes.extend(system.rows.iter().filter(|row| row.own).take(rows.table).map(|row| WriteView {
        path: shown(&row.path),
        what: format!("{}, {} now", row.change, bytes_words(row.len)),
        who: String::new(),
        place: "its own",
    }));
    let writes_more = more(rest(system.total() + world.total(), writes.len()), "more changes");
    Page {
        title: format!(
            "{} · {} in {}",
            outcome(verdict.verdict),
            shown(&verdict.component.name),
            shown(&verdict.scenario.name)
        ),
        outcome: outcome(verdict.verdict),
        class: outcome_class(verdict.verdict),
        sentence: shown(&verdict.sentence),
        facts: facts(verdict),
        lines: lines(verdict).into_iter().map(line_view).collect(),
        command: shown(input.command),
        seed: verdict.seed,
        plan: verdict.plan_sha256.clone(),
        steps: steps(verdict),
        items: items.into_iter().map(item).collect(),
        quiet: quiet.iter().map(|row| item_words(row.item)).collect(),
        findings_more: more(rest(verdict.findings.len() as u64, findings.len()), "more findings"),
        findings,
        ceiling: parts(&verdict.ceiling.parts),
        subtracted: parts(&verdict.ceiling.subtracted),
        ceiling_bytes: grouped(verdict.ceiling.bytes),
        ceiling_sent: grouped(verdict.ceiling.sent),
        excludes: verdict.ceiling.excludes.join("; "),
        checks: verdict
            .exercise
            .checks
            .iter()
            .take(rows.table)
            .map(|check| CheckView {
                step: shown(&check.step),
                wanted: shown(&check.wanted),
                got: shown(&check.got),
                met: check.met,
            })
            .collect(),
        reads: reads
            .beyond
            .rows
            .iter()
            .take(rows.table)
            .map(|row| ReadView {
                path: shown(&row.path),
                item: item_words(row.item),
                who: row.who.iter().map(|who| shown(&who.program)).collect::<Vec<_>>().join(", "),
                reads: grouped(row.reads),
                bytes: grouped(row.bytes),
                note: [
                    row.everyday.then(|| "read by nearly every program".to_owned()),
                    row.page_granular.then(|| "known to the page only".to_owned()),
                    row.marking.as_deref().map(shown),
                ]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("; "),
                allowed: row.allowed,
            })
            .collect(),
        reads_more: more(rest(reads.beyond.total(), rows.table), "more files"),
        reads_note: format!(
            "{} by the component, {}; {} listed; {} that are not there looked for. Within the \
             task {} of {} were read.",
            counted(reads.count, "read", "reads"),
            bytes_words(reads.bytes),
            counted(reads.listed, "folder", "folders"),
            counted(reads.missed, "name", "names"),
            grouped(reads.within),
            counted(reads.within_planted, "planted file", "planted files"),
        ),
        touched: reads
            .touched_beyond
            .rows
            .iter()
            .take(rows.table)
            .map(|row| pair(&shown(&row.path), grouped(row.count)))
            .collect(),
        touched_more: more(rest(reads.touched_beyond.total(), rows.table), "more files"),
        destinations: destinations
            .rows
            .iter()
            .take(rows.table)
            .map(|row| DestinationView {
                host: shown(&row.host),
                address: row.addresses.join(", "),
                protocol: format!("{} · {} {}", row.protocol, row.transport, row.port),
                tls: row.tls.as_deref().map(shown).unwrap_or_default(),
                flows: grouped(row.flows),
                out: grouped(row.bytes_out),
                back: grouped(row.bytes_in),
                known: row.known,
                programs: row
                    .programs
                    .iter()
                    .map(|name| shown(name))
                    .collect::<Vec<_>>()
                    .join(", "),
            })
            .collect(),
        destinations_more: more(rest(destinations.total(), rows.table), "more destinations"),
        processes: verdict
            .processes
            .rows
            .iter()
            .take(rows.table)
            .map(|row| ProcessView {
                indent: row.depth.min(12),
                program: shown(&row.program),
                command: shown(&row.command),
                pid: row.pid,
                code: row.code.map_or_else(|| "–".to_owned(), |code| code.to_string()),
            })
            .collect(),
        processes_more: more(rest(verdict.processes.total(), rows.table), "more programs"),
        timeline: picture::timeline(&verdict.timeline),
        marks: verdict
            .timeline
            .marks
            .rows
            .iter()
            .take(40.min(rows.table))
            .map(|mark| pair(&seconds(mark.at), shown(&mark.text)))
            .collect(),
        marks_more: more(rest(verdict.timeline.marks.total(), 40.min(rows.table)), "more moments"),
        writes,
        writes_more,
        refused: verdict
            .refused
            .rows
            .iter()
            .take(rows.table)
            .map(|row| RefusedView {
                call: shown(&row.call),
                detail: shown(&row.detail),
                why: format!("{} ({})", row.why, shown(&row.errno)),
                count: grouped(row.count),
                who: shown(&row.who.program),
            })
            .collect(),
        refused_more: more(rest(verdict.refused.total(), rows.table), "more kinds of calls"),
        coverage: verdict.coverage.iter().map(coverage).collect(),
        reasons: verdict.reasons.iter().take(30).map(|reason| shown(&reason.text)).collect(),
        reasons_more: more(rest(verdict.reasons.len() as u64, 30), "more reasons"),
        generator: shown(&input.manifest.generator),
        belljar: shown(&verdict.belljar),
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

fn facts(verdict: &Verdict) -> Vec<Pair> {
    let component = &verdict.component;
    let mut facts = vec![pair(
        "Component",
        format!(
            "{} {}{}{} · profile {}",
            shown(&component.name),
            shown(&component.version),
            if component.vendor.is_empty() {
                String::new()
            } else {
                format!(" by {}", shown(&component.vendor))
            },
            component.country.as_deref().map(|c| format!(" ({})", shown(c))).unwrap_or_default(),
            shown(&component.profile),
        ),
    )];
    for program in component.programs.iter().take(2) {
        facts.push(pair("Build", format!("{} sha256 {}", shown(&program.path), program.sha256)));
    }
    if component.programs.len() > 2 {
        facts.push(pair(
            "",
            format!("and {} more files", grouped((component.programs.len() - 2) as u64)),
        ));
    }
    facts.push(pair(
        "Scenario",
        format!("{} · {}", shown(&verdict.scenario.name), shown(&verdict.scenario.question)),
    ));
    facts.push(pair(
        "Planted",
        format!(
            "{}, {}, {} with a sample; asked to scan {}",
            counted(verdict.scenario.decoys, "file", "files"),
            bytes_words(verdict.scenario.bytes),
            grouped(verdict.scenario.samples),
            shown(&verdict.scenario.scan.join(", ")),
        ),
    ));
    facts.push(pair(
        "Policy",
        format!(
            "{}{}; what none names may be neither read beyond the task nor sent",
            counted(verdict.policy.items.len() as u64, "row", "rows"),
            if verdict.policy.strict { ", strict" } else { "" },
        ),
    ));
    facts.push(pair("Run", format!("1 run, seed {}", verdict.seed)));
    facts
}

fn line_view(line: Line) -> LineView {
    let (class, mark) = match line.mark {
        Mark::Good => ("good", "✓"),
        Mark::Bad => ("bad", "✗"),
        Mark::Doubt => ("doubt", "?"),
        Mark::Plain => ("plain", "·"),
    };
    LineView { label: line.label, class, mark, text: line.text, evidence: line.evidence }
}

fn steps(verdict: &Verdict) -> Vec<StepView> {
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

fn item(row: &ItemRow) -> ItemView {
    let files = |count: u64| counted(count, "file", "files");
    ItemView {
        name: item_words(row.item),
        read: match row.read {
            ReadWord::No => "no".to_owned(),
            ReadWord::NotObservable => "not observable".to_owned(),
            ReadWord::WithinTask if row.files_read > 0 => files(row.files_read),
            ReadWord::WithinTask => "within the task".to_owned(),
            ReadWord::BeyondTask if row.files_read > 0 => {
                format!(
                    "{}, {} beyond the task",
                    files(row.files_read),
                    grouped(row.files_read_beyond)
                )
            }
            ReadWord::BeyondTask => "beyond the task".to_owned(),
        },
        sent: row.sent.words(),
        to: row
            .sent_to
            .rows
            .iter()
            .take(8)
            .map(|to| {
                format!(
                    "{} ({}): {}, {}{}",
                    shown(&to.host),
                    to.protocol,
                    bytes_words(to.bytes),
                    if to.chain.is_empty() {
                        "as it is".to_owned()
                    } else {
                        shown(&to.chain.join(" of "))
                    },
                    if to.inside { ", inside a file that was sent" } else { "" }
                )
            })
            .collect(),
        declared: if row.declared { "yes" } else { "no" },
        allowed: match (row.may_send_to.is_empty(), row.may_read) {
            (true, false) => "nothing".to_owned(),
            (true, true) => "to be read".to_owned(),
            (false, read) => format!(
                "{}to {}",
                if read { "to be read; sending " } else { "sending " },
                shown(&row.may_send_to.join(", "))
            ),
        },
        verdict: row.verdict.word(),
        class: outcome_class(row.verdict),
        evidence: row.evidence.iter().take(6).cloned().collect(),
    }
}

fn finding(finding: &Finding, excerpts: &[Excerpt], dumps: bool, subjects: usize) -> FindingView {
    let mut facts = vec![pair(
        "Who",
        format!(
            "{}{} · {}",
            shown(&finding.who.program),
            finding.who.pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(),
            shown(&finding.known_by)
        ),
    )];
    let names: Vec<String> = finding
        .subjects
        .rows
        .iter()
        .take(subjects)
        .map(|subject| {
            let mut text = shown(&subject.name);
            if let Some(len) = subject.len {
                text.push_str(&format!(" ({} of {})", grouped(subject.bytes), grouped(len)));
            }
            if let Some(marking) = &subject.marking {
                text.push_str(&format!(", marked {}", shown(marking)));
            }
            text
        })
        .collect();
    let beyond = rest(finding.subjects.total(), names.len());
    let mut what = names.join("; ");
    if beyond > 0 {
        what.push_str(&format!("; and {} more", grouped(beyond)));
    }
    facts.push(pair("What", what));
    if finding.kind == FindingKind::Sent {
        facts.push(pair(
            "Class",
            format!("{}, {}", finding.class.words(), bytes_words(finding.bytes)),
        ));
        facts.push(pair(
            "Encoded",
            if finding.chain.is_empty() {
                "as it is".to_owned()
            } else {
                shown(&finding.chain.join(" → "))
            },
        ));
    }
    if let Some(to) = &finding.destination {
        facts.push(pair(
            "Where to",
            format!(
                "{} ({}), {} port {}, {}",
                shown(&to.host),
                to.address,
                to.transport,
                to.port,
                to.protocol
            ),
        ));
    }
    if let Some(place) = &finding.place {
        facts.push(pair(
            "Where in it",
            format!(
                "payloads/{}, bytes {}–{} ({}{})",
                place.payload,
                grouped(place.offset),
                grouped(place.offset + place.len),
                place.layer,
                place.part.as_deref().map(|part| format!(", {}", shown(part))).unwrap_or_default()
            ),
        ));
    }
    facts.push(pair("When", format!("{} after the start", seconds(finding.at))));
    let set_off = &finding.set_off;
    let mut before = Vec::new();
    if let Some(step) = &set_off.step {
        before.push(format!("in step {}", shown(step)));
    }
    if let (Some(sample), Some(millis)) = (&set_off.sample, set_off.sample_before_millis) {
        before.push(format!(
            "{} ms after {} last read {} (holds the sample)",
            grouped(millis),
            if set_off.same_process { "the same process" } else { "another process" },
            shown(sample)
        ));
    }
    if !before.is_empty() {
        facts.push(pair("Came after", before.join(", ")));
    }
    if let Some(collateral) = &finding.collateral {
        facts.push(pair(
            "Collateral",
            format!(
                "{} innocent bytes, {} bytes of sample: {:.1} to 1",
                grouped(collateral.innocent),
                grouped(collateral.sample),
                collateral.ratio
            ),
        ));
    }
    facts.push(pair(
        "Policy",
        format!(
            "{} · {}",
            shown(&finding.policy),
            if finding.declared { "declared by the vendor" } else { "not declared by the vendor" }
        ),
    ));
    if !finding.against.is_empty() {
        facts.push(pair(
            "Against it",
            finding.against.iter().map(|&item| item_words(item)).collect::<Vec<_>>().join(", "),
        ));
    }
    facts.push(pair("ATT&CK", format!("{} (labels only)", finding.attack.join(", "))));
    if !finding.seqs.is_empty() {
        facts.push(pair(
            "Record",
            format!(
                "line {}",
                finding.seqs.iter().map(|seq| (seq + 1).to_string()).collect::<Vec<_>>().join(", ")
            ),
        ));
    }
    let excerpt = excerpts.iter().find(|excerpt| dumps && excerpt.finding == finding.id);
    FindingView {
        id: finding.id.clone(),
        class: if finding.severity == Severity::Violation { "bad" } else { "good" },
        severity: if finding.severity == Severity::Violation {
            "against the policy"
        } else {
            "allowed"
        },
        title: shown(&finding.title),
        facts,
        sent: excerpt.map(|it| dump(it.payload_offset, &it.payload)).unwrap_or_default(),
        decoy: excerpt.map(|it| dump(it.decoy_offset, &it.decoy)).unwrap_or_default(),
    }
}

fn parts(parts: &[belljar_judge::CeilingPart]) -> Vec<Pair> {
    parts.iter().map(|part| pair(&part.what, grouped(part.bytes))).collect()
}

fn coverage(row: &belljar_judge::CoverageLine) -> CoverageView {
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
