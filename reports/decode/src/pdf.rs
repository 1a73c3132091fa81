//! Streams of PDF by the filters that their dictionary names, one after the other (ISO 32000, 7.4).
//!
//! A stream that is only deflated is found by its own mark, and is not of this module. Cannot see:
//! predictors, filters that are given by reference, pictures (DCT, JPX, JBIG2), encryption.

use crate::inflate::{self, Flow};
use crate::span::Span;
use crate::{Decoder, base85, text};
use belljar_record::ByteString;
use std::ops::Range;

/// The longest dictionary of a stream.
const DICTIONARY: usize = 2 << 10;
/// Streams of one window that are looked at.
const STREAMS: usize = 4_000;
/// The most that one filter gives.
const MOST: usize = 64 << 20;

/// A filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    AsciiHex,
    Ascii85,
    Lzw,
    RunLength,
    Flate,
}

impl Filter {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"ASCIIHexDecode" | b"AHx" => Self::AsciiHex,
            b"ASCII85Decode" | b"A85" => Self::Ascii85,
            b"LZWDecode" | b"LZW" => Self::Lzw,
            b"RunLengthDecode" | b"RL" => Self::RunLength,
            b"FlateDecode" | b"Fl" => Self::Flate,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::AsciiHex => "ASCIIHexDecode",
            Self::Ascii85 => "ASCII85Decode",
            Self::Lzw => "LZWDecode",
            Self::RunLength => "RunLengthDecode",
            Self::Flate => "FlateDecode",
        }
    }
}

/// Streams with their filters, as a step's detail names them.
pub(crate) fn find(bytes: &[u8]) -> Vec<(ByteString, Range<usize>)> {
    let mut found = Vec::new();
    let mut behind = 0;
    for at in memchr::memmem::find_iter(bytes, b"/Filter").take(STREAMS) {
        if at < behind {
            continue;
        }
        let dictionary = &bytes[at..bytes.len().min(at + DICTIONARY)];
        let Some(close) = memchr::memmem::find(dictionary, b"stream") else { continue };
        let filters = filters(&dictionary[7..close]);
        let plain = matches!(filters.as_slice(), [] | [Filter::Flate]);
        let mut start = at + close + 6;
        start += usize::from(bytes.get(start) == Some(&b'\r'));
        if plain || bytes.get(start) != Some(&b'\n') {
            continue;
        }
        start += 1;
        let end = memchr::memmem::find(&bytes[start..], b"endstream")
            .map_or(bytes.len(), |len| start + len);
        behind = end;
        let names: Vec<&str> = filters.iter().map(|filter| filter.name()).collect();
        found.push((names.join(" ").into(), start..end));
    }
    found
}

/// The names behind `/Filter`, up to the first that is no filter.
fn filters(dictionary: &[u8]) -> Vec<Filter> {
    let list = dictionary.trim_ascii_start();
    let (list, one) = match list.strip_prefix(b"[") {
        Some(inner) => (inner.split(|&b| b == b']').next().unwrap_or(inner), false),
        None => (list, true),
    };
    let ends = |b: &u8| !(b.is_ascii_alphanumeric());
    list.split(|&b| b == b'/')
        .skip(1)
        .map(|name| name.split(ends).next().unwrap_or(name))
        .map_while(Filter::named)
        .take(if one { 1 } else { 8 })
        .collect()
}

/// Applies the filters that `detail` names.
pub(crate) fn decode(detail: Option<&[u8]>, bytes: &[u8]) -> Vec<u8> {
    let names = detail.unwrap_or_default().split(|&b| b == b' ');
    let mut held = bytes.to_vec();
    for filter in names.map_while(Filter::named) {
        held = match filter {
            Filter::AsciiHex => {
                let digits = held.split(|&b| b == b'>').next().unwrap_or_default();
                let mut output = Vec::new();
                if let Some(alphabet) = text::alphabet(Decoder::Hex) {
                    text::Digits::new(alphabet).push(digits, &mut output);
                }
                output
            }
            Filter::Ascii85 => {
                let digits = held.strip_prefix(b"<~").unwrap_or(&held);
                let end = memchr::memchr(b'~', digits).unwrap_or(digits.len());
                base85::decode(Decoder::Ascii85, &digits[..end])
            }
            Filter::Lzw => lzw(&held),
            Filter::RunLength => run_length(&held),
            Filter::Flate => {
                let mut output = Vec::new();
                let mut sink = |block: &[u8]| {
                    output.extend_from_slice(block);
                    if output.len() > MOST { Flow::Stop } else { Flow::Go }
                };
                inflate::stream(Decoder::Zlib, Span::Near(&held), 0, held.len() as u64, &mut sink);
                output
            }
        };
    }
    held
}

/// LZW as PDF has it: most significant bit first, codes of 9 to 12 bits that grow one code early.
fn lzw(bytes: &[u8]) -> Vec<u8> {
    const CLEAR: usize = 256;
    const END: usize = 257;
    let mut output: Vec<u8> = Vec::new();
    // Where each phrase stands in the output, from code 258 on.
    let mut phrases: Vec<Range<usize>> = Vec::new();
    let mut last: Option<Range<usize>> = None;
    let (mut held, mut bits, mut width) = (0_u32, 0, 9);
    for &byte in bytes {
        held = held << 8 | u32::from(byte);
        bits += 8;
        if bits < width {
            continue;
        }
        bits -= width;
        let code = (held >> bits) as usize & ((1 << width) - 1);
        held &= (1 << bits) - 1;
        match code {
            CLEAR => {
                phrases.clear();
                last = None;
                width = 9;
                continue;
            }
            END => break,
            _ => {}
        }
        let start = output.len();
        if code < CLEAR {
            output.push(code as u8);
        } else {
            let (Some(last), place) = (&last, code - 258) else { break };
            let phrase = match phrases.get(place) {
                Some(known) => known.clone(),
                // The phrase that is being made: the last one and its own first byte.
                None if place == phrases.len() => last.start..last.end + 1,
                None => break,
            };
            if output.len() + phrase.len() > MOST {
                break;
            }
            // It may reach into itself.
            for from in phrase {
                let byte = output[from];
                output.push(byte);
            }
        }
        if let Some(last) = last.take()
            && phrases.len() + 258 < 4096
        {
            // The last phrase and the byte behind it, which now is there.
            phrases.push(last.start..last.end + 1);
        }
        last = Some(start..output.len());
        let next = phrases.len() + 258 + 1;
        width = match next {
            ..512 => 9,
            512..1024 => 10,
            1024..2048 => 11,
            _ => 12,
        };
    }
    output
}

fn run_length(bytes: &[u8]) -> Vec<u8> {
    let (mut output, mut rest) = (Vec::new(), bytes);
    while let [len, tail @ ..] = rest {
        match (len, tail) {
            (0..=127, _) => {
                let len = (usize::from(*len) + 1).min(tail.len());
                output.extend_from_slice(&tail[..len]);
                rest = &tail[len..];
            }
            (129.., [byte, behind @ ..]) => {
                output.extend(std::iter::repeat_n(*byte, 257 - usize::from(*len)));
                rest = behind;
            }
            _ => break,
        }
        if output.len() > MOST {
            break;
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_read() {
        let packed = [0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01];
        assert_eq!(lzw(&packed), [45, 45, 45, 45, 45, 65, 45, 45, 45, 66]);
        assert_eq!(run_length(b"\x02abc\xfez\x80rest"), b"abczzz");
    }

    #[test]
    fn filters_are_applied_in_the_order_of_the_dictionary() {
        let document =
            b"5 0 obj\n<< /Length 41 /Filter [ /ASCIIHexDecode /LZWDecode ] >>\nstream\r\n\
            80 0B 60 50 22 0C 0C 85 01>\nendstream\nendobj";
        let found = find(document);
        let [(detail, range)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(detail.lossy(), "ASCIIHexDecode LZWDecode");
        let plain = decode(Some(&detail.0), &document[range.clone()]);
        assert_eq!(plain, [45, 45, 45, 45, 45, 65, 45, 45, 45, 66]);
        assert!(find(b"<< /Filter /FlateDecode >> stream\n...").is_empty());
    }
}
