//! One direction of a TCP connection, put together.
//!
//! Promises: bytes stand where their sequence numbers say, whatever order they came in; what was
//! sent again with other bytes is handed back; what never came is counted and closed up.

use std::collections::BTreeMap;

/// Bytes that wait for earlier ones, at most.
const WAITING: usize = 64 << 20;
/// How far ahead of what is known a segment may stand.
const AHEAD: u64 = 1 << 30;

#[derive(Debug, Default)]
pub(crate) struct Side {
    first: Option<u32>,
    pub(crate) bytes: Vec<u8>,
    waiting: BTreeMap<u64, Vec<u8>>,
    held: usize,
    /// Bytes that were closed up: `bytes[0]` stands at `gone` less than its number in the stream.
    skipped: u64,
    /// Bytes that never came.
    pub(crate) missing: u64,
}

/// What a segment's bytes are beside the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// In the stream, or already there.
    Stream,
    /// Equal in place to bytes that are there, and other bytes: to be kept apart.
    Differs,
    /// Too far from everything else: to be kept apart.
    Stray,
}

impl Side {
    /// Whether a SYN with this number begins the same connection again.
    pub(crate) fn begins_with(&self, sequence: u32) -> bool {
        self.first.is_none_or(|first| first == sequence.wrapping_add(1))
    }

    /// Notes where the stream begins.
    pub(crate) fn begin(&mut self, sequence: u32) {
        self.first.get_or_insert(sequence);
    }

    /// Number in the stream of the next byte.
    fn next(&self) -> u64 {
        self.skipped + self.bytes.len() as u64
    }

    /// Takes a segment.
    pub(crate) fn take(&mut self, sequence: u32, payload: &[u8]) -> Taken {
        if payload.is_empty() {
            return Taken::Stream;
        }
        let first = *self.first.get_or_insert(sequence);
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap at 2^32")]
        let expected = first.wrapping_add(self.next() as u32);
        let distance = i64::from(sequence.wrapping_sub(expected).cast_signed());
        let Some(start) = self.next().checked_add_signed(distance) else { return Taken::Stray };
        if start > self.next() {
            if start - self.next() > AHEAD {
                return Taken::Stray;
            }
            if let Some(known) = self.waiting.get(&start)
                && known.len() >= payload.len()
            {
                return match known.starts_with(payload) {
                    true => Taken::Stream,
                    false => Taken::Differs,
                };
            }
            self.held += payload.len();
            if let Some(old) = self.waiting.insert(start, payload.to_vec()) {
                self.held -= old.len();
                if !payload.starts_with(&old) {
                    self.waiting.insert(start, old);
                    return Taken::Differs;
                }
            }
            if self.held > WAITING {
                self.close_up();
            }
            return Taken::Stream;
        }
        let taken = self.append(start, payload);
        self.drain();
        taken
    }

    /// Appends what is new of bytes that begin at or before the end.
    fn append(&mut self, start: u64, payload: &[u8]) -> Taken {
        let old = usize::try_from(self.next() - start).unwrap_or(usize::MAX).min(payload.len());
        let (again, new) = payload.split_at(old);
        let mut taken = Taken::Stream;
        if !again.is_empty() {
            let known = start
                .checked_sub(self.skipped)
                .and_then(|at| usize::try_from(at).ok())
                .and_then(|at| self.bytes.get(at..at + again.len()));
            if known != Some(again) {
                taken = Taken::Differs;
            }
        }
        self.bytes.extend_from_slice(new);
        taken
    }

    /// Appends waiting bytes that fit now.
    fn drain(&mut self) {
        while let Some((&start, _)) = self.waiting.first_key_value() {
            if start > self.next() {
                return;
            }
            let Some(bytes) = self.waiting.remove(&start) else { return };
            self.held -= bytes.len();
            self.append(start, &bytes);
        }
    }

    /// Goes on behind the first gap.
    fn close_up(&mut self) {
        if let Some((&start, _)) = self.waiting.first_key_value() {
            let gap = start - self.next();
            self.missing += gap;
            self.skipped += gap;
            self.drain();
        }
    }

    /// Appends all that is left.
    pub(crate) fn finish(&mut self) {
        while !self.waiting.is_empty() {
            self.close_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_out_of_order_again_and_across_the_wrap_make_one_stream() {
        let mut side = Side::default();
        side.begin(u32::MAX - 2);
        let at = |n: u32| (u32::MAX - 2).wrapping_add(n);
        assert_eq!(side.take(at(4), b"efgh"), Taken::Stream);
        assert_eq!(side.take(at(0), b"abcd"), Taken::Stream);
        assert_eq!(side.take(at(2), b"cdef"), Taken::Stream);
        assert_eq!(side.take(at(2), b"cdXX"), Taken::Differs);
        assert_eq!(side.take(at(10), b"kl"), Taken::Stream);
        side.finish();
        assert_eq!((side.bytes.as_slice(), side.missing), (b"abcdefghkl".as_slice(), 2));
    }
}
