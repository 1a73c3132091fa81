//! Packet sockets: on `lo`, for what the component says to itself, and on an end of a pair.
//!
//! Promises: packets that did not fit are counted ([`socket_drops`]).
//! Cannot see: what was said before the socket was opened.

use super::NetError;
use super::listener::set_option;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::os::fd::{AsRawFd as _, OwnedFd};

/// Room for packets that were not read yet.
const ROOM: i32 = 32 * 1024 * 1024;

/// Opens a socket that gets every packet received on the device `lo`, once, from the IP header on.
///
/// # Errors
/// [`NetError::PacketSocket`].
pub fn loopback_socket(lo: u32) -> Result<OwnedFd, NetError> {
    packet_socket(lo, false)
}

/// A socket that gets every packet received on `device`, once: cooked, or whole frames behind a
/// [`super::TUN_HEADER`].
pub(super) fn packet_socket(device: u32, frames: bool) -> Result<OwnedFd, NetError> {
    let failed = |step| move |source| NetError::PacketSocket { step, source };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let kind = if frames { SockType::Raw } else { SockType::Datagram };
    // Protocol 0 receives nothing until the socket is bound to its device.
    let fd = socket(AddressFamily::Packet, kind, flags, None).map_err(failed("socket"))?;
    if frames {
        set_option(&fd, libc::SOL_PACKET, libc::PACKET_VNET_HDR, 1)
            .map_err(failed("PACKET_VNET_HDR"))?;
    }
    // Each packet on lo is first sent, then received, and what is sent here is known: once is enough.
    set_option(&fd, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1)
        .map_err(failed("PACKET_IGNORE_OUTGOING"))?;
    if set_option(&fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, ROOM).is_err() {
        // Without the right to exceed the system's limit, take what it gives. Losses are counted.
        set_option(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, ROOM).map_err(failed("SO_RCVBUF"))?;
    }
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).expect("a small number"),
        sll_protocol: u16::try_from(libc::ETH_P_ALL).expect("a small number").to_be(),
        sll_ifindex: device.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let len = libc::socklen_t::try_from(size_of_val(&address)).expect("an address is short");
    // SAFETY: the descriptor is open; `address` lives through the call and `len` is its size.
    let bound = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), len) };
    Errno::result(bound).map_err(failed("bind"))?;
    Ok(fd)
}

/// Packets that the socket dropped since the last call.
///
/// # Errors
/// [`NetError::Counters`].
pub fn socket_drops(fd: &OwnedFd) -> Result<u64, NetError> {
    let mut stats = [0u32; 2];
    let mut len = libc::socklen_t::try_from(size_of_val(&stats)).expect("eight bytes");
    // SAFETY: the descriptor is open; `stats` is as long as `len` says and is `struct tpacket_stats`.
    let read = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            stats.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    Errno::result(read).map_err(NetError::Counters)?;
    Ok(u64::from(stats[1]))
}
