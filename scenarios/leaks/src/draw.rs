//! Randomness that is the same on every machine: SplitMix64 (Steele, Lea, Flood 2014), keyed by a
//! label. Nothing here needs to be unpredictable.

/// A stream of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    /// The stream of a seed and a label.
    pub(crate) fn new(seed: u64, label: &str) -> Self {
        let mut draw = Self(seed ^ u64::from(short_hash(label)) << 17);
        draw.next();
        draw
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`; 0 for an empty range.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    /// One of `all`, which must not be empty.
    pub(crate) fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }
}

/// FNV-1a, 32 bits.
pub(crate) fn short_hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// A share of `all`, drawn by `seed`: those whose number drawn by label is below the share.
pub fn sample<T>(all: Vec<T>, share: f64, seed: u64, label: impl Fn(&T) -> &str) -> Vec<T> {
    let bound = (share.clamp(0.0, 1.0) * f64::from(u32::MAX)) as u64;
    all.into_iter()
        .filter(|item| share >= 1.0 || Draw::new(seed, label(item)).below(1 << 32) < bound)
        .collect()
}
