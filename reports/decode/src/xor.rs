//! Repeating XOR with a known key. Whoever finds the key applies it here.

/// The bytes under a key that begins with the first of them and is repeated. An empty key changes
/// nothing.
pub fn unmask(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    if key.is_empty() {
        return bytes.to_vec();
    }
    bytes.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

/// A key as steps keep it: hexadecimal digits.
pub(crate) fn key(detail: Option<&[u8]>) -> Vec<u8> {
    let digits = detail.unwrap_or_default();
    digits
        .chunks_exact(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
