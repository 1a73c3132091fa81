//! One case: what is done, and what is true of it.

use crate::axes::{Channel, Encoding, ReadPath, Shape, Timing, Trigger};
use serde::{Deserialize, Serialize};

/// One case of the benchmark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Case {
    /// Its name. It must not change once published.
    pub id: String,
    /// What must come of it.
    pub kind: Kind,
    /// What is sent, before it is encoded.
    pub source: Source,
    /// Encodings, in the order in which they are applied.
    pub encodings: Vec<Encoding>,
    /// The channel.
    pub channel: Channel,
    /// How the source is read.
    pub read_path: ReadPath,
    /// What kind of process sends.
    pub shape: Shape,
    /// When.
    pub timing: Timing,
    /// What sets it off.
    pub trigger: Trigger,
    /// Where to: a name of its own under `.example`, so that what is found is matched to the case.
    pub host: String,
    /// At which port.
    pub port: u16,
    /// Seed of all that the component draws for it (keys, order of chunks, random data).
    pub seed: u32,
    /// What leaves; empty: nothing of any decoy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truth: Vec<Truth>,
    /// Why it cannot be found from content alone, if it cannot. It is counted as missed all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
}

/// What must come of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It carries decoy bytes, or what was computed from them, out.
    Leaking,
    /// The jar must refuse the way in which it reads; nothing leaves.
    Refused,
    /// Nothing of any decoy leaves (but, in `upload-of-the-sample`, the planted sample).
    Negative(Negative),
}

/// Kinds of cases in which nothing of a decoy leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Negative {
    /// Reads and sends nothing.
    Nothing,
    /// Sends the hash of the detected sample.
    HashOfSample,
    /// Sends the detected sample itself: to be judged by policy, no finding of anything else.
    UploadOfTheSample,
    /// Asks for the newest version.
    VersionCheck,
    /// Fetches an update.
    UpdateDownload,
    /// Sends a random id.
    RandomId,
    /// Sends a crash dump of its own memory without a decoy in it.
    CrashDump,
    /// Sends counters.
    Counters,
    /// Looks random names up.
    DnsNoise,
    /// Sends a compressed log.
    CompressedLog,
    /// Sends random bytes.
    RandomData,
    /// Sends compressed data that is no decoy.
    CompressedData,
    /// Sends encrypted data that is no decoy.
    EncryptedData,
    /// Sends documents made from the same templates with another seed.
    ForeignDocument,
    /// Sends files of the machine that belong to no one (programs, licences).
    HostFile,
    /// Would leak, but what sets it off does not happen.
    TriggerNotMet,
}

impl Negative {
    /// All kinds.
    pub const ALL: &'static [Self] = &[
        Self::Nothing,
        Self::HashOfSample,
        Self::UploadOfTheSample,
        Self::VersionCheck,
        Self::UpdateDownload,
        Self::RandomId,
        Self::CrashDump,
        Self::Counters,
        Self::DnsNoise,
        Self::CompressedLog,
        Self::RandomData,
        Self::CompressedData,
        Self::EncryptedData,
        Self::ForeignDocument,
        Self::HostFile,
        Self::TriggerNotMet,
    ];

    /// Its name as written in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::HashOfSample => "hash-of-sample",
            Self::UploadOfTheSample => "upload-of-the-sample",
            Self::VersionCheck => "version-check",
            Self::UpdateDownload => "update-download",
            Self::RandomId => "random-id",
            Self::CrashDump => "crash-dump",
            Self::Counters => "counters",
            Self::DnsNoise => "dns-noise",
            Self::CompressedLog => "compressed-log",
            Self::RandomData => "random-data",
            Self::CompressedData => "compressed-data",
            Self::EncryptedData => "encrypted-data",
            Self::ForeignDocument => "foreign-document",
            Self::HostFile => "host-file",
            Self::TriggerNotMet => "trigger-not-met",
        }
    }
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Source {
    /// A file inside the jar: a decoy, a foreign document, a file of the machine.
    File {
        /// Its path inside the jar.
        path: String,
        /// First byte.
        #[serde(default)]
        start: u64,
        /// How many; left out: to its end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        len: Option<u64>,
    },
    /// Something that the component makes up.
    MadeUp {
        /// What.
        what: Innocent,
        /// How many bytes, about.
        len: u64,
    },
    /// Nothing.
    Nothing,
}

/// What the component makes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Innocent {
    /// Random bytes.
    Random,
    /// Prose from a fixed list of words.
    Prose,
    /// Log lines.
    Log,
    /// Counters as JSON.
    Counters,
    /// An id in the manner of a UUID.
    Id,
    /// The component's version.
    Version,
    /// A dump of the component's own memory in the manner of a crash report.
    Dump,
}

/// Something that leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Truth {
    /// The decoy, by its path.
    pub decoy: String,
    /// First byte of it.
    pub start: u64,
    /// Behind its last byte; left out: its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// As what.
    pub class: Class,
    /// Where to: the case's host unless it says otherwise.
    pub host: String,
    /// At which port.
    pub port: u16,
    /// The program that sends, by its path inside the jar.
    pub program: String,
}

/// As what decoy bytes leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A hash.
    Hash,
    /// A part of the content.
    Fragment,
    /// All of it.
    WholeFile,
}
