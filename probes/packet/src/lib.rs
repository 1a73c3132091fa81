//! Cuts an IP packet into its parts, without trusting any length in it: for the wire, and for
//! captures of others.
//!
//! Promises: every byte after the fixed headers ends up in exactly one named part; nothing panics.
//! Cannot see: what fixed headers themselves carry (ports, identifiers, TCP options); the capture
//! holds them.
#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The Transmission Control Protocol (this and the following: IANA protocol numbers).
pub const TCP: u8 = 6;
/// The User Datagram Protocol.
pub const UDP: u8 = 17;
/// Control messages of IPv4.
pub const ICMP: u8 = 1;
/// Control messages of IPv6.
pub const ICMP6: u8 = 58;

/// An IP packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Who sends it, as the packet says.
    pub source: IpAddr,
    /// Whom it is for.
    pub target: IpAddr,
    /// IANA's number of what the payload is.
    pub protocol: u8,
    /// Time to live, hop limit.
    pub hops: u8,
    /// IPv4 options or IPv6 extension headers.
    pub options: &'a [u8],
    /// Which piece this is, if the packet was cut.
    pub fragment: Option<Fragment>,
    /// What IP carries.
    pub payload: &'a [u8],
    /// Bytes after the end that the IP header states.
    pub trailing: &'a [u8],
}

impl<'a> Packet<'a> {
    /// A packet of which nothing is known but what it carries, as of a piece whose others never came.
    pub fn bare(source: IpAddr, target: IpAddr, protocol: u8, payload: &'a [u8]) -> Self {
        let (options, trailing) = (&[][..], &[][..]);
        Self { source, target, protocol, hops: 0, options, fragment: None, payload, trailing }
    }
}

/// Which piece of a cut packet this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Common to all pieces of a packet.
    pub id: u32,
    /// From which byte of the packet's payload on.
    pub offset: usize,
    /// Whether others follow.
    pub more: bool,
}

/// A TCP header, as far as a wire needs it, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Port of the sender.
    pub source: u16,
    /// Port of the receiver.
    pub target: u16,
    /// Number of its first byte (or of its SYN).
    pub sequence: u32,
    /// FIN, SYN, RST, …, as bits.
    pub flags: u8,
    /// What follows the header and its options.
    pub payload: &'a [u8],
}

impl Segment<'_> {
    /// No more data from the sender.
    pub const FIN: u8 = 1;
    /// A connection begins.
    pub const SYN: u8 = 2;
    /// A connection is broken off.
    pub const RST: u8 = 4;
    /// Something is acknowledged.
    pub const ACK: u8 = 16;

    /// Whether a flag is set.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Reads an IP packet; `None` if it is none.
pub fn parse(bytes: &[u8]) -> Option<Packet<'_>> {
    match bytes.first()? >> 4 {
        4 => parse_v4(bytes),
        6 => parse_v6(bytes),
        _ => None,
    }
}

fn parse_v4(bytes: &[u8]) -> Option<Packet<'_>> {
    let fixed: &[u8; 20] = bytes.first_chunk()?;
    let header = usize::from(fixed[0] & 15) * 4;
    let stated = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    // A total of 0 stands for "more than fits" in units that are still to be cut.
    let end = if stated == 0 { bytes.len() } else { stated.min(bytes.len()) };
    if header < 20 || header > end {
        return None;
    }
    let cut = u16::from_be_bytes([fixed[6], fixed[7]]);
    let (offset, more) = (usize::from(cut & 0x1fff) * 8, cut & 0x2000 != 0);
    Some(Packet {
        source: Ipv4Addr::new(fixed[12], fixed[13], fixed[14], fixed[15]).into(),
        target: Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19]).into(),
        protocol: fixed[9],
        hops: fixed[8],
        options: &bytes[20..header],
        fragment: (more || offset > 0).then(|| Fragment {
            id: u32::from(u16::from_be_bytes([fixed[4], fixed[5]])),
            offset,
            more,
        }),
        payload: &bytes[header..end],
        trailing: &bytes[end..],
    })
}

fn parse_v6(bytes: &[u8]) -> Option<Packet<'_>> {
    let fixed: &[u8; 40] = bytes.first_chunk()?;
    let stated = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    let end = if stated == 0 { bytes.len() } else { (40 + stated).min(bytes.len()) };
    let source: [u8; 16] = *fixed[8..].first_chunk()?;
    let target: [u8; 16] = *fixed[24..].first_chunk()?;
    let rest = &bytes[40..end];
    let (protocol, fragment, len) = extensions(fixed[6], rest);
    Some(Packet {
        source: Ipv6Addr::from(source).into(),
        target: Ipv6Addr::from(target).into(),
        protocol,
        hops: fixed[7],
        options: &rest[..len],
        fragment,
        payload: &rest[len..],
        trailing: &bytes[end..],
    })
}

/// Walks over IPv6 extension headers: what follows them, a fragment header, their length in all.
/// Ends at the first header that is not whole and at a fragment header (RFC 8200).
pub fn extensions(mut next: u8, bytes: &[u8]) -> (u8, Option<Fragment>, usize) {
    let mut at = 0;
    while let Some(&[following, len, a, b, c, d, e, f]) = bytes[at..].first_chunk::<8>() {
        let step = match next {
            0 | 43 | 60 | 135 | 139 | 140 => (usize::from(len) + 1) * 8,
            51 => (usize::from(len) + 2) * 4,
            44 => {
                let cut = u16::from_be_bytes([a, b]);
                let fragment = Fragment {
                    id: u32::from_be_bytes([c, d, e, f]),
                    offset: usize::from(cut & 0xfff8),
                    more: cut & 1 != 0,
                };
                return (following, Some(fragment), at + 8);
            }
            _ => break,
        };
        if at + step > bytes.len() {
            break;
        }
        at += step;
        next = following;
    }
    (next, None, at)
}

/// Reads a TCP segment.
pub fn segment(bytes: &[u8]) -> Option<Segment<'_>> {
    let fixed: &[u8; 20] = bytes.first_chunk()?;
    let header = usize::from(fixed[12] >> 4) * 4;
    if header < 20 {
        return None;
    }
    Some(Segment {
        source: u16::from_be_bytes([fixed[0], fixed[1]]),
        target: u16::from_be_bytes([fixed[2], fixed[3]]),
        sequence: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        flags: fixed[13],
        payload: bytes.get(header..)?,
    })
}

/// A UDP datagram: ports, payload, and bytes after the end that its header states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Port of the sender.
    pub source: u16,
    /// Port of the receiver.
    pub target: u16,
    /// As many bytes as its header states.
    pub payload: &'a [u8],
    /// What follows them.
    pub trailing: &'a [u8],
}

/// Reads a UDP datagram; `None` if its length is impossible.
pub fn datagram(bytes: &[u8]) -> Option<Datagram<'_>> {
    let fixed: &[u8; 8] = bytes.first_chunk()?;
    let stated = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    let end = if stated == 0 { bytes.len() } else { stated };
    Some(Datagram {
        source: u16::from_be_bytes([fixed[0], fixed[1]]),
        target: u16::from_be_bytes([fixed[2], fixed[3]]),
        payload: bytes.get(8..end)?,
        trailing: bytes.get(end..)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    fn v6_udp(payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        PacketBuilder::ipv6([1; 16], [2; 16], 64)
            .udp(5, 53)
            .write(&mut bytes, payload)
            .expect("a vector takes all");
        bytes
    }

    #[test]
    fn no_cut_or_bit_of_a_packet_makes_the_parser_panic() {
        let mut whole = v6_udp(b"hello");
        whole.extend_from_slice(b"tail");
        for at in 0..whole.len() {
            let _ = parse(&whole[..at])
                .map(|packet| (segment(packet.payload), datagram(packet.payload)));
            for bit in 0..8 {
                let mut wrong = whole.clone();
                wrong[at] ^= 1 << bit;
                if let Some(packet) = parse(&wrong) {
                    let _ = (segment(packet.payload), datagram(packet.payload));
                    let fixed = if wrong[0] >> 4 == 6 { 40 } else { 20 };
                    let parts = packet.options.len() + packet.payload.len() + packet.trailing.len();
                    assert_eq!(fixed + parts, wrong.len(), "a byte is in no part");
                }
            }
        }
        let packet = parse(&whole).expect("an IP packet");
        assert_eq!(packet.trailing, b"tail");
        assert_eq!(datagram(packet.payload).expect("a datagram").payload, b"hello");
    }

    #[test]
    fn ipv6_extension_headers_are_a_part_of_their_own() {
        // Hop-by-hop options with six bytes that carry anything.
        let (protocol, fragment, len) = extensions(0, &[UDP, 0, 1, 4, b's', b'e', b'c', b'!', 9]);
        assert_eq!((protocol, fragment, len), (UDP, None, 8));
    }
}
