//! Processes held by descriptor, so that a number used again is never taken for the old process.

use crate::CallError;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Opens a process by its number.
///
/// # Errors
/// What pidfd_open(2) says; `EINVAL` for a thread that leads no process.
pub fn open(pid: u32) -> Result<OwnedFd, CallError> {
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0_u32) };
    let fd = RawFd::try_from(fd).unwrap_or(-1);
    if fd < 0 {
        return Err(CallError::last(format!("pidfd_open {pid}")));
    }
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether the process has not ended yet.
pub fn alive(pidfd: impl AsFd) -> bool {
    let mut polled = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    matches!(poll(&mut polled, PollTimeout::ZERO), Ok(0))
}

/// Sends a signal.
///
/// # Errors
/// What pidfd_send_signal(2) says; `ESRCH` when it has ended.
pub fn signal(pidfd: impl AsFd, signal: i32) -> Result<(), CallError> {
    // SAFETY: takes numbers and a null pointer, which stands for default signal information.
    let done = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_fd().as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0_u32,
        )
    };
    if done == 0 { Ok(()) } else { Err(CallError::last("pidfd_send_signal")) }
}

/// A copy of the other process's descriptor `number`.
///
/// # Errors
/// What pidfd_getfd(2) says.
pub fn descriptor(pidfd: impl AsFd, number: RawFd) -> Result<OwnedFd, CallError> {
    // SAFETY: takes numbers only.
    let fd =
        unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_fd().as_raw_fd(), number, 0_u32) };
    let fd = RawFd::try_from(fd).unwrap_or(-1);
    if fd < 0 {
        return Err(CallError::last("pidfd_getfd"));
    }
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The number of the process behind `pidfd` in this process's pid namespace, while it lives.
pub fn number(pidfd: impl AsFd) -> Option<u32> {
    let path = format!("/proc/self/fdinfo/{}", pidfd.as_fd().as_raw_fd());
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pid:"))?;
    line.trim().parse().ok().filter(|&pid| pid != 0)
}
