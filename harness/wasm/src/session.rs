//! One guest, from its start to its end.

use crate::engine::{Library, Program, TICK};
use belljar_record::{Clock as _, LogFull};
use belljar_wasi::{Denied, Doors, Ended, Guest, LineSink, Setting, Verdict};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use wasmtime::{Engine, Store, Trap, WasmBacktrace};

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
        self.go(&program.engine, doors, setting, lines, Task::Start(program))
    }

    /// Calls an engine for one file after the other, all in one instance. `told` is given each
    /// path and what the engine told of it.
    pub fn scan(
        &self,
        library: &Library,
        doors: &Doors,
        setting: Setting,
        paths: &[String],
        told: &mut dyn FnMut(&str, &Verdict),
    ) -> GuestEnd {
        let task = Task::Scan { library, paths, told };
        self.go(&library.engine, doors, setting, None, task)
    }

    fn go(
        &self,
        engine: &Engine,
        doors: &Doors,
        setting: Setting,
        lines: Option<LineSink>,
        task: Task<'_>,
    ) -> GuestEnd {
        let clock = Arc::clone(&doors.clock);
        let began = clock.now().0;
        let virtual_time = Duration::from_nanos(setting.time);
        let guest = Guest::new(doors.clone(), setting);
        let remains = guest.remains();
        if let Some(lines) = lines {
            guest.outputs().listen(lines);
        }
        let mut store = Store::new(engine, guest);
        let (outcome, denied) = self.runtime.block_on(async {
            let outcome = match prepare(&mut store, virtual_time) {
                Err(error) => Outcome::NotStarted(format!("{error:#}")),
                Ok(()) => {
                    let run = Box::pin(task.go(&mut store));
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

/// What a guest is there for.
enum Task<'a> {
    Start(&'a Program),
    Scan { library: &'a Library, paths: &'a [String], told: &'a mut dyn FnMut(&str, &Verdict) },
}

impl Task<'_> {
    async fn go(self, store: &mut Store<Guest>) -> Outcome {
        match self {
            Self::Start(program) => start(program, store).await,
            Self::Scan { library, paths, told } => scan(library, store, paths, told).await,
        }
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

async fn scan(
    library: &Library,
    store: &mut Store<Guest>,
    paths: &[String],
    told: &mut dyn FnMut(&str, &Verdict),
) -> Outcome {
    let engine = match library.scanner.instantiate_async(&mut *store).await {
        Ok(engine) => engine,
        Err(error) => return outcome_of(&error, true),
    };
    let scanner = engine.belljar_engine_scanner();
    for path in paths {
        if let Err(error) = Guest::calling(store, &format!("{path:?}")) {
            return outcome_of(&error, false);
        }
        match scanner.call_scan(&mut *store, path).await {
            Ok(verdict) => told(path, &verdict),
            Err(error) => return outcome_of(&error, false),
        }
    }
    Outcome::Exited(0)
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
