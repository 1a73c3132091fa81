//! Reading the address that a held call points to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use belljar_record::{Endpoint, Transport};
use belljar_sys::{descriptors, pidfd};
use std::os::fd::{AsFd as _, AsRawFd as _};

use crate::procfs::Memory;
use crate::table::Process;

/// What an address of the kernel's form says.
pub(crate) fn endpoint(bytes: &[u8]) -> Option<Endpoint> {
    let family = u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?);
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    match i32::from(family) {
        libc::AF_INET => {
            let octets: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some(Endpoint { address: IpAddr::V4(Ipv4Addr::from(octets)), port })
        }
        libc::AF_INET6 => {
            let octets: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            let address = Ipv6Addr::from(octets);
            // On the wire a mapped address is an IPv4 packet.
            let address = address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4);
            Some(Endpoint { address, port })
        }
        _ => None,
    }
}

pub(crate) fn read(memory: &Memory, at: u64, len: u64) -> Option<Endpoint> {
    if at == 0 {
        return None;
    }
    let len = usize::try_from(len.min(28)).ok()?;
    endpoint(&memory.bytes(at, len)?)
}

/// Addresses in one `msghdr`.
pub(crate) fn of_message(memory: &Memory, at: u64, wide: bool) -> Option<Endpoint> {
    let name = memory.word(at, wide)?;
    let len = memory.word(at + if wide { 8 } else { 4 }, false)?;
    read(memory, name, len)
}

/// What a socket of another process is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Socket {
    pub transport: Option<Transport>,
    pub inode: Option<u32>,
    pub local_port: u16,
}

/// Looks at a copy of the socket, which is closed again at once.
pub(crate) fn socket(process: &Process, fd: u64) -> Socket {
    let number = i32::try_from(fd & 0xffff_ffff).unwrap_or(-1);
    let Ok(copy) = pidfd::descriptor(process.pidfd.as_fd(), number) else {
        return Socket {
            inode: crate::procfs::socket_inode(process.key.pid, number),
            ..Socket::default()
        };
    };
    let transport = descriptors::socket_protocol(&copy).ok().map(|protocol| match protocol {
        6 => Transport::Tcp,
        17 => Transport::Udp,
        1 | 58 => Transport::Icmp,
        other => u8::try_from(other).map_or(Transport::Raw, Transport::Ip),
    });
    let inode = nix::sys::stat::fstat(&copy).ok().and_then(|stat| u32::try_from(stat.st_ino).ok());
    let local_port =
        nix::sys::socket::getsockname::<nix::sys::socket::SockaddrStorage>(copy.as_raw_fd())
            .ok()
            .map_or(0, |local| {
                local
                    .as_sockaddr_in()
                    .map(nix::sys::socket::SockaddrIn::port)
                    .or_else(|| local.as_sockaddr_in6().map(nix::sys::socket::SockaddrIn6::port))
                    .unwrap_or(0)
            });
    Socket { transport, inode, local_port }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them_and_short_ones_are_none() {
        let mut v4 = vec![2, 0, 0, 80, 192, 0, 2, 7];
        v4.extend([0; 8]);
        assert_eq!(endpoint(&v4).map(|e| e.to_string()).as_deref(), Some("192.0.2.7:80"));
        let mut mapped = vec![10, 0, 1, 187, 0, 0, 0, 0];
        mapped.extend(Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped().octets());
        assert_eq!(endpoint(&mapped).map(|e| e.to_string()).as_deref(), Some("192.0.2.7:443"));
        for len in 0..8 {
            assert_eq!(endpoint(&v4[..len]), None);
        }
        assert_eq!(endpoint(&[1, 0, b'/', b'x']), None, "unix");
    }
}
