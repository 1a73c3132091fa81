//! Process 1 of the jar: reaps, starts what belljar asks for, and takes everything with it when it ends.
//!
//! Promises: it has one thread, runs no program itself, and is out of the component's reach (it lives
//! in the outer of the two user namespaces); it ends when the supervisor ends.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use belljar_sys::pidfd;
use belljar_sys::process::{Fork, fork, fork_sharing_descriptors, leave};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::launcher::{self, Inner};
use crate::messages::{FromInit, Order, SpawnOrder, ToInit, hear, say, tell, unpack};
use crate::step::{Failed, Step as _};
use crate::supervisor::die_with_parent;

const NO_HINT: &str = "";
const PROC_HINT: &str =
    "the host's /proc must be wholly visible (in containers: unmask it, or run them privileged)";

/// Runs until the end. `watch` ends when the supervisor does.
pub(crate) fn run(
    socket: &OwnedFd,
    watch: std::io::PipeReader,
    order: &Order,
    root: &Path,
    host_root: Option<BorrowedFd<'_>>,
) -> ! {
    let code = match Init::begin(socket, watch, order, root, host_root) {
        Ok(mut init) => init.serve(),
        Err(Failed { step, detail, .. }) => {
            let _ = tell(socket, &FromInit::Failed { id: 0, step, detail });
            1
        }
    };
    leave(code)
}

struct Child {
    id: u64,
    /// Written to, it lets the process go on.
    go: Option<std::io::PipeWriter>,
    /// What it says of itself until it has become something else.
    status: std::io::PipeReader,
}

struct Init<'a> {
    socket: &'a OwnedFd,
    watch: std::io::PipeReader,
    signals: SignalFd,
    inner: Inner,
    host_root: Option<BorrowedFd<'a>>,
    children: HashMap<i32, Child>,
}

impl<'a> Init<'a> {
    fn begin(
        socket: &'a OwnedFd,
        watch: std::io::PipeReader,
        order: &Order,
        root: &Path,
        host_root: Option<BorrowedFd<'a>>,
    ) -> Result<Self, Failed> {
        die_with_parent()?;
        // What is not yet the component must be out of its reach, although it runs in the component's
        // user namespace for a moment: no memory of it can be read or changed, and it cannot be
        // traced. A new program resets this.
        nix::sys::prctl::set_dumpable(false).step("prctl PR_SET_DUMPABLE", NO_HINT)?;
        let proc = root.join("proc");
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("proc"), &proc, Some("proc"), flags, None::<&str>)
            .step("mount /proc", PROC_HINT)?;
        nix::unistd::chdir(root).step("enter the root tree", NO_HINT)?;
        nix::unistd::pivot_root(".", ".").step("pivot_root", NO_HINT)?;
        umount2(".", MntFlags::MNT_DETACH).step("detach the host's tree", NO_HINT)?;
        nix::unistd::chdir("/").step("enter the root", NO_HINT)?;
        nix::unistd::setsid().step("setsid", NO_HINT)?;
        let inner = second_user_namespace(order.single)?;
        let mut set = SigSet::empty();
        set.add(Signal::SIGCHLD);
        set.thread_block().step("block SIGCHLD", NO_HINT)?;
        let signals = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .step("signalfd", NO_HINT)?;
        tell(socket, &FromInit::Killed).step("report", NO_HINT)?;
        Ok(Self { socket, watch, signals, inner, host_root, children: HashMap::new() })
    }

    fn serve(&mut self) -> i32 {
        loop {
            let mut polled = [
                PollFd::new(self.watch.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            ];
            if poll(&mut polled, PollTimeout::from(500_u16)).is_err() {
                continue;
            }
            let events = polled.map(|p| p.revents().unwrap_or(PollFlags::empty()));
            if events[0].intersects(PollFlags::POLLHUP | PollFlags::POLLERR) {
                return 1;
            }
            while matches!(self.signals.read_signal(), Ok(Some(_))) {}
            self.reap();
            if events[1].intersects(PollFlags::POLLIN | PollFlags::POLLHUP) {
                match self.obey() {
                    Ok(true) => {}
                    Ok(false) => return 0,
                    Err(()) => return 1,
                }
            }
        }
    }

    fn say(&self, message: &FromInit) -> Result<(), ()> {
        tell(self.socket, message).map_err(|_| ())
    }

    fn obey(&mut self) -> Result<bool, ()> {
        let (message, descriptors) = hear::<ToInit>(self.socket).map_err(|_| ())?;
        match message {
            ToInit::Spawn { id } => {
                if let Err(Failed { step, detail, .. }) = self.spawn(id, descriptors) {
                    self.say(&FromInit::Failed { id, step, detail })?;
                }
            }
            ToInit::Release { id } => self.release(id)?,
            ToInit::Exists { path } => {
                let exists = self.exists(&path);
                self.say(&FromInit::Exists { exists })?;
            }
            ToInit::KillAll => {
                self.kill_all();
                self.say(&FromInit::Killed)?;
            }
            ToInit::Finish => {
                self.kill_all();
                use nix::sys::resource::{UsageWho, getrusage};
                let micros = |time: nix::sys::time::TimeVal| {
                    u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000
                        + u64::try_from(time.tv_usec()).unwrap_or(0)
                };
                let used = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|_| ())?;
                self.say(&FromInit::Finished {
                    user_micros: micros(used.user_time()),
                    system_micros: micros(used.system_time()),
                    largest_resident: u64::try_from(used.max_rss()).unwrap_or(0) * 1024,
                })?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn spawn(
        &mut self,
        id: u64,
        mut descriptors: std::vec::IntoIter<OwnedFd>,
    ) -> Result<(), Failed> {
        let order: SpawnOrder = unpack(descriptors.next()).step("read the order", NO_HINT)?;
        let mut output = || descriptors.next().ok_or("missing").step("take the output", NO_HINT);
        let (stdout, stderr) = (output()?, output()?);
        let (mut status, speak) = std::io::pipe().step("pipe", NO_HINT)?;
        let (listen, go) = std::io::pipe().step("pipe", NO_HINT)?;
        let pid = match fork_sharing_descriptors().step("fork", NO_HINT)? {
            // The table is shared: nothing of ours may be dropped there, and nothing is, since this
            // never returns.
            Fork::Child => {
                launcher::run(&self.inner, order, &stdout, &stderr, &speak, &listen, self.host_root)
            }
            Fork::Parent(pid) => pid,
        };
        let held = pidfd::open(pid).step("hold the process", NO_HINT)?;
        let mut listener = None;
        loop {
            // A child that is killed says nothing, and the pipe stays open: we hold its other end.
            let mut polled = [
                PollFd::new(status.as_fd(), PollFlags::POLLIN),
                PollFd::new(held.as_fd(), PollFlags::POLLIN),
            ];
            let _ = poll(&mut polled, PollTimeout::NONE);
            if !polled[0].any().unwrap_or(false) && polled[1].any().unwrap_or(false) {
                return Err("it ended").step("prepare the process", NO_HINT);
            }
            match Said::read(&mut status).step("prepare the process", NO_HINT)? {
                Said::Listener(number) => {
                    let adopted = belljar_sys::descriptors::adopt(number);
                    listener = Some(adopted.step("take the listener", NO_HINT)?);
                }
                Said::Apart => break,
                Said::Error(step, detail) => return Err(detail).step(step, NO_HINT),
                Said::Nothing => return Err("it ended").step("prepare the process", NO_HINT),
            }
        }
        drop((speak, listen, stdout, stderr));
        let listener = listener.ok_or("none").step("take the listener", NO_HINT)?;
        let pid = i32::try_from(pid).unwrap_or(-1);
        self.children.insert(pid, Child { id, go: Some(go), status });
        say(self.socket, &FromInit::Started { id }, &[held, listener]).step("report", NO_HINT)
    }

    fn release(&mut self, id: u64) -> Result<(), ()> {
        let Some(child) = self.children.values_mut().find(|child| child.id == id) else {
            let (step, detail) = ("release".into(), "no such process".into());
            return self.say(&FromInit::Failed { id, step, detail });
        };
        if let Some(mut go) = child.go.take() {
            // If it is dead already its end is told of by `reap`.
            let _ = go.write_all(&[1]);
        }
        let message = match Said::read(&mut child.status) {
            Ok(Said::Error(step, detail)) => FromInit::Failed { id, step, detail },
            // The pipe closes by itself when the new program starts.
            _ => FromInit::Running { id },
        };
        self.say(&message)
    }

    /// Looks from a child in the component's place, so that init's rights cannot be misled.
    fn exists(&self, path: &str) -> bool {
        match fork() {
            Ok(Fork::Child) => {
                let found =
                    self.inner.enter().is_ok() && Path::new(path).symlink_metadata().is_ok();
                leave(if found { 0 } else { 1 })
            }
            Ok(Fork::Parent(pid)) => {
                let pid = Pid::from_raw(i32::try_from(pid).unwrap_or(-1));
                matches!(waitpid(pid, None), Ok(WaitStatus::Exited(_, 0)))
            }
            Err(_) => false,
        }
    }

    fn reap(&mut self) {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            let (pid, code, signal) = match status {
                WaitStatus::Exited(pid, code) => (pid, Some(code), None),
                WaitStatus::Signaled(pid, signal, _) => (pid, None, Some(signal as i32)),
                WaitStatus::StillAlive => break,
                _ => continue,
            };
            if let Some(child) = self.children.remove(&pid.as_raw()) {
                let _ = self.say(&FromInit::Exited { id: child.id, code, signal });
            }
        }
    }

    fn kill_all(&mut self) {
        // Processes may fork faster than a signal is sent, so until nobody is left. From process 1
        // the number -1 means everybody else in the pid namespace.
        for _ in 0..1000 {
            match kill(Pid::from_raw(-1), Signal::SIGKILL) {
                Err(nix::errno::Errno::ESRCH) => break,
                _ => {
                    let mut polled = [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
                    let _ = poll(&mut polled, PollTimeout::from(10_u8));
                    while matches!(self.signals.read_signal(), Ok(Some(_))) {}
                    self.reap();
                }
            }
        }
        self.reap();
    }
}

/// What a launched process says of itself: a kind, a number (or a length), a text.
pub(crate) enum Said {
    /// The listener of its filter is at this number of the shared table.
    Listener(i32),
    /// It has a table of its own from now on.
    Apart,
    Error(String, String),
    Nothing,
}

const LONGEST_SAID: usize = 4096;

impl Said {
    fn read(pipe: &mut std::io::PipeReader) -> std::io::Result<Self> {
        let mut head = [0; 5];
        match pipe.read_exact(&mut head) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Ok(Self::Nothing);
            }
            other => other?,
        }
        let number = i32::from_ne_bytes([head[1], head[2], head[3], head[4]]);
        match head[0] {
            b'L' => return Ok(Self::Listener(number)),
            b'A' => return Ok(Self::Apart),
            _ => {}
        }
        let len = usize::try_from(number).unwrap_or(0).min(LONGEST_SAID);
        let mut text = vec![0; len];
        pipe.read_exact(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        let (step, detail) = text.split_once('\0').unwrap_or((&*text, ""));
        Ok(Self::Error(step.to_owned(), detail.to_owned()))
    }

    pub(crate) fn write(&self, mut pipe: &std::io::PipeWriter) {
        let bytes = match self {
            Self::Listener(number) => [&b"L"[..], &number.to_ne_bytes()].concat(),
            Self::Apart => b"A\0\0\0\0".to_vec(),
            Self::Error(step, detail) => {
                let mut text = [step.as_bytes(), b"\0", detail.as_bytes()].concat();
                text.truncate(LONGEST_SAID);
                let len = i32::try_from(text.len()).unwrap_or(0);
                [&b"E"[..], &len.to_ne_bytes(), &text].concat()
            }
            Self::Nothing => return,
        };
        // Init may be gone; then this process is about to be, too.
        let _ = pipe.write_all(&bytes);
    }
}

/// The component's own user namespace, nested in the jar's. A copy of the mounts goes with it, in
/// which none of them can be taken away. Both live as long as these descriptors.
fn second_user_namespace(single: bool) -> Result<Inner, Failed> {
    let (mut wait, go) = std::io::pipe().step("pipe", NO_HINT)?;
    let (mut done, made) = std::io::pipe().step("pipe", NO_HINT)?;
    let helper = match fork().step("fork", NO_HINT)? {
        Fork::Child => {
            drop((go, done));
            // Nobody else lives inside yet, and init must be able to write its maps.
            if nix::sys::prctl::set_dumpable(true).is_err() {
                leave(1)
            }
            if unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).is_err() {
                leave(1)
            }
            let _ = (&made).write_all(&[1]);
            let mut byte = [0];
            let _ = wait.read(&mut byte);
            leave(0)
        }
        Fork::Parent(pid) => pid,
    };
    drop((wait, made));
    let mut byte = [0];
    done.read_exact(&mut byte).step("unshare the second user namespace", NO_HINT)?;
    if single {
        let path = format!("/proc/{helper}/setgroups");
        // Denied already by the outer namespace where it has a single user.
        let _ = std::fs::write(path, "deny");
    }
    for name in ["gid_map", "uid_map"] {
        let map = same_map(name).step(format!("read {name}"), NO_HINT)?;
        std::fs::write(format!("/proc/{helper}/{name}"), map)
            .step(format!("write {name} of the second user namespace"), NO_HINT)?;
    }
    let open = |name: &str| {
        std::fs::File::open(format!("/proc/{helper}/ns/{name}"))
            .map(OwnedFd::from)
            .step(format!("open the second {name} namespace"), NO_HINT)
    };
    let inner = Inner { user: open("user")?, mounts: open("mnt")?, single };
    drop(go);
    let pid = Pid::from_raw(i32::try_from(helper).unwrap_or(-1));
    waitpid(pid, None).step("wait for the helper", NO_HINT)?;
    Ok(inner)
}

/// A map that gives a nested user namespace the users of this one, each as itself. Each line has to
/// fit into one line of the outer map.
fn same_map(name: &str) -> std::io::Result<String> {
    let text = std::fs::read_to_string(format!("/proc/self/{name}"))?;
    let mut map = String::new();
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace();
        if let (Some(first), Some(count)) = (fields.next(), fields.nth(1)) {
            map += &format!("{first} {first} {count}\n");
        }
    }
    Ok(map)
}
