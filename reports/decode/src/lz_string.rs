//! LZ-string (Pieroxy): LZ78 over UTF-16 units, six bits a letter, in the alphabets of base64 and of
//! URLs.
//!
//! The codes tell it from other text: nearly half of all codes that could stand at a place may not.
//! Units below U+0100 are given as bytes; if there are others, all are given as UTF-8. Cannot see:
//! the forms of fifteen and sixteen bits a character.

/// The least number of letters.
const LEAST: usize = 24;
/// The most phrases of the dictionary.
const PHRASES: usize = 1 << 20;
/// The most units that are given.
const UNITS: usize = 16 << 20;

/// The value of a letter; the fill of the last letter counts as zero.
fn value(letter: u8, urls: bool) -> Option<u8> {
    Some(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' if !urls => 63,
        b'-' if urls => 63,
        b'$' | b'=' => 0,
        _ => return None,
    })
}

/// The stream that a run of letters is, if it is one.
pub(crate) fn find(text: &[u8]) -> Option<std::ops::Range<usize>> {
    // An empty line begins something new, as between the head and the body of a mail; so does `=`.
    let start = memchr::memmem::rfind(text, b"\r\n\r\n").map_or(0, |i| i + 4);
    let tail = text.iter().rev().take_while(|b| matches!(b, b'=' | b'$' | b'\r' | b'\n')).count();
    let body = text.len() - tail;
    let start = start.min(body);
    let start = text[start..body].iter().rposition(|&b| b == b'=').map_or(start, |i| start + i + 1);
    let run = &text[start..];
    (run.len() >= LEAST && !decode(run).is_empty()).then_some(start..text.len())
}

struct Bits<'a> {
    text: &'a [u8],
    at: usize,
    urls: bool,
    value: u8,
    left: u32,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<u32> {
        if self.left == 0 {
            loop {
                let letter = *self.text.get(self.at)?;
                self.at += 1;
                if !matches!(letter, b'\r' | b'\n') {
                    self.value = value(letter, self.urls)?;
                    break;
                }
            }
            self.left = 6;
        }
        self.left -= 1;
        Some(u32::from(self.value >> self.left & 1))
    }

    /// Least significant bit first.
    fn number(&mut self, bits: u32) -> Option<u32> {
        let mut number = 0;
        for place in 0..bits {
            number |= self.bit()? << place;
        }
        Some(number)
    }
}

/// Phrases as the phrase before and one unit.
struct Phrases {
    before: Vec<u32>,
    unit: Vec<u16>,
    len: Vec<u32>,
}

impl Phrases {
    fn push(&mut self, before: u32, unit: u16) {
        let len = if before < 3 { 1 } else { self.len[before as usize].saturating_add(1) };
        self.before.push(before);
        self.unit.push(unit);
        self.len.push(len);
    }

    fn first(&self, mut phrase: u32) -> u16 {
        while self.before[phrase as usize] >= 3 {
            phrase = self.before[phrase as usize];
        }
        self.unit[phrase as usize]
    }

    fn write(&self, mut phrase: u32, output: &mut Vec<u16>) {
        let from = output.len();
        while phrase >= 3 {
            output.push(self.unit[phrase as usize]);
            phrase = self.before[phrase as usize];
        }
        output[from..].reverse();
    }
}

/// What a run of letters stands for; empty if it is none. A stream that is cut short is decoded as
/// far as it goes if it was long enough to tell.
pub(crate) fn decode(text: &[u8]) -> Vec<u8> {
    let has = |letter| memchr::memchr(letter, text).is_some();
    let urls = has(b'-') || has(b'$') || !has(b'/');
    let mut bits = Bits { text, at: 0, urls, value: 0, left: 0 };
    let mut output: Vec<u16> = Vec::new();
    let (codes, ended) = units(&mut bits, &mut output);
    // What follows the end mark only fills the last letters.
    let rest = text[bits.at.min(text.len())..]
        .iter()
        .filter(|b| !matches!(b, b'=' | b'$' | b'\r' | b'\n'))
        .count();
    let cut_short = bits.at >= text.len() && codes >= 64;
    if !(ended && rest <= 1 || cut_short) {
        return Vec::new();
    }
    if output.iter().all(|&unit| unit < 0x100) {
        return output.iter().map(|&unit| unit as u8).collect();
    }
    String::from_utf16_lossy(&output).into_bytes()
}

/// Decodes to units. Says how many codes were read, and whether the end mark came.
fn units(bits: &mut Bits<'_>, output: &mut Vec<u16>) -> (u32, bool) {
    let mut phrases = Phrases { before: vec![0; 3], unit: vec![0; 3], len: vec![0; 3] };
    let (mut width, mut enlarge_in) = (3, 4_u64);
    let mut last: u32 = match fresh(bits, 2) {
        Some(Code::Unit(unit)) => {
            phrases.push(0, unit);
            output.push(unit);
            3
        }
        _ => return (0, false),
    };
    let mut codes = 1;
    loop {
        let phrase = match fresh(bits, width) {
            None => return (codes, false),
            Some(Code::End) => return (codes, true),
            Some(Code::Unit(unit)) => {
                phrases.push(0, unit);
                enlarge_in -= 1;
                phrases.before.len() as u32 - 1
            }
            Some(Code::Phrase(phrase)) => phrase,
        };
        codes += 1;
        if enlarge_in == 0 {
            enlarge_in = 1 << width;
            width += 1;
        }
        let next = phrases.before.len() as u32;
        if phrase > next || phrases.before.len() >= PHRASES {
            // A letter was read that belongs to no stream of this kind.
            bits.at = 0;
            return (0, false);
        }
        // The phrase that is being made may be used at once.
        let unit = if phrase == next { phrases.first(last) } else { phrases.first(phrase) };
        phrases.push(last, unit);
        if output.len() + phrases.len[phrase as usize] as usize > UNITS {
            return (codes, false);
        }
        phrases.write(phrase, output);
        last = phrase;
        enlarge_in -= 1;
        if enlarge_in == 0 {
            enlarge_in = 1 << width;
            width += 1;
        }
    }
}

enum Code {
    Unit(u16),
    Phrase(u32),
    End,
}

fn fresh(bits: &mut Bits<'_>, width: u32) -> Option<Code> {
    Some(match bits.number(width)? {
        0 => Code::Unit(bits.number(8)? as u16),
        1 => Code::Unit(bits.number(16)? as u16),
        2 => Code::End,
        phrase => Code::Phrase(phrase),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_reference_implementation_gives_is_read() {
        assert_eq!(decode(b"BYUwNmD2Q"), b"hello");
        assert_eq!(decode(b"BYUwNmD2AEoTcpA="), b"hello hello hello");
        assert_eq!(
            decode(b"j6AGfEKADuAEqT7QJZQFYFMDOAvAxltqaAJmgHbyRA=="),
            "żółw żółw żółw i jeszcze jeden żółw".as_bytes()
        );
    }

    #[test]
    fn other_text_is_none() {
        let text = b"dGhlIG1pbnV0ZXMgb2YgdGhlIG1lZXRpbmcgb2YgdGhlIGJvYXJkIG9uIFR1ZXNkYXk";
        assert_eq!(find(text), None);
        assert_eq!(find(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), None);
    }
}
