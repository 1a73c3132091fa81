//! The watcher: one thread that takes the notifications of every filter in the jar and answers them.
//!
//! Promises: every notified call is answered at once; refusals are recorded, floods of them counted;
//! nothing that it keeps grows without bound.
//! Cannot see: calls that are allowed unseen; memory that another thread of the caller changes while
//! it is read (so addresses and arguments are attribution, never evidence).

use std::collections::{HashMap, HashSet};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use belljar_record::{
    Actor, ByteString, Confidence, Dimension, Event, Extent, Log, ProcessKey, Program, RefusalKind,
    Tell,
};
use belljar_sys::seccomp::{self, Answer, Notification};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::address;
use crate::attribute::{FlowActors, Reach};
use crate::called::{arguments, detail};
use crate::filter::{Action, Filter, FilterError, X32_BIT, X86_64};
use crate::floods::Floods;
use crate::looks;
use crate::procfs::{self, Memory};
use crate::table::{Process, ProcessTable};

/// The kind of calls of which too many kinds came.
const OTHERS: &str = "other calls";
/// Bytes of a path that are read to tell whether it gives the jar away.
const LONGEST_LOOK: usize = 256;
const MOST_PENDING: usize = 256;
/// Ends that are told from the reserve of a full record: a small part of it.
const MOST_LATE_ENDS: u32 = 256;
const MOST_SEEN: usize = 4096;
const MOST_MESSAGES: u64 = 16;
const IDLE: u8 = 50;

/// Why there is no watcher.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The filter's data is damaged.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A thread or its wake-up pipe could not be made.
    #[error("cannot start the watcher: {0}")]
    Start(std::io::Error),
}

/// Takes notifications, records them, answers them.
#[derive(Debug)]
pub struct Watcher {
    filter: Arc<Filter>,
    table: Arc<ProcessTable>,
    flows: Arc<FlowActors>,
    log: Log,
    mail: Arc<Mutex<Mail>>,
    wake: std::io::PipeWriter,
    thread: Mutex<Option<JoinHandle<Tally>>>,
}

#[derive(Debug, Default)]
struct Mail {
    listeners: Vec<OwnedFd>,
    stop: bool,
    /// Command lines that belljar is about to start: their memory cannot be read before.
    announced: HashMap<u32, Vec<ByteString>>,
}

/// What the watcher counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Notifications answered.
    pub answered: u64,
    /// Calls refused.
    pub refused: u64,
    /// Things seen that the record could not take.
    pub unrecorded: u64,
    /// Conversations nobody could be named for.
    pub unknown_flows: u64,
}

impl Watcher {
    /// Starts watching into `log`.
    ///
    /// # Errors
    /// [`WatchError`].
    pub fn start(log: Log) -> Result<Self, WatchError> {
        let filter = Arc::new(Filter::shipped()?);
        let table = ProcessTable::new(log.clone());
        let flows = FlowActors::new(Arc::clone(&table));
        let mail = Arc::new(Mutex::new(Mail::default()));
        let (woken, wake) = std::io::pipe().map_err(WatchError::Start)?;
        let worker = Worker {
            filter: Arc::clone(&filter),
            table: Arc::clone(&table),
            flows: Arc::clone(&flows),
            log: log.clone(),
            mail: Arc::clone(&mail),
            listeners: Vec::new(),
            pending: HashMap::new(),
            refusals: Floods::default(),
            allowed: Floods::default(),
            looks: Floods::default(),
            seen: HashSet::new(),
            tally: Tally::default(),
            late_ends: 0,
        };
        let post = Arc::clone(&mail);
        let thread = std::thread::Builder::new()
            .name("watcher".into())
            .spawn(move || worker.run(&post, woken))
            .map_err(WatchError::Start)?;
        Ok(Self { filter, table, flows, log, mail, wake, thread: Mutex::new(Some(thread)) })
    }

    /// The filter whose notifications it understands.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Answers the notifications of one more filter from now on.
    pub fn attach(&self, listener: OwnedFd) {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner).listeners.push(listener);
        self.wake();
    }

    /// Says what a process that waits to be let go will run: until then its memory is out of
    /// everybody's reach.
    pub fn announce(&self, pid: u32, arguments: Vec<ByteString>) {
        let mut mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        if mail.announced.len() < MOST_PENDING {
            mail.announced.insert(pid, arguments);
        }
    }

    /// Known processes; names the actors of the world's requests.
    pub fn table(&self) -> Arc<ProcessTable> {
        Arc::clone(&self.table)
    }

    /// Names the actors of conversations.
    pub fn flows(&self) -> Arc<FlowActors> {
        Arc::clone(&self.flows)
    }

    /// Stops when everything in the jar has ended; writes what was only counted into the record.
    pub fn finish(&self) -> Tally {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.wake();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut tally = Tally::default();
        let lost = |count, unit: &str, reason: &str, dimension| {
            let extent = Extent::Lost { count, unit: unit.into(), reason: reason.into() };
            if count > 0 {
                // When even the reserve is full, `Log::refused` tells of it.
                let _ = self.log.append_own(Event::Limited { dimension, extent });
            }
        };
        match thread.map(JoinHandle::join) {
            None => return tally,
            Some(Err(_)) => {
                lost(1, "watchers", "the watcher ended early", Dimension::Processes);
                lost(1, "watchers", "the watcher ended early", Dimension::FlowAttribution);
            }
            Some(Ok(counted)) => tally = counted,
        }
        tally.unrecorded += self.table.unrecorded();
        tally.unknown_flows = self.flows.unknown();
        lost(tally.unrecorded, "events", "the record was full", Dimension::Processes);
        lost(
            tally.unknown_flows,
            "conversations",
            "no actor could be named",
            Dimension::FlowAttribution,
        );
        tally
    }

    fn wake(&self) {
        // A full pipe wakes as well; a closed one means that the thread has ended.
        let _ = (&self.wake).write(&[1]);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.wake();
    }
}

/// A program start that was asked for and is not settled yet.
#[derive(Debug)]
struct Pending {
    process: Arc<Process>,
    thread: u32,
    image: u64,
    path: ByteString,
    arguments: Vec<ByteString>,
    call: String,
}

/// A refused call, as it is told.
#[derive(Debug, Clone)]
struct Refusal {
    detail: String,
    errno: String,
    why: RefusalKind,
}

struct Worker {
    filter: Arc<Filter>,
    table: Arc<ProcessTable>,
    flows: Arc<FlowActors>,
    log: Log,
    mail: Arc<Mutex<Mail>>,
    listeners: Vec<OwnedFd>,
    pending: HashMap<ProcessKey, Pending>,
    refusals: Floods<String, Refusal>,
    allowed: Floods<String, String>,
    looks: Floods<Tell, String>,
    seen: HashSet<(Option<ProcessKey>, String, String, Option<u32>)>,
    tally: Tally,
    late_ends: u32,
}

impl Worker {
    fn run(mut self, mail: &Mutex<Mail>, mut woken: std::io::PipeReader) -> Tally {
        let mut swept = Instant::now();
        loop {
            let (ready, dead) = self.wait(&mut woken);
            {
                let mut mail = mail.lock().unwrap_or_else(PoisonError::into_inner);
                self.listeners.append(&mut mail.listeners);
                if mail.stop && ready.is_empty() {
                    break;
                }
            }
            for at in ready {
                match seccomp::receive(&self.listeners[at]) {
                    Ok(Some(call)) => self.decide(at, &call),
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%error, "a notification could not be taken"),
                }
            }
            for at in dead.into_iter().rev() {
                self.listeners.swap_remove(at);
            }
            self.settle();
            if swept.elapsed() > Duration::from_millis(u64::from(IDLE)) {
                swept = Instant::now();
                self.exits();
            }
        }
        self.settle();
        self.exits();
        self.tell_counted();
        self.tally
    }

    /// Waits for notifications; gives the listeners that have one and those that have ended.
    fn wait(&self, woken: &mut std::io::PipeReader) -> (Vec<usize>, Vec<usize>) {
        let mut polled = vec![PollFd::new(woken.as_fd(), PollFlags::POLLIN)];
        polled.extend(self.listeners.iter().map(|l| PollFd::new(l.as_fd(), PollFlags::POLLIN)));
        let timeout = if self.pending.is_empty() { IDLE } else { 1 };
        if poll(&mut polled, PollTimeout::from(timeout)).is_err() {
            return (Vec::new(), Vec::new());
        }
        let events: Vec<PollFlags> =
            polled.iter().map(|p| p.revents().unwrap_or(PollFlags::empty())).collect();
        drop(polled);
        if events[0].contains(PollFlags::POLLIN) {
            let mut bytes = [0; 64];
            // Only its arrival matters.
            let _ = woken.read(&mut bytes);
        }
        let (mut ready, mut dead) = (Vec::new(), Vec::new());
        for (at, event) in events[1..].iter().enumerate() {
            if event.contains(PollFlags::POLLIN) {
                ready.push(at);
            } else if event.intersects(PollFlags::POLLHUP | PollFlags::POLLERR) {
                dead.push(at);
            }
        }
        (ready, dead)
    }

    fn decide(&mut self, at: usize, call: &Notification) {
        self.tally.answered += 1;
        let filter = Arc::clone(&self.filter);
        let rule = filter.rule(call.arch, call.number);
        let answer = match rule {
            Some(rule) => match rule.action {
                Action::Attribute | Action::AttributeIfGiven => {
                    self.attribute(at, call, &rule.name);
                    Answer::Continue
                }
                Action::Record => {
                    self.allow(call, &rule.name);
                    Answer::Continue
                }
                Action::Look | Action::LookFromHere => {
                    self.look(call, &rule.name);
                    Answer::Continue
                }
                _ => {
                    let detail = detail(&rule.name, call);
                    let (errno, why) = (rule.errno_name.clone(), rule.why);
                    self.refuse(call, &rule.name, Refusal { detail, errno, why });
                    Answer::Fail(rule.errno)
                }
            },
            None => {
                let x32 = call.arch == X86_64 && call.number & X32_BIT != 0;
                let name = if x32 { "x32 call" } else { "call" };
                let detail = format!("number {}", call.number & !X32_BIT);
                let (errno, why) = ("ENOSYS".to_owned(), RefusalKind::BypassesDoor);
                self.refuse(call, name, Refusal { detail, errno, why });
                Answer::Fail(nix::errno::Errno::ENOSYS as i32)
            }
        };
        if let Err(error) = seccomp::answer(&self.listeners[at], call.id, answer) {
            tracing::warn!(%error, "a notification could not be answered");
        }
    }

    fn actor(&self, tid: u32) -> (Actor, Option<Arc<Process>>) {
        match self.table.find(tid) {
            Some(process) => (Actor::Native(process.actor(tid)), Some(process)),
            None => (Actor::unknown(format!("thread {tid} was gone before it was read")), None),
        }
    }

    fn append(&mut self, actor: Actor, event: Event) {
        if self.log.append(actor, event).is_err() {
            self.tally.unrecorded += 1;
        }
    }

    /// Tells of an end. Where the budget of the record is used up, the first ends are told from
    /// belljar's own reserve: a record that others have filled still says that these have ended.
    fn close(&mut self, actor: Actor, event: Event) {
        if self.log.append(actor.clone(), event.clone()).is_ok() {
            return;
        }
        if self.late_ends < MOST_LATE_ENDS && self.log.close(actor, event).is_ok() {
            self.late_ends += 1;
            return;
        }
        self.tally.unrecorded += 1;
    }

    fn refuse(&mut self, call: &Notification, name: &str, refusal: Refusal) {
        self.tally.refused += 1;
        if let Some(process) = self.table.find(call.tid) {
            self.not_replaced(&process);
        }
        let (actor, process) = self.actor(call.tid);
        let key = process.map(|process| process.key);
        if self.refusals.take(key, name.to_owned(), OTHERS.to_owned(), &actor, &refusal) {
            let Refusal { detail, errno, why } = refusal;
            self.append(
                actor,
                Event::Refused { call: name.to_owned(), detail, errno, why, count: 1 },
            );
        }
    }

    /// A debugger makes thousands of these a second: the first of each process are listed, the rest
    /// is counted without looking further.
    fn allow(&mut self, call: &Notification, name: &str) {
        let process = self.table.find(call.tid);
        let key = process.as_ref().map(|process| process.key);
        if self.allowed.more(key, name.to_owned()) {
            return;
        }
        if let Some(process) = &process {
            self.not_replaced(process);
        }
        let (actor, _) = self.actor(call.tid);
        let detail = detail(name, call);
        if self.allowed.take(key, name.to_owned(), OTHERS.to_owned(), &actor, &detail) {
            self.append(actor, Event::Allowed { call: name.to_owned(), detail, count: 1 });
        }
    }

    /// Most opens are of ordinary files: they cost one read of the caller's memory and nothing else.
    fn look(&mut self, call: &Notification, name: &str) {
        // The look from inside is belljar's own; it has one thread.
        if self.table.is_ours(call.tid) {
            return;
        }
        let (tell, detail) = match looks::by_call(name) {
            Some(tell) => (tell, name.to_owned()),
            None => {
                let at = call.arguments[looks::path_argument(name)];
                let path = Memory::of(call.tid).and_then(|memory| memory.string(at, LONGEST_LOOK));
                let Some(path) = path else { return };
                let Some(tell) = looks::by_path(path.as_bytes()) else { return };
                (tell, path.to_string())
            }
        };
        let (actor, _) = self.actor(call.tid);
        if self.looks.take(actor.process(), tell, tell, &actor, &detail) {
            self.append(actor, Event::Looked { tell, detail, count: 1 });
        }
    }

    fn tell_counted(&mut self) {
        for (tell, actor, detail, count) in self.looks.rest() {
            self.append(actor, Event::Looked { tell, detail, count });
        }
        for (call, actor, detail, count) in self.allowed.rest() {
            self.append(actor, Event::Allowed { call, detail, count });
        }
        for (call, actor, Refusal { detail, errno, why }, count) in self.refusals.rest() {
            self.append(actor, Event::Refused { call, detail, errno, why, count });
        }
    }

    fn attribute(&mut self, at: usize, call: &Notification, name: &str) {
        let (actor, process) = self.actor(call.tid);
        let Some(process) = process else { return };
        let memory = Memory::of(call.tid);
        // Opened between two looks at the same waiting call, so it is this caller's memory.
        if !seccomp::still_waits(&self.listeners[at], call.id) {
            return;
        }
        if name.starts_with("execve") {
            self.asks_to_run(call, name, process, memory.as_ref());
            return;
        }
        self.not_replaced(&process);
        let Some(memory) = memory else {
            self.reach(actor, &process, call, name, None);
            return;
        };
        let wide = call.arch == X86_64;
        let [_, second, third, _, fifth, sixth] = call.arguments;
        let remotes: Vec<belljar_record::Endpoint> = match name {
            "connect" | "bind" => address::read(&memory, second, third).into_iter().collect(),
            "sendto" => address::read(&memory, fifth, sixth).into_iter().collect(),
            "sendmsg" => address::of_message(&memory, second, wide).into_iter().collect(),
            _ => {
                let stride = if wide { 64 } else { 32 };
                (0..third.min(MOST_MESSAGES))
                    .filter_map(|n| {
                        address::of_message(&memory, second.checked_add(n * stride)?, wide)
                    })
                    .collect()
            }
        };
        for remote in remotes {
            self.reach(actor.clone(), &process, call, name, Some(remote));
        }
    }

    fn reach(
        &mut self,
        actor: Actor,
        process: &Arc<Process>,
        call: &Notification,
        name: &str,
        remote: Option<belljar_record::Endpoint>,
    ) {
        let socket = address::socket(process, call.arguments[0]);
        let (remote, local_port) = match (name, remote) {
            ("bind", Some(local)) => (None, local.port),
            _ => (remote, socket.local_port),
        };
        self.flows.note(Reach {
            at: Instant::now(),
            transport: socket.transport,
            remote,
            local_port,
            inode: socket.inode,
            call: name.to_owned(),
            actor: actor.clone(),
        });
        if name == "bind" {
            return;
        }
        let remote_text = remote.map_or_else(String::new, |remote| remote.to_string());
        let key = (actor.process(), name.to_owned(), remote_text, socket.inode);
        if self.seen.len() >= MOST_SEEN {
            self.seen.clear();
        }
        if self.seen.insert(key) {
            self.table.tell(process, call.tid, "seccomp");
            let event = Event::Reach {
                transport: socket.transport.unwrap_or(belljar_record::Transport::Raw),
                remote,
                local_port,
                call: name.to_owned(),
                confidence: Confidence::Held,
            };
            self.append(actor, event);
        }
    }

    fn asks_to_run(
        &mut self,
        call: &Notification,
        name: &str,
        process: Arc<Process>,
        memory: Option<&Memory>,
    ) {
        // One that has started a program and asks for the next has to be told of first.
        self.not_replaced(&process);
        let wide = call.arch == X86_64;
        let (path_at, list_at) = match name {
            "execve" => (call.arguments[0], call.arguments[1]),
            _ => (call.arguments[1], call.arguments[2]),
        };
        let path = memory.and_then(|memory| memory.string(path_at, 4096)).unwrap_or_default();
        let arguments = memory.map_or_else(Vec::new, |memory| arguments(memory, list_at, wide));
        let announced = {
            let mut mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
            mail.announced.remove(&process.key.pid)
        };
        let arguments = match announced {
            Some(announced) if arguments.is_empty() => announced,
            _ => arguments,
        };
        process.asks();
        if self.pending.len() >= MOST_PENDING {
            self.tally.unrecorded += 1;
            return;
        }
        let image = procfs::stat(process.key.pid).map_or(0, |stat| stat.image);
        self.pending.insert(
            process.key,
            Pending { process, thread: call.tid, image, path, arguments, call: name.to_owned() },
        );
    }

    /// A process that makes another call decides what became of its wish to run a program: if it has
    /// not been replaced the wish failed (a program looked for along PATH) and is told of no more.
    fn not_replaced(&mut self, process: &Arc<Process>) {
        if self.pending.contains_key(&process.key) {
            self.settle();
            if let Some(pending) = self.pending.remove(&process.key) {
                pending.process.settled(None);
            }
        }
    }

    /// Tells of the programs that have started.
    fn settle(&mut self) {
        let mut done = Vec::new();
        for (key, pending) in &self.pending {
            let alive = belljar_sys::pidfd::alive(pending.process.pidfd.as_fd());
            let image = procfs::stat(key.pid)
                .filter(|stat| stat.start == key.start)
                .map_or(0, |stat| stat.image);
            if alive && (image == pending.image || image == 0) {
                continue;
            }
            done.push((*key, alive));
        }
        for (key, alive) in done {
            let Some(pending) = self.pending.remove(&key) else { continue };
            let Pending { process, thread, path, arguments, call, .. } = pending;
            // An empty path means that it runs an open file (fexecve).
            let alive = process.settled(Some(&path)) && alive;
            process.is_told();
            let executable = process.executable();
            let actor = belljar_record::NativeActor {
                process: key,
                thread,
                executable: executable.clone(),
            };
            self.table.record(
                actor,
                Program {
                    process: key,
                    parent: process.parent,
                    executable,
                    arguments,
                    source: format!("seccomp {call}"),
                    // Seen held before and replaced after; or it had ended before the second look.
                    confidence: if alive { Confidence::Confirmed } else { Confidence::Inferred },
                },
            );
        }
    }

    fn exits(&mut self) {
        self.settle();
        for process in self.table.take_ended() {
            self.pending.remove(&process.key);
            let actor = Actor::Native(process.actor(process.key.pid));
            self.close(actor, Event::Exit { process: process.key, code: None });
        }
    }
}
