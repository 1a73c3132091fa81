//! A device that gives and takes IP packets: TUN now, tap and veth later.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

/// Longest frame that a device gives: 64 KiB of packet, its header, and room to spare.
pub const LONGEST_FRAME: usize = 128 * 1024;

/// What the sending kernel left to the receiver (`struct virtio_net_hdr`): checksums and cutting
/// into segments. Passed on unread, but for one question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offload(pub [u8; belljar_sys::net::TUN_HEADER]);

impl Offload {
    /// Nothing is left to do.
    pub const NONE: Self = Self([0; belljar_sys::net::TUN_HEADER]);

    /// Whether the checksum is left to the receiver: so it is with every packet that the sending
    /// kernel's own TCP made, and with few others.
    pub fn leaves_checksum(self) -> bool {
        self.0[0] & 1 != 0
    }
}

/// A device that gives and takes frames.
pub trait Link: Send + Sync + std::fmt::Debug {
    /// Waits at most `wait` for a frame; returns its offload header and its length in `buffer`.
    ///
    /// # Errors
    /// As the device says.
    fn receive(&self, buffer: &mut [u8], wait: Duration) -> io::Result<Option<(Offload, usize)>>;

    /// Puts a packet on the device.
    ///
    /// # Errors
    /// As the device says.
    fn send(&self, offload: Offload, packet: &[u8]) -> io::Result<()>;
}

/// A TUN device with `IFF_VNET_HDR`.
#[derive(Debug)]
pub struct Tun {
    device: File,
}

impl Tun {
    /// Takes over an open device.
    ///
    /// # Errors
    /// When it cannot be made non-blocking.
    pub fn new(device: OwnedFd) -> io::Result<Self> {
        Ok(Self { device: nonblocking(device)? })
    }
}

/// Makes a descriptor non-blocking; all waiting is done by poll(2), with a limit.
pub(crate) fn nonblocking(fd: OwnedFd) -> io::Result<File> {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
    fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(File::from(fd))
}

/// Reads once, first into `head`, then into `body`; waits at most `wait` where there is nothing yet.
pub(crate) fn read_within(
    mut file: &File,
    head: &mut [u8],
    body: &mut [u8],
    wait: Duration,
) -> io::Result<Option<usize>> {
    let mut waited = false;
    loop {
        let mut parts = [io::IoSliceMut::new(head), io::IoSliceMut::new(body)];
        match file.read_vectored(&mut parts) {
            Ok(len) => return Ok(Some(len)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if waited {
                    return Ok(None);
                }
                let mut waiting = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
                let limit = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
                match poll(&mut waiting, limit) {
                    Ok(0) => return Ok(None),
                    Ok(_) | Err(Errno::EINTR) => waited = true,
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error),
        }
    }
}

impl Link for Tun {
    fn receive(&self, buffer: &mut [u8], wait: Duration) -> io::Result<Option<(Offload, usize)>> {
        let mut offload = Offload::NONE;
        let got = read_within(&self.device, &mut offload.0, buffer, wait)?;
        Ok(got.map(|len| (offload, len.saturating_sub(offload.0.len()))))
    }

    fn send(&self, offload: Offload, packet: &[u8]) -> io::Result<()> {
        let frame = [IoSlice::new(&offload.0), IoSlice::new(packet)];
        loop {
            match (&self.device).write_vectored(&frame) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other.map(drop),
            }
        }
    }
}
