//! Archives, ciphers and the frames of serialisers.

use crate::{Failure, random};
use std::io::{Cursor, Write as _};

/// An xz stream.
pub(crate) fn xz(plain: &[u8]) -> Result<Vec<u8>, Failure> {
    let options = lzma_rust2::XzOptions::with_preset(6);
    let mut out = lzma_rust2::XzWriter::new(Vec::new(), options)?;
    out.write_all(plain)?;
    Ok(out.finish()?)
}

/// A tar archive of one member.
pub(crate) fn tar(plain: &[u8], name: &str) -> Result<Vec<u8>, Failure> {
    let mut header = tar::Header::new_ustar();
    header.set_size(plain.len() as u64);
    header.set_mode(0o600);
    let mut out = tar::Builder::new(Vec::new());
    out.append_data(&mut header, name, plain)?;
    Ok(out.into_inner()?)
}

fn zipped(
    plain: &[u8],
    name: &str,
    options: zip::write::FileOptions<'_, 'static, ()>,
    comment: Option<String>,
) -> Result<Vec<u8>, Failure> {
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = options
        .compression_method(zip::CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default());
    out.start_file(name, options)?;
    out.write_all(plain)?;
    if let Some(comment) = comment {
        out.set_comment(comment)?;
    }
    Ok(out.finish()?.into_inner())
}

/// A zip archive of one deflated member.
pub(crate) fn zip(plain: &[u8], name: &str) -> Result<Vec<u8>, Failure> {
    zipped(plain, name, zip::write::SimpleFileOptions::default(), None)
}

/// The same, encrypted in the traditional way (APPNOTE, 6.1); the archive's comment has the
/// password.
pub(crate) fn encrypted_zip(plain: &[u8], name: &str, seed: u64) -> Result<Vec<u8>, Failure> {
    use zip::unstable::write::FileOptionsExt as _;
    let password =
        format!("Pw-{}", data_encoding::HEXLOWER.encode(&random::bytes(seed, "password", 6)));
    let options = zip::write::FileOptions::<'_, 'static, ()>::default()
        .with_deprecated_encryption(password.as_bytes())?;
    zipped(plain, name, options, Some(format!("password: {password}")))
}

/// A 7z archive of one member.
pub(crate) fn seven_zip(plain: &[u8], name: &str) -> Result<Vec<u8>, Failure> {
    let mut out = sevenz_rust2::ArchiveWriter::new(Cursor::new(Vec::new()))?;
    out.push_archive_entry(sevenz_rust2::ArchiveEntry::new_file(name), Some(plain))?;
    Ok(out.finish()?.into_inner())
}

/// AES-256-GCM: ciphertext and tag.
pub(crate) fn aes_gcm(plain: &[u8], key: &[u8], nonce: &[u8]) -> Result<Vec<u8>, Failure> {
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let wrong = |_| Failure::from("AES-256-GCM refuses key or nonce");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(wrong)?);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(wrong)?;
    let mut sealed = plain.to_vec();
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).map_err(wrong)?;
    Ok(sealed)
}

/// A message with a number (field 1), the bytes (field 2) and a name (field 3).
pub(crate) fn protobuf(plain: &[u8]) -> Vec<u8> {
    let mut out = vec![0x08, 0x07, 0x12];
    let mut len = plain.len();
    while len >= 0x80 {
        out.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(plain);
    out.extend_from_slice(b"\x1a\x05state");
    out
}

/// `{"kind": 7, "data": h'…'}` (RFC 8949).
pub(crate) fn cbor(plain: &[u8]) -> Vec<u8> {
    let mut out = b"\xa2\x64kind\x07\x64data\x5a".to_vec();
    out.extend_from_slice(&u32::try_from(plain.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(plain);
    out
}

/// `{"kind": 7, "data": bin32}`.
pub(crate) fn message_pack(plain: &[u8]) -> Vec<u8> {
    let mut out = b"\x82\xa4kind\x07\xa4data\xc6".to_vec();
    out.extend_from_slice(&u32::try_from(plain.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(plain);
    out
}
