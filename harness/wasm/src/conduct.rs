//! The steps of a plan, with guests in place of processes.
//!
//! A command is run to its end; a daemon would have to run beside it, which no guest can, so a step
//! that starts one is unmet. Waiting moves the run's clock and takes no time of the host.

use crate::engine::{Library, WasmJar};
use crate::module::LoadError;
use crate::session::{GuestEnd, Outcome, Session};
use belljar_record::{
    ByteString, Dimension, Event, Extent, Isolation, IsolationCheck, Log, LogFull, StepEnd, StepId,
};
use belljar_schema::{Action, Command, Owner, RunPlan, Step};
use belljar_wasi::{Doors, SCAN, Services, Setting, Verdict};
use regex::bytes::Regex;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Exit code of a guest that trapped: 128 + SIGABRT, as shells have it for native programs.
const TRAPPED: i32 = 134;
/// Detections that are kept of one step.
const MOST_DETECTIONS: usize = 100_000;
const MILLI: u64 = 1_000_000;
/// Entries of a table.
const TABLE: u64 = 100_000;
/// Descriptors, streams and sockets at once.
const RESOURCES: usize = 64 << 10;
/// User and group of the planted person.
const PERSON: (u32, u32) = (1000, 1000);

/// What a run needs beside the doors.
pub struct Conduct<'a> {
    /// The plan.
    pub plan: &'a RunPlan,
    /// The engine.
    pub jar: &'a WasmJar,
    /// The two doors.
    pub doors: Doors,
    /// The time at the run's moment 0, in seconds since 1970.
    pub now: i64,
    /// What every guest finds in its environment; a command may add to it and change it.
    pub environment: BTreeMap<String, String>,
    /// Fills in what stands for planted things in arguments (`{home}`, …).
    pub fill: &'a dyn Fn(&str) -> String,
    /// The program at a path inside the jar.
    pub program: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
    /// Puts the decoys of a step into the world.
    pub drop: &'a mut dyn FnMut(usize) -> Result<(), String>,
    /// Whether somebody asked to stop.
    pub stopped: &'a dyn Fn() -> bool,
    /// Is told of each step that begins.
    pub began: &'a mut dyn FnMut(StepId, &Step),
    /// Is told of each step that ended.
    pub ended: &'a mut dyn FnMut(&StepEnd),
}

impl std::fmt::Debug for Conduct<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conduct").field("plan", &self.plan.scenario.name).finish_non_exhaustive()
    }
}

/// How the steps ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// All were gone through.
    Done,
    /// The run's time is up.
    OutOfTime,
    /// Somebody asked to stop.
    Stopped,
}

/// A run that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ConductError {
    /// The record cannot take more.
    #[error(transparent)]
    Log(#[from] LogFull),
    /// A program cannot be run in this jar.
    #[error("{program}: {error}")]
    Program {
        /// Which.
        program: String,
        /// Why not.
        error: LoadError,
    },
    /// A program cannot be read.
    #[error("{program}: {detail}")]
    Read {
        /// Which.
        program: String,
        /// Why not.
        detail: String,
    },
    /// A step cannot be done.
    #[error("step {step}: {what}")]
    Step {
        /// Which.
        step: String,
        /// Why not.
        what: String,
    },
    /// The pattern for detections is none.
    #[error("the pattern for detections: {0}")]
    Detection(#[from] regex::Error),
    /// The address of a vendor's service is none.
    #[error("{address}: {error}")]
    Service {
        /// As the component file has it.
        address: String,
        /// What is wrong with it.
        error: String,
    },
    /// The host gives no runtime.
    #[error("cannot start a runtime: {0}")]
    Runtime(std::io::Error),
}

/// Says in the record what a guest can reach, and what of the run cannot be seen.
///
/// # Errors
/// If the record cannot take it.
pub fn declare(log: &Log) -> Result<Isolation, LogFull> {
    let check =
        |name: &str, seen: String| IsolationCheck { name: name.to_owned(), holds: true, seen };
    let isolation = Isolation {
        checks: vec![
            check("imports", format!("linked one by one: {}", WasmJar::interfaces().join(", "))),
            check("files", "one preopened directory, /, of the world".into()),
            check("network", "in memory, to the fake internet".into()),
            check("descriptors", "none of the host's".into()),
        ],
    };
    log.append_own(Event::Isolation(isolation.clone()))?;
    for (dimension, reason) in [
        (Dimension::HostFacts, "the speed of the host shows in nothing that a guest can read"),
        (Dimension::Timing, "time is the guest's own: fuel and calls"),
    ] {
        log.append_own(Event::Limited {
            dimension,
            extent: Extent::Blind { reason: reason.into() },
        })?;
    }
    Ok(isolation)
}

impl Conduct<'_> {
    /// Goes through the steps.
    ///
    /// # Errors
    /// [`ConductError`].
    pub fn go(self) -> Result<Gone, ConductError> {
        let session = Session::new().map_err(ConductError::Runtime)?;
        let detection = self.plan.component.detection.as_deref().map(Regex::new).transpose()?;
        let deadline = self.plan.scenario.limits.time.saturating_mul(MILLI);
        let mut instance = 0;
        for (place, step) in self.plan.steps.iter().enumerate() {
            if (self.stopped)() {
                return Ok(Gone::Stopped);
            }
            let began = self.time();
            let left = deadline.saturating_sub(began);
            if left == 0 {
                return Ok(Gone::OutOfTime);
            }
            let id = StepId(u32::try_from(place).unwrap_or(u32::MAX));
            (self.began)(id, step);
            self.doors.log.append_own(Event::StepBegan { step: id, name: step.name.clone() })?;
            let mut end = StepEnd {
                step: id,
                code: None,
                timed_out: false,
                millis: 0,
                detections: Vec::new(),
                unmet: Vec::new(),
            };
            let time = step.timeout.saturating_mul(MILLI).min(left);
            let failed = |what: String| ConductError::Step { step: step.name.clone(), what };
            match &step.action {
                Action::Run { command } => {
                    let run = Run { command, time, instance, detection: detection.as_ref() };
                    self.run(&session, &run, &mut end)?;
                    instance += 1;
                }
                Action::Start { daemon, .. } => end.unmet.push(format!(
                    "the daemon {daemon} was not started: a WebAssembly guest cannot run beside others"
                )),
                Action::Stop { .. } => {}
                Action::Drop { .. } => (self.drop)(place).map_err(failed)?,
                Action::Change { path, append } => {
                    let path = (self.fill)(path);
                    self.doors
                        .world
                        .append(path.as_bytes(), append.as_bytes())
                        .map_err(|error| failed(format!("cannot change {path}: {error}")))?;
                }
                Action::Idle { millis } => {
                    self.doors.clock.advance(millis.saturating_mul(MILLI).min(time));
                }
            }
            end.millis = self.time().saturating_sub(began) / MILLI;
            self.doors.log.append_own(Event::StepEnded(end.clone()))?;
            (self.ended)(&end);
        }
        Ok(Gone::Done)
    }

    fn time(&self) -> u64 {
        use belljar_record::Clock as _;
        self.doors.clock.now().0
    }

    fn run(&self, session: &Session, run: &Run<'_>, end: &mut StepEnd) -> Result<(), ConductError> {
        let arguments: Vec<String> =
            run.command.argv.iter().map(|word| (self.fill)(word)).collect();
        let path = arguments.first().cloned().unwrap_or_default();
        let bytes = (self.program)(&path)
            .map_err(|detail| ConductError::Read { program: path.clone(), detail })?;
        let refused = |error| ConductError::Program { program: path.clone(), error };
        if let Some(engine) = &self.plan.component.engine {
            let library = self.jar.load_engine(&bytes).map_err(refused)?;
            let mut setting = self.setting(run, Vec::new());
            setting.export = SCAN.into();
            setting.services = services(engine)?;
            return Ok(self.scan(session, &library, setting, &arguments, end)?);
        }
        let program = self.jar.load(&bytes).map_err(refused)?;
        let heard: Arc<Mutex<Vec<ByteString>>> = Arc::default();
        let lines = run.detection.cloned().map(|pattern| {
            let heard = Arc::clone(&heard);
            let sink: belljar_wasi::LineSink = Box::new(move |line| listen(&pattern, line, &heard));
            sink
        });
        let guest = session.run(&program, &self.doors, self.setting(run, arguments), lines);
        end.detections = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
        self.say(&guest, end)?;
        Ok(())
    }

    /// Calls an engine for each file below the paths that a command line names.
    fn scan(
        &self,
        session: &Session,
        library: &Library,
        setting: Setting,
        arguments: &[String],
        end: &mut StepEnd,
    ) -> Result<(), LogFull> {
        let mut paths = Vec::new();
        for root in arguments.iter().skip(1) {
            paths.extend(self.doors.world.files_below(root.as_bytes()));
        }
        // What is not UTF-8 cannot be told to a guest.
        let named = paths.len();
        let paths: Vec<String> =
            paths.into_iter().filter_map(|path| String::from_utf8(path).ok()).collect();
        let mut failed = named > paths.len();
        let mut told = |path: &str, verdict: &Verdict| match verdict {
            Verdict::Clean => {}
            Verdict::Detected(name) if end.detections.len() < MOST_DETECTIONS => {
                end.detections.push(format!("{path}: {name}").into());
            }
            Verdict::Detected(_) => {}
            Verdict::Failed(_) => failed = true,
        };
        let mut guest = session.scan(library, &self.doors, setting, &paths, &mut told);
        if guest.outcome == Outcome::Exited(0) {
            // As scanners that are commands have it.
            guest.outcome = Outcome::Exited(match (failed, end.detections.is_empty()) {
                (true, _) => 2,
                (false, false) => 1,
                (false, true) => 0,
            });
        }
        self.say(&guest, end)
    }

    fn setting(&self, run: &Run<'_>, arguments: Vec<String>) -> Setting {
        let limits = &self.plan.scenario.limits;
        let own = run.command.env.iter().map(|(name, value)| (name.clone(), (self.fill)(value)));
        let mut environment = self.environment.clone();
        environment.extend(own);
        Setting {
            instance: run.instance,
            export: "wasi:cli/run".into(),
            arguments,
            environment: environment.into_iter().collect(),
            directory: Some((self.fill)(&run.command.cwd)),
            input: Vec::new(),
            seed: self.plan.seed,
            now: self.now,
            owner: match run.command.user {
                Owner::Root => (0, 0),
                Owner::User => PERSON,
            },
            time: run.time,
            memory: limits.memory,
            table: TABLE,
            resources: RESOURCES,
            output: limits.output,
            services: Services::default(),
        }
    }

    /// What came of a guest, for the step and for the record.
    fn say(&self, guest: &GuestEnd, end: &mut StepEnd) -> Result<(), LogFull> {
        let log = &self.doors.log;
        let limit = |what: &str, detail: String| {
            log.append_own(Event::Limit { what: what.into(), detail }).map(drop)
        };
        match &guest.outcome {
            Outcome::Exited(code) => end.code = Some(i32::from(*code)),
            Outcome::Trapped { what, frames } => {
                end.code = Some(TRAPPED);
                let place = frames.first().map_or(String::new(), |name| format!(" in {name}"));
                end.unmet.push(format!("the guest trapped{place}: {what}"));
            }
            Outcome::NotStarted(why) => end.unmet.push(format!("the guest was not started: {why}")),
            Outcome::OutOfTime => {
                end.timed_out = true;
                limit(
                    "time",
                    format!("the guest was ended after {} ns of its own time", guest.nanos),
                )?;
            }
            Outcome::HostTime => {
                end.timed_out = true;
                limit(
                    "host-time",
                    "the guest used up the host's patience, as a last resort: another run may end elsewhere"
                        .into(),
                )?;
            }
            Outcome::RecordFull(full) => end.unmet.push(full.to_string()),
        }
        for (count, what) in [(guest.denied.memory, "memory"), (guest.denied.table, "table")] {
            if count > 0 {
                limit(what, format!("{count} times the guest asked for more than it may have"))?;
            }
        }
        Ok(())
    }
}

/// The services of an engine's vendor, as the component file has them.
fn services(engine: &belljar_schema::Engine) -> Result<Services, ConductError> {
    let uri = |text: &Option<String>| {
        text.as_deref().map(Services::at).transpose().map_err(|error| ConductError::Service {
            address: text.clone().unwrap_or_default(),
            error,
        })
    };
    Ok(Services { reputation: uri(&engine.reputation)?, submission: uri(&engine.submission)? })
}

/// One command of a step.
struct Run<'a> {
    command: &'a Command,
    time: u64,
    instance: u32,
    detection: Option<&'a Regex>,
}

fn listen(pattern: &Regex, line: &[u8], heard: &Mutex<Vec<ByteString>>) {
    let Some(found) = pattern.captures(line) else { return };
    let Some(path) = found.name("path") else { return };
    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    if heard.len() < MOST_DETECTIONS {
        let mut detection = path.as_bytes().to_vec();
        if let Some(name) = found.name("name") {
            detection.extend_from_slice(b": ");
            detection.extend_from_slice(name.as_bytes());
        }
        heard.push(detection.into());
    }
}
