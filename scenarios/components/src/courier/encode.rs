//! The encodings of the benchmark.

use crate::{Failure, binary, image, lz_string, random};
use belljar_leaks::Encoding;
use data_encoding::{BASE32, BASE32HEX, BASE64, BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest as _, Sha256};
use std::io::Write as _;

/// The key of 13 bytes that stands in the component.
const FIXED_KEY: &[u8; 13] = b"\x9d\x21\xf0\x5e\x83\x17\xcb\x64\xa8\x3d\xd2\x0f\x76";
/// What is added to each byte.
const ADDED: u8 = 0x2b;

/// Writes `plain` in one encoding. `name` is the member's name in archives.
pub(crate) fn encode(
    encoding: Encoding,
    plain: &[u8],
    name: &str,
    seed: u64,
) -> Result<Vec<u8>, Failure> {
    Ok(match encoding {
        Encoding::None => plain.to_vec(),
        Encoding::Hex => HEXLOWER.encode(plain).into_bytes(),
        Encoding::Base32 => BASE32.encode(plain).replace('=', "").into_bytes(),
        Encoding::Base32Hex => BASE32HEX.encode(plain).replace('=', "").into_bytes(),
        Encoding::Base58 => base58(plain),
        Encoding::Base64 => BASE64.encode(plain).into_bytes(),
        Encoding::Base64Url => BASE64URL_NOPAD.encode(plain).into_bytes(),
        Encoding::Ascii85 => ascii85(plain),
        Encoding::Percent => escaped(plain, unreserved, |byte| format!("%{byte:02X}")),
        Encoding::HtmlEntity => escaped(plain, u8_is_word, |byte| format!("&#{byte};")),
        Encoding::JsonEscapes => escaped(plain, u8_is_word, |byte| format!("\\u{byte:04x}")),
        Encoding::QuotedPrintable => quoted_printable(plain),
        Encoding::Gzip => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            out.write_all(plain)?;
            out.finish()?
        }
        Encoding::Deflate => {
            let mut out =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            out.write_all(plain)?;
            out.finish()?
        }
        Encoding::Zlib => {
            let mut out =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            out.write_all(plain)?;
            out.finish()?
        }
        Encoding::Bzip2 => {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            out.write_all(plain)?;
            out.finish()?
        }
        Encoding::Xz => binary::xz(plain)?,
        Encoding::Zstd => zstd::encode_all(plain, 3)?,
        Encoding::Brotli => {
            let mut out = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
            out.write_all(plain)?;
            out.flush()?;
            out.into_inner()
        }
        Encoding::Tar => binary::tar(plain, name)?,
        Encoding::Zip => binary::zip(plain, name)?,
        Encoding::EncryptedZip => binary::encrypted_zip(plain, name, seed)?,
        Encoding::SevenZip => binary::seven_zip(plain, name)?,
        Encoding::LzString => lz_string::compress(plain),
        Encoding::XorFixed => xored(plain, FIXED_KEY),
        Encoding::XorSent => {
            let mut out = random::bytes(seed, "xor", 24);
            let body = xored(plain, &out);
            out.extend(body);
            out
        }
        Encoding::ByteAddition => plain.iter().map(|byte| byte.wrapping_add(ADDED)).collect(),
        Encoding::AesGcm => {
            let key = random::bytes(seed, "key", 32);
            let nonce = random::bytes(seed, "nonce", 12);
            let sealed = binary::aes_gcm(plain, &key, &nonce)?;
            [key, nonce, sealed].concat()
        }
        Encoding::AesGcmHidden => {
            let key = random::bytes(seed ^ 0x5eed, "hidden key", 32);
            let nonce = random::bytes(seed, "nonce", 12);
            [nonce.clone(), binary::aes_gcm(plain, &key, &nonce)?].concat()
        }
        Encoding::Hash => HEXLOWER.encode(&Sha256::digest(plain)).into_bytes(),
        Encoding::TruncatedHash => HEXLOWER.encode(&Sha256::digest(plain)[..12]).into_bytes(),
        Encoding::SaltedHash => {
            let salt = random::bytes(seed, "salt", 16);
            let digest = Sha256::new_with_prefix(&salt).chain_update(plain).finalize();
            format!("{}:{}", HEXLOWER.encode(&salt), HEXLOWER.encode(&digest)).into_bytes()
        }
        Encoding::WordList => words(plain),
        Encoding::ImageLowBits => image::low_bits(plain, seed)?,
        Encoding::Reversal => plain.iter().rev().copied().collect(),
        Encoding::Utf16 => plain.iter().flat_map(|&byte| [byte, 0]).collect(),
        Encoding::Protobuf => binary::protobuf(plain),
        Encoding::Cbor => binary::cbor(plain),
        Encoding::MessagePack => binary::message_pack(plain),
        Encoding::Chunks => chunks(plain, seed),
    })
}

fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn u8_is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b' '
}

fn escaped(plain: &[u8], stays: fn(u8) -> bool, write: impl Fn(u8) -> String) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() * 2);
    for &byte in plain {
        if stays(byte) {
            out.push(byte);
        } else {
            out.extend(write(byte).bytes());
        }
    }
    out
}

/// RFC 2045, section 6.7: at most 76 characters a line.
fn quoted_printable(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() * 2);
    let mut column = 0;
    for &byte in plain {
        let literal = matches!(byte, b'!'..=b'<' | b'>'..=b'~');
        let width = if literal { 1 } else { 3 };
        if column + width > 75 {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        column += width;
        if literal {
            out.push(byte);
        } else {
            out.extend(format!("={byte:02X}").bytes());
        }
    }
    out
}

/// One number in base 58, with a `1` for each leading zero byte.
fn base58(plain: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let zeros = plain.iter().take_while(|&&byte| byte == 0).count();
    let mut digits: Vec<u8> = Vec::new();
    for &byte in plain {
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

/// The form of `btoa` without its frame; `z` for four zero bytes.
fn ascii85(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() * 5 / 4 + 8);
    for group in plain.chunks(4) {
        let mut four = [0; 4];
        four[..group.len()].copy_from_slice(group);
        let mut number = u32::from_be_bytes(four);
        if number == 0 && group.len() == 4 {
            out.push(b'z');
            continue;
        }
        let mut five = [0; 5];
        for place in five.iter_mut().rev() {
            *place = b'!' + (number % 85) as u8;
            number /= 85;
        }
        out.extend_from_slice(&five[..=group.len()]);
    }
    out
}

fn xored(plain: &[u8], key: &[u8]) -> Vec<u8> {
    plain.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

/// Eleven bits a word, most significant first; the last word is filled up with zeros.
fn words(plain: &[u8]) -> Vec<u8> {
    let list = bip39::Language::English.word_list();
    let bits: Vec<bool> =
        plain.iter().flat_map(|&byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    let words: Vec<&str> = bits
        .chunks(11)
        .map(|group| {
            let number = group.iter().fold(0_usize, |n, &bit| n << 1 | usize::from(bit));
            list[number << (11 - group.len())]
        })
        .collect();
    words.join(" ").into_bytes()
}

/// Chunks of 96 bytes, each with its number (four bytes) and length (two), out of order.
fn chunks(plain: &[u8], seed: u64) -> Vec<u8> {
    let pieces: Vec<&[u8]> = plain.chunks(96).collect();
    let mut out = Vec::with_capacity(plain.len() + pieces.len() * 6);
    for number in random::order(seed, pieces.len()) {
        let piece = pieces[number];
        out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(&u16::try_from(piece.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(encoding: Encoding, plain: &[u8]) -> String {
        String::from_utf8(encode(encoding, plain, "x", 1).expect("is encoded")).expect("is text")
    }

    #[test]
    fn known_values_of_others_are_met() {
        assert_eq!(text(Encoding::Base58, b"Hello World!"), "2NEpo7TZRRrLZSi2U");
        assert_eq!(text(Encoding::Base58, b"\0\0hi"), "118wr");
        assert_eq!(text(Encoding::Ascii85, b"Man sure."), "9jqo^F*2M7/c~".replace('~', ""));
        assert_eq!(text(Encoding::WordList, &[0; 11]).split(' ').next(), Some("abandon"));
        assert_eq!(text(Encoding::QuotedPrintable, b"a=\xc3"), "a=3D=C3");
        assert_eq!(text(Encoding::Percent, b"a b/"), "a%20b%2F");
    }

    #[test]
    fn every_encoding_stays_within_what_the_cases_reckon_with() {
        let plain: Vec<u8> = random::bytes(1, "plain", 3000);
        for &encoding in Encoding::ALL {
            let len = encode(encoding, &plain, "part.bin", 2).expect("is encoded").len();
            assert!(len <= encoding.grows(plain.len()), "{}: {len}", encoding.name());
        }
    }

    #[test]
    fn what_a_fixed_seed_gives_is_always_the_same() {
        // The traditional encryption of zip begins with random bytes of the library.
        for &encoding in Encoding::ALL.iter().filter(|e| **e != Encoding::EncryptedZip) {
            let once = encode(encoding, b"some text of some length", "part.bin", 5);
            let again = encode(encoding, b"some text of some length", "part.bin", 5);
            assert_eq!(once.expect("is encoded"), again.expect("is encoded"), "{encoding:?}");
        }
    }
}
