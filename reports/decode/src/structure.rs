//! Fields of Protocol Buffers, CBOR, MessagePack and ASN.1 (BER, DER): what one path holds, put
//! together, so that content which is split over fields, or stands between others, is seen in one
//! piece.
//!
//! Something is of a form if it is so from its first to its last byte, and strings make up a good
//! part of it. A path is the numbers or names of the fields from the outside in; positions in lists
//! do not count. Cannot see: messages with a length or a head before them; numbers in Protocol
//! Buffers; content whose pieces stand out of order.

use crate::Decoder;
use belljar_record::ByteString;
use std::collections::BTreeMap;
use std::ops::Range;

/// What the detail of a step is that takes every string.
const ALL: &[u8] = b"all strings";
/// How deep fields may be nested.
const DEPTH: usize = 24;
/// Fields of one object.
const FIELDS: usize = 200_000;
/// The least bytes of strings.
const LEAST: usize = 24;
/// Paths of one object that are put together.
const PATHS: usize = 12;

/// The forms, in the order in which they are tried.
const FORMS: [Decoder; 4] = [Decoder::Asn1, Decoder::MessagePack, Decoder::Cbor, Decoder::Protobuf];

/// Whether `decoder` is one of this module's.
pub(crate) fn is_structure(decoder: Decoder) -> bool {
    FORMS.contains(&decoder)
}

/// A string, or a number of a list of small ones.
#[derive(Debug)]
enum Leaf {
    Bytes(Range<usize>),
    Number(u8),
}

#[derive(Debug, Default)]
struct Leaves {
    found: Vec<(u32, Leaf)>,
    paths: BTreeMap<Vec<u8>, u32>,
    fields: usize,
}

impl Leaves {
    fn path(&mut self, path: &[u8]) -> u32 {
        let next = self.paths.len() as u32;
        match self.paths.get(path) {
            Some(&known) => known,
            None => *self.paths.entry(path.to_vec()).or_insert(next),
        }
    }

    fn add(&mut self, path: &[u8], range: Range<usize>) {
        if !range.is_empty() {
            let path = self.path(path);
            self.found.push((path, Leaf::Bytes(range)));
        }
    }

    fn number(&mut self, path: &[u8], number: u64) {
        if let Ok(number) = u8::try_from(number) {
            let path = self.path(path);
            self.found.push((path, Leaf::Number(number)));
        }
    }

    fn count(&mut self) -> Option<()> {
        self.fields += 1;
        (self.fields <= FIELDS).then_some(())
    }

    /// Bytes of strings, and of numbers that stand in lists.
    fn len(&self) -> usize {
        self.found
            .iter()
            .map(|(_, leaf)| match leaf {
                Leaf::Bytes(range) => range.len(),
                Leaf::Number(_) => 1,
            })
            .sum()
    }

    fn gather(&self, bytes: &[u8], of: Option<u32>) -> Vec<u8> {
        let mut all = Vec::new();
        for (path, leaf) in &self.found {
            match leaf {
                // Numbers are a string only among themselves.
                _ if of.is_some_and(|of| of != *path) => {}
                Leaf::Bytes(range) => all.extend_from_slice(&bytes[range.clone()]),
                Leaf::Number(number) if of.is_some() => all.push(*number),
                Leaf::Number(_) => {}
            }
        }
        all
    }
}

/// What `bytes` are, and which paths are worth putting together.
pub(crate) fn find(bytes: &[u8]) -> Vec<(Decoder, ByteString)> {
    for decoder in FORMS {
        let Some(leaves) = parse(decoder, bytes) else { continue };
        let total = leaves.len();
        if total < LEAST || total * 4 < bytes.len() {
            continue;
        }
        // For each path: strings, bytes.
        let mut sizes = vec![(0_usize, 0_usize); leaves.paths.len()];
        for (path, leaf) in &leaves.found {
            let size = &mut sizes[*path as usize];
            size.0 += 1;
            size.1 += match leaf {
                Leaf::Bytes(range) => range.len(),
                Leaf::Number(_) => 1,
            };
        }
        let mut worth: Vec<(usize, &Vec<u8>)> = leaves
            .paths
            .iter()
            .map(|(name, &path)| (sizes[path as usize].1, name))
            .filter(|&(len, _)| len >= LEAST)
            .collect();
        worth.sort_by_key(|&(len, _)| std::cmp::Reverse(len));
        worth.truncate(PATHS);
        let mut found: Vec<(Decoder, ByteString)> =
            worth.iter().map(|(_, name)| (decoder, name.as_slice().into())).collect();
        if sizes.iter().filter(|&&(_, len)| len > 0).count() > 1 {
            found.push((decoder, ALL.into()));
        }
        return found;
    }
    Vec::new()
}

/// The strings of the path that `detail` names, put together.
pub(crate) fn decode(decoder: Decoder, detail: Option<&[u8]>, bytes: &[u8]) -> Vec<u8> {
    let (Some(leaves), Some(detail)) = (parse(decoder, bytes), detail) else { return Vec::new() };
    if detail == ALL {
        return leaves.gather(bytes, None);
    }
    leaves.paths.get(detail).map_or_else(Vec::new, |&path| leaves.gather(bytes, Some(path)))
}

fn parse(decoder: Decoder, bytes: &[u8]) -> Option<Leaves> {
    let mut leaves = Leaves::default();
    let mut at = 0;
    let mut path = Vec::new();
    match decoder {
        Decoder::Protobuf => {
            protobuf(bytes, 0..bytes.len(), &mut path, 0, &mut leaves)?;
            // Much is a message by chance: half of it must be strings.
            (leaves.len() * 2 >= bytes.len()).then_some(())?;
        }
        Decoder::Asn1 => {
            while at < bytes.len() {
                matches!(bytes[at], 0x30 | 0x31 | 0x60..=0x7f | 0xa0..=0xbf).then_some(())?;
                at = asn1(bytes, at, bytes.len(), &mut path, 0, &mut leaves)?;
            }
        }
        Decoder::MessagePack => {
            while at < bytes.len() {
                matches!(bytes[at], 0x80..=0x9f | 0xc4..=0xc6 | 0xd9..=0xdf).then_some(())?;
                at = message_pack(bytes, at, &mut path, 0, &mut leaves)?;
            }
        }
        Decoder::Cbor => {
            while at < bytes.len() {
                matches!(bytes[at], 0x58..=0x5f | 0x78..=0x7b | 0x7f..=0xdb).then_some(())?;
                at = cbor(bytes, at, &mut path, 0, &mut leaves)?;
            }
        }
        _ => return None,
    }
    Some(leaves)
}

/// Puts one more name to a path while `inner` runs.
fn below<T>(path: &mut Vec<u8>, name: &[u8], inner: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let len = path.len();
    if len > 0 {
        path.push(b'.');
    }
    path.extend_from_slice(&name[..name.len().min(40)]);
    let result = inner(path);
    path.truncate(len);
    result
}

fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let digits = bytes.get(at..at.checked_add(width)?)?;
    Some(digits.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

/// `len` bytes from `at` on, if they are there.
fn stretch(bytes: &[u8], at: usize, len: u64) -> Option<Range<usize>> {
    let end = at.checked_add(usize::try_from(len).ok()?)?;
    (end <= bytes.len()).then_some(at..end)
}

fn varint(bytes: &[u8], at: &mut usize, end: usize) -> Option<u64> {
    let mut value = 0_u64;
    for place in 0..10 {
        if *at >= end {
            return None;
        }
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f).checked_shl(place * 7)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// A message (Protocol Buffers, encoding): fields from the first to the last byte of `range`.
fn protobuf(
    bytes: &[u8],
    range: Range<usize>,
    path: &mut Vec<u8>,
    depth: usize,
    leaves: &mut Leaves,
) -> Option<()> {
    let mut at = range.start;
    while at < range.end {
        leaves.count()?;
        let tag = varint(bytes, &mut at, range.end)?;
        let (field, kind) = (tag >> 3, tag & 7);
        if !(1..=4096).contains(&field) {
            return None;
        }
        match kind {
            0 => {
                varint(bytes, &mut at, range.end)?;
            }
            1 => at += 8,
            5 => at += 4,
            2 => {
                let len = varint(bytes, &mut at, range.end)?;
                let inner = stretch(bytes, at, len)?;
                if inner.end > range.end {
                    return None;
                }
                at = inner.end;
                let name = field.to_string();
                below(path, name.as_bytes(), |path| {
                    // A message in a message, if it is one and holds strings.
                    let found = leaves.found.len();
                    let is_one = depth < DEPTH
                        && !printable(&bytes[inner.clone()])
                        && protobuf(bytes, inner.clone(), path, depth + 1, leaves).is_some()
                        && strings(&leaves.found[found..]) * 4 >= inner.len();
                    if !is_one {
                        leaves.found.truncate(found);
                        leaves.add(path, inner);
                    }
                });
            }
            _ => return None,
        }
        if at > range.end {
            return None;
        }
    }
    Some(())
}

fn strings(leaves: &[(u32, Leaf)]) -> usize {
    leaves.iter().map(|(_, leaf)| if let Leaf::Bytes(range) = leaf { range.len() } else { 0 }).sum()
}

fn printable(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| matches!(b, 0x20..=0x7e | b'\t' | b'\r' | b'\n'))
}

/// An item (RFC 8949); gives the place behind it.
fn cbor(
    bytes: &[u8],
    at: usize,
    path: &mut Vec<u8>,
    depth: usize,
    leaves: &mut Leaves,
) -> Option<usize> {
    leaves.count()?;
    let head = *bytes.get(at)?;
    let (major, low) = (head >> 5, head & 31);
    let mut at = at + 1;
    let argument = match low {
        0..=23 => Some(u64::from(low)),
        24..=27 => {
            let width = 1 << (low - 24);
            let value = number(bytes, at, width)?;
            at += width;
            Some(value)
        }
        31 if matches!(major, 2..=5) => None,
        _ => return None,
    };
    if depth > DEPTH {
        return None;
    }
    match (major, argument) {
        (0, Some(value)) => {
            if path.ends_with(b"#") {
                leaves.number(path, value);
            }
            Some(at)
        }
        (1 | 7, Some(_)) => Some(at),
        (2 | 3, Some(len)) => {
            let range = stretch(bytes, at, len)?;
            at = range.end;
            leaves.add(path, range);
            Some(at)
        }
        (2 | 3, None) => {
            // A string in pieces of the same kind.
            while *bytes.get(at)? != 0xff {
                if bytes[at] >> 5 != major || bytes[at] & 31 == 31 {
                    return None;
                }
                at = cbor(bytes, at, path, depth + 1, leaves)?;
            }
            Some(at + 1)
        }
        (4, count) => below(path, b"#", |path| {
            let mut left = count.unwrap_or(u64::MAX);
            while left > 0 {
                if count.is_none() && *bytes.get(at)? == 0xff {
                    return Some(at + 1);
                }
                at = cbor(bytes, at, path, depth + 1, leaves)?;
                left -= 1;
            }
            Some(at)
        }),
        (5, count) => {
            let mut left = count.unwrap_or(u64::MAX);
            while left > 0 {
                if count.is_none() && *bytes.get(at)? == 0xff {
                    return Some(at + 1);
                }
                let mut key = Leaves { fields: leaves.fields, ..Leaves::default() };
                let behind = cbor(bytes, at, &mut Vec::new(), depth + 1, &mut key)?;
                leaves.fields = key.fields;
                let name = name(&key, bytes, &bytes[at..behind]);
                at = below(path, &name, |path| cbor(bytes, behind, path, depth + 1, leaves))?;
                left -= 1;
            }
            Some(at)
        }
        (6, Some(_)) => cbor(bytes, at, path, depth + 1, leaves),
        _ => None,
    }
}

/// The name of a field: its key if that is a string, else the key's own bytes in digits.
fn name(key: &Leaves, bytes: &[u8], whole: &[u8]) -> Vec<u8> {
    match key.found.as_slice() {
        [(_, Leaf::Bytes(range))] if printable(&bytes[range.clone()]) => {
            bytes[range.clone()].to_vec()
        }
        _ => whole.iter().take(16).flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
    }
}

/// An object (MessagePack, specification); gives the place behind it.
fn message_pack(
    bytes: &[u8],
    at: usize,
    path: &mut Vec<u8>,
    depth: usize,
    leaves: &mut Leaves,
) -> Option<usize> {
    leaves.count()?;
    if depth > DEPTH {
        return None;
    }
    let head = *bytes.get(at)?;
    let at = at + 1;
    let sized = |width: usize| Some((number(bytes, at, width)?, at + width));
    let text = |(len, at): (u64, usize), leaves: &mut Leaves, path: &[u8]| {
        let range = stretch(bytes, at, len)?;
        let end = range.end;
        leaves.add(path, range);
        Some(end)
    };
    let skip = |len: usize| stretch(bytes, at, len as u64).map(|range| range.end);
    let (count, start, is_map) = match head {
        0x00..=0x7f => {
            if path.ends_with(b"#") {
                leaves.number(path, u64::from(head));
            }
            return Some(at);
        }
        0x80..=0x8f => (u64::from(head & 15), at, true),
        0x90..=0x9f => (u64::from(head & 15), at, false),
        0xa0..=0xbf => return text((u64::from(head & 31), at), leaves, path),
        0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => return Some(at),
        0xc4 | 0xd9 => return text(sized(1)?, leaves, path),
        0xc5 | 0xda => return text(sized(2)?, leaves, path),
        0xc6 | 0xdb => return text(sized(4)?, leaves, path),
        0xc7..=0xc9 => {
            // An extension: its length, its type, its bytes.
            let (len, behind) = sized(1 << (head - 0xc7))?;
            return text((len, behind + 1), leaves, path);
        }
        0xcc => {
            if path.ends_with(b"#") {
                leaves.number(path, number(bytes, at, 1)?);
            }
            return skip(1);
        }
        0xd0 => return skip(1),
        0xcd | 0xd1 => return skip(2),
        0xca | 0xce | 0xd2 => return skip(4),
        0xcb | 0xcf | 0xd3 => return skip(8),
        0xd4..=0xd8 => return text((1 << (head - 0xd4), at + 1), leaves, path),
        0xdc | 0xdd => {
            let (count, at) = sized(if head == 0xdc { 2 } else { 4 })?;
            (count, at, false)
        }
        0xde | 0xdf => {
            let (count, at) = sized(if head == 0xde { 2 } else { 4 })?;
            (count, at, true)
        }
        0xc1 => return None,
    };
    let mut at = start;
    for _ in 0..count {
        if is_map {
            let mut key = Leaves { fields: leaves.fields, ..Leaves::default() };
            let behind = message_pack(bytes, at, &mut Vec::new(), depth + 1, &mut key)?;
            leaves.fields = key.fields;
            let name = name(&key, bytes, &bytes[at..behind]);
            at = below(path, &name, |path| message_pack(bytes, behind, path, depth + 1, leaves))?;
        } else {
            at = below(path, b"#", |path| message_pack(bytes, at, path, depth + 1, leaves))?;
        }
    }
    Some(at)
}

/// An element (X.690), which ends before `end`; gives the place behind it.
fn asn1(
    bytes: &[u8],
    at: usize,
    end: usize,
    path: &mut Vec<u8>,
    depth: usize,
    leaves: &mut Leaves,
) -> Option<usize> {
    leaves.count()?;
    let tag = *bytes.get(at)?;
    let first = *bytes.get(at + 1)?;
    // Tags of more than one byte are nothing usual.
    if depth > DEPTH || tag & 31 == 31 {
        return None;
    }
    let (len, start) = match first {
        0..=0x7f => (Some(u64::from(first)), at + 2),
        0x80 => (None, at + 2),
        0x81..=0x84 => {
            let width = usize::from(first & 15);
            (Some(number(bytes, at + 2, width)?), at + 2 + width)
        }
        _ => return None,
    };
    let constructed = tag & 0x20 != 0;
    let inner_end = match len {
        Some(len) => stretch(bytes, start, len)?.end,
        None if constructed => end,
        None => return None,
    };
    if inner_end > end {
        return None;
    }
    // Pieces of one string are told by the string's own place.
    let named = format!("{tag:02x}");
    below(path, named.as_bytes(), |path| {
        if !constructed {
            // Strings of every kind, and what a context calls so; a bit string counts its last bits.
            let range = match tag {
                0x03 => (start + 1).min(inner_end)..inner_end,
                0x04 | 0x0c | 0x12..=0x16 | 0x19..=0x1e | 0x80..=0x9e => start..inner_end,
                _ => return Some(inner_end),
            };
            leaves.add(path, range);
            return Some(inner_end);
        }
        let mut at = start;
        while at < inner_end {
            if len.is_none() && bytes.get(at..at + 2)? == [0, 0] {
                return Some(at + 2);
            }
            at = asn1(bytes, at, inner_end, path, depth + 1, leaves)?;
        }
        (len.is_some() && at == inner_end).then_some(inner_end)
    })
}
