//! Channels of single packets: UDP in several guises, ICMP, lengths, ports, time between packets.

use crate::pace::Pace;
use crate::{Failure, dns, send};
use belljar_leaks::{Case, Channel};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, setsockopt,
    socket, sockopt,
};
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

/// The first of the ports that carry a byte each: the low byte is what is carried.
const PORTS: u16 = 1024;
/// The group of mDNS (RFC 6762).
const MDNS: &str = "224.0.0.251";

/// Sends a payload in datagrams.
pub(crate) fn send(case: &Case, payload: &[u8], pace: &Pace) -> Result<(), Failure> {
    match case.channel {
        Channel::SourcePort => return source_ports(case, payload, pace),
        Channel::IcmpPayload | Channel::IcmpTtl => return echoes(case, payload, pace),
        Channel::MulticastName => return multicast(case, payload, pace),
        _ => {}
    }
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(send::address(&case.host, case.port)?)?;
    match case.channel {
        Channel::PacketSize => {
            for (number, &byte) in payload.iter().enumerate() {
                socket.send(&vec![0; usize::from(byte)])?;
                pace.wait(number);
            }
        }
        Channel::Gaps => {
            for byte in payload {
                for bit in (0..8).rev() {
                    socket.send(b"keep-alive")?;
                    let millis = if byte >> bit & 1 == 1 { 8 } else { 2 };
                    std::thread::sleep(Duration::from_millis(millis));
                }
            }
        }
        Channel::NtpBody => {
            for (number, piece) in payload.chunks(400).enumerate() {
                let mut query = vec![0; 48];
                query[0] = 0x23;
                query.extend_from_slice(piece);
                socket.send(&query)?;
                pace.wait(number);
            }
        }
        Channel::Syslog => {
            for (number, piece) in payload.chunks(400).enumerate() {
                let mut line = b"<134>1 - - courier - - - state=".to_vec();
                line.extend_from_slice(piece);
                socket.send(&line)?;
                pace.wait(number);
            }
        }
        _ => {
            for (number, piece) in payload.chunks(1000).enumerate() {
                socket.send(piece)?;
                pace.wait(number);
            }
        }
    }
    Ok(())
}

/// One datagram from each port; the port's low byte is what is carried.
fn source_ports(case: &Case, payload: &[u8], pace: &Pace) -> Result<(), Failure> {
    let to = send::address(&case.host, case.port)?;
    for (number, &byte) in payload.iter().enumerate() {
        let port = PORTS + u16::try_from(number)? * 256 + u16::from(byte);
        let socket = UdpSocket::bind(("0.0.0.0", port))?;
        socket.send_to(b"hello", to)?;
        pace.wait(number);
    }
    Ok(())
}

fn multicast(case: &Case, payload: &[u8], pace: &Pace) -> Result<(), Failure> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    for (number, piece) in payload.chunks(120).enumerate() {
        let mut labels: Vec<Vec<u8>> = piece.chunks(60).map(<[u8]>::to_vec).collect();
        labels.extend(case.host.split('.').take(1).map(|label| label.as_bytes().to_vec()));
        labels.push(b"local".to_vec());
        socket.send_to(&dns::query(&labels, 1, 0)?, (MDNS, case.port))?;
        pace.wait(number);
    }
    Ok(())
}

/// Echo requests by a ping socket (the kernel fills in checksum and identifier).
fn echoes(case: &Case, payload: &[u8], pace: &Pace) -> Result<(), Failure> {
    let SocketAddr::V4(to) = send::address(&case.host, 0)? else {
        return Err("the host has no IPv4 address".into());
    };
    let to = SockaddrIn::from(SocketAddrV4::new(*to.ip(), 0));
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::Icmp,
    )?;
    let by_hops = case.channel == Channel::IcmpTtl;
    let pieces: Vec<&[u8]> =
        if by_hops { payload.chunks(1).collect() } else { payload.chunks(256).collect() };
    for (number, piece) in pieces.into_iter().enumerate() {
        let mut packet = vec![8, 0, 0, 0, 0, 0];
        packet.extend_from_slice(&u16::try_from(number)?.to_be_bytes());
        if by_hops {
            setsockopt(&socket, sockopt::Ipv4Ttl, &i32::from(piece[0]))?;
            packet.extend_from_slice(b"abcdefghijklmnopqrstuvwabcdefghi");
        } else {
            packet.extend_from_slice(piece);
        }
        sendto(socket.as_raw_fd(), &packet, &to, MsgFlags::empty())?;
        pace.wait(number);
    }
    Ok(())
}
