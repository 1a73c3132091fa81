//! A summary for a comment under a change: what the first page says, and the findings folded.
//!
//! Promises: at most [`LONGEST`] characters, whatever the run was; nothing in it that the component
//! chose can become markup, a mention, or a link.

use crate::lines::{Mark, lines, outcome};
use crate::shown::{shown, visible};
use belljar_judge::{
    Outcome, ReadWord, SentClass, Severity, Verdict, bytes_words, counted, grouped, item_words,
};

/// The most characters that a comment has on the forges where people review changes.
pub const LONGEST: usize = 65_536;

const FINDINGS: usize = 20;
const CELL: usize = 600;

/// The summary as GitHub-flavoured Markdown. `command` repeats the run.
pub fn markdown(verdict: &Verdict, command: Option<&str>) -> String {
    let mark = match verdict.verdict {
        Outcome::Pass => "✅",
        Outcome::Fail => "❌",
        Outcome::Inconclusive => "❔",
    };
    let mut text = format!(
        "### {mark} belljar: {} — {} in {}\n\n**{}**\n\n| | | |\n|---|---|---|\n",
        outcome(verdict.verdict),
        plain(&format!("{} ({})", verdict.component.name, verdict.component.profile)),
        plain(&verdict.scenario.name),
        plain(&verdict.sentence)
    );
    for line in lines(verdict) {
        let mark = match line.mark {
            Mark::Good => "✓",
            Mark::Bad => "✗",
            Mark::Doubt => "?",
            Mark::Plain => "·",
        };
        let ids: Vec<&str> = line.evidence.iter().filter_map(|it| it.finding()).collect();
        let ids = if ids.is_empty() { String::new() } else { format!(" ({})", ids.join(", ")) };
        text.push_str(&format!("| {mark} | {} | {}{ids} |\n", line.label, cell(&line.text)));
    }
    let items = items(verdict);
    if !items.is_empty() {
        fold(&mut text, "Data items", &items);
    }
    if !verdict.findings.is_empty() {
        let total = counted(verdict.findings.len() as u64, "finding", "findings");
        fold(&mut text, &total, &findings(verdict));
    }
    text.push_str(&format!("\nChecked by `belljar verify`. Plan `{}`", verdict.plan_sha256));
    match command {
        Some(command) => text.push_str(&format!("; repeat with {}\n", code(command))),
        None => text.push_str(".\n"),
    }
    debug_assert!(text.chars().count() <= LONGEST, "every part above is bounded");
    text
}

fn fold(text: &mut String, head: &str, body: &str) {
    text.push_str(&format!(
        "\n<details><summary>{head}</summary>\n\n{}\n</details>\n",
        body.trim_end()
    ));
}

/// Items that were read beyond the task, sent, or are against the policy.
fn items(verdict: &Verdict) -> String {
    let mut rows = String::new();
    let met = verdict.items.iter().filter(|row| {
        row.sent > SentClass::None
            || row.read == ReadWord::BeyondTask
            || row.verdict == Outcome::Fail
    });
    for row in met {
        let to: Vec<String> = row
            .sent_to
            .rows
            .iter()
            .take(4)
            .map(|to| format!("{} ({})", to.host, bytes_words(to.bytes)))
            .collect();
        let more = row.sent_to.total().saturating_sub(to.len() as u64);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        rows.push_str(&format!(
            "| {} | {} | {} | {}{more} | {} | {} |\n",
            item_words(row.item),
            match row.read {
                ReadWord::No => "no",
                ReadWord::NotObservable => "not observable",
                ReadWord::WithinTask => "within the task",
                ReadWord::BeyondTask => "beyond the task",
            },
            row.sent.words(),
            cell(&to.join(", ")),
            if row.declared { "yes" } else { "no" },
            row.verdict.word()
        ));
    }
    if rows.is_empty() {
        return rows;
    }
    format!(
        "| item | read | sent | where to | declared | verdict |\n|---|---|---|---|---|---|\n{rows}"
    )
}

fn findings(verdict: &Verdict) -> String {
    let mut text = String::new();
    for finding in verdict.findings.iter().take(FINDINGS) {
        text.push_str(&format!(
            "- **{}** {} ({}, {})\n",
            finding.id,
            cell(&finding.title),
            match finding.severity {
                Severity::Violation => "against the policy",
                Severity::Allowed => "allowed",
            },
            if finding.declared { "declared" } else { "not declared" }
        ));
    }
    let more = verdict.findings.len().saturating_sub(FINDINGS);
    if more > 0 {
        text.push_str(&format!("- and {} more\n", grouped(more as u64)));
    }
    text
}

/// Text in a cell: no longer than its share of the whole.
fn cell(text: &str) -> String {
    match text.char_indices().nth(CELL) {
        None => plain(text),
        Some((end, _)) => format!("{}…", plain(&text[..end])),
    }
}

/// Text that is nothing but text: no markup, no mention of people, no reference, no link.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in visible(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A character without width, so that nobody is called.
            '@' => out.push_str("@&#8203;"),
            '#' => out.push_str("#&#8203;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '~' | '$' | ':' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.replace("www.", "www\\.")
}

/// Text as code, within quotes that it does not hold itself.
fn code(text: &str) -> String {
    let text = shown(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let quotes = "`".repeat(longest + 1);
    let room = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{quotes}{room}{text}{room}{quotes}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_the_component_stays_text() {
        assert_eq!(plain("a|b <img> @admin #12"), "a\\|b &lt;img&gt; @&#8203;admin #&#8203;12");
        assert_eq!(plain("https://x.example"), "https\\://x.example");
        assert_eq!(code("a ``b`"), "``` a ``b` ```");
    }
}
