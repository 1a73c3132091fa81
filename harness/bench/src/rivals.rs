//! Two rivals that look at the same captures. Both are told more than they would know: which bytes
//! leave. *grep* looks for the first, middle and last 32 of them as they are. The *table* looks for
//! these, and for all of them, in every chain of up to three plain encodings, and for whole decoys
//! by digest (the method of *Leaky Forms*; its LZ-string is not in this table).

use data_encoding::{BASE32, BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::io::Write as _;

/// Bytes of one token.
const TOKEN: usize = 32;
/// Ranges longer than this are put through one encoding only.
const LONG: usize = 16 << 10;

/// What the rivals found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rivals {
    /// Leaks found by grep.
    pub grep: u64,
    /// Leaks found by the table.
    pub table: u64,
}

fn tokens(range: &[u8]) -> Vec<&[u8]> {
    let len = range.len().min(TOKEN);
    let places = [0, (range.len() - len) / 2, range.len() - len];
    places.iter().map(|&at| &range[at..at + len]).collect()
}

/// Whether grep finds the range in any of the payloads.
pub(crate) fn grep(range: &[u8], payloads: &[Vec<u8>]) -> bool {
    tokens(range).iter().any(|token| found(token, payloads))
}

fn found(token: &[u8], payloads: &[Vec<u8>]) -> bool {
    let finder = memchr::memmem::Finder::new(token);
    payloads.iter().any(|payload| finder.find(payload).is_some())
}

/// Whether the table finds the range, or a digest of the whole decoy.
pub(crate) fn table(range: &[u8], whole: &[u8], payloads: &[Vec<u8>]) -> bool {
    if digests(whole).iter().any(|digest| found(digest, payloads)) {
        return true;
    }
    let deep = if range.len() > LONG { 1 } else { 2 };
    tokens(range).iter().any(|token| nested(token, 3, payloads)) || nested(range, deep, payloads)
}

fn nested(bytes: &[u8], depth: usize, payloads: &[Vec<u8>]) -> bool {
    if found(bytes, payloads) {
        return true;
    }
    depth > 0
        && ENCODERS.iter().any(|encode| {
            encode(bytes).is_some_and(|encoded| nested(&encoded, depth - 1, payloads))
        })
}

type Encoder = fn(&[u8]) -> Option<Vec<u8>>;

const ENCODERS: &[Encoder] = &[
    |bytes| Some(HEXLOWER.encode(bytes).into_bytes()),
    |bytes| Some(BASE32.encode(bytes).trim_end_matches('=').as_bytes().to_vec()),
    |bytes| (bytes.len() <= 1024).then(|| base58(bytes)),
    |bytes| Some(BASE64.encode(bytes).trim_end_matches('=').as_bytes().to_vec()),
    |bytes| Some(escaped(bytes, |byte| format!("%{byte:02X}"))),
    |bytes| Some(escaped(bytes, |byte| format!("&#{byte};"))),
    |bytes| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).ok()?;
        // The head holds a time, the tail is found with the body.
        Some(out.finish().ok()?.split_off(10))
    },
    |bytes| {
        let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).ok()?;
        out.finish().ok()
    },
    |bytes| {
        let mut out =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).ok()?;
        out.finish().ok()
    },
];

fn escaped(bytes: &[u8], write: fn(u8) -> String) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 3);
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() {
            out.push(byte);
        } else {
            out.extend(write(byte).bytes());
        }
    }
    out
}

fn base58(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
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
    digits.iter().rev().map(|&digit| ALPHABET[usize::from(digit)]).collect()
}

fn digests(whole: &[u8]) -> Vec<Vec<u8>> {
    let raw = [
        md5::Md5::digest(whole).to_vec(),
        sha1::Sha1::digest(whole).to_vec(),
        sha2::Sha224::digest(whole).to_vec(),
        sha2::Sha256::digest(whole).to_vec(),
        sha2::Sha384::digest(whole).to_vec(),
        sha2::Sha512::digest(whole).to_vec(),
    ];
    raw.into_iter()
        .flat_map(|digest| {
            let hex = HEXLOWER.encode(&digest).into_bytes();
            let base64 = BASE64.encode(&digest).into_bytes();
            [digest, hex, base64]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_sees_what_grep_does_not() {
        let range: Vec<u8> = (0..200_u32).map(|n| (n * 37 % 251) as u8).collect();
        let plain = vec![[b"head".to_vec(), range.clone()].concat()];
        assert!(grep(&range, &plain) && table(&range, &range, &plain));
        let base64 = vec![BASE64.encode(&range).into_bytes()];
        assert!(!grep(&range, &base64) && table(&range, &range, &base64));
        let hash = vec![HEXLOWER.encode(&sha2::Sha256::digest(&range)).into_bytes()];
        assert!(!grep(&range, &hash) && table(&range, &range, &hash));
        let other = vec![vec![1, 2, 3, 4]];
        assert!(!grep(&range, &other) && !table(&range, &range, &other));
    }
}
