//! Runs of 16 bytes and their hashes.

/// Length of a run.
pub(crate) const GRAM: usize = 16;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// One half of a hash.
#[inline(always)]
pub(crate) fn half(bytes: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*bytes).wrapping_mul(MULTIPLIER)
}

/// Two halves made one.
#[inline(always)]
pub(crate) fn join(first: u64, second: u64) -> u64 {
    first ^ second.rotate_left(23)
}

/// Hash of 16 bytes; its high bits are the good ones.
#[inline(always)]
pub(crate) fn hash(bytes: &[u8; GRAM]) -> u64 {
    let [a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7] = *bytes;
    join(half(&[a0, a1, a2, a3, a4, a5, a6, a7]), half(&[b0, b1, b2, b3, b4, b5, b6, b7]))
}

/// A hash whose bits all depend on all bytes.
#[inline]
pub(crate) fn mix(hash: u64) -> u64 {
    let folded = (hash ^ (hash >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
    folded ^ (folded >> 31)
}

/// Whether a run says too little to start from: repetitions, and fewer than five different values.
pub(crate) fn is_weak(bytes: &[u8; GRAM]) -> bool {
    if bytes[..8] == bytes[8..] {
        return true;
    }
    let (mut set, mut different) = ([0_u64; 4], 0);
    for &byte in bytes {
        let (word, bit) = (&mut set[usize::from(byte >> 6)], 1 << (byte & 63));
        different += u32::from(*word & bit == 0);
        *word |= bit;
        if different == 5 {
            return false;
        }
    }
    true
}

/// Shannon entropy of `bytes` in bits a byte.
pub(crate) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let total = bytes.len().max(1) as f64;
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = f64::from(count) / total;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_and_repetitions_are_weak_and_words_are_not() {
        assert!(is_weak(&[0; 16]));
        assert!(is_weak(b"abcdefghabcdefgh"));
        assert!(is_weak(b"aaaaaaaaaaaaaaab"));
        assert!(!is_weak(b"the quick brown "));
    }
}
