//! Network devices, routes and packet filters inside a namespace.
//!
//! Promises: two recipes, [`setup_inner`] (the component's network namespace) and [`setup_outer`]
//! (belljar's own), that a single-threaded set-up process calls *after* it entered the namespace,
//! as a user with `CAP_NET_ADMIN` there; and the same two by a pair of Ethernet devices, for hosts
//! without TUN. They give back owned descriptors that stay bound to that
//! namespace whoever holds them afterwards. One error variant a step; nothing is retried, nothing
//! is left half silent. They touch only the namespace of the caller.
//!
//! Cannot see: whether the caller really is in a namespace of its own. Both recipes therefore
//! refuse a namespace that already has another device than `lo`.

mod device;
mod links;
mod listener;
mod message;
mod netlink;
mod packet;
mod tproxy;
mod veth;

pub use device::{TUN_HEADER, TunDevice, open_tun, open_tun_node};
pub use links::{LinkState, LinkStats, LinkWatch};
pub use listener::transparent_listener;
pub use packet::{loopback_socket, socket_drops};
pub use veth::{ETHERNET_HEADER, FAR, NEAR};

use netlink::{Family, Netlink};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

/// Name of the device that the component sees, and that belljar's namespace uses too.
pub const DEVICE: &str = "eth0";

/// A step of setting up a network that failed.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// `/dev/net/tun` cannot be opened.
    #[error("cannot open /dev/net/tun: {0}")]
    OpenTun(Errno),
    /// The kernel gives no TUN device.
    #[error("cannot make the TUN device {name}: {source}")]
    MakeTun {
        /// Its name.
        name: String,
        /// Why not.
        source: Errno,
    },
    /// The kernel gives no pair of Ethernet devices.
    #[error("cannot make the pair of devices {name}: {source}")]
    MakePair {
        /// Name of the near end.
        name: String,
        /// Why not.
        source: Errno,
    },
    /// The descriptor handed in was opened in another network namespace, so its device is there.
    #[error(
        "the TUN descriptor was opened in another network namespace: {name} is not in this one"
    )]
    TunElsewhere {
        /// The device's name.
        name: String,
    },
    /// The namespace is not empty: this may be the host's.
    #[error("this network namespace already has the device {name}: refusing to change it")]
    NotEmpty {
        /// The device that was found.
        name: String,
    },
    /// The devices of the namespace cannot be listed.
    #[error("cannot list network devices: {0}")]
    ListDevices(Errno),
    /// A netlink socket cannot be opened.
    #[error("cannot open the {what} netlink socket: {source}")]
    OpenNetlink {
        /// Which.
        what: &'static str,
        /// Why not.
        source: Errno,
    },
    /// A kernel setting cannot be written.
    #[error("cannot write {path}: {source}")]
    Setting {
        /// Which.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A device cannot be changed.
    #[error("cannot set {what} of device {name}: {source}")]
    Device {
        /// Which.
        name: String,
        /// What was to be set.
        what: &'static str,
        /// Why not.
        source: Errno,
    },
    /// An address cannot be given.
    #[error("cannot give {name} the address {address}: {source}")]
    Address {
        /// To which device.
        name: String,
        /// Which.
        address: std::net::IpAddr,
        /// Why not.
        source: Errno,
    },
    /// A route cannot be added.
    #[error("cannot add the route {route}: {source}")]
    Route {
        /// In words.
        route: &'static str,
        /// Why not.
        source: Errno,
    },
    /// A routing rule cannot be set.
    #[error("cannot set the routing rule {rule}: {source}")]
    Rule {
        /// In words.
        rule: &'static str,
        /// Why not.
        source: Errno,
    },
    /// The packet filter refused the table that sends all TCP to the listener.
    #[error("cannot set up TPROXY (nf_tables): {0}")]
    Tproxy(Errno),
    /// The listener that accepts for every address cannot be made.
    #[error("cannot make the transparent listener ({step}): {source}")]
    Listener {
        /// Which step.
        step: &'static str,
        /// Why not.
        source: Errno,
    },
    /// A packet socket cannot be made.
    #[error("cannot make a packet socket ({step}): {source}")]
    PacketSocket {
        /// Which step.
        step: &'static str,
        /// Why not.
        source: Errno,
    },
    /// Counters of a device cannot be read.
    #[error("cannot read the counters of a device: {0}")]
    Counters(Errno),
}

/// What the component's network looks like from inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InnerConfig {
    /// IPv4 address and prefix length.
    pub address_v4: (Ipv4Addr, u8),
    /// IPv4 gateway, on the same net.
    pub gateway_v4: Ipv4Addr,
    /// IPv6 address and prefix length.
    pub address_v6: (Ipv6Addr, u8),
    /// IPv6 gateway, on the same net.
    pub gateway_v6: Ipv6Addr,
    /// Largest IP packet of the device.
    pub mtu: u32,
}

impl Default for InnerConfig {
    fn default() -> Self {
        Self {
            address_v4: (Ipv4Addr::new(198, 51, 100, 23), 24),
            gateway_v4: Ipv4Addr::new(198, 51, 100, 1),
            address_v6: (Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, 0x23), 64),
            gateway_v6: Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, 1),
            mtu: 1500,
        }
    }
}

/// What carries packets between the component and belljar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// TUN devices: one IP packet a read or write, each behind a [`TUN_HEADER`].
    Tun,
    /// Pairs of Ethernet devices, with a packet socket on the far end: one frame a read or write,
    /// each behind a [`TUN_HEADER`] and an [`ETHERNET_HEADER`].
    Pair,
}

/// Descriptors into the component's network namespace.
#[derive(Debug)]
pub struct InnerNet {
    /// The component's only way out.
    pub link: OwnedFd,
    /// What it is.
    pub carrier: Carrier,
    /// Packets on the namespace's own `lo` (cooked: without link header).
    pub loopback: OwnedFd,
    /// For looking sockets up (`sock_diag`).
    pub sock_diag: OwnedFd,
    /// For counters and news of devices: give it to [`LinkWatch::new`].
    pub route: OwnedFd,
    /// Index of the component's device, for [`LinkWatch::new`].
    pub device: u32,
}

/// What belljar's own namespace looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OuterConfig {
    /// Port of the one listener; any will do, nothing else listens there.
    pub port: u16,
    /// Largest IP packet of the device; as in [`InnerConfig::mtu`].
    pub mtu: u32,
}

impl Default for OuterConfig {
    fn default() -> Self {
        Self { port: 9, mtu: 1500 }
    }
}

/// Descriptors into belljar's own network namespace.
#[derive(Debug)]
pub struct OuterNet {
    /// Packets put here are received by that namespace's kernel, whatever their address.
    pub link: OwnedFd,
    /// What it is.
    pub carrier: Carrier,
    /// Accepts every TCP connection to any address and port; the local address of an accepted
    /// socket is the one that the component asked for.
    pub listener: OwnedFd,
}

/// Packets that a device may queue: bursts are held, not dropped (measured: 10,000 loses UDP).
const QUEUE: u32 = 100_000;

/// Sets up the component's network namespace. `node` is `/dev/net/tun`, opened by somebody in this
/// same namespace (see [`open_tun_node`]); without it, it is opened here by path.
///
/// # Errors
/// [`NetError`], one variant a step.
pub fn setup_inner(config: &InnerConfig, node: Option<OwnedFd>) -> Result<InnerNet, NetError> {
    refuse_foreign_namespace()?;
    quiet_settings()?;
    let tun = make_tun(node)?;
    finish_inner(config, tun.index, tun.fd, Carrier::Tun)
}

/// Sets up the component's network namespace with the end of a pair that
/// [`setup_outer_by_pair`] has made.
///
/// # Errors
/// [`NetError`], one variant a step.
pub fn setup_inner_by_pair(config: &InnerConfig, crossing: Crossing) -> Result<InnerNet, NetError> {
    refuse_foreign_namespace()?;
    quiet_settings()?;
    let failed = |source| NetError::MakePair { name: DEVICE.to_owned(), source };
    // The caller's own, also where only one thread has entered it.
    let here = open("/proc/thread-self/ns/net", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(failed)?;
    crossing.route.move_device(crossing.pair.near, &here, DEVICE).map_err(failed)?;
    finish_inner(config, device::index(DEVICE)?, crossing.pair.socket, Carrier::Pair)
}

fn finish_inner(
    config: &InnerConfig,
    eth: u32,
    link: OwnedFd,
    carrier: Carrier,
) -> Result<InnerNet, NetError> {
    let route = Netlink::route()?;
    let lo = device::index("lo")?;
    route.device("lo", lo, links::Setting::Up)?;
    quiet_device(DEVICE)?;
    route.device(DEVICE, eth, links::Setting::Mtu(config.mtu))?;
    route.device(DEVICE, eth, links::Setting::Queue(QUEUE))?;
    route.device(DEVICE, eth, links::Setting::Up)?;
    route.address(DEVICE, eth, config.address_v4.0.into(), config.address_v4.1)?;
    route.address(DEVICE, eth, config.address_v6.0.into(), config.address_v6.1)?;
    let (gateway4, gateway6) = (config.gateway_v4.into(), config.gateway_v6.into());
    route.default_route("default (IPv4)", Family::V4, eth, Some(gateway4), MAIN)?;
    route.default_route("default (IPv6)", Family::V6, eth, Some(gateway6), MAIN)?;
    Ok(InnerNet {
        link,
        carrier,
        loopback: loopback_socket(lo)?,
        sock_diag: netlink::sock_diag()?,
        route: netlink::link_news()?,
        device: eth,
    })
}

/// Sets up belljar's own namespace: its kernel's TCP answers for every address and port. `node` as
/// for [`setup_inner`].
///
/// # Errors
/// [`NetError`], one variant a step.
pub fn setup_outer(config: &OuterConfig, node: Option<OwnedFd>) -> Result<OuterNet, NetError> {
    prepare_outer()?;
    let tun = make_tun(node)?;
    finish_outer(config, tun.index, tun.fd, Carrier::Tun)
}

/// The end of a pair that is still to be moved into the component's namespace.
#[derive(Debug)]
pub struct Crossing {
    pair: veth::Pair,
    /// Bound to belljar's own namespace, where the pair is.
    route: Netlink,
}

/// As [`setup_outer`], by pairs of Ethernet devices: one to this namespace's kernel, one to the
/// component, which [`setup_inner_by_pair`] takes.
///
/// # Errors
/// [`NetError`], one variant a step.
pub fn setup_outer_by_pair(config: &OuterConfig) -> Result<(OuterNet, Crossing), NetError> {
    prepare_outer()?;
    let route = Netlink::route()?;
    let own = veth::pair(&route, DEVICE, "wire1", config.mtu)?;
    let outer = finish_outer(config, own.near, own.socket, Carrier::Pair)?;
    let pair = veth::pair(&route, "cross", "wire0", config.mtu)?;
    Ok((outer, Crossing { pair, route }))
}

fn prepare_outer() -> Result<(), NetError> {
    refuse_foreign_namespace()?;
    quiet_settings()?;
    for which in ["all", "default"] {
        setting(&format!("ipv4/conf/{which}/rp_filter"), "0")?;
        setting(&format!("ipv4/conf/{which}/accept_local"), "1")?;
    }
    setting("ipv4/ip_nonlocal_bind", "1")?;
    setting("ipv6/ip_nonlocal_bind", "1")
}

fn finish_outer(
    config: &OuterConfig,
    eth: u32,
    link: OwnedFd,
    carrier: Carrier,
) -> Result<OuterNet, NetError> {
    let route = Netlink::route()?;
    let lo = device::index("lo")?;
    route.device("lo", lo, links::Setting::Up)?;
    quiet_device(DEVICE)?;
    route.device(DEVICE, eth, links::Setting::Mtu(config.mtu))?;
    route.device(DEVICE, eth, links::Setting::Queue(QUEUE))?;
    route.device(DEVICE, eth, links::Setting::Up)?;
    // IPv4: what this namespace sends itself (iif lo) goes to the device; everything else is
    // local. The everything-is-local route must be in the table `local`, else the kernel answers
    // some packets from no address at all.
    route.default_route("default (IPv4, sent here)", Family::V4, eth, None, SENT)?;
    route.rule("from here: table of the device", Family::V4, 1, Some("lo"), SENT)?;
    route.rule("all else: local", Family::V4, 2, None, LOCAL)?;
    route.forget_local_rule_v4()?;
    route.all_local("all of IPv4 is local", lo, Family::V4, LOCAL)?;
    // IPv6: what comes in by the device is local.
    route.default_route("default (IPv6)", Family::V6, eth, None, MAIN)?;
    route.rule("from the device: local", Family::V6, 1, Some(DEVICE), ARRIVED)?;
    route.all_local("all of IPv6 is local", lo, Family::V6, ARRIVED)?;
    tproxy::send_all_tcp_to(config.port)?;
    Ok(OuterNet { link, carrier, listener: transparent_listener(config.port)? })
}

/// Routing tables of the outer namespace.
const SENT: u8 = 101;
const ARRIVED: u8 = 100;
const LOCAL: u8 = 255;
/// The kernel's main table, in both namespaces.
const MAIN: u8 = 254;

fn make_tun(node: Option<OwnedFd>) -> Result<TunDevice, NetError> {
    let node = match node {
        Some(node) => node,
        None => open_tun_node()?,
    };
    open_tun(DEVICE, node)
}

/// The host's namespace always has more than `lo`; a new one has `lo`, and tunnel devices that
/// some kernels put into every namespace.
fn refuse_foreign_namespace() -> Result<(), NetError> {
    let devices = nix::net::if_::if_nameindex().map_err(NetError::ListDevices)?;
    for device in &devices {
        let name = device.name().to_string_lossy();
        let own = name == "lo" || FALLBACK_DEVICES.contains(&&*name);
        if !own {
            return Err(NetError::NotEmpty { name: name.into_owned() });
        }
    }
    Ok(())
}

/// Devices that kernels with tunnel drivers make in every new namespace (`fb_tunnels_only_for_init_net`).
const FALLBACK_DEVICES: [&str; 10] = [
    "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0",
    "teql0",
];

/// Writes a setting under `/proc/sys/net`, which always means the caller's namespace.
fn setting(name: &str, value: &str) -> Result<(), NetError> {
    let path = format!("/proc/sys/net/{name}");
    std::fs::write(&path, value).map_err(|source| NetError::Setting { path, source })
}

/// No packets that nobody sent: no router solicitations, no duplicate-address probes.
fn quiet_settings() -> Result<(), NetError> {
    for which in ["all", "default"] {
        quiet_device(which)?;
    }
    Ok(())
}

fn quiet_device(name: &str) -> Result<(), NetError> {
    for (key, value) in [
        ("disable_ipv6", "0"),
        ("accept_ra", "0"),
        ("autoconf", "0"),
        ("router_solicitations", "0"),
        ("accept_dad", "0"),
        ("dad_transmits", "0"),
    ] {
        setting(&format!("ipv6/conf/{name}/{key}"), value)?;
    }
    Ok(())
}
