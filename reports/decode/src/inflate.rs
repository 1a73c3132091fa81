//! gzip, zlib, deflate and deflated zip members: streams that tell themselves where they end.
//!
//! A stream that is cut short, or whose checksum is wrong, is decoded as far as it goes: what left
//! has left.

use crate::span::{Blocks, Span};
use crate::{Decoder, archive, packed};
use flate2::{Decompress, FlushDecompress, Status};

/// What a sink says after each block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Go,
    Stop,
}

/// How a stream went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inflated {
    /// Bytes of input that were used, from the start of the header.
    pub(crate) input: u64,
    /// Bytes that came out.
    pub(crate) output: u64,
    /// Whether it came to its own end.
    pub(crate) whole: bool,
}

/// Whether `decoder` is one of this module's.
pub(crate) fn is_inflate(decoder: Decoder) -> bool {
    matches!(decoder, Decoder::Gzip | Decoder::Zlib | Decoder::Deflate | Decoder::ZipMember)
}

/// Adds places in `bytes` at which a zlib stream of the usual kind may begin.
pub(crate) fn find(bytes: &[u8], found: &mut Vec<(Decoder, usize)>) {
    for at in memchr::memchr_iter(0x78, bytes) {
        // RFC 1950: header divisible by 31, no preset dictionary, 32 KiB window.
        if let Some(&flags) = bytes.get(at + 1)
            && (0x7800 + u16::from(flags)).is_multiple_of(31)
            && flags & 0x20 == 0
        {
            found.push((Decoder::Zlib, at));
        }
    }
}

/// Whether something begins as a zlib stream with a smaller window.
pub(crate) fn odd_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, &[first, flags, ..] if first & 15 == 8
        && first >> 4 < 7
        && flags & 0x20 == 0
        && u16::from_be_bytes([first, flags]).is_multiple_of(31))
}

/// Decodes the stream that begins at `start`, block by block into `sink`.
pub(crate) fn stream(
    decoder: Decoder,
    span: Span<'_>,
    start: u64,
    end: u64,
    sink: &mut dyn FnMut(&[u8]) -> Flow,
) -> Inflated {
    let nothing = Inflated { input: 0, output: 0, whole: false };
    let header = match decoder {
        Decoder::Zlib | Decoder::Deflate => 0,
        Decoder::Gzip => match gzip_header(&span.take(start..end, 64 << 10)) {
            Some(len) => len,
            None => return nothing,
        },
        Decoder::ZipMember => match archive::local_header(&span.take(start..end, 64 << 10)) {
            Some(local) if local.deflated => local.len,
            Some(local) if local.packed() => {
                let data = start + local.len as u64;
                let mut went = packed::member(local.method, span, data.min(end), end, sink);
                went.input += local.len as u64;
                return went;
            }
            _ => return nothing,
        },
        _ => return nothing,
    } as u64;
    let trailer = if decoder == Decoder::Gzip { 8 } else { 0 };
    let mut inflate = Decompress::new(decoder == Decoder::Zlib);
    let mut blocks = Blocks::new(span, start + header..end);
    // Many streams are short, and many that are tried are none.
    let room = (end.saturating_sub(start).saturating_mul(4)).clamp(1 << 10, 64 << 10) as usize;
    let mut out = vec![0; room.min(4 << 10)];
    let done = |inflate: &Decompress, whole: bool| Inflated {
        input: (header + inflate.total_in() + if whole { trailer } else { 0 })
            .min(end.saturating_sub(start)),
        output: inflate.total_out(),
        whole,
    };
    loop {
        let block = blocks.next();
        if block.is_empty() {
            return done(&inflate, false);
        }
        let mut used = 0;
        loop {
            let (in_before, out_before) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(&block[used..], &mut out, FlushDecompress::None);
            let took = (inflate.total_in() - in_before) as usize;
            let gave = (inflate.total_out() - out_before) as usize;
            used += took;
            if gave > 0 && sink(&out[..gave]) == Flow::Stop {
                return done(&inflate, false);
            }
            if gave == out.len() && gave < room {
                out.resize(room, 0);
            }
            match status {
                Ok(Status::StreamEnd) => return done(&inflate, true),
                Err(_) => return done(&inflate, false),
                Ok(_) if took == 0 && gave == 0 => {
                    if used < block.len() {
                        return done(&inflate, false);
                    }
                    break;
                }
                Ok(_) => {}
            }
        }
    }
}

/// Length of a gzip header (RFC 1952, 2.3).
fn gzip_header(bytes: &[u8]) -> Option<usize> {
    let flags = *bytes.get(3)?;
    if !matches!(bytes, [0x1f, 0x8b, 8, ..]) {
        return None;
    }
    let mut at = 10;
    if flags & 4 != 0 {
        at += 2 + usize::from(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    }
    for bit in [8, 16] {
        if flags & bit != 0 {
            at += memchr::memchr(0, bytes.get(at..)?)? + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    (at <= bytes.len()).then_some(at)
}
