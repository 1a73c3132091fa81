//! Keeps what belongs to no stream: datagrams, packets, remainders. Framed, one payload a series.
//!
//! Promises: at most [`OPEN`] payloads are open at a time, however many conversations there are; a
//! series that had to make room goes on in a further payload.

use belljar_record::{
    Actor, Direction, Event, FlowId, Layer, Log, Payloads, StoreError, StreamWriter,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Payloads that may be open at a time (each is an open file).
const OPEN: usize = 96;

/// Which series a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Series {
    pub(crate) flow: FlowId,
    pub(crate) direction: Direction,
    pub(crate) layer: Layer,
    pub(crate) label: &'static str,
}

#[derive(Debug)]
struct Open {
    writer: StreamWriter,
    used: u64,
}

/// The open series.
#[derive(Debug)]
pub(crate) struct Keeper {
    payloads: Payloads,
    log: Log,
    state: Mutex<State>,
    /// Payloads that could not be finished or told.
    pub(crate) lost: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    open: HashMap<Series, Open>,
    clock: u64,
}

impl Keeper {
    pub(crate) fn new(payloads: Payloads, log: Log) -> Self {
        Self { payloads, log, state: Mutex::default(), lost: AtomicU64::new(0) }
    }

    /// Keeps a message. Call it before passing the message on; an error means: do not pass it on.
    pub(crate) fn keep(&self, series: Series, message: &[u8]) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.clock += 1;
        let now = state.clock;
        if let Some(open) = state.open.get_mut(&series) {
            open.used = now;
            return open.writer.append_framed(message);
        }
        if state.open.len() >= OPEN {
            let oldest = state.open.iter().min_by_key(|(_, open)| open.used).map(|(key, _)| *key);
            if let Some((key, open)) = oldest.and_then(|key| state.open.remove_entry(&key)) {
                self.finish(key, open);
            }
        }
        let mut writer = self.payloads.begin(&format!("flow-{}", series.flow))?;
        writer.append_framed(message)?;
        state.open.insert(series, Open { writer, used: now });
        Ok(())
    }

    /// Finishes all series of a conversation.
    pub(crate) fn finish_flow(&self, flow: FlowId) {
        let mut state = self.lock();
        let ended: Vec<_> = state.open.extract_if(|series, _| series.flow == flow).collect();
        for (series, open) in ended {
            self.finish(series, open);
        }
    }

    /// Finishes all.
    pub(crate) fn finish_all(&self) {
        let mut all: Vec<_> = self.lock().open.drain().collect();
        all.sort_by_key(|(series, _)| series.flow);
        for (series, open) in all {
            self.finish(series, open);
        }
    }

    fn finish(&self, series: Series, open: Open) {
        let Ok(payload) = open.writer.finish() else {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let event = Event::Payload {
            flow: Some(series.flow),
            direction: series.direction,
            layer: series.layer,
            payload,
            label: series.label.into(),
        };
        // These lines close the books on bytes already kept: they may use belljar's reserve.
        if self.log.append(Actor::Belljar, event.clone()).is_err()
            && self.log.append_own(event).is_err()
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
