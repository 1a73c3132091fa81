//! Words, names and dates from which people's documents are made.
//!
//! All names are invented combinations. A run of 128 bytes of prose holds some seventeen words,
//! each one of a few hundred, and every few words a date, a number or a reference: two runs do not
//! come out equal by chance. A run of 32 bytes may; the twin-seed rule is there for that.

use crate::calendar::Date;
use crate::seed::{Draw, Stream};
use crate::word_lists::{ADJECTIVES, FAMILY_END, FAMILY_START, FIRST, LINKS, NOUNS, VERBS};

/// A first name.
pub(crate) fn first_name(stream: &mut Stream) -> &'static str {
    stream.one_of(FIRST)
}

/// An invented family name.
pub(crate) fn family_name(stream: &mut Stream) -> String {
    format!("{}{}", stream.one_of(FAMILY_START), stream.one_of(FAMILY_END))
}

/// A noun.
pub(crate) fn noun(stream: &mut Stream) -> &'static str {
    stream.one_of(NOUNS)
}

/// An adjective.
pub(crate) fn adjective(stream: &mut Stream) -> &'static str {
    stream.one_of(ADJECTIVES)
}

/// A verb without its ending, as in a function's name.
pub(crate) fn action(stream: &mut Stream) -> &'static str {
    let verb = stream.one_of(VERBS);
    let verb = verb.split(' ').next().unwrap_or(verb);
    verb.strip_suffix('s').unwrap_or(verb)
}

/// A name for a file, without its ending.
pub(crate) fn file_stem(stream: &mut Stream) -> String {
    format!("{}-{}", adjective(stream), noun(stream))
}

/// A title of a few words.
pub(crate) fn title(stream: &mut Stream) -> String {
    let mut title = format!("{} {} {}", adjective(stream), noun(stream), noun(stream));
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

fn number(out: &mut Vec<u8>, mut value: u32) {
    let mut digits = [0_u8; 10];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Adds one sentence.
pub(crate) fn sentence(stream: &mut Stream, out: &mut Vec<u8>) {
    let start = out.len();
    let shape = stream.below(8);
    match shape {
        0 => {
            out.extend_from_slice(b"on ");
            let date = Date::of_day(19_358 + i64::from(stream.below(1_000)));
            out.extend_from_slice(date.iso().as_bytes());
            out.extend_from_slice(b" the ");
        }
        1 => {
            out.extend_from_slice(first_name(stream).as_bytes());
            out.push(b' ');
            out.extend_from_slice(stream.one_of(FAMILY_START).as_bytes());
            out.extend_from_slice(stream.one_of(FAMILY_END).as_bytes());
            out.push(b' ');
            out.extend_from_slice(stream.one_of(VERBS).as_bytes());
            out.extend_from_slice(b" that the ");
        }
        2 => out.extend_from_slice(b"each "),
        3 => out.extend_from_slice(b"no "),
        _ => out.extend_from_slice(b"the "),
    }
    for clause in 0..=stream.below(3) {
        if clause > 0 {
            out.extend_from_slice(if stream.below(2) == 0 {
                b", and the "
            } else {
                b" while the "
            });
        }
        let bits = stream.below(16);
        if bits & 1 == 0 {
            out.extend_from_slice(adjective(stream).as_bytes());
            out.push(b' ');
        }
        out.extend_from_slice(noun(stream).as_bytes());
        out.push(b' ');
        out.extend_from_slice(stream.one_of(VERBS).as_bytes());
        out.push(b' ');
        match bits >> 1 & 3 {
            0 => {
                number(out, stream.below(9_800) + 200);
                out.push(b' ');
            }
            1 => {
                out.extend_from_slice(adjective(stream).as_bytes());
                out.push(b' ');
            }
            _ => out.extend_from_slice(b"the "),
        }
        out.extend_from_slice(noun(stream).as_bytes());
        if bits & 8 == 0 {
            out.push(b' ');
            out.extend_from_slice(stream.one_of(LINKS).as_bytes());
            out.push(b' ');
            out.extend_from_slice(noun(stream).as_bytes());
            out.push(b' ');
            number(out, stream.below(90_000) + 10);
        }
    }
    if shape == 4 {
        out.extend_from_slice(b" (ref. ");
        let word = stream.next_word();
        for shift in [0, 5, 10] {
            out.push(b'A' + ((word >> shift) % 26) as u8);
        }
        out.push(b'-');
        number(out, word >> 12);
        out.push(b')');
    }
    out.push(b'.');
    out[start].make_ascii_uppercase();
}

trait NextWord {
    fn next_word(&mut self) -> u32;
}

impl NextWord for Stream {
    fn next_word(&mut self) -> u32 {
        use rand_core::Rng as _;
        self.next_u32()
    }
}

/// Fills up with one invented word of exactly this length, which need not be a nice one.
pub(crate) fn filler(stream: &mut Stream, len: usize, out: &mut Vec<u8>) {
    const VOWELS: &[u8] = b"aeiou";
    const CONSONANTS: &[u8] = b"bcdfghklmnprstvw";
    for place in 0..len {
        let from = if place % 2 == 0 { CONSONANTS } else { VOWELS };
        out.push(from[stream.below(from.len() as u32) as usize]);
    }
}

/// Exactly `len` bytes of prose in paragraphs with lines of at most some 96 characters, ending with
/// a line feed.
pub(crate) fn prose(stream: &mut Stream, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 512);
    let mut line = 0;
    let mut lines_left = 3 + stream.below(6);
    while out.len() < len {
        let start = out.len();
        sentence(stream, &mut out);
        out.push(b' ');
        // Break the lines of what was added: at the first space past column 80.
        let mut at = start;
        while at < out.len() {
            if out[at] == b' ' && at - line >= 80 {
                out[at] = b'\n';
                line = at + 1;
                lines_left = lines_left.saturating_sub(1);
            }
            at += 1;
        }
        if lines_left == 0 {
            if let Some(last) = out.last_mut() {
                *last = b'\n';
            }
            out.push(b'\n');
            line = out.len();
            lines_left = 3 + stream.below(6);
        }
    }
    end_exactly(stream, &mut out, len);
    out
}

/// Cuts text that is too long at a space and fills the rest with a word, a full stop and a line feed.
fn end_exactly(stream: &mut Stream, out: &mut Vec<u8>, len: usize) {
    out.truncate(len);
    if len == 0 {
        return;
    }
    let reach = len.saturating_sub(24);
    let cut = out[reach..len.saturating_sub(2)]
        .iter()
        .rposition(|&byte| byte == b' ')
        .map_or(reach, |place| reach + place + 1);
    out.truncate(cut);
    filler(stream, len.saturating_sub(cut + 2), out);
    if len >= 2 {
        out.push(b'.');
    }
    out.truncate(len - 1);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn prose_has_exactly_the_length_asked_for() {
        for len in 0..700 {
            let text = prose(&mut Seed::new(len as u64).stream("prose"), len);
            assert_eq!(text.len(), len);
            assert!(text.is_ascii());
            assert!(len == 0 || text.ends_with(b"\n"));
        }
    }

    #[test]
    fn lines_of_prose_are_readable() {
        let text = prose(&mut Seed::new(3).stream("prose"), 20_000);
        let longest = text.split(|&b| b == b'\n').map(<[u8]>::len).max().unwrap_or(0);
        assert!(longest < 110, "{longest}");
    }
}
