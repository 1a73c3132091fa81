//! Protocols of lines (SMTP, IMAP, POP3, FTP, IRC): what stands after the first word of each,
//! literals, and the text of mails.
//!
//! Promises: the words after the same command in all its lines are put together, and those of all
//! lines. Cannot see: binary protocols, lines longer than 64 KiB.

use crate::part::{Content, Part, Role};
use crate::span::Span;
use std::collections::BTreeMap;
use std::ops::Range;

/// The most bytes that are looked at.
const MOST: usize = 16 << 20;
/// The longest line.
const LINE: usize = 64 << 10;
/// Different commands that are followed.
const COMMANDS: usize = 64;

/// Adds the parts of a stream that speaks in lines, if it does.
pub(crate) fn split(span: Span<'_>, parts: &mut Vec<Part>) {
    let head = span.take(0..span.len(), 64);
    let first = head.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    let speaks = (2..=12).contains(&first) && matches!(head.get(first), Some(b' ' | b'\r'));
    if !speaks || memchr::memchr(b'\n', &span.take(0..span.len(), 1024)).is_none() {
        return;
    }
    let bytes = span.take(0..span.len(), MOST);
    let whole = 0..bytes.len() as u64;
    let mut words: BTreeMap<String, Vec<Range<u64>>> = BTreeMap::new();
    let mut all: Vec<Range<u64>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..bytes.len().min(at + LINE)];
        let Some(end) = memchr::memchr(b'\n', rest) else { break };
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        let next = at + end + 1;
        let verb = line.split(|&b| b == b' ').next().unwrap_or(line);
        if line.len() > verb.len() + 1 {
            let range = (at + verb.len() + 1) as u64..(at + line.len()) as u64;
            let name = String::from_utf8_lossy(verb).to_ascii_uppercase();
            all.push(range.clone());
            if words.len() < COMMANDS || words.contains_key(&name) {
                words.entry(name).or_default().push(range);
            }
        }
        at = next;
        if let Some(len) = literal(line) {
            let end = (at + len).min(bytes.len());
            push(parts, Role::File, format!("literal at {at}"), at as u64..end as u64, at..end);
            at = end;
        } else if verb.eq_ignore_ascii_case(b"DATA") {
            at = mail(&bytes, at, parts);
        }
    }
    let joined = words.into_iter().filter(|(_, ranges)| ranges.len() > 1);
    let series = joined
        .map(|(name, ranges)| (format!("words after {name} of all lines"), ranges))
        .chain((all.len() > 1).then(|| ("words after the first of all lines".to_owned(), all)));
    for (name, ranges) in series {
        let content = Content::Ranges(ranges);
        parts.push(Part { role: Role::Joined, name: name.into(), input: whole.clone(), content });
    }
}

fn push(parts: &mut Vec<Part>, role: Role, name: String, input: Range<u64>, range: Range<usize>) {
    let range = range.start as u64..range.end as u64;
    let content = Content::Ranges(std::iter::once(range).collect());
    parts.push(Part { role, name: name.into(), input, content });
}

/// The length of a literal that follows a line of IMAP (RFC 9051, 4.3).
fn literal(line: &[u8]) -> Option<usize> {
    let digits = line.strip_suffix(b"}")?;
    let open = digits.iter().rposition(|&b| b == b'{')?;
    let digits = digits[open + 1..].strip_suffix(b"+").unwrap_or(&digits[open + 1..]);
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The text of a mail that begins at `start`; gives where it ends. Points that were doubled are
/// taken out (RFC 5321, 4.5.2).
fn mail(bytes: &[u8], start: usize, parts: &mut Vec<Part>) -> usize {
    let rest = &bytes[start..];
    let len = memchr::memmem::find(rest, b"\r\n.\r\n").map_or(rest.len(), |i| i + 2);
    let head = memchr::memmem::find(&rest[..len], b"\r\n\r\n").map_or(0, |i| i + 4);
    let from = start + head;
    let input = start as u64..(start + len) as u64;
    // The last line break is the protocol's.
    let end = (start + len).saturating_sub(2).max(from);
    let text = &bytes[from..end];
    push(parts, Role::File, format!("text of the mail at {start}"), input.clone(), from..end);
    if text.starts_with(b".") || memchr::memmem::find(text, b"\n..").is_some() {
        let lines: Vec<&[u8]> = text
            .split(|&b| b == b'\n')
            .map(|line| if line.starts_with(b"..") { &line[1..] } else { line })
            .collect();
        parts.push(Part {
            role: Role::Body,
            name: format!("text of the mail at {start}, without doubled points").into(),
            input,
            content: Content::Bytes(lines.join(&b'\n')),
        });
    }
    start + len
}
