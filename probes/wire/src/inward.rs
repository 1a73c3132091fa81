//! From the answering kernel to the component: read, capture, and only then pass on.

use crate::capture::Interface;
use crate::ends;
use crate::flows::Key;
use crate::link::{LONGEST_FRAME, Offload};
use crate::responders::Responders;
use crate::wire::{Shared, WAIT};
use belljar_packet::{self as packet, ICMP, ICMP6, TCP};
use belljar_record::{Direction, Transport};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Passes answers on until told to stop.
pub(crate) fn run<R: Responders>(shared: &Shared<R>) {
    let mut buffer = vec![0; LONGEST_FRAME];
    while !shared.stopped.load(Ordering::Acquire) {
        match shared.outer.receive(&mut buffer, WAIT) {
            Ok(Some((offload, len))) => {
                shared.moved.fetch_add(1, Ordering::Relaxed);
                pass(shared, offload, &buffer[..len]);
            }
            Ok(None) => {}
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn pass<R: Responders>(shared: &Shared<R>, offload: Offload, bytes: &[u8]) {
    let Some(packet) = packet::parse(bytes) else { return };
    match packet.protocol {
        TCP => {
            if let (None, Some(segment)) = (packet.fragment, packet::segment(packet.payload)) {
                let key = Key {
                    transport: Transport::Tcp,
                    local: ends::end(packet.target, segment.target),
                    remote: ends::end(packet.source, segment.source),
                    kernel: false,
                };
                shared.flows.answer(key, &segment);
            }
        }
        ICMP | ICMP6 if ends::kernel_made(packet.protocol, packet.payload) => {}
        // belljar's own kernel talks to its neighbours: no business of the component.
        _ => return,
    }
    shared.answer(offload, bytes);
}

impl<R: Responders> Shared<R> {
    /// Puts a packet made by the wire on the component's device, captured first.
    pub(crate) fn reply(&self, bytes: &[u8]) {
        self.answer(Offload::NONE, bytes);
    }

    fn answer(&self, offload: Offload, bytes: &[u8]) {
        if self.capture.packet(Interface::Wire, Some(Direction::In), bytes).is_err() {
            self.losses.capture.add(1);
        } else if self.inner.send(offload, bytes).is_err() {
            self.losses.refused_in.add(1);
        }
    }
}
