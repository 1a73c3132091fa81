//! The first page: what was run, the statements, each with links to its evidence, and the files
//! that lie beside the page.

use super::{HtmlInput, Pair, pair};
use crate::lines::{Evidence, Mark, lines as told};
use crate::shown::shown;
use belljar_evidence::names;
use belljar_judge::{JarKind, bytes_words, counted, grouped};

/// A link.
pub(super) struct LinkView {
    pub(super) href: String,
    pub(super) words: String,
    pub(super) about: &'static str,
}

pub(super) struct LineView {
    pub(super) label: &'static str,
    pub(super) class: &'static str,
    pub(super) mark: &'static str,
    /// The mark in a word, for those who do not see it.
    pub(super) spoken: &'static str,
    pub(super) text: String,
    pub(super) evidence: Vec<LinkView>,
}

pub(super) fn lines(input: &HtmlInput<'_>) -> Vec<LineView> {
    told(input.verdict)
        .into_iter()
        .map(|line| {
            let (class, mark, spoken) = match line.mark {
                Mark::Good => ("good", "✓", "in order"),
                Mark::Bad => ("bad", "✗", "against the policy"),
                Mark::Doubt => ("doubt", "?", "to be looked at"),
                Mark::Plain => ("plain", "·", "note"),
            };
            let evidence = line
                .evidence
                .iter()
                .filter(|it| match it {
                    Evidence::Here(_) => true,
                    Evidence::File(path) => (input.holds)(path),
                })
                .map(|it| LinkView { href: it.href(), words: it.words().to_owned(), about: "" })
                .collect();
            LineView { label: line.label, class, mark, spoken, text: line.text, evidence }
        })
        .collect()
}

const FILES: [(&str, &str); 8] = [
    (names::VERDICT, "all of this for machines"),
    (names::RECORD, "every observation, a line each"),
    (names::CAPTURE, "the packets, with their TLS secrets"),
    ("payloads/", "what left, by digest"),
    (names::DECOYS, "what was planted, by digest"),
    ("decoys/", "bytes of the decoys that were traced"),
    (names::PLAN, "what was to be done"),
    (names::BUNDLE, "digests of all of these"),
];

/// The files beside the page, as far as they are there.
pub(super) fn files(input: &HtmlInput<'_>) -> Vec<LinkView> {
    FILES
        .iter()
        .filter(|(path, _)| (input.holds)(path))
        .map(|&(path, about)| LinkView { href: path.to_owned(), words: path.to_owned(), about })
        .collect()
}

pub(super) fn facts(input: &HtmlInput<'_>) -> Vec<Pair> {
    let verdict = input.verdict;
    let jar = match verdict.component.jar {
        JarKind::Namespaces => "namespaces of this kernel",
        JarKind::Wasm => "WebAssembly",
    };
    let run = match input.command {
        Some(_) => format!("1 run, seed {}, in a jar of {jar}", verdict.seed),
        None => format!("1 run, seed withheld, in a jar of {jar}"),
    };
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
    facts.push(pair("Run", run));
    facts
}
