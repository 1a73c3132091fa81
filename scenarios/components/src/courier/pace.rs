//! How writing is spread over time.

use crate::random;
use belljar_leaks::{Case, Timing};
use std::io::{self, Write};
use std::time::Duration;

/// The pieces in which a payload is written, and how long to wait after each.
pub(crate) struct Pace {
    pieces: usize,
    pauses: Vec<Duration>,
}

impl Pace {
    pub(crate) fn of(case: &Case) -> Self {
        let millis = Duration::from_millis;
        match case.timing {
            Timing::Chunks => Self { pieces: 4, pauses: vec![millis(5)] },
            Timing::SlowDrip => Self { pieces: 24, pauses: vec![millis(12)] },
            Timing::Jitter => {
                let drawn = random::bytes(u64::from(case.seed), "jitter", 8);
                let pauses = drawn.iter().map(|byte| millis(1 + u64::from(byte % 30))).collect();
                Self { pieces: 8, pauses }
            }
            Timing::AtOnce | Timing::AfterScans | Timing::AfterUpdate => {
                Self { pieces: 1, pauses: vec![Duration::ZERO] }
            }
        }
    }

    /// Waits after the piece of this number.
    pub(crate) fn wait(&self, number: usize) {
        let pause = self.pauses[number % self.pauses.len()];
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }

    /// Cuts a payload.
    pub(crate) fn cut<'a>(&self, payload: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        payload.chunks(payload.len().div_ceil(self.pieces).max(1))
    }

    /// Writes a payload piece by piece.
    pub(crate) fn write(&self, to: &mut impl Write, payload: &[u8]) -> io::Result<()> {
        for (number, piece) in self.cut(payload).enumerate() {
            to.write_all(piece)?;
            to.flush()?;
            self.wait(number);
        }
        Ok(())
    }
}
