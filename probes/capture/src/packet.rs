//! From a captured frame to what IP carries, without trusting any length in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMP: u8 = 1;
pub(crate) const ICMP6: u8 = 58;

/// An IP packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) source: IpAddr,
    pub(crate) target: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) fragment: Option<Fragment>,
    pub(crate) payload: &'a [u8],
    /// IPv4 options or IPv6 extension headers, and bytes behind the end that the header states.
    pub(crate) odd: [&'a [u8]; 2],
}

/// Which piece of a cut packet this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fragment {
    pub(crate) id: u32,
    pub(crate) offset: usize,
    pub(crate) more: bool,
}

/// A TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    pub(crate) source: u16,
    pub(crate) target: u16,
    pub(crate) sequence: u32,
    pub(crate) syn: bool,
    pub(crate) ack: bool,
    pub(crate) payload: &'a [u8],
}

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
    let ip = |bytes: Option<&'_ [u8]>| -> Option<usize> { bytes.map(<[u8]>::len) };
    let at = match link {
        // Raw IP, in its several numbers.
        12 | 14 | 101 | 228 | 229 => ip(Some(bytes)).map(|_| 0),
        // BSD loopback: four bytes of address family.
        0 | 108 => Some(4),
        1 => return ethernet(bytes, 12),
        // Linux cooked, version 1 and 2.
        113 => return ethernet(bytes, 14),
        276 => {
            let kind = bytes.first_chunk::<2>().map(|kind| u16::from_be_bytes(*kind));
            return typed(kind, bytes.get(20..));
        }
        _ => return Framed::Unknown,
    };
    match at.and_then(|at| bytes.get(at..)) {
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

/// Reads an IP packet; `None` if it is none.
pub(crate) fn parse(bytes: &[u8]) -> Option<Packet<'_>> {
    match bytes.first()? >> 4 {
        4 => v4(bytes),
        6 => v6(bytes),
        _ => None,
    }
}

fn v4(bytes: &[u8]) -> Option<Packet<'_>> {
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
        fragment: (more || offset > 0).then(|| Fragment {
            id: u32::from(u16::from_be_bytes([fixed[4], fixed[5]])),
            offset,
            more,
        }),
        payload: &bytes[header..end],
        odd: [&bytes[20..header], trailing(bytes, end)],
    })
}

/// Bytes behind a packet. Zeros that fill an Ethernet frame up to its least length say nothing.
fn trailing(bytes: &[u8], end: usize) -> &[u8] {
    let rest = &bytes[end..];
    if rest.iter().all(|&byte| byte == 0) { &[] } else { rest }
}

fn v6(bytes: &[u8]) -> Option<Packet<'_>> {
    let fixed: &[u8; 40] = bytes.first_chunk()?;
    let stated = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    let end = if stated == 0 { bytes.len() } else { (40 + stated).min(bytes.len()) };
    let source: [u8; 16] = *fixed[8..].first_chunk()?;
    let target: [u8; 16] = *fixed[24..].first_chunk()?;
    let (mut protocol, mut at, mut fragment) = (fixed[6], 40, None);
    for _ in 0..8 {
        let head = match bytes.get(at..end) {
            Some(rest) if rest.len() >= 8 => rest,
            _ => break,
        };
        let len = match protocol {
            0 | 43 | 60 | 135 => 8 + usize::from(head[1]) * 8,
            51 => 8 + usize::from(head[1]) * 4,
            44 => {
                let cut = u16::from_be_bytes([head[2], head[3]]);
                fragment = Some(Fragment {
                    id: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
                    offset: usize::from(cut & 0xfff8),
                    more: cut & 1 != 0,
                });
                8
            }
            _ => break,
        };
        let last = protocol == 44;
        protocol = head[0];
        at = (at + len).min(end);
        if last {
            break;
        }
    }
    Some(Packet {
        source: Ipv6Addr::from(source).into(),
        target: Ipv6Addr::from(target).into(),
        protocol,
        fragment: fragment.filter(|fragment| fragment.more || fragment.offset > 0),
        payload: &bytes[at..end],
        odd: [if at > 48 { &bytes[40..at] } else { &[] }, trailing(bytes, end)],
    })
}

/// Reads a TCP segment.
pub(crate) fn segment(bytes: &[u8]) -> Option<Segment<'_>> {
    let fixed: &[u8; 20] = bytes.first_chunk()?;
    let header = usize::from(fixed[12] >> 4) * 4;
    let payload = bytes.get(header.max(20)..).filter(|_| header >= 20)?;
    Some(Segment {
        source: u16::from_be_bytes([fixed[0], fixed[1]]),
        target: u16::from_be_bytes([fixed[2], fixed[3]]),
        sequence: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        syn: fixed[13] & 2 != 0,
        ack: fixed[13] & 16 != 0,
        payload,
    })
}

/// Ports and payload of a UDP datagram; all that follows its header, whatever length it states.
pub(crate) fn datagram(bytes: &[u8]) -> Option<(u16, u16, &[u8])> {
    let fixed: &[u8; 8] = bytes.first_chunk()?;
    let port = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    Some((port(0), port(2), &bytes[8..]))
}
