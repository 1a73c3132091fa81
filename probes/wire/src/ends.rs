//! What a wire asks of addresses and protocols.

use belljar_packet::{ICMP, ICMP6};
use belljar_record::Endpoint;
use std::net::IpAddr;

const IGMP: u8 = 2;

/// Whether a packet is of a kind that kernels make of themselves: neighbour and router discovery,
/// group membership, error reports. Programs with raw sockets can make the same, so this is
/// inferred, and the payload is kept like any other.
pub(crate) fn kernel_made(protocol: u8, payload: &[u8]) -> bool {
    matches!(
        (protocol, payload.first()),
        (ICMP, Some(3 | 11 | 12)) | (ICMP6, Some(1..=4 | 131..=136 | 143)) | (IGMP, _)
    )
}

/// An address with a port.
pub(crate) fn end(address: IpAddr, port: u16) -> Endpoint {
    Endpoint { address, port }
}

/// Whether an address can stand as the source of an answer.
pub(crate) fn can_answer(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(broadcast || address.is_multicast() || address.is_unspecified() || address.is_loopback())
}
