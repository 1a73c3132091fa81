//! Content under a repeating key: XOR with up to 64 bytes that are not known.
//!
//! The differences of a text at a lag that is a multiple of the key's length are free of the key:
//! `(x ⊕ k)[i] ⊕ (x ⊕ k)[i + lag] = x[i] ⊕ x[i + lag]`. So runs of 16 differences of what left, at
//! every lag from 1 to 64, are held against those of the decoys; where two are equal, the key is
//! what the two texts differ by, and every further byte is compared under it.
//!
//! Promises: a run of 32 bytes plus the key's length is found in what is kept of the objects
//! ([`Unexplained`]), provided that its differences are not weak (see [`crate::gram`]); a key that
//! is found is applied to the whole object, which is then traced like any other, so that each trace
//! is compared byte by byte. The work is bounded; objects of which nothing was looked at are
//! counted.
//!
//! Cannot see: keys that change with each use of them; objects that are explained by half already;
//! in objects of more than 64 KiB, runs that lie neither at the head, the middle nor the tail. Where
//! there are so many objects that this is too much, less of each is looked at: at least the first
//! 512 bytes.

use crate::gram::{self, GRAM, is_weak};
use crate::index::Index;
use crate::kept::{HEAD, LOOKED, Unexplained, Unread};
use crate::scan::Run;
use crate::{Egress, Traced};
use belljar_decode::{Decoder, Step};
use belljar_record::DecoySource;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Longest key, in bytes.
pub(crate) const KEY: usize = 64;
/// Bytes that a run must have beside as many as the key has.
const BESIDE: u64 = 32;
/// Bytes of the run that must differ from those one key before.
const MOVING: usize = 24;
/// Least entropy of the bytes of the decoy, in bits a byte.
const ENTROPY: f64 = 2.5;
/// Bytes that one pass over the decoys is made for.
const PASS: usize = 64 << 10;
/// Bytes of decoys that all passes may look at.
const WORK: u64 = 2 << 30;
/// Keys of one object that are tried.
const KEYS: usize = 8;
/// Guaranteed run of differences: every window of so many holds a sample.
const WINDOW: usize = 32;

/// A place in what left: object, lag, offset.
#[derive(Debug, Clone, Copy)]
struct Spot {
    object: usize,
    lag: usize,
    at: usize,
}

/// Runs of differences of what left, by hash: the high half is the hash, the low half the place.
#[derive(Debug)]
struct Table {
    entries: Vec<u64>,
    directory: Vec<u32>,
    shift: u32,
    /// For each stretch: where its places begin, its object, its offset there.
    stretches: Vec<(u32, usize, usize)>,
}

impl Table {
    /// Of stretches (object, range) of objects.
    fn of(objects: &[Unread], stretches: &[(usize, Range<usize>)]) -> Self {
        let mut table = Self {
            entries: Vec::new(),
            directory: Vec::new(),
            shift: 0,
            stretches: Vec::with_capacity(stretches.len()),
        };
        let (mut base, mut differences) = (0_u32, Vec::new());
        for (object, range) in stretches {
            let bytes = &objects[*object].bytes[range.clone()];
            table.stretches.push((base, *object, range.start));
            for lag in 1..=KEY {
                differ(bytes, lag, &mut differences);
                for (at, run) in differences.windows(GRAM).enumerate() {
                    let Ok(run) = <&[u8; GRAM]>::try_from(run) else { continue };
                    if !is_weak(run) {
                        let place = (base + at as u32) * KEY as u32 + (lag - 1) as u32;
                        table.entries.push(u64::from(mixed(run, lag)) << 32 | u64::from(place));
                    }
                }
            }
            base += bytes.len() as u32;
        }
        table.entries.sort_unstable();
        let bits = (table.entries.len() as u64 / 2)
            .max(1)
            .next_power_of_two()
            .trailing_zeros()
            .clamp(1, 22);
        table.shift = 32 - bits;
        let mut at = 0_usize;
        for bucket in 0..=(1_u64 << bits) {
            while at < table.entries.len() && (table.entries[at] >> 32 >> table.shift) < bucket {
                at += 1;
            }
            table.directory.push(at as u32);
        }
        table
    }

    /// Places with this hash; places of which there are many say nothing.
    #[inline]
    fn places(&self, hash: u32) -> &[u64] {
        let bucket = (hash >> self.shift) as usize;
        let (from, to) = (self.directory[bucket] as usize, self.directory[bucket + 1] as usize);
        let known = &self.entries[from..to];
        let start = known.partition_point(|entry| {
            (entry >> 32) as u32 != hash && (entry >> 32) < u64::from(hash)
        });
        let len = known[start..].iter().take_while(|&&entry| (entry >> 32) as u32 == hash).count();
        &known[start..start + len.min(16)]
    }

    fn spot(&self, entry: u64) -> Spot {
        let place = entry as u32;
        let (at, lag) = (place / KEY as u32, (place % KEY as u32) as usize + 1);
        let number = self.stretches.partition_point(|&(base, _, _)| base <= at) - 1;
        let (base, object, offset) = self.stretches[number];
        Spot { object, lag, at: offset + (at - base) as usize }
    }
}

/// Differences at a lag.
fn differ(bytes: &[u8], lag: usize, into: &mut Vec<u8>) {
    into.clear();
    if bytes.len() > lag {
        into.extend(bytes.iter().zip(&bytes[lag..]).map(|(a, b)| a ^ b));
    }
}

/// A hash of a run of differences at a lag.
#[inline]
fn mixed(run: &[u8; GRAM], lag: usize) -> u32 {
    (gram::mix(gram::hash(run) ^ (lag as u64).wrapping_mul(0xd6e8_feb8_6659_fd93)) >> 7) as u32
}

/// A key that was found for an object, as it applies from the first byte on that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    object: usize,
    key: Vec<u8>,
}

impl Index {
    /// The second pass, over what the first did not explain: [`Index::masked`], [`Index::derived`].
    pub fn trace_rest(
        &self,
        unexplained: &Unexplained,
        open: &dyn Fn(usize) -> Option<std::sync::Arc<dyn DecoySource>>,
    ) -> Vec<(usize, Traced)> {
        let mut all = self.masked(unexplained, open);
        all.extend(self.derived(unexplained, open));
        all
    }

    /// What left under a repeating key: looks at all objects that were kept. `open` gives a payload
    /// again, by the caller's number for it; traces come with that number.
    pub fn masked(
        &self,
        unexplained: &Unexplained,
        open: &dyn Fn(usize) -> Option<std::sync::Arc<dyn DecoySource>>,
    ) -> Vec<(usize, Traced)> {
        let mut skipped = unexplained.skipped;
        let keys = self.keys(unexplained.objects(), &mut skipped);
        let mut all: Vec<(usize, Traced)> = Vec::new();
        let mut done: HashSet<(usize, &[Step], Vec<u8>, u64)> = HashSet::new();
        for Key { object, key } in keys {
            let unread = &unexplained.objects()[object];
            let Some(bytes) = open(unread.tag) else { continue };
            // The whole object, and the key as it applies from its first byte on.
            let (from, under) = match unread.whole(&*bytes) {
                Some(whole) => (0, Cow::Owned(whole)),
                None => (unread.from, Cow::Borrowed(unread.bytes.as_slice())),
            };
            let turn = ((unread.from - from) % key.len() as u64) as usize;
            let key = [&key[key.len() - turn..], &key[..key.len() - turn]].concat();
            if !done.insert((unread.tag, &unread.chain, key.clone(), from)) {
                continue;
            }
            let egress = Egress {
                flow: unread.flow,
                payload: &unread.payload,
                layer: unread.layer,
                direction: unread.direction,
                bytes: &*bytes,
            };
            let plain = belljar_decode::unmask(&key, &under);
            let mut chain = unread.chain.clone();
            chain.push(Step {
                decoder: Decoder::Xor,
                input: from..from + plain.len() as u64,
                detail: Some(hex(&key).into()),
            });
            let mut lengths = unread.lengths.clone();
            lengths.push(plain.len() as u64);
            let traced = self.trace_inner(&egress, &plain, &chain, &lengths);
            if !traced.traces.is_empty() {
                all.push((unread.tag, traced));
            }
        }
        if skipped > 0 {
            let tag = unexplained.objects().first().map_or(0, |object| object.tag);
            all.push((tag, Traced { skipped, ..Traced::default() }));
        }
        all
    }

    /// The keys under which objects hold something of a decoy.
    fn keys(&self, objects: &[Unread], skipped: &mut u64) -> Vec<Key> {
        let mut found: Vec<Key> = Vec::new();
        let most = (WORK / self.bytes().max(1)).max(1) as usize;
        let mut stretches = stretches(objects, most.saturating_mul(PASS));
        let passes = passes(&mut stretches, most);
        *skipped += stretches.len() as u64;
        for pass in passes {
            let table = Table::of(objects, &pass);
            if !table.entries.is_empty() {
                self.against(objects, &table, &mut found);
            }
        }
        found
    }

    /// Streams the decoys past a table.
    fn against(&self, objects: &[Unread], table: &Table, found: &mut Vec<Key>) {
        const BLOCK: usize = 64 << 10;
        let (mut bytes, mut differences) = (vec![0; BLOCK + KEY + WINDOW], Vec::new());
        // For each content, object and diagonal: up to where it was compared.
        let mut compared: HashMap<(u32, usize, i64), usize> = HashMap::new();
        for (number, held) in (0_u32..).zip(&self.contents) {
            let mut base = 0;
            while base + GRAM as u64 <= held.len {
                let filled = held.source.read_at(base, &mut bytes);
                let block = &bytes[..filled];
                for lag in 1..=KEY {
                    differ(block, lag, &mut differences);
                    samples(&differences, |at, run| {
                        for &entry in table.places(mixed(run, lag)) {
                            let spot = table.spot(entry);
                            if spot.lag == lag {
                                let offset = base + at as u64;
                                self.key(objects, spot, (number, offset), &mut compared, found);
                            }
                        }
                    });
                }
                base += BLOCK as u64;
            }
        }
    }

    /// Compares byte by byte under the key that a place and a place of a decoy differ by.
    fn key(
        &self,
        objects: &[Unread],
        spot: Spot,
        (content, offset): (u32, u64),
        compared: &mut HashMap<(u32, usize, i64), usize>,
        found: &mut Vec<Key>,
    ) {
        let held = &self.contents[content as usize];
        let there = &objects[spot.object].bytes;
        let diagonal = spot.at as i64 - offset as i64;
        let done = compared.entry((content, spot.object, diagonal)).or_default();
        if spot.at + GRAM <= *done {
            return;
        }
        let mut decoy = vec![0; spot.lag + GRAM];
        let filled = held.source.read_at(offset, &mut decoy);
        let Some(window) = there.get(spot.at..spot.at + decoy.len()) else { return };
        if filled < decoy.len() {
            return;
        }
        let stream: Vec<u8> = window.iter().zip(&decoy).map(|(a, b)| a ^ b).collect();
        let lag = spot.lag;
        if stream[..GRAM] != stream[lag..] || stream.iter().all(|&byte| byte == 0) {
            return;
        }
        let len = (1..=lag)
            .find(|len| lag.is_multiple_of(*len) && (0..lag).all(|i| stream[i] == stream[i % len]))
            .unwrap_or(lag);
        // The key as it applies from the first byte on.
        let key: Vec<u8> = (0..len).map(|i| stream[(i + len - spot.at % len) % len]).collect();
        // Where most of the key is nothing, two tables of the same form differ in a few columns.
        let nothing = key.iter().filter(|&&byte| byte == 0).count();
        if len >= 8 && nothing * 4 > len {
            return;
        }
        let (before, behind) = extent(&*held.source, offset, there, spot.at, &key);
        *done = spot.at + behind;
        let run = Run {
            content,
            at: offset - before as u64,
            piece: (spot.at - before) as u64,
            len: (before + behind) as u64,
        };
        let key = Key { object: spot.object, key };
        if run.len < BESIDE + len as u64
            || found.contains(&key)
            || found.iter().filter(|known| known.object == key.object).count() >= KEYS
            || !self.says_something(&run, len)
        {
            return;
        }
        found.push(key);
    }

    /// Whether a run of a decoy is its own, and no pattern.
    fn says_something(&self, run: &Run, len: usize) -> bool {
        if !self.is_distinctive(run) {
            return false;
        }
        let held = &self.contents[run.content as usize];
        let mut bytes = vec![0; run.len.min(4 << 10) as usize];
        let filled = held.source.read_at(run.at, &mut bytes);
        let bytes = &bytes[..filled];
        // What repeats itself at the key's length (a boundary that stands twice) is under every key
        // what something else is that repeats itself so.
        let moving = bytes.iter().zip(&bytes[len.min(filled)..]).filter(|(a, b)| a != b).count();
        moving >= MOVING && gram::entropy(bytes) >= ENTROPY
    }
}

/// Stretches of objects to be looked at: at most `most` bytes, unless the first few of each are more.
fn stretches(objects: &[Unread], most: usize) -> Vec<(usize, Range<usize>)> {
    let mut each = LOOKED;
    let all =
        |each: usize| objects.iter().map(|object| object.bytes.len().min(each)).sum::<usize>();
    while all(each) > most && each > HEAD {
        each /= 2;
    }
    let mut stretches = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        let len = object.bytes.len();
        if len <= WINDOW {
            continue;
        }
        // What is the head of something longer has its middle and its tail behind it.
        let each = if object.len > len as u64 && object.from == 0 { each / 2 } else { each };
        if len <= each || each <= HEAD {
            stretches.push((number, 0..len.min(each)));
        } else {
            let (half, quarter) = (each / 2, each / 4);
            let middle = len / 2;
            stretches.extend(
                [0..half, middle..middle + quarter, len - quarter..len]
                    .map(|stretch| (number, stretch)),
            );
        }
    }
    stretches
}

/// Takes from `stretches` as many as `most` passes look at.
fn passes(
    stretches: &mut Vec<(usize, Range<usize>)>,
    most: usize,
) -> Vec<Vec<(usize, Range<usize>)>> {
    let (mut all, mut pass, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut rest = std::mem::take(stretches).into_iter();
    for (number, stretch) in rest.by_ref() {
        bytes += stretch.len();
        pass.push((number, stretch));
        if bytes >= PASS {
            all.push(std::mem::take(&mut pass));
            bytes = 0;
            if all.len() == most {
                break;
            }
        }
    }
    if !pass.is_empty() {
        all.push(pass);
    }
    stretches.extend(rest);
    all
}

/// Calls for strong runs so that every window of [`WINDOW`] differences holds one, unless all of it
/// is weak.
fn samples(differences: &[u8], mut take: impl FnMut(usize, &[u8; GRAM])) {
    let mut next = 0;
    while next + GRAM <= differences.len() {
        let limit = (next + WINDOW - GRAM).min(differences.len() - GRAM);
        let strong = (next..=limit).rev().find_map(|at| {
            let run = differences[at..].first_chunk::<GRAM>()?;
            (!is_weak(run)).then_some((at, run))
        });
        match strong {
            Some((at, run)) => {
                take(at, run);
                next = at + 1;
            }
            None => next = limit + 1,
        }
    }
}

/// How many bytes before and from `at` of `there` are those at `offset` of `source` under the key.
fn extent(
    source: &dyn DecoySource,
    offset: u64,
    there: &[u8],
    at: usize,
    key: &[u8],
) -> (usize, usize) {
    const STEP: usize = 4 << 10;
    let equal = |place: usize, byte: u8| there[place] ^ key[place % key.len()] == byte;
    let mut bytes = vec![0; STEP];
    let mut behind = 0;
    loop {
        let want = STEP.min(there.len() - at - behind);
        let got = source.read_at(offset + behind as u64, &mut bytes[..want]);
        let same = (0..got).take_while(|&i| equal(at + behind + i, bytes[i])).count();
        behind += same;
        if same < want || want == 0 {
            break;
        }
    }
    let mut before = 0;
    loop {
        let left = (at - before).min(usize::try_from(offset).unwrap_or(usize::MAX) - before);
        let want = STEP.min(left);
        let got = source.read_at(offset - (before + want) as u64, &mut bytes[..want]);
        if got < want || want == 0 {
            break;
        }
        let same =
            (0..want).take_while(|&i| equal(at - before - 1 - i, bytes[want - 1 - i])).count();
        before += same;
        if same < want {
            break;
        }
    }
    (before, behind)
}

fn hex(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}
