//! The queue between the thread that reads a device and the one that records and passes on.
//!
//! Promises: it never drops. A full queue makes the reader wait, the device's own queue fills, and
//! what that drops is counted by the kernel and read at the end.

use crate::link::Offload;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A frame on its way.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) offload: Offload,
    pub(crate) packet: Vec<u8>,
}

/// A queue bounded by bytes.
#[derive(Debug)]
pub(crate) struct Queue {
    room: usize,
    state: Mutex<State>,
    filled: Condvar,
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Frame>,
    bytes: usize,
    closed: bool,
}

/// What a frame costs beside its bytes.
const OVERHEAD: usize = 64;

impl Queue {
    pub(crate) fn new(room: usize) -> Self {
        Self { room, state: Mutex::default(), filled: Condvar::new(), emptied: Condvar::new() }
    }

    /// Waits for room, then adds.
    pub(crate) fn push(&self, frame: Frame) {
        let mut state = self.lock();
        while state.bytes > self.room && !state.closed {
            state = self.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes += frame.packet.len() + OVERHEAD;
        state.frames.push_back(frame);
        if state.frames.len() == 1 {
            self.filled.notify_one();
        }
    }

    /// Waits for frames and takes all of them; nothing once the queue is closed and empty.
    pub(crate) fn take(&self, into: &mut VecDeque<Frame>) -> bool {
        let mut state = self.lock();
        while state.frames.is_empty() {
            if state.closed {
                return false;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut state.frames, into);
        state.bytes = 0;
        self.emptied.notify_all();
        true
    }

    /// No more frames will come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
