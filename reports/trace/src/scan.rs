//! Looks for what the index knows in a stretch of bytes.
//!
//! Promises: every position is asked; what the table answers is compared with the decoy and
//! extended in both directions as far as the bytes are equal. The work is bounded by a multiple of
//! the bytes looked at; comparisons that were left out are counted.

use crate::blocks::Blocks;
use crate::digest;
use crate::gram::GRAM;
use crate::index::{Index, Spot};
use crate::table::GRANULE;
use belljar_record::DecoySource;
use std::collections::HashMap;
use std::sync::PoisonError;

/// Work that may be done for each byte looked at: enough for every place that the table names.
const WORK: u64 = 512;
/// What a comparison costs beside the bytes compared, eight of which cost one.
const ASKING: u64 = 8;
/// What making a block of a decoy costs.
const MAKING: u64 = 512;

/// Equal bytes in a content and in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) content: u32,
    /// Where in the content.
    pub(crate) at: u64,
    /// Where in the object.
    pub(crate) piece: u64,
    pub(crate) len: u64,
}

/// What was found in an object.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    pub(crate) contents: Vec<Run>,
    /// Content, algorithm, where in the object.
    pub(crate) digests: Vec<(u32, u8, u64)>,
    pub(crate) skipped: u64,
}

impl Runs {
    pub(crate) fn is_empty(&self) -> bool {
        self.contents.is_empty() && self.digests.is_empty()
    }

    /// Joins runs of the same content that go on in the next window.
    pub(crate) fn join(&mut self) {
        let diagonal = |run: &Run| run.piece.wrapping_sub(run.at);
        self.contents.sort_by_key(|run| (run.content, diagonal(run), run.piece));
        let mut joined: Vec<Run> = Vec::with_capacity(self.contents.len());
        for run in self.contents.drain(..) {
            match joined.last_mut() {
                Some(last)
                    if last.content == run.content
                        && diagonal(last) == diagonal(&run)
                        && run.piece <= last.piece + last.len =>
                {
                    last.len = last.len.max(run.piece + run.len - last.piece);
                }
                _ => joined.push(run),
            }
        }
        self.contents = joined;
        self.digests.sort_unstable();
        self.digests.dedup();
    }
}

/// Reads a source in windows that overlap by more than the longest guarantee.
pub(crate) fn stream(source: &dyn DecoySource, see: &mut dyn FnMut(u64, &[u8])) {
    const WINDOW: usize = 4 << 20;
    const OVERLAP: usize = 4 << 10;
    let mut buffer = vec![0; usize::try_from(source.len()).unwrap_or(WINDOW).min(WINDOW)];
    let mut at = 0;
    loop {
        let filled = source.read_at(at, &mut buffer);
        see(at, &buffer[..filled]);
        if filled <= OVERLAP || at + filled as u64 >= source.len() {
            return;
        }
        at += (filled - OVERLAP) as u64;
    }
}

/// Adds what the index knows in `window`, which begins at `base` of its object.
pub(crate) fn runs(index: &Index, base: u64, window: &[u8], found: &mut Runs) {
    // For each content and diagonal: up to where it was compared already.
    let mut compared: HashMap<(u32, u64), usize> = HashMap::new();
    let mut work = WORK * window.len() as u64 + (1 << 16);
    let mut blocks = index.blocks.lock().unwrap_or_else(PoisonError::into_inner);
    let mut buffers = Buffers { blocks: &mut blocks, bytes: Vec::new() };
    index.table.candidates(window, |at, hash| {
        for granule in index.table.places(hash) {
            match index.spot(granule) {
                Some(Spot::Digest(content, algorithm)) => {
                    let (_, place, len) = digest::PLACES[usize::from(algorithm)];
                    let known = &index.digests[content as usize][place..place + len];
                    if window.get(at..at + len) == Some(known) {
                        found.digests.push((content, algorithm, base + at as u64));
                    }
                }
                Some(Spot::Content(content, offset)) => {
                    if work == 0 {
                        found.skipped += 1;
                        continue;
                    }
                    let held = &index.contents[content as usize];
                    let made = buffers.blocks.made();
                    let there = buffers.all_in((content, &*held.source), offset, &window[at..]);
                    let mut asked = ASKING;
                    for offset in there {
                        let diagonal = (at as u64).wrapping_sub(offset);
                        let key = (content, diagonal);
                        if compared.get(&key).is_some_and(|&end| at + GRAM <= end) {
                            continue;
                        }
                        let (before, behind) =
                            buffers.extent((content, &*held.source), offset, window, at);
                        asked += (before + behind) as u64 / 8 + ASKING;
                        if behind < GRAM {
                            continue;
                        }
                        compared.insert(key, at + behind);
                        found.contents.push(Run {
                            content,
                            at: offset - before as u64,
                            piece: base + (at - before) as u64,
                            len: (before + behind) as u64,
                        });
                    }
                    let made = (buffers.blocks.made() - made) * MAKING;
                    work = work.saturating_sub(asked + made);
                }
                None => {}
            }
        }
    });
}

/// Room for the decoy's side of a comparison.
struct Buffers<'a> {
    blocks: &'a mut Blocks,
    bytes: Vec<u8>,
}

const SMALL: usize = 64;
const LARGE: usize = 64 << 10;

impl Buffers<'_> {
    /// Where in the granule at `offset` of `source` the run begins with which `there` begins.
    fn all_in(
        &mut self,
        (content, source): (u32, &dyn DecoySource),
        offset: u64,
        there: &[u8],
    ) -> Vec<u64> {
        const LEN: usize = GRANULE as usize + GRAM - 1;
        let mut granule = [0; LEN];
        let filled = self.blocks.read(content, source, offset, &mut granule);
        let Some(run) = there.first_chunk::<GRAM>() else { return Vec::new() };
        let mut places = Vec::new();
        for (place, known) in (offset..).zip(granule[..filled].windows(GRAM)) {
            if known == run {
                places.push(place);
            }
        }
        places
    }

    /// How many bytes before and from `at` of `window` are equal to those at `offset` of `source`.
    fn extent(
        &mut self,
        (content, source): (u32, &dyn DecoySource),
        offset: u64,
        window: &[u8],
        at: usize,
    ) -> (usize, usize) {
        self.bytes.resize(LARGE, 0);
        let (mut behind, mut step) = (0, SMALL);
        loop {
            let there = &window[at + behind..];
            let want = step.min(there.len());
            let got =
                self.blocks.read(content, source, offset + behind as u64, &mut self.bytes[..want]);
            let equal = there.iter().zip(&self.bytes[..got]).take_while(|(a, b)| a == b).count();
            behind += equal;
            if equal < want || want == 0 {
                break;
            }
            step = LARGE;
        }
        if behind < GRAM {
            return (0, behind);
        }
        let (mut before, mut step) = (0, SMALL);
        loop {
            let left = (at - before).min(usize::try_from(offset).unwrap_or(usize::MAX) - before);
            let want = step.min(left);
            let start = offset - (before + want) as u64;
            let got = self.blocks.read(content, source, start, &mut self.bytes[..want]);
            let there = &window[at - before - want..at - before];
            if got < want {
                break;
            }
            let equal = there
                .iter()
                .rev()
                .zip(self.bytes[..want].iter().rev())
                .take_while(|(a, b)| a == b)
                .count();
            before += equal;
            if equal < want || want == 0 {
                break;
            }
            step = LARGE;
        }
        (before, behind)
    }
}
