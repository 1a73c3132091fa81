//! Pairs of virtual Ethernet devices and packet sockets on one end: what serves as a wire where no
//! TUN device can be had.
//!
//! Promises: what is read from the socket is what the other end sent, each frame once, with what was
//! left to the receiver in front (`PACKET_VNET_HDR`); frames that did not fit are counted
//! ([`super::socket_drops`]). Nothing is answered by the kernel on this end: frames from the other end
//! are never addressed to it.
//! Cannot see: frames that the socket dropped. They were not passed on either, so TCP sends them again.

use super::NetError;
use super::device::index;
use super::links::Setting;
use super::message::{attribute, nested, text};
use super::netlink::Netlink;
use super::packet::packet_socket;
use std::os::fd::OwnedFd;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINKINFO: u16 = 18;
const IFLA_GSO_MAX_SEGS: u16 = 40;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;

/// Hardware address of the end that sends and receives IP (locally administered).
pub const NEAR: [u8; 6] = [0x02, 0, 0x5e, 0x10, 0, 1];
/// Hardware address of the end that the packet socket is on.
pub const FAR: [u8; 6] = [0x02, 0, 0x5e, 0x10, 0, 2];
/// Bytes of an Ethernet header (IEEE 802.3).
pub const ETHERNET_HEADER: usize = 14;

/// A pair of devices in the caller's namespace.
#[derive(Debug)]
pub(super) struct Pair {
    /// The end that sends and receives IP.
    pub(super) near: u32,
    /// The other end's packet socket.
    pub(super) socket: OwnedFd,
}

/// Makes a pair; `near` and `far` are names that no device has here.
pub(super) fn pair(route: &Netlink, near: &str, far: &str, mtu: u32) -> Result<Pair, NetError> {
    let failed = |source| NetError::MakePair { name: near.to_owned(), source };
    let one = |body: &mut Vec<u8>, name: &str, address: [u8; 6]| {
        attribute(body, IFLA_IFNAME, &text(name));
        attribute(body, IFLA_ADDRESS, &address);
        attribute(body, IFLA_MTU, &mtu.to_ne_bytes());
        // Each packet is seen as it is sent, and none is longer than a frame.
        attribute(body, IFLA_GSO_MAX_SEGS, &1u32.to_ne_bytes());
    };
    let mut body = vec![0; 16];
    one(&mut body, near, NEAR);
    nested(&mut body, IFLA_LINKINFO, |info| {
        attribute(info, IFLA_INFO_KIND, b"veth");
        nested(info, IFLA_INFO_DATA, |data| {
            let mut peer = vec![0; 16];
            one(&mut peer, far, FAR);
            attribute(data, VETH_INFO_PEER, &peer);
        });
    });
    route.make_device(&body).map_err(failed)?;
    let (near_index, far_index) = (index(near)?, index(far)?);
    // Without ARP and neighbour discovery the near end puts its own address on what it sends, which
    // the far end's kernel takes for somebody else's and drops after the socket has seen it.
    route.device(near, near_index, Setting::WithoutArp)?;
    route.device(far, far_index, Setting::WithoutArp)?;
    super::setting(&format!("ipv6/conf/{far}/disable_ipv6"), "1")?;
    route.device(far, far_index, Setting::Up)?;
    Ok(Pair { near: near_index, socket: packet_socket(far_index, true)? })
}
