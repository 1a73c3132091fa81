//! The supervisor: belljar's child outside the pid namespace, in the jar's user and mount namespace.
//!
//! Promises: it makes namespaces, devices and the tree in the order that keeps process numbers in
//! requests to the world those of the harness (namespaces, then FUSE, then the fork); it dies with
//! belljar, and init dies with it; it has one thread.
//! Cannot see: what the component does. It sleeps until belljar speaks.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use belljar_sys::net::{
    Carrier, Crossing, InnerConfig, NetError, OuterConfig, OuterNet, setup_inner,
    setup_inner_by_pair, setup_outer, setup_outer_by_pair,
};
use belljar_sys::process::{Fork, fork, leave};
use nix::sched::{CloneFlags, unshare};

use crate::diff;
use crate::jar::Devices;
use crate::messages::{
    Carried, FromSupervisor, Order, ToSupervisor, hear, pack, say, tell, unpack,
};
use crate::sabotage::Sabotage;
use crate::step::{Failed, Step as _};
use crate::tree::Tree;

/// The hidden first argument by which belljar starts itself as a supervisor.
pub const SUPERVISOR_ARGUMENT: &str = "__jar";

const NO_HINT: &str = "";
const USERS_HINT: &str = "user namespaces are off here (sysctl user.max_user_namespaces, or a security module); run as root or allow them";
const FUSE_HINT: &str = "the `fuse` module must be loaded and /dev/fuse readable and writable for the one who runs belljar";
const NET_HINT: &str = "the `tun` and `nf_tables` modules must be loaded and /dev/net/tun readable and writable for the one who runs belljar";

/// Runs the supervisor on standard input, a socket from belljar. Call it first thing in `main`, before
/// any thread exists, when the first argument is [`SUPERVISOR_ARGUMENT`].
pub fn supervisor_main() -> ! {
    let socket = match belljar_sys::descriptors::take_stdin() {
        Ok(socket) => socket,
        Err(_) => leave(2),
    };
    if let Err(Failed { step, detail, hint }) = supervise(&socket) {
        // belljar may be gone: then nobody is left to be told.
        let _ = tell(&socket, &FromSupervisor::Failed { step, detail, hint: hint.into() });
        leave(1)
    }
    leave(0)
}

/// Ties this process's life to its parent's. To be done again after each change of credentials,
/// which clears it; a parent that has died before is noticed by end-of-file on the socket.
pub(crate) fn die_with_parent() -> Result<(), Failed> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
        .step("prctl PR_SET_PDEATHSIG", NO_HINT)
}

/// A parent that died while the tie was not in place cannot send its signal any more.
fn still_child_of(parent: nix::unistd::Pid) -> Result<(), Failed> {
    let same = nix::unistd::getppid() == parent;
    same.then_some(()).ok_or("it has ended").step("look for belljar", NO_HINT)
}

fn supervise(socket: &OwnedFd) -> Result<(), Failed> {
    let parent = nix::unistd::getppid();
    die_with_parent()?;
    let (message, mut descriptors): (ToSupervisor, _) =
        hear(socket).step("receive the order", NO_HINT)?;
    let ToSupervisor::Make = message else { return out_of_turn(&message) };
    let order: Order = unpack(descriptors.next()).step("read the order", NO_HINT)?;
    let init_socket =
        descriptors.next().ok_or("no socket").step("receive init's socket", NO_HINT)?;
    let host_root = (order.sabotage == Some(Sabotage::InheritedDescriptor))
        .then(|| std::fs::File::open("/"))
        .transpose()
        .step("sabotage", NO_HINT)?;

    unshare(CloneFlags::CLONE_NEWUSER).step("unshare user namespace", USERS_HINT)?;
    nix::sys::prctl::set_dumpable(true).step("prctl PR_SET_DUMPABLE", NO_HINT)?;
    die_with_parent()?;
    tell(socket, &FromSupervisor::Unshared).step("report", NO_HINT)?;
    let (message, mounts): (ToSupervisor, _) = hear(socket).step("wait for the maps", NO_HINT)?;
    let ToSupervisor::Mapped { idmapped } = message else { return out_of_turn(&message) };

    let devices = devices(&order)?;
    become_inner_root(order.single)?;
    still_child_of(parent)?;

    let mut tree = Tree::begin(&order, idmapped.into_iter().zip(mounts))?;
    if let (Some(world), Some(fuse)) = (&order.plan.world, &devices.fuse) {
        tree.mount_world(world, fuse)?;
    }
    hand_over(socket, devices)?;
    let (message, _): (ToSupervisor, _) = hear(socket).step("wait for the doors", NO_HINT)?;
    let ToSupervisor::Go = message else { return out_of_turn(&message) };
    tree.complete(&order)?;
    // By descriptor and before the fork: init changes what the path means.
    nix::unistd::fchdir(tree.storage()).step("enter the storage", NO_HINT)?;
    let before = diff::Snapshot::take(&tree.scanned(), std::path::Path::new("."));

    // init must notice that this process has ended even if that happens before it can ask to be
    // told: only this process holds the write end.
    let (watch, alive) = std::io::pipe().step("pipe", NO_HINT)?;
    let init = match fork().step("fork init", NO_HINT)? {
        Fork::Child => {
            drop(alive);
            let keep = host_root.as_ref().map(AsFd::as_fd);
            crate::init::run(&init_socket, watch, &order, tree.root(), keep)
        }
        Fork::Parent(init) => init,
    };
    drop((watch, init_socket, host_root));
    tell(socket, &FromSupervisor::Ready { init }).step("report", NO_HINT)?;

    loop {
        let message = match hear::<ToSupervisor>(socket) {
            Ok((message, _)) => message,
            // belljar has ended.
            Err(_) => break,
        };
        match message {
            ToSupervisor::Changes => {
                let changes = diff::changes(&before, &tree.scanned(), std::path::Path::new("."));
                let packed = pack(&changes).step("pack the changes", NO_HINT)?;
                say(socket, &FromSupervisor::Changes, &[packed]).step("report", NO_HINT)?;
            }
            other => return out_of_turn(&other),
        }
    }
    drop(alive);
    Ok(())
}

fn out_of_turn(message: &ToSupervisor) -> Result<(), Failed> {
    Err(format!("{message:?}")).step("a message out of turn", NO_HINT)
}

/// Namespaces and devices. Done while this process still has its outer user (unmapped inside), which
/// may open the host's device nodes by their permission bits alone.
fn devices(order: &Order) -> Result<Devices, Failed> {
    let (mut inner, mut outer) = (None, None);
    if order.plan.wire.is_some() {
        unshare(CloneFlags::CLONE_NEWNET)
            .step("unshare belljar's network namespace", USERS_HINT)?;
        outer = Some(outer_net().step("set up belljar's network namespace", NET_HINT)?);
    }
    let all = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    unshare(all).step("unshare the jar's namespaces", USERS_HINT)?;
    nix::unistd::sethostname(&order.plan.hostname).step("sethostname", NO_HINT)?;
    up_for_days(&order.plan.hostname);
    // The network belongs to the outer of the two user namespaces, so that nobody inside can change
    // it; what daemons need of it is given to all.
    let path = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    std::fs::write(path, "0").step(path, NO_HINT)?;
    // Only groups that exist inside can be named; without this `ping` fails, and nothing else.
    let _ = ["0 65535", "0 0"]
        .into_iter()
        .find(|groups| std::fs::write("/proc/sys/net/ipv4/ping_group_range", groups).is_ok());
    let outer = match outer {
        None => None,
        Some((outer, crossing)) => {
            let config = InnerConfig::default();
            let made = match crossing {
                None => setup_inner(&config, None),
                Some(crossing) => setup_inner_by_pair(&config, crossing),
            };
            inner = Some(made.step("set up the component's network namespace", NET_HINT)?);
            Some(outer)
        }
    };
    if order.sabotage == Some(Sabotage::ExtraRoute) {
        let node = belljar_sys::net::open_tun_node().step("sabotage", NO_HINT)?;
        let leak = belljar_sys::net::open_tun("leak0", node).step("sabotage", NO_HINT)?;
        belljar_sys::detour::open("leak0", std::net::Ipv4Addr::new(198, 18, 77, 1))
            .step("sabotage", NO_HINT)?;
        // It must stay open for the device to stay.
        std::mem::forget(leak);
    }
    let fuse = match &order.plan.world {
        None => None,
        Some(_) => {
            use nix::fcntl::{OFlag, open};
            let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC;
            Some(
                open("/dev/fuse", flags, nix::sys::stat::Mode::empty())
                    .step("open /dev/fuse", FUSE_HINT)?,
            )
        }
    };
    Ok(Devices { fuse, inner, outer })
}

/// Lets the machine seem to have been up for days, as a person's is: a fresh machine gives a jar away.
/// How long depends on its name alone, so that equal runs see equal times. Kernels without time
/// namespaces (before 5.6) show the host's own time, which is no secret.
fn up_for_days(hostname: &str) {
    /// `CLONE_NEWTIME` (linux/sched.h), which has no name in the library yet.
    const NEW_TIME: CloneFlags = CloneFlags::from_bits_retain(0x80);
    const DAY: u64 = 86_400;
    let sum: u64 = hostname.bytes().fold(7, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_003);
    let seconds = 2 * DAY + sum % (19 * DAY);
    if unshare(NEW_TIME).is_ok() {
        let _ = std::fs::write("/proc/self/timens_offsets", format!("boottime {seconds} 0\n"));
    }
}

/// By TUN devices, or by pairs of Ethernet devices where there are none.
fn outer_net() -> Result<(OuterNet, Option<Crossing>), NetError> {
    let config = OuterConfig::default();
    match setup_outer(&config, None) {
        Ok(net) => Ok((net, None)),
        Err(tun @ (NetError::OpenTun(_) | NetError::MakeTun { .. })) => {
            // What is said is what the host lacks first of all.
            setup_outer_by_pair(&config).map(|(net, far)| (net, Some(far))).map_err(|_| tun)
        }
        Err(other) => Err(other),
    }
}

fn become_inner_root(single: bool) -> Result<(), Failed> {
    use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
    let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
    if !single {
        setgroups(&[]).step("setgroups", NO_HINT)?;
    }
    setresgid(group, group, group).step("setresgid", NO_HINT)?;
    setresuid(user, user, user).step("setresuid", NO_HINT)?;
    nix::sys::prctl::set_dumpable(true).step("prctl PR_SET_DUMPABLE", NO_HINT)?;
    die_with_parent()
}

fn hand_over(socket: &OwnedFd, devices: Devices) -> Result<(), Failed> {
    let Devices { fuse, inner, outer } = devices;
    let device = inner.as_ref().map_or(0, |inner| inner.device);
    let carried = match inner.as_ref().map(|inner| inner.carrier) {
        Some(Carrier::Pair) => Carried::ByPair,
        Some(Carrier::Tun) | None => Carried::ByTun,
    };
    let mut all: Vec<BorrowedFd<'_>> = fuse.iter().map(AsFd::as_fd).collect();
    if let (Some(inner), Some(outer)) = (&inner, &outer) {
        for fd in [&inner.link, &inner.loopback, &inner.sock_diag, &inner.route] {
            all.push(fd.as_fd());
        }
        for fd in [&outer.link, &outer.listener] {
            all.push(fd.as_fd());
        }
    }
    say(socket, &FromSupervisor::Devices { device, carried }, &all)
        .step("hand over the devices", NO_HINT)
}
