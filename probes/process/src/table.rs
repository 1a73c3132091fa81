//! Who is who: processes by number *and* start time, found by thread number while it is held.
//!
//! Promises: a number used again is never taken for the old process (each known process is held by
//! a pidfd, each known thread by an open file of its own); an answer costs one or two system calls
//! when the process is known; nothing here waits for the component.
//! Cannot see: processes that neither run a program, touch the world, nor reach for an address.

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use belljar_record::{
    Actor, ByteString, Confidence, Event, Identify, Log, NativeActor, ProcessKey, Program,
};
use belljar_sys::pidfd;

use crate::procfs;

/// Processes held at the same time. Beyond it, ended ones and then the oldest are let go; they are
/// read anew when they are met again.
const MOST_PROCESSES: usize = 1024;
const MOST_THREADS: usize = 1024;

/// Known processes and threads.
#[derive(Debug)]
pub struct ProcessTable {
    log: Log,
    inner: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    processes: HashMap<u32, Arc<Process>>,
    threads: HashMap<u32, Thread>,
    /// belljar's own processes.
    ours: HashSet<u32>,
    turn: u64,
    unrecorded: u64,
}

#[derive(Debug)]
pub(crate) struct Process {
    pub key: ProcessKey,
    pub parent: Option<ProcessKey>,
    pub pidfd: OwnedFd,
    turn: u64,
    told: AtomicBool,
    program: Mutex<Image>,
}

#[derive(Debug)]
struct Image {
    executable: ByteString,
    /// It asked to run another program; until that is settled its executable is read each time.
    changing: bool,
}

#[derive(Debug)]
struct Thread {
    process: u32,
    /// `/proc/TID/comm`, opened when the thread was met: reading it fails once that thread is gone,
    /// even if its number is used again.
    witness: std::fs::File,
}

impl ProcessTable {
    /// An empty table that tells of new processes in `log`.
    pub fn new(log: Log) -> Arc<Self> {
        Arc::new(Self { log, inner: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many processes could not be written into the record.
    pub fn unrecorded(&self) -> u64 {
        self.lock().unrecorded
    }

    /// Says that a process is belljar's own (its supervisor, its look from inside).
    pub fn ours(&self, pid: u32) {
        self.lock().ours.insert(pid);
    }

    /// Whether this process is belljar's.
    pub(crate) fn is_ours(&self, pid: u32) -> bool {
        self.lock().ours.contains(&pid)
    }

    /// Says that a process that was belljar's own now runs the component.
    pub fn no_longer_ours(&self, pid: u32) {
        self.lock().ours.remove(&pid);
    }

    /// The process behind a thread number, read anew where it is not known. Reads nothing of its
    /// memory: that could fault on the world, whose door may be the one that asks.
    pub(crate) fn find(&self, tid: u32) -> Option<Arc<Process>> {
        if tid == 0 {
            return None;
        }
        let mut known = self.lock();
        if let Some(process) = known.processes.get(&tid) {
            if pidfd::alive(process.pidfd.as_fd()) {
                return Some(Arc::clone(process));
            }
            // It stays until `take_ended` has told of its end, unless its number is used again.
            if procfs::key(tid) == Some(process.key) {
                return Some(Arc::clone(process));
            }
            known.processes.remove(&tid);
        }
        let mut pid = None;
        if let Some(thread) = known.threads.get(&tid) {
            let mut byte = [0; 1];
            if thread.witness.read_at(&mut byte, 0).is_ok() {
                pid = Some(thread.process);
            } else {
                known.threads.remove(&tid);
            }
        }
        let pid = match pid {
            Some(pid) => pid,
            None => {
                let witness = std::fs::File::open(format!("/proc/{tid}/comm")).ok()?;
                let pid = procfs::process_of(tid)?;
                if pid != tid {
                    if known.threads.len() >= MOST_THREADS {
                        known.threads.clear();
                    }
                    known.threads.insert(tid, Thread { process: pid, witness });
                }
                pid
            }
        };
        if let Some(process) = known.processes.get(&pid)
            && pidfd::alive(process.pidfd.as_fd())
        {
            return Some(Arc::clone(process));
        }
        Self::meet(&mut known, pid)
    }

    /// Tells of a process in the record, unless that was done.
    pub(crate) fn tell(&self, process: &Process, tid: u32, source: &str) {
        if process.told.swap(true, Ordering::Relaxed) {
            return;
        }
        self.record(
            process.actor(tid),
            Program {
                process: process.key,
                parent: process.parent,
                executable: process.executable(),
                arguments: Vec::new(),
                source: source.to_owned(),
                confidence: Confidence::Observed,
            },
        );
    }

    pub(crate) fn record(&self, actor: NativeActor, program: Program) {
        if self.log.append(Actor::Native(actor), Event::Process(program)).is_err() {
            self.lock().unrecorded += 1;
        }
    }

    fn meet(known: &mut Known, pid: u32) -> Option<Arc<Process>> {
        let pidfd = pidfd::open(pid).ok()?;
        let stat = procfs::stat(pid)?;
        let executable = procfs::executable(pid).unwrap_or_default();
        // Read between the two: were the number used again in between, the descriptor would be dead.
        if !pidfd::alive(pidfd.as_fd()) {
            return None;
        }
        if known.processes.len() >= MOST_PROCESSES {
            known.processes.retain(|_, process| pidfd::alive(process.pidfd.as_fd()));
            if known.processes.len() >= MOST_PROCESSES {
                let oldest = known.processes.values().map(|p| (p.turn, p.key.pid)).min();
                if let Some((_, oldest)) = oldest {
                    known.processes.remove(&oldest);
                }
            }
        }
        known.turn += 1;
        let process = Arc::new(Process {
            key: ProcessKey { pid, start: stat.start },
            parent: procfs::key(stat.parent),
            pidfd,
            turn: known.turn,
            told: AtomicBool::new(false),
            program: Mutex::new(Image { executable, changing: false }),
        });
        known.processes.insert(pid, Arc::clone(&process));
        Some(process)
    }

    /// Known processes that still live, at most `most`.
    pub(crate) fn living(&self, most: usize) -> Vec<Arc<Process>> {
        self.lock().processes.values().take(most).cloned().collect()
    }

    /// Takes those that have ended out of the table.
    pub(crate) fn take_ended(&self) -> Vec<Arc<Process>> {
        let mut known = self.lock();
        let ended: Vec<u32> = known
            .processes
            .iter()
            .filter(|(_, process)| !pidfd::alive(process.pidfd.as_fd()))
            .map(|(&pid, _)| pid)
            .collect();
        ended.iter().filter_map(|pid| known.processes.remove(pid)).collect()
    }
}

impl Process {
    pub(crate) fn executable(&self) -> ByteString {
        let mut image = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        if image.changing
            && let Some(executable) = procfs::executable(self.key.pid)
        {
            image.executable = executable;
        }
        image.executable.clone()
    }

    /// It asks to run another program.
    pub(crate) fn asks(&self) {
        self.program.lock().unwrap_or_else(PoisonError::into_inner).changing = true;
    }

    /// What it asked for has happened, or not. Where it is gone already, `asked` stands for what it
    /// ran; gives whether its executable could still be read.
    pub(crate) fn settled(&self, asked: Option<&ByteString>) -> bool {
        let mut image = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        image.changing = false;
        match (procfs::executable(self.key.pid), asked) {
            (Some(executable), _) if pidfd::alive(self.pidfd.as_fd()) => {
                image.executable = executable;
                true
            }
            (_, Some(asked)) => {
                image.executable = asked.clone();
                false
            }
            _ => false,
        }
    }

    /// That the record tells of it from now on by what it runs.
    pub(crate) fn is_told(&self) {
        self.told.store(true, Ordering::Relaxed);
    }

    pub(crate) fn actor(&self, thread: u32) -> NativeActor {
        NativeActor { process: self.key, thread, executable: self.executable() }
    }
}

impl Identify for ProcessTable {
    fn identify(&self, tid: u32) -> Actor {
        if tid == 0 {
            return Actor::Kernel;
        }
        match self.find(tid) {
            Some(process) => {
                let pid = process.key.pid;
                if pid == std::process::id() || self.lock().ours.contains(&pid) {
                    return Actor::Belljar;
                }
                self.tell(&process, tid, "request to the world");
                Actor::Native(process.actor(tid))
            }
            None => Actor::unknown(format!("thread {tid} was gone before it could be read")),
        }
    }
}
