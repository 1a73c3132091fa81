//! Sets of byte ranges: which parts of a decoy were read.

use std::collections::BTreeMap;
use std::ops::Range;

/// Byte ranges, joined where they touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeSet {
    /// Start to end; no two touch.
    ranges: BTreeMap<u64, u64>,
    coarse: bool,
}

impl RangeSet {
    /// Adds a range.
    pub fn insert(&mut self, range: Range<u64>) {
        let Range { mut start, mut end } = range;
        if start >= end {
            return;
        }
        if let Some((&before, &until)) = self.ranges.range(..=start).next_back()
            && until >= start
        {
            if until >= end {
                return;
            }
            start = before;
        }
        while let Some((&next, &until)) = self.ranges.range(start..=end).next() {
            self.ranges.remove(&next);
            end = end.max(until);
        }
        self.ranges.insert(start, end);
    }

    /// Adds all ranges of another set.
    pub fn union(&mut self, other: &Self) {
        for range in other.iter() {
            self.insert(range);
        }
        self.coarse |= other.coarse;
    }

    /// The ranges, in order, no two touching.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> {
        self.ranges.iter().map(|(&start, &end)| start..end)
    }

    /// How many distinct bytes there are.
    pub fn bytes(&self) -> u64 {
        self.iter().map(|range| range.end - range.start).sum()
    }

    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether `place` is in one of them.
    pub fn contains(&self, place: u64) -> bool {
        self.ranges.range(..=place).next_back().is_some_and(|(_, &end)| place < end)
    }

    /// Whether gaps were closed to keep the set small: then it is a superset.
    pub fn is_coarse(&self) -> bool {
        self.coarse
    }

    /// Closes the narrowest gaps until at most `most` ranges are left (at least one).
    pub fn coarsen(&mut self, most: usize) {
        let most = most.max(1);
        if self.ranges.len() <= most {
            return;
        }
        let ranges: Vec<_> = self.iter().collect();
        let mut gaps: Vec<u64> = ranges.windows(2).map(|two| two[1].start - two[0].end).collect();
        let close = gaps.len() + 1 - most;
        let (_, &mut widest, _) = gaps.select_nth_unstable(close - 1);
        self.ranges.clear();
        self.coarse = true;
        let mut joined: Option<Range<u64>> = None;
        for range in ranges {
            joined = Some(match joined.take() {
                Some(known) if range.start - known.end <= widest => known.start..range.end,
                Some(known) => {
                    self.ranges.insert(known.start, known.end);
                    range
                }
                None => range,
            });
        }
        self.ranges.extend(joined.map(|range| (range.start, range.end)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_range_set_holds_exactly_the_bytes_put_in(
            ranges in proptest::collection::vec((0u64..200, 0u64..30), 0..40),
        ) {
            let mut set = RangeSet::default();
            let mut model = [false; 256];
            for (start, len) in ranges {
                set.insert(start..start + len);
                for place in start..start + len {
                    model[usize::try_from(place).expect("small")] = true;
                }
            }
            for (place, &there) in model.iter().enumerate() {
                prop_assert_eq!(set.contains(place as u64), there);
            }
            let all: Vec<_> = set.iter().collect();
            prop_assert!(all.windows(2).all(|two| two[0].end < two[1].start));
            prop_assert_eq!(set.bytes(), model.iter().filter(|&&there| there).count() as u64);
            let mut coarse = set.clone();
            coarse.coarsen(3);
            prop_assert!(coarse.len() <= 3);
            for range in set.iter() {
                prop_assert!((range.start..range.end).all(|place| coarse.contains(place)));
            }
        }
    }
}
