//! One decoding: from a range of an object to the bytes that it stands for.

use crate::inflate::{self, Flow, Inflated};
use crate::span::{Blocks, Span};
use crate::{
    Decoder, base58, base85, cipher, escape, lz_string, lz4, markup, packed, pdf, picture,
    seven_zip, structure, text, turn, wide, words, xor, zip_secret,
};
use std::ops::Range;

/// The largest archive that is read as a whole.
const ARCHIVE: usize = 64 << 20;
/// The most that a bare block gives.
const BLOCK: usize = 64 << 20;

/// Whether a decoder's input ends where the stream says so.
pub(crate) fn tells_its_end(decoder: Decoder) -> bool {
    inflate::is_inflate(decoder)
        || packed::is_packed(decoder)
        || matches!(decoder, Decoder::SevenZip | Decoder::LowBits | Decoder::EncryptedZip)
}

/// Decodes `range` of `span`, block by block into `sink`; says how much was used and came out.
/// `detail` is what else the decoder must know (see [`crate::Step::detail`]).
pub(crate) fn produce(
    decoder: Decoder,
    detail: Option<&[u8]>,
    span: Span<'_>,
    range: Range<u64>,
    sink: &mut dyn FnMut(&[u8]) -> Flow,
) -> Inflated {
    let len = range.end.saturating_sub(range.start);
    if let Some(alphabet) = text::alphabet(decoder) {
        let (mut digits, mut out, mut output) = (text::Digits::new(alphabet), Vec::new(), 0);
        let mut blocks = Blocks::new(span, range);
        loop {
            let block = blocks.next();
            if block.is_empty() {
                break;
            }
            out.clear();
            digits.push(block, &mut out);
            output += out.len() as u64;
            if sink(&out) == Flow::Stop {
                break;
            }
        }
        return Inflated { input: len, output, whole: true };
    }
    if packed::is_packed(decoder) {
        return packed::stream(decoder, span, range.start, range.end, sink);
    }
    if inflate::is_inflate(decoder) {
        return inflate::stream(decoder, span, range.start, range.end, sink);
    }
    if decoder == Decoder::SevenZip {
        return seven_zip::decode(&span.take(range, ARCHIVE), sink);
    }
    let input = span.take(range, usize::MAX);
    if let (Decoder::LowBits | Decoder::EncryptedZip, Some(detail)) = (decoder, detail) {
        let (bytes, used) = match decoder {
            Decoder::LowBits => picture::decode(&input, std::str::from_utf8(detail).unwrap_or("")),
            _ => zip_secret::decode(&input, detail),
        };
        if !bytes.is_empty() {
            sink(&bytes);
        }
        return Inflated {
            input: used as u64,
            output: bytes.len() as u64,
            whole: !bytes.is_empty(),
        };
    }
    let bytes = match decoder {
        Decoder::Base58 => base58::decode(&input),
        Decoder::Xor => xor::unmask(&xor::key(detail), &input),
        Decoder::Ascii85 | Decoder::Z85 => base85::decode(decoder, &input),
        Decoder::LzString => lz_string::decode(&input),
        Decoder::Aes | Decoder::ChaCha20 => cipher::decode(detail.unwrap_or_default(), &input),
        Decoder::OpenSsl => cipher::salted(detail.unwrap_or_default(), &input),
        Decoder::WordList => words::decode(&input),
        Decoder::Markup => markup::decode(&input),
        Decoder::PdfStream => pdf::decode(detail, &input),
        _ if structure::is_structure(decoder) => structure::decode(decoder, detail, &input),
        Decoder::Lz4Block => lz4::bare(&input, BLOCK).unwrap_or_default(),
        _ if wide::is_wide(decoder) => wide::decode(decoder, &input),
        _ if turn::is_turn(decoder) => turn::decode(decoder, detail, input),
        _ if escape::is_escape(decoder) => {
            escape::decode_as(decoder, &input, detail == Some(escape::AS_BYTES))
        }
        _ => Vec::new(),
    };
    if !bytes.is_empty() {
        sink(&bytes);
    }
    Inflated { input: len, output: bytes.len() as u64, whole: !bytes.is_empty() }
}
