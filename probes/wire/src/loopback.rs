//! What the component says to itself on `lo`: captured apart, never egress.

use crate::capture::Interface;
use crate::link::{LONGEST_FRAME, read_within};
use crate::responders::Responders;
use crate::wire::{Shared, WAIT};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Packets read after the stop.
const MOST_LATE: u32 = 100_000;

/// Captures until told to stop, then counts what the socket dropped.
pub(crate) fn run<R: Responders>(shared: &Shared<R>, socket: &File, drops: &OwnedFd) {
    let mut buffer = vec![0; LONGEST_FRAME];
    let mut late = 0;
    // What was queued at the stop is read, but a component that still talks is not waited for.
    while late < MOST_LATE {
        let stopped = shared.stopped.load(Ordering::Acquire);
        let wait = if stopped { Duration::ZERO } else { WAIT };
        match read_within(socket, &mut [], &mut buffer, wait) {
            Ok(Some(len)) => {
                late += u32::from(stopped);
                shared.loopback_packets.fetch_add(1, Ordering::Relaxed);
                shared.loopback_bytes.fetch_add(len as u64, Ordering::Relaxed);
                if shared.capture.packet(Interface::Loopback, None, &buffer[..len]).is_err() {
                    shared.losses.loopback.add(1);
                }
            }
            Ok(None) if stopped => break,
            Ok(None) => {}
            // The device went down for a moment.
            Err(_) if stopped => break,
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    match belljar_sys::net::socket_drops(drops) {
        Ok(dropped) => shared.losses.loopback.add(dropped),
        Err(_) => shared.losses.counters.add(1),
    }
}
