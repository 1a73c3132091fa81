//! One conversation of a guest: opened in the record before anything is sent, closed when it is
//! over, however it ends.

use crate::guest::Doors;
use belljar_record::{
    Actor, Confidence, Dimension, Direction, Endpoint, Event, Extent, Flow, FlowId, Layer, LogFull,
    Protocol, StreamWriter, Transport,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The guest's own address: RFC 5737 and RFC 3849.
pub(crate) const HERE_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 23);
pub(crate) const HERE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x23);
/// First port that is given out.
const FIRST_PORT: u64 = 32_768;
const PORTS: u64 = 28_000;

/// A conversation that is open.
pub(crate) struct Conversation {
    pub(crate) flow: Flow,
    pub(crate) packets_out: u64,
    bytes_out: u64,
    bytes_in: u64,
    doors: Doors,
}

/// The payload store refused; the conversation must end.
#[derive(Debug)]
pub(crate) struct Kept;

impl Conversation {
    /// Opens a conversation in the record.
    pub(crate) fn open(
        doors: &Doors,
        actor: Arc<Actor>,
        transport: Transport,
        remote: Endpoint,
        protocol: Protocol,
    ) -> Result<Self, LogFull> {
        let id = FlowId(doors.flows.fetch_add(1, Ordering::Relaxed));
        let here: IpAddr = match remote.address {
            IpAddr::V4(_) => HERE_V4.into(),
            IpAddr::V6(_) => HERE_V6.into(),
        };
        let port = match transport {
            Transport::Host => 0,
            _ => u16::try_from(FIRST_PORT + id.0 % PORTS).unwrap_or(0),
        };
        let flow = Flow {
            id,
            transport,
            protocol,
            local: Endpoint { address: here, port },
            remote,
            host: doors.internet.name_of(remote.address),
            actor: Actor::clone(&actor),
            source: "wasi".into(),
            confidence: Confidence::Confirmed,
        };
        doors.log.append(Actor::clone(&actor), Event::FlowOpened(flow.clone()))?;
        Ok(Self { flow, packets_out: 0, bytes_out: 0, bytes_in: 0, doors: doors.clone() })
    }

    /// Begins to keep bytes of this conversation.
    pub(crate) fn keep(&self, layer: Layer, direction: Direction, label: &str) -> Keeper {
        Keeper {
            writer: self.doors.payloads.begin(&format!("flow-{}", self.flow.id)).ok(),
            flow: self.flow.id,
            layer,
            direction,
            label: label.to_owned(),
            lost: 0,
            len: 0,
            doors: self.doors.clone(),
        }
    }

    /// Ends the keeping of some bytes, and counts them.
    pub(crate) fn done(&mut self, keeper: Keeper) {
        self.count(keeper.direction, keeper.len);
        drop(keeper);
    }

    pub(crate) fn count(&mut self, direction: Direction, bytes: u64) {
        match direction {
            Direction::Out => self.bytes_out += bytes,
            Direction::In => self.bytes_in += bytes,
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // Should even the reserve be used up, the log counts that itself.
        let _ = self.doors.log.append_own(Event::FlowClosed {
            flow: self.flow.clone(),
            bytes_out: self.bytes_out,
            bytes_in: self.bytes_in,
            packets_out: self.packets_out,
        });
    }
}

/// Bytes of a conversation on their way into the store. They get their name when this is dropped.
pub(crate) struct Keeper {
    writer: Option<StreamWriter>,
    flow: FlowId,
    layer: Layer,
    direction: Direction,
    label: String,
    lost: u64,
    len: u64,
    doors: Doors,
}

impl Keeper {
    /// Keeps bytes, before they are passed on.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Kept> {
        self.put(bytes, StreamWriter::append)
    }

    /// Keeps a datagram.
    pub(crate) fn append_framed(&mut self, bytes: &[u8]) -> Result<(), Kept> {
        self.put(bytes, StreamWriter::append_framed)
    }

    fn put<E>(
        &mut self,
        bytes: &[u8],
        append: fn(&mut StreamWriter, &[u8]) -> Result<(), E>,
    ) -> Result<(), Kept> {
        match self.writer.as_mut().map(|writer| append(writer, bytes)) {
            Some(Ok(())) => {
                self.len += bytes.len() as u64;
                Ok(())
            }
            _ => {
                self.lost += bytes.len() as u64;
                Err(Kept)
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let lost = |count: u64, unit: &str, reason: String| {
            let _ = self.doors.log.append_own(Event::Limited {
                dimension: Dimension::Streams,
                extent: Extent::Lost { count, unit: unit.into(), reason },
            });
        };
        if self.lost > 0 {
            lost(
                self.lost,
                "bytes",
                "payloads beyond their budget; the conversation was closed".into(),
            );
        }
        let Some(writer) = self.writer.take().filter(|writer| !writer.is_empty()) else { return };
        match writer.finish() {
            Ok(payload) => {
                let _ = self.doors.log.append_own(Event::Payload {
                    flow: Some(self.flow),
                    direction: self.direction,
                    layer: self.layer,
                    payload,
                    label: std::mem::take(&mut self.label),
                });
            }
            Err(error) => lost(self.len, "bytes", error.to_string()),
        }
    }
}
