//! Hostile text made fit to be shown.

const LONGEST: usize = 300;

/// Makes visible what would steer a terminal or a reader's eye: control characters, overrides of
/// the writing direction, characters without width. Long texts lose their middle.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(4 * LONGEST));
    let count = text.chars().count();
    let (head, tail) = if count > LONGEST { (LONGEST - 100, count - 100) } else { (count, count) };
    for (place, c) in text.chars().enumerate() {
        if place == head && head < tail {
            out.push_str(&format!("…[{} more]…", tail - head));
        }
        if place < head || place >= tail {
            show(&mut out, c);
        }
    }
    out
}

/// As [`shown`], and nothing is left out.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| show(&mut out, c));
    out
}

fn show(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        c if hidden(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => out.push(c),
    }
}

fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{115f}' | '\u{1160}' | '\u{3164}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reversed_name_is_shown_as_what_it_is() {
        assert_eq!(shown("invoice\u{202e}fdp.exe"), "invoice\\u{202e}fdp.exe");
        assert_eq!(shown("a\x1b[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(shown("Zoë/отчёт.docx"), "Zoë/отчёт.docx");
    }

    #[test]
    fn a_long_name_keeps_its_head_and_its_end() {
        let long = format!("/home/{}/secret.docx", "x".repeat(5000));
        let cut = shown(&long);
        assert!(cut.chars().count() < 330 && cut.ends_with("/secret.docx"));
    }
}
