//! The descriptor table of a process that is about to become something else.

use crate::CallError;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// Closes every descriptor from `first` on except those in `keep`. Owners in this process must not
/// be used afterwards: call it only in a child that is about to run another program or to end.
///
/// # Errors
/// What close_range(2) says.
pub fn close_from(first: u32, keep: &[RawFd]) -> Result<(), CallError> {
    let mut keep: Vec<u32> = keep.iter().filter_map(|&fd| u32::try_from(fd).ok()).collect();
    keep.sort_unstable();
    let mut from = first;
    for kept in keep {
        if kept < from {
            continue;
        }
        if kept > from {
            close_range(from, kept - 1)?;
        }
        from = kept + 1;
    }
    close_range(from, u32::MAX)
}

fn close_range(first: u32, last: u32) -> Result<(), CallError> {
    // SAFETY: takes numbers only; the caller's contract (see `close_from`) covers lost owners.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0_u32) };
    if done == 0 { Ok(()) } else { Err(CallError::last("close_range")) }
}

/// Puts a copy of `from` at the number `at` (0, 1 or 2), inheritable over execve.
///
/// # Errors
/// What dup2(2) says.
pub fn place(from: impl AsFd, at: RawFd) -> Result<(), CallError> {
    // SAFETY: both are numbers; what stood at `at` is closed by the kernel.
    let done = unsafe { libc::dup2(from.as_fd().as_raw_fd(), at) };
    if done == at { Ok(()) } else { Err(CallError::last(format!("dup2 to {at}"))) }
}

/// Takes over a descriptor that a child with a shared table (see
/// [`fork_sharing_descriptors`](crate::process::fork_sharing_descriptors)) has opened for us.
///
/// # Errors
/// If nothing is open at that number.
pub fn adopt(number: RawFd) -> Result<OwnedFd, CallError> {
    use std::os::fd::FromRawFd as _;
    // SAFETY: takes a number, changes nothing.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(CallError::last(format!("descriptor {number}")));
    }
    // SAFETY: it is open, and the child that opened it has left the table to us.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Moves a descriptor to a number of at least `least`, close-on-exec, out of the way of 0, 1, 2.
///
/// # Errors
/// What fcntl(2) says.
pub fn lift(fd: OwnedFd, least: RawFd) -> Result<OwnedFd, CallError> {
    use std::os::fd::FromRawFd as _;
    // SAFETY: takes a number that we own, returns a new one.
    let new = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) };
    if new < 0 {
        return Err(CallError::last("fcntl F_DUPFD_CLOEXEC"));
    }
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(new) })
}

/// Takes over standard input as an owned descriptor and leaves `/dev/null` in its place.
///
/// # Errors
/// What the calls say.
pub fn take_stdin() -> Result<OwnedFd, CallError> {
    let stdin = std::io::stdin();
    let taken = stdin
        .as_fd()
        .try_clone_to_owned()
        .map_err(|source| CallError { call: "dup stdin".into(), source })?;
    let null = std::fs::File::open("/dev/null")
        .map_err(|source| CallError { call: "open /dev/null".into(), source })?;
    place(&null, 0)?;
    Ok(taken)
}

/// The protocol number of a socket (`SO_PROTOCOL`, socket(7)).
///
/// # Errors
/// What getsockopt(2) says.
pub fn socket_protocol(socket: impl AsFd) -> Result<u32, CallError> {
    let mut value: libc::c_int = 0;
    let mut len: libc::socklen_t = 4;
    // SAFETY: the value and its length are ours and have the size that the kernel is told.
    let done = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PROTOCOL,
            std::ptr::from_mut(&mut value).cast(),
            &raw mut len,
        )
    };
    if done == 0 {
        Ok(value.cast_unsigned())
    } else {
        Err(CallError::last("getsockopt SO_PROTOCOL"))
    }
}
