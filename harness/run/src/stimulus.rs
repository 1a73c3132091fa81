//! The stimulus: the steps of the scenario, one after the other.
//!
//! Each step has a time of its own, and all together have the run's. What a step was to bring
//! about is judged later, from the record; only what cannot be seen there (a daemon that never
//! became ready, a program that could not be started) is said here.

use crate::events::{EventSink, RunEvent};
use crate::output::{Listener, Listening};
use crate::planting::{Planted, meta};
use crate::stop::Stop;
use belljar_record::{ByteString, DecoySource, Event, Log, StepEnd, StepId};
use belljar_sandbox::{CommandSpec, Jar, JarError, Running, User};
use belljar_schema::{Action, Command, Owner, Ready, RunPlan, Step};
use belljar_world::World;
use regex::bytes::Regex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(20);
/// How long a program that has ended may leave its output open in processes that it left behind.
const DRAIN: Duration = Duration::from_millis(500);
/// How long a daemon may take to end when it is asked to, before it is ended.
const GRACE: Duration = Duration::from_secs(5);
const SIGTERM: i32 = 15;

/// How the stimulus ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StimulusEnd {
    /// All steps were gone through.
    Done,
    /// The run's time is up.
    OutOfTime,
    /// Somebody asked to stop.
    Stopped,
}

/// Everything that the steps act on.
pub(crate) struct Stimulus<'a> {
    pub(crate) plan: &'a RunPlan,
    pub(crate) planted: &'a Planted,
    pub(crate) world: &'a Arc<World>,
    pub(crate) jar: &'a mut dyn Jar,
    pub(crate) log: &'a Log,
    pub(crate) listening: &'a Listening,
    pub(crate) events: EventSink<'a>,
    pub(crate) stop: &'a Stop,
    pub(crate) daemons: BTreeMap<String, Daemon>,
    /// Listeners whose pipes may still be open.
    pub(crate) open: Vec<Listener>,
    pub(crate) deadline: Instant,
}

/// A daemon of the component.
pub(crate) struct Daemon {
    running: Running,
    listeners: Vec<Listener>,
}

/// A step that cannot be gone on from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StimulusError {
    #[error(transparent)]
    Jar(#[from] JarError),
    #[error(transparent)]
    Log(#[from] belljar_record::LogFull),
    #[error("step {step}: {what}")]
    Step { step: String, what: String },
}

/// How waiting ended.
enum Waited {
    Met,
    StepTime,
    RunTime,
    Stopped,
}

#[derive(Default)]
struct Outcome {
    code: Option<i32>,
    timed_out: bool,
    detections: Vec<ByteString>,
    unmet: Vec<String>,
    end: Option<StimulusEnd>,
}

impl Stimulus<'_> {
    /// Goes through the steps.
    pub(crate) fn go(&mut self) -> Result<StimulusEnd, StimulusError> {
        let steps = &self.plan.steps;
        for (id, step) in (0..).map(StepId).zip(steps) {
            if self.stop.asked() {
                return Ok(StimulusEnd::Stopped);
            }
            (self.events)(RunEvent::StepBegan { id, of: steps.len(), step: step.clone() });
            self.log.append_own(Event::StepBegan { step: id, name: step.name.clone() })?;
            let began = Instant::now();
            let outcome = self.step(id, step)?;
            let end = StepEnd {
                step: id,
                code: outcome.code,
                timed_out: outcome.timed_out,
                millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                detections: outcome.detections,
                unmet: outcome.unmet,
            };
            self.log.append_own(Event::StepEnded(end.clone()))?;
            (self.events)(RunEvent::StepEnded(end));
            if let Some(end) = outcome.end {
                return Ok(end);
            }
        }
        Ok(StimulusEnd::Done)
    }

    /// Gives up all listeners: those of programs that have ended and those of daemons.
    pub(crate) fn close(mut self) -> Vec<Listener> {
        for (_, daemon) in std::mem::take(&mut self.daemons) {
            self.open.extend(daemon.listeners);
        }
        self.open
    }

    fn step(&mut self, id: StepId, step: &Step) -> Result<Outcome, StimulusError> {
        let timeout = Duration::from_millis(step.timeout);
        match &step.action {
            Action::Run { command } => self.run(command, timeout),
            Action::Start { command, ready, daemon } => {
                self.start(step, command, ready, daemon, timeout)
            }
            Action::Stop { daemon } => Ok(self.end_daemon(daemon, timeout)),
            Action::Drop { .. } => self.put(id, step),
            Action::Change { path, append } => {
                let failed = |what| StimulusError::Step { step: step.name.clone(), what };
                self.world
                    .append(self.planted.plant.fill(path).as_bytes(), append.as_bytes())
                    .map_err(|error| failed(format!("cannot change {path}: {error}")))?;
                Ok(Outcome::default())
            }
            Action::Idle { millis } => {
                let mut outcome = Outcome::default();
                let idle = Duration::from_millis(*millis);
                match self.wait(idle.min(timeout), |_| Ok(nap(false)))? {
                    Waited::Met | Waited::StepTime => {}
                    Waited::RunTime => outcome.end = Some(StimulusEnd::OutOfTime),
                    Waited::Stopped => outcome.end = Some(StimulusEnd::Stopped),
                }
                for daemon in self.daemons.values() {
                    outcome.detections.extend(heard(&daemon.listeners));
                }
                Ok(outcome)
            }
        }
    }

    fn spawn(
        &mut self,
        command: &Command,
        ready: Option<&Regex>,
    ) -> Result<Result<(Running, Vec<Listener>), String>, StimulusError> {
        let spec = CommandSpec {
            argv: command.argv.iter().map(|word| self.planted.plant.fill(word)).collect(),
            env: command
                .env
                .iter()
                .map(|(name, value)| (name.clone(), self.planted.plant.fill(value)))
                .collect(),
            cwd: self.planted.plant.fill(&command.cwd),
            user: match command.user {
                Owner::Root => User::Root,
                Owner::User => User::Person,
            },
        };
        let mut running = match self.jar.spawn(&spec) {
            Ok(running) => running,
            Err(JarError::Execute { program, detail }) => {
                return Ok(Err(format!("{program} cannot be run inside the jar: {detail}")));
            }
            Err(error) => return Err(error.into()),
        };
        let pipes = [(running.stdout.take(), "stdout"), (running.stderr.take(), "stderr")];
        let listeners = pipes
            .into_iter()
            .filter_map(|(pipe, label)| {
                pipe.map(|pipe| self.listening.listen(pipe, label, ready.cloned()))
            })
            .collect();
        Ok(Ok((running, listeners)))
    }

    fn run(&mut self, command: &Command, timeout: Duration) -> Result<Outcome, StimulusError> {
        let mut outcome = Outcome::default();
        let (running, listeners) = match self.spawn(command, None)? {
            Ok(started) => started,
            Err(reason) => {
                outcome.unmet.push(reason);
                return Ok(outcome);
            }
        };
        let waited = self.wait(timeout, |_| Ok(running.wait(TICK).is_some()))?;
        match waited {
            Waited::Met => outcome.code = running.wait(Duration::ZERO).and_then(|end| end.code()),
            Waited::StepTime => outcome.timed_out = true,
            Waited::RunTime => {
                outcome.timed_out = true;
                outcome.end = Some(StimulusEnd::OutOfTime);
            }
            Waited::Stopped => outcome.end = Some(StimulusEnd::Stopped),
        }
        if outcome.code.is_none() {
            running.kill();
            let _ = running.wait(GRACE);
        }
        for listener in &listeners {
            listener.drain(DRAIN);
        }
        outcome.detections = heard(&listeners);
        for daemon in self.daemons.values() {
            outcome.detections.extend(heard(&daemon.listeners));
        }
        self.open.extend(listeners);
        Ok(outcome)
    }

    fn start(
        &mut self,
        step: &Step,
        command: &Command,
        ready: &Ready,
        daemon: &str,
        timeout: Duration,
    ) -> Result<Outcome, StimulusError> {
        let mut outcome = Outcome::default();
        let pattern = match ready {
            Ready::Output { pattern } => Some(Regex::new(pattern).map_err(|error| {
                StimulusError::Step { step: step.name.clone(), what: error.to_string() }
            })?),
            Ready::Path { .. } | Ready::After { .. } => None,
        };
        let (running, listeners) = match self.spawn(command, pattern.as_ref())? {
            Ok(started) => started,
            Err(reason) => {
                outcome.unmet.push(reason);
                return Ok(outcome);
            }
        };
        let began = Instant::now();
        // A program that goes into the background has ended and may still be the daemon.
        let waited = self.wait(timeout, |jar| match ready {
            Ready::Path { path } => jar.exists(path).map(nap),
            Ready::Output { .. } => Ok(nap(listeners.iter().any(Listener::ready))),
            Ready::After { millis } => Ok(nap(began.elapsed() >= Duration::from_millis(*millis))),
        })?;
        match waited {
            Waited::Met => {}
            Waited::StepTime => {
                outcome.timed_out = true;
                outcome.unmet.push(format!("the daemon {daemon} did not become ready"));
            }
            Waited::RunTime => {
                outcome.timed_out = true;
                outcome.end = Some(StimulusEnd::OutOfTime);
            }
            Waited::Stopped => outcome.end = Some(StimulusEnd::Stopped),
        }
        outcome.code = running.wait(Duration::ZERO).and_then(|end| end.code());
        self.daemons.insert(daemon.to_owned(), Daemon { running, listeners });
        Ok(outcome)
    }

    fn end_daemon(&mut self, name: &str, timeout: Duration) -> Outcome {
        let mut outcome = Outcome::default();
        let Some(daemon) = self.daemons.remove(name) else {
            outcome.unmet.push(format!("no daemon {name} is running"));
            return outcome;
        };
        daemon.running.signal(SIGTERM);
        let ended = daemon.running.wait(timeout).or_else(|| {
            outcome.timed_out = true;
            daemon.running.kill();
            daemon.running.wait(GRACE)
        });
        outcome.code = ended.and_then(|end| end.code());
        outcome.detections = heard(&daemon.listeners);
        self.open.extend(daemon.listeners);
        outcome
    }

    fn put(&mut self, id: StepId, step: &Step) -> Result<Outcome, StimulusError> {
        let dropped = self.planted.drops.get(&(id.0 as usize)).map_or(&[][..], Vec::as_slice);
        for decoy in dropped {
            let source = Arc::clone(decoy) as Arc<dyn DecoySource>;
            self.world
                .put(decoy.path_str().as_bytes(), meta(decoy.meta()), source, Some(decoy.id()))
                .map_err(|error| StimulusError::Step {
                    step: step.name.clone(),
                    what: format!("cannot put {}: {error}", decoy.path_str()),
                })?;
        }
        Ok(Outcome::default())
    }

    /// Waits until `met`, the step's time, the run's time or a wish to stop, whichever is first.
    /// `met` itself waits for about a tick before it says no.
    fn wait(
        &mut self,
        timeout: Duration,
        mut met: impl FnMut(&mut dyn Jar) -> Result<bool, JarError>,
    ) -> Result<Waited, StimulusError> {
        let until = Instant::now() + timeout;
        loop {
            if met(self.jar)? {
                return Ok(Waited::Met);
            }
            // While the component does nothing, what it did before is written out.
            self.log.flush_due()?;
            let now = Instant::now();
            if self.stop.asked() {
                return Ok(Waited::Stopped);
            }
            if now >= self.deadline {
                return Ok(Waited::RunTime);
            }
            if now >= until {
                return Ok(Waited::StepTime);
            }
        }
    }
}

/// Sleeps for a tick after a no.
fn nap(met: bool) -> bool {
    if !met {
        std::thread::sleep(TICK);
    }
    met
}

fn heard(listeners: &[Listener]) -> Vec<ByteString> {
    listeners.iter().flat_map(Listener::detections).collect()
}
