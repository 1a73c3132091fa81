//! Follows the component's half of a TCP connection by sequence numbers, so that every byte it
//! sends is known to be in the stream that the responder reads, or is kept as a remainder.
//!
//! Cannot see: that the answering kernel refuses a segment for its acknowledgement or timestamp
//! and later takes other bytes for the same place. The later bytes are then in the stream, and the
//! refused ones only in the capture, unless their checksum was their own (then they are kept).

use belljar_packet::Segment;

/// Gaps that are followed at one time; more make the rest remainders.
const RANGES: usize = 64;

/// One direction of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    first: u32,
    ranges: Vec<(u64, u64)>,
    end: Option<u64>,
    /// The other side agreed to the connection.
    pub(crate) answered: bool,
    /// Nothing is read any more: it was reset, or the responder is done.
    pub(crate) over: bool,
    /// Bytes seen for the first time and not kept as a remainder: the stream must have them.
    pub(crate) expected: u64,
}

/// What a segment's payload is beside the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the stream, for the first time (or there is none).
    Stream,
    /// To be kept as a remainder, for this reason.
    Remainder(&'static str),
}

impl Track {
    /// Begins with the first segment seen.
    pub(crate) fn new(segment: &Segment<'_>) -> Self {
        let syn = u32::from(segment.has(Segment::SYN));
        Self {
            first: segment.sequence.wrapping_add(syn),
            ranges: Vec::new(),
            end: None,
            answered: false,
            over: false,
            expected: 0,
        }
    }

    /// Whether a SYN begins the same connection again (sent once more by the kernel).
    pub(crate) fn begins_with(&self, segment: &Segment<'_>) -> bool {
        self.first == segment.sequence.wrapping_add(1)
    }

    /// Whether the component said that it sends no more.
    pub(crate) fn ended(&self) -> bool {
        self.end.is_some()
    }

    /// Takes a segment from the component. `own_checksum`: not left to the device, as the
    /// component's kernel leaves it.
    pub(crate) fn take(&mut self, segment: &Segment<'_>, own_checksum: bool) -> Place {
        if segment.has(Segment::RST) {
            self.over = true;
        }
        let len = segment.payload.len() as u64;
        if segment.has(Segment::SYN) {
            return keep_if(len > 0, "data in SYN");
        }
        let Some(start) = self.place(segment.sequence) else {
            return keep_if(len > 0, "data before the start of a connection");
        };
        let past_end = self.end.is_some_and(|end| start + len > end);
        if segment.has(Segment::FIN) && self.end.is_none() {
            self.end = Some(start + len);
        }
        if len == 0 {
            return Place::Stream;
        }
        if !self.answered || self.over || segment.has(Segment::RST) {
            return Place::Remainder("data outside a connection");
        }
        if past_end {
            return Place::Remainder("data after FIN");
        }
        let next = self.ranges.last().map_or(0, |&(_, end)| end);
        let Some(new) = self.insert(start, start + len) else {
            return Place::Remainder("data with too many gaps");
        };
        if own_checksum {
            Place::Remainder("data with a checksum of its own")
        } else if new < len {
            Place::Remainder("data sent again")
        } else if start > next {
            Place::Remainder("data out of order")
        } else {
            self.expected += new;
            Place::Stream
        }
    }

    /// Place in the stream of a sequence number, near the furthest byte seen; `None` before 0.
    fn place(&self, sequence: u32) -> Option<u64> {
        let furthest = self.ranges.last().map_or(0, |&(_, end)| end);
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap at 2^32")]
        let expected = self.first.wrapping_add(furthest as u32);
        let distance = sequence.wrapping_sub(expected).cast_signed();
        furthest.checked_add_signed(i64::from(distance))
    }

    /// Adds a range; returns how much of it is new, or `None` if there are too many gaps.
    fn insert(&mut self, start: u64, end: u64) -> Option<u64> {
        if let Some(last) = self.ranges.last_mut()
            && last.1 == start
        {
            last.1 = end;
            return Some(end - start);
        }
        let (mut low, mut high, mut known) = (start, end, 0);
        let touches = |&(from, to): &(u64, u64)| from <= end && to >= start;
        let count = self.ranges.iter().filter(|range| touches(range)).count();
        if count == 0 && self.ranges.len() >= RANGES {
            return None;
        }
        self.ranges.retain(|range| {
            if !touches(range) {
                return true;
            }
            known += range.1.min(end).saturating_sub(range.0.max(start));
            low = low.min(range.0);
            high = high.max(range.1);
            false
        });
        let at = self.ranges.partition_point(|range| range.0 < low);
        self.ranges.insert(at, (low, high));
        Some(end - start - known)
    }
}

fn keep_if(any: bool, why: &'static str) -> Place {
    if any { Place::Remainder(why) } else { Place::Stream }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(sequence: u32, flags: u8, payload: &[u8]) -> Segment<'_> {
        Segment { source: 1, target: 2, sequence, flags, payload }
    }

    fn open(first: u32) -> Track {
        let mut track = Track::new(&segment(first, Segment::SYN, b""));
        track.answered = true;
        track
    }

    #[test]
    fn bytes_in_order_are_the_stream_also_where_sequence_numbers_wrap() {
        let mut track = open(u32::MAX - 3);
        for round in 0..5u32 {
            let at = (u32::MAX - 2).wrapping_add(round * 4);
            assert_eq!(track.take(&segment(at, Segment::ACK, b"abcd"), false), Place::Stream);
        }
        assert_eq!((track.expected, track.ranges.clone()), (20, vec![(0, 20)]));
    }

    #[test]
    fn whatever_the_stream_may_not_hold_is_a_remainder() {
        let reason = |place| match place {
            Place::Remainder(why) => why,
            Place::Stream => "stream",
        };
        let mut track = open(99);
        assert_eq!(reason(track.take(&segment(99, Segment::SYN, b"x"), false)), "data in SYN");
        assert_eq!(reason(track.take(&segment(100, Segment::ACK, b"abcd"), false)), "stream");
        assert_eq!(
            reason(track.take(&segment(102, Segment::ACK, b"XY"), false)),
            "data sent again"
        );
        assert_eq!(
            reason(track.take(&segment(104, Segment::ACK, b"e"), true)),
            "data with a checksum of its own"
        );
        assert_eq!(
            reason(track.take(&segment(109, Segment::ACK, b"zz"), false)),
            "data out of order"
        );
        assert_eq!(reason(track.take(&segment(105, Segment::ACK, b"fghi"), false)), "stream");
        assert_eq!(reason(track.take(&segment(111, Segment::FIN, b""), false)), "stream");
        assert_eq!(reason(track.take(&segment(111, Segment::ACK, b"q"), false)), "data after FIN");
        track.take(&segment(111, Segment::RST, b""), false);
        assert_eq!(
            reason(track.take(&segment(111, Segment::ACK, b"q"), false)),
            "data outside a connection"
        );
    }

    #[test]
    fn gaps_are_bounded() {
        let mut track = open(0);
        for gap in 0..1000 {
            track.take(&segment(1 + gap * 10, Segment::ACK, b"x"), false);
        }
        assert!(track.ranges.len() <= RANGES);
    }
}
