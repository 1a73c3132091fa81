//! How much decoding may cost, and what was left undone because of it.

use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Limits of one [`crate::explore`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// How many decodings may be nested.
    pub depth: usize,
    /// Decoded bytes in all, as a multiple of the payload's length …
    pub ratio: u64,
    /// … plus this many bytes.
    pub output: u64,
    /// How many objects may be decoded.
    pub pieces: u64,
    /// How long it may take. Generous: what is cut by time differs from machine to machine, so
    /// the other limits are meant to be reached first.
    pub time: Duration,
    /// The most bytes of one object that are held in memory at once (at least 64 KiB).
    pub window: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            depth: 6,
            ratio: 64,
            output: 256 << 20,
            pieces: 200_000,
            time: Duration::from_secs(600),
            window: 16 << 20,
        }
    }
}

/// What a budget cut: how many decodings were not done, or not to their end, by the limit that
/// stopped them. All zero means that nothing was cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Objects at the deepest level in which something more was recognised.
    pub depth: u64,
    /// Decodings stopped, or not begun, because of their total output or of all the bytes that
    /// were looked at for them.
    pub output: u64,
    /// Decodings not begun because there were too many objects.
    pub pieces: u64,
    /// Decodings not done because the time was over.
    pub time: u64,
    /// Streams that were cut at the edge of a window because what they are in is larger than one;
    /// and such objects that may be a stream without a mark themselves.
    pub windows: u64,
    /// Messages of a protocol that could not be split (too many, or headers too long).
    pub messages: u64,
}

impl Cut {
    /// Everything that was cut.
    pub fn total(&self) -> u64 {
        self.depth + self.output + self.pieces + self.time + self.windows + self.messages
    }

    /// Adds what was cut elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.depth += other.depth;
        self.output += other.output;
        self.pieces += other.pieces;
        self.time += other.time;
        self.windows += other.windows;
        self.messages += other.messages;
    }
}

/// Bytes that may be gone through for what nothing speaks for, beside the payload's length.
const TRIES: u64 = 2 << 20;

/// What is left of a budget.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) depth: usize,
    pub(crate) window: usize,
    output_left: u64,
    work_left: u64,
    tries_left: u64,
    pieces_left: u64,
    deadline: Instant,
    asked: u32,
    over: bool,
    pub(crate) cut: Cut,
}

impl Meter {
    pub(crate) fn new(budget: &Budget, payload: u64) -> Self {
        let output = budget.output.saturating_add(payload.saturating_mul(budget.ratio));
        Self {
            depth: budget.depth,
            window: budget.window.max(64 << 10),
            output_left: output,
            // Streams that give nothing are read all the same.
            work_left: output.saturating_mul(4),
            tries_left: TRIES.saturating_add(payload),
            pieces_left: budget.pieces,
            deadline: Instant::now() + budget.time,
            asked: 0,
            over: budget.time.is_zero(),
            cut: Cut::default(),
        }
    }

    /// Whether one more object may be decoded; counts the refusal.
    pub(crate) fn may_begin(&mut self) -> bool {
        if self.pieces_left == 0 {
            self.cut.pieces += 1;
            return false;
        }
        if self.output_left == 0 || self.work_left == 0 {
            self.cut.output += 1;
            return false;
        }
        // Asking for the time costs more than many a decoding.
        self.asked = self.asked.wrapping_add(1);
        if self.asked.is_multiple_of(64) {
            self.over = Instant::now() > self.deadline;
        }
        if self.over {
            self.cut.time += 1;
        }
        !self.over
    }

    /// Counts an object.
    pub(crate) fn begin(&mut self) {
        self.pieces_left = self.pieces_left.saturating_sub(1);
    }

    /// Counts bytes that were looked at.
    pub(crate) fn work(&mut self, bytes: u64) {
        self.work_left = self.work_left.saturating_sub(bytes);
    }

    /// Whether `bytes` may be gone through for something that nothing speaks for. What is not
    /// tried is no loss that is counted: it is a limit of the decoder, and stated there.
    pub(crate) fn may_try(&mut self, bytes: u64) -> bool {
        let may = bytes <= self.tries_left;
        if may {
            self.tries_left -= bytes;
        }
        may
    }

    /// How many bytes may still be decoded.
    pub(crate) fn output_left(&self) -> u64 {
        self.output_left
    }

    /// Counts decoded bytes.
    pub(crate) fn spend(&mut self, bytes: u64) {
        self.output_left = self.output_left.saturating_sub(bytes);
    }
}
