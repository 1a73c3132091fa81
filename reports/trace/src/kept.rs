//! What the first pass did not explain, kept for the second.
//!
//! Promises: of an object of up to 64 KiB all is kept, of a longer one head, middle and tail; where
//! there is too much of it, the first 512 bytes; objects of less than 64 bytes, in which only digests
//! and short runs can be, by their number. What was not kept is counted ([`Unexplained::skipped`]).
//!
//! Cannot see: objects that are explained by half already, and those behind decodings that leave no
//! mark.

use crate::Egress;
use crate::interval::total;
use belljar_decode::{Decoder, Piece, Step};
use belljar_record::{DecoySource, Direction, FlowId, Layer, PayloadRef};
use std::collections::HashSet;
use std::ops::Range;

/// Of an object longer than this only head, middle and tail are looked at.
pub(crate) const LOOKED: usize = 64 << 10;
/// The smallest object that is kept, in bytes: part of a digest.
const SMALLEST: usize = 8;
/// Digits from which on the decoder takes a run, and runs of one object that are looked at.
const SHORT: usize = 32;
const DIGITS: usize = 1000;
/// What is kept of the middle and of the tail of a longer one.
const STRETCH: usize = LOOKED / 4;
/// The largest object that is decoded again to be traced under a key; of longer ones only what was
/// kept is.
const OBJECT: u64 = 64 << 20;
/// Bytes of all objects of one payload, and of all payloads; behind these only heads are kept.
const OF_ONE: usize = 2 << 20;
const OF_ALL: usize = 16 << 20;
/// The head of an object that is kept, or looked at, where there are many.
pub(crate) const HEAD: usize = 512;
/// Heads that are kept of one payload, and of all.
const HEADS: usize = 4096;
const ALL_HEADS: usize = 16 << 10;
/// Objects of fewer bytes are counted apart, and how many are kept of one payload, and of all.
const SMALL: usize = 64;
const SMALLS: usize = 32 << 10;
const ALL_SMALLS: usize = 64 << 10;

/// Objects in which little was recognised, kept to be looked at under a key.
#[derive(Debug, Default)]
pub struct Unexplained {
    objects: Vec<Unread>,
    bytes: usize,
    heads: usize,
    smalls: usize,
    /// Objects that were not kept because there were too many of them.
    pub skipped: u64,
}

/// An object that was kept.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) tag: usize,
    pub(crate) flow: Option<FlowId>,
    pub(crate) payload: PayloadRef,
    pub(crate) layer: Layer,
    pub(crate) direction: Direction,
    pub(crate) chain: Vec<Step>,
    pub(crate) lengths: Vec<u64>,
    /// Where in the object `bytes` begin, and how long the object is.
    pub(crate) from: u64,
    pub(crate) len: u64,
    pub(crate) bytes: Vec<u8>,
}

/// An object of one payload, or a stretch of it.
#[derive(Debug)]
struct Kept {
    object: u64,
    chain: Vec<Step>,
    lengths: Vec<u64>,
    from: u64,
    len: u64,
    bytes: Vec<u8>,
}

/// Objects of one payload while it is decoded.
#[derive(Debug, Default)]
pub(crate) struct Keeping {
    objects: Vec<Kept>,
    bytes: usize,
    heads: usize,
    smalls: usize,
    skipped: u64,
}

impl Keeping {
    /// Keeps an object of a payload of `payload` bytes that may hold something under a key: all of a
    /// short one, head, middle and tail of a longer one, of which this is a window.
    pub(crate) fn take(&mut self, piece: &Piece<'_>, payload: u64) {
        let behind = piece.base + piece.bytes.len() as u64;
        let len = piece.lengths.last().copied().unwrap_or(payload).max(behind);
        if len < SMALLEST as u64 || !piece.chain.iter().all(plain) {
            return;
        }
        if len <= LOOKED as u64 {
            self.keep(piece, 0, piece.bytes.len(), len);
            return;
        }
        let (middle, tail) = (len / 2, len - STRETCH as u64);
        for (from, most) in [(0, LOOKED), (middle, STRETCH), (tail, STRETCH)] {
            // Windows overlap: each of these lies in one of them.
            if from >= piece.base && from + most as u64 <= behind {
                self.keep(piece, (from - piece.base) as usize, most, len);
            }
        }
    }

    fn keep(&mut self, piece: &Piece<'_>, at: usize, most: usize, len: u64) {
        let from = piece.base + at as u64;
        let known = self.objects.iter().rev().take_while(|kept| kept.object == piece.object);
        if known.into_iter().any(|kept| kept.from == from) {
            return;
        }
        let mut bytes = &piece.bytes[at..at + most];
        if len < SMALL as u64 {
            if self.smalls == SMALLS {
                self.skipped += 1;
                return;
            }
            self.smalls += 1;
        } else if self.bytes + bytes.len() > OF_ONE {
            if from > 0 {
                return;
            }
            if self.heads == HEADS {
                self.skipped += 1;
                return;
            }
            self.heads += 1;
            bytes = &bytes[..bytes.len().min(HEAD)];
        } else {
            self.bytes += bytes.len();
        }
        let (chain, lengths) = (piece.chain.to_vec(), piece.lengths.to_vec());
        let (object, bytes) = (piece.object, bytes.to_vec());
        self.objects.push(Kept { object, chain, lengths, from, len, bytes });
    }
}

/// Decodings that leave a mark: what only might be an encoding gives too many objects.
fn plain(step: &Step) -> bool {
    matches!(
        step.decoder,
        Decoder::Part
            | Decoder::Hex
            | Decoder::Base64
            | Decoder::Base32
            | Decoder::Base32Hex
            | Decoder::Base58
            | Decoder::Percent
            | Decoder::Form
            | Decoder::QuotedPrintable
            | Decoder::JsonEscapes
            | Decoder::Entities
            | Decoder::Gzip
            | Decoder::Zlib
            | Decoder::Bzip2
            | Decoder::Xz
            | Decoder::Lzip
            | Decoder::Zstd
            | Decoder::Lz4
            | Decoder::ZipMember
            | Decoder::SevenZip
            | Decoder::PdfStream
    )
}

impl Unexplained {
    /// What was kept.
    pub(crate) fn objects(&self) -> &[Unread] {
        &self.objects
    }

    /// Takes over what was kept of a payload, but for objects in which something was found, and of
    /// which half is explained.
    pub(crate) fn add(
        &mut self,
        tag: usize,
        egress: &Egress<'_>,
        keeping: Keeping,
        known: &HashSet<u64>,
        covered: &[Range<u64>],
    ) {
        self.skipped += keeping.skipped;
        for Kept { object, chain, lengths, from, len, mut bytes } in keeping.objects {
            let explained = match chain.first() {
                Some(step) => {
                    let outside = crate::interval::without(&step.input, covered);
                    total(&outside) * 2 <= step.input.end - step.input.start
                }
                None => total(covered) * 2 >= len,
            };
            if explained || known.contains(&object) && !chain.is_empty() {
                continue;
            }
            if len < SMALL as u64 {
                if self.smalls == ALL_SMALLS {
                    self.skipped += 1;
                    continue;
                }
                self.smalls += 1;
            } else if self.bytes + bytes.len() > OF_ALL {
                if from > 0 {
                    continue;
                }
                if self.heads == ALL_HEADS {
                    self.skipped += 1;
                    continue;
                }
                self.heads += 1;
                bytes.truncate(HEAD);
            } else {
                self.bytes += bytes.len();
            }
            let unread = |chain, lengths, bytes, from, len| Unread {
                tag,
                flow: egress.flow,
                payload: egress.payload.clone(),
                layer: egress.layer,
                direction: egress.direction,
                chain,
                lengths,
                from,
                len,
                bytes,
            };
            for (range, value) in short_digits(&bytes) {
                if self.smalls == ALL_SMALLS {
                    self.skipped += 1;
                    break;
                }
                self.smalls += 1;
                let input = from + range.start..from + range.end;
                let step = Step { decoder: Decoder::Hex, input, detail: None };
                let lengths = [lengths.as_slice(), &[value.len() as u64]].concat();
                let chain = [chain.as_slice(), &[step]].concat();
                let len = value.len() as u64;
                self.objects.push(unread(chain, lengths, value, 0, len));
            }
            self.objects.push(unread(chain, lengths, bytes, from, len));
        }
    }
}

impl Unread {
    /// All bytes of the object, unless there are too many.
    pub(crate) fn whole(&self, payload: &dyn DecoySource) -> Option<Vec<u8>> {
        if self.len == self.bytes.len() as u64 {
            return Some(self.bytes.clone());
        }
        if self.len > OBJECT {
            return None;
        }
        let whole = belljar_decode::replay(payload, self.layer, &self.chain, OBJECT).ok()?;
        let kept = whole.get(usize::try_from(self.from).ok()?..)?.get(..self.bytes.len())?;
        (kept == self.bytes).then_some(whole)
    }
}

/// Runs of hexadecimal digits that are too short for the decoder and may be a part of a digest.
fn short_digits(bytes: &[u8]) -> Vec<(Range<u64>, Vec<u8>)> {
    let looked = &bytes[..bytes.len().min(LOOKED)];
    let (mut all, mut at) = (Vec::new(), 0);
    for run in looked.split(|byte| !byte.is_ascii_hexdigit()) {
        if (2 * SMALLEST..SHORT).contains(&run.len())
            && run.len().is_multiple_of(2)
            && all.len() < DIGITS
            || run.len() == 8 && all.len() < DIGITS && names_a_checksum(&looked[..at])
        {
            let value = digits(run);
            all.push((at as u64..(at + run.len()) as u64, value));
        }
        at += run.len() + 1;
    }
    all
}

/// Whether what stands before a number says that it is a CRC-32: `crc32: `, `"crc":"`, `crc=0x`.
fn names_a_checksum(before: &[u8]) -> bool {
    let near = before[before.len().saturating_sub(16)..].to_ascii_lowercase();
    near.windows(3).rposition(|three| three == b"crc").is_some_and(|at| {
        near[at + 3..].iter().filter(|byte| byte.is_ascii_alphanumeric()).count() <= 4
    })
}

fn digits(run: &[u8]) -> Vec<u8> {
    run.chunks_exact(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
