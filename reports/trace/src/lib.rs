//! Which bytes of which decoy left, through which decodings, at which place of the egress.
//!
//! Promises: any run of 128 bytes of any decoy, or of anything inside it ([`DecoySource::parts`]),
//! and any run of 32 bytes of a decoy that was read, is found wherever it appears in what
//! [`belljar_decode::explore`] shows, provided that it is distinctive; every run is compared byte
//! by byte with the decoy, so a trace is never a guess. SHA-256, SHA-1 and MD5 of decoys and of
//! what is in them, their names and paths, and planted facts are found too; in a second pass over
//! what is not explained also other digests, those of beginnings and blocks, digests cut short, and
//! digests with a salt that left beside them ([`Index::derived`]).
//!
//! Content under a repeating XOR of up to 64 bytes is found without its key, in a second pass over
//! what the first did not explain ([`Index::trace_and_keep`], [`Index::masked`]).
//!
//! *Distinctive*: at least 32 bytes in a row (or all of a shorter part) occur neither in the plant
//! of the twin seed nor in the corpus, have at least 2 bits of entropy a byte, and hold a run of 16
//! bytes with at least 5 different values that is no repetition; and fewer than 64 bytes of text say
//! more than a few words that the twins use too (44 bits, about 46 bytes of prose). What is not distinctive is counted
//! as common ([`Traced::common`]). The planted sample is exempt: it is the same for every seed.
//!
//! Sixteen bytes that stand at more than 1,024 places of one plant are compared at so many of them: a
//! fragment that is made of nothing else is common to the plant and may be missed.
//!
//! Cannot see: what no decoder opens (keys that stay inside); parts shorter than 8 bytes; values
//! that were computed from a decoy other than by the digests named here.
#![forbid(unsafe_code)]

mod blocks;
mod conclude;
mod derived;
mod digest;
mod gram;
mod index;
mod interval;
mod kept;
mod masked;
mod scan;
mod small;
mod table;
mod usual;
mod words;
mod write;

pub use digest::{Algorithm, Salted};
pub use index::{Index, IndexError, IndexStats};
pub use kept::Unexplained;

use belljar_decode::{Cut, Step};
use belljar_record::{ByteString, DecoyId, DecoySource, Direction, FlowId, Layer, PayloadRef};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// A decoy to be recognised.
#[derive(Debug, Clone)]
pub struct Target {
    /// Which.
    pub decoy: DecoyId,
    /// Its path inside the jar.
    pub path: ByteString,
    /// Its bytes, with what is inside.
    pub source: Arc<dyn DecoySource>,
    /// The same decoy planted with the twin seed: what both have is common.
    pub twin: Option<Arc<dyn DecoySource>>,
    /// Whether the whole decoy is the planted sample (what is inside says so itself).
    pub sample: bool,
    /// Whether path and file name are found nowhere but in this plant (`/etc/passwd` is not so).
    pub distinctive_name: bool,
    /// Which bytes the record says were read; `None` where that is not known (all count as
    /// unread). Ranges that were read are found from 32 bytes on.
    pub read: Option<Vec<Range<u64>>>,
}

/// A planted fact about the person or the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle {
    /// The caller's number for it.
    pub id: u32,
    /// Its value as served inside the jar.
    pub value: ByteString,
    /// Whether it is too short or too common to count wherever it stands: then only in a field
    /// with one of `labels` (`locale=…`, `"tz": "…"`).
    pub common: bool,
    /// Names of fields for it, lower-case letters and digits only (`timezone` is found in
    /// `time_zone`, `Time-Zone`, `clientTimeZone`).
    pub labels: Vec<String>,
}

/// Something that left.
#[derive(Debug, Clone, Copy)]
pub struct Egress<'a> {
    /// The conversation, or none for program output.
    pub flow: Option<FlowId>,
    /// Under which name the bytes are kept.
    pub payload: &'a PayloadRef,
    /// At which layer they were taken.
    pub layer: Layer,
    /// Which way they went.
    pub direction: Direction,
    /// The bytes.
    pub bytes: &'a dyn DecoySource,
}

/// Where something left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Place {
    /// The conversation, or none for program output.
    pub flow: Option<FlowId>,
    /// The payload.
    pub payload: PayloadRef,
    /// Its layer.
    pub layer: Layer,
    /// Which way it went.
    pub direction: Direction,
    /// The smallest part of the protocol that holds the place, in words (`body of request 1 (POST
    /// /upload)`), if the protocol is known.
    pub part: Option<ByteString>,
}

/// A run of equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Match {
    /// Bytes of the decoy, or of the part of it.
    pub decoy: Range<u64>,
    /// Bytes of what the chain gives.
    pub piece: Range<u64>,
}

/// What a name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameKind {
    /// The whole path.
    Path,
    /// The file name without its folder.
    FileName,
}

/// What left.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Subject {
    /// Content.
    Content {
        /// Of which decoy.
        decoy: DecoyId,
        /// Of what inside it: names from the decoy inwards, joined by `!`; none for the decoy itself.
        part: Option<ByteString>,
        /// Whether this is the planted sample.
        sample: bool,
        /// Which bytes, where.
        ranges: Vec<Match>,
        /// How many different bytes of the decoy or part.
        bytes: u64,
        /// How many there are.
        of: u64,
        /// Whether that is all of it.
        whole: bool,
    },
    /// A digest of a decoy, or of what is in it.
    Hash {
        /// By which algorithm. The encoding (binary, hexadecimal, base64) is in the chain.
        algorithm: Algorithm,
        /// Of which decoy.
        decoy: DecoyId,
        /// Of what inside it, as above.
        part: Option<ByteString>,
        /// Whether that is the planted sample.
        sample: bool,
        /// How many bytes of the digest stand there: all, or the first ones.
        bytes: u64,
        /// Which bytes were digested, where not all.
        #[serde(default)]
        over: Option<Range<u64>>,
        /// With which salt.
        #[serde(default)]
        salt: Option<Salt>,
    },
    /// The name of a decoy.
    Name {
        /// Of which.
        decoy: DecoyId,
        /// What of it.
        kind: NameKind,
    },
    /// A planted fact.
    Fact {
        /// The caller's number for it.
        needle: u32,
    },
}

/// What was put to a content before it was digested.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Salt {
    /// It; it left in the same payload.
    pub bytes: ByteString,
    /// How.
    pub how: Salted,
}

/// Something inside a decoy that left as a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Contained {
    /// What: names from the decoy inwards, joined by `!`.
    pub part: ByteString,
    /// How many of its bytes were seen.
    pub bytes: u64,
    /// Whether that is all of it.
    pub whole: bool,
    /// Whether it is the planted sample.
    pub sample: bool,
}

/// A proven way from a decoy into the egress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trace {
    /// What left.
    pub subject: Subject,
    /// Where.
    pub egress: Place,
    /// Through which decodings; empty: as it is.
    pub chain: Vec<Step>,
    /// How many bytes each of these gives (as far as budgets let it be known).
    #[serde(default)]
    pub gives: Vec<u64>,
    /// First byte of the payload that carries it.
    pub at: u64,
    /// Which bytes of the payload carry it.
    pub outer: Vec<Range<u64>>,
    /// Where the run begins in what the chain gives (for hashes, names and facts; for content see
    /// the ranges).
    pub offset: u64,
    /// What left inside it.
    pub contains: Vec<Contained>,
    /// Other decoys, or parts of them, that have the same bytes or digest there.
    pub also: Vec<Alias>,
}

/// Another content with the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Alias {
    /// Of which decoy.
    pub decoy: DecoyId,
    /// Of what inside it.
    pub part: Option<ByteString>,
}

/// What a payload was found to carry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Traced {
    /// Each trace, largest content first.
    pub traces: Vec<Trace>,
    /// Bytes of the payload that the traces explain. Never more than they do: where only a part of
    /// what a decoding gives is explained, as many bytes as the rest could need are left out.
    pub covered: Vec<Range<u64>>,
    /// Bytes equal to a decoy that are not distinctive, in all objects.
    pub common: u64,
    /// What the decoding budget cut.
    pub cut: Cut,
    /// Comparisons that were not made because there were too many.
    pub skipped: u64,
    /// Further places of hashes, names and facts, beyond the first few of each.
    pub repeats: u64,
}

impl Traced {
    /// How many bytes of the payload are explained.
    pub fn covered_bytes(&self) -> u64 {
        self.covered.iter().map(|range| range.end - range.start).sum()
    }
}
