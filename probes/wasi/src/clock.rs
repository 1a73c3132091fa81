//! Time in the wasm jar: virtual, so that equal runs are equal to the nanosecond.
//!
//! It moves only by what the guest does: by one nanosecond for each unit of fuel, by
//! [`CALL`] for each call of an import, and by waiting (a wait ends at once for the host, later for
//! the guest). It says nothing of how long the host took.

use crate::guest::Guest;
use belljar_record::{Clock, Moment};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

/// Nanoseconds that a call of an import takes.
pub(crate) const CALL: u64 = 1_000;

/// The run's clock. Shared by the log and all guests of a run.
#[derive(Debug, Default)]
pub struct VirtualClock(AtomicU64);

impl VirtualClock {
    /// Starts at 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets time go by.
    pub fn advance(&self, nanos: u64) {
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Moves on to a moment, unless it has gone by.
    pub fn advance_to(&self, moment: Moment) {
        self.0.fetch_max(moment.0, Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::Relaxed))
    }
}

/// A moment that is waited for.
struct Deadline {
    at: Moment,
    clock: std::sync::Arc<VirtualClock>,
}

#[async_trait::async_trait]
impl Pollable for Deadline {
    async fn ready(&mut self) {
        let now = self.clock.now();
        if self.at > now {
            // The runtime's own time stands still unless everybody waits; then it jumps.
            tokio::time::sleep(Duration::from_nanos(self.at.0 - now.0)).await;
            self.clock.advance_to(self.at);
        } else {
            // A guest that asks again and again must not keep others from going on.
            tokio::task::yield_now().await;
        }
    }
}

impl Guest {
    fn wait_until(&mut self, at: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let clock = std::sync::Arc::clone(&self.doors.clock);
        let deadline = self.table.push(Deadline { at: Moment(at), clock })?;
        subscribe(&mut self.table, deadline)
    }
}

impl monotonic_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        let now = self.doors.clock.now().0;
        self.note("wasi:clocks/monotonic-clock now", format!("{now} ns"))?;
        Ok(now)
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        self.note("wasi:clocks/monotonic-clock resolution", format!("{CALL} ns"))?;
        Ok(CALL)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.note("wasi:clocks/monotonic-clock subscribe-instant", format!("{when} ns"))?;
        self.wait_until(when)
    }

    fn subscribe_duration(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.note("wasi:clocks/monotonic-clock subscribe-duration", format!("{when} ns"))?;
        let at = self.doors.clock.now().0.saturating_add(when);
        self.wait_until(at)
    }
}

impl wall_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let since = Duration::from_nanos(self.doors.clock.now().0);
        let start = u64::try_from(self.setting.now).unwrap_or(0);
        let (seconds, nanoseconds) = (start.saturating_add(since.as_secs()), since.subsec_nanos());
        self.note("wasi:clocks/wall-clock now", format!("{seconds}.{nanoseconds:09} s"))?;
        Ok(wall_clock::Datetime { seconds, nanoseconds })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        self.note("wasi:clocks/wall-clock resolution", format!("{CALL} ns"))?;
        let nanoseconds = u32::try_from(CALL).unwrap_or(u32::MAX);
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds })
    }
}
