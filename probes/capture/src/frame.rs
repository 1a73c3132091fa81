//! From a captured frame to its IP packet.

use belljar_packet::Packet;

/// The IP packet of a frame.
#[derive(Debug)]
pub(crate) enum Framed<'a> {
    Ip(&'a [u8]),
    /// Something that carries no IP (ARP, …).
    Other,
    /// A link that is not known.
    Unknown,
}

/// Takes the link's header off (numbers of the link types: tcpdump.org/linktypes.html).
pub(crate) fn unframe(link: i32, bytes: &[u8]) -> Framed<'_> {
    let at = match link {
        // Raw IP, in its several numbers.
        12 | 14 | 101 | 228 | 229 => 0,
        // BSD loopback: four bytes of address family.
        0 | 108 => 4,
        1 => return ethernet(bytes, 12),
        // Linux cooked, version 1 and 2.
        113 => return ethernet(bytes, 14),
        276 => {
            let kind = bytes.first_chunk::<2>().map(|kind| u16::from_be_bytes(*kind));
            return typed(kind, bytes.get(20..));
        }
        _ => return Framed::Unknown,
    };
    match bytes.get(at..) {
        Some(rest) => Framed::Ip(rest),
        None => Framed::Other,
    }
}

/// An EtherType at `at`, behind any VLAN tags.
fn ethernet(bytes: &[u8], mut at: usize) -> Framed<'_> {
    for _ in 0..4 {
        let kind = bytes.get(at..at + 2).map(|kind| u16::from_be_bytes([kind[0], kind[1]]));
        match kind {
            Some(0x8100 | 0x88a8 | 0x9100) => at += 4,
            _ => return typed(kind, bytes.get(at + 2..)),
        }
    }
    Framed::Other
}

fn typed(kind: Option<u16>, rest: Option<&[u8]>) -> Framed<'_> {
    match (kind, rest) {
        (Some(0x0800 | 0x86dd), Some(rest)) => Framed::Ip(rest),
        _ => Framed::Other,
    }
}

/// IPv4 options or IPv6 extension headers, and bytes behind the end that the header states: where
/// something can stand that no protocol asks for.
pub(crate) fn odd<'a>(packet: &Packet<'a>) -> [&'a [u8]; 2] {
    // One extension header of the least length (as fragments have it) is usual; so are zeros that
    // fill an Ethernet frame up to its least length.
    let usual = packet.source.is_ipv6() && packet.options.len() <= 8;
    let filled = packet.trailing.iter().all(|&byte| byte == 0);
    [if usual { &[] } else { packet.options }, if filled { &[] } else { packet.trailing }]
}

/// Ports and payload of a UDP datagram; all that follows its header, whatever length it states.
pub(crate) fn datagram(bytes: &[u8]) -> Option<(u16, u16, &[u8])> {
    let fixed: &[u8; 8] = bytes.first_chunk()?;
    let port = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    Some((port(0), port(2), &bytes[8..]))
}
