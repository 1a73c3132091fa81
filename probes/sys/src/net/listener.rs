//! The one listener that TPROXY hands every connection to.

use super::NetError;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn6, bind, listen, socket,
};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::{AsRawFd as _, OwnedFd};

/// Connections that may wait to be accepted.
const WAITING: i32 = 4096;

/// Listens on `[::]:port` for IPv4 and IPv6 with the right to answer from any address. The local
/// address of an accepted socket is the one that the other side asked for.
///
/// Urgent data is left in the stream (`SO_OOBINLINE`, which accepted sockets inherit): every byte
/// of the conversation is read in order.
///
/// # Errors
/// [`NetError::Listener`].
pub fn transparent_listener(port: u16) -> Result<OwnedFd, NetError> {
    let failed = |step| move |source| NetError::Listener { step, source };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd =
        socket(AddressFamily::Inet6, SockType::Stream, flags, None).map_err(failed("socket"))?;
    for (step, level, name, value) in [
        ("IPV6_V6ONLY", libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 0),
        ("IPV6_TRANSPARENT", libc::IPPROTO_IPV6, libc::IPV6_TRANSPARENT, 1),
        ("SO_REUSEADDR", libc::SOL_SOCKET, libc::SO_REUSEADDR, 1),
        ("SO_OOBINLINE", libc::SOL_SOCKET, libc::SO_OOBINLINE, 1),
    ] {
        set_option(&fd, level, name, value).map_err(failed(step))?;
    }
    let address = SockaddrIn6::from(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0));
    bind(fd.as_raw_fd(), &address).map_err(failed("bind"))?;
    let backlog = Backlog::new(WAITING).map_err(failed("backlog"))?;
    listen(&fd, backlog).map_err(failed("listen"))?;
    Ok(fd)
}

/// Sets a socket option that is a C `int`.
pub(super) fn set_option(
    fd: &OwnedFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> Result<(), Errno> {
    let len = libc::socklen_t::try_from(size_of_val(&value)).expect("an int is short");
    // SAFETY: the descriptor is open; `value` lives through the call and `len` is its size.
    let set =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), len) };
    Errno::result(set).map(drop)
}
