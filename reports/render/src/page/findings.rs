//! Findings: who, what, where to, how encoded, and the bytes side by side.

use super::first::LinkView;
use super::{HtmlInput, Pair, Rows, pair, rest, seconds};
use crate::dump::{DumpRow, dump};
use crate::shown::shown;
use belljar_evidence::{Excerpt, names};
use belljar_judge::{Finding, FindingKind, SentClass, Severity, bytes_words, grouped, item_words};

pub(super) struct FindingView {
    pub(super) id: String,
    pub(super) class: &'static str,
    pub(super) severity: &'static str,
    pub(super) title: String,
    pub(super) facts: Vec<Pair>,
    /// From the bytes that left to the bytes of the decoy, step by step.
    pub(super) chain: Vec<String>,
    pub(super) links: Vec<LinkView>,
    pub(super) sent: Vec<DumpRow>,
    pub(super) decoy: Vec<DumpRow>,
}

pub(super) fn views(input: &HtmlInput<'_>, rows: Rows) -> Vec<FindingView> {
    input
        .verdict
        .findings
        .iter()
        .take(rows.findings)
        .enumerate()
        .map(|(place, found)| finding(input, found, place < rows.dumps, rows.subjects))
        .collect()
}

fn finding(input: &HtmlInput<'_>, finding: &Finding, dumps: bool, subjects: usize) -> FindingView {
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
                "bytes {}–{} of payload {}… ({}{})",
                grouped(place.offset),
                grouped(place.offset + place.len),
                &place.payload.get(..12).unwrap_or(&place.payload),
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
    let labels: Vec<String> = finding
        .attack
        .iter()
        .map(|label| match belljar_judge::technique(label) {
            Some(name) => format!("{label} {name}"),
            None => label.clone(),
        })
        .collect();
    facts.push(pair("ATT&CK", format!("{} (labels only)", shown(&labels.join("; ")))));
    if !finding.seqs.is_empty() {
        facts.push(pair(
            "Record",
            format!(
                "line {}",
                finding.seqs.iter().map(|seq| (seq + 1).to_string()).collect::<Vec<_>>().join(", ")
            ),
        ));
    }
    let excerpt: Option<&Excerpt> =
        input.excerpts.iter().find(|excerpt| dumps && excerpt.finding == finding.id);
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
        chain: chain(finding),
        links: links(input, finding),
        sent: excerpt.map(|it| dump(it.payload_offset, &it.payload)).unwrap_or_default(),
        decoy: excerpt.map(|it| dump(it.decoy_offset, &it.decoy)).unwrap_or_default(),
    }
}

/// What is done to the bytes that left to get the bytes of the decoy.
fn chain(finding: &Finding) -> Vec<String> {
    let Some(place) = &finding.place else { return Vec::new() };
    let mut steps =
        vec![format!("sent bytes {}–{}", grouped(place.offset), grouped(place.offset + place.len))];
    steps.extend(finding.chain.iter().map(|step| format!("undo {}", shown(step))));
    let subject = finding.subjects.rows.first().map_or("the planted fact", |it| it.name.as_str());
    steps.push(match place.decoy {
        Some(_) if finding.class == SentClass::Hash => format!("digest of {}", shown(subject)),
        Some(_) if finding.class < SentClass::Hash => format!("name of {}", shown(subject)),
        Some(_) => format!("{} from byte {}", shown(subject), grouped(place.decoy_offset)),
        None => shown(subject),
    });
    steps
}

/// The files of the bundle that prove it.
fn links(input: &HtmlInput<'_>, finding: &Finding) -> Vec<LinkView> {
    let payload =
        finding.place.as_ref().map(|place| (format!("payloads/{}", place.payload), "bytes sent"));
    payload
        .into_iter()
        .chain([(names::RECORD.to_owned(), "record.jsonl")])
        .filter(|(path, _)| (input.holds)(path))
        .map(|(href, words)| LinkView { href, words: words.to_owned(), about: "" })
        .collect()
}
