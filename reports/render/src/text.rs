//! What one reads in ten seconds on a terminal.

use crate::lines::{Evidence, lines, outcome};
use crate::shown::shown;
use belljar_judge::Verdict;

const LABEL: usize = 13;

/// The summary, wrapped to `width` columns (at least 40).
pub fn text_summary(verdict: &Verdict, width: usize) -> String {
    let width = width.max(40);
    let mut out = String::new();
    let head = format!("{}. {}", outcome(verdict.verdict), shown(&verdict.sentence));
    paragraph(&mut out, "", 0, &head, width);
    out.push('\n');
    let mut last = "";
    for line in lines(verdict) {
        let label = if line.label == last { "" } else { line.label };
        last = line.label;
        let refs: Vec<&str> = line.evidence.iter().filter_map(Evidence::finding).collect();
        let text = if refs.is_empty() {
            line.text
        } else {
            format!("{} [{}]", line.text, refs.join(", "))
        };
        paragraph(&mut out, label, LABEL, &text, width);
    }
    let again = format!(
        "`belljar verify BUNDLE` derives this again; repeat with `--seed {}`, or with your own.",
        verdict.seed
    );
    paragraph(&mut out, "Check", LABEL, &again, width);
    out
}

/// A label and its text, wrapped. Words longer than a line are broken.
fn paragraph(out: &mut String, label: &str, indent: usize, text: &str, width: usize) {
    let room = width - indent;
    out.push_str(&format!("{label:<indent$}"));
    let mut used = 0;
    for word in text.split(' ') {
        let mut word = word;
        loop {
            let len = word.chars().count();
            let space = usize::from(used > 0);
            if used + space + len <= room {
                if space == 1 {
                    out.push(' ');
                }
                out.push_str(word);
                used += space + len;
                break;
            }
            if used > 0 {
                out.push('\n');
                out.push_str(&" ".repeat(indent));
                used = 0;
                continue;
            }
            let cut = word.char_indices().nth(room).map_or(word.len(), |(at, _)| at);
            out.push_str(&word[..cut]);
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            word = &word[cut..];
        }
    }
    out.push('\n');
}
