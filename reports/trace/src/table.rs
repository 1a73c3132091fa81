//! Fingerprints: where in the decoys a run of 16 bytes stands, by its hash.
//!
//! Six bytes a fingerprint, half a byte of directory, one to two bytes of a filter that answers
//! most questions alone.

use crate::gram::{self, GRAM};

/// Fingerprints while they are gathered.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    entries: Vec<(u32, u32)>,
    hashes: Vec<u64>,
    filter_bits: u32,
}

/// Fingerprints, ready to be asked.
#[derive(Debug)]
pub(crate) struct Table {
    filter: Vec<u64>,
    filter_shift: u32,
    /// Where each bucket begins.
    directory: Vec<u32>,
    bucket_shift: u32,
    tags: Vec<u16>,
    positions: Vec<u32>,
}

/// Most places that one question looks at.
const MOST: usize = 32;

/// Two bits of a word of the filter: a run is known only if both are set.
#[inline(always)]
fn pattern(hash: u64) -> u64 {
    (1 << ((hash >> 20) & 63)) | (1 << ((hash >> 8) & 63))
}

impl Gathering {
    /// Expects about `count` fingerprints.
    pub(crate) fn expecting(count: u64) -> Self {
        let bits = (count.max(64) * 8).next_power_of_two().trailing_zeros().min(36);
        Self { entries: Vec::new(), hashes: vec![0; 1 << (bits - 6)], filter_bits: bits }
    }

    /// Adds a run.
    pub(crate) fn add(&mut self, run: &[u8; GRAM], position: u32) {
        let hash = gram::hash(run);
        self.hashes[(hash >> (70 - self.filter_bits)) as usize] |= pattern(hash);
        self.entries.push((gram::mix(hash), position));
    }

    /// Puts the table together.
    pub(crate) fn finish(mut self) -> Table {
        self.entries.sort_unstable();
        let bucket_bits = (self.entries.len() as u64 / 8)
            .max(1)
            .next_power_of_two()
            .trailing_zeros()
            .clamp(1, 30);
        let bucket_shift = 32 - bucket_bits;
        let mut directory = Vec::with_capacity((1 << bucket_bits) + 1);
        let mut at = 0_u32;
        for bucket in 0..=(1_u64 << bucket_bits) {
            while (at as usize) < self.entries.len()
                && u64::from(self.entries[at as usize].0 >> bucket_shift) < bucket
            {
                at += 1;
            }
            directory.push(at);
        }
        Table {
            filter: self.hashes,
            filter_shift: 70 - self.filter_bits,
            directory,
            bucket_shift,
            tags: self.entries.iter().map(|&(hash, _)| hash as u16).collect(),
            positions: self.entries.iter().map(|&(_, position)| position).collect(),
        }
    }
}

impl Table {
    /// How many fingerprints there are.
    pub(crate) fn len(&self) -> usize {
        self.positions.len()
    }

    /// Bytes that it takes.
    pub(crate) fn memory(&self) -> u64 {
        (self.filter.len() * 8
            + self.directory.len() * 4
            + self.tags.len() * 2
            + self.positions.len() * 4) as u64
    }

    /// Offsets in `bytes` at which a run may be known, block by block.
    pub(crate) fn candidates(&self, bytes: &[u8], mut found: impl FnMut(usize, u64)) {
        const BLOCK: usize = 4096;
        if self.positions.is_empty() {
            return;
        }
        let mut hits = [0_u16; BLOCK];
        let mask = self.filter.len() - 1;
        let mut base = 0;
        while bytes.len() >= base + GRAM {
            let end = (base + BLOCK + GRAM - 1).min(bytes.len());
            let block = &bytes[base..end];
            let mut count = 0;
            for (offset, run) in block.windows(GRAM).enumerate() {
                let Ok(run) = <&[u8; GRAM]>::try_from(run) else { continue };
                let hash = gram::hash(run);
                let pattern = pattern(hash);
                let hit =
                    self.filter[(hash >> self.filter_shift) as usize & mask] & pattern == pattern;
                hits[count & (BLOCK - 1)] = offset as u16;
                count += usize::from(hit);
            }
            for &offset in &hits[..count.min(BLOCK)] {
                let at = usize::from(offset);
                if let Some(run) = block[at..].first_chunk::<GRAM>() {
                    let hash = gram::hash(run);
                    if self.knows(hash) {
                        found(base + at, hash);
                    }
                }
            }
            base += BLOCK;
        }
    }

    /// Whether any run has this hash.
    #[inline]
    fn knows(&self, hash: u64) -> bool {
        let mixed = gram::mix(hash);
        let bucket = (mixed >> self.bucket_shift) as usize;
        let (Some(&from), Some(&to)) = (self.directory.get(bucket), self.directory.get(bucket + 1))
        else {
            return false;
        };
        self.tags.get(from as usize..to as usize).is_some_and(|tags| tags.contains(&(mixed as u16)))
    }

    /// Places in the decoys at which a run with this hash may stand: at most [`MOST`]. A run that
    /// stands at more places of a plant says nothing of any one of them.
    pub(crate) fn places(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let mixed = gram::mix(hash);
        let bucket = (mixed >> self.bucket_shift) as usize;
        let from = self.directory.get(bucket).copied().unwrap_or(0) as usize;
        let to = self.directory.get(bucket + 1).copied().unwrap_or(0) as usize;
        let tag = mixed as u16;
        self.tags[from..to]
            .iter()
            .enumerate()
            .filter(move |&(_, &known)| known == tag)
            .take(MOST)
            .map(move |(i, _)| self.positions[from + i])
    }
}
