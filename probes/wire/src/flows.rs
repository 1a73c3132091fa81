//! Conversations: which packet belongs to which, who is behind it, how much went each way.
//!
//! Promises: a conversation stands in the record, with its actor, before its first packet is
//! passed on; at most [`FlowTable::limit`] are followed at a time, closed and portless ones make
//! room, and a packet that finds none is refused and counted.

use crate::track::{Place, Track};
use belljar_packet::Segment;
use belljar_record::{
    Actor, AttributeFlow, Attribution, ByteString, Confidence, Endpoint, Event, Flow, FlowId, Log,
    Protocol, Transport,
};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What tells one conversation from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) transport: Transport,
    pub(crate) local: Endpoint,
    pub(crate) remote: Endpoint,
    /// Of a kind that kernels make of themselves.
    pub(crate) kernel: bool,
}

#[derive(Debug)]
struct Entry {
    flow: Flow,
    key: Key,
    bytes_out: u64,
    bytes_in: u64,
    packets_out: u64,
    track: Option<Track>,
    accepted: bool,
    closed: bool,
    /// Counts changed since the last line about it.
    untold: bool,
}

impl Entry {
    /// Bytes for the stream of a connection that was never accepted.
    fn unread(&self) -> u64 {
        match &self.track {
            Some(track) if !self.accepted => track.expected,
            _ => 0,
        }
    }
}

/// Why a packet has no conversation; it must not be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoFlow {
    /// Too many at a time.
    Full,
    /// The record cannot take its first line.
    Record,
}

/// All conversations.
#[derive(Debug)]
pub(crate) struct FlowTable {
    log: Log,
    who: Arc<dyn AttributeFlow>,
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    by_key: HashMap<Key, FlowId>,
    entries: HashMap<FlowId, Entry>,
    order: VecDeque<FlowId>,
    next: u64,
    unread: u64,
}

/// How far the search for a conversation that can make room goes.
const SEARCH: usize = 64;

impl FlowTable {
    pub(crate) fn new(log: Log, who: Arc<dyn AttributeFlow>, limit: usize) -> Self {
        Self { log, who, limit, state: Mutex::default() }
    }

    /// Counts a packet of a conversation without connection; opens it if it is new. Returns
    /// conversations that made room for it too: their payloads are to be finished.
    pub(crate) fn packet(
        &self,
        key: Key,
        bytes: usize,
        name: impl Fn(IpAddr) -> Option<ByteString>,
    ) -> (Result<FlowId, NoFlow>, Option<FlowId>) {
        let mut state = self.lock();
        let mut room = None;
        let flow = match state.by_key.get(&key) {
            Some(&flow) => flow,
            None => match self.open(&mut state, key, None, &mut room, name) {
                Ok(flow) => flow,
                Err(none) => return (Err(none), room),
            },
        };
        if let Some(entry) = state.entries.get_mut(&flow) {
            entry.bytes_out += bytes as u64;
            entry.packets_out += 1;
            entry.untold = true;
        }
        (Ok(flow), room)
    }

    /// Takes a TCP segment from the component; opens a connection with the first.
    pub(crate) fn segment(
        &self,
        key: Key,
        segment: &Segment<'_>,
        own_checksum: bool,
        name: impl Fn(IpAddr) -> Option<ByteString>,
    ) -> (Result<(FlowId, Place), NoFlow>, Option<FlowId>) {
        let mut state = self.lock();
        let mut room = None;
        let known = state.by_key.get(&key).copied().filter(|flow| {
            state.entries.get_mut(flow).is_some_and(|entry| !begins_anew(entry, segment))
        });
        let flow = match known {
            Some(flow) => flow,
            None => match self.open(&mut state, key, Some(Track::new(segment)), &mut room, name) {
                Ok(flow) => flow,
                Err(none) => return (Err(none), room),
            },
        };
        let mut place = Place::Stream;
        if let Some(entry) = state.entries.get_mut(&flow) {
            entry.packets_out += 1;
            entry.untold = true;
            entry.bytes_out += segment.payload.len() as u64;
            if let Some(track) = &mut entry.track {
                place = track.take(segment, own_checksum);
            }
        }
        (Ok((flow, place)), room)
    }

    /// Takes a TCP segment to the component, before it is passed on.
    pub(crate) fn answer(&self, key: Key, segment: &Segment<'_>) {
        let mut state = self.lock();
        let Some(&flow) = state.by_key.get(&key) else { return };
        let Some(entry) = state.entries.get_mut(&flow) else { return };
        entry.bytes_in += segment.payload.len() as u64;
        entry.untold = true;
        if let Some(track) = &mut entry.track {
            track.answered |= segment.has(Segment::SYN) && segment.has(Segment::ACK);
            track.over |= segment.has(Segment::RST);
        }
    }

    /// Counts bytes to the component.
    pub(crate) fn replied(
        &self,
        flow: FlowId,
        bytes: usize,
        protocol: Protocol,
        host: Option<ByteString>,
    ) {
        if let Some(entry) = self.lock().entries.get_mut(&flow) {
            entry.bytes_in += bytes as u64;
            entry.flow.protocol = protocol;
            entry.flow.host = host.or_else(|| entry.flow.host.take());
            entry.untold = true;
        }
    }

    /// The connection that the listener accepted; each is accepted once.
    pub(crate) fn accept(&self, key: Key) -> Option<FlowId> {
        let mut state = self.lock();
        let flow = *state.by_key.get(&key)?;
        let entry = state.entries.get_mut(&flow)?;
        (!std::mem::replace(&mut entry.accepted, true)).then_some(flow)
    }

    /// From now on nothing of the connection is read any more: what still comes is a remainder.
    pub(crate) fn stop_reading(&self, flow: FlowId) {
        if let Some(track) =
            self.lock().entries.get_mut(&flow).and_then(|entry| entry.track.as_mut())
        {
            track.over = true;
        }
    }

    /// Bytes that the stream of a connection must have.
    pub(crate) fn expected(&self, flow: FlowId) -> u64 {
        let state = self.lock();
        state
            .entries
            .get(&flow)
            .and_then(|entry| entry.track.as_ref())
            .map_or(0, |track| track.expected)
    }

    /// Tells the end of a conversation.
    pub(crate) fn close(&self, flow: FlowId, protocol: Protocol, host: Option<ByteString>) {
        let mut state = self.lock();
        if let Some(entry) = state.entries.get_mut(&flow) {
            entry.flow.protocol = protocol;
            entry.flow.host = host.or_else(|| entry.flow.host.take());
            entry.closed = true;
            self.tell(entry);
        }
    }

    /// Tells the end of all conversations; returns how many there were in all, and how many bytes
    /// of connections that nobody accepted reached no responder.
    pub(crate) fn finish(&self) -> (u64, u64) {
        let mut state = self.lock();
        let mut entries: Vec<_> = state.entries.drain().collect();
        entries.sort_by_key(|(flow, _)| *flow);
        for (_, mut entry) in entries {
            state.unread += entry.unread();
            if entry.untold || !entry.closed {
                self.tell(&mut entry);
            }
        }
        (state.next, state.unread)
    }

    fn tell(&self, entry: &mut Entry) {
        entry.untold = false;
        let event = Event::FlowClosed {
            flow: entry.flow.clone(),
            bytes_out: entry.bytes_out,
            bytes_in: entry.bytes_in,
            packets_out: entry.packets_out,
        };
        if self.log.append(Actor::Belljar, event.clone()).is_err() {
            // From the reserve; should that be used up too, the log counts the refusal.
            let _ = self.log.append_own(event);
        }
    }

    fn open(
        &self,
        state: &mut State,
        key: Key,
        track: Option<Track>,
        room: &mut Option<FlowId>,
        name: impl Fn(IpAddr) -> Option<ByteString>,
    ) -> Result<FlowId, NoFlow> {
        if state.entries.len() >= self.limit {
            let gone = self.make_room(state).ok_or(NoFlow::Full)?;
            *room = Some(gone);
        }
        let id = FlowId(state.next);
        let Attribution { actor, source, confidence } = if key.kernel {
            Attribution {
                actor: Actor::Kernel,
                source: "kind of packet".into(),
                confidence: Confidence::Inferred,
            }
        } else {
            self.who.attribute(key.transport, key.local, key.remote)
        };
        let flow = Flow {
            id,
            transport: key.transport,
            protocol: Protocol::Unknown,
            local: key.local,
            remote: key.remote,
            host: name(key.remote.address),
            actor: actor.clone(),
            source,
            confidence,
        };
        self.log.append(actor, Event::FlowOpened(flow.clone())).map_err(|_| NoFlow::Record)?;
        state.next += 1;
        state.by_key.insert(key, id);
        state.order.push_back(id);
        state.entries.insert(
            id,
            Entry {
                flow,
                key,
                bytes_out: 0,
                bytes_in: 0,
                packets_out: 0,
                track,
                accepted: false,
                closed: false,
                untold: true,
            },
        );
        Ok(id)
    }

    /// Forgets the oldest conversation that is closed or was never a connection.
    fn make_room(&self, state: &mut State) -> Option<FlowId> {
        for _ in 0..SEARCH {
            let flow = state.order.pop_front()?;
            let Some(entry) = state.entries.get(&flow) else { continue };
            let busy = entry.accepted && !entry.closed;
            if busy {
                state.order.push_back(flow);
                continue;
            }
            if let Some(mut entry) = state.entries.remove(&flow) {
                state.unread += entry.unread();
                if state.by_key.get(&entry.key) == Some(&flow) {
                    state.by_key.remove(&entry.key);
                }
                if entry.untold || !entry.closed {
                    self.tell(&mut entry);
                }
            }
            return Some(flow);
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a segment begins another connection between the same endpoints. A first attempt that
/// nobody answered begins again within the same conversation.
fn begins_anew(entry: &mut Entry, segment: &Segment<'_>) -> bool {
    let begins = segment.has(Segment::SYN) && !segment.has(Segment::ACK);
    let Some(track) = &mut entry.track else { return false };
    if !begins || track.begins_with(segment) {
        return false;
    }
    if entry.closed || track.over || track.ended() {
        return true;
    }
    if !track.answered {
        *track = Track::new(segment);
    }
    false
}
