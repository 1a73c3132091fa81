//! Asking a network namespace which socket holds a pair of endpoints (sock_diag(7)).

use crate::CallError;
use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::os::fd::OwnedFd;

/// The sockets that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A `NETLINK_SOCK_DIAG` socket of a network namespace.
#[derive(Debug)]
pub struct SockDiag {
    socket: std::fs::File,
    turn: u32,
}

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;

impl SockDiag {
    /// Takes a socket that was opened inside the namespace.
    pub fn new(socket: OwnedFd) -> Self {
        // A kernel that does not answer must not hold the wire.
        let limit = nix::sys::time::TimeVal::new(0, 50_000);
        let _ = nix::sys::socket::setsockopt(
            &socket,
            nix::sys::socket::sockopt::ReceiveTimeout,
            &limit,
        );
        Self { socket: std::fs::File::from(socket), turn: 0 }
    }

    /// The inode of the socket from `local` to `remote` (address and port), if there is one.
    ///
    /// # Errors
    /// What the netlink socket says.
    pub fn inode(
        &mut self,
        carrier: Carrier,
        local: (IpAddr, u16),
        remote: (IpAddr, u16),
    ) -> Result<Option<u32>, CallError> {
        // UDP sockets that are not connected are found with an empty remote end.
        let unspecified: IpAddr = match local.0 {
            IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        let found = self.ask(carrier, local, remote)?;
        if found.is_some() || carrier == Carrier::Tcp {
            return Ok(found);
        }
        self.ask(carrier, local, (unspecified, 0))
    }

    fn ask(
        &mut self,
        carrier: Carrier,
        local: (IpAddr, u16),
        remote: (IpAddr, u16),
    ) -> Result<Option<u32>, CallError> {
        self.turn = self.turn.wrapping_add(1);
        let request = request(self.turn, carrier, local, remote);
        let failed = |call: &str, source| CallError { call: call.to_owned(), source };
        self.socket.write_all(&request).map_err(|e| failed("sock_diag request", e))?;
        let mut reply = [0_u8; 4096];
        for _ in 0..4 {
            let len = self.socket.read(&mut reply).map_err(|e| failed("sock_diag reply", e))?;
            if let Some(answer) = parse(&reply[..len], self.turn) {
                return Ok(answer);
            }
        }
        Ok(None)
    }
}

fn request(turn: u32, carrier: Carrier, local: (IpAddr, u16), remote: (IpAddr, u16)) -> Vec<u8> {
    let (family, protocol) = (
        match local.0 {
            IpAddr::V4(_) => libc::AF_INET,
            IpAddr::V6(_) => libc::AF_INET6,
        },
        match carrier {
            Carrier::Tcp => libc::IPPROTO_TCP,
            Carrier::Udp => libc::IPPROTO_UDP,
        },
    );
    let mut out = Vec::with_capacity(72);
    out.extend(72_u32.to_ne_bytes());
    out.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    out.extend(NLM_F_REQUEST.to_ne_bytes());
    out.extend(turn.to_ne_bytes());
    out.extend(0_u32.to_ne_bytes());
    // struct inet_diag_req_v2
    out.extend([u8::try_from(family).unwrap_or(0), u8::try_from(protocol).unwrap_or(0), 0, 0]);
    out.extend(u32::MAX.to_ne_bytes());
    // UDP lookups are made from the point of view of an arriving packet: source is the remote end.
    let (first, second) = match carrier {
        Carrier::Tcp => (local, remote),
        Carrier::Udp => (remote, local),
    };
    out.extend(first.1.to_be_bytes());
    out.extend(second.1.to_be_bytes());
    for (address, _) in [first, second] {
        match address {
            IpAddr::V4(v4) => {
                out.extend(v4.octets());
                out.extend([0; 12]);
            }
            IpAddr::V6(v6) => out.extend(v6.octets()),
        }
    }
    out.extend(0_u32.to_ne_bytes());
    out.extend([0xff; 8]);
    out
}

/// `None`: not the answer to this request; `Some(None)`: there is no such socket.
fn parse(reply: &[u8], turn: u32) -> Option<Option<u32>> {
    let word =
        |at: usize| reply.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_ne_bytes);
    let kind = reply.get(4..6).and_then(|b| b.try_into().ok()).map(u16::from_ne_bytes)?;
    if word(8)? != turn {
        return None;
    }
    if kind != SOCK_DIAG_BY_FAMILY {
        return Some(None);
    }
    // struct inet_diag_msg: 4 bytes, id (48), expires, rqueue, wqueue, uid, inode.
    Some(word(16 + 4 + 48 + 16).filter(|&inode| inode != 0))
}
