//! Words of the English list of BIP-39: 2048 words, eleven bits each, most significant first; the
//! last word is filled up with zeros. Words differ in their first four letters.
//!
//! Recognised from sixteen words in a row on; anything but letters stands between them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

/// The least number of words in a row.
const LEAST: usize = 16;
/// The longest word of the list, and the shortest.
const LONG: usize = 8;
const SHORT: usize = 3;

static LIST: LazyLock<HashMap<&'static [u8], u16>> = LazyLock::new(|| {
    bip39::Language::English
        .word_list()
        .iter()
        .zip(0..)
        .map(|(word, number)| (word.as_bytes(), number))
        .collect()
});

fn lookup(word: &[u8]) -> Option<u16> {
    if !(SHORT..=LONG).contains(&word.len()) {
        return None;
    }
    if word.iter().all(u8::is_ascii_lowercase) {
        return LIST.get(word).copied();
    }
    let lower: Vec<u8> = word.to_ascii_lowercase();
    LIST.get(lower.as_slice()).copied()
}

/// The word at `at`, which is a letter of it.
fn word_at(bytes: &[u8], at: usize) -> Range<usize> {
    let letter = |b: &u8| b.is_ascii_alphabetic();
    let start = bytes[at.saturating_sub(LONG)..at]
        .iter()
        .rposition(|b| !letter(b))
        .map_or(at.saturating_sub(LONG), |i| at.saturating_sub(LONG) + i + 1);
    let limit = (at + LONG + 1).min(bytes.len());
    let end = bytes[at..limit].iter().position(|b| !letter(b)).map_or(limit, |i| at + i);
    start..end
}

/// Rows of words in `bytes`.
pub(crate) fn find(bytes: &[u8]) -> Vec<Range<usize>> {
    // Sixteen words and what stands between them are at least 63 bytes long: one of every two
    // neighbouring places this far apart lies in a word or next to one.
    const STRIDE: usize = LEAST * (SHORT + 1) / 2 - 4;
    let mut found = Vec::new();
    let (mut probe, mut done) = (0, 0);
    while probe < bytes.len() {
        let at = if bytes[probe].is_ascii_alphabetic() { probe } else { probe + 1 };
        probe += STRIDE;
        if !bytes.get(at).is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        let word = word_at(bytes, at);
        if word.start < done || lookup(&bytes[word.clone()]).is_none() {
            continue;
        }
        let end = forward(bytes, word.start);
        let start = backward(bytes, word.start, done);
        if count(&bytes[start..end]) >= LEAST {
            found.push(start..end);
            done = end;
            probe = probe.max(end);
        }
    }
    found
}

/// Where the row that begins at `at` ends.
fn forward(bytes: &[u8], mut at: usize) -> usize {
    let mut end = at;
    while at < bytes.len() {
        let word = word_at(bytes, at);
        if lookup(&bytes[word.clone()]).is_none() {
            break;
        }
        end = word.end;
        let gap = bytes[end..].iter().take(4).take_while(|b| is_gap(**b)).count();
        at = end + gap;
        if gap == 0 || !bytes.get(at).is_some_and(u8::is_ascii_alphabetic) {
            break;
        }
    }
    end
}

/// Where the row begins that goes on at `at`.
fn backward(bytes: &[u8], mut at: usize, floor: usize) -> usize {
    loop {
        let gap = bytes[floor..at].iter().rev().take(4).take_while(|b| is_gap(**b)).count();
        if gap == 0 || at - gap <= floor || !bytes[at - gap - 1].is_ascii_alphabetic() {
            return at;
        }
        let word = word_at(bytes, at - gap - 1);
        if word.start < floor || lookup(&bytes[word.clone()]).is_none() {
            return at;
        }
        at = word.start;
    }
}

fn is_gap(byte: u8) -> bool {
    matches!(byte, b' ' | b'\r' | b'\n' | b'\t' | b'-' | b'_' | b',' | b';' | b'.' | b'+' | b'"')
}

fn count(row: &[u8]) -> usize {
    row.split(|b| !b.is_ascii_alphabetic()).filter(|word| !word.is_empty()).count()
}

/// The bytes that a row stands for.
pub(crate) fn decode(row: &[u8]) -> Vec<u8> {
    let (mut output, mut value, mut held) = (Vec::with_capacity(row.len() / 4), 0_u32, 0_u32);
    for word in row.split(|b| !b.is_ascii_alphabetic()).filter(|word| !word.is_empty()) {
        let Some(number) = lookup(word) else { continue };
        value = value << 11 | u32::from(number);
        held += 11;
        while held >= 8 {
            held -= 8;
            output.push((value >> held) as u8);
            value &= (1 << held) - 1;
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_words_is_found_in_other_text_and_read() {
        let row = "abandon ability able about above absent absorb abstract absurd abuse access \
                   accident account accuse achieve acid acoustic acquire";
        let text = format!("{{\"text\":\"{row}\",\"xyz\":7}}");
        let found = find(text.as_bytes());
        assert_eq!(found.len(), 1);
        assert_eq!(&text[found[0].clone()], row);
        // 0, 1, 2 … in eleven bits each.
        assert_eq!(&decode(row.as_bytes())[..6], [0, 0, 4, 1, 0, 0x30]);
    }

    #[test]
    fn text_is_no_row() {
        let text =
            b"The minutes of the meeting say that the able board will vote on it. ".repeat(9);
        assert!(find(&text).is_empty());
    }
}
