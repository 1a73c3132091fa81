//! Counters of a device, and whether it is still there.
//!
//! Cannot see: what a device counted after it was moved to another namespace or removed. That it
//! went is seen ([`LinkState::Gone`]).

use super::NetError;
use super::message::{find, message, messages, read_u32, read_u64};
use super::netlink::REQUEST;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use std::os::fd::{AsRawFd as _, OwnedFd};

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const ERROR: u16 = 2;
const IFLA_STATS64: u16 = 23;

/// What to change of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    Up,
    WithoutArp,
    Mtu(u32),
    Queue(u32),
}

/// Counters of a device (`struct rtnl_link_stats64`), as far as a wire needs them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Packets to the component.
    pub rx_packets: u64,
    /// Packets from the component that were read from the device.
    pub tx_packets: u64,
    /// Packets to the component that the device refused.
    pub rx_dropped: u64,
    /// Packets from the component that never left the device's queue: evidence lost, not escaped.
    pub tx_dropped: u64,
}

/// Whether a device is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It is, with these counters.
    Here(LinkStats),
    /// It was moved to another namespace or removed.
    Gone,
}

/// Asks about one device over a netlink socket that was opened in the device's namespace; works
/// from any namespace.
#[derive(Debug)]
pub struct LinkWatch {
    fd: OwnedFd,
    device: u32,
    sequence: u32,
    gone: bool,
}

impl LinkWatch {
    /// Watches the device with index `device` by [`super::InnerNet::route`].
    pub fn new(fd: OwnedFd, device: u32) -> Self {
        Self { fd, device, sequence: 0, gone: false }
    }

    /// Reads counters and news. Once gone, a device stays gone, even if its index is used again.
    ///
    /// # Errors
    /// [`NetError::Counters`].
    pub fn look(&mut self) -> Result<LinkState, NetError> {
        self.ask().map_err(NetError::Counters)
    }

    fn ask(&mut self) -> Result<LinkState, Errno> {
        if self.gone {
            return Ok(LinkState::Gone);
        }
        self.sequence = self.sequence.wrapping_add(1);
        let mut body = vec![0; 4];
        body.extend_from_slice(&self.device.to_ne_bytes());
        body.extend_from_slice(&[0; 8]);
        let request = message(RTM_GETLINK, REQUEST, self.sequence, &body);
        send(self.fd.as_raw_fd(), &request, MsgFlags::empty())?;
        let mut buffer = vec![0; 64 * 1024];
        let mut stats = None;
        while stats.is_none() && !self.gone {
            let len = match recv(self.fd.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                // News came faster than they were read. The answer to the question tells the state.
                Err(Errno::ENOBUFS | Errno::EINTR) => continue,
                other => other?,
            };
            for received in messages(&buffer[..len]) {
                let about = read_u32(received.body, 4) == Some(self.device);
                match received.kind {
                    RTM_DELLINK if about => self.gone = true,
                    ERROR if received.sequence == self.sequence => self.gone = true,
                    RTM_NEWLINK if about && received.sequence == self.sequence => {
                        let attributes = received.body.get(16..).unwrap_or_default();
                        stats = Some(read_stats(attributes).ok_or(Errno::EBADMSG)?);
                    }
                    _ => {}
                }
            }
        }
        Ok(match stats {
            Some(stats) if !self.gone => LinkState::Here(stats),
            _ => LinkState::Gone,
        })
    }
}

fn read_stats(attributes: &[u8]) -> Option<LinkStats> {
    let stats = find(attributes, IFLA_STATS64)?;
    Some(LinkStats {
        rx_packets: read_u64(stats, 0)?,
        tx_packets: read_u64(stats, 8)?,
        rx_dropped: read_u64(stats, 48)?,
        tx_dropped: read_u64(stats, 56)?,
    })
}
