//! What is found as a whole word or not at all: hashes, names, facts.

use crate::conclude::{Candidate, MOST, Object};
use crate::index::{Index, Meaning};
use crate::interval::{covers, overlaps, union};
use crate::{Alias, Subject, Traced, digest};
use belljar_decode::Step;
use std::collections::HashMap;
use std::ops::Range;

/// The most traces of one subject that are listed.
const REPEATS: u64 = 16;

/// A hash, name or fact.
pub(crate) struct Small {
    pub(crate) object: usize,
    pub(crate) subject: Subject,
    pub(crate) range: Range<u64>,
    pub(crate) also: Vec<Alias>,
}

impl Small {
    /// Where it lies in the payload itself.
    pub(crate) fn outer(&self, objects: &[Object]) -> Range<u64> {
        objects[self.object]
            .chain
            .first()
            .map_or_else(|| self.range.clone(), |step| step.input.clone())
    }
}

impl Index {
    /// Hashes, names and facts that stand outside of the contents.
    pub(crate) fn small(
        &self,
        objects: &[Object],
        accepted: &[Candidate],
        traced: &mut Traced,
    ) -> Vec<Small> {
        let mut all = Vec::new();
        for (number, object) in objects.iter().enumerate() {
            for &(content, algorithm, at) in &object.runs.digests {
                let held = &self.contents[content as usize];
                if !held.sample && covers(&held.common, &(0..held.len)) {
                    traced.common += digest::PLACES[usize::from(algorithm)].2 as u64;
                    continue;
                }
                let (algorithm, _, len) = digest::PLACES[usize::from(algorithm)];
                let subject = Subject::Hash {
                    algorithm,
                    decoy: held.decoy,
                    part: held.part.clone(),
                    sample: held.sample,
                    bytes: len as u64,
                    over: None,
                    salt: None,
                };
                all.push(Small {
                    object: number,
                    subject,
                    range: at..at + len as u64,
                    also: Vec::new(),
                });
            }
            for &(word, at) in &object.words {
                let subject = match self.meanings[word as usize] {
                    Meaning::Name(decoy, kind) => Subject::Name { decoy, kind },
                    Meaning::Fact(needle) => Subject::Fact { needle },
                    Meaning::Short(_) => continue,
                };
                let range = at..at + self.words.len(word);
                all.push(Small { object: number, subject, range, also: Vec::new() });
            }
        }
        // Shortest chains first; of words at one place the longest (a path, not its file name).
        all.sort_by_key(|small| {
            (
                objects[small.object].chain.len(),
                small.object,
                small.range.start,
                std::cmp::Reverse(small.range.end),
            )
        });
        let mut explained: HashMap<usize, Vec<Range<u64>>> = HashMap::new();
        for candidate in accepted {
            explained.entry(candidate.object).or_default().extend(candidate.pieces.iter().cloned());
        }
        for ranges in explained.values_mut() {
            *ranges = union(std::mem::take(ranges));
        }
        let by_id: HashMap<&[Step], usize> =
            objects.iter().enumerate().map(|(i, object)| (object.chain.as_slice(), i)).collect();
        let mut kept: Vec<Small> = Vec::new();
        let mut counts: HashMap<Subject, (u64, Vec<usize>)> = HashMap::new();
        for small in all {
            let chain = &objects[small.object].chain;
            let inside = (0..=chain.len()).any(|level| {
                let range = chain.get(level).map_or(&small.range, |step| &step.input);
                by_id
                    .get(&chain[..level])
                    .and_then(|object| explained.get(object))
                    .is_some_and(|ranges| covers(ranges, range))
            });
            if inside {
                continue;
            }
            let (count, places) = counts.entry(small.subject.clone()).or_default();
            let place = small.outer(objects);
            if places.iter().any(|&other| overlaps(&[kept[other].outer(objects)], &place)) {
                continue;
            }
            if let Some(other) = kept.iter_mut().rev().take(64).find(|other| {
                other.object == small.object
                    && other.range.start <= small.range.start
                    && small.range.end <= other.range.end
            }) {
                // The same digest of equal contents, or a file name inside its path.
                if let Subject::Hash { decoy, part, .. } = &small.subject
                    && other.range == small.range
                    && other.also.len() < 16
                {
                    other.also.push(Alias { decoy: *decoy, part: part.clone() });
                }
                continue;
            }
            *count += 1;
            if *count > REPEATS || kept.len() >= MOST {
                traced.repeats += 1;
                continue;
            }
            places.push(kept.len());
            kept.push(small);
        }
        kept
    }
}
