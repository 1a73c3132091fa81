//! Names, paths and facts: short byte strings, found in any case.
//!
//! Words of 8 bytes and more are found by one window of 8 bytes each, so that a hundred thousand
//! of them cost as little as ten; shorter ones by Aho-Corasick. A word counts only where it is not
//! a piece of a longer word.

use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::HashMap;

const WINDOW: usize = 8;
const FOLD: u64 = 0x2020_2020_2020_2020;
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
/// Bits of the filter for a word, and the least in all, as a power of two.
const FILTER: usize = 32;
const LEAST_BITS: u32 = 14;

/// A word and what it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub(crate) bytes: Vec<u8>,
    /// Names of fields in which alone it counts; empty: anywhere.
    pub(crate) labels: Vec<String>,
}

/// Words, ready to be looked for.
#[derive(Debug)]
pub(crate) struct Words {
    words: Vec<Word>,
    windows: HashMap<u64, Vec<(u32, u32)>>,
    filter: Vec<u64>,
    filter_bits: u32,
    short: Option<AhoCorasick>,
    short_ids: Vec<u32>,
}

fn key(bytes: &[u8; WINDOW]) -> u64 {
    u64::from_le_bytes(*bytes) | FOLD
}

#[inline(always)]
fn bit(key: u64, filter_bits: u32) -> usize {
    (key.wrapping_mul(MULTIPLIER) >> (64 - filter_bits)) as usize
}

impl Words {
    /// # Errors
    /// If the automaton for short words cannot be built.
    pub(crate) fn new(words: Vec<Word>) -> Result<Self, aho_corasick::BuildError> {
        let mut windows: HashMap<u64, Vec<(u32, u32)>> = HashMap::new();
        let bits = (words.len() * FILTER).next_power_of_two().trailing_zeros().max(LEAST_BITS);
        let mut filter = vec![0_u64; 1 << (bits - 6)];
        let (mut short, mut short_ids) = (Vec::new(), Vec::new());
        for (id, word) in words.iter().enumerate() {
            let id = id as u32;
            if word.bytes.len() < WINDOW {
                if !word.bytes.is_empty() {
                    short.push(word.bytes.as_slice());
                    short_ids.push(id);
                }
                continue;
            }
            // The window that the fewest other words share; ends of paths differ most.
            let best = (0..=word.bytes.len() - WINDOW)
                .rev()
                .take(64)
                .filter_map(|at| Some((at, key(word.bytes[at..].first_chunk()?))))
                .min_by_key(|(_, key)| windows.get(key).map_or(0, Vec::len));
            if let Some((at, key)) = best {
                windows.entry(key).or_default().push((id, at as u32));
                filter[bit(key, bits) >> 6] |= 1 << (bit(key, bits) & 63);
            }
        }
        let short = if short.is_empty() {
            None
        } else {
            Some(
                AhoCorasick::builder()
                    .ascii_case_insensitive(true)
                    .match_kind(MatchKind::Standard)
                    .build(short)?,
            )
        };
        Ok(Self { words, windows, filter, filter_bits: bits, short, short_ids })
    }

    /// Length of a word.
    pub(crate) fn len(&self, word: u32) -> u64 {
        self.words[word as usize].bytes.len() as u64
    }

    /// Bytes that it takes, about.
    pub(crate) fn memory(&self) -> u64 {
        let text: usize = self.words.iter().map(|word| word.bytes.len() + 48).sum();
        (text + self.windows.len() * 48 + self.filter.len() * 8) as u64
            + self.short.as_ref().map_or(0, |short| short.memory_usage() as u64)
    }

    /// Every word in `bytes`: its number and where it begins.
    pub(crate) fn find(&self, bytes: &[u8], mut found: impl FnMut(u32, usize)) {
        if !self.windows.is_empty() {
            let (filter_bits, mask) = (self.filter_bits, self.filter.len() - 1);
            for (at, window) in bytes.windows(WINDOW).enumerate() {
                let Ok(window) = <&[u8; WINDOW]>::try_from(window) else { continue };
                let key = key(window);
                let bit = bit(key, filter_bits);
                if self.filter[bit >> 6 & mask] >> (bit & 63) & 1 == 0 {
                    continue;
                }
                for &(id, offset) in self.windows.get(&key).map_or(&[][..], Vec::as_slice) {
                    if let Some(start) = at.checked_sub(offset as usize)
                        && self.stands_at(id, bytes, start)
                    {
                        found(id, start);
                    }
                }
            }
        }
        if let Some(short) = &self.short {
            for hit in short.find_overlapping_iter(bytes) {
                let id = self.short_ids[hit.pattern().as_usize()];
                if self.stands_at(id, bytes, hit.start()) {
                    found(id, hit.start());
                }
            }
        }
    }

    fn stands_at(&self, id: u32, bytes: &[u8], start: usize) -> bool {
        let word = &self.words[id as usize];
        let end = start + word.bytes.len();
        let Some(there) = bytes.get(start..end) else { return false };
        if !there.eq_ignore_ascii_case(&word.bytes) {
            return false;
        }
        let joins = |inner: Option<&u8>, outer: Option<&u8>| matches!((inner, outer), (Some(i), Some(o)) if i.is_ascii_alphanumeric() && o.is_ascii_alphanumeric());
        let before = start.checked_sub(1).and_then(|at| bytes.get(at));
        if joins(word.bytes.first(), before) || joins(word.bytes.last(), bytes.get(end)) {
            return false;
        }
        word.labels.is_empty()
            || label_before(&bytes[..start]).is_some_and(|label| {
                word.labels.iter().any(|known| label.ends_with(known.as_str()))
            })
    }
}

/// The name of the field whose value begins behind `bytes`: `name=`, `"name": "`, `<name>`.
fn label_before(bytes: &[u8]) -> Option<String> {
    let padding = |byte: u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'');
    let tail = &bytes[bytes.len().saturating_sub(80)..];
    let trimmed = tail.iter().rposition(|&b| !padding(b))?;
    if !matches!(tail[trimmed], b'=' | b':' | b'>') {
        return None;
    }
    let end = tail[..trimmed].iter().rposition(|&b| !padding(b))? + 1;
    let name: Vec<u8> = tail[..end]
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        .filter(|b| b.is_ascii_alphanumeric())
        .map(u8::to_ascii_lowercase)
        .collect();
    (!name.is_empty()).then(|| name.iter().rev().map(|&b| char::from(b)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[(&str, &[&str])], text: &str) -> Vec<(u32, usize)> {
        let words = words
            .iter()
            .map(|(word, labels)| Word {
                bytes: word.as_bytes().to_vec(),
                labels: labels.iter().map(|&l| l.to_owned()).collect(),
            })
            .collect();
        let mut all = Vec::new();
        Words::new(words).expect("builds").find(text.as_bytes(), |id, at| all.push((id, at)));
        all.sort_unstable();
        all
    }

    #[test]
    fn a_word_counts_in_any_case_but_not_inside_another() {
        let words: &[(&str, &[&str])] = &[("mallory", &[]), ("/home/mallory/Plans 2031.docx", &[])];
        assert_eq!(found(words, "user=Mallory"), vec![(0, 5)]);
        assert_eq!(found(words, "user=mallorys"), vec![]);
        assert_eq!(found(words, "x /HOME/mallory/plans 2031.DOCX"), vec![(0, 8), (1, 2)]);
    }

    #[test]
    fn common_words_count_only_in_fields_named_for_them() {
        let words: &[(&str, &[&str])] =
            &[("UTC", &["tz", "timezone"]), ("en_GB.UTF-8", &["locale", "lang"])];
        assert_eq!(found(words, "the time is UTC"), vec![]);
        assert_eq!(found(words, "{\"client_tz\": \"UTC\"}"), vec![(0, 15)]);
        assert_eq!(found(words, "<timeZone>utc</timeZone>"), vec![(0, 10)]);
        assert_eq!(found(words, "LANG=en_GB.UTF-8"), vec![(1, 5)]);
    }
}
