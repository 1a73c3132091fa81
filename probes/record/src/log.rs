//! The append-only log. Appending comes before every reply and every forwarded packet; when the
//! log cannot take more, the door must refuse.
//!
//! Cannot promise: that the last lines survive when belljar itself is killed. Up to 64 KiB are
//! buffered, and flushed at least five times a second; such a run is marked partial anyway.

use crate::{Actor, Event, Observation, Seq};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Nanoseconds since the run began, on the run's clock.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// Seconds since the run began.
    #[expect(clippy::cast_precision_loss, reason = "for people; 2^53 ns are 104 days")]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// The run's clock: steady in native jars, virtual in deterministic ones.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Now.
    fn now(&self) -> Moment;
}

/// The host's steady clock, from the moment it was made.
#[derive(Debug, Clone)]
pub struct SteadyClock(Instant);

impl SteadyClock {
    /// Starts at 0 now.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Moment {
        Moment(u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

/// The log cannot take more: the door that asked must refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogFull {
    /// The budget is used up.
    #[error("the record has reached its budget of {budget} bytes")]
    Budget {
        /// In bytes.
        budget: u64,
    },
    /// Writing failed.
    #[error("the record cannot be written: {0}")]
    Write(String),
}

/// The append-only log, shared by all probes.
#[derive(Clone, Debug)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    budget: u64,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    line: Vec<u8>,
    pending: Vec<u8>,
    flushed_at: Moment,
    next: u64,
    bytes: u64,
    refused: u64,
    broken: Option<String>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// Bytes kept in memory before they are written out.
const BUFFER: usize = 64 * 1024;
/// Room kept back for the lines that belljar itself must still write once the budget is used up
/// (losses, ends of steps, closed flows).
const RESERVE: u64 = 1024 * 1024;
const FLUSH_EVERY: Moment = Moment(200_000_000);

impl Log {
    /// A log that writes JSON Lines to `out` and takes at most `budget` bytes from the doors.
    pub fn new(out: impl Write + Send + 'static, budget: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                budget,
                state: Mutex::new(State {
                    out: Box::new(out),
                    line: Vec::with_capacity(1024),
                    pending: Vec::with_capacity(BUFFER + 4096),
                    flushed_at: Moment(0),
                    next: 0,
                    bytes: 0,
                    refused: 0,
                    broken: None,
                }),
            }),
        }
    }

    /// Now, on the run's clock.
    pub fn now(&self) -> Moment {
        self.inner.clock.now()
    }

    /// Appends an event seen by a door. Once this returns the event is in the log and will be
    /// written before anything appended later.
    ///
    /// # Errors
    /// [`LogFull`] when the budget is used up or the file cannot be written. The door must then
    /// refuse what it was asked; the refusal is counted here ([`Log::refused`]).
    pub fn append(&self, actor: Actor, event: Event) -> Result<Seq, LogFull> {
        self.put(actor, event, self.inner.budget)
    }

    /// Appends an event of belljar's own bookkeeping, which may use a small reserve beyond the
    /// budget, so that losses can still be told.
    ///
    /// # Errors
    /// As [`Log::append`], when the reserve is used up too.
    pub fn append_own(&self, event: Event) -> Result<Seq, LogFull> {
        self.put(Actor::Belljar, event, self.inner.budget.saturating_add(RESERVE))
    }

    /// Appends what closes the books of something that a door saw (an end, a total), from the same
    /// reserve. The caller bounds how often.
    ///
    /// # Errors
    /// As [`Log::append_own`].
    pub fn close(&self, actor: Actor, event: Event) -> Result<Seq, LogFull> {
        self.put(actor, event, self.inner.budget.saturating_add(RESERVE))
    }

    fn put(&self, actor: Actor, event: Event, budget: u64) -> Result<Seq, LogFull> {
        let mut state = self.lock();
        if let Some(error) = &state.broken {
            let error = LogFull::Write(error.clone());
            state.refused += 1;
            return Err(error);
        }
        let at = self.inner.clock.now();
        let seq = Seq(state.next);
        let observation = Observation { seq, at, actor, event };
        let mut line = std::mem::take(&mut state.line);
        line.clear();
        let written = serde_json::to_writer(&mut line, &observation);
        line.push(b'\n');
        let len = line.len() as u64;
        let result = if let Err(error) = written {
            Err(LogFull::Write(error.to_string()))
        } else if state.bytes + len > budget {
            Err(LogFull::Budget { budget: self.inner.budget })
        } else {
            state.pending.extend_from_slice(&line);
            state.bytes += len;
            state.next += 1;
            let due = at.0.saturating_sub(state.flushed_at.0) >= FLUSH_EVERY.0;
            if state.pending.len() >= BUFFER || due { state.flush(at) } else { Ok(()) }
        };
        state.line = line;
        match result {
            Ok(()) => Ok(seq),
            Err(error) => {
                state.refused += 1;
                Err(error)
            }
        }
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// [`LogFull::Write`] if the file cannot be written.
    pub fn flush(&self) -> Result<(), LogFull> {
        let now = self.inner.clock.now();
        self.lock().flush(now)
    }

    /// Writes out what is buffered if it has waited for its time. Appending does the same; whoever
    /// waits while nothing is appended calls this, so that the last lines do not stay behind.
    ///
    /// # Errors
    /// As [`Log::flush`].
    pub fn flush_due(&self) -> Result<(), LogFull> {
        let now = self.inner.clock.now();
        let mut state = self.lock();
        if state.pending.is_empty() || now.0.saturating_sub(state.flushed_at.0) < FLUSH_EVERY.0 {
            return Ok(());
        }
        state.flush(now)
    }

    /// How many events doors tried to append and could not.
    pub fn refused(&self) -> u64 {
        self.lock().refused
    }

    /// How many observations are in the log.
    pub fn len(&self) -> u64 {
        self.lock().next
    }

    /// Whether nothing was observed yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in another door's thread must not silence the log.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn flush(&mut self, now: Moment) -> Result<(), LogFull> {
        let result = self.out.write_all(&self.pending).and_then(|()| self.out.flush());
        self.pending.clear();
        self.flushed_at = now;
        result.map_err(|error| {
            self.broken = Some(error.to_string());
            LogFull::Write(error.to_string())
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        // The run flushes before it concludes and reports an error there; this is for early ends.
        let _ = state.flush(Moment(0));
    }
}

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A line is not an observation.
    #[error("{path}, line {line}: not an observation: {source}")]
    Line {
        /// Which file.
        path: String,
        /// Which line, from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
}

/// Reads a record line by line. Memory does not grow with its length.
///
/// # Errors
/// [`ReadError::File`] if it cannot be opened; each item can be an error of its own line.
pub fn read_log(
    path: &Path,
) -> Result<impl Iterator<Item = Result<Observation, ReadError>> + use<>, ReadError> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path)
        .map_err(|source| ReadError::File { path: name.clone(), source })?;
    let lines = io::BufReader::with_capacity(1 << 20, file).split(b'\n');
    Ok((1..).zip(lines).map(move |(line, bytes)| {
        let bytes = bytes.map_err(|source| ReadError::File { path: name.clone(), source })?;
        serde_json::from_slice(&bytes).map_err(|source| ReadError::Line {
            path: name.clone(),
            line,
            source,
        })
    }))
}

/// How long the log may hold lines back in memory.
pub const fn flush_interval() -> Duration {
    Duration::from_nanos(FLUSH_EVERY.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(buf);
            Ok(buf.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn phase() -> Event {
        Event::Phase { name: "running".into() }
    }

    #[test]
    fn appended_lines_come_back_in_order() {
        let out = Shared::default();
        let log = Log::new(out.clone(), u64::MAX, Arc::new(SteadyClock::start()));
        for n in 0..1000 {
            assert_eq!(log.append(Actor::Kernel, phase()).expect("has room"), Seq(n));
        }
        log.flush().expect("memory takes all");
        let bytes = out.0.lock().expect("not poisoned").clone();
        let seqs: Vec<u64> = bytes
            .split(|&b| b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice::<Observation>(line).expect("reads back").seq.0)
            .collect();
        assert_eq!(seqs, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_log_refuses_and_counts() {
        let log = Log::new(io::sink(), 300, Arc::new(SteadyClock::start()));
        let refused = (0..10).filter(|_| log.append(Actor::Kernel, phase()).is_err()).count();
        assert!(refused > 0);
        assert_eq!(log.refused(), refused as u64);
        log.append_own(phase()).expect("the reserve is for belljar's own lines");
    }
}
