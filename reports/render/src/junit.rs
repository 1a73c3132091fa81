//! A verdict as JUnit XML, for a build server: a test case a data item, one a thing that was asked
//! of the component, one a dimension of coverage, and one for the verdict as a whole.
//!
//! What is against the policy is a failure; what could not be said is skipped where it concerns one
//! item, and an error of the whole: an inconclusive run is never green.

use crate::lines::outcome;
use crate::shown::shown;
use belljar_judge::{Finding, Outcome, Verdict, item_words};
use std::fmt::Write as _;

const FINDINGS: usize = 20;

/// What came of one case.
enum End {
    Passed,
    Failed(String, String),
    Error(String, String),
    Skipped(String),
}

struct Case {
    group: &'static str,
    name: String,
    end: End,
}

/// The verdict as one test suite.
pub fn junit(verdict: &Verdict) -> String {
    let mut cases = vec![whole(verdict)];
    cases.extend(verdict.items.iter().map(|row| Case {
        group: "item",
        name: item_words(row.item).to_owned(),
        end: match row.verdict {
            Outcome::Pass => End::Passed,
            Outcome::Inconclusive => {
                End::Skipped("inconclusive: see the verdict as a whole".to_owned())
            }
            Outcome::Fail => {
                let mine = |it: &&Finding| it.against.contains(&row.item);
                let against: Vec<&Finding> = verdict.findings.iter().filter(mine).collect();
                let first = against.first().map_or("against the policy", |it| it.title.as_str());
                End::Failed(first.to_owned(), listed(&against))
            }
        },
    }));
    cases.extend(verdict.exercise.checks.iter().take(1_000).map(|check| {
        let step = if check.step.is_empty() { String::new() } else { format!("{}: ", check.step) };
        Case {
            group: "exercise",
            name: format!("{step}{}", check.wanted),
            end: if check.met {
                End::Passed
            } else {
                let text = format!("wanted {}, got {}", check.wanted, check.got);
                End::Error(text.clone(), text)
            },
        }
    }));
    cases.extend(verdict.coverage.iter().map(|row| Case {
        group: "coverage",
        name: row.dimension.clone(),
        end: if row.bars_pass {
            let why: Vec<&str> = row.limits.iter().map(|limit| limit.reason.as_str()).collect();
            End::Error("not all of it was seen".to_owned(), why.join("; "))
        } else {
            End::Passed
        },
    }));
    write(verdict, &cases)
}

fn whole(verdict: &Verdict) -> Case {
    let reasons: Vec<&str> =
        verdict.reasons.iter().take(FINDINGS).map(|reason| reason.text.as_str()).collect();
    let (sentence, reasons) = (verdict.sentence.clone(), reasons.join("\n"));
    Case {
        group: "verdict",
        name: "the verdict as a whole".to_owned(),
        end: match verdict.verdict {
            Outcome::Pass => End::Passed,
            Outcome::Fail => End::Failed(sentence, reasons),
            Outcome::Inconclusive => End::Error(sentence, reasons),
        },
    }
}

fn listed(findings: &[&Finding]) -> String {
    let mut text = String::new();
    for finding in findings.iter().take(FINDINGS) {
        let _ = writeln!(text, "{}: {}", finding.id, finding.title);
    }
    text
}

fn write(verdict: &Verdict, cases: &[Case]) -> String {
    let count = |wanted: fn(&End) -> bool| cases.iter().filter(|case| wanted(&case.end)).count();
    let millis: u64 = verdict.scenario.steps.iter().filter_map(|step| step.millis).sum();
    let component = &verdict.component;
    let suite = format!("{} {} in {}", component.name, component.profile, verdict.scenario.name);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"belljar\">\n\
         <testsuite name={} tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}.{:03}\">\n<properties>\n",
        quoted(&suite),
        cases.len(),
        count(|end| matches!(end, End::Failed(..))),
        count(|end| matches!(end, End::Error(..))),
        count(|end| matches!(end, End::Skipped(_))),
        millis / 1000,
        millis % 1000
    );
    for (name, value) in [
        ("verdict", outcome(verdict.verdict).to_lowercase()),
        ("belljar", verdict.belljar.clone()),
        ("version", component.version.clone()),
        ("seed", verdict.seed.to_string()),
        ("plan-sha256", verdict.plan_sha256.clone()),
        ("ceiling-bytes", verdict.ceiling.bytes.to_string()),
    ] {
        let _ = writeln!(xml, "<property name=\"{name}\" value={}/>", quoted(&value));
    }
    xml.push_str("</properties>\n");
    for case in cases {
        let class = format!("{}.{}.{}", verdict.scenario.name, component.name, case.group);
        let _ = write!(xml, "<testcase classname={} name={}", quoted(&class), quoted(&case.name));
        let told = |kind: &str, of: &str, message: &str, text: &str| {
            format!(
                ">\n<{kind} type=\"{of}\" message={}>{}</{kind}>\n</testcase>\n",
                quoted(message),
                escaped(text)
            )
        };
        xml.push_str(&match &case.end {
            End::Passed => "/>\n".to_owned(),
            End::Failed(message, text) => told("failure", "policy", message, text),
            End::Error(message, text) => told("error", "inconclusive", message, text),
            End::Skipped(message) => {
                format!(">\n<skipped message={}/>\n</testcase>\n", quoted(message))
            }
        });
    }
    xml.push_str("</testsuite>\n</testsuites>\n");
    xml
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(&shown(text)).replace('"', "&quot;"))
}

/// Text for XML 1.0; what it may not hold is shown instead.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}
