//! The component launcher: a child of init that becomes the component.
//!
//! Promises: before the first instruction of the program it is in the second user namespace, holds no
//! descriptor but 0, 1 and 2, has a clean environment, cannot gain privileges, and its system calls
//! are filtered and watched.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io::Read as _;
use std::os::fd::{AsRawFd as _, BorrowedFd, IntoRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use belljar_sys::descriptors;
use belljar_sys::process::leave;
use belljar_sys::seccomp::{self, Instruction};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use crate::User;
use crate::init::Said;
use crate::inside;
use crate::messages::{Become, SpawnOrder};
use crate::sabotage::Sabotage;
use crate::step::{Failed, Step as _};

const NO_HINT: &str = "";
/// Of the planted person.
const PERSON: u32 = 1000;
const OPEN_FILES: u64 = 65_536;

/// The component's own namespaces.
#[derive(Debug)]
pub(crate) struct Inner {
    pub user: OwnedFd,
    pub mounts: OwnedFd,
    pub single: bool,
}

impl Inner {
    /// Enters them.
    pub(crate) fn enter(&self) -> Result<(), Failed> {
        setns(&self.user, CloneFlags::CLONE_NEWUSER)
            .step("enter the second user namespace", NO_HINT)?;
        setns(&self.mounts, CloneFlags::CLONE_NEWNS)
            .step("enter the second mount namespace", NO_HINT)
    }
}

/// Becomes what was ordered; never returns. Until [`own_table`] the table of descriptors is init's.
pub(crate) fn run(
    inner: &Inner,
    order: SpawnOrder,
    stdout: &OwnedFd,
    stderr: &OwnedFd,
    speak: &std::io::PipeWriter,
    listen: &std::io::PipeReader,
    host_root: Option<BorrowedFd<'_>>,
) -> ! {
    let prepared = filtered(inner, &order, speak).and_then(|locked| {
        let kept = host_root.filter(|_| order.sabotage == Some(Sabotage::InheritedDescriptor));
        own_table(stdout, stderr, speak, listen, kept).map(|()| locked)
    });
    let failed = match prepared {
        Ok(locked) => match order.become_what {
            Become::Look(facts) => {
                // Only the look is left to be done: its own table must be as the component's.
                let kept: Vec<_> = host_root
                    .filter(|_| order.sabotage == Some(Sabotage::InheritedDescriptor))
                    .map(|fd| fd.as_raw_fd())
                    .into_iter()
                    .collect();
                if descriptors::close_from(3, &kept).is_err() {
                    leave(126)
                }
                leave(inside::look(&facts, &locked))
            }
            Become::Program { argv, env, cwd, .. } => execute(&argv, &env, &cwd),
        },
        Err(failed) => failed,
    };
    Said::Error(failed.step, failed.detail).write(speak);
    leave(127)
}

/// What was found out before the filter would have answered instead of the kernel.
#[derive(Debug, Default)]
pub(crate) struct Locked {
    pub attempts: Vec<(String, Result<(), String>)>,
}

/// Enters the component's namespaces and installs the filter.
fn filtered(
    inner: &Inner,
    order: &SpawnOrder,
    speak: &std::io::PipeWriter,
) -> Result<Locked, Failed> {
    inner.enter()?;
    nix::unistd::setsid().step("setsid", NO_HINT)?;
    // init waits for some of them by descriptor, belljar answers others in a thread of its own: what
    // they block is handed down. The component meets all as usual.
    nix::sys::signal::SigSet::empty().thread_set_mask().step("unblock signals", NO_HINT)?;
    belljar_sys::process::default_signals().step("reset signals", NO_HINT)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0).step("limit core files", NO_HINT)?;
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).step("read limits", NO_HINT)?;
    let files = most.min(OPEN_FILES);
    setrlimit(Resource::RLIMIT_NOFILE, files.min(1024), files).step("limit open files", NO_HINT)?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));

    let mut locked = Locked::default();
    if let Become::Look(facts) = &order.become_what {
        locked = inside::try_to_unmount(facts);
    }
    let user = match &order.become_what {
        Become::Program { user: User::Person, .. } if !inner.single => PERSON,
        _ => 0,
    };
    if !inner.single {
        let groups = if user == 0 { vec![] } else { vec![Gid::from_raw(user)] };
        setgroups(&groups).step("setgroups", NO_HINT)?;
    }
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    setresgid(gid, gid, gid).step("setresgid", NO_HINT)?;
    setresuid(uid, uid, uid).step("setresuid", NO_HINT)?;
    nix::sys::prctl::set_no_new_privs().step("prctl PR_SET_NO_NEW_PRIVS", NO_HINT)?;
    let program: Vec<Instruction> =
        order.filter.iter().map(|&(code, jt, jf, k)| Instruction { code, jt, jf, k }).collect();
    let listener = seccomp::install(&program).step("install the filter", NO_HINT)?;
    Said::Listener(listener.into_raw_fd()).write(speak);
    Ok(locked)
}

/// Leaves init's table of descriptors, and waits until the notifications are being answered.
fn own_table(
    stdout: &OwnedFd,
    stderr: &OwnedFd,
    speak: &std::io::PipeWriter,
    mut listen: &std::io::PipeReader,
    kept: Option<BorrowedFd<'_>>,
) -> Result<(), Failed> {
    unshare(CloneFlags::CLONE_FILES).step("unshare the table of descriptors", NO_HINT)?;
    Said::Apart.write(speak);
    // From here to the end owners of descriptors that get closed are never used or dropped: this
    // process ends by `execve` or `_exit`.
    {
        let null = std::fs::File::open("/dev/null").step("open /dev/null", NO_HINT)?;
        descriptors::place(&null, 0).step("stdin", NO_HINT)?;
    }
    descriptors::place(stdout, 1).step("stdout", NO_HINT)?;
    descriptors::place(stderr, 2).step("stderr", NO_HINT)?;
    let mut keep = vec![speak.as_raw_fd(), listen.as_raw_fd()];
    keep.extend(kept.map(|fd| fd.as_raw_fd()));
    descriptors::close_from(3, &keep).step("close descriptors", NO_HINT)?;
    let mut byte = [0];
    listen.read_exact(&mut byte).step("wait for the watcher", NO_HINT)
}

fn execute(argv: &[String], env: &BTreeMap<String, String>, cwd: &str) -> Failed {
    let run = || -> Result<std::convert::Infallible, Failed> {
        nix::unistd::chdir(cwd).step(format!("enter {cwd}"), NO_HINT)?;
        let text = |text: &str| CString::new(text).step("a NUL in the command", NO_HINT);
        let arguments = argv.iter().map(|one| text(one)).collect::<Result<Vec<_>, _>>()?;
        let variables = env
            .iter()
            .map(|(name, value)| text(&format!("{name}={value}")))
            .collect::<Result<Vec<_>, _>>()?;
        let name = argv.first().ok_or("it is empty").step("the command", NO_HINT)?;
        let program = find(name, env.get("PATH").map_or("", String::as_str))
            .ok_or("no such program inside the jar")
            .step(format!("look for {name}"), NO_HINT)?;
        nix::unistd::execve(&text(&program)?, &arguments, &variables)
            .step(format!("execve {program}"), NO_HINT)
    };
    match run() {
        Err(failed) => failed,
        Ok(never) => match never {},
    }
}

fn find(name: &str, path: &str) -> Option<String> {
    if name.contains('/') {
        return Some(name.to_owned());
    }
    path.split(':').map(|folder| format!("{folder}/{name}")).find(|full| {
        Path::new(full)
            .metadata()
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    })
}
