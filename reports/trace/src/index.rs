//! The index of a plant: what there is to be recognised, and what of it is common.
//!
//! Promises: built by streaming, a block of each decoy at a time; takes a small share of the
//! decoys' size. Runs of 16 bytes are sampled so that no two samples are further apart than the
//! guaranteed length allows, unless everything between is weak (see [`crate::gram`]): a bounded
//! stride on the side of the decoys against every position on the side of the egress, the form of
//! winnowing (Schleimer, Wilkerson, Aiken 2003) that needs the least memory for a guarantee.

use crate::blocks::Blocks;
use crate::digest::{self, Digests};
use crate::gram::{GRAM, is_weak};
use crate::interval;
use crate::scan;
use crate::table::{GRANULE, Gathering, Table};
use crate::usual::Usual;
use crate::words::{Word, Words};
use crate::{NameKind, Needle, Target};
use belljar_record::{ByteString, DecoyId, DecoySource};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Guaranteed run in what was read.
pub(crate) const DENSE: u64 = 32;
/// Guaranteed run elsewhere.
pub(crate) const SPARSE: u64 = 128;
/// How deep parts of parts are followed.
const DEPTH: usize = 8;
/// File names shorter than this are not distinctive.
const NAME: usize = 8;

/// Why an index cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Positions would not fit into 32 bits.
    #[error("decoys and what is in them are {bytes} bytes; one index holds at most {most}")]
    TooLarge {
        /// How many there are.
        bytes: u64,
        /// How many fit.
        most: u64,
    },
    /// The automaton for names and facts cannot be built.
    #[error("cannot build the automaton for {count} names and facts: {source}")]
    Words {
        /// How many.
        count: usize,
        /// Why.
        source: aho_corasick::BuildError,
    },
}

/// The size of an index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IndexStats {
    /// Decoys.
    pub decoys: u64,
    /// Contents: decoys and what is in them.
    pub contents: u64,
    /// Bytes of all contents.
    pub bytes: u64,
    /// Fingerprints.
    pub fingerprints: u64,
    /// Bytes of memory that fingerprints take.
    pub fingerprint_memory: u64,
    /// Bytes of memory that names, facts, digests and the list of contents take, about.
    pub other_memory: u64,
    /// Bytes of contents that are common with the twin or the corpus.
    pub common: u64,
    /// Contents too short for a fingerprint (under 16 bytes).
    pub short: u64,
    /// Parts that were nested too deep to be followed.
    pub too_deep: u64,
}

/// Something with bytes of its own: a decoy, or a part of one.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) decoy: DecoyId,
    pub(crate) part: Option<ByteString>,
    pub(crate) sample: bool,
    pub(crate) source: Arc<dyn DecoySource>,
    pub(crate) len: u64,
    /// Where its bytes begin in the index's one row of all bytes: at the beginning of a granule.
    start: u64,
    dense: Vec<Range<u64>>,
    /// Ranges that the twin or the corpus has too (a union).
    pub(crate) common: Vec<Range<u64>>,
}

impl Held {
    /// Whether any of it was read.
    pub(crate) fn was_read(&self) -> bool {
        !self.dense.is_empty()
    }
}

/// What a granule of the index's row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// Content: number of the content, offset of the granule in it.
    Content(u32, u64),
    /// A digest: number of the content, number of the algorithm.
    Digest(u32, u8),
}

/// What a word stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Meaning {
    Name(DecoyId, NameKind),
    Fact(u32),
    /// All of a short content.
    Short(u32),
}

/// Everything that is to be recognised.
#[derive(Debug)]
pub struct Index {
    pub(crate) contents: Vec<Held>,
    pub(crate) digests: Vec<[u8; digest::ALL]>,
    pub(crate) table: Table,
    pub(crate) words: Words,
    pub(crate) meanings: Vec<Meaning>,
    content_bytes: u64,
    /// The first granule of digests; each has one of its own.
    digests_at: u64,
    /// Words that twins use too.
    pub(crate) usual: Usual,
    /// Bytes of contents that were compared lately.
    pub(crate) blocks: Mutex<Blocks>,
    stats: IndexStats,
}

impl Index {
    /// Builds the index; reads every decoy once, and every twin and corpus file once.
    ///
    /// # Errors
    /// [`IndexError`] if there is too much for one index.
    pub fn build(
        targets: &[Target],
        needles: &[Needle],
        corpus: &[Arc<dyn DecoySource>],
    ) -> Result<Self, IndexError> {
        let mut stats = IndexStats { decoys: targets.len() as u64, ..IndexStats::default() };
        let mut contents = Vec::new();
        for target in targets {
            let dense = target.read.clone().unwrap_or_default();
            let held = Held {
                decoy: target.decoy,
                part: None,
                sample: target.sample,
                source: Arc::clone(&target.source),
                len: target.source.len(),
                start: 0,
                dense: interval::union(dense),
                common: Vec::new(),
            };
            flatten(held, 0, &mut contents, &mut stats.too_deep);
        }
        let (mut content_bytes, mut row) = (0, 0);
        for held in &mut contents {
            held.start = row;
            content_bytes += held.len;
            row += held.len.next_multiple_of(GRANULE);
            stats.short += u64::from(held.len < GRAM as u64);
        }
        let digests_at = row / GRANULE;
        let granules = digests_at + (contents.len() * digest::PLACES.len()) as u64;
        let (all, most) = (granules * GRANULE, u64::from(u32::MAX));
        if all > most {
            return Err(IndexError::TooLarge { bytes: all, most });
        }
        let (gathering, digests) = gather(&contents, digests_at);
        let (words, meanings) = words(targets, needles, &contents);
        let count = words.len();
        let words = Words::new(words).map_err(|source| IndexError::Words { count, source })?;
        let mut index = Self {
            contents,
            digests,
            table: gathering.finish(granules),
            words,
            meanings,
            content_bytes,
            digests_at,
            usual: Usual::default(),
            blocks: Mutex::default(),
            stats,
        };
        index.mark_common(targets, corpus);
        index.stats.contents = index.contents.len() as u64;
        index.stats.bytes = content_bytes;
        index.stats.fingerprints = index.table.len() as u64;
        index.stats.fingerprint_memory = index.table.memory();
        index.stats.common = index.contents.iter().map(|held| interval::total(&held.common)).sum();
        let list: usize = index
            .contents
            .iter()
            .map(|held| {
                size_of::<Held>() + digest::ALL + held.common.len() * 16 + held.dense.len() * 16
            })
            .sum();
        index.stats.other_memory = list as u64 + index.words.memory() + index.usual.memory();
        Ok(index)
    }

    /// How large it is.
    pub fn stats(&self) -> IndexStats {
        self.stats
    }

    /// How many bytes stand in `bytes` as they stand in contents, names and facts (each counted
    /// anew wherever it stands). Nothing is decoded.
    pub fn known(&self, bytes: &[u8]) -> u64 {
        let mut runs = scan::Runs::default();
        scan::runs(self, 0, bytes, &mut runs);
        let mut known = runs.contents.iter().map(|run| run.len).sum();
        self.words.find(bytes, |word, _| known += self.words.len(word));
        known
    }

    /// Bytes of all contents.
    pub(crate) fn bytes(&self) -> u64 {
        self.content_bytes
    }

    /// What a granule belongs to.
    pub(crate) fn spot(&self, granule: u32) -> Option<Spot> {
        let granule = u64::from(granule);
        if let Some(behind) = granule.checked_sub(self.digests_at) {
            let each = digest::PLACES.len() as u64;
            return Some(Spot::Digest((behind / each) as u32, (behind % each) as u8));
        }
        let place = granule * GRANULE;
        let number = self.contents.partition_point(|held| held.start <= place).checked_sub(1)?;
        Some(Spot::Content(number as u32, place - self.contents.get(number)?.start))
    }

    /// Finds what of the decoys the twin plant and the corpus have too.
    fn mark_common(&mut self, targets: &[Target], corpus: &[Arc<dyn DecoySource>]) {
        let twins = targets.iter().filter_map(|target| target.twin.as_ref());
        let mut common: Vec<Vec<Range<u64>>> = vec![Vec::new(); self.contents.len()];
        let mut marked = 0_usize;
        let mut usual = Usual::default();
        for source in twins.chain(corpus) {
            let mut row = vec![(Arc::clone(source), 0)];
            while let Some((source, depth)) = row.pop() {
                if depth < DEPTH {
                    row.extend(source.parts().into_iter().map(|part| (part.source, depth + 1)));
                }
                let mut runs = scan::Runs::default();
                scan::stream(&*source, &mut |base, window| {
                    if base == 0 {
                        usual.learn(window);
                    }
                    scan::runs(self, base, window, &mut runs);
                });
                for run in runs.contents {
                    // Text shares short runs with any text; a fragment is common when *it* occurs
                    // elsewhere, not when it is made of words that do.
                    let whole = self
                        .contents
                        .get(run.content as usize)
                        .is_some_and(|held| held.len == run.len);
                    if run.len < DENSE && !whole {
                        continue;
                    }
                    if let Some(ranges) = common.get_mut(run.content as usize) {
                        ranges.push(run.at..run.at + run.len);
                        marked += 1;
                    }
                }
                // Keep the lists small while they grow.
                if marked > 1 << 20 {
                    for ranges in &mut common {
                        *ranges = interval::union(std::mem::take(ranges));
                    }
                    marked = 0;
                }
            }
        }
        self.usual = usual;
        for (held, ranges) in self.contents.iter_mut().zip(common) {
            if !held.sample {
                held.common = interval::union(ranges);
            }
        }
    }
}

/// A decoy and all that is in it, outermost first.
fn flatten(held: Held, depth: usize, contents: &mut Vec<Held>, too_deep: &mut u64) {
    let parts = held.source.parts();
    let (decoy, prefix) = (held.decoy, held.part.clone());
    let read = !held.dense.is_empty();
    contents.push(held);
    if depth >= DEPTH {
        *too_deep += parts.len() as u64;
        return;
    }
    for part in parts {
        let mut name = prefix.clone().map_or_else(Vec::new, |p| [p.0, b"!".to_vec()].concat());
        name.extend_from_slice(&part.name.0);
        let len = part.source.len();
        let inner = Held {
            decoy,
            part: Some(name.into()),
            sample: part.sample,
            source: part.source,
            len,
            start: 0,
            // Which bytes of a part were read is not known when its decoy is compressed.
            dense: if read { std::iter::once(0..len).collect() } else { Vec::new() },
            common: Vec::new(),
        };
        flatten(inner, depth + 1, contents, too_deep);
    }
}

/// Samples and digests all contents, on as many processors as there are.
fn gather(contents: &[Held], digests_at: u64) -> (Gathering, Vec<[u8; digest::ALL]>) {
    // Contents in a row that are worth a turn.
    const TURN: u64 = 4 << 20;
    let (mut turns, mut first, mut bytes) = (Vec::new(), 0, 0);
    for (number, held) in contents.iter().enumerate() {
        bytes += held.len;
        if bytes >= TURN || number + 1 == contents.len() {
            turns.push(first..number + 1);
            (first, bytes) = (number + 1, 0);
        }
    }
    let turn = |range: &Range<usize>| {
        let (mut gathering, mut digests) = (Gathering::default(), Vec::with_capacity(range.len()));
        for (number, held) in (range.start as u64..).zip(&contents[range.clone()]) {
            let all = sample(held, &mut gathering);
            for (which, (_, at, _)) in (0..).zip(digest::PLACES) {
                if let Some(run) = all[at..].first_chunk::<GRAM>()
                    && held.len > 0
                {
                    let granule = digests_at + number * digest::PLACES.len() as u64 + which;
                    gathering.add(run, granule as u32);
                }
            }
            digests.push(all);
        }
        (gathering, digests)
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(turns.len());
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(range) = turns.get(next.fetch_add(1, Ordering::Relaxed)) {
            let gathered = turn(range);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((range.start, gathered));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|&(first, _)| first);
    let (mut gathering, mut digests) = (Gathering::default(), Vec::with_capacity(contents.len()));
    for (_, (more, mut of)) in done {
        gathering.append(more);
        digests.append(&mut of);
    }
    (gathering, digests)
}

/// Samples the runs of a content and digests it, in one pass.
fn sample(held: &Held, gathering: &mut Gathering) -> [u8; digest::ALL] {
    const BLOCK: usize = 1 << 20;
    let mut digests = Digests::default();
    let mut buffer: Vec<u8> = Vec::with_capacity(BLOCK + 4096);
    // `buffer` begins at `base` of the content; `next` is the first place not yet decided on.
    let (mut base, mut next, mut read) = (0_u64, 0_u64, 0_u64);
    loop {
        let from = buffer.len();
        let want = usize::try_from((held.len - read).min(BLOCK as u64)).unwrap_or(BLOCK);
        buffer.resize(from + want, 0);
        let filled = held.source.read_at(read, &mut buffer[from..]);
        buffer.truncate(from + filled);
        digests.update(&buffer[from..]);
        read += filled as u64;
        let last = filled == 0 || read >= held.len;
        next = choose(held, &buffer, base, next, last, gathering);
        if last {
            return digests.finish();
        }
        let keep_from = (next.saturating_sub(base) as usize).min(buffer.len());
        buffer.drain(..keep_from);
        base += keep_from as u64;
    }
}

/// Chooses the samples that can be decided on; gives the first place that cannot.
fn choose(
    held: &Held,
    buffer: &[u8],
    base: u64,
    mut next: u64,
    last: bool,
    gathering: &mut Gathering,
) -> u64 {
    let end = base + buffer.len() as u64;
    let run_at = |place: u64| buffer.get((place - base) as usize..)?.first_chunk::<GRAM>();
    let mut dense = held.dense.partition_point(|range| range.end <= next);
    loop {
        while held.dense.get(dense).is_some_and(|range| range.end <= next) {
            dense += 1;
        }
        let guarantee = match held.dense.get(dense) {
            Some(range) if range.start < next + SPARSE => DENSE,
            _ => SPARSE,
        };
        // The next sample lies in `next..=limit`, as late as it can.
        let mut limit = next + guarantee - GRAM as u64;
        if limit + GRAM as u64 > end {
            if !last || next + GRAM as u64 > end {
                return next;
            }
            limit = end - GRAM as u64;
        }
        let strong = |place: &u64| run_at(*place).is_some_and(|run| !is_weak(run));
        let place = (next..=limit).rev().find(strong);
        let Some(place) = place else {
            next = limit + 1;
            // Nothing but weak runs so far: the first strong one behind them is taken.
            let Some(first) = (next..(end + 1).saturating_sub(GRAM as u64)).find(strong) else {
                next = next.max((end + 1).saturating_sub(GRAM as u64));
                return next;
            };
            if let Some(run) = run_at(first) {
                gathering.add(run, ((held.start + first) / GRANULE) as u32);
            }
            next = first + 1;
            continue;
        };
        if let Some(run) = run_at(place) {
            gathering.add(run, ((held.start + place) / GRANULE) as u32);
        }
        next = place + 1;
    }
}

/// Names, facts and short contents as words.
fn words(targets: &[Target], needles: &[Needle], contents: &[Held]) -> (Vec<Word>, Vec<Meaning>) {
    let (mut words, mut meanings) = (Vec::new(), Vec::new());
    let mut add = |bytes: &[u8], labels: &[String], meaning| {
        words.push(Word { bytes: bytes.to_vec(), labels: labels.to_vec() });
        meanings.push(meaning);
    };
    for target in targets.iter().filter(|target| target.distinctive_name) {
        let path = target.path.as_bytes();
        let name = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
        add(path, &[], Meaning::Name(target.decoy, NameKind::Path));
        if name.len() >= NAME && name != path {
            add(name, &[], Meaning::Name(target.decoy, NameKind::FileName));
        }
    }
    for needle in needles.iter().filter(|needle| !needle.common || !needle.labels.is_empty()) {
        let labels = if needle.common { needle.labels.as_slice() } else { &[] };
        add(needle.value.as_bytes(), labels, Meaning::Fact(needle.id));
    }
    for (number, held) in contents.iter().enumerate() {
        // A password or token kept as a value: long enough not to appear by chance.
        if held.part.is_some() && (8..GRAM as u64).contains(&held.len) && !held.sample {
            let bytes = held.source.read_all();
            let distinct = bytes.iter().collect::<std::collections::BTreeSet<_>>().len();
            let mixed =
                bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic);
            if distinct >= 6 && mixed {
                add(&bytes, &[], Meaning::Short(number as u32));
            }
        }
    }
    (words, meanings)
}
