//! Randomness of a case, the same whenever it is carried out: SHA-256 of seed, label and counter.

use sha2::Digest as _;

/// `len` bytes.
pub(crate) fn bytes(seed: u64, label: &str, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 32);
    let mut counter = 0_u64;
    while out.len() < len {
        let mut hash = sha2::Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(label.as_bytes());
        hash.update(counter.to_be_bytes());
        out.extend_from_slice(&hash.finalize());
        counter += 1;
    }
    out.truncate(len);
    out
}

/// The numbers from 0 to `len`, in an order of its own.
pub(crate) fn order(seed: u64, len: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..len).collect();
    let drawn = bytes(seed, "order", len * 4);
    for (place, four) in drawn.chunks_exact(4).enumerate().rev() {
        let number = u32::from_be_bytes([four[0], four[1], four[2], four[3]]);
        all.swap(place, number as usize % (place + 1));
    }
    all
}
