//! A second way out of a network namespace, for tests that prove that a jar with one is refused.

use crate::CallError;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd as _;

/// Gives the device an address with a /24 and brings it up, which adds a route through it.
///
/// # Errors
/// What ioctl(2) says.
pub fn open(device: &str, address: Ipv4Addr) -> Result<(), CallError> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    const SET_ADDRESS: libc::c_ulong = 0x8916;
    const SET_MASK: libc::c_ulong = 0x891c;
    const SET_FLAGS: libc::c_ulong = 0x8914;
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
        .map_err(|errno| CallError::from(("socket", errno)))?;
    let mut request = [0_u8; 40];
    let name = device.as_bytes();
    if name.len() >= libc::IFNAMSIZ {
        return Err(("device name", nix::errno::Errno::ENAMETOOLONG).into());
    }
    request[..name.len()].copy_from_slice(name);
    for (number, value) in [
        (SET_ADDRESS, Some(address)),
        (SET_MASK, Some(Ipv4Addr::new(255, 255, 255, 0))),
        (SET_FLAGS, None),
    ] {
        request[16..].fill(0);
        match value {
            Some(value) => {
                request[16..18].copy_from_slice(&2_u16.to_ne_bytes());
                request[20..24].copy_from_slice(&value.octets());
            }
            None => request[16..18].copy_from_slice(&1_u16.to_ne_bytes()),
        }
        // SAFETY: the request is a `struct ifreq` (40 bytes) of ours, read by the kernel.
        let done = unsafe { libc::ioctl(socket.as_raw_fd(), number as _, request.as_mut_ptr()) };
        if done != 0 {
            return Err(CallError::last(format!("ioctl {number:#x} on {device}")));
        }
    }
    Ok(())
}
