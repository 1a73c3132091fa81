//! belljar's side of a namespace jar.
//!
//! Promises: nothing is started before the look from inside has held; a jar that is dropped takes
//! everything inside with it; the supervisor's life is tied to a thread that lives as long as the jar.
//! Cannot see: what the kernel itself might let through.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use belljar_process::Watcher;
use belljar_record::{Dimension, Extent, Isolation, IsolationCheck, ProcessKey};
use belljar_sys::net::{Carrier, InnerNet, OuterNet};
use belljar_sys::{channel as sockets, pidfd};

use crate::contract::{Ended, Jar, JarEnd, Running, Usage};
use crate::diff::Changes;
use crate::inside::Facts;
use crate::keeper::Keeper;
use crate::leftovers::{Canaries, numbered_name, start_of};
use crate::limits::Limiter;
use crate::maps::{self, Users};
use crate::messages::{
    Become, Carried, FromInit, FromSupervisor, Lower, LowerKind, Order, SpawnOrder, ToInit,
    ToSupervisor, hear, pack, say, tell, unpack,
};
use crate::sabotage::Sabotage;
use crate::shown::{SABOTAGE_FOLDER, lowers, map_owners};
use crate::{CommandSpec, JarError, JarPlan, User, etc};

/// How long init may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_LOOK: u64 = 1 << 20;

/// What the doors need.
#[derive(Debug)]
pub struct Devices {
    /// The mounted FUSE device, if the plan has a world.
    pub fuse: Option<OwnedFd>,
    /// Descriptors into the component's network namespace, if the plan has a wire.
    pub inner: Option<InnerNet>,
    /// Descriptors into belljar's own network namespace, if the plan has a wire.
    pub outer: Option<OuterNet>,
}

/// How a started process ends.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    ended: Mutex<Option<Ended>>,
    changed: Condvar,
}

impl Ending {
    fn set(&self, how: Ended) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(how);
        self.changed.notify_all();
    }

    pub(crate) fn wait(&self, timeout: Duration) -> Option<Ended> {
        let until = Instant::now() + timeout;
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while ended.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            ended =
                self.changed.wait_timeout(ended, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *ended
    }
}

type Endings = Arc<Mutex<HashMap<u64, Arc<Ending>>>>;

/// A jar of Linux namespaces.
#[derive(Debug)]
pub struct NamespaceJar {
    plan: JarPlan,
    watcher: Arc<Watcher>,
    users: Users,
    sabotage: Option<Sabotage>,
    canaries: Option<Canaries>,
    lowers: Vec<Lower>,
    not_mapped: Vec<PathBuf>,
    carrier: Option<Carrier>,
    limiter: Limiter,
    init_socket: Arc<OwnedFd>,
    replies: Receiver<(FromInit, Vec<OwnedFd>)>,
    reader: Option<std::sync::mpsc::Sender<(FromInit, Vec<OwnedFd>)>>,
    endings: Endings,
    next: u64,
    checked: bool,
    finished: bool,
    host_socket: Option<(UnixListener, PathBuf)>,
    // Last, so that everything above is gone before the supervisor is.
    socket: Option<OwnedFd>,
    keeper: Keeper,
}

pub(crate) fn lost(who: &'static str, detail: impl std::fmt::Display) -> JarError {
    JarError::Lost { who, detail: detail.to_string() }
}

pub(crate) fn step(
    name: impl Into<String>,
    detail: impl std::fmt::Display,
    hint: &'static str,
) -> JarError {
    JarError::Step { step: name.into(), detail: detail.to_string(), hint }
}

impl NamespaceJar {
    /// Makes namespaces and devices. Start the doors on the devices, then call [`Jar::check`].
    ///
    /// # Errors
    /// [`JarError`], one variant a step. Nothing is left behind.
    pub fn prepare(plan: JarPlan, watcher: Arc<Watcher>) -> Result<(Self, Devices), JarError> {
        let pair = || sockets::pair().map_err(|error| JarError::Supervisor(error.to_string()));
        let ((socket, theirs), (init_socket, inits)) = (pair()?, pair()?);
        // These two first: they go on beside what follows.
        let keeper = Keeper::start(theirs)?;
        let limiter = Limiter::make(plan.limits)?;
        let sabotage = Sabotage::from_environment();
        let users = Users::here();
        let canaries = Canaries::write()?;
        let lowers = lowers(&plan, sabotage, users)?;
        let host_socket = (sabotage == Some(Sabotage::HostSocket)).then(host_socket).transpose()?;

        let order = Order {
            plan: plan.clone(),
            single: users.single(),
            lowers: lowers.clone(),
            sabotage,
            host_socket: host_socket.as_ref().map(|(_, path)| path.clone()),
        };
        let packed = pack(&order).map_err(|error| JarError::Supervisor(error.to_string()))?;
        say(&socket, &ToSupervisor::Make, &[packed, inits])
            .map_err(|error| lost("supervisor", error))?;
        let FromSupervisor::Unshared = expect(&socket)?.0 else {
            return Err(lost("supervisor", "no namespaces"));
        };
        users.write(keeper.pid())?;
        let mapped = map_owners(&lowers, users, keeper.pid())?;
        say(&socket, &ToSupervisor::Mapped { idmapped: mapped.lowers }, &mapped.mounts)
            .map_err(|error| lost("supervisor", error))?;
        drop(mapped.mounts);
        let (FromSupervisor::Devices { device, carried }, fds) = expect(&socket)? else {
            return Err(lost("supervisor", "no devices"));
        };
        let carrier = match carried {
            Carried::ByTun => Carrier::Tun,
            Carried::ByPair => Carrier::Pair,
        };
        let devices = take_devices(&plan, device, carrier, fds)?;
        watcher.table().ours(keeper.pid());
        let (reader, replies) = channel();
        let jar = Self {
            plan,
            watcher,
            users,
            sabotage,
            canaries: Some(canaries),
            lowers,
            not_mapped: mapped.not_mapped,
            carrier: devices.inner.as_ref().map(|inner| inner.carrier),
            limiter,
            init_socket: Arc::new(init_socket),
            replies,
            reader: Some(reader),
            endings: Endings::default(),
            next: 1,
            checked: false,
            finished: false,
            host_socket,
            socket: Some(socket),
            keeper,
        };
        Ok((jar, devices))
    }

    /// Whether a jar made here has users beside 0 (a range can be mapped).
    pub fn has_many_users() -> bool {
        !Users::here().single()
    }

    /// The supervisor's process number, for those who want to prove that it dies with belljar.
    pub fn supervisor(&self) -> u32 {
        self.keeper.pid()
    }

    fn supervisor_socket(&self) -> Result<&OwnedFd, JarError> {
        self.socket.as_ref().ok_or_else(|| lost("supervisor", "the jar has ended"))
    }

    fn complete(&mut self) -> Result<Option<IsolationCheck>, JarError> {
        let socket = self.supervisor_socket()?;
        tell(socket, &ToSupervisor::Go).map_err(|error| lost("supervisor", error))?;
        let FromSupervisor::Ready { init } = expect(socket)?.0 else {
            return Err(lost("supervisor", "not ready"));
        };
        self.watcher.table().ours(init);
        match hear::<FromInit>(&*self.init_socket) {
            Ok((FromInit::Killed, _)) => {}
            Ok((FromInit::Failed { step: name, detail, .. }, _)) => {
                return Err(step(name, detail, ""));
            }
            Ok((other, _)) => return Err(lost("init", format!("{other:?}"))),
            Err(error) => return Err(lost("init", error)),
        }
        let maps = maps::maps_root(init);
        let users = match &maps {
            Ok(false) => None,
            Ok(true) => Some("a user inside is the host's root".to_owned()),
            Err(error) => Some(format!("cannot look: {error}")),
        };
        let seen = users.clone().unwrap_or_else(|| "no user inside is the host's root".into());
        let check = IsolationCheck { name: "users".into(), holds: users.is_none(), seen };
        self.limiter.watch(init);
        self.read_replies()?;
        Ok(Some(check))
    }

    fn read_replies(&mut self) -> Result<(), JarError> {
        let Some(replies) = self.reader.take() else {
            return Err(lost("init", "checked twice"));
        };
        let (socket, endings) = (Arc::clone(&self.init_socket), Arc::clone(&self.endings));
        std::thread::Builder::new()
            .name("init's replies".into())
            .spawn(move || {
                while let Ok((message, fds)) = hear::<FromInit>(&*socket) {
                    let mut endings = endings.lock().unwrap_or_else(PoisonError::into_inner);
                    if let FromInit::Exited { id, code, signal } = message {
                        if let Some(ending) = endings.remove(&id) {
                            ending.set(match (code, signal) {
                                (Some(code), _) => Ended::Exited(code),
                                (None, Some(signal)) => Ended::Killed(signal),
                                (None, None) => Ended::Lost,
                            });
                        }
                    } else if replies.send((message, fds.collect())).is_err() {
                        break;
                    }
                }
                let mut endings = endings.lock().unwrap_or_else(PoisonError::into_inner);
                for (_, ending) in endings.drain() {
                    ending.set(Ended::Lost);
                }
            })
            .map(drop)
            .map_err(|error| JarError::Supervisor(error.to_string()))
    }

    fn reply(&self) -> Result<(FromInit, std::vec::IntoIter<OwnedFd>), JarError> {
        match self.replies.recv_timeout(PATIENCE) {
            Ok((message, fds)) => Ok((message, fds.into_iter())),
            Err(RecvTimeoutError::Timeout) => Err(lost("init", "no answer in time")),
            Err(RecvTimeoutError::Disconnected) => Err(lost("init", "it has ended")),
        }
    }

    fn ask(&self, message: &ToInit) -> Result<(), JarError> {
        tell(&*self.init_socket, message).map_err(|error| lost("init", error))
    }

    fn launch(&mut self, what: Become, ours: bool) -> Result<Running, JarError> {
        let argv = match &what {
            Become::Program { argv, .. } => argv.clone(),
            Become::Look(_) => vec!["the look from inside".to_owned()],
        };
        let program = argv.first().cloned().unwrap_or_default();
        let id = self.next;
        self.next += 1;
        let filter = self.watcher.filter().program();
        let order = SpawnOrder {
            become_what: what,
            filter: filter.iter().map(|i| (i.code, i.jt, i.jf, i.k)).collect(),
            single: self.users.single(),
            sabotage: self.sabotage,
        };
        let packed = pack(&order).map_err(|error| lost("init", error))?;
        let pipe = || std::io::pipe().map_err(|error| lost("init", error));
        let ((stdout, stdout_end), (stderr, stderr_end)) = (pipe()?, pipe()?);
        let ending = Arc::new(Ending::default());
        self.endings.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&ending));
        let ends = [packed, stdout_end.into(), stderr_end.into()];
        say(&*self.init_socket, &ToInit::Spawn { id }, &ends)
            .map_err(|error| lost("init", error))?;
        drop(ends);
        let failed = |step: String, detail: String| JarError::Execute {
            program: program.clone(),
            detail: format!("{step}: {detail}"),
        };
        let (held, listener) = match self.reply()? {
            (FromInit::Started { id: started }, mut fds) if started == id => {
                match (fds.next(), fds.next()) {
                    (Some(held), Some(listener)) => (held, listener),
                    _ => return Err(lost("init", "no descriptors")),
                }
            }
            (FromInit::Failed { step, detail, .. }, _) => return Err(failed(step, detail)),
            (other, _) => return Err(lost("init", format!("{other:?}"))),
        };
        let pid = pidfd::number(&held).ok_or_else(|| lost("init", "the process has ended"))?;
        let start = start_of(pid).unwrap_or(0);
        if ours {
            self.watcher.table().ours(pid);
        }
        self.watcher.announce(pid, argv.into_iter().map(Into::into).collect());
        self.watcher.attach(listener);
        // The look is belljar's own program, and needs no limit.
        if !ours {
            self.limiter.join(pid)?;
        }
        self.ask(&ToInit::Release { id })?;
        match self.reply()? {
            (FromInit::Running { .. }, _) => {}
            (FromInit::Failed { step, detail, .. }, _) => return Err(failed(step, detail)),
            (other, _) => return Err(lost("init", format!("{other:?}"))),
        }
        Ok(Running {
            process: ProcessKey { pid, start },
            stdout: Some(stdout.into()),
            stderr: Some(stderr.into()),
            pidfd: held,
            ending,
        })
    }

    fn facts(&self) -> Facts {
        let of = |kind| {
            let fitting = self.lowers.iter().filter(move |lower| lower.kind == kind);
            fitting.map(|lower| lower.inside.clone()).collect()
        };
        let outer_users = std::fs::read_link("/proc/self/ns/user").unwrap_or_default();
        // What a sabotage shows is not part of the plan.
        let mut files: Vec<PathBuf> = of(LowerKind::File);
        files.retain(|inside| !inside.starts_with(SABOTAGE_FOLDER));
        Facts {
            wire: self.plan.wire.is_some(),
            canaries: self.canaries.as_ref().map(Canaries::list).unwrap_or_default(),
            token: self.plan.world.as_ref().and_then(|world| world.token.clone()),
            world: self.plan.world.as_ref().map(|world| world.binds.clone()).unwrap_or_default(),
            overlays: of(LowerKind::Tree),
            files,
            outer_users: outer_users.display().to_string(),
        }
    }

    fn environment(&self, command: &CommandSpec) -> BTreeMap<String, String> {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let mut env: BTreeMap<String, String> = [
            ("PATH", path),
            ("LANG", "C.UTF-8"),
            ("TERM", "dumb"),
            ("SHELL", "/bin/sh"),
            ("TMPDIR", "/tmp"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if command.user == User::Root {
            env.insert("HOME".into(), "/root".into());
            env.insert("USER".into(), "root".into());
        }
        if !self.plan.ca_pem.is_empty() {
            env.extend(etc::trust_environment());
        }
        env.extend(self.plan.env.clone());
        env.extend(command.env.clone());
        env
    }
}

impl Jar for NamespaceJar {
    fn check(&mut self) -> Result<Isolation, JarError> {
        let users = self.complete()?;
        let mut running = self.launch(Become::Look(self.facts()), true)?;
        let stdout = running.stdout.take().map(std::fs::File::from);
        let mut text = Vec::new();
        if let Some(stdout) = stdout {
            stdout
                .take(LONGEST_LOOK)
                .read_to_end(&mut text)
                .map_err(|error| lost("look from inside", error))?;
        }
        let ended = running.wait(PATIENCE);
        let looked: Vec<IsolationCheck> = match ended {
            Some(Ended::Exited(0)) => {
                serde_json::from_slice(&text).map_err(|error| lost("look from inside", error))?
            }
            other => return Err(lost("look from inside", format!("{other:?}"))),
        };
        let mut checks = looked;
        checks.extend(users);
        if let Some(sabotage) = self.sabotage {
            checks.push(IsolationCheck {
                name: "sabotage".into(),
                holds: false,
                seen: format!("a test asked for a broken jar ({sabotage:?})"),
            });
        }
        self.canaries = None;
        let isolation = Isolation { checks };
        if isolation.checks.iter().any(|check| !check.holds) {
            return Err(JarError::NotIsolated(isolation));
        }
        self.checked = true;
        Ok(isolation)
    }

    fn spawn(&mut self, command: &CommandSpec) -> Result<Running, JarError> {
        if !self.checked || self.sabotage.is_some() {
            return Err(JarError::Unchecked);
        }
        let what = Become::Program {
            argv: command.argv.clone(),
            env: self.environment(command),
            cwd: command.cwd.clone(),
            user: command.user,
        };
        self.launch(what, false)
    }

    fn kill_all(&mut self) -> Result<(), JarError> {
        self.ask(&ToInit::KillAll)?;
        match self.reply()?.0 {
            FromInit::Killed => Ok(()),
            other => Err(lost("init", format!("{other:?}"))),
        }
    }

    fn exists(&mut self, path: &str) -> Result<bool, JarError> {
        self.ask(&ToInit::Exists { path: path.to_owned() })?;
        match self.reply()?.0 {
            FromInit::Exists { exists } => Ok(exists),
            other => Err(lost("init", format!("{other:?}"))),
        }
    }

    fn finish(&mut self) -> Result<JarEnd, JarError> {
        if std::mem::replace(&mut self.finished, true) {
            return Err(lost("init", "finished twice"));
        }
        self.ask(&ToInit::Finish)?;
        let usage = match self.reply()?.0 {
            FromInit::Finished { user_micros, system_micros, largest_resident } => Usage {
                user_millis: user_micros / 1000,
                system_millis: system_micros / 1000,
                largest_resident,
            },
            other => return Err(lost("init", format!("{other:?}"))),
        };
        let socket = self.supervisor_socket()?;
        tell(socket, &ToSupervisor::Changes).map_err(|error| lost("supervisor", error))?;
        let (FromSupervisor::Changes, mut fds) = expect(socket)? else {
            return Err(lost("supervisor", "no changes"));
        };
        let changes: Changes = unpack(fds.next()).map_err(|error| lost("supervisor", error))?;
        let mut losses = Vec::new();
        if changes.lost > 0 {
            losses.push((
                Dimension::SystemChanges,
                Extent::Lost {
                    count: changes.lost,
                    unit: "entries".into(),
                    reason: "more changed outside the world than is kept".into(),
                },
            ));
        }
        if self.users.single() {
            let reason = "only one user can be mapped here (no range in /etc/subuid): setgroups, setuid and chown fail inside, and system directories that belong to the host's root cannot be changed";
            losses.push((Dimension::UidRange, Extent::Blind { reason: reason.into() }));
        } else if !self.not_mapped.is_empty() {
            let reason = format!(
                "owners of {} are not mapped: the file system cannot be idmapped",
                self.not_mapped
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            losses.push((Dimension::UidRange, Extent::Blind { reason }));
        }
        if self.carrier == Some(Carrier::Pair) {
            let reason = "no TUN device can be had here: packets come over a pair of Ethernet devices and a packet socket, which drops (and counts) what comes faster than it is read, and does not pass it on";
            losses.push((Dimension::Packets, Extent::Blind { reason: reason.into() }));
        }
        let limits = self.limiter.hits(changes.free, changes.free_files);
        // End of file: the supervisor ends.
        self.socket = None;
        Ok(JarEnd { changes: changes.list, usage, limits, losses })
    }
}

impl NamespaceJar {
    /// How memory and processes are limited here, in words.
    pub fn limits_kept_by(&self) -> String {
        self.limiter.kept_by()
    }

    /// Whether packets are carried by TUN devices, rather than by what serves where there are none.
    pub fn has_tun(&self) -> bool {
        self.carrier == Some(Carrier::Tun)
    }

    /// Whether control groups do not keep all of the limits here.
    pub fn limits_need_a_watcher(&self) -> bool {
        self.limiter.needs_a_watcher()
    }
}

impl Drop for NamespaceJar {
    fn drop(&mut self) {
        self.socket = None;
        if let Some((_, path)) = &self.host_socket {
            let _ = std::fs::remove_file(path);
        }
        // Everything inside must be dead before the groups can go.
        self.keeper.end();
    }
}

fn expect(socket: &OwnedFd) -> Result<(FromSupervisor, std::vec::IntoIter<OwnedFd>), JarError> {
    match hear::<FromSupervisor>(socket) {
        Ok((FromSupervisor::Failed { step: name, detail, hint }, _)) => {
            let detail = if hint.is_empty() { detail } else { format!("{detail} ({hint})") };
            Err(step(name, detail, ""))
        }
        Ok(other) => Ok(other),
        Err(error) => Err(lost("supervisor", error)),
    }
}

fn take_devices(
    plan: &JarPlan,
    device: u32,
    carrier: Carrier,
    mut fds: std::vec::IntoIter<OwnedFd>,
) -> Result<Devices, JarError> {
    let mut next = || fds.next().ok_or_else(|| lost("supervisor", "a device is missing"));
    let fuse = plan.world.is_some().then(&mut next).transpose()?;
    if plan.wire.is_none() {
        return Ok(Devices { fuse, inner: None, outer: None });
    }
    let inner = InnerNet {
        link: next()?,
        carrier,
        loopback: next()?,
        sock_diag: next()?,
        route: next()?,
        device,
    };
    let outer = OuterNet { link: next()?, carrier, listener: next()? };
    Ok(Devices { fuse, inner: Some(inner), outer: Some(outer) })
}

fn host_socket() -> Result<(UnixListener, PathBuf), JarError> {
    let path = std::env::temp_dir().join(numbered_name("socket"));
    let listener = UnixListener::bind(&path).map_err(|error| step("sabotage", error, ""))?;
    Ok((listener, path))
}
