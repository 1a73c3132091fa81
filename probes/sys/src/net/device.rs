//! TUN devices: IP packets as reads and writes.
//!
//! A device belongs to the network namespace in which `/dev/net/tun` was *opened* (the kernel keeps
//! the opener's), not to the one in which it is named. [`open_tun`] checks that both are the same.

use super::NetError;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::os::fd::{AsRawFd as _, OwnedFd};

/// Length of the header before each packet (`struct virtio_net_hdr`: checksum and segmentation
/// left to the receiver).
pub const TUN_HEADER: usize = 10;

/// An open TUN device.
#[derive(Debug)]
pub struct TunDevice {
    /// Reads and writes one packet at a time, each behind a [`TUN_HEADER`].
    pub fd: OwnedFd,
    /// Its index in the namespace.
    pub index: u32,
    /// Whether the kernel hands over TCP in units of up to 64 KiB.
    pub segmentation: bool,
}

/// Opens `/dev/net/tun`. The device made from it will be in the caller's network namespace.
///
/// # Errors
/// [`NetError::OpenTun`].
pub fn open_tun_node() -> Result<OwnedFd, NetError> {
    nix::fcntl::open(
        "/dev/net/tun",
        OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK,
        Mode::empty(),
    )
    .map_err(NetError::OpenTun)
}

/// Makes the TUN device `name` of an open `/dev/net/tun`. UDP segmentation stays with the sending
/// kernel, so that each datagram is seen as it was sent.
///
/// # Errors
/// [`NetError::MakeTun`], [`NetError::TunElsewhere`].
pub fn open_tun(name: &str, node: OwnedFd) -> Result<TunDevice, NetError> {
    let failed = |source| NetError::MakeTun { name: name.to_owned(), source };
    if name.len() >= libc::IFNAMSIZ {
        return Err(failed(Errno::ENAMETOOLONG));
    }
    // `struct ifreq`: 16 bytes of name, then flags, in 40 bytes.
    let mut request = [0u8; 40];
    request[..name.len()].copy_from_slice(name.as_bytes());
    let flags = libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    let flags = u16::try_from(flags).expect("flags of TUN have 16 bits");
    request[16..18].copy_from_slice(&flags.to_ne_bytes());
    // SAFETY: the descriptor is open, and `request` has the size and layout of `struct ifreq`,
    // which the kernel reads and writes within this call.
    let made = unsafe { libc::ioctl(node.as_raw_fd(), libc::TUNSETIFF, request.as_mut_ptr()) };
    Errno::result(made).map_err(failed)?;
    let segmentation = offload(&node, libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6);
    if !segmentation && !offload(&node, libc::TUN_F_CSUM) {
        // Nothing is left to the receiver then: slower, and as right.
        let _ = offload(&node, 0);
    }
    let index = index(name).map_err(|_| NetError::TunElsewhere { name: name.to_owned() })?;
    Ok(TunDevice { fd: node, index, segmentation })
}

fn offload(device: &OwnedFd, features: libc::c_uint) -> bool {
    let features = libc::c_ulong::from(features);
    // SAFETY: the descriptor is open; TUNSETOFFLOAD takes its argument by value.
    let set = unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETOFFLOAD, features) };
    set == 0
}

/// Index of a device in the caller's namespace.
pub(super) fn index(name: &str) -> Result<u32, NetError> {
    nix::net::if_::if_nametoindex(name).map_err(NetError::ListDevices)
}
