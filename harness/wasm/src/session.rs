//! One guest, from its start to its end.

use crate::engine::{Program, TICK};
use belljar_record::{Clock as _, LogFull};
use belljar_wasi::{Denied, Doors, Ended, Guest, LineSink, Setting};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use wasmtime::{Store, Trap, WasmBacktrace};

/// How much longer than its own time a guest may take of the host's, before it is ended as a last
/// resort.
const PATIENCE: u32 = 20;
/// And at least.
const LEAST: Duration = Duration::from_secs(60);

/// What guests wait in: one thread whose time stands still unless all wait, and then jumps.
#[derive(Debug)]
pub struct Session {
    runtime: Runtime,
}

/// How a guest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// By itself, with this exit code.
    Exited(u8),
    /// By a trap.
    Trapped {
        /// Which, in words.
        what: String,
        /// Guest functions, innermost first.
        frames: Vec<String>,
    },
    /// It could not be set up.
    NotStarted(String),
    /// Its time on the run's clock was up: with the same seed it always is, at the same place.
    OutOfTime,
    /// The host's patience was up, which says nothing that must be so again.
    HostTime,
    /// The record could not take more.
    RecordFull(LogFull),
}

/// A guest's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestEnd {
    /// How.
    pub outcome: Outcome,
    /// Nanoseconds that it took, on the run's clock.
    pub nanos: u64,
    /// What it asked for and did not get.
    pub denied: Denied,
}

impl Session {
    /// Begins.
    ///
    /// # Errors
    /// If the host gives no runtime.
    pub fn new() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        Ok(Self { runtime })
    }

    /// Runs a program to its end. `lines` is given each line that it prints.
    pub fn run(
        &self,
        program: &Program,
        doors: &Doors,
        setting: Setting,
        lines: Option<LineSink>,
    ) -> GuestEnd {
        let clock = std::sync::Arc::clone(&doors.clock);
        let began = clock.now().0;
        let virtual_time = Duration::from_nanos(setting.time);
        let guest = Guest::new(doors.clone(), setting);
        let remains = guest.remains();
        if let Some(lines) = lines {
            guest.outputs().listen(lines);
        }
        let mut store = Store::new(&program.engine, guest);
        let (outcome, denied) = self.runtime.block_on(async {
            let outcome = match prepare(&mut store, virtual_time) {
                Err(error) => Outcome::NotStarted(format!("{error:#}")),
                Ok(()) => {
                    let run = Box::pin(start(program, &mut store));
                    match tokio::time::timeout(virtual_time, run).await {
                        Ok(outcome) => outcome,
                        Err(_) => Outcome::OutOfTime,
                    }
                }
            };
            let denied = store.data().denied();
            // Only now its sockets are closed, and conversations come to their end.
            drop(store);
            remains.end().await;
            (outcome, denied)
        });
        GuestEnd { outcome, nanos: clock.now().0.saturating_sub(began), denied }
    }
}

fn prepare(store: &mut Store<Guest>, time: Duration) -> wasmtime::Result<()> {
    Guest::prepare(store)?;
    let patience = time.saturating_mul(PATIENCE).max(LEAST);
    let ticks = patience.as_nanos() / TICK.as_nanos();
    store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX).max(1));
    store.epoch_deadline_trap();
    Ok(())
}

async fn start(program: &Program, store: &mut Store<Guest>) -> Outcome {
    let command = match program.command.instantiate_async(&mut *store).await {
        Ok(command) => command,
        Err(error) => return outcome_of(&error, true),
    };
    match command.wasi_cli_run().call_run(&mut *store).await {
        Ok(Ok(())) => Outcome::Exited(0),
        Ok(Err(())) => Outcome::Exited(1),
        Err(error) => outcome_of(&error, false),
    }
}

fn outcome_of(error: &wasmtime::Error, starting: bool) -> Outcome {
    if let Some(ended) = error.downcast_ref::<Ended>() {
        return match ended {
            Ended::Exit(code) => Outcome::Exited(*code),
            Ended::Time => Outcome::OutOfTime,
            Ended::Record(full) => Outcome::RecordFull(full.clone()),
        };
    }
    let what = match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => return Outcome::OutOfTime,
        Some(Trap::Interrupt) => return Outcome::HostTime,
        Some(trap) => trap.to_string(),
        None if starting => return Outcome::NotStarted(format!("{error:#}")),
        None => error.root_cause().to_string(),
    };
    let frames = error
        .downcast_ref::<WasmBacktrace>()
        .map(|trace| {
            trace
                .frames()
                .iter()
                .filter(|frame| {
                    !frame.module().name().is_some_and(|name| name.starts_with("wit-component:"))
                })
                .map(|frame| {
                    let number = || format!("func[{}]", frame.func_index());
                    frame.func_name().map_or_else(number, str::to_owned)
                })
                .collect()
        })
        .unwrap_or_default();
    Outcome::Trapped { what, frames }
}
