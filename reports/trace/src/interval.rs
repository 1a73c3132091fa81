//! Sets of byte ranges.

use std::ops::Range;

/// Sorts ranges and joins those that touch.
pub(crate) fn union(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// How many values lie in ranges that do not overlap.
pub(crate) fn total(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

/// What of `range` lies in none of `set` (a union).
pub(crate) fn without(range: &Range<u64>, set: &[Range<u64>]) -> Vec<Range<u64>> {
    let (mut at, mut rest) = (range.start, Vec::new());
    let first = set.partition_point(|known| known.end <= range.start);
    for known in &set[first..] {
        if known.start >= range.end {
            break;
        }
        if known.start > at {
            rest.push(at..known.start);
        }
        at = at.max(known.end);
    }
    if at < range.end {
        rest.push(at..range.end);
    }
    rest
}

/// Whether `range` lies in `set` (a union) altogether.
pub(crate) fn covers(set: &[Range<u64>], range: &Range<u64>) -> bool {
    without(range, set).is_empty()
}

/// Whether any of `set` touches `range`.
pub(crate) fn overlaps(set: &[Range<u64>], range: &Range<u64>) -> bool {
    set.iter().any(|known| known.start < range.end && range.start < known.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_range() {
        let set = union(vec![5..8, 1..3, 7..9]);
        assert_eq!(set, vec![1..3, 5..9]);
        assert_eq!(without(&(0..10), &set), vec![0..1, 3..5, 9..10]);
        assert!(covers(&set, &(5..9)) && !covers(&set, &(4..9)));
    }
}
