//! What left that nobody asked for, what was allowed to, and the ceiling on the rest.

use super::{Evidence, FIRST, Line, Mark};
use crate::shown::shown;
use belljar_judge::{Finding, FindingKind, Severity, Verdict, bytes_words, counted, grouped};

fn is_violation(finding: &&Finding) -> bool {
    finding.severity == Severity::Violation
}

pub(crate) fn sent(verdict: &Verdict) -> Vec<Line> {
    let sent: Vec<&Finding> =
        verdict.findings.iter().filter(|finding| finding.kind == FindingKind::Sent).collect();
    let against: Vec<&Finding> = sent.iter().copied().filter(is_violation).collect();
    let allowed = sent.len() - against.len();
    let mut lines: Vec<Line> = against
        .iter()
        .take(FIRST)
        .map(|finding| Line {
            label: "Left",
            mark: Mark::Bad,
            text: told(finding),
            evidence: proof(finding),
        })
        .collect();
    if against.len() > FIRST {
        lines.push(Line {
            label: "Left",
            mark: Mark::Bad,
            text: format!(
                "And {} against the policy.",
                counted((against.len() - FIRST) as u64, "more finding", "more findings")
            ),
            evidence: vec![Evidence::here("findings")],
        });
    }
    if against.is_empty() {
        lines.push(Line {
            label: "Left",
            mark: Mark::Good,
            text: if verdict.egress.bytes == 0 {
                "Nothing was sent.".to_owned()
            } else {
                "Nothing against the policy was found in what left.".to_owned()
            },
            evidence: vec![Evidence::here("destinations")],
        });
    }
    if allowed > 0 {
        let first: Vec<&Finding> =
            sent.iter().copied().filter(|finding| !is_violation(finding)).collect();
        let mut text: Vec<String> = first
            .iter()
            .take(3)
            .map(|finding| {
                format!(
                    "{} ({})",
                    shown(&finding.title),
                    if finding.declared { "declared" } else { "not declared" }
                )
            })
            .collect();
        if first.len() > 3 {
            text.push(format!("and {} more", grouped((first.len() - 3) as u64)));
        }
        lines.push(Line {
            label: "Allowed",
            mark: Mark::Good,
            text: format!("{}.", text.join("; ")),
            evidence: first
                .iter()
                .take(3)
                .map(|finding| Evidence::Here(finding.id.clone()))
                .collect(),
        });
    }
    lines
}

/// The finding, and the bytes that were sent.
fn proof(finding: &Finding) -> Vec<Evidence> {
    let sent = finding.place.as_ref().map(|it| Evidence::File(format!("payloads/{}", it.payload)));
    [Some(Evidence::Here(finding.id.clone())), sent].into_iter().flatten().collect()
}

/// A finding of something that left, in sentences.
fn told(finding: &Finding) -> String {
    let mut text = shown(&finding.title);
    if let Some(to) = &finding.destination {
        text.push_str(&format!(", {} port {}", to.protocol, to.port));
    }
    if !finding.chain.is_empty() {
        text.push_str(&format!(", as {}", shown(&finding.chain.join(" of "))));
    }
    if let Some(step) = &finding.set_off.step {
        text.push_str(&format!(", in step {}", shown(step)));
    }
    if let (Some(sample), Some(millis)) =
        (&finding.set_off.sample, finding.set_off.sample_before_millis)
    {
        let whose = if finding.set_off.same_process { "it" } else { "another process" };
        let own = finding.subjects.rows.first().is_some_and(|subject| subject.name == *sample);
        let what = if own {
            "it".to_owned()
        } else {
            format!("{}, which holds the sample", shown(sample))
        };
        let what = if own && finding.set_off.same_process { "that file".to_owned() } else { what };
        text.push_str(&format!(", {} after {whose} last read {what}", seconds(millis)));
    }
    text.push('.');
    if let Some(collateral) = &finding.collateral
        && collateral.innocent > 0
    {
        text.push_str(&format!(
            " {} of it was not the sample: {} innocent bytes to each byte of sample",
            share(collateral.innocent, collateral.innocent + collateral.sample),
            ratio(collateral.ratio),
        ));
        if collateral.innocent_members > 0 {
            text.push_str(&format!(
                "; {} inside",
                counted(collateral.innocent_members, "innocent file", "innocent files")
            ));
            if collateral.marked_members > 0 {
                text.push_str(&format!(
                    ", {} with a protective marking",
                    grouped(collateral.marked_members)
                ));
            }
        }
        text.push('.');
    } else if let Some(marking) =
        finding.subjects.rows.iter().find_map(|subject| subject.marking.as_ref())
    {
        text.push_str(&format!(" It is marked {}.", shown(marking)));
    }
    text.push_str(if finding.declared {
        " The vendor declares it."
    } else {
        " The vendor does not declare it."
    });
    text
}

fn seconds(millis: u64) -> String {
    if millis < 1000 {
        format!("{millis} ms")
    } else {
        format!("{}.{} s", millis / 1000, millis % 1000 / 100)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn share(part: u64, whole: u64) -> String {
    let percent = part as f64 * 100.0 / whole.max(1) as f64;
    // Never round up to all of it.
    format!("{:.2} %", (percent * 100.0).floor() / 100.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a ratio of two lengths is positive and small enough"
)]
fn ratio(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.1}") } else { grouped(ratio as u64) }
}

pub(crate) fn ceiling(verdict: &Verdict) -> Line {
    let ceiling = &verdict.ceiling;
    let excluded = ceiling.excludes.join("; ");
    let mut text = if ceiling.sent == 0 {
        format!("Nothing else left. Not in this: {excluded}.")
    } else {
        format!(
            "All else that left could carry at most {} (not counted: {excluded}).",
            bytes_words(ceiling.bytes)
        )
    };
    if ceiling.unreadable > 0 {
        text.push_str(&format!(" {} of them could not be read.", bytes_words(ceiling.unreadable)));
    }
    Line {
        label: "The rest",
        mark: if ceiling.unreadable > 0 { Mark::Doubt } else { Mark::Plain },
        text,
        evidence: vec![Evidence::here("ceiling")],
    }
}

/// What is unexplained and of about the size of what was read; nothing where there is none.
pub(crate) fn suspects(verdict: &Verdict) -> Option<Line> {
    let suspects = &verdict.egress.suspects;
    let first = suspects.rows.first()?;
    let read = if first.same_process { "it had read" } else { "had been read" };
    let program = first.who.program.rsplit('/').next().unwrap_or_default();
    let mut text = format!(
        "{} of even bytes from {} to {} ({}) are in no trace, after {} of the planted files {read}. That is no proof.",
        bytes_words(first.bytes),
        shown(program),
        shown(&first.host),
        shown(&first.protocol),
        bytes_words(first.read),
    );
    let more = suspects.rows.len() as u64 - 1 + suspects.more;
    if more > 0 {
        text.push_str(&format!(" {} like it.", counted(more, "other is", "others are")));
    }
    Some(Line {
        label: "Unexplained",
        mark: Mark::Doubt,
        text,
        evidence: vec![Evidence::here("ceiling")],
    })
}
