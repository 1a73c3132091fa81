//! bzip2, xz, LZMA, lzip, Zstandard, Brotli: streams that other crates open, each behind a reader
//! that counts what was used.
//!
//! Promises: memory is bounded whatever a header asks for; a stream that is cut short or spoilt is
//! decoded as far as it goes. Cannot see: streams that need more than [`MEMORY`] to decode, or a
//! dictionary of their own.

use crate::inflate::{Flow, Inflated};
use crate::span::{Blocks, Span};
use crate::{Decoder, lz4};
use std::io::Read;

/// The most memory that the dictionary of a stream may need.
const MEMORY: u32 = 64 << 20;
const OUT: usize = 64 << 10;

/// Whether `decoder` is one of this module's (or [`lz4`]'s).
pub(crate) fn is_packed(decoder: Decoder) -> bool {
    matches!(
        decoder,
        Decoder::Bzip2
            | Decoder::Xz
            | Decoder::Lzma
            | Decoder::Lzip
            | Decoder::Zstd
            | Decoder::Brotli
            | Decoder::Lz4
    )
}

/// The marks with which streams begin.
pub(crate) const MARKS: [(Decoder, &[u8]); 8] = [
    (Decoder::Bzip2, b"BZh"),
    (Decoder::Xz, b"\xfd7zXZ\0"),
    (Decoder::Lzma, b"\x5d\0\0"),
    (Decoder::Lzip, b"LZIP\x01"),
    (Decoder::Zstd, b"\x28\xb5\x2f\xfd"),
    (Decoder::Lz4, &lz4::FRAME),
    (Decoder::Lz4, &lz4::LEGACY),
    (Decoder::SevenZip, b"7z\xbc\xaf\x27\x1c"),
];

/// Whether what begins with a mark goes on as a stream must.
pub(crate) fn begins(decoder: Decoder, bytes: &[u8]) -> bool {
    match decoder {
        Decoder::Bzip2 => {
            matches!(bytes, [_, _, _, b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y', ..])
        }
        // A dictionary of 2^n bytes, and a length that is unknown or below 2^40.
        Decoder::Lzma => match bytes.first_chunk::<13>() {
            Some(head) => {
                let dictionary = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
                let len = &head[5..13];
                dictionary.is_power_of_two()
                    && dictionary >= 1 << 12
                    && (len == [0xff; 8] || len[5..] == [0; 3])
            }
            None => false,
        },
        _ => true,
    }
}

/// The bytes of a span, counted.
struct Counted<'a> {
    blocks: Blocks<'a>,
    block: Vec<u8>,
    at: usize,
    used: u64,
}

impl<'a> Counted<'a> {
    fn new(span: Span<'a>, start: u64, end: u64) -> Self {
        Self { blocks: Blocks::new(span, start..end), block: Vec::new(), at: 0, used: 0 }
    }

    fn rest(&mut self) -> &[u8] {
        if self.at == self.block.len() {
            self.block.clear();
            self.block.extend_from_slice(self.blocks.next());
            self.at = 0;
        }
        &self.block[self.at..]
    }

    fn took(&mut self, count: usize) {
        self.at += count;
        self.used += count as u64;
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let rest = self.rest();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.took(count);
        Ok(count)
    }
}

/// Decodes the stream that begins at `start` into `sink`.
pub(crate) fn stream(
    decoder: Decoder,
    span: Span<'_>,
    start: u64,
    end: u64,
    sink: &mut dyn FnMut(&[u8]) -> Flow,
) -> Inflated {
    let mut input = Counted::new(span, start, end);
    let kib = MEMORY >> 10;
    let (output, whole) = match decoder {
        Decoder::Lz4 => return lz4::frames(span, start, end, sink),
        Decoder::Brotli => brotli(&mut input, sink),
        Decoder::Bzip2 => bzip2(&mut input, sink),
        Decoder::Zstd => zstd(&mut input, sink),
        Decoder::Xz => copy(lzma_rust2::XzReader::new_mem_limit(&mut input, false, kib), sink),
        Decoder::Lzip => copy(lzma_rust2::LzipReader::new(&mut input), sink),
        Decoder::Lzma => match lzma_rust2::LzmaReader::new_mem_limit(&mut input, kib, None) {
            Ok(reader) => copy(reader, sink),
            Err(_) => (0, false),
        },
        _ => (0, false),
    };
    Inflated { input: input.used, output, whole }
}

/// Decodes a member of a zip archive that is packed by `method` (APPNOTE 4.4.5).
pub(crate) fn member(
    method: u16,
    span: Span<'_>,
    start: u64,
    end: u64,
    sink: &mut dyn FnMut(&[u8]) -> Flow,
) -> Inflated {
    let decoder = match method {
        12 => Decoder::Bzip2,
        93 => Decoder::Zstd,
        95 => Decoder::Xz,
        _ => {
            // APPNOTE 5.8.8: version, length of the properties, the properties, a bare stream.
            let mut input = Counted::new(span, start, end);
            let mut head = [0; 9];
            if input.read_exact(&mut head).is_err() {
                return Inflated { input: 0, output: 0, whole: false };
            }
            let dictionary = u32::from_le_bytes([head[5], head[6], head[7], head[8]]);
            if dictionary > MEMORY {
                return Inflated { input: 0, output: 0, whole: false };
            }
            let reader = lzma_rust2::LzmaReader::new_with_props(
                &mut input,
                u64::MAX,
                head[4],
                dictionary,
                None,
            );
            let (output, whole) = match reader {
                Ok(reader) => copy(reader, sink),
                Err(_) => (0, false),
            };
            return Inflated { input: input.used, output, whole };
        }
    };
    stream(decoder, span, start, end, sink)
}

/// Everything that a reader gives until it ends or fails.
pub(crate) fn copy(mut reader: impl Read, sink: &mut dyn FnMut(&[u8]) -> Flow) -> (u64, bool) {
    let (mut buffer, mut output) = (vec![0; OUT], 0);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (output, true),
            Ok(count) => {
                output += count as u64;
                if sink(&buffer[..count]) == Flow::Stop {
                    return (output, false);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return (output, false),
        }
    }
}

fn bzip2(input: &mut Counted<'_>, sink: &mut dyn FnMut(&[u8]) -> Flow) -> (u64, bool) {
    let mut state = bzip2::Decompress::new(false);
    let mut buffer = vec![0; OUT];
    loop {
        let rest = input.rest();
        let ended = rest.is_empty();
        let (in_before, out_before) = (state.total_in(), state.total_out());
        let status = state.decompress(rest, &mut buffer);
        let took = (state.total_in() - in_before) as usize;
        let gave = (state.total_out() - out_before) as usize;
        input.took(took);
        if gave > 0 && sink(&buffer[..gave]) == Flow::Stop {
            return (state.total_out(), false);
        }
        match status {
            Ok(bzip2::Status::StreamEnd) => return (state.total_out(), true),
            Ok(_) if took > 0 || gave > 0 => {}
            Ok(_) if !ended => {}
            _ => return (state.total_out(), false),
        }
        if took == 0 && gave == 0 {
            return (state.total_out(), false);
        }
    }
}

fn zstd(input: &mut Counted<'_>, sink: &mut dyn FnMut(&[u8]) -> Flow) -> (u64, bool) {
    use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(u64::from(MEMORY));
    if decoder.reset(&mut *input).is_err() {
        return (0, false);
    }
    let (mut buffer, mut output) = (vec![0; OUT], 0);
    loop {
        let went = decoder.decode_blocks(&mut *input, BlockDecodingStrategy::UptoBlocks(1));
        // What an error leaves behind the window is given too: it was decoded before.
        let over = went.is_err() || decoder.is_finished();
        if went.is_err() {
            let kept = decoder.collect().unwrap_or_default();
            output += kept.len() as u64;
            if !kept.is_empty() {
                sink(&kept);
            }
            return (output, false);
        }
        loop {
            match decoder.read(&mut buffer) {
                Ok(count) if count > 0 => {
                    output += count as u64;
                    if sink(&buffer[..count]) == Flow::Stop {
                        return (output, false);
                    }
                }
                _ => break,
            }
        }
        if over {
            return (output, true);
        }
    }
}

fn brotli(input: &mut Counted<'_>, sink: &mut dyn FnMut(&[u8]) -> Flow) -> (u64, bool) {
    use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
    let mut state = BrotliState::new(
        StandardAlloc::default(),
        StandardAlloc::default(),
        StandardAlloc::default(),
    );
    let most = (input.rest().len() * 4).clamp(1 << 10, OUT);
    let (mut buffer, mut total) = (vec![0; most.min(4 << 10)], 0);
    loop {
        let rest = input.rest();
        let ended = rest.is_empty();
        let (mut left, mut used) = (rest.len(), 0);
        let (mut room, mut gave) = (buffer.len(), 0);
        let status = BrotliDecompressStream(
            &mut left,
            &mut used,
            rest,
            &mut room,
            &mut gave,
            &mut buffer,
            &mut total,
            &mut state,
        );
        input.took(used);
        if gave > 0 && sink(&buffer[..gave]) == Flow::Stop {
            return (total as u64, false);
        }
        if gave == buffer.len() && gave < most {
            buffer.resize(most, 0);
        }
        match status {
            BrotliResult::ResultSuccess => return (total as u64, true),
            BrotliResult::ResultFailure => return (total as u64, false),
            BrotliResult::NeedsMoreInput if ended => return (total as u64, false),
            _ => {}
        }
    }
}
