//! The table of data items: what kind of thing was read, and sent where.

use super::{Listing, Outcome};
use belljar_schema::DataItem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Class of what left, from nothing to all.
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
pub enum SentClass {
    /// Nothing.
    #[default]
    None,
    /// Names, sizes, times.
    Metadata,
    /// A name or number that tells one machine or person from others.
    Identifier,
    /// A digest of content.
    Hash,
    /// A piece of the content.
    Fragment,
    /// The readable content, not the file as it was.
    Content,
    /// The file, every byte.
    WholeFile,
}

impl SentClass {
    /// The class in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Metadata => "metadata",
            Self::Identifier => "identifier",
            Self::Hash => "hash",
            Self::Fragment => "fragment",
            Self::Content => "content",
            Self::WholeFile => "whole file",
        }
    }
}

/// Whether an item was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReadWord {
    /// No.
    #[default]
    No,
    /// Yes, within the task only.
    WithinTask,
    /// Yes, also outside what it was asked to scan.
    BeyondTask,
    /// It passes neither door (uname, CPUID, netlink, …), or is the component's own.
    NotObservable,
}

/// One row of the table: one kind of thing, read and sent or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ItemRow {
    /// Which.
    pub item: DataItem,
    /// How much of it was planted: files, or facts.
    pub planted: u64,
    /// Whether it was read.
    pub read: ReadWord,
    /// How many of the planted files were read.
    pub files_read: u64,
    /// How many of them outside the task.
    pub files_read_beyond: u64,
    /// Bytes of them that were read (counted as often as they were read).
    pub bytes_read: u64,
    /// The most that left.
    pub sent: SentClass,
    /// Where to, how, and whether that is in order.
    pub sent_to: Listing<SentTo>,
    /// Whether the vendor declares that it sends this.
    pub declared: bool,
    /// What the policy says: may it be read beyond the task.
    pub may_read: bool,
    /// What the policy says: where it may be sent.
    pub may_send_to: Vec<String>,
    /// The verdict for this item.
    pub verdict: Outcome,
    /// Findings, by id.
    pub evidence: Vec<String>,
    /// First lines of the record that show a read (volatile).
    pub seqs: Vec<u64>,
}

/// One destination of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SentTo {
    /// Host name, or the address where no name is known.
    pub host: String,
    /// Protocol in words.
    pub protocol: String,
    /// The class of what went there.
    pub class: SentClass,
    /// How it was encoded: the steps that undo it, outermost first; empty: as it is.
    pub chain: Vec<String>,
    /// Bytes of it that were recognised there.
    pub bytes: u64,
    /// Whether the vendor declares it.
    pub declared: bool,
    /// Whether the policy allows it.
    pub allowed: bool,
    /// Whether it left inside something else that was sent whole.
    pub inside: bool,
}
