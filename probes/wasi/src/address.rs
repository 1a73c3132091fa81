//! Addresses of sockets: as WASI writes them, which a guest may bind to, which it may send to. The
//! same for TCP and UDP.

use crate::conversation::{HERE_V4, HERE_V6};
use belljar_record::Endpoint;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use wasmtime_wasi::p2::SocketResult;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};

/// The port of a socket that was bound without naming one.
const ANY_PORT: u16 = 32_767;

pub(crate) fn socket_address(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (a, b, c, d) }) => {
            SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), port)
        }
        IpSocketAddress::Ipv6(Ipv6SocketAddress { port, address, .. }) => {
            let (a, b, c, d, e, f, g, h) = address;
            SocketAddr::new(Ipv6Addr::new(a, b, c, d, e, f, g, h).into(), port)
        }
    }
}

pub(crate) fn wasi_address(address: IpAddr) -> IpAddress {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            IpAddress::Ipv4((a, b, c, d))
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.segments();
            IpAddress::Ipv6((a, b, c, d, e, f, g, h))
        }
    }
}

pub(crate) fn wasi_socket_address(socket: SocketAddr) -> IpSocketAddress {
    let port = socket.port();
    match wasi_address(socket.ip()) {
        IpAddress::Ipv4(address) => IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address }),
        IpAddress::Ipv6(address) => {
            let (flow_info, scope_id) = (0, 0);
            IpSocketAddress::Ipv6(Ipv6SocketAddress { port, flow_info, address, scope_id })
        }
    }
}

pub(crate) fn endpoint(socket: SocketAddr) -> Endpoint {
    Endpoint { address: socket.ip(), port: socket.port() }
}

/// Whether an address is of a family, and of one kind of address only.
fn fits(family: IpAddressFamily, address: IpAddr) -> bool {
    match (family, address) {
        (IpAddressFamily::Ipv4, IpAddr::V4(_)) => true,
        (IpAddressFamily::Ipv6, IpAddr::V6(address)) => address.to_ipv4_mapped().is_none(),
        _ => false,
    }
}

/// The guest's own address of a family, at a port.
pub(crate) fn here(family: IpAddressFamily, port: u16) -> SocketAddr {
    match family {
        IpAddressFamily::Ipv4 => SocketAddr::new(HERE_V4.into(), port),
        IpAddressFamily::Ipv6 => SocketAddr::new(HERE_V6.into(), port),
    }
}

/// Whether a guest may bind to an address: any, loopback, or its own.
fn bindable(address: IpAddr) -> bool {
    address.is_unspecified()
        || address.is_loopback()
        || address == IpAddr::from(HERE_V4)
        || address == IpAddr::from(HERE_V6)
}

/// The address that a socket is bound to when it asks for `wanted`.
pub(crate) fn bound(family: IpAddressFamily, wanted: SocketAddr) -> SocketResult<SocketAddr> {
    if !fits(family, wanted.ip()) {
        return Err(ErrorCode::InvalidArgument.into());
    }
    if !bindable(wanted.ip()) {
        return Err(ErrorCode::AddressNotBindable.into());
    }
    let port = if wanted.port() == 0 { ANY_PORT } else { wanted.port() };
    Ok(SocketAddr::new(wanted.ip(), port))
}

/// Whether something can be sent to an address by a socket of a family.
pub(crate) fn reachable(family: IpAddressFamily, remote: SocketAddr) -> bool {
    fits(family, remote.ip()) && !remote.ip().is_unspecified() && remote.port() != 0
}

/// A value of an option that must not be zero.
pub(crate) fn not_zero<N: PartialEq + Default>(value: N) -> SocketResult<N> {
    if value == N::default() { Err(ErrorCode::InvalidArgument.into()) } else { Ok(value) }
}
