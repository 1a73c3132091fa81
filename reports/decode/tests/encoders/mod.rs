//! Encoders of other makers, and plain ones written down here, for the tests of the graph.
#![allow(dead_code, reason = "each test uses some of them")]

use belljar_decode::{Budget, Cut, Decoder, Step, explore};
use belljar_record::{BytesSource, Layer};
use std::io::{Cursor, Write as _};

/// An object's chain and bytes.
pub(crate) type Shown = (Vec<Step>, Vec<u8>);

/// Everything that is found, with its chain.
pub(crate) fn all(payload: &[u8], layer: Layer, budget: &Budget) -> (Vec<Shown>, Cut) {
    let source = BytesSource::from(payload.to_vec());
    let mut found: Vec<(u64, Vec<Step>, Vec<u8>)> = Vec::new();
    let cut = explore(&source, layer, budget, &mut |piece| {
        let base = usize::try_from(piece.base).expect("small");
        match found.iter_mut().rev().find(|(id, _, _)| *id == piece.object) {
            Some((_, _, bytes)) => {
                bytes.truncate(base);
                bytes.extend_from_slice(piece.bytes);
            }
            None => found.push((piece.object, piece.chain.to_vec(), piece.bytes.to_vec())),
        }
    });
    (found.into_iter().map(|(_, chain, bytes)| (chain, bytes)).collect(), cut)
}

/// The shortest chain that leads to `secret`.
pub(crate) fn finds(payload: &[u8], layer: Layer, secret: &[u8]) -> Option<Vec<Step>> {
    let (found, _) = all(payload, layer, &Budget::default());
    found
        .into_iter()
        .filter(|(_, bytes)| memchr::memmem::find(bytes, secret).is_some())
        .map(|(chain, _)| chain)
        .min_by_key(Vec::len)
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).expect("memory takes it");
    writer.finish().expect("memory takes it")
}

pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).expect("memory takes it");
    writer.finish().expect("memory takes it")
}

pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes).expect("memory takes it");
    writer.finish().expect("memory takes it")
}

pub(crate) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    writer.write_all(bytes).expect("memory takes it");
    writer.finish().expect("memory takes it")
}

pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(6);
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).expect("options are valid");
    writer.write_all(bytes).expect("memory takes it");
    writer.finish().expect("memory takes it")
}

pub(crate) fn lzma(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::LzmaOptions::with_preset(6);
    let len = Some(bytes.len() as u64);
    let mut writer =
        lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, len).expect("valid");
    writer.write_all(bytes).expect("memory takes it");
    writer.finish().expect("memory takes it")
}

pub(crate) fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
    writer.write_all(bytes).expect("memory takes it");
    writer.into_inner()
}

pub(crate) fn lz4_frame(bytes: &[u8]) -> Vec<u8> {
    let mut writer = lz4_flex::frame::FrameEncoder::new(Vec::new());
    writer.write_all(bytes).expect("memory takes it");
    writer.finish().expect("memory takes it")
}

pub(crate) fn seven_zip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = sevenz_rust2::ArchiveWriter::new(Cursor::new(Vec::new())).expect("begins");
    writer
        .push_archive_entry(sevenz_rust2::ArchiveEntry::new_file("part.bin"), Some(bytes))
        .expect("memory takes it");
    writer.finish().expect("memory takes it").into_inner()
}

pub(crate) fn zip_by(method: zip::CompressionMethod, bytes: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    writer.start_file("part.bin", options).expect("begins");
    writer.write_all(bytes).expect("memory takes it");
    writer.finish().expect("memory takes it").into_inner()
}

pub(crate) fn base58(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    let mut digits: Vec<u8> = Vec::new();
    for &byte in bytes {
        let mut carry = u32::from(byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let mut out = vec![b'1'; zeros];
    out.extend(digits.iter().rev().map(|&digit| ALPHABET[usize::from(digit)]));
    out
}

fn base85(bytes: &[u8], digit: impl Fn(u8) -> u8) -> Vec<u8> {
    let mut out = Vec::new();
    for group in bytes.chunks(4) {
        let mut four = [0; 4];
        four[..group.len()].copy_from_slice(group);
        let mut number = u32::from_be_bytes(four);
        let mut five = [0; 5];
        for place in five.iter_mut().rev() {
            *place = digit((number % 85) as u8);
            number /= 85;
        }
        out.extend_from_slice(&five[..=group.len()]);
    }
    out
}

pub(crate) fn ascii85(bytes: &[u8]) -> Vec<u8> {
    base85(bytes, |value| b'!' + value)
}

pub(crate) fn z85(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 85] =
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let mut whole = bytes.to_vec();
    whole.resize(bytes.len().next_multiple_of(4), 0);
    base85(&whole, |value| DIGITS[usize::from(value)])
}

pub(crate) fn words(bytes: &[u8]) -> Vec<u8> {
    let list = bip39::Language::English.word_list();
    let bits: Vec<bool> =
        bytes.iter().flat_map(|&byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    let words: Vec<&str> = bits
        .chunks(11)
        .map(|group| {
            let number = group.iter().fold(0_usize, |n, &bit| n << 1 | usize::from(bit));
            list[number << (11 - group.len())]
        })
        .collect();
    words.join(" ").into_bytes()
}

/// One way of encoding.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// The decodings that undo it, each alone.
    pub(crate) undone_by: &'static [Decoder],
    pub(crate) encode: fn(&[u8]) -> Vec<u8>,
    /// Whether it needs to stand alone: in a part of a protocol, or decoded from something.
    pub(crate) alone: bool,
}

const fn way(name: &'static str, by: &'static [Decoder], encode: fn(&[u8]) -> Vec<u8>) -> Way {
    Way { name, undone_by: by, encode, alone: false }
}

const fn alone(name: &'static str, by: &'static [Decoder], encode: fn(&[u8]) -> Vec<u8>) -> Way {
    Way { name, undone_by: by, encode, alone: true }
}

/// All ways.
pub(crate) const WAYS: &[Way] = &[
    way("hex", &[Decoder::Hex], |b| data_encoding::HEXUPPER.encode(b).into_bytes()),
    way("hex with colons", &[Decoder::Hex], |b| {
        b.iter().flat_map(|b| format!("{b:02x}:").into_bytes()).collect()
    }),
    way("hex of C", &[Decoder::Hex], |b| {
        b.iter().flat_map(|b| format!("0x{b:02x}, ").into_bytes()).collect()
    }),
    way("base64 in lines", &[Decoder::Base64], |b| {
        let text = data_encoding::BASE64.encode(b);
        let lines: Vec<&[u8]> = text.as_bytes().chunks(76).collect();
        lines.join(&b"\r\n"[..])
    }),
    way("base64url", &[Decoder::Base64], |b| data_encoding::BASE64URL_NOPAD.encode(b).into_bytes()),
    way("base32", &[Decoder::Base32], |b| data_encoding::BASE32.encode(b).into_bytes()),
    way("base32hex", &[Decoder::Base32Hex], |b| {
        data_encoding::BASE32HEX_NOPAD.encode(b).to_lowercase().into_bytes()
    }),
    way("base58", &[Decoder::Base58], base58),
    way("ascii85", &[Decoder::Ascii85], ascii85),
    way("z85", &[Decoder::Z85], z85),
    way("words", &[Decoder::WordList], words),
    way("percent", &[Decoder::Percent], |b| {
        b.iter().flat_map(|b| format!("%{b:02X}").into_bytes()).collect()
    }),
    way("quoted-printable", &[Decoder::QuotedPrintable], |b| {
        let text: String = b.iter().map(|b| format!("={b:02X}")).collect();
        let lines: Vec<&[u8]> = text.as_bytes().chunks(75).collect();
        lines.join(&b"=\r\n"[..])
    }),
    way("c escapes", &[Decoder::JsonEscapes, Decoder::Hex], |b| {
        b.iter().flat_map(|b| format!("\\x{b:02x}").into_bytes()).collect()
    }),
    way("gzip", &[Decoder::Gzip], gzip),
    way("zlib", &[Decoder::Zlib], zlib),
    way("bzip2", &[Decoder::Bzip2], bzip2),
    way("xz", &[Decoder::Xz], xz),
    way("lzma", &[Decoder::Lzma], lzma),
    way("zstd", &[Decoder::Zstd], |b| zstd::encode_all(b, 3).expect("memory takes it")),
    way("lz4", &[Decoder::Lz4], lz4_frame),
    way("7z", &[Decoder::SevenZip], seven_zip),
    way("zip", &[Decoder::ZipMember], |b| zip_by(zip::CompressionMethod::Deflated, b)),
    way("utf-16", &[Decoder::Utf16Le], |b| b.iter().flat_map(|&b| [b, 0]).collect()),
    way("utf-32", &[Decoder::Utf32Be], |b| b.iter().flat_map(|&b| [0, 0, 0, b]).collect()),
    alone("deflate", &[Decoder::Deflate], deflate),
    alone("brotli", &[Decoder::Brotli], brotli),
    alone("reversed", &[Decoder::Reversed], |b| b.iter().rev().copied().collect()),
    alone("bits reversed", &[Decoder::BitsReversed], |b| {
        b.iter().map(|b| b.reverse_bits()).collect()
    }),
    alone("byte addition", &[Decoder::ByteAddition], |b| {
        b.iter().map(|b| b.wrapping_add(43)).collect()
    }),
];

/// The way of a name.
pub(crate) fn way_of(name: &str) -> &'static Way {
    WAYS.iter().find(|way| way.name == name).expect("is in the list")
}
