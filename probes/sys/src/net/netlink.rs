//! Synchronous netlink sockets: ask, wait for the answer. Devices, addresses, routes, rules.

use super::links::Setting;
use super::message::{attribute, message, messages, read_u32, text};
use super::{LOCAL, NetError};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;
use std::cell::Cell;
use std::net::IpAddr;
use std::os::fd::{AsRawFd as _, OwnedFd};

pub(super) const REQUEST: u16 = 1;
pub(super) const ACK: u16 = 4;
pub(super) const CREATE: u16 = 0x400;
pub(super) const APPEND: u16 = 0x800;
const EXCLUSIVE: u16 = 0x200;
const ERROR: u16 = 2;

const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const RTM_NEWRULE: u16 = 32;
const RTM_DELRULE: u16 = 33;

const IFF_UP: u32 = 1;
const IFF_NOARP: u32 = 0x80;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_TXQLEN: u16 = 13;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_F_NODAD: u8 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const FRA_IIFNAME: u16 = 3;
const FRA_PRIORITY: u16 = 6;
const FRA_TABLE: u16 = 15;
const TO_TABLE: u8 = 1;

/// Kind and scope of a route (rtnetlink(7)).
const UNICAST: u8 = 1;
const LOCAL_KIND: u8 = 2;
const SCOPE_UNIVERSE: u8 = 0;
const SCOPE_LINK: u8 = 253;
const SCOPE_HOST: u8 = 254;
const BOOT: u8 = 3;

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    fn number(self) -> u8 {
        match self {
            Self::V4 => 2,
            Self::V6 => 10,
        }
    }

    fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// A netlink socket on which requests wait for their answers.
#[derive(Debug)]
pub(super) struct Netlink {
    fd: OwnedFd,
    sequence: Cell<u32>,
}

/// Opens a netlink socket, bound to the caller's namespace, that gets news of `groups`.
fn open(protocol: SockProtocol, what: &'static str, groups: u32) -> Result<OwnedFd, NetError> {
    let failed = |source| NetError::OpenNetlink { what, source };
    let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)
        .map_err(failed)?;
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups)).map_err(failed)?;
    // The kernel answers at once; a set-up that hangs would hang belljar.
    setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::new(5, 0)).map_err(failed)?;
    Ok(fd)
}

/// A socket for looking up other sockets of the namespace.
pub(super) fn sock_diag() -> Result<OwnedFd, NetError> {
    open(SockProtocol::NetlinkSockDiag, "sock_diag", 0)
}

/// A socket that hears when devices change (`RTMGRP_LINK`) and answers questions about them.
pub(super) fn link_news() -> Result<OwnedFd, NetError> {
    open(SockProtocol::NetlinkRoute, "route", 1)
}

impl Netlink {
    pub(super) fn route() -> Result<Self, NetError> {
        let fd = open(SockProtocol::NetlinkRoute, "route", 0)?;
        Ok(Self { fd, sequence: Cell::new(0) })
    }

    pub(super) fn netfilter() -> Result<Self, NetError> {
        let fd = open(SockProtocol::NetlinkNetFilter, "netfilter", 0)?;
        Ok(Self { fd, sequence: Cell::new(0) })
    }

    pub(super) fn next_sequence(&self) -> u32 {
        self.sequence.set(self.sequence.get() + 1);
        self.sequence.get()
    }

    /// Sends `bytes` and reads until `acks` messages were acknowledged.
    pub(super) fn exchange(&self, bytes: &[u8], acks: usize) -> Result<(), Errno> {
        send(self.fd.as_raw_fd(), bytes, MsgFlags::empty())?;
        let mut buffer = vec![0; 64 * 1024];
        let mut seen = 0;
        while seen < acks {
            let len = recv(self.fd.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            for received in messages(&buffer[..len]) {
                if received.kind == ERROR {
                    match read_u32(received.body, 0).map(u32::cast_signed) {
                        Some(0) => seen += 1,
                        Some(code) => return Err(Errno::from_raw(code.wrapping_neg())),
                        None => return Err(Errno::EBADMSG),
                    }
                }
            }
        }
        Ok(())
    }

    fn ask(&self, kind: u16, flags: u16, body: &[u8]) -> Result<(), Errno> {
        let bytes = message(kind, REQUEST | ACK | flags, self.next_sequence(), body);
        self.exchange(&bytes, 1)
    }

    /// Changes a device.
    pub(super) fn device(&self, name: &str, index: u32, setting: Setting) -> Result<(), NetError> {
        let flag: u32 = match setting {
            Setting::Up => IFF_UP,
            Setting::WithoutArp => IFF_NOARP,
            Setting::Mtu(_) | Setting::Queue(_) => 0,
        };
        let mut body = vec![0, 0, 0, 0];
        body.extend_from_slice(&index.to_ne_bytes());
        body.extend_from_slice(&flag.to_ne_bytes());
        body.extend_from_slice(&flag.to_ne_bytes());
        let what = match setting {
            Setting::Up => "up",
            Setting::WithoutArp => "noarp",
            Setting::Mtu(mtu) => {
                attribute(&mut body, IFLA_MTU, &mtu.to_ne_bytes());
                "mtu"
            }
            Setting::Queue(len) => {
                attribute(&mut body, IFLA_TXQLEN, &len.to_ne_bytes());
                "txqueuelen"
            }
        };
        self.ask(RTM_NEWLINK, 0, &body).map_err(|source| NetError::Device {
            name: name.to_owned(),
            what,
            source,
        })
    }

    /// Makes a device; `body` is `struct ifinfomsg` and its attributes.
    pub(super) fn make_device(&self, body: &[u8]) -> Result<(), Errno> {
        self.ask(RTM_NEWLINK, CREATE | EXCLUSIVE, body)
    }

    /// Moves a device into another namespace, under another name.
    pub(super) fn move_device(
        &self,
        index: u32,
        namespace: &OwnedFd,
        name: &str,
    ) -> Result<(), Errno> {
        let mut body = vec![0, 0, 0, 0];
        body.extend_from_slice(&index.to_ne_bytes());
        body.extend_from_slice(&[0; 8]);
        attribute(&mut body, IFLA_NET_NS_FD, &namespace.as_raw_fd().to_ne_bytes());
        attribute(&mut body, IFLA_IFNAME, &text(name));
        self.ask(RTM_NEWLINK, 0, &body)
    }

    /// Gives a device an address, without probing whether somebody else has it.
    pub(super) fn address(
        &self,
        name: &str,
        index: u32,
        address: IpAddr,
        prefix: u8,
    ) -> Result<(), NetError> {
        let mut body = vec![Family::of(address).number(), prefix, IFA_F_NODAD, SCOPE_UNIVERSE];
        body.extend_from_slice(&index.to_ne_bytes());
        let octets = octets(address);
        attribute(&mut body, IFA_LOCAL, &octets);
        attribute(&mut body, IFA_ADDRESS, &octets);
        self.ask(RTM_NEWADDR, CREATE | EXCLUSIVE, &body).map_err(|source| NetError::Address {
            name: name.to_owned(),
            address,
            source,
        })
    }

    /// A default route by `device`, over a gateway or directly.
    pub(super) fn default_route(
        &self,
        route: &'static str,
        family: Family,
        device: u32,
        gateway: Option<IpAddr>,
        table: u8,
    ) -> Result<(), NetError> {
        let scope = match (family, gateway) {
            (Family::V4, None) => SCOPE_LINK,
            _ => SCOPE_UNIVERSE,
        };
        let mut body = route_header(family, table, scope, UNICAST);
        attribute(&mut body, RTA_OIF, &device.to_ne_bytes());
        if let Some(gateway) = gateway {
            attribute(&mut body, RTA_GATEWAY, &octets(gateway));
        }
        self.ask(RTM_NEWROUTE, CREATE | EXCLUSIVE, &body)
            .map_err(|source| NetError::Route { route, source })
    }

    /// AnyIP: every address of the family is this namespace's own.
    pub(super) fn all_local(
        &self,
        route: &'static str,
        lo: u32,
        family: Family,
        table: u8,
    ) -> Result<(), NetError> {
        let mut body = route_header(family, table, SCOPE_HOST, LOCAL_KIND);
        attribute(&mut body, RTA_OIF, &lo.to_ne_bytes());
        self.ask(RTM_NEWROUTE, CREATE | EXCLUSIVE, &body)
            .map_err(|source| NetError::Route { route, source })
    }

    /// Packets from the device `from` (or all) are routed by `table`.
    pub(super) fn rule(
        &self,
        rule: &'static str,
        family: Family,
        priority: u32,
        from: Option<&str>,
        table: u8,
    ) -> Result<(), NetError> {
        let body = rule_body(family, priority, from, table);
        self.ask(RTM_NEWRULE, CREATE | EXCLUSIVE, &body)
            .map_err(|source| NetError::Rule { rule, source })
    }

    /// Removes IPv4's first rule, which looks in the table `local` before all others.
    pub(super) fn forget_local_rule_v4(&self) -> Result<(), NetError> {
        let body = rule_body(Family::V4, 0, None, LOCAL);
        self.ask(RTM_DELRULE, 0, &body)
            .map_err(|source| NetError::Rule { rule: "remove: local first", source })
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// `struct rtmsg` of a route to everywhere.
fn route_header(family: Family, table: u8, scope: u8, kind: u8) -> Vec<u8> {
    vec![family.number(), 0, 0, 0, table, BOOT, scope, kind, 0, 0, 0, 0]
}

/// `struct fib_rule_hdr` and its attributes.
fn rule_body(family: Family, priority: u32, from: Option<&str>, table: u8) -> Vec<u8> {
    let mut body = vec![family.number(), 0, 0, 0, table, 0, 0, TO_TABLE, 0, 0, 0, 0];
    attribute(&mut body, FRA_PRIORITY, &priority.to_ne_bytes());
    attribute(&mut body, FRA_TABLE, &u32::from(table).to_ne_bytes());
    if let Some(from) = from {
        attribute(&mut body, FRA_IIFNAME, &text(from));
    }
    body
}
