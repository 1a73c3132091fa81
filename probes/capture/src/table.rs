//! Conversations of a capture, from its frames.

use crate::frame::{self, Framed};
use crate::keys::KeyLog;
use crate::stream::{Side, Taken};
use crate::tls::{self, Opened};
use crate::{Capture, Conversation, Options, Payload};
use belljar_packet::{self as packet, Packet, Segment, TCP, UDP};
use belljar_record::{Direction, Endpoint, Layer, Transport};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// IP packets in pieces that wait for the rest.
const PIECES: usize = 4096;

type Ends = (Transport, Endpoint, Endpoint);

/// A cut packet: source, target, protocol, number.
type Cut = (IpAddr, IpAddr, u8, u32);

#[derive(Debug)]
struct Talk {
    transport: Transport,
    /// Who began, and the other.
    ends: [Endpoint; 2],
    sides: [Side; 2],
    /// Datagrams and packets, framed; and what belongs to no stream.
    series: [Vec<u8>; 2],
    rest: [Vec<u8>; 2],
    /// Which of the ends is the machine under test, where that is known.
    machine: Option<usize>,
}

/// All conversations so far.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    options: &'a Options,
    pub(crate) capture: Capture,
    talks: Vec<Talk>,
    by_ends: HashMap<Ends, usize>,
    pieces: HashMap<Cut, BTreeMap<usize, (Vec<u8>, bool)>>,
    kept: u64,
}

impl<'a> Table<'a> {
    pub(crate) fn new(options: &'a Options) -> Self {
        Self {
            options,
            capture: Capture::default(),
            talks: Vec::new(),
            by_ends: HashMap::new(),
            pieces: HashMap::new(),
            kept: 0,
        }
    }

    pub(crate) fn frame(&mut self, frame: &crate::container::Frame<'_>) {
        self.capture.packets += 1;
        let bytes = match frame::unframe(frame.link, frame.bytes) {
            Framed::Ip(bytes) => bytes,
            Framed::Other => {
                self.nowhere(frame.direction, frame.bytes);
                return;
            }
            Framed::Unknown => {
                self.capture.lost(1, "frames of a kind of link that is not known");
                return;
            }
        };
        let Some(found) = packet::parse(bytes) else {
            self.nowhere(frame.direction, bytes);
            return;
        };
        if found.source.is_loopback() && found.target.is_loopback() {
            self.capture.internal += 1;
            return;
        }
        for odd in frame::odd(&found) {
            if !odd.is_empty() {
                self.keep(&found, frame.direction, odd, true);
            }
        }
        match found.fragment {
            None => self.packet(&found, frame.direction),
            Some(fragment) => self.piece(&found, fragment, frame.direction),
        }
    }

    /// Keeps a frame that carries no IP (ARP, …), whole: it can carry something all the same.
    fn nowhere(&mut self, direction: Option<Direction>, bytes: &[u8]) {
        let nowhere = end(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);
        if let Some((place, side)) = self.talk(Transport::Raw, nowhere, nowhere, direction) {
            self.frame_into(place, side, bytes, true);
        }
    }

    /// Puts IP fragments together.
    fn piece(
        &mut self,
        found: &Packet<'_>,
        fragment: packet::Fragment,
        direction: Option<Direction>,
    ) {
        let key = (found.source, found.target, found.protocol, fragment.id);
        if self.pieces.len() >= PIECES && !self.pieces.contains_key(&key) {
            self.loose();
        }
        let pieces = self.pieces.entry(key).or_default();
        pieces.entry(fragment.offset).or_insert((found.payload.to_vec(), fragment.more));
        let mut whole = Vec::new();
        for (&offset, (bytes, more)) in pieces.iter() {
            if offset > whole.len() || whole.len() > 1 << 17 {
                return;
            }
            let skip = (whole.len() - offset).min(bytes.len());
            whole.extend_from_slice(&bytes[skip..]);
            if !more {
                self.pieces.remove(&key);
                self.packet(
                    &Packet { fragment: None, payload: &whole, ..found.clone() },
                    direction,
                );
                return;
            }
        }
    }

    /// Keeps fragments that make no packet.
    fn loose(&mut self) {
        for ((source, target, protocol, _), pieces) in std::mem::take(&mut self.pieces) {
            for (bytes, _) in pieces.values() {
                let found = Packet::bare(source, target, protocol, bytes);
                self.keep(&found, None, bytes, true);
            }
        }
    }

    fn packet(&mut self, found: &Packet<'_>, direction: Option<Direction>) {
        match found.protocol {
            TCP => match packet::segment(found.payload) {
                Some(segment) => self.segment(found, &segment, direction),
                None => self.keep(found, direction, found.payload, true),
            },
            UDP => match frame::datagram(found.payload) {
                Some((source, target, payload)) => {
                    let (from, to) = (end(found.source, source), end(found.target, target));
                    if let Some((place, side)) = self.talk(Transport::Udp, from, to, direction) {
                        self.frame_into(place, side, payload, false);
                    }
                }
                None => self.keep(found, direction, found.payload, true),
            },
            _ => self.keep(found, direction, found.payload, false),
        }
    }

    /// Keeps a payload in the conversation of two addresses.
    fn keep(
        &mut self,
        found: &Packet<'_>,
        direction: Option<Direction>,
        bytes: &[u8],
        remainder: bool,
    ) {
        let transport = Transport::of_protocol(found.protocol);
        let (from, to) = (end(found.source, 0), end(found.target, 0));
        if let Some((place, side)) = self.talk(transport, from, to, direction) {
            self.frame_into(place, side, bytes, remainder);
        }
    }

    fn frame_into(&mut self, place: usize, side: usize, bytes: &[u8], remainder: bool) {
        if !self.room(bytes.len()) {
            return;
        }
        let talk = &mut self.talks[place];
        let into = if remainder { &mut talk.rest[side] } else { &mut talk.series[side] };
        into.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        into.extend_from_slice(bytes);
    }

    fn room(&mut self, len: usize) -> bool {
        self.kept += len as u64;
        if self.kept > self.options.limits.bytes {
            self.capture.lost(len as u64, "bytes beyond what is read of one capture");
            return false;
        }
        true
    }

    fn segment(&mut self, found: &Packet<'_>, segment: &Segment<'_>, direction: Option<Direction>) {
        let from = end(found.source, segment.source);
        let to = end(found.target, segment.target);
        let (syn, ack) = (segment.has(Segment::SYN), segment.has(Segment::ACK));
        if syn
            && !ack
            && let Some(&place) = self.by_ends.get(&key(Transport::Tcp, from, to))
        {
            let talk = &self.talks[place];
            let side = usize::from(talk.ends[0] != from);
            // The same ports again: another connection.
            if !talk.sides[side].begins_with(segment.sequence) {
                self.by_ends.remove(&key(Transport::Tcp, from, to));
            }
        }
        // An answer to a connection whose beginning the capture has not: the other side began it.
        let (first, second) = if syn && ack { (to, from) } else { (from, to) };
        let flipped = direction.map(|direction| match (first == from, direction) {
            (true, direction) => direction,
            (false, Direction::In) => Direction::Out,
            (false, Direction::Out) => Direction::In,
        });
        let Some((place, side)) = self.talk(Transport::Tcp, first, second, flipped) else { return };
        let side = if first == from { side } else { 1 - side };
        if syn {
            self.talks[place].sides[side].begin(segment.sequence.wrapping_add(1));
        }
        if segment.payload.is_empty() || !self.room(segment.payload.len()) {
            return;
        }
        let sequence = segment.sequence.wrapping_add(u32::from(syn));
        if self.talks[place].sides[side].take(sequence, segment.payload) != Taken::Stream {
            self.frame_into(place, side, segment.payload, true);
        }
    }

    /// The conversation of two ends, and which of its sides `from` is.
    fn talk(
        &mut self,
        transport: Transport,
        from: Endpoint,
        to: Endpoint,
        direction: Option<Direction>,
    ) -> Option<(usize, usize)> {
        let key = key(transport, from, to);
        let place = match self.by_ends.get(&key) {
            Some(&place) => place,
            None if self.talks.len() >= self.options.limits.conversations => {
                self.capture.lost(1, "packets of conversations beyond what is read");
                return None;
            }
            None => {
                let place = self.talks.len();
                self.by_ends.insert(key, place);
                self.talks.push(Talk {
                    transport,
                    ends: [from, to],
                    sides: Default::default(),
                    series: Default::default(),
                    rest: Default::default(),
                    machine: None,
                });
                place
            }
        };
        let talk = &mut self.talks[place];
        let side = usize::from(talk.ends[0] != from);
        let machine = &self.options.machine;
        if talk.machine.is_none() {
            talk.machine = match direction {
                _ if machine.contains(&talk.ends[0].address) => Some(0),
                _ if machine.contains(&talk.ends[1].address) => Some(1),
                Some(Direction::Out) => Some(side),
                Some(Direction::In) => Some(1 - side),
                None => None,
            };
        }
        Some((place, side))
    }

    pub(crate) fn finish(mut self, keys: &KeyLog) -> Capture {
        self.loose();
        for talk in std::mem::take(&mut self.talks) {
            one(talk, keys, &mut self.capture);
        }
        self.capture
    }
}

fn end(address: IpAddr, port: u16) -> Endpoint {
    Endpoint { address: address.to_canonical(), port }
}

/// The same for both ways.
fn key(transport: Transport, a: Endpoint, b: Endpoint) -> Ends {
    let order = |end: &Endpoint| (end.address, end.port);
    if order(&a) <= order(&b) { (transport, a, b) } else { (transport, b, a) }
}

/// A conversation that is over.
fn one(mut talk: Talk, keys: &KeyLog, capture: &mut Capture) {
    // The machine under test is the local end; else who began.
    if talk.machine == Some(1) {
        talk.ends.swap(0, 1);
        talk.sides.swap(0, 1);
        talk.series.swap(0, 1);
        talk.rest.swap(0, 1);
    }
    let flipped = talk.machine == Some(1);
    let sure = talk.machine.is_some();
    for side in &mut talk.sides {
        side.finish();
        capture.lost(side.missing, "bytes of streams that are not in the capture");
    }
    let conversation = capture.conversations.len();
    let mut host = None;
    let add = |capture: &mut Capture, layer, side: usize, bytes: Vec<u8>| {
        if !bytes.is_empty() {
            let direction = if side == 0 { Direction::Out } else { Direction::In };
            let bytes = bytes.into();
            capture.payloads.push(Payload { conversation, layer, direction, sure, bytes });
        }
    };
    let [mut out, mut back] = talk.sides;
    let began = if flipped { [&back.bytes, &out.bytes] } else { [&out.bytes, &back.bytes] };
    match tls::open(began[0], began[1], keys) {
        Opened::NotTls => {}
        Opened::Plain { mut client, mut server, name, unread } => {
            host = name;
            capture.decrypted += 1;
            capture.lost(unread, "TLS records that the key log does not open");
            if client.starts_with(b"PRI * HTTP/2.0") {
                capture.lost(1, "conversations in HTTP/2 (its headers are compressed and unread)");
            }
            if flipped {
                std::mem::swap(&mut client, &mut server);
            }
            add(capture, Layer::Plaintext, 0, client);
            add(capture, Layer::Plaintext, 1, server);
        }
        Opened::Closed { name, why } => {
            host = name;
            capture.lost(1, &format!("conversations in TLS that could not be opened: {why}"));
        }
    }
    if talk.transport == Transport::Udp && is_quic(&talk.series) {
        capture.lost(1, "conversations in QUIC, which are not opened");
    }
    let layer = match talk.transport {
        Transport::Udp => Layer::Datagram,
        _ => Layer::Packet,
    };
    for (side, bytes) in [&mut out, &mut back].into_iter().enumerate() {
        add(capture, Layer::Stream, side, std::mem::take(&mut bytes.bytes));
    }
    for (side, bytes) in talk.series.into_iter().enumerate() {
        add(capture, layer, side, bytes);
    }
    for (side, bytes) in talk.rest.into_iter().enumerate() {
        add(capture, Layer::Remainder, side, bytes);
    }
    capture.conversations.push(Conversation {
        transport: Some(talk.transport),
        local: Some(talk.ends[0]),
        remote: Some(talk.ends[1]),
        host,
    });
}

/// Whether a first datagram has QUIC's long header and a version of it (RFC 9000, RFC 9369).
fn is_quic(series: &[Vec<u8>; 2]) -> bool {
    series.iter().any(|framed| {
        framed.get(4).is_some_and(|byte| byte & 0xc0 == 0xc0)
            && matches!(framed.get(5..9), Some([0, 0, 0, 1] | [0x6b, 0x33, 0x43, 0xcf]))
    })
}
