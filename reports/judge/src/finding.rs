//! Findings and traces as they stand in the verdict: each with who, which bytes of which decoy,
//! through which chain, to where, and where in the payload.

use crate::verdict::{Listing, SentClass, Who};
use belljar_decode::Step;
use belljar_schema::DataItem;
use belljar_trace::{Algorithm, Salt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a finding is worth under the policy.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The policy does not allow it.
    Violation,
    /// The policy allows it.
    Allowed,
}

/// What kind of thing was found.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Something planted left.
    Sent,
    /// Something planted was read outside the task.
    ReadBeyondTask,
}

/// One finding: one subject, one destination, one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// Its name in this verdict (`F1`).
    pub id: String,
    /// What kind.
    pub kind: FindingKind,
    /// Under the policy.
    pub severity: Severity,
    /// In words.
    pub title: String,
    /// The item that weighs most.
    pub item: DataItem,
    /// All items that it concerns: an archive that left whole took its members with it.
    pub items: Vec<DataItem>,
    /// Those of them that the policy does not allow.
    pub against: Vec<DataItem>,
    /// The row of the policy that was applied, in words.
    pub policy: String,
    /// Whether the vendor declares it.
    pub declared: bool,
    /// The most that left (`none` for reads).
    pub class: SentClass,
    /// What it is about.
    pub subjects: Listing<SubjectRow>,
    /// Who.
    pub who: Who,
    /// How that is known, and how far it can be relied on.
    pub known_by: String,
    /// Bytes of the decoy (or of the fact) that were recognised, each place once; for reads: bytes
    /// given.
    pub bytes: u64,
    /// How it was encoded: the steps that undo it, outermost first; empty: as it is.
    pub chain: Vec<String>,
    /// Where to, for what left.
    pub destination: Option<Destination>,
    /// The clearest place in what left.
    pub place: Option<PlaceRow>,
    /// When the conversation, or the first read, began: nanoseconds since the run began. Volatile.
    pub at: u64,
    /// What came before it.
    pub set_off: SetOff,
    /// Innocent bytes to each byte of the sample in the same payload (that of `place`).
    pub collateral: Option<Collateral>,
    /// ATT&CK techniques, as labels only.
    pub attack: Vec<String>,
    /// Traces that it rests on: places in the list of traces.
    pub traces: Listing<u64>,
    /// First lines of the record. Volatile.
    pub seqs: Vec<u64>,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SubjectRow {
    /// In words: a path, a path and a member, or the fact.
    pub name: String,
    /// The decoy's id in the manifest.
    pub decoy: Option<u32>,
    /// Protective marking.
    pub marking: Option<String>,
    /// SHA-256 of it (of the member, if it is one).
    pub sha256: Option<String>,
    /// Length of it.
    pub len: Option<u64>,
    /// Bytes of it that were recognised (or read).
    pub bytes: u64,
    /// Whether it lay inside a file that was sent whole.
    pub inside: bool,
}

/// Where something went.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub struct Destination {
    /// Host name, or the address where no name is known.
    pub host: String,
    /// Address.
    pub address: String,
    /// Port.
    pub port: u16,
    /// What carries it.
    pub transport: String,
    /// What is spoken.
    pub protocol: String,
}

/// A place in what left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlaceRow {
    /// SHA-256 of the payload: its file in `payloads/`.
    pub payload: String,
    /// Offset in it, before any decoding.
    pub offset: u64,
    /// Length there.
    pub len: u64,
    /// Layer at which it was taken.
    pub layer: String,
    /// The smallest part of the protocol that holds it, in words.
    pub part: Option<String>,
    /// The decoy.
    pub decoy: Option<u32>,
    /// Offset in the decoy (or in its member).
    pub decoy_offset: u64,
    /// Offset in the last decoded piece; that of the payload if nothing was decoded.
    pub decoded_offset: u64,
    /// The conversation. Volatile.
    pub flow: Option<u64>,
    /// The decodings that lead there, with what each reads and gives, outermost first.
    #[serde(default)]
    pub steps: Vec<DecodingRow>,
    /// What stands there; absent in bundles of earlier versions.
    #[serde(default)]
    pub shows: Option<Shows>,
}

/// One decoding with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DecodingRow {
    /// In words.
    pub words: String,
    /// The decoding as it is applied: `decoder`, `input` (bytes of what the step before gives; of
    /// the payload at first) and `detail`.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub step: Step,
    /// How many bytes it gives, where that is known.
    pub gives: Option<u64>,
}

/// What stands at a place, so that it can be compared again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Shows {
    /// Bytes of the decoy.
    Content {
        /// Of what inside it: names from the decoy inwards, joined by `!`; none for the decoy itself.
        part: Option<String>,
        /// Which bytes are equal.
        ranges: Listing<EqualRow>,
    },
    /// A digest of the decoy.
    Digest {
        /// Of what inside it, as above.
        part: Option<String>,
        /// By which algorithm.
        #[schemars(with = "String")]
        algorithm: Algorithm,
        /// How many bytes of it; none: all.
        #[serde(default)]
        bytes: Option<u64>,
        /// From which byte to which was digested; none: all.
        #[serde(default)]
        over: Option<[u64; 2]>,
        /// With which salt: `bytes`, and `how` (`before`, `after`, `hmac`).
        #[serde(default)]
        #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
        salt: Option<Salt>,
    },
    /// The path of the decoy.
    Path,
    /// The name of the decoy without its folder.
    FileName,
    /// A fact.
    Fact {
        /// Its place in the manifest.
        fact: u64,
    },
}

/// A run of equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct EqualRow {
    /// Offset in the decoy, or in the part of it.
    pub decoy_offset: u64,
    /// Offset in what the last decoding gives; in the payload if there is none.
    pub decoded_offset: u64,
    /// How many bytes.
    pub len: u64,
}

/// What came before a finding. Nothing is said of cause or intent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SetOff {
    /// The step that was being done.
    pub step: Option<String>,
    /// The last file holding a sample that had been read before.
    pub sample: Option<String>,
    /// How long before, in milliseconds. Volatile.
    pub sample_before_millis: Option<u64>,
    /// Whether the same process had read it.
    pub same_process: bool,
    /// The last decoy that had been read before, if it is not that file. Volatile.
    pub last_read: Option<String>,
}

/// How much that nobody asked for left along with the sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Collateral {
    /// Bytes of decoys that are no sample.
    pub innocent: u64,
    /// Bytes of the sample.
    pub sample: u64,
    /// Innocent bytes to each byte of the sample.
    pub ratio: f64,
    /// Files inside that are no sample.
    pub innocent_members: u64,
    /// Files inside that carry a protective marking, where the manifest tells.
    pub marked_members: u64,
}

/// A trace: bytes of a decoy, or a fact, found in what left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TraceRow {
    /// Of what, in words.
    pub subject: String,
    /// The decoy's id in the manifest.
    pub decoy: Option<u32>,
    /// Which item.
    pub item: DataItem,
    /// What of it.
    pub class: SentClass,
    /// Offset in the decoy or its member.
    pub decoy_offset: u64,
    /// Bytes.
    pub bytes: u64,
    /// The steps that undo its encoding, outermost first.
    pub chain: Vec<String>,
    /// ATT&CK techniques of its channel and of how it was prepared, as labels only.
    #[serde(default)]
    pub attack: Vec<String>,
    /// Where.
    pub place: PlaceRow,
    /// The finding that rests on it.
    pub finding: Option<String>,
}
