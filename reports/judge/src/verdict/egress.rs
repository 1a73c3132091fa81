//! What left: conversations, destinations, neighbours.

use super::{Listing, Who};
use belljar_schema::DataItem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What left.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Egress {
    /// Conversations with the outside.
    pub flows: Listing<FlowRow>,
    /// Destinations: conversations of one host, port and protocol together.
    pub destinations: Listing<DestinationRow>,
    /// Payload bytes that left.
    pub bytes: u64,
    /// Packets that left.
    pub packets: u64,
    /// Conversations that stayed inside the jar (loopback): no egress.
    pub internal: u64,
    /// What was done to the machines next to the planted one.
    #[serde(default)]
    pub neighbours: Neighbours,
    /// Unexplained, and about as much as was read before: suspicion, no proof.
    #[serde(default)]
    pub suspects: Listing<SuspectRow>,
}

/// Bytes that no trace explains and in which no byte stands out, of which about as many went to one
/// place as were read before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SuspectRow {
    /// Host name, or the address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What is spoken.
    pub protocol: String,
    /// Who sent.
    pub who: Who,
    /// Conversations.
    pub flows: u64,
    /// Unexplained bytes.
    pub bytes: u64,
    /// Bytes of decoys that had been read when the last conversation began.
    pub read: u64,
    /// Whether the sender read them itself; else they are those of all processes.
    pub same_process: bool,
    /// Items that were read.
    pub items: Vec<DataItem>,
}

/// One conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FlowRow {
    /// Its number in the record. Volatile.
    pub flow: u64,
    /// Host name, or the address.
    pub host: String,
    /// The address that the component used.
    pub address: String,
    /// The component's own port. Volatile.
    pub local_port: u16,
    /// The other port.
    pub port: u16,
    /// What carries it.
    pub transport: String,
    /// What is spoken.
    pub protocol: String,
    /// What came of TLS, if it was met.
    pub tls: Option<String>,
    /// Who.
    pub who: Who,
    /// How that is known.
    pub known_by: String,
    /// How far it can be relied on.
    pub confidence: String,
    /// The step that was being done when it began; none between steps.
    #[serde(default)]
    pub step: Option<String>,
    /// When it began, nanoseconds since the run began. Volatile.
    pub at: u64,
    /// Payload bytes sent.
    pub bytes_out: u64,
    /// Payload bytes received.
    pub bytes_in: u64,
    /// Packets sent. Volatile (retransmissions, acknowledgements).
    pub packets_out: u64,
    /// First lines of requests that were answered.
    pub requests: Listing<String>,
    /// Payloads that are kept of it, by digest.
    pub payloads: Vec<String>,
    /// The part of this conversation in the ceiling.
    pub unexplained: u64,
}

/// All conversations with one host, port and protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DestinationRow {
    /// Host name, or the address.
    pub host: String,
    /// The addresses that were used.
    pub addresses: Vec<String>,
    /// Port.
    pub port: u16,
    /// What carries it.
    pub transport: String,
    /// What is spoken.
    pub protocol: String,
    /// What came of TLS, if it was met.
    pub tls: Option<String>,
    /// Conversations.
    pub flows: u64,
    /// Payload bytes sent.
    pub bytes_out: u64,
    /// Payload bytes received.
    pub bytes_in: u64,
    /// Whether the scenario, the policy or the vendor's declaration names it.
    pub known: bool,
    /// Whose it is.
    #[serde(default)]
    pub whose: DestinationClass,
    /// Programs that spoke to it.
    pub programs: Vec<String>,
}

/// Whose a destination is.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DestinationClass {
    /// A machine next to the planted one.
    Neighbour,
    /// A host that the vendor's declaration or its rules name.
    Vendor,
    /// A name server, and nothing but questions.
    NameServer,
    /// Nobody that is known.
    #[default]
    Other,
}

/// What was done to the machines next to the planted one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct Neighbours {
    /// Different machines.
    pub hosts: u64,
    /// Different ports of different machines.
    pub doors: u64,
    /// Payload bytes sent to them.
    pub bytes_out: u64,
    /// Whether so many doors were tried that it is a scan of the network.
    pub scanned: bool,
    /// Attempts to log in: the first words of each, never the secret.
    pub logins: Listing<String>,
}
