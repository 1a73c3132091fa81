//! From the component outwards: read, capture, keep, and only then pass on or answer.

use crate::answer;
use crate::capture::Interface;
use crate::ends;
use crate::flows::{Key, NoFlow};
use crate::fragments::{Fragments, Joined, Loose, Whole};
use crate::keeper::Series;
use crate::link::{LONGEST_FRAME, Offload};
use crate::queue::{Frame, Queue};
use crate::responders::Responders;
use crate::track::Place;
use crate::wire::{Shared, WAIT};
use belljar_packet::{self as packet, Packet, TCP, UDP};
use belljar_record::{Direction, FlowId, Layer, Transport};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long a device that was told to stop may still give packets.
const LATE: Duration = Duration::from_secs(10);

/// Reads the component's device into the queue until told to stop, and then what is still queued
/// in the device: those packets were sent.
pub(crate) fn read<R: Responders>(shared: &Shared<R>, queue: &Queue) {
    let mut buffer = vec![0; LONGEST_FRAME];
    let mut failing = false;
    let mut deadline = None;
    loop {
        let stopped = shared.stopped.load(Ordering::Acquire);
        if stopped && *deadline.get_or_insert_with(|| Instant::now() + LATE) < Instant::now() {
            // Somebody is still sending: what is left in the device cannot be counted.
            shared.losses.unread.set(1);
            break;
        }
        let wait = if stopped { Duration::ZERO } else { WAIT };
        match shared.inner.receive(&mut buffer, wait) {
            Ok(Some((offload, len))) => {
                failing = false;
                shared.moved.fetch_add(1, Ordering::Relaxed);
                queue.push(Frame { offload, packet: buffer[..len].to_vec() });
            }
            Ok(None) if stopped => break,
            Ok(None) => failing = false,
            Err(_) => {
                // A removed device fails for ever: one loss, not one a turn.
                if !failing {
                    shared.losses.reads.add(1);
                }
                failing = true;
                if stopped {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
    queue.close();
}

/// Handles queued frames until the queue is closed and empty.
pub(crate) fn handle<R: Responders>(shared: &Shared<R>, queue: &Queue) {
    let mut outward = Outward { shared, fragments: Fragments::default() };
    let mut frames = VecDeque::new();
    while queue.take(&mut frames) {
        for frame in frames.drain(..) {
            outward.frame(frame.offload, &frame.packet);
        }
    }
    for loose in outward.fragments.finish() {
        outward.loose(loose);
    }
}

/// The record refused: the packet must not be passed on. It was counted.
struct Refused;

struct Outward<'a, R> {
    shared: &'a Shared<R>,
    fragments: Fragments,
}

impl<R: Responders> Outward<'_, R> {
    fn frame(&mut self, offload: Offload, bytes: &[u8]) {
        let shared = self.shared;
        shared.packets.fetch_add(1, Ordering::Relaxed);
        shared.moved.fetch_add(1, Ordering::Relaxed);
        shared.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if shared.capture.packet(Interface::Wire, Some(Direction::Out), bytes).is_err() {
            shared.losses.capture.add(1);
            return;
        }
        let Some(packet) = packet::parse(bytes) else {
            let nowhere = ends::end(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
            let key =
                Key { transport: Transport::Raw, local: nowhere, remote: nowhere, kernel: false };
            let _ = self.keep_as(key, Layer::Remainder, "no IP packet", bytes);
            return;
        };
        if self.odd_parts(&packet).is_err() {
            return;
        }
        if let Some(fragment) = packet.fragment {
            let whole = Whole {
                source: packet.source,
                target: packet.target,
                protocol: packet.protocol,
                id: fragment.id,
            };
            let joined = self.fragments.add(whole, fragment, packet.payload);
            // The answering kernel puts TCP together itself; its bytes are kept here as a remainder.
            if packet.protocol == TCP {
                self.pass_on(offload, bytes);
            }
            match joined {
                Joined::Waiting(given_up) => {
                    given_up.into_iter().for_each(|loose| self.loose(loose))
                }
                Joined::Loose(loose) => self.loose(loose),
                Joined::Whole(payload) => {
                    let (protocol, _, skip) = packet::extensions(packet.protocol, &payload);
                    let whole =
                        Packet { protocol, fragment: None, payload: &payload[skip..], ..packet };
                    if protocol == TCP {
                        let _ = self.keep_packet(&whole, Layer::Remainder, "data in IP fragments");
                    } else {
                        self.datagram_or_other(&whole);
                    }
                }
            }
            return;
        }
        if packet.protocol == TCP {
            if self.segment(&packet, offload).is_ok() {
                self.pass_on(offload, bytes);
            }
        } else {
            self.datagram_or_other(&packet);
        }
    }

    /// Options, extension headers, bytes past the end: places where nobody looks.
    fn odd_parts(&self, packet: &Packet<'_>) -> Result<(), Refused> {
        if !packet.trailing.is_empty() {
            let whole = Packet { payload: packet.trailing, ..packet.clone() };
            self.keep_packet(&whole, Layer::Remainder, "bytes after the IP packet")?;
        }
        let header = if packet.fragment.is_some() && packet.source.is_ipv6() { 8 } else { 0 };
        if packet.options.len() > header {
            let whole = Packet { payload: packet.options, ..packet.clone() };
            self.keep_packet(&whole, Layer::Remainder, "IP options")?;
        }
        Ok(())
    }

    fn segment(&self, packet: &Packet<'_>, offload: Offload) -> Result<(), Refused> {
        let Some(segment) = packet::segment(packet.payload) else {
            return self.keep_packet(packet, Layer::Remainder, "no TCP segment").map(drop);
        };
        let key = Key {
            transport: Transport::Tcp,
            local: ends::end(packet.source, segment.source),
            remote: ends::end(packet.target, segment.target),
            kernel: false,
        };
        let own_checksum = !offload.leaves_checksum();
        let shared = self.shared;
        let (found, room) = shared
            .flows
            .segment(key, &segment, own_checksum, |address| shared.responders.name_of(address));
        self.finish_evicted(room);
        let (flow, place) = found.map_err(|none| self.no_flow(none))?;
        shared.headers.see(flow, &key, packet.hops);
        match place {
            Place::Stream => Ok(()),
            Place::Remainder(why) => self.keep(flow, Layer::Remainder, why, segment.payload),
        }
    }

    fn datagram_or_other(&self, packet: &Packet<'_>) {
        if packet.protocol == UDP {
            match packet::datagram(packet.payload) {
                Some(datagram) => {
                    let _ = self.datagram(packet, datagram);
                }
                None => {
                    let _ = self.keep_packet(packet, Layer::Remainder, "no UDP datagram");
                }
            }
            return;
        }
        if self.keep_packet(packet, Layer::Packet, "").is_ok()
            && ends::can_answer(packet.target)
            && let Some(reply) = answer::echo(packet)
        {
            self.shared.reply(&reply);
        }
    }

    fn datagram(&self, packet: &Packet<'_>, datagram: packet::Datagram<'_>) -> Result<(), Refused> {
        let shared = self.shared;
        let local = ends::end(packet.source, datagram.source);
        let remote = ends::end(packet.target, datagram.target);
        let key = Key { transport: Transport::Udp, local, remote, kernel: false };
        let flow = self.keep_as(key, Layer::Datagram, "", datagram.payload)?;
        shared.headers.see(flow, &key, packet.hops);
        if !datagram.trailing.is_empty() {
            self.keep(flow, Layer::Remainder, "bytes after the UDP datagram", datagram.trailing)?;
        }
        let (replies, known) = shared.responders.serve_datagram(flow, remote, datagram.payload);
        shared.flows.replied(flow, 0, known.protocol, known.host);
        if !ends::can_answer(packet.target) {
            return Ok(());
        }
        for reply in replies {
            let Some(bytes) = answer::datagram(remote, local, &reply) else {
                shared.losses.refused_in.add(1);
                continue;
            };
            let series =
                Series { flow, direction: Direction::In, layer: Layer::Datagram, label: "" };
            if shared.keeper.keep(series, &reply).is_err() {
                shared.losses.record.add(1);
                return Err(Refused);
            }
            shared.flows.replied(flow, reply.len(), known.protocol, None);
            shared.reply(&bytes);
        }
        Ok(())
    }

    fn loose(&self, loose: Loose) {
        let Whole { source, target, protocol, .. } = loose.whole;
        for piece in &loose.pieces {
            let packet = Packet::bare(source, target, protocol, piece);
            let _ = self.keep_packet(&packet, Layer::Remainder, "IP fragments that make no packet");
        }
    }

    /// Keeps a packet's payload in the conversation of its two addresses.
    fn keep_packet(
        &self,
        packet: &Packet<'_>,
        layer: Layer,
        label: &'static str,
    ) -> Result<FlowId, Refused> {
        let key = Key {
            transport: Transport::of_protocol(packet.protocol),
            local: ends::end(packet.source, 0),
            remote: ends::end(packet.target, 0),
            kernel: ends::kernel_made(packet.protocol, packet.payload),
        };
        let flow = self.keep_as(key, layer, label, packet.payload)?;
        if layer == Layer::Packet {
            self.shared.headers.see(flow, &key, packet.hops);
        }
        Ok(flow)
    }

    fn keep_as(
        &self,
        key: Key,
        layer: Layer,
        label: &'static str,
        bytes: &[u8],
    ) -> Result<FlowId, Refused> {
        let shared = self.shared;
        let (found, room) =
            shared.flows.packet(key, bytes.len(), |address| shared.responders.name_of(address));
        self.finish_evicted(room);
        let flow = found.map_err(|none| self.no_flow(none))?;
        self.keep(flow, layer, label, bytes)?;
        Ok(flow)
    }

    fn keep(
        &self,
        flow: FlowId,
        layer: Layer,
        label: &'static str,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        let series = Series { flow, direction: Direction::Out, layer, label };
        self.shared.keeper.keep(series, bytes).map_err(|_| {
            self.shared.losses.record.add(1);
            Refused
        })
    }

    fn no_flow(&self, none: NoFlow) -> Refused {
        match none {
            NoFlow::Full => self.shared.losses.flows.add(1),
            NoFlow::Record => self.shared.losses.record.add(1),
        }
        Refused
    }

    fn finish_evicted(&self, room: Option<FlowId>) {
        if let Some(flow) = room {
            self.shared.keeper.finish_flow(flow);
        }
    }

    fn pass_on(&self, offload: Offload, bytes: &[u8]) {
        if self.shared.outer.send(offload, bytes).is_err() {
            self.shared.losses.refused_out.add(1);
        }
    }
}
