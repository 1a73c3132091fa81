//! seccomp: installing a filter program, and answering its notifications (seccomp_unotify(2)).
//!
//! Cannot promise: that what a notified call points to is what the kernel will read; with *continue*
//! the memory can change in between. Notifications answered so are for attribution only.

use crate::CallError;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

/// One instruction of a classic BPF program, as the kernel takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Jump if true.
    pub jt: u8,
    /// Jump if false.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// Installs the program for this thread (and what it forks and executes) and returns the
/// descriptor on which its notifications arrive. Needs no_new_privs.
///
/// # Errors
/// What seccomp(2) says; `EBUSY` if a filter of this chain has a listener already.
pub fn install(program: &[Instruction]) -> Result<OwnedFd, CallError> {
    let mut filter: Vec<libc::sock_filter> = program
        .iter()
        .map(|i| libc::sock_filter { code: i.code, jt: i.jt, jf: i.jf, k: i.k })
        .collect();
    let len = u16::try_from(filter.len()).map_err(|_| CallError {
        call: "seccomp: program too long".into(),
        source: std::io::ErrorKind::InvalidInput.into(),
    })?;
    let program = libc::sock_fprog { len, filter: filter.as_mut_ptr() };
    // SAFETY: the program points to `filter`, which lives until after the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            std::ptr::from_ref(&program),
        )
    };
    let fd = RawFd::try_from(fd).unwrap_or(-1);
    if fd < 0 {
        return Err(CallError::last("seccomp"));
    }
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A call that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification {
    /// Cookie of this notification.
    pub id: u64,
    /// The calling thread, in the receiver's pid namespace; 0 if it is not visible there.
    pub tid: u32,
    /// `AUDIT_ARCH_…` of the call.
    pub arch: u32,
    /// Its number.
    pub number: u32,
    /// Its arguments.
    pub arguments: [u64; 6],
}

// Numbers from linux/seccomp.h: SECCOMP_IOWR(0, seccomp_notif), (1, seccomp_notif_resp), IOW(2, u64).
const RECEIVE: libc::c_ulong = 0xc050_2100;
const SEND: libc::c_ulong = 0xc018_2101;
const ID_VALID: libc::c_ulong = 0x4008_2102;

/// Takes the next notification; `None` when the caller was killed in the meantime.
///
/// # Errors
/// What ioctl(2) says.
pub fn receive(listener: impl AsFd) -> Result<Option<Notification>, CallError> {
    let mut raw = libc::seccomp_notif {
        id: 0,
        pid: 0,
        flags: 0,
        data: libc::seccomp_data { nr: 0, arch: 0, instruction_pointer: 0, args: [0; 6] },
    };
    // SAFETY: the structure is zeroed as the kernel demands, has its size, and is ours.
    let done = unsafe {
        libc::ioctl(listener.as_fd().as_raw_fd(), RECEIVE as _, std::ptr::from_mut(&mut raw))
    };
    if done != 0 {
        let error = CallError::last("SECCOMP_IOCTL_NOTIF_RECV");
        return match error.errno() {
            libc::ENOENT | libc::EINTR | libc::EAGAIN => Ok(None),
            _ => Err(error),
        };
    }
    Ok(Some(Notification {
        id: raw.id,
        tid: raw.pid,
        arch: raw.data.arch,
        number: raw.data.nr.cast_unsigned(),
        arguments: raw.data.args,
    }))
}

/// The answer to a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The call goes on as if there were no filter.
    Continue,
    /// The call fails with this error number.
    Fail(i32),
}

/// Answers. A caller that is gone already is no error.
///
/// # Errors
/// What ioctl(2) says.
pub fn answer(listener: impl AsFd, id: u64, answer: Answer) -> Result<(), CallError> {
    let mut raw = libc::seccomp_notif_resp { id, val: 0, error: 0, flags: 0 };
    match answer {
        Answer::Continue => raw.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as _,
        Answer::Fail(errno) => raw.error = -errno,
    }
    // SAFETY: the structure has its size and is ours.
    let done = unsafe {
        libc::ioctl(listener.as_fd().as_raw_fd(), SEND as _, std::ptr::from_mut(&mut raw))
    };
    if done == 0 {
        return Ok(());
    }
    let error = CallError::last("SECCOMP_IOCTL_NOTIF_SEND");
    if error.errno() == libc::ENOENT { Ok(()) } else { Err(error) }
}

/// Whether the caller still waits, so that what was read of its memory was its own.
pub fn still_waits(listener: impl AsFd, id: u64) -> bool {
    // SAFETY: the kernel reads eight bytes from a variable of ours.
    let done = unsafe {
        libc::ioctl(listener.as_fd().as_raw_fd(), ID_VALID as _, std::ptr::from_ref(&id))
    };
    done == 0
}
