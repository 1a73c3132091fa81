//! The lowest bits of pictures: PNG and BMP, uncompressed into samples, the low bits of these put
//! together into bytes.
//!
//! Orders that are tried: all samples, all but the fourth of four, each of three alone; one bit or
//! two of each; first bit high or low; rows as they are stored. Cannot see: pictures with a palette
//! of less than eight bits, interlaced ones, JPEG; bits that do not begin with the first sample.

use std::io::Read as _;

/// The most bytes of samples.
const SAMPLES: usize = 64 << 20;
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The orders, as a step's detail names them.
pub(crate) const ORDERS: [&str; 12] = [
    "all samples, first bit high",
    "all samples, first bit low",
    "without the fourth sample, first bit high",
    "without the fourth sample, first bit low",
    "first sample, first bit high",
    "first sample, first bit low",
    "second sample, first bit high",
    "second sample, first bit low",
    "third sample, first bit high",
    "third sample, first bit low",
    "two bits of all samples, first bit high",
    "two bits of all samples, first bit low",
];

struct Picture {
    samples: Vec<u8>,
    /// Samples of a pixel.
    each: usize,
    /// Bytes of the file that were used.
    used: usize,
}

/// The length of the picture at the beginning of `bytes`, and which orders make sense for it; none
/// if it is no picture that can be read.
pub(crate) fn orders(bytes: &[u8]) -> Vec<&'static str> {
    let Some(picture) = picture(bytes) else { return Vec::new() };
    ORDERS
        .into_iter()
        .filter(|order| match order {
            o if o.starts_with("without") => picture.each == 4,
            o if o.contains("sample, ") => picture.each >= 3,
            _ => true,
        })
        .collect()
}

/// The low bits in an order, and how many bytes of the file were used.
pub(crate) fn decode(bytes: &[u8], order: &str) -> (Vec<u8>, usize) {
    let Some(Picture { samples, each, used }) = picture(bytes) else { return (Vec::new(), 0) };
    let one =
        |place: usize| -> Vec<u8> { samples.iter().skip(place).step_by(each).copied().collect() };
    let chosen: Vec<u8> = match order.split(' ').next() {
        Some("first") => one(0),
        Some("second") => one(1),
        Some("third") => one(2),
        Some("without") => {
            samples.chunks(each).flat_map(|pixel| &pixel[..pixel.len().min(3)]).copied().collect()
        }
        _ => samples,
    };
    let width = if order.starts_with("two") { 2 } else { 1 };
    let high = order.ends_with("high");
    let mut output = Vec::with_capacity(chosen.len() * width / 8);
    for group in chosen.chunks_exact(8 / width) {
        let mut byte = 0_u8;
        for (place, sample) in group.iter().enumerate() {
            let bits = sample & ((1 << width) - 1);
            byte |= match high {
                true => bits << (8 - width * (place + 1)),
                false => bits << (width * place),
            };
        }
        output.push(byte);
    }
    (output, used)
}

fn picture(bytes: &[u8]) -> Option<Picture> {
    if bytes.starts_with(PNG) { png(bytes) } else { bmp(bytes) }
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let four: [u8; 4] = *bytes.get(at..at + 4)?.first_chunk()?;
    usize::try_from(u32::from_be_bytes(four)).ok()
}

/// PNG (ISO 15948): the chunks of data put together, inflated, and the filters undone.
fn png(bytes: &[u8]) -> Option<Picture> {
    let (mut at, mut header, mut packed) = (PNG.len(), None, Vec::new());
    while let Some(len) = number(bytes, at) {
        let Some(name) = bytes.get(at + 4..at + 8) else { break };
        let end = (at + 8).checked_add(len)?;
        let data = &bytes[at + 8..end.min(bytes.len())];
        match name {
            b"IHDR" => header = data.get(..13),
            b"IDAT" => packed.extend_from_slice(data),
            _ => {}
        }
        at = end.saturating_add(4);
        if name == b"IEND" || at >= bytes.len() {
            break;
        }
    }
    let header = header?;
    let (width, depth, colour, interlaced) = (number(header, 0)?, header[8], header[9], header[12]);
    let each = match colour {
        0 | 3 => 1,
        4 => 2,
        2 => 3,
        6 => 4,
        _ => return None,
    };
    let wide = match depth {
        8 => 1,
        16 => 2,
        _ => return None,
    };
    if interlaced != 0 || width == 0 {
        return None;
    }
    let pixel = each * wide;
    let row = width.checked_mul(pixel).filter(|&row| row < SAMPLES)?;
    let mut raw = Vec::new();
    // As far as it goes.
    let _ = flate2::read::ZlibDecoder::new(packed.as_slice())
        .take(SAMPLES as u64)
        .read_to_end(&mut raw);
    let mut samples = Vec::with_capacity(raw.len());
    let mut above = vec![0_u8; row];
    for line in raw.chunks(row + 1) {
        let (&filter, line) = line.split_first()?;
        let mut current = line.to_vec();
        for i in 0..current.len() {
            let left = if i >= pixel { current[i - pixel] } else { 0 };
            let up = above.get(i).copied().unwrap_or(0);
            let corner = if i >= pixel { above[i - pixel] } else { 0 };
            let add = match filter {
                1 => left,
                2 => up,
                3 => u16::midpoint(u16::from(left), u16::from(up)) as u8,
                4 => paeth(left, up, corner),
                _ => 0,
            };
            current[i] = current[i].wrapping_add(add);
        }
        // Of samples of two bytes the second has the low bits.
        samples.extend(current.iter().skip(wide - 1).step_by(wide));
        current.resize(row, 0);
        above = current;
    }
    (!samples.is_empty()).then_some(Picture { samples, each, used: at.min(bytes.len()) })
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let guess = a + b - c;
    let (to_a, to_b, to_c) = ((guess - a).abs(), (guess - b).abs(), (guess - c).abs());
    if to_a <= to_b && to_a <= to_c {
        left
    } else if to_b <= to_c {
        up
    } else {
        corner
    }
}

/// BMP without compression, 24 or 32 bits a pixel; rows as they are stored, without their fill.
fn bmp(bytes: &[u8]) -> Option<Picture> {
    if !bytes.starts_with(b"BM") {
        return None;
    }
    let little = |at: usize| -> Option<usize> {
        usize::try_from(u32::from_le_bytes(*bytes.get(at..at + 4)?.first_chunk()?)).ok()
    };
    let (len, start, width) = (little(2)?, little(10)?, little(18)?);
    let each = match bytes.get(28..30)? {
        [24, 0] => 3,
        [32, 0] => 4,
        _ => return None,
    };
    if !matches!(little(30)?, 0 | 3) || !(26..4096).contains(&start) || width == 0 {
        return None;
    }
    let row = width.checked_mul(each).filter(|&row| row < SAMPLES)?;
    let data = bytes.get(start..len.min(bytes.len()))?;
    let mut samples = Vec::with_capacity(data.len().min(SAMPLES));
    for line in data[..data.len().min(SAMPLES)].chunks(row.next_multiple_of(4)) {
        samples.extend_from_slice(&line[..line.len().min(row)]);
    }
    (!samples.is_empty()).then_some(Picture { samples, each, used: len.min(bytes.len()) })
}
