//! Fingerprints: where in the decoys a run of 16 bytes stands, by its hash.
//!
//! Four bytes a fingerprint, a quarter of a byte of directory, 11 bits of a filter that answers most
//! questions alone. A place is told to [`GRANULE`] bytes only: whoever asks reads that much of the
//! decoy anyway, to compare. The bits that this leaves hold a part of the hash.

use crate::gram::{self, GRAM};

/// To how many bytes a place is told.
pub(crate) const GRANULE: u64 = 64;
/// Fingerprints in a bucket, on average.
const BUCKET: usize = 16;
/// Bits of the filter for a fingerprint.
const FILTER: usize = 11;
/// The least words of the filter.
const WORDS: usize = 1 << 10;
/// Most places that one question looks at.
const MOST: usize = 1024;

/// Fingerprints while they are gathered.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    hashes: Vec<u64>,
    granules: Vec<u32>,
}

/// Fingerprints, ready to be asked.
#[derive(Debug)]
pub(crate) struct Table {
    filter: Vec<u64>,
    /// Where each bucket begins.
    directory: Vec<u32>,
    /// The tag in the high bits, the granule in the low ones.
    entries: Vec<u32>,
    granule_bits: u32,
}

/// Two bits of a word of the filter: a run is known only if both are set.
#[inline(always)]
fn pattern(hash: u64) -> u64 {
    (1 << ((hash >> 20) & 63)) | (1 << ((hash >> 8) & 63))
}

/// Which of `count` things the high bits of a hash name.
#[inline(always)]
fn share(hash: u64, count: u64) -> usize {
    (((hash >> 32) * count) >> 32) as usize
}

impl Gathering {
    /// Adds a run.
    #[inline]
    pub(crate) fn add(&mut self, run: &[u8; GRAM], granule: u32) {
        self.hashes.push(gram::hash(run));
        self.granules.push(granule);
    }

    /// Adds what was gathered elsewhere.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.hashes.append(&mut other.hashes);
        self.granules.append(&mut other.granules);
    }

    /// Puts the table together; all granules are below `granules`.
    pub(crate) fn finish(self, granules: u64) -> Table {
        let count = self.hashes.len();
        let mut filter = vec![0; (count * FILTER / 64 + 1).max(WORDS)];
        let words = filter.len() as u64;
        for &hash in &self.hashes {
            filter[share(hash, words)] |= pattern(hash);
        }
        // Counted, then put in their places: buckets in the order in which they were added.
        let buckets = count / BUCKET + 1;
        let mut directory = vec![0_u32; buckets + 1];
        for &hash in &self.hashes {
            directory[share(gram::mix(hash), buckets as u64) + 1] += 1;
        }
        for bucket in 0..buckets {
            directory[bucket + 1] += directory[bucket];
        }
        let granule_bits = (u64::BITS - granules.leading_zeros()).clamp(1, 31);
        let mut next = directory.clone();
        let mut entries = vec![0; count];
        for (&hash, &granule) in self.hashes.iter().zip(&self.granules) {
            let mixed = gram::mix(hash);
            let place = &mut next[share(mixed, buckets as u64)];
            entries[*place as usize] = (mixed as u32) << granule_bits | granule;
            *place += 1;
        }
        Table { filter, directory, entries, granule_bits }
    }
}

impl Table {
    /// How many fingerprints there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes that it takes.
    pub(crate) fn memory(&self) -> u64 {
        (self.filter.len() * 8 + self.directory.len() * 4 + self.entries.len() * 4) as u64
    }

    /// Offsets in `bytes` at which a run may be known, block by block.
    pub(crate) fn candidates(&self, bytes: &[u8], mut found: impl FnMut(usize, u64)) {
        const BLOCK: usize = 1024;
        if self.entries.is_empty() {
            return;
        }
        let mut hits = [0_u16; BLOCK];
        let mut halves = [0_u64; BLOCK + 8];
        let words = self.filter.len() as u64;
        let mut base = 0;
        while bytes.len() >= base + GRAM {
            let end = (base + BLOCK + GRAM - 1).min(bytes.len());
            let block = &bytes[base..end];
            // Each half is of two runs: it is multiplied once.
            for (half, eight) in halves.iter_mut().zip(block.windows(8)) {
                if let Some(eight) = eight.first_chunk() {
                    *half = gram::half(eight);
                }
            }
            let runs = block.len() + 1 - GRAM;
            let mut count = 0;
            for (offset, (&first, &second)) in
                halves[..runs].iter().zip(&halves[8..runs + 8]).enumerate()
            {
                let hash = gram::join(first, second);
                let pattern = pattern(hash);
                let hit = self.filter[share(hash, words)] & pattern == pattern;
                hits[count & (BLOCK - 1)] = offset as u16;
                count += usize::from(hit);
            }
            for &offset in &hits[..count.min(BLOCK)] {
                let at = usize::from(offset);
                let hash = gram::join(halves[at], halves[at + 8]);
                if self.places(hash).next().is_some() {
                    found(base + at, hash);
                }
            }
            base += BLOCK;
        }
    }

    /// Granules of the decoys in which a run with this hash may begin: at most [`MOST`]. A run that
    /// stands at more places of a plant says nothing of any one of them.
    #[inline]
    pub(crate) fn places(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let mixed = gram::mix(hash);
        let bucket = share(mixed, self.directory.len() as u64 - 1);
        let (from, to) = (self.directory[bucket] as usize, self.directory[bucket + 1] as usize);
        let bits = self.granule_bits;
        let tag = (mixed as u32) << bits >> bits;
        self.entries[from..to]
            .iter()
            .filter(move |&&entry| entry >> bits == tag)
            .take(MOST)
            .map(move |entry| entry & ((1 << bits) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_found_and_few_others() {
        let run = |number: u64| -> [u8; GRAM] {
            let mut run = [0; GRAM];
            let high = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            run[..8].copy_from_slice(&high.to_le_bytes());
            run[8..].copy_from_slice(&(high ^ number).rotate_left(17).to_le_bytes());
            run
        };
        let mut gathering = Gathering::default();
        for number in 0..50_000 {
            gathering.add(&run(number), number as u32);
        }
        let table = gathering.finish(50_000);
        assert!(table.memory() < 50_000 * 6);
        let bytes: Vec<u8> = (0..50_000).flat_map(run).collect();
        let mut known = 0;
        table.candidates(&bytes, |at, hash| {
            if at.is_multiple_of(GRAM) {
                let number = (at / GRAM) as u32;
                assert!(table.places(hash).any(|granule| granule == number));
                known += 1;
            }
        });
        assert_eq!(known, 50_000);
        let others: Vec<u8> = (50_000..100_000).flat_map(run).collect();
        let mut wrong = 0;
        table.candidates(&others, |_, _| wrong += 1);
        assert!(wrong * 1000 < others.len(), "{wrong} of {}", others.len());
    }
}
