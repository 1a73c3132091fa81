//! Messages with descriptors over a socket pair: one `sendmsg` a message, boundaries kept.
//!
//! Promises: descriptors that arrive are owned and close-on-exec; a message or a list of
//! descriptors that was cut short is an error, never half a message.

use crate::CallError;
use nix::cmsg_space;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The longest message in bytes. What is longer travels in a memory file beside it.
pub const LONGEST: usize = 64 * 1024;
/// The most descriptors in one message (the kernel's own limit is 253).
pub const MOST_DESCRIPTORS: usize = 128;

/// A pair of connected sockets that keep message boundaries.
///
/// # Errors
/// What socketpair(2) says.
pub fn pair() -> Result<(OwnedFd, OwnedFd), CallError> {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
        .map_err(|errno| ("socketpair", errno).into())
}

/// Sends one message with descriptors.
///
/// # Errors
/// What sendmsg(2) says; `EPIPE` when the other side is gone.
pub fn send(socket: impl AsFd, message: &[u8], descriptors: &[impl AsFd]) -> Result<(), CallError> {
    let raw: Vec<RawFd> = descriptors.iter().map(|fd| fd.as_fd().as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control: &[ControlMessage<'_>] = if raw.is_empty() { &[] } else { &rights };
    loop {
        match sendmsg::<()>(
            socket.as_fd().as_raw_fd(),
            &[IoSlice::new(message)],
            control,
            MsgFlags::MSG_NOSIGNAL,
            None,
        ) {
            Ok(_) => return Ok(()),
            Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(("sendmsg", errno).into()),
        }
    }
}

/// A message as it arrived.
#[derive(Debug)]
pub struct Received {
    /// The message.
    pub bytes: Vec<u8>,
    /// The descriptors that came with it.
    pub descriptors: Vec<OwnedFd>,
}

/// Receives one message; `None` when the other side is gone.
///
/// # Errors
/// What recvmsg(2) says; `EMSGSIZE` when a message or its descriptors did not fit.
pub fn receive(socket: impl AsFd) -> Result<Option<Received>, CallError> {
    let mut bytes = vec![0_u8; LONGEST];
    let mut space = cmsg_space!([RawFd; MOST_DESCRIPTORS]);
    let (len, flags, raw) = loop {
        let mut into = [IoSliceMut::new(&mut bytes)];
        match recvmsg::<()>(
            socket.as_fd().as_raw_fd(),
            &mut into,
            Some(&mut space),
            MsgFlags::MSG_CMSG_CLOEXEC,
        ) {
            Ok(got) => {
                let mut raw: Vec<RawFd> = Vec::new();
                for message in got.cmsgs().map_err(|errno| ("recvmsg", errno))? {
                    if let ControlMessageOwned::ScmRights(more) = message {
                        raw.extend(more);
                    }
                }
                break (got.bytes, got.flags, raw);
            }
            Err(nix::errno::Errno::EINTR) => {}
            Err(nix::errno::Errno::ECONNRESET) => return Ok(None),
            Err(errno) => return Err(("recvmsg", errno).into()),
        }
    };
    let descriptors = raw
        .into_iter()
        .map(|fd| {
            // SAFETY: the kernel has just put this descriptor into our table for us alone.
            unsafe { OwnedFd::from_raw_fd(fd) }
        })
        .collect();
    if flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC) {
        return Err(("recvmsg", nix::errno::Errno::EMSGSIZE).into());
    }
    if len == 0 {
        return Ok(None);
    }
    bytes.truncate(len);
    Ok(Some(Received { bytes, descriptors }))
}
