//! base58: one large number in the digits of Bitcoin's alphabet, a `1` for each leading zero byte.
//!
//! Such a number can only be read as a whole, so only runs between other characters are taken;
//! line breaks inside are skipped. Cannot see: a number of which only a part left.

use std::ops::Range;

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const NONE: u8 = 0xff;
static VALUES: [u8; 256] = values();
/// Digits that are read at a time: 58^10 is below 2^59.
const GROUP: usize = 10;
/// The least number of digits.
const LEAST: usize = 22;
/// The most digits of one number: the work grows with their square.
pub(crate) const MOST: usize = 96 << 10;

const fn values() -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut i = 0;
    while i < 58 {
        values[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    values
}

/// Numbers in `text`, which is a run of letters, digits, `+/-_` and line breaks.
pub(crate) fn find(text: &[u8], found: &mut Vec<Range<usize>>) {
    let mut at = 0;
    while at < text.len() {
        let end = text[at..].iter().position(|&b| joins(b)).map_or(text.len(), |i| at + i);
        token(text, at..end, found);
        at = end + 1;
    }
}

/// What stands between numbers.
fn joins(byte: u8) -> bool {
    matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

fn token(text: &[u8], range: Range<usize>, found: &mut Vec<Range<usize>>) {
    if range.len() < LEAST {
        return;
    }
    // An empty line begins something new, as between the head and the body of a mail.
    let start = memchr::memmem::rfind(&text[range.clone()], b"\r\n\r\n")
        .map_or(range.start, |i| range.start + i + 4);
    let token = &text[start..range.end];
    let lead = token.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let tail = token.iter().rev().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    if lead + tail >= token.len() {
        return;
    }
    let range = start + lead..range.end - tail;
    let token = &text[range.clone()];
    if token.len() < LEAST || token.len() > MOST + MOST / 8 {
        return;
    }
    let (mut upper, mut lower, mut digit, mut count) = (false, false, false, 0);
    for &byte in token {
        if matches!(byte, b'\r' | b'\n') {
            continue;
        }
        if VALUES[byte as usize] == NONE {
            return;
        }
        upper |= byte.is_ascii_uppercase();
        lower |= byte.is_ascii_lowercase();
        digit |= byte.is_ascii_digit();
        count += 1;
    }
    // Short pieces of long base64 text look like base58 too.
    let alone = token.len() >= 100 || token.len() * 4 >= text.len();
    if upper && lower && digit && count >= LEAST && alone {
        found.push(range);
    }
}

/// How much work a number is, in bytes looked at.
pub(crate) fn work(digits: u64) -> u64 {
    digits.saturating_mul(digits) / 64
}

/// The number's bytes; nothing if it is none.
pub(crate) fn decode(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> =
        text.iter().filter(|b| !matches!(b, b'\r' | b'\n')).map(|&b| VALUES[b as usize]).collect();
    if digits.contains(&NONE) || digits.len() > MOST {
        return Vec::new();
    }
    let zeros = digits.iter().take_while(|&&digit| digit == 0).count();
    // Least significant first.
    let mut limbs: Vec<u32> = Vec::with_capacity(digits.len() * 6 / 32 + 2);
    for group in digits[zeros..].chunks(GROUP) {
        let (mut times, mut plus) = (1_u64, 0_u64);
        for &digit in group {
            times *= 58;
            plus = plus * 58 + u64::from(digit);
        }
        let mut carry = u128::from(plus);
        for limb in &mut limbs {
            let value = u128::from(*limb) * u128::from(times) + carry;
            *limb = value as u32;
            carry = value >> 32;
        }
        while carry > 0 {
            limbs.push(carry as u32);
            carry >>= 32;
        }
    }
    let mut bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes.extend(std::iter::repeat_n(0, zeros));
    bytes.reverse();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_are_read() {
        assert_eq!(decode(b"2NEpo7TZRRrLZSi2U"), b"Hello World!");
        assert_eq!(decode(b"118wr"), b"\0\0hi");
        assert_eq!(decode(b"1111"), [0; 4]);
        assert_eq!(decode(b"0OIl"), b"");
    }

    #[test]
    fn a_number_stands_between_other_characters() {
        let mut found = Vec::new();
        find(b"abc/2NEpo7TZRRrLZSi2U2NEpo7TZRRrLZSi2U/state", &mut found);
        assert_eq!(found.first(), Some(&(4..38)));
        assert_eq!(found.len(), 1);
    }
}
