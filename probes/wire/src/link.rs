//! A device that gives and takes IP packets: TUN, or an end of a pair of Ethernet devices.

use belljar_sys::net::{Carrier, ETHERNET_HEADER, FAR, NEAR};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

/// Longest frame that a device gives: 64 KiB of packet, its header, and room to spare.
pub const LONGEST_FRAME: usize = 128 * 1024;

/// How much further on everything is behind an Ethernet header.
const SHIFT: i16 = 14;

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

    /// The same, for a packet that begins `by` bytes further on. Of the places in the header
    /// (`hdr_len`, `gso_size`, `csum_start`, `csum_offset`) the first and the third count from the
    /// beginning.
    fn moved(mut self, by: i16) -> Self {
        for at in [2, 6] {
            let place = u16::from_ne_bytes([self.0[at], self.0[at + 1]]);
            if place != 0 {
                let moved = place.saturating_add_signed(by);
                self.0[at..at + 2].copy_from_slice(&moved.to_ne_bytes());
            }
        }
        self
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

    /// How many frames were dropped before they could be received, since the last call; nothing of
    /// them was passed on. Devices with counters of their own say 0.
    fn dropped(&self) -> u64 {
        0
    }
}

/// Takes over an open device.
///
/// # Errors
/// When it cannot be made non-blocking.
pub(crate) fn of(carrier: Carrier, device: OwnedFd) -> io::Result<Box<dyn Link>> {
    Ok(match carrier {
        Carrier::Tun => Box::new(Tun::new(device)?),
        Carrier::Pair => Box::new(Pair::new(device)?),
    })
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
        write_whole(&self.device, &[IoSlice::new(&offload.0), IoSlice::new(packet)])
    }
}

fn write_whole(mut file: &File, frame: &[IoSlice<'_>]) -> io::Result<()> {
    loop {
        match file.write_vectored(frame) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map(drop),
        }
    }
}

/// The packet socket on the far end of a pair of Ethernet devices. Frames that carry something else
/// than IP are given whole, as packets that are no IP packets.
#[derive(Debug)]
pub struct Pair {
    socket: File,
    counters: OwnedFd,
}

/// Ethertypes (IEEE 802 numbers).
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];

impl Pair {
    /// Takes over an open packet socket with `PACKET_VNET_HDR`.
    ///
    /// # Errors
    /// When it cannot be made non-blocking.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        let counters = socket.try_clone()?;
        Ok(Self { socket: nonblocking(socket)?, counters })
    }
}

impl Link for Pair {
    fn receive(&self, buffer: &mut [u8], wait: Duration) -> io::Result<Option<(Offload, usize)>> {
        let mut offload = Offload::NONE;
        let Some(len) = read_within(&self.socket, &mut offload.0, buffer, wait)? else {
            return Ok(None);
        };
        let len = len.saturating_sub(offload.0.len());
        let frame = buffer.get(..len).unwrap_or_default();
        let carries_ip =
            frame.get(12..ETHERNET_HEADER).is_some_and(|kind| kind == IPV4 || kind == IPV6);
        if !carries_ip {
            return Ok(Some((Offload::NONE, len)));
        }
        buffer.copy_within(ETHERNET_HEADER..len, 0);
        Ok(Some((offload.moved(-SHIFT), len - ETHERNET_HEADER)))
    }

    fn send(&self, offload: Offload, packet: &[u8]) -> io::Result<()> {
        let kind = if packet.first().is_some_and(|first| first >> 4 == 6) { IPV6 } else { IPV4 };
        let mut header = [0; ETHERNET_HEADER];
        header[..6].copy_from_slice(&NEAR);
        header[6..12].copy_from_slice(&FAR);
        header[12..].copy_from_slice(&kind);
        let offload = offload.moved(SHIFT);
        let parts = [IoSlice::new(&offload.0), IoSlice::new(&header), IoSlice::new(packet)];
        write_whole(&self.socket, &parts)
    }

    fn dropped(&self) -> u64 {
        belljar_sys::net::socket_drops(&self.counters).unwrap_or(0)
    }
}
