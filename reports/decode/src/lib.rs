//! From payload to content: items that people can read, and every decoding that can be recognised.
//!
//! Promises: [`parts`] splits a payload into what its protocol says it is made of; [`explore`]
//! visits the payload and everything that can be decoded from it, nested, within a [`Budget`], and
//! counts in [`Cut`] whatever the budget kept it from; each decoding is a chain of [`Step`]s that
//! [`replay`] applies again. Nothing panics on hostile bytes.
//!
//! Cannot see: content under a key that is not in the same payload; encodings that are not in
//! [`Decoder`]; streams that begin inside a decoded object larger than [`Budget::window`] and run
//! over the edge of a window (counted in [`Cut::windows`]). What leaves no mark is looked for within
//! limits that `docs/decode.md` names. Chunks sent over several flows are not put together.
#![forbid(unsafe_code)]

mod archive;
mod base58;
mod base85;
mod budget;
mod cipher;
mod dns;
mod escape;
mod explore;
mod http;
mod inflate;
mod keys;
mod lines;
mod lz4;
mod lz_string;
mod marks;
mod markup;
mod packed;
mod part;
mod pdf;
mod picture;
mod produce;
mod replay;
mod seen;
mod series;
mod seven_zip;
mod span;
mod structure;
mod text;
mod tls;
mod turn;
mod wide;
mod words;
mod xor;
mod zip_secret;

pub use archive::{Entry, EntryKind, entries};
pub use budget::{Budget, Cut};
pub use explore::{Piece, explore};
pub use part::{Content, Part, Role, parts};
pub use replay::{ReplayError, replay};
pub use xor::unmask;

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
    /// base32 with the extended hexadecimal alphabet (RFC 4648, 7), either case.
    Base32Hex,
    /// base58 (the alphabet of Bitcoin): one number.
    Base58,
    /// Ascii85 (Adobe, btoa), with `z` for four zero bytes and line breaks.
    Ascii85,
    /// Z85 (ZeroMQ RFC 32).
    Z85,
    /// Words of the English list of BIP-39, eleven bits each.
    WordList,
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
    /// Text of HTML and XML, without tags, references resolved.
    Markup,
    /// gzip (RFC 1952).
    Gzip,
    /// zlib (RFC 1950).
    Zlib,
    /// A bare deflate stream (RFC 1951).
    Deflate,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// LZMA with the header of the LZMA SDK (`.lzma`).
    Lzma,
    /// lzip.
    Lzip,
    /// Zstandard (RFC 8878).
    Zstd,
    /// Brotli (RFC 7932), from the first to the last byte of something.
    Brotli,
    /// LZ4 frames.
    Lz4,
    /// A bare LZ4 block, perhaps after its decoded length in four bytes.
    Lz4Block,
    /// LZ-string, in the alphabets of base64 and of URLs.
    LzString,
    /// A compressed member of a zip archive, from its local header.
    ZipMember,
    /// All members of a 7z archive, one after the other.
    SevenZip,
    /// Strings of a message of Protocol Buffers: those of the path that the detail names, or all, one
    /// after the other. A path is the numbers of the fields, from the outside in.
    Protobuf,
    /// The same of CBOR (RFC 8949); a path is the keys, `#` for a place in a list.
    Cbor,
    /// The same of MessagePack.
    MessagePack,
    /// The same of ASN.1 (BER, DER); a path is the tags, in hexadecimal digits.
    Asn1,
    /// A stream of a PDF file; the detail names its filters.
    PdfStream,
    /// The lowest bits of a picture's samples; the detail says which and in what order.
    LowBits,
    /// A member of a zip archive that is encrypted in the traditional way (APPNOTE 6.1), with a
    /// password that was seen next to it; the detail has the name and the password.
    EncryptedZip,
    /// AES, in a mode and with a key that the detail names.
    Aes,
    /// ChaCha20, with or without Poly1305, with a key that the detail names.
    ChaCha20,
    /// A message of `openssl enc`, with a password that was seen next to it.
    OpenSsl,
    /// UTF-16, little-endian, to bytes (only characters up to U+00FF).
    Utf16Le,
    /// UTF-16, big-endian, to bytes (only characters up to U+00FF).
    Utf16Be,
    /// UTF-32, little-endian, to UTF-8 (to bytes where all are below U+0100).
    Utf32Le,
    /// UTF-32, big-endian, likewise.
    Utf32Be,
    /// The whole reversed.
    Reversed,
    /// The bits of each byte reversed.
    BitsReversed,
    /// A number was added to every byte; the detail says which.
    ByteAddition,
    /// Letters were moved along the alphabet; the detail says how far.
    LetterRotation,
    /// Repeating XOR; the detail is the key in hexadecimal digits. The tracer finds it, by
    /// comparing with decoys: [`explore`] never does.
    Xor,
}

impl Decoder {
    /// The name as written in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Part => "part",
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Base32 => "base32",
            Self::Base32Hex => "base32hex",
            Self::Base58 => "base58",
            Self::Ascii85 => "ascii85",
            Self::Z85 => "z85",
            Self::WordList => "word list",
            Self::Percent => "percent",
            Self::Form => "form",
            Self::QuotedPrintable => "quoted-printable",
            Self::JsonEscapes => "json escapes",
            Self::Entities => "entities",
            Self::Markup => "text of markup",
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Deflate => "deflate",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Lzma => "lzma",
            Self::Lzip => "lzip",
            Self::Zstd => "zstd",
            Self::Brotli => "brotli",
            Self::Lz4 => "lz4",
            Self::Lz4Block => "lz4 block",
            Self::LzString => "lz-string",
            Self::ZipMember => "zip member",
            Self::SevenZip => "7z",
            Self::Protobuf => "protocol buffers",
            Self::Cbor => "cbor",
            Self::MessagePack => "messagepack",
            Self::Asn1 => "asn.1",
            Self::PdfStream => "pdf stream",
            Self::LowBits => "image low bits",
            Self::EncryptedZip => "encrypted zip",
            Self::Aes => "aes",
            Self::ChaCha20 => "chacha20",
            Self::OpenSsl => "openssl",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Utf32Le => "utf-32le",
            Self::Utf32Be => "utf-32be",
            Self::Reversed => "reversed",
            Self::BitsReversed => "bits reversed",
            Self::ByteAddition => "byte addition",
            Self::LetterRotation => "letter rotation",
            Self::Xor => "xor",
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
