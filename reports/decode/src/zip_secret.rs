//! Members of zip archives that are encrypted: in the traditional way (APPNOTE 6.1) and with AES
//! (WinZip AE-1 and AE-2).
//!
//! A password is right if the check bytes and then the stream agree. Cannot see: the strong
//! encryption of PKWARE.

use crate::archive;
use crate::inflate::Flow;
use crate::span::Span;
use crate::{Decoder, inflate, packed};
use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use belljar_record::ByteString;

/// Passwords for which a key is derived: that takes a millisecond each.
const DERIVED: usize = 64;
const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut value = i as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[i] = value;
        i += 1;
    }
    table
}

struct Traditional([u32; 3]);

impl Traditional {
    fn new(password: &[u8]) -> Self {
        let mut keys = Self([0x1234_5678, 0x2345_6789, 0x3456_7890]);
        password.iter().for_each(|&byte| keys.update(byte));
        keys
    }

    fn update(&mut self, byte: u8) {
        let crc = |value: u32, byte: u8| TABLE[usize::from(value as u8 ^ byte)] ^ value >> 8;
        let [a, b, c] = &mut self.0;
        *a = crc(*a, byte);
        *b = b.wrapping_add(*a & 0xff).wrapping_mul(134_775_813).wrapping_add(1);
        *c = crc(*c, (*b >> 24) as u8);
    }

    fn decrypt(&mut self, text: &[u8]) -> Vec<u8> {
        text.iter()
            .map(|&byte| {
                let mix = (self.0[2] | 2) & 0xffff;
                let plain = byte ^ (mix.wrapping_mul(mix ^ 1) >> 8) as u8;
                self.update(plain);
                plain
            })
            .collect()
    }
}

/// What the extra field of an AES member says (APPNOTE, appendix E): length of the key, method.
struct Aes {
    key: usize,
    method: u16,
}

fn aes_field(header: &[u8]) -> Option<Aes> {
    let name = usize::from(u16::from_le_bytes([*header.get(26)?, *header.get(27)?]));
    let mut extra = header.get(30 + name..)?;
    while let [a, b, c, d, rest @ ..] = extra {
        let len = usize::from(u16::from_le_bytes([*c, *d]));
        let body = rest.get(..len)?;
        if (*a, *b) == (0x01, 0x99) {
            let &[_, _, b'A', b'E', strength, low, high] = body else { return None };
            let key = match strength {
                1 => 16,
                2 => 24,
                3 => 32,
                _ => return None,
            };
            return Some(Aes { key, method: u16::from_le_bytes([low, high]) });
        }
        extra = &rest[len..];
    }
    None
}

/// What is right for the member at the beginning of `bytes`, as a step's detail says it.
pub(crate) fn password(bytes: &[u8], passwords: &[Vec<u8>]) -> Option<ByteString> {
    let local = archive::local_header(bytes)?;
    let most = if local.aes() { DERIVED } else { usize::MAX };
    passwords.iter().take(most).find_map(|password| {
        let (opened, _) = open(bytes, password)?;
        (opened.len() >= 8).then(|| {
            let mut detail = local.name.0.clone();
            detail.extend_from_slice(b" (password: ");
            detail.extend_from_slice(password);
            detail.push(b')');
            detail.into()
        })
    })
}

/// Decrypts and unpacks as a step's detail says; also says how many bytes were used.
pub(crate) fn decode(bytes: &[u8], detail: &[u8]) -> (Vec<u8>, usize) {
    const LABEL: &[u8] = b" (password: ";
    let password = memchr::memmem::rfind(detail, LABEL)
        .and_then(|at| detail[at + LABEL.len()..].strip_suffix(b")"));
    password.and_then(|password| open(bytes, password)).unwrap_or_default()
}

fn open(bytes: &[u8], password: &[u8]) -> Option<(Vec<u8>, usize)> {
    let local = archive::local_header(bytes)?;
    let rest = bytes.get(local.len..)?;
    let len = match usize::try_from(local.compressed) {
        Ok(len) if len > 0 => len.min(rest.len()),
        // Written as a stream: up to the descriptor behind it.
        _ => memchr::memmem::find(rest, b"PK\x07\x08").unwrap_or(rest.len()),
    };
    let text = &rest[..len];
    let (method, plain) = match local.aes() {
        true => {
            let field = aes_field(bytes.get(..local.len)?)?;
            (field.method, aes(&field, text, password)?)
        }
        false => {
            let mut keys = Traditional::new(password);
            let head = keys.decrypt(text.get(..12)?);
            if head[11] != local.check {
                return None;
            }
            (local.secret_method, keys.decrypt(&text[12..]))
        }
    };
    let used = local.len + len;
    if method == 0 {
        return Some((plain, used));
    }
    let (mut output, all) = (Vec::new(), 0..plain.len() as u64);
    let mut sink = |block: &[u8]| {
        output.extend_from_slice(block);
        if output.len() > 256 << 20 { Flow::Stop } else { Flow::Go }
    };
    let span = Span::Near(&plain);
    let went = match method {
        8 => inflate::stream(Decoder::Deflate, span, all.start, all.end, &mut sink),
        _ => packed::member(method, span, all.start, all.end, &mut sink),
    };
    // One of 256 passwords passes the check byte: the stream must agree, or be cut short.
    (went.whole || went.input + 64 >= all.end && output.len() > 512).then_some((output, used))
}

fn aes(field: &Aes, text: &[u8], password: &[u8]) -> Option<Vec<u8>> {
    let salt = field.key / 2;
    let mut derived = vec![0_u8; field.key * 2 + 2];
    pbkdf2::pbkdf2_hmac::<sha1::Sha1>(password, text.get(..salt)?, 1000, &mut derived);
    if text.get(salt..salt + 2)? != &derived[field.key * 2..] {
        return None;
    }
    let mut plain = text.get(salt + 2..text.len().checked_sub(10)?)?.to_vec();
    let counter = 1_u128.to_le_bytes();
    let key = &derived[..field.key];
    match field.key {
        16 => ctr::Ctr128LE::<aes::Aes128>::new_from_slices(key, &counter)
            .ok()?
            .apply_keystream(&mut plain),
        24 => ctr::Ctr128LE::<aes::Aes192>::new_from_slices(key, &counter)
            .ok()?
            .apply_keystream(&mut plain),
        _ => ctr::Ctr128LE::<aes::Aes256>::new_from_slices(key, &counter)
            .ok()?
            .apply_keystream(&mut plain),
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use zip::unstable::write::FileOptionsExt as _;

    fn archive(options: zip::write::FileOptions<'_, '_, ()>) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        writer.start_file("a.txt", options).expect("begins");
        writer.write_all(&b"words of a text ".repeat(9)).expect("memory takes it");
        writer.finish().expect("memory takes it").into_inner()
    }

    fn is_opened(archive: &[u8]) {
        let local = archive::local_header(archive).expect("has a header");
        let (method, check) = (local.secret_method, local.check);
        let found = password(archive, &[b"other".to_vec(), b"Pw-3f9a".to_vec()]);
        let detail = found.unwrap_or_else(|| {
            let head = Traditional::new(b"Pw-3f9a").decrypt(&archive[local.len..local.len + 12]);
            panic!("method {method}, check {check}, {head:?}: {}", archive.escape_ascii())
        });
        let (opened, _) = decode(archive, &detail.0);
        assert_eq!(opened, b"words of a text ".repeat(9));
    }

    #[test]
    fn members_of_both_kinds_are_opened() {
        let options = zip::write::FileOptions::<'_, '_, ()>::default;
        is_opened(&archive(options().with_aes_encryption(zip::AesMode::Aes128, "Pw-3f9a")));
        is_opened(&archive(options().with_aes_encryption(zip::AesMode::Aes256, "Pw-3f9a")));
        is_opened(&archive(options().with_deprecated_encryption(b"Pw-3f9a").expect("is set")));
    }
}
