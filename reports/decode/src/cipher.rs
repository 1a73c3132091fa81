//! Ciphers with a key that stands in the same egress, in the usual layouts.
//!
//! A key is right if the tag of AES-GCM or ChaCha20-Poly1305 says so (without associated data), or
//! if what comes out is text or begins as a file does; for `openssl enc` and zip archives if the
//! fill, the check byte and the stream agree. Cannot see: associated data together with content
//! that has no mark; keys in other payloads; longer ciphertext than [`MOST`].

use crate::turn;
use aes::cipher::{BlockModeDecrypt as _, KeyInit as _, KeyIvInit as _, StreamCipher as _};
use belljar_record::ByteString;
use std::ops::Range;

/// The longest ciphertext that is tried.
pub(crate) const MOST: usize = 256 << 10;
/// The least length of a ciphertext.
const LEAST: usize = 32;
/// With what messages of `openssl enc` begin.
pub(crate) const SALTED: &[u8] = b"Salted__";
const TAG: usize = 16;

/// A way of encrypting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Gcm,
    Ctr,
    Cbc,
    ChaCha,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Gcm, Self::Ctr, Self::Cbc, Self::ChaCha];

    fn name(self) -> &'static str {
        match self {
            Self::Gcm => "gcm",
            Self::Ctr => "ctr",
            Self::Cbc => "cbc",
            Self::ChaCha => "chacha",
        }
    }

    fn nonce(self) -> usize {
        match self {
            Self::Gcm | Self::ChaCha => 12,
            Self::Ctr | Self::Cbc => 16,
        }
    }
}

/// A key that opens something.
pub(crate) struct Opened {
    pub(crate) mode: Mode,
    /// Which bytes are the ciphertext.
    pub(crate) range: Range<usize>,
    /// What a step's detail says: mode, key and nonce.
    pub(crate) detail: ByteString,
}

/// Every key and nonce, in the thing itself or seen elsewhere, that opens `bytes`.
pub(crate) fn open(bytes: &[u8], keys: &[Vec<u8>], nonces: &[Vec<u8>]) -> Option<Opened> {
    let mut found = None;
    let mut attempt = |mode: Mode, key: &[u8], nonce: &[u8], range: Range<usize>| -> bool {
        if mode == Mode::ChaCha && key.len() != 32 || range.len() < LEAST {
            return false;
        }
        let opens = right(mode, key, nonce, &bytes[range.clone()]);
        if opens {
            let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
            let detail = format!("{} key={} nonce={}", mode.name(), hex(key), hex(nonce));
            found = Some(Opened { mode, range, detail: detail.into() });
        }
        opens
    };
    let len = bytes.len();
    for mode in Mode::ALL {
        let n = mode.nonce();
        for k in [32, 16, 24] {
            if len < k + n + LEAST {
                continue;
            }
            // key, nonce, ciphertext; nonce, key, ciphertext; nonce, ciphertext, key.
            if attempt(mode, &bytes[..k], &bytes[k..k + n], k + n..len)
                || attempt(mode, &bytes[n..n + k], &bytes[..n], k + n..len)
                || attempt(mode, &bytes[len - k..], &bytes[..n], n..len - k)
            {
                return found;
            }
        }
        for key in keys {
            if len >= n + LEAST && attempt(mode, key, &bytes[..n], n..len) {
                return found;
            }
            for nonce in nonces.iter().filter(|nonce| nonce.len() == n) {
                if attempt(mode, key, nonce, 0..len) {
                    return found;
                }
            }
        }
    }
    found
}

/// Whether key and nonce are right for a ciphertext.
fn right(mode: Mode, key: &[u8], nonce: &[u8], text: &[u8]) -> bool {
    let head = &text[..text.len().min(256) & !15];
    // Of most keys the first bytes say that they are wrong.
    let first = decrypt(mode, key, nonce, &head[..head.len().min(64)]);
    if (!is_far_from_text(&first) || turn::has_mark(&first))
        && plausible(&decrypt(mode, key, nonce, head))
    {
        return true;
    }
    let Some((body, tag)) = text.split_last_chunk::<TAG>() else { return false };
    match mode {
        Mode::Gcm => gcm_tag(key, nonce, body) == Some(*tag),
        Mode::ChaCha => poly1305_tag(key, nonce, body) == Some(*tag),
        Mode::Ctr | Mode::Cbc => false,
    }
}

fn is_text(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e | b'\t' | b'\r' | b'\n')
}

/// Whether so many bytes are no text that 256 which begin with them are none.
fn is_far_from_text(bytes: &[u8]) -> bool {
    bytes.iter().map(|&b| u32::from(!is_text(b))).sum::<u32>() > 256 / 20
}

/// Whether something is text, or begins as a file or stream does.
fn plausible(bytes: &[u8]) -> bool {
    let text = bytes.iter().filter(|&&b| is_text(b)).count();
    bytes.len() >= LEAST && (text * 20 >= bytes.len() * 19 || turn::has_mark(bytes))
}

fn decrypt(mode: Mode, key: &[u8], nonce: &[u8], text: &[u8]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    match mode {
        Mode::Gcm => {
            // NIST SP 800-38D: the counter of the first block is 2.
            let mut counter = [0; 16];
            counter[..nonce.len().min(12)].copy_from_slice(&nonce[..nonce.len().min(12)]);
            counter[15] = 2;
            ctr(key, &counter, &mut bytes);
        }
        Mode::Ctr => ctr(key, nonce, &mut bytes),
        Mode::Cbc => bytes = cbc(key, nonce, &bytes),
        Mode::ChaCha => chacha(key, nonce, 64, &mut bytes),
    }
    bytes
}

fn ctr(key: &[u8], counter: &[u8], bytes: &mut [u8]) {
    match key.len() {
        16 => run(ctr::Ctr128BE::<aes::Aes128>::new_from_slices(key, counter).ok(), bytes),
        24 => run(ctr::Ctr128BE::<aes::Aes192>::new_from_slices(key, counter).ok(), bytes),
        _ => run(ctr::Ctr128BE::<aes::Aes256>::new_from_slices(key, counter).ok(), bytes),
    }
}

fn run(cipher: Option<impl aes::cipher::StreamCipher>, bytes: &mut [u8]) {
    if let Some(mut cipher) = cipher {
        cipher.apply_keystream(bytes);
    }
}

/// CBC over whole blocks; a valid fill (PKCS #7) is taken off.
fn cbc(key: &[u8], iv: &[u8], text: &[u8]) -> Vec<u8> {
    let mut bytes = text[..text.len() & !15].to_vec();
    let (blocks, _) = aes::Block::slice_as_chunks_mut(&mut bytes);
    match key.len() {
        16 => cbc::Decryptor::<aes::Aes128>::new_from_slices(key, iv)
            .map(|mut cipher| cipher.decrypt_blocks(blocks))
            .ok(),
        24 => cbc::Decryptor::<aes::Aes192>::new_from_slices(key, iv)
            .map(|mut cipher| cipher.decrypt_blocks(blocks))
            .ok(),
        _ => cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv)
            .map(|mut cipher| cipher.decrypt_blocks(blocks))
            .ok(),
    };
    if text.len().is_multiple_of(16)
        && let Some(fill) = fill(&bytes)
    {
        bytes.truncate(bytes.len() - fill);
    }
    bytes
}

fn fill(bytes: &[u8]) -> Option<usize> {
    let fill = usize::from(*bytes.last()?);
    let valid = (1..=16).contains(&fill)
        && bytes.len() >= fill
        && bytes[bytes.len() - fill..].iter().all(|&b| usize::from(b) == fill);
    valid.then_some(fill)
}

fn chacha(key: &[u8], nonce: &[u8], from: u64, bytes: &mut [u8]) {
    use chacha20::cipher::StreamCipherSeek as _;
    if let Ok(mut cipher) = chacha20::ChaCha20::new_from_slices(key, nonce) {
        cipher.seek(from);
        cipher.apply_keystream(bytes);
    }
}

/// The tag of AES-GCM without associated data.
fn gcm_tag(key: &[u8], nonce: &[u8], text: &[u8]) -> Option<[u8; TAG]> {
    use ghash::universal_hash::UniversalHash as _;
    let mut zero = [0; 16];
    ctr(key, &[0; 16], &mut zero);
    let mut hash = ghash::GHash::new_from_slice(&zero).ok()?;
    hash.update_padded(text);
    let mut lengths = [0; 16];
    lengths[8..].copy_from_slice(&(text.len() as u64 * 8).to_be_bytes());
    hash.update_padded(&lengths);
    let mut tag: [u8; TAG] = hash.finalize().into();
    let mut counter = [0; 16];
    counter[..12].copy_from_slice(nonce.get(..12)?);
    counter[15] = 1;
    ctr(key, &counter, &mut tag);
    Some(tag)
}

/// The tag of ChaCha20-Poly1305 without associated data (RFC 8439, 2.8).
fn poly1305_tag(key: &[u8], nonce: &[u8], text: &[u8]) -> Option<[u8; TAG]> {
    use poly1305::universal_hash::UniversalHash as _;
    let mut once = [0; 32];
    chacha(key, nonce, 0, &mut once);
    let mut hash = poly1305::Poly1305::new_from_slice(&once).ok()?;
    hash.update_padded(text);
    let mut lengths = [0; 16];
    lengths[8..].copy_from_slice(&(text.len() as u64).to_le_bytes());
    hash.update_padded(&lengths);
    Some(hash.finalize().into())
}

/// Decrypts as a step's detail says. A tag at the end is taken off if it is right.
pub(crate) fn decode(detail: &[u8], text: &[u8]) -> Vec<u8> {
    let Ok(detail) = std::str::from_utf8(detail) else { return Vec::new() };
    let mut words = detail.split(' ');
    let mode = words.next().and_then(|name| Mode::ALL.into_iter().find(|mode| mode.name() == name));
    let mut hex = |label: &str| -> Option<Vec<u8>> {
        let digits = words.next()?.strip_prefix(label)?;
        (0..digits.len() / 2)
            .map(|i| u8::from_str_radix(digits.get(i * 2..i * 2 + 2)?, 16).ok())
            .collect()
    };
    let (Some(mode), Some(key), Some(nonce)) = (mode, hex("key="), hex("nonce=")) else {
        return Vec::new();
    };
    if !matches!(key.len(), 16 | 24 | 32) || nonce.len() != mode.nonce() {
        return Vec::new();
    }
    let tagged = text.split_last_chunk::<TAG>().filter(|(body, tag)| match mode {
        Mode::Gcm => gcm_tag(&key, &nonce, body) == Some(**tag),
        Mode::ChaCha => poly1305_tag(&key, &nonce, body) == Some(**tag),
        Mode::Ctr | Mode::Cbc => false,
    });
    decrypt(mode, &key, &nonce, tagged.map_or(text, |(body, _)| body))
}

/// The password and derivation that open a message of `openssl enc`, as a step's detail says it.
pub(crate) fn unsalt(bytes: &[u8], passwords: &[Vec<u8>]) -> Option<ByteString> {
    // Deriving takes milliseconds.
    const TRIED: usize = 24;
    for password in passwords.iter().take(TRIED) {
        for way in ["pbkdf2", "sha256", "md5"] {
            let mut detail = format!("{way} ").into_bytes();
            detail.extend_from_slice(password);
            let opened = salted(&detail, bytes);
            if opened.len() >= LEAST / 2 {
                return Some(detail.into());
            }
        }
    }
    None
}

/// Decrypts a message of `openssl enc -aes-256-cbc`; nothing if the fill is wrong.
pub(crate) fn salted(detail: &[u8], bytes: &[u8]) -> Vec<u8> {
    let Some(split) = memchr::memchr(b' ', detail) else { return Vec::new() };
    let (way, password) = (&detail[..split], &detail[split + 1..]);
    let Some((salt, text)) = bytes.get(8..).and_then(|rest| rest.split_first_chunk::<8>()) else {
        return Vec::new();
    };
    let text = &text[..text.len() & !15];
    let derived = match way {
        b"pbkdf2" => {
            let mut derived = [0; 48];
            pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, 10_000, &mut derived);
            derived
        }
        b"sha256" => stretched::<sha2::Sha256>(password, salt),
        _ => stretched::<md5::Md5>(password, salt),
    };
    if text.is_empty() {
        return Vec::new();
    }
    let opened = cbc(&derived[..32], &derived[32..], text);
    // Of wrong keys one in 256 leaves a fill of one byte.
    if opened.len() < text.len() - 1 || plausible(&opened) { opened } else { Vec::new() }
}

/// `EVP_BytesToKey` with one round.
fn stretched<D: sha2::Digest>(password: &[u8], salt: &[u8]) -> [u8; 48] {
    let (mut derived, mut last) = (Vec::new(), Vec::new());
    while derived.len() < 48 {
        last = D::new()
            .chain_update(&last)
            .chain_update(password)
            .chain_update(salt)
            .finalize()
            .to_vec();
        derived.extend_from_slice(&last);
    }
    let mut result = [0; 48];
    result.copy_from_slice(&derived[..48]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tags_are_those_of_the_standards() {
        // NIST GCM, test case 2; RFC 8439 has associated data, so its key stream is checked.
        let tag = gcm_tag(
            &[0; 16],
            &[0; 12],
            b"\x03\x88\xda\xce\x60\xb6\xa3\x92\xf3\x28\xc2\xb9\x71\xb2\xfe\x78",
        );
        assert_eq!(tag, Some(*b"\xab\x6e\x47\xd4\x2c\xec\x13\xbd\xf5\x3a\x67\xb2\x12\x57\xbd\xdf"));
    }
}
