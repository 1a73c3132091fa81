//! Text in which single bytes are escaped: percent, quoted-printable, JSON, HTML and XML. Decoded
//! in place: what is no escape stays as it is.

use crate::Decoder;
use std::ops::Range;

const ALL: [(Decoder, u8); 5] = [
    (Decoder::Percent, b'%'),
    (Decoder::Form, b'%'),
    (Decoder::QuotedPrintable, b'='),
    (Decoder::JsonEscapes, b'\\'),
    (Decoder::Entities, b'&'),
];

/// Stretches of text with escapes in them.
pub(crate) fn find(bytes: &[u8]) -> Vec<(Decoder, Range<usize>)> {
    let mut found = Vec::new();
    for (decoder, trigger) in ALL {
        let mut at = 0;
        while let Some(hit) =
            bytes.get(at..).and_then(|rest| memchr::memchr(trigger, rest)).map(|i| i + at)
        {
            if escape(decoder, &bytes[hit..]).is_none() {
                at = hit + 1;
                continue;
            }
            let start = bytes[at..hit]
                .iter()
                .rposition(|&b| !inside(decoder, b))
                .map_or(at, |i| at + i + 1);
            let end = hit
                + bytes[hit..]
                    .iter()
                    .position(|&b| !inside(decoder, b))
                    .unwrap_or(bytes.len() - hit);
            // One lone escape in binary data is noise.
            if end - start >= 8
                && (decoder != Decoder::Form || memchr::memchr(b'+', &bytes[start..end]).is_some())
            {
                found.push((decoder, start..end));
            }
            at = end.max(hit + 1);
        }
    }
    found
}

fn inside(decoder: Decoder, byte: u8) -> bool {
    match decoder {
        Decoder::Percent | Decoder::Form => (0x21..0x7f).contains(&byte),
        Decoder::QuotedPrintable => {
            (0x20..0x7f).contains(&byte) || matches!(byte, b'\t' | b'\r' | b'\n')
        }
        _ => byte >= 0x20 || matches!(byte, b'\t' | b'\r' | b'\n'),
    }
}

/// The bytes of an escape and its length, if `text` begins with one.
fn escape(decoder: Decoder, text: &[u8]) -> Option<(Written, usize)> {
    match decoder {
        Decoder::Percent | Decoder::Form => match text {
            [b'%', high, low, ..] => Some((Written::Byte(hex(&[*high, *low])? as u8), 3)),
            _ => None,
        },
        Decoder::QuotedPrintable => match text {
            [b'=', b'\r', b'\n', ..] => Some((Written::Nothing, 3)),
            [b'=', b'\n', ..] => Some((Written::Nothing, 2)),
            [b'=', high, low, ..] => Some((Written::Byte(hex(&[*high, *low])? as u8), 3)),
            _ => None,
        },
        Decoder::JsonEscapes => match text {
            [b'\\', b'u', a, b, c, d, rest @ ..] => {
                let first = hex(&[*a, *b, *c, *d])?;
                if (0xd800..0xdc00).contains(&first)
                    && let [b'\\', b'u', a, b, c, d, ..] = rest
                    && let Some(second @ 0xdc00..0xe000) = hex(&[*a, *b, *c, *d])
                {
                    let scalar = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                    return Some((Written::Char(scalar), 12));
                }
                Some((Written::Char(first), 6))
            }
            [b'\\', b'x', high, low, ..] => Some((Written::Byte(hex(&[*high, *low])? as u8), 4)),
            [b'\\', letter, ..] => {
                let byte = match letter {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'f' => 12,
                    b'"' | b'\\' | b'/' | b'\'' => *letter,
                    _ => return None,
                };
                Some((Written::Byte(byte), 2))
            }
            _ => None,
        },
        Decoder::Entities => {
            let end = text.iter().take(10).position(|&b| b == b';')?;
            let scalar = match &text[1..end] {
                b"amp" => 38,
                b"lt" => 60,
                b"gt" => 62,
                b"quot" => 34,
                b"apos" => 39,
                b"nbsp" => 160,
                [b'#', b'x' | b'X', digits @ ..] => hex(digits)?,
                [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok()?,
                _ => return None,
            };
            Some((Written::Char(scalar), end + 1))
        }
        _ => None,
    }
}

enum Written {
    Nothing,
    Byte(u8),
    Char(u32),
}

fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 6 {
        return None;
    }
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

/// Whether `decoder` is one of this module's.
pub(crate) fn is_escape(decoder: Decoder) -> bool {
    ALL.iter().any(|&(known, _)| known == decoder)
}

/// Whether the characters that are escaped in a stretch may be meant as bytes: all are below U+0100,
/// and some are not ASCII.
pub(crate) fn may_be_bytes(decoder: Decoder, input: &[u8]) -> bool {
    let trigger = match decoder {
        Decoder::JsonEscapes => b'\\',
        Decoder::Entities => b'&',
        _ => return false,
    };
    let mut high = false;
    for at in memchr::memchr_iter(trigger, input) {
        if let Some((Written::Char(scalar), _)) = escape(decoder, &input[at..]) {
            if scalar > 0xff {
                return false;
            }
            high |= scalar > 0x7f;
        }
    }
    high
}

/// What a step's detail says when escaped characters were taken as bytes.
pub(crate) const AS_BYTES: &[u8] = b"each a byte";

/// Decodes a stretch; characters become UTF-8.
pub(crate) fn decode(decoder: Decoder, input: &[u8]) -> Vec<u8> {
    decode_as(decoder, input, false)
}

/// Decodes a stretch; characters below U+0100 become bytes if `bytes` says so.
pub(crate) fn decode_as(decoder: Decoder, input: &[u8], bytes: bool) -> Vec<u8> {
    let trigger = ALL.iter().find(|&&(known, _)| known == decoder).map_or(b'%', |&(_, t)| t);
    let mut output = Vec::with_capacity(input.len());
    let mut at = 0;
    while at < input.len() {
        let byte = input[at];
        if byte == trigger
            && let Some((written, len)) = escape(decoder, &input[at..])
        {
            match written {
                Written::Nothing => {}
                Written::Byte(byte) => output.push(byte),
                Written::Char(scalar @ ..=0xff) if bytes => output.push(scalar as u8),
                // A lone surrogate has no UTF-8; it stays visible as the replacement character.
                Written::Char(scalar) => {
                    let c = char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER);
                    output.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            at += len;
            continue;
        }
        output.push(if decoder == Decoder::Form && byte == b'+' { b' ' } else { byte });
        at += 1;
    }
    output
}
