//! Forking and what a forked process does to itself.

use crate::CallError;

/// Which side of a fork this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// The child.
    Child,
    /// The parent, with the child's number.
    Parent(u32),
}

/// Forks. Refuses in a process with more than one thread, where the child could meet locks that
/// nobody will ever release.
///
/// # Errors
/// What fork(2) says; `EDEADLK` with more than one thread.
pub fn fork() -> Result<Fork, CallError> {
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count).unwrap_or(1);
    if threads > 1 {
        return Err(("fork with more than one thread", nix::errno::Errno::EDEADLK).into());
    }
    // SAFETY: this process has one thread (checked above), so the child may do anything.
    let pid = unsafe { libc::fork() };
    match u32::try_from(pid) {
        Ok(0) => Ok(Fork::Child),
        Ok(pid) => Ok(Fork::Parent(pid)),
        Err(_) => Err(CallError::last("fork")),
    }
}

/// Forks a child that shares the table of descriptors with this process until it calls
/// `unshare(CLONE_FILES)`: what either opens or closes, both do. So the child can hand over a
/// descriptor without a system call that a filter might hold, and without being traceable.
///
/// # Errors
/// As [`fork`].
pub fn fork_sharing_descriptors() -> Result<Fork, CallError> {
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count).unwrap_or(1);
    if threads > 1 {
        return Err(("clone with more than one thread", nix::errno::Errno::EDEADLK).into());
    }
    let flags = libc::CLONE_FILES | libc::SIGCHLD;
    // SAFETY: this process has one thread (checked above); the null stack means a copy of ours.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0_usize, 0_usize, 0_usize, 0_usize) };
    match u32::try_from(pid) {
        Ok(0) => Ok(Fork::Child),
        Ok(pid) => Ok(Fork::Parent(pid)),
        Err(_) => Err(CallError::last("clone")),
    }
}

/// Ends this process at once, without running anything that its parent registered.
pub fn leave(code: i32) -> ! {
    // SAFETY: ends the process; nothing is left to be unsound.
    unsafe { libc::_exit(code) }
}

/// Clock ticks in a second (the unit of times in `/proc/PID/stat`).
pub fn clock_ticks() -> u64 {
    // SAFETY: takes a number, returns a number.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).unwrap_or(100)
}

/// Gives every signal its usual effect again: execve keeps which ones are ignored, and the Rust runtime
/// (SIGPIPE) or whoever started this process (`nohup`: SIGHUP) may have had some ignored.
///
/// # Errors
/// What signal(2) says.
pub fn default_signals() -> Result<(), CallError> {
    for number in 1..=libc::SIGRTMAX() {
        // The C library keeps those before its first real-time signal to itself.
        let own = (32..libc::SIGRTMIN()).contains(&number);
        if own || number == libc::SIGKILL || number == libc::SIGSTOP {
            continue;
        }
        // SAFETY: the default action runs no code of ours.
        if unsafe { libc::signal(number, libc::SIG_DFL) } == libc::SIG_ERR {
            return Err(CallError::last("signal"));
        }
    }
    Ok(())
}
