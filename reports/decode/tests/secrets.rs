//! What is hidden or encrypted while all that is needed to open it is sent along.

mod encoders;

use belljar_decode::{Decoder, replay};
use belljar_record::{BytesSource, Layer};
use encoders::finds;
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305};

fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 11) as u8
        })
        .collect()
}

fn sealed(algorithm: &'static Algorithm, key: &[u8], nonce: &[u8], plain: &[u8]) -> Vec<u8> {
    let key = ring::aead::UnboundKey::new(algorithm, key).expect("fits");
    let nonce = ring::aead::Nonce::try_assume_unique_for_key(nonce).expect("fits");
    let mut bytes = plain.to_vec();
    ring::aead::LessSafeKey::new(key)
        .seal_in_place_append_tag(nonce, Aad::empty(), &mut bytes)
        .expect("is sealed");
    bytes
}

fn opens(payload: Vec<u8>, secret: &[u8], by: Decoder) {
    let chain = finds(&payload, Layer::Stream, secret).expect("is found");
    assert!(chain.iter().any(|step| step.decoder == by), "{chain:?}");
    let source = BytesSource::from(payload);
    let again = replay(&source, Layer::Stream, &chain, 1 << 24).expect("applies again");
    assert!(memchr::memmem::find(&again, secret).is_some());
}

#[test]
fn what_is_sealed_with_a_key_beside_it_is_opened() {
    let nonce = noise(2, 12);
    for secret in [noise(1, 1000), b"the minutes of the meeting ".repeat(20)] {
        for (algorithm, len, by) in [
            (&AES_256_GCM, 32, Decoder::Aes),
            (&AES_128_GCM, 16, Decoder::Aes),
            (&CHACHA20_POLY1305, 32, Decoder::ChaCha20),
        ] {
            let key = noise(3, len);
            let text = sealed(algorithm, &key, &nonce, &secret);
            opens([&key[..], &nonce, &text].concat(), &secret, by);
            opens([&nonce[..], &key, &text].concat(), &secret, by);
            opens([&nonce[..], &text, &key].concat(), &secret, by);
        }
    }
}

#[test]
fn what_is_sealed_with_a_key_in_another_field_is_opened() {
    let (key, nonce, secret) = (noise(5, 32), noise(6, 12), noise(7, 800));
    let text = sealed(&AES_256_GCM, &key, &nonce, &secret);
    let body = format!(
        "{{\"key\":\"{}\",\"data\":\"{}\"}}",
        data_encoding::HEXLOWER.encode(&key),
        data_encoding::BASE64.encode(&[&nonce[..], &text].concat())
    );
    opens(body.into_bytes(), &secret, Decoder::Aes);
}

#[test]
fn without_its_key_it_stays_closed() {
    let (key, nonce, secret) = (noise(8, 32), noise(9, 12), b"a text of words ".repeat(30));
    let text = sealed(&AES_256_GCM, &key, &nonce, &secret);
    assert!(finds(&[&nonce[..], &text].concat(), Layer::Stream, &secret[..32]).is_none());
}

#[test]
fn messages_of_openssl_are_opened_with_a_password_beside_them() {
    // printf 'a secret that is longer than a block or two\n' |
    //   openssl enc -aes-256-cbc -pbkdf2 -pass pass:horse-battery -S 0102030405060708
    // (with the salt written before it, as openssl does without -S)
    let secret = b"a secret that is longer than a block or two\n";
    let salt = [1, 2, 3, 4, 5, 6, 7, 8];
    let mut derived = [0; 48];
    ring::pbkdf2::derive(
        ring::pbkdf2::PBKDF2_HMAC_SHA256,
        std::num::NonZeroU32::new(10_000).expect("not zero"),
        &salt,
        b"horse-battery",
        &mut derived,
    );
    let text = cbc_encrypt(&derived[..32], &derived[32..], secret);
    let message = [b"password=horse-battery&data=\x01Salted__", &salt[..], &text].concat();
    opens(message, secret, Decoder::OpenSsl);
}

fn cbc_encrypt(key: &[u8], iv: &[u8], plain: &[u8]) -> Vec<u8> {
    use aes::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
    let fill = 16 - plain.len() % 16;
    let mut bytes = plain.to_vec();
    bytes.extend(std::iter::repeat_n(fill as u8, fill));
    let (blocks, _) = aes::Block::slice_as_chunks_mut(&mut bytes);
    cbc::Encryptor::<aes::Aes256>::new_from_slices(key, iv).expect("fits").encrypt_blocks(blocks);
    bytes
}

fn png(samples: &[u8], row: usize, colour: u8, filter: u8) -> Vec<u8> {
    let each = if colour == 6 { 4 } else { 3 };
    let mut raw = Vec::new();
    let mut above = vec![0_u8; row];
    for line in samples.chunks(row) {
        raw.push(filter);
        for (i, &sample) in line.iter().enumerate() {
            let left = if i >= each { line[i - each] } else { 0 };
            raw.push(match filter {
                1 => sample.wrapping_sub(left),
                2 => sample.wrapping_sub(above[i]),
                _ => sample,
            });
        }
        above = line.to_vec();
    }
    let mut header = Vec::new();
    header.extend((row as u32 / each as u32).to_be_bytes());
    header.extend((samples.len() as u32 / row as u32).to_be_bytes());
    header.extend([8, colour, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let packed = encoders::zlib(&raw);
    let (one, two) = packed.split_at(packed.len() / 2);
    for (name, data) in
        [(b"IHDR", header.as_slice()), (b"IDAT", one), (b"IDAT", two), (b"IEND", &[])]
    {
        out.extend((data.len() as u32).to_be_bytes());
        out.extend(name);
        out.extend(data);
        out.extend([0; 4]);
    }
    out
}

#[test]
fn the_lowest_bits_of_pictures_are_read() {
    let secret = b"what is hidden in the lowest bits of a picture".repeat(3);
    let bit = |place: usize, high: bool| {
        let byte = secret.get(place / 8).copied().unwrap_or(0x55);
        if high { byte >> (7 - place % 8) & 1 } else { byte >> (place % 8) & 1 }
    };
    let row = 64 * 3;
    let len = (secret.len() * 8).next_multiple_of(row);
    for high in [true, false] {
        let samples: Vec<u8> =
            (0..len).map(|i| (90 + i / 7 % 80) as u8 & 0xfe | bit(i, high)).collect();
        for filter in 0..3 {
            opens(png(&samples, row, 2, filter), &secret, Decoder::LowBits);
        }
        // In three of four samples; the fourth is opacity.
        let row = 64 * 4;
        let pixels: Vec<u8> = (0..(secret.len() * 8).div_ceil(3).next_multiple_of(64))
            .flat_map(|p| [0, 1, 2].map(|c| 120 | bit(p * 3 + c, high)).into_iter().chain([255]))
            .collect();
        opens(png(&pixels, row, 6, 1), &secret, Decoder::LowBits);
        let mut bmp = b"BM".to_vec();
        bmp.extend((54 + samples.len() as u32).to_le_bytes());
        bmp.extend([0; 4]);
        bmp.extend(54_u32.to_le_bytes());
        bmp.extend(40_u32.to_le_bytes());
        bmp.extend(64_u32.to_le_bytes());
        bmp.extend((len as u32 / 192).to_le_bytes());
        bmp.extend([1, 0, 24, 0]);
        bmp.extend([0; 24]);
        bmp.extend(&samples);
        opens(bmp, &secret, Decoder::LowBits);
    }
}

#[test]
fn encrypted_zip_archives_are_opened_with_the_password_beside_them() {
    use std::io::Write as _;
    use zip::unstable::write::FileOptionsExt as _;
    type Options<'k> = zip::write::FileOptions<'k, 'k, ()>;
    let secret = b"the minutes of the meeting, in full".repeat(8);
    let archive = |options: Options<'_>, comment: &str| {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        writer.start_file("a.txt", options).expect("begins");
        writer.write_all(&secret).expect("memory takes it");
        writer.set_comment(comment.to_owned()).expect("is short");
        writer.finish().expect("memory takes it").into_inner()
    };
    let traditional = || Options::default().with_deprecated_encryption(b"Pw-3f9a").expect("is set");
    let aes = || Options::default().with_aes_encryption(zip::AesMode::Aes256, "Pw-3f9a");
    for sealed in [archive(traditional(), "password: Pw-3f9a"), archive(aes(), "password: Pw-3f9a")]
    {
        opens(sealed.clone(), &secret, Decoder::EncryptedZip);
        // In digits; in datagrams behind a head of 48 bytes.
        opens(data_encoding::BASE64.encode(&sealed).into_bytes(), &secret, Decoder::EncryptedZip);
        let mut series = Vec::new();
        for piece in sealed.chunks(100) {
            let mut message = vec![0; 48];
            message[0] = 0x23;
            message.extend_from_slice(piece);
            series.extend_from_slice(&(message.len() as u32).to_be_bytes());
            series.extend_from_slice(&message);
        }
        let chain = finds(&series, Layer::Datagram, &secret).expect("is found");
        assert!(chain.iter().any(|step| step.decoder == Decoder::EncryptedZip), "{chain:?}");
    }
    // With the password in another field of the same request; without it.
    for sealed in [archive(traditional(), ""), archive(aes(), "")] {
        let head = format!(
            "POST /up HTTP/1.1\r\nHost: v.example\r\nX-Key: Pw-3f9a\r\nContent-Length: {}\r\n\r\n",
            sealed.len()
        );
        opens([head.as_bytes(), &sealed].concat(), &secret, Decoder::EncryptedZip);
        assert!(finds(&sealed, Layer::Stream, &secret[..32]).is_none());
    }
}
