//! From equal bytes to traces: what is distinctive, what is contained in what, what is explained.
//!
//! The same bytes can be seen in several ways: raw and in a decoded object, as an archive and as
//! its members. The largest content explains them; what is inside it is listed with it.

use crate::index::{Index, Meaning};
use crate::interval::{covers, overlaps, total, union, without};
use crate::kept::{Keeping, Unexplained};
use crate::scan::{self, Run, Runs};
use crate::small::Small;
use crate::{Alias, Contained, Egress, Match, Traced, gram, usual};
use belljar_decode::{Budget, Decoder, Piece, Step, explore};
use belljar_record::{BytesSource, DecoySource, Layer};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

/// Distinctive bytes in a row that make a run count.
const DISTINCTIVE: u64 = 32;
/// Least entropy of them, bits a byte.
const ENTROPY: f64 = 2.0;
/// The most findings of one payload that are looked at.
pub(crate) const MOST: usize = 20_000;

/// What is traced: a payload, or something that comes from it by a chain.
struct Inner<'a> {
    bytes: &'a dyn DecoySource,
    layer: Layer,
    chain: &'a [Step],
    lengths: &'a [u64],
}

impl<'a> Inner<'a> {
    fn payload(egress: &Egress<'a>) -> Self {
        Self { bytes: egress.bytes, layer: egress.layer, chain: &[], lengths: &[] }
    }
}

/// An object with something known in it.
pub(crate) struct Object {
    pub(crate) id: u64,
    pub(crate) chain: Vec<Step>,
    pub(crate) lengths: Vec<u64>,
    pub(crate) runs: Runs,
    pub(crate) words: BTreeSet<(u32, u64)>,
}

impl Object {
    /// An object of which only small things are known.
    pub(crate) fn bare(id: u64, chain: Vec<Step>, lengths: Vec<u64>) -> Self {
        Self { id, chain, lengths, runs: Runs::default(), words: BTreeSet::new() }
    }
}

/// A content seen in an object.
pub(crate) struct Candidate {
    pub(crate) object: usize,
    pub(crate) content: u32,
    pub(crate) matches: Vec<Match>,
    /// Unions of both sides.
    pub(crate) decoy: Vec<Range<u64>>,
    pub(crate) pieces: Vec<Range<u64>>,
    pub(crate) bytes: u64,
    pub(crate) whole: bool,
    pub(crate) contains: Vec<Contained>,
    pub(crate) also: Vec<Alias>,
}

impl Candidate {
    /// Lists what is inside, each part once.
    fn add(&mut self, part: Contained) {
        match self.contains.iter_mut().find(|known| known.part == part.part) {
            Some(known) if known.bytes < part.bytes => *known = part,
            Some(_) => {}
            None => self.contains.push(part),
        }
    }
}

impl Index {
    /// Everything of the plant that `egress` carries.
    pub fn trace(&self, egress: &Egress<'_>, budget: &Budget) -> Traced {
        self.trace_from(egress, budget, &Inner::payload(egress), &mut |_| {}).0
    }

    /// As [`Index::trace`]; objects in which little was recognised are kept in `rest` under the
    /// caller's number for this payload, for [`Index::masked`].
    pub fn trace_and_keep(
        &self,
        egress: &Egress<'_>,
        budget: &Budget,
        tag: usize,
        rest: &mut Unexplained,
    ) -> Traced {
        let (mut keeping, len) = (Keeping::default(), egress.bytes.len());
        let inner = Inner::payload(egress);
        let (traced, known) =
            self.trace_from(egress, budget, &inner, &mut |piece| keeping.take(piece, len));
        rest.add(tag, egress, keeping, &known, &traced.covered);
        traced
    }

    /// Traces what a chain that explore does not know gives.
    pub(crate) fn trace_inner(
        &self,
        egress: &Egress<'_>,
        bytes: &[u8],
        chain: &[Step],
        lengths: &[u64],
    ) -> Traced {
        let source = BytesSource::from(bytes.to_vec());
        let inner = Inner { bytes: &source, layer: Layer::Output, chain, lengths };
        self.trace_from(egress, &Budget::default(), &inner, &mut |_| {}).0
    }

    /// Traces an object of `egress`; says in which objects (by number) something was found.
    fn trace_from(
        &self,
        egress: &Egress<'_>,
        budget: &Budget,
        inner: &Inner<'_>,
        see: &mut dyn FnMut(&Piece<'_>),
    ) -> (Traced, HashSet<u64>) {
        let mut traced = Traced::default();
        let mut by_id: HashMap<u64, usize> = HashMap::new();
        let mut objects: Vec<Object> = Vec::new();
        traced.cut = explore(inner.bytes, inner.layer, budget, &mut |piece| {
            see(piece);
            let mut runs = Runs::default();
            scan::runs(self, piece.base, piece.bytes, &mut runs);
            let mut words = BTreeSet::new();
            self.words.find(piece.bytes, |word, at| {
                words.insert((word, piece.base + at as u64));
            });
            traced.skipped += runs.skipped;
            if runs.is_empty() && words.is_empty() {
                return;
            }
            let at = *by_id.entry(piece.object).or_insert_with(|| {
                objects.push(Object {
                    id: piece.object,
                    chain: [inner.chain, piece.chain].concat(),
                    lengths: [inner.lengths, piece.lengths].concat(),
                    runs: Runs::default(),
                    words: BTreeSet::new(),
                });
                objects.len() - 1
            });
            if let Some(object) = objects.get_mut(at) {
                object.runs.contents.append(&mut runs.contents);
                object.runs.digests.append(&mut runs.digests);
                object.words.append(&mut words);
            }
        });
        objects.sort_by_key(|object| object.id);
        for object in &mut objects {
            object.runs.join();
        }
        let mut candidates = self.candidates(&objects, &mut traced);
        // What explains most of the payload comes first: an archive before its members, though
        // these have more bytes.
        candidates.sort_by_cached_key(|c| {
            let object = &objects[c.object];
            let most = match object.chain.is_empty() {
                true => total(&c.pieces),
                false => explained(&object.chain, &object.lengths, total(&c.pieces)),
            };
            // Words beside digits are read along as digits: what is none comes first if that is all.
            let digits = object.chain.iter().filter(|step| is_digits(step.decoder)).count() as u64;
            let most = most - most * digits.min(32) / 64;
            let (most, bytes) = (std::cmp::Reverse(most), std::cmp::Reverse(c.bytes));
            (most, object.chain.len(), !c.whole, bytes, c.content, c.object)
        });
        if candidates.len() > MOST {
            traced.skipped += (candidates.len() - MOST) as u64;
            candidates.truncate(MOST);
        }
        let accepted = self.resolve(&objects, candidates);
        let small = self.small(&objects, &accepted, &mut traced);
        traced.covered = covered(&objects, &accepted, &small);
        let known = accepted.iter().map(|candidate| objects[candidate.object].id).collect();
        self.write(egress, &objects, accepted, small, &mut traced);
        (traced, known)
    }

    /// Whether a run counts as this decoy's.
    pub(crate) fn is_distinctive(&self, run: &Run) -> bool {
        let held = &self.contents[run.content as usize];
        let range = run.at..run.at + run.len;
        without(&range, &held.common).iter().any(|stretch| {
            let len = stretch.end - stretch.start;
            let whole = len == held.len && len >= gram::GRAM as u64;
            if len < DISTINCTIVE && !whole {
                return false;
            }
            let mut bytes = vec![0; len.min(64 << 10) as usize];
            let filled = held.source.read_at(stretch.start, &mut bytes);
            let bytes = &bytes[..filled];
            held.sample
                || gram::entropy(bytes) >= ENTROPY
                    && (whole || len >= usual::SHORT || self.usual.bits(bytes) >= usual::ENOUGH)
        })
    }

    /// Contents seen in each object.
    fn candidates(&self, objects: &[Object], traced: &mut Traced) -> Vec<Candidate> {
        let mut found = Vec::new();
        for (number, object) in objects.iter().enumerate() {
            let mut matches: BTreeMap<u32, Vec<Match>> = BTreeMap::new();
            for run in &object.runs.contents {
                if self.is_distinctive(run) {
                    let decoy = run.at..run.at + run.len;
                    matches
                        .entry(run.content)
                        .or_default()
                        .push(Match { decoy, piece: run.piece..run.piece + run.len });
                } else {
                    traced.common += run.len;
                }
            }
            for &(word, at) in &object.words {
                if let Meaning::Short(content) = self.meanings[word as usize]
                    && let Some(held) = self.contents.get(content as usize)
                    && held.common.is_empty()
                {
                    matches
                        .entry(content)
                        .or_default()
                        .push(Match { decoy: 0..held.len, piece: at..at + held.len });
                }
            }
            for (content, mut matches) in matches {
                matches.sort_by_key(|m| (m.piece.start, m.decoy.start));
                let decoy = union(matches.iter().map(|m| m.decoy.clone()).collect());
                let pieces = union(matches.iter().map(|m| m.piece.clone()).collect());
                let bytes = total(&decoy);
                let whole = bytes == self.contents[content as usize].len;
                let (contains, also) = (Vec::new(), Vec::new());
                found.push(Candidate {
                    object: number,
                    content,
                    matches,
                    decoy,
                    pieces,
                    bytes,
                    whole,
                    contains,
                    also,
                });
            }
        }
        found
    }

    /// Leaves one candidate for the same bytes, and lists in it what it contains.
    fn resolve(&self, objects: &[Object], candidates: Vec<Candidate>) -> Vec<Candidate> {
        let mut accepted: Vec<Candidate> = Vec::new();
        // What is explained in each object, also by what is contained in something else.
        let mut seen: HashMap<usize, Vec<Range<u64>>> = HashMap::new();
        'next: for candidate in candidates {
            let known = seen.entry(candidate.object).or_default();
            let rest: u64 =
                candidate.pieces.iter().map(|range| total(&without(range, known))).sum();
            known.extend(candidate.pieces.iter().cloned());
            *known = union(std::mem::take(known));
            let held = &self.contents[candidate.content as usize];
            if by_chance(objects, &accepted, &candidate) {
                continue;
            }
            for known in &mut accepted {
                let other = &self.contents[known.content as usize];
                let related = relation(objects, known, &candidate);
                if known.content == candidate.content {
                    let same_place =
                        overlaps_any(&outer(objects, known), &outer(objects, &candidate));
                    if same_place && candidate.decoy.iter().all(|range| covers(&known.decoy, range))
                    {
                        continue 'next;
                    }
                } else if related && other.decoy == held.decoy {
                    if let Some(part) = &held.part {
                        known.add(Contained {
                            part: part.clone(),
                            bytes: candidate.bytes,
                            whole: candidate.whole,
                            sample: held.sample,
                        });
                    }
                    continue 'next;
                } else if related && known.object == candidate.object {
                    // A few equal words are no second source.
                    if known.also.len() < 16 && candidate.bytes * 10 >= known.bytes * 9 {
                        known.also.push(Alias { decoy: held.decoy, part: held.part.clone() });
                    }
                    continue 'next;
                }
            }
            // A few bytes that a larger content explains prove nothing of another decoy.
            if rest >= DISTINCTIVE || rest == candidate.bytes {
                accepted.push(candidate);
            }
        }
        accepted
    }
}

/// Whether a few bytes of the payload as it is are equal to a decoy only because a much larger
/// content stands there in an encoding (two files in base64 share more than the files do).
fn by_chance(objects: &[Object], accepted: &[Candidate], candidate: &Candidate) -> bool {
    if !objects[candidate.object].chain.is_empty() {
        return false;
    }
    let explained: Vec<Range<u64>> = accepted
        .iter()
        .filter(|known| !objects[known.object].chain.is_empty())
        .filter(|known| known.bytes / 16 >= candidate.bytes)
        .flat_map(|known| outer(objects, known))
        .collect();
    let explained = union(explained);
    !explained.is_empty() && candidate.pieces.iter().all(|range| covers(&explained, range))
}

/// Whether a decoder reads digits, which are told by their alphabet alone.
fn is_digits(decoder: Decoder) -> bool {
    matches!(
        decoder,
        Decoder::Hex
            | Decoder::Base32
            | Decoder::Base32Hex
            | Decoder::Base58
            | Decoder::Base64
            | Decoder::Ascii85
            | Decoder::Z85
    )
}

pub(crate) fn outer(objects: &[Object], candidate: &Candidate) -> Vec<Range<u64>> {
    match objects[candidate.object].chain.first() {
        None => candidate.pieces.clone(),
        Some(step) => std::iter::once(step.input.clone()).collect(),
    }
}

fn overlaps_any(some: &[Range<u64>], others: &[Range<u64>]) -> bool {
    others.iter().any(|range| overlaps(some, range))
}

/// Whether the bytes of `candidate` are the bytes of `known`, or come from them.
fn relation(objects: &[Object], known: &Candidate, candidate: &Candidate) -> bool {
    let (a, c) = (&objects[known.object].chain, &objects[candidate.object].chain);
    if known.object == candidate.object {
        let rest: u64 =
            candidate.pieces.iter().map(|range| total(&without(range, &known.pieces))).sum();
        return rest < DISTINCTIVE;
    }
    // Half of the bytes is enough: a member at the edge of a part of an archive belongs to it.
    let mostly = |set: &[Range<u64>], of: &Range<u64>| {
        let rest = total(&without(of, set));
        rest * 2 <= of.end - of.start
    };
    if c.starts_with(a) {
        return c.get(a.len()).is_some_and(|step| mostly(&known.pieces, &step.input));
    }
    if a.starts_with(c) {
        let Some(step) = a.get(c.len()) else { return false };
        let outside: u64 = candidate
            .pieces
            .iter()
            .map(|range| total(&without(range, std::slice::from_ref(&step.input))))
            .sum();
        return outside * 2 <= total(&candidate.pieces);
    }
    false
}

/// Which bytes of the payload are explained, never too many.
fn covered(objects: &[Object], accepted: &[Candidate], small: &[Small]) -> Vec<Range<u64>> {
    let mut in_object: BTreeMap<usize, Vec<Range<u64>>> = BTreeMap::new();
    for candidate in accepted {
        in_object.entry(candidate.object).or_default().extend(candidate.pieces.iter().cloned());
    }
    for small in small {
        in_object.entry(small.object).or_default().push(small.range.clone());
    }
    let mut raw = Vec::new();
    let mut decoded: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for (object, ranges) in in_object {
        let object = &objects[object];
        let ranges = union(ranges);
        let Some(outermost) = object.chain.first() else {
            raw.extend(ranges);
            continue;
        };
        let explained = explained(&object.chain, &object.lengths, total(&ranges));
        let input = (outermost.input.start, outermost.input.end);
        *decoded.entry(input).or_default() += explained;
    }
    raw.extend(
        decoded
            .into_iter()
            .map(|((start, end), explained)| start..end.min(start.saturating_add(explained))),
    );
    union(raw)
}

/// How many bytes of the outermost input are explained when `matched` bytes of the innermost object
/// are: all but as many as the rest could need, written in the same way.
fn explained(chain: &[Step], lengths: &[u64], matched: u64) -> u64 {
    let mut rest = lengths.last().copied().unwrap_or(0).saturating_sub(matched);
    for (level, step) in chain.iter().enumerate().rev() {
        let input = step.input.end - step.input.start;
        let output = lengths.get(level).copied().unwrap_or(0).max(1);
        let swollen =
            (u128::from(rest) * u128::from(input.max(output))).div_ceil(u128::from(output));
        rest = u64::try_from(swollen).unwrap_or(u64::MAX).min(input);
        if level == 0 {
            return input - rest;
        }
        let parent = lengths.get(level - 1).copied().unwrap_or(0);
        rest = rest.saturating_add(parent.saturating_sub(input));
    }
    0
}
