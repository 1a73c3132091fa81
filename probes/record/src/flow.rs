//! Conversations on the wire.

use crate::{Actor, ByteString, Confidence, FlowId};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// An address and, for TCP and UDP, a port (0 elsewhere).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    /// IPv4 or IPv6 address.
    pub address: IpAddr,
    /// Port, or 0 for protocols without ports.
    pub port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.address, self.port) {
            (address, 0) => write!(f, "{address}"),
            (IpAddr::V4(address), port) => write!(f, "{address}:{port}"),
            (IpAddr::V6(address), port) => write!(f, "[{address}]:{port}"),
        }
    }
}

/// What carries the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP or ICMPv6.
    Icmp,
    /// Another IP protocol, by its IANA number.
    Ip(u8),
    /// Not an IP packet at all (raw bytes put on the device).
    Raw,
    /// An exchange that a host hands over parsed (`wasi:http`): no packets exist.
    Host,
}

impl Transport {
    /// What an IP packet with this protocol number (IANA) carries.
    pub fn of_protocol(number: u8) -> Self {
        match number {
            6 => Self::Tcp,
            17 => Self::Udp,
            1 | 58 => Self::Icmp,
            other => Self::Ip(other),
        }
    }
}

/// What is spoken over it, told from its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// HTTP/1.x in the clear.
    Http,
    /// HTTP/1.x inside TLS.
    Https,
    /// TLS with something else inside.
    Tls,
    /// DNS.
    Dns,
    /// Anything else.
    Unknown,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the component: egress.
    Out,
    /// To the component.
    In,
}

/// At which layer a payload was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// A byte stream as the application wrote it (TCP payload).
    Stream,
    /// The plain text inside TLS.
    Plaintext,
    /// UDP payloads, framed: each preceded by its length (four bytes, big-endian).
    Datagram,
    /// Payloads of ICMP and other IP protocols, framed likewise.
    Packet,
    /// Bytes that belong to no stream, framed likewise: data in SYN, overlaps, urgent data,
    /// unparsable frames.
    Remainder,
    /// Values of header fields over many packets or conversations, framed likewise: hop limits (a
    /// byte each), the component's own ports (two bytes each, big-endian).
    Headers,
    /// A request handed over parsed.
    Exchange,
    /// What the component printed.
    Output,
}

/// A conversation, as known when the record ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Its id in this record.
    pub id: FlowId,
    /// What carries it.
    pub transport: Transport,
    /// What is spoken over it.
    pub protocol: Protocol,
    /// The component's end.
    pub local: Endpoint,
    /// The other end, as the component addressed it.
    pub remote: Endpoint,
    /// The host name: what the component had looked up for this address, or SNI, or `Host`.
    pub host: Option<ByteString>,
    /// Who sent.
    pub actor: Actor,
    /// Where the actor comes from (`seccomp connect`, `sock_diag`, …).
    pub source: String,
    /// How far the actor can be relied on.
    pub confidence: Confidence,
}
