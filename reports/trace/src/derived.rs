//! Values that were computed from a decoy: digests of it, of what is in it, of its beginnings and
//! blocks, cut short, or with a salt that left beside them.
//!
//! Promises: computed once a run, and only where something is left unexplained: the digests stream
//! past an index of what left, so that no value is kept. Whole contents: every algorithm of
//! [`Algorithm`]. Beginnings of 4 KiB to 1 MiB (powers of two): the same. Blocks of these sizes, from
//! the first byte on: SHA-256, SHA-1, MD5. At least the first 8 bytes of a digest must be there. Salts: what
//! is decoded beside a digest, or a word of the same payload, before or after the content, or as the
//! key of HMAC; SHA-256, SHA-1, MD5, SHA-512.
//!
//! Cannot see: digests of what was not read, of other parts of it, of digests; checksums of 4 bytes,
//! which are a guess; more than [`WORK`] bytes of contents (the small ones come first), or [`SALTING`]
//! bytes of hashing with salts; salts of other lengths than those that are tried. SHA-256, SHA-1 and
//! MD5 of whole contents are found by the first pass, without these limits.

use crate::conclude::Object;
use crate::digest::{Algorithm, Running, Salted};
use crate::gram;
use crate::index::{Held, Index};
use crate::interval::covers;
use crate::kept::{Unexplained, Unread};
use crate::small::Small;
use crate::{Alias, Egress, Salt, Subject, Traced};
use belljar_record::DecoySource;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// Bytes of a digest that must be there.
const LEAST: usize = 8;
/// Bytes of contents that are digested in one run.
pub(crate) const WORK: u64 = 32 << 20;
/// Bytes that are digested with salts in one run.
pub(crate) const SALTING: u64 = 512 << 20;
/// Salts of one payload that are tried: what is digits by chance gives some, too.
const SALTS: usize = 192;
/// The largest content that is digested with salts.
const SALTED: u64 = 4 << 20;
/// Of an object longer than this only the head is looked at.
const LOOKED: usize = 64 << 10;
/// Sizes of beginnings and blocks: powers of two.
const SIZES: Range<u32> = 12..21;
/// Algorithms of blocks, and those with salts.
const OF_BLOCKS: [Algorithm; 3] = [Algorithm::Sha256, Algorithm::Sha1, Algorithm::Md5];
const WITH_SALT: [Algorithm; 4] =
    [Algorithm::Sha256, Algorithm::Sha1, Algorithm::Md5, Algorithm::Sha512];

/// A salt, and the one algorithm that it may belong to, if that is known.
type Salting = (Vec<u8>, Option<Algorithm>);

/// Every place of what left, by the 8 bytes that stand there.
struct Windows<'a> {
    objects: &'a [Unread],
    entries: Vec<(u64, u32, u32)>,
    filter: Vec<u64>,
    /// What stands behind the label of a CRC-32, with its object.
    checksums: Vec<(u32, usize)>,
}

impl<'a> Windows<'a> {
    fn of(objects: &'a [Unread]) -> Self {
        let bytes: usize = objects.iter().map(|object| object.bytes.len().min(LOOKED)).sum();
        let bits = (bytes.max(64) * 8).next_power_of_two();
        let mut windows = Self {
            objects,
            entries: Vec::with_capacity(bytes),
            filter: vec![0; bits / 64],
            checksums: Vec::new(),
        };
        for (number, object) in (0_u32..).zip(objects) {
            let looked = &object.bytes[..object.bytes.len().min(LOOKED)];
            // Nothing else that is kept is so short.
            if let &[a, b, c, d] = looked {
                windows.checksums.push((u32::from_be_bytes([a, b, c, d]), number as usize));
            }
            for (at, window) in (0_u32..).zip(looked.windows(LEAST)) {
                let Ok(window) = <[u8; LEAST]>::try_from(window) else { continue };
                let key = u64::from_be_bytes(window);
                // Repetitions are no digest.
                if key.count_ones() < 8 || key.count_zeros() < 8 {
                    continue;
                }
                let bit = windows.bit(key);
                windows.filter[bit / 64] |= 1 << (bit % 64);
                windows.entries.push((key, number, at));
            }
        }
        windows.entries.sort_unstable();
        windows
    }

    fn bit(&self, key: u64) -> usize {
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 24) as usize & (self.filter.len() * 64 - 1)
    }

    /// Where a value begins, and how many bytes of it stand there.
    fn find(&self, value: &[u8]) -> Vec<(usize, u64, usize)> {
        let Some(first) = value.first_chunk::<LEAST>() else { return Vec::new() };
        let key = u64::from_be_bytes(*first);
        let bit = self.bit(key);
        if self.filter[bit / 64] >> (bit % 64) & 1 == 0 {
            return Vec::new();
        }
        let from = self.entries.partition_point(|&(known, _, _)| known < key);
        self.entries[from..]
            .iter()
            .take_while(|&&(known, _, _)| known == key)
            .take(16)
            .map(|&(_, object, at)| {
                let there = &self.objects[object as usize].bytes[at as usize..];
                let len = there.iter().zip(value).take_while(|(a, b)| a == b).count();
                (object as usize, u64::from(at), len)
            })
            .collect()
    }
}

/// A value that left, and what it was computed from.
#[derive(Debug, Clone)]
struct Found {
    object: usize,
    at: u64,
    len: usize,
    content: u32,
    algorithm: Algorithm,
    /// Bytes of the content; none: all.
    over: Option<Range<u64>>,
    salt: Option<Salt>,
}

impl Index {
    /// Values computed from decoys in what was kept. `open` as in [`Index::masked`].
    pub fn derived(
        &self,
        unexplained: &Unexplained,
        open: &dyn Fn(usize) -> Option<Arc<dyn DecoySource>>,
    ) -> Vec<(usize, Traced)> {
        let objects = unexplained.objects();
        let windows = Windows::of(objects);
        if windows.entries.is_empty() && windows.checksums.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut work = WORK;
        for (number, held) in self.digestible() {
            if held.len > work {
                break;
            }
            work -= held.len;
            content(number, held, &windows, &mut found);
        }
        self.with_salts(&windows, &mut found);
        self.told(objects, found, open)
    }

    /// Contents that were read and whose digest tells something, the small ones first.
    fn digestible(&self) -> Vec<(u32, &Held)> {
        let mut all: Vec<(u32, &Held)> = (0..)
            .zip(&self.contents)
            .filter(|(_, held)| {
                held.len >= 16
                    && held.was_read()
                    && (held.sample || !covers(&held.common, &(0..held.len)))
            })
            .collect();
        all.sort_by_key(|(number, held)| (held.len, *number));
        all
    }

    /// Digests with salts, where something is left that looks like a digest.
    fn with_salts(&self, windows: &Windows<'_>, found: &mut Vec<Found>) {
        let known: BTreeSet<usize> = found.iter().map(|found| found.object).collect();
        let mut by_tag: BTreeMap<usize, Vec<Salting>> = BTreeMap::new();
        for (number, object) in windows.objects.iter().enumerate() {
            if !known.contains(&number) && like_a_digest(object) {
                by_tag.entry(object.tag).or_default();
            }
        }
        for (&tag, salts) in &mut by_tag {
            // What stands in one piece with a digest first, then words.
            for like in [true, false] {
                for object in windows.objects.iter().filter(|object| object.tag == tag) {
                    if like_a_digest(object) == like {
                        candidates(object, salts);
                    }
                }
            }
        }
        // The likeliest of each payload before the second of any.
        let lists: Vec<Vec<Salting>> = by_tag.into_values().collect();
        let mut salts: Vec<Salting> = (0..SALTS)
            .flat_map(|place| lists.iter().filter_map(move |list| list.get(place).cloned()))
            .collect();
        let mut seen = BTreeSet::new();
        salts.retain(|salt| seen.insert(salt.clone()));
        let contents: Vec<(u32, &Held)> =
            self.digestible().into_iter().filter(|(_, held)| held.len <= SALTED).collect();
        let mut work = SALTING;
        let ways = [Salted::Before, Salted::After, Salted::Hmac];
        for (salt, only) in &salts {
            for &(number, held) in &contents {
                for algorithm in WITH_SALT {
                    if only.is_some_and(|only| only != algorithm) {
                        continue;
                    }
                    for how in ways {
                        let cost = held.len + 256;
                        if cost > work {
                            return;
                        }
                        work -= cost;
                        let range = 0..held.len;
                        let value = algorithm.salted(&*held.source, range, Some((salt, how)));
                        for (object, at, len) in windows.find(&value) {
                            let salt = Salt { bytes: salt.clone().into(), how };
                            found.push(Found {
                                object,
                                at,
                                len,
                                content: number,
                                algorithm,
                                over: None,
                                salt: Some(salt),
                            });
                        }
                    }
                }
            }
        }
    }

    /// What was found, as traces.
    fn told(
        &self,
        unread: &[Unread],
        mut found: Vec<Found>,
        open: &dyn Fn(usize) -> Option<Arc<dyn DecoySource>>,
    ) -> Vec<(usize, Traced)> {
        // At one place the longest, without a salt, of a whole content.
        found.sort_by_key(|one| {
            let Found { object, at, len, content, algorithm, over, salt } = one;
            let whole = over.is_none();
            (*object, *at, std::cmp::Reverse(*len), salt.is_some(), !whole, *content, *algorithm)
        });
        let mut by_tag: BTreeMap<usize, (Vec<Object>, Vec<Small>)> = BTreeMap::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        let mut last: Option<(usize, u64, usize)> = None;
        for one in found {
            let Found { object, at, len, content, algorithm, over, salt } = one;
            let end = at + len as u64;
            let held = &self.contents[content as usize];
            let from = &unread[object];
            let (objects, small) = by_tag.entry(from.tag).or_default();
            if let Some((known, until, bytes)) = last
                && known == object
                && at < until
            {
                // The same value of an equal content.
                if let Some(same) = small.last_mut()
                    && same.range.start == from.from + at
                    && bytes == len
                    && same.also.len() < 16
                {
                    same.also.push(Alias { decoy: held.decoy, part: held.part.clone() });
                }
                continue;
            }
            last = Some((object, end, len));
            let place = *places.entry(object).or_insert_with(|| {
                let (chain, lengths) = (from.chain.clone(), from.lengths.clone());
                objects.push(Object::bare(object as u64, chain, lengths));
                objects.len() - 1
            });
            small.push(Small {
                object: place,
                subject: Subject::Hash {
                    algorithm,
                    decoy: held.decoy,
                    part: held.part.clone(),
                    sample: held.sample,
                    bytes: len as u64,
                    over,
                    salt,
                },
                range: from.from + at..from.from + end,
                also: Vec::new(),
            });
        }
        let mut all = Vec::new();
        for (tag, (objects, small)) in by_tag {
            let (Some(from), Some(bytes)) =
                (unread.iter().find(|object| object.tag == tag), open(tag))
            else {
                continue;
            };
            let egress = Egress {
                flow: from.flow,
                payload: &from.payload,
                layer: from.layer,
                direction: from.direction,
                bytes: &*bytes,
            };
            let mut traced = Traced::default();
            self.write(&egress, &objects, Vec::new(), small, &mut traced);
            all.push((tag, traced));
        }
        all
    }
}

/// Digests a content, its beginnings and its blocks, in one pass.
fn content(number: u32, held: &Held, windows: &Windows<'_>, found: &mut Vec<Found>) {
    const STEP: u64 = 1 << SIZES.start;
    let mut wholes: Vec<(Algorithm, Box<dyn Running>)> =
        Algorithm::ALL.iter().map(|&algorithm| (algorithm, algorithm.begin())).collect();
    let mut blocks: Vec<(u64, Algorithm, Box<dyn Running>)> = SIZES
        .map(|bits| 1_u64 << bits)
        .filter(|&size| held.was_read() && size < held.len)
        .flat_map(|size| OF_BLOCKS.map(|algorithm| (size, algorithm, algorithm.begin())))
        .collect();
    if !windows.checksums.is_empty() {
        let algorithm = Algorithm::Crc32;
        let value = algorithm.digest(&*held.source);
        for &(known, object) in &windows.checksums {
            if value == known.to_be_bytes() {
                let (content, over, salt) = (number, None, None);
                found.push(Found { object, at: 0, len: 4, content, algorithm, over, salt });
            }
        }
    }
    let mut tell = |algorithm, value: &[u8], over: Option<Range<u64>>| {
        for (object, at, len) in windows.find(value) {
            let (over, salt, content) = (over.clone(), None, number);
            found.push(Found { object, at, len, content, algorithm, over, salt });
        }
    };
    let mut buffer = vec![0; STEP as usize];
    let mut at = 0;
    while at < held.len {
        let filled = held.source.read_at(at, &mut buffer);
        if filled == 0 {
            return;
        }
        at += filled as u64;
        let bytes = &buffer[..filled];
        for (_, running) in &mut wholes {
            running.update(bytes);
        }
        let last = at >= held.len;
        if last || (at.is_power_of_two() && SIZES.contains(&at.trailing_zeros())) {
            let over = (!last).then_some(0..at);
            for (algorithm, running) in &wholes {
                tell(*algorithm, &running.finish(), over.clone());
            }
        }
        for (size, algorithm, running) in &mut blocks {
            running.update(bytes);
            let start = (at - 1) / *size * *size;
            if at % *size == 0 || last {
                // The first block is a beginning, and told as such.
                if start > 0 {
                    tell(*algorithm, &running.finish(), Some(start..at));
                }
                *running = algorithm.begin();
            }
        }
    }
}

/// Whether an object may hold a digest beside a salt: decoded from digits, short, without a pattern.
fn like_a_digest(object: &Unread) -> bool {
    let decoded = object
        .chain
        .last()
        .is_some_and(|step| matches!(step.decoder.name(), "hex" | "base64" | "base32"));
    decoded && (16..=160).contains(&object.bytes.len()) && gram::entropy(&object.bytes) >= 3.0
}

/// What of an object may be a salt.
fn candidates(object: &Unread, salts: &mut Vec<Salting>) {
    let mut add = |bytes: &[u8], only: Option<Algorithm>| {
        if salts.len() < SALTS && (4..=64).contains(&bytes.len()) {
            salts.push((bytes.to_vec(), only));
        }
    };
    let bytes = object.bytes.as_slice();
    if like_a_digest(object) {
        // A digit or two of what stands beside it may have been read along.
        for (front, back) in [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)] {
            let Some(core) = bytes.get(front..bytes.len().saturating_sub(back)) else { continue };
            // What is left beside a digest of this length is the salt of that digest.
            for (digest, algorithm) in [32, 20, 16, 64].into_iter().zip(WITH_SALT) {
                let Some(len) = core.len().checked_sub(digest) else { continue };
                let usual = matches!(len, 4 | 8 | 12 | 16 | 20 | 24 | 32);
                if usual || front + back == 0 {
                    add(&core[..len], Some(algorithm));
                    add(&core[digest..], Some(algorithm));
                }
            }
        }
        add(bytes, None);
    }
    if object.chain.is_empty() || object.chain.last().is_some_and(|s| s.decoder.name() == "part") {
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let looked = &bytes[..bytes.len().min(8 << 10)];
        // The last words first: salts stand in bodies, not in the fields before them.
        for token in looked.rsplit(|byte| !word(byte)) {
            if token.iter().any(u8::is_ascii_digit) {
                add(token, None);
            }
        }
    }
}
