//! From payload to content: items that people can read, and every decoding that can be recognised.
//!
//! Promises: [`parts`] splits a payload into what its protocol says it is made of; [`explore`]
//! visits the payload and everything that can be decoded from it, nested, within a [`Budget`], and
//! counts in [`Cut`] whatever the budget kept it from; each decoding is a chain of [`Step`]s that
//! [`replay`] applies again. Nothing panics on hostile bytes.
//!
//! Cannot see: content under a key that it is not given; encodings that are not in [`Decoder`];
//! streams that begin inside a decoded object larger than [`Budget::window`] and run over the edge
//! of a window (counted in [`Cut::windows`]). Chunks sent out of order over several flows are not
//! put together.
#![forbid(unsafe_code)]

mod archive;
mod budget;
mod dns;
mod escape;
mod explore;
mod http;
mod inflate;
mod part;
mod replay;
mod span;
mod text;
mod wide;

pub use archive::{Entry, EntryKind, entries};
pub use budget::{Budget, Cut};
pub use explore::{Piece, explore};
pub use part::{Content, Part, Role, parts};
pub use replay::{ReplayError, replay};

use belljar_record::ByteString;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A way of decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decoder {
    /// A part of the protocol that does not stand in one piece in the payload (a chunked body,
    /// the labels of many DNS queries); the step's detail names it.
    Part,
    /// Hexadecimal digits, either case, with separators and line breaks.
    Hex,
    /// base64 and base64url (RFC 4648), with line breaks.
    Base64,
    /// base32 (RFC 4648), either case.
    Base32,
    /// Percent-encoding (RFC 3986).
    Percent,
    /// Percent-encoding with `+` for a space (HTML forms).
    Form,
    /// Quoted-printable (RFC 2045).
    QuotedPrintable,
    /// Escapes of JSON strings (RFC 8259) and `\xHH`.
    JsonEscapes,
    /// Character references of HTML and XML.
    Entities,
    /// gzip (RFC 1952).
    Gzip,
    /// zlib (RFC 1950).
    Zlib,
    /// A bare deflate stream (RFC 1951).
    Deflate,
    /// A deflated member of a zip archive, from its local header.
    ZipMember,
    /// UTF-16, little-endian, to bytes (only characters up to U+00FF).
    Utf16Le,
    /// UTF-16, big-endian, to bytes (only characters up to U+00FF).
    Utf16Be,
    /// The whole reversed.
    Reversed,
}

impl Decoder {
    /// The name as written in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Part => "part",
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Base32 => "base32",
            Self::Percent => "percent",
            Self::Form => "form",
            Self::QuotedPrintable => "quoted-printable",
            Self::JsonEscapes => "json escapes",
            Self::Entities => "entities",
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Deflate => "deflate",
            Self::ZipMember => "zip member",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Reversed => "reversed",
        }
    }
}

/// One decoding in a chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Step {
    /// How.
    pub decoder: Decoder,
    /// What was decoded: bytes of the object that the steps before give (the payload at first).
    pub input: Range<u64>,
    /// What it is, where that has a name: the part of the protocol, the member of the archive.
    pub detail: Option<ByteString>,
}
