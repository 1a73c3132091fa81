//! A picture whose lowest bits are the payload.

use crate::{Failure, random};
use std::io::Write as _;

const WIDTH: usize = 64;

/// A PNG picture (8 bits, RGB, no filter): one bit of the payload in each sample, most significant
/// first, row by row; the length stands before it in four bytes.
pub(crate) fn low_bits(plain: &[u8], seed: u64) -> Result<Vec<u8>, Failure> {
    let mut message = u32::try_from(plain.len())?.to_be_bytes().to_vec();
    message.extend_from_slice(plain);
    let samples = message.len() * 8;
    let row = WIDTH * 3;
    let height = samples.div_ceil(row).max(1);
    // Soft hills with a little noise, as photographs have.
    let noise = random::bytes(seed, "noise", row * height);
    let mut raw = Vec::with_capacity((row + 1) * height);
    for y in 0..height {
        raw.push(0);
        for x in 0..row {
            let place = y * row + x;
            let hill = 96 + (x / 3 * 2 + y) % 96;
            let value = (hill as u8).wrapping_add(noise[place] & 0x0e) & 0xfe;
            let bit = message
                .get(place / 8)
                .map_or(noise[place] >> 7, |byte| byte >> (7 - place % 8) & 1);
            raw.push(value | bit);
        }
    }
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&raw)?;
    let mut header = Vec::new();
    header.extend_from_slice(&u32::try_from(WIDTH)?.to_be_bytes());
    header.extend_from_slice(&u32::try_from(height)?.to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", header), (b"IDAT", packed.finish()?), (b"IEND", Vec::new())] {
        out.extend_from_slice(&u32::try_from(data.len())?.to_be_bytes());
        let mut crc = crc32fast::Hasher::new();
        crc.update(name);
        crc.update(&data);
        out.extend_from_slice(name);
        out.extend_from_slice(&data);
        out.extend_from_slice(&crc.finalize().to_be_bytes());
    }
    Ok(out)
}
