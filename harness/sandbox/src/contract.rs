//! The seam between a run and whatever kind of jar it uses.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use belljar_record::{ByteString, Change, Dimension, Extent, Isolation, ProcessKey, Sha256Hex};

use crate::{CommandSpec, JarError};

/// A jar. Order of calls: `check` once, `spawn` as often as wanted, `finish` once.
pub trait Jar: Send {
    /// Completes the jar and looks at it from inside, from the place where the component will be.
    ///
    /// # Errors
    /// [`JarError::NotIsolated`] if a single look is not as it must be.
    fn check(&mut self) -> Result<Isolation, JarError>;

    /// Starts a command. Its system calls are watched before its first instruction.
    ///
    /// # Errors
    /// [`JarError::Unchecked`] before [`Jar::check`]; [`JarError::Execute`] if there is no such program.
    fn spawn(&mut self, command: &CommandSpec) -> Result<Running, JarError>;

    /// Kills everything inside (the time is up, the run was interrupted). The jar stays.
    ///
    /// # Errors
    /// If init does not answer.
    fn kill_all(&mut self) -> Result<(), JarError>;

    /// Whether a path exists inside (a daemon's socket, a pid file).
    ///
    /// # Errors
    /// If init does not answer.
    fn exists(&mut self, path: &str) -> Result<bool, JarError>;

    /// Ends everything inside and tells what changed outside the world.
    ///
    /// # Errors
    /// If the jar's own processes are lost; everything inside is dead then too.
    fn finish(&mut self) -> Result<JarEnd, JarError>;
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It ended of itself, with this code.
    Exited(i32),
    /// A signal killed it.
    Killed(i32),
    /// The jar was lost.
    Lost,
}

impl Ended {
    /// Exit code, or 128 + signal; `None` if it is not known.
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Exited(code) => Some(code),
            Self::Killed(signal) => Some(128 + signal),
            Self::Lost => None,
        }
    }
}

/// A command that was started in a jar.
#[derive(Debug)]
pub struct Running {
    /// The process, as the harness sees it.
    pub process: ProcessKey,
    /// What it prints; take it and read it, else the program blocks.
    pub stdout: Option<OwnedFd>,
    /// What it prints as errors.
    pub stderr: Option<OwnedFd>,
    pub(crate) pidfd: OwnedFd,
    pub(crate) ending: Arc<crate::jar::Ending>,
}

impl Running {
    /// Waits for its end; `None` if it still runs after `timeout`.
    pub fn wait(&self, timeout: Duration) -> Option<Ended> {
        self.ending.wait(timeout)
    }

    /// Sends it a signal (15: asks it to end; 9: ends it). One that has ended is no error.
    pub fn signal(&self, signal: i32) {
        // Fails only when the process is gone, which is what was wanted.
        let _ = belljar_sys::pidfd::signal(&self.pidfd, signal);
    }

    /// Ends it at once. What it has started stays (the jar's end takes that too).
    pub fn kill(&self) {
        self.signal(9);
    }
}

/// Something outside the world that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SystemChange {
    /// Path inside the jar.
    pub path: ByteString,
    /// How.
    pub change: Change,
    /// Length afterwards.
    pub len: u64,
    /// SHA-256 afterwards, for regular files within the budget.
    pub sha256: Option<Sha256Hex>,
}

/// What the component used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// Processor time in user mode, milliseconds.
    pub user_millis: u64,
    /// Processor time in the kernel, milliseconds.
    pub system_millis: u64,
    /// The largest resident size of any one process, bytes.
    pub largest_resident: u64,
}

/// A limit that was hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitHit {
    /// Which (`memory`, `processes`, `disk`).
    pub what: String,
    /// What was allowed and what happened.
    pub detail: String,
}

/// What is known when a jar has ended.
#[derive(Debug, Clone, Default)]
pub struct JarEnd {
    /// What changed outside the world.
    pub changes: Vec<SystemChange>,
    /// What was used.
    pub usage: Usage,
    /// Limits that were hit.
    pub limits: Vec<LimitHit>,
    /// What the jar could not show or give.
    pub losses: Vec<(Dimension, Extent)>,
}

impl JarEnd {
    /// Writes all of it into the record: changes, limits that were hit, losses.
    ///
    /// # Errors
    /// If the record is full.
    pub fn record(&self, log: &belljar_record::Log) -> Result<(), belljar_record::LogFull> {
        use belljar_record::Event;
        for SystemChange { path, change, len, sha256 } in self.changes.iter().cloned() {
            log.append_own(Event::Changed { path, change, len, sha256 })?;
        }
        for LimitHit { what, detail } in self.limits.iter().cloned() {
            log.append_own(Event::Limit { what, detail })?;
        }
        for (dimension, extent) in self.losses.iter().cloned() {
            log.append_own(Event::Limited { dimension, extent })?;
        }
        Ok(())
    }
}
