//! Answers that the wire makes itself: datagrams of the responders, echo replies.

use belljar_packet::{ICMP, ICMP6, Packet};
use belljar_record::Endpoint;
use etherparse::{Icmpv4Type, Icmpv6Type, PacketBuilder};
use std::net::IpAddr;

/// Hops that an answer from the internet still has.
const HOPS: u8 = 57;

/// A UDP packet from `from` to `to`; `None` where the two are of different families or it is too
/// long for one packet.
pub(crate) fn datagram(from: Endpoint, to: Endpoint, payload: &[u8]) -> Option<Vec<u8>> {
    let builder = match (from.address, to.address) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), HOPS),
        (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ipv6(from.octets(), to.octets(), HOPS),
        _ => return None,
    };
    let builder = builder.udp(from.port, to.port);
    let mut bytes = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut bytes, payload).ok()?;
    Some(bytes)
}

/// The reply to an echo request (ping); `None` for any other packet.
pub(crate) fn echo(packet: &Packet<'_>) -> Option<Vec<u8>> {
    let (&[kind, code, _, _, a, b, c, d], data) = packet.payload.split_first_chunk::<8>()?;
    if code != 0 {
        return None;
    }
    let rest = [a, b, c, d];
    let mut bytes = Vec::with_capacity(packet.payload.len() + 48);
    match (packet.protocol, kind, packet.target, packet.source) {
        (ICMP, 8, IpAddr::V4(from), IpAddr::V4(to)) => {
            let header = etherparse::IcmpEchoHeader::from_bytes(rest);
            PacketBuilder::ipv4(from.octets(), to.octets(), HOPS)
                .icmpv4(Icmpv4Type::EchoReply(header))
                .write(&mut bytes, data)
                .ok()?;
        }
        (ICMP6, 128, IpAddr::V6(from), IpAddr::V6(to)) => {
            let header = etherparse::IcmpEchoHeader::from_bytes(rest);
            PacketBuilder::ipv6(from.octets(), to.octets(), HOPS)
                .icmpv6(Icmpv6Type::EchoReply(header))
                .write(&mut bytes, data)
                .ok()?;
        }
        _ => return None,
    }
    Some(bytes)
}
