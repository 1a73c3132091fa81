//! Netlink messages: a header, a fixed part, attributes (netlink(7)). Written by hand, since a
//! set-up process that must stay single-threaded needs about ten kinds of message.

/// Writes the attribute `kind` with `value`, padded to four bytes.
pub(super) fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let len = u16::try_from(value.len() + 4).expect("own attributes are short");
    out.extend_from_slice(&len.to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Writes an attribute that holds attributes.
pub(super) fn nested(out: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    fill(&mut inner);
    attribute(out, kind | NLA_F_NESTED, &inner);
}

const NLA_F_NESTED: u16 = 1 << 15;

/// Text as netlink wants it: ending in NUL.
pub(super) fn text(value: &str) -> Vec<u8> {
    let mut bytes = value.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// A message with its header (`struct nlmsghdr`).
pub(super) fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 16).expect("own messages are short");
    let mut out = Vec::with_capacity(body.len() + 20);
    out.extend_from_slice(&len.to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(&flags.to_ne_bytes());
    out.extend_from_slice(&sequence.to_ne_bytes());
    out.extend_from_slice(&0u32.to_ne_bytes());
    out.extend_from_slice(body);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// A received message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received<'a> {
    pub(super) kind: u16,
    pub(super) sequence: u32,
    pub(super) body: &'a [u8],
}

/// Cuts what one receive gave into messages; stops at the first that is not whole.
pub(super) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Received<'_>> {
    std::iter::from_fn(move || {
        let len = read_u32(bytes, 0)? as usize;
        let body = bytes.get(16..len)?;
        let received = Received { kind: read_u16(bytes, 4)?, sequence: read_u32(bytes, 8)?, body };
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(received)
    })
}

/// Finds the attribute `kind` in a list of attributes.
pub(super) fn find(mut bytes: &[u8], kind: u16) -> Option<&[u8]> {
    loop {
        let len = usize::from(read_u16(bytes, 0)?);
        let value = bytes.get(4..len)?;
        if read_u16(bytes, 2)? & !NLA_F_NESTED == kind {
            return Some(value);
        }
        bytes = bytes.get(len.next_multiple_of(4)..)?;
    }
}

/// Two bytes in the host's order.
pub(super) fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// Four bytes in the host's order.
pub(super) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Eight bytes in the host's order.
pub(super) fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_attributes_read_back_and_short_ones_end_the_list() {
        let mut body = vec![0; 4];
        attribute(&mut body, 3, &text("eth0"));
        nested(&mut body, 4, |inner| attribute(inner, 1, &[7]));
        let mut bytes = message(16, 0, 5, &body);
        bytes.extend(message(17, 0, 6, &[1, 2, 3]));
        let all: Vec<_> = messages(&bytes).collect();
        assert_eq!((all.len(), all[0].kind, all[1].sequence), (2, 16, 6));
        assert_eq!(find(&all[0].body[4..], 3), Some(&b"eth0\0"[..]));
        assert_eq!(find(find(&all[0].body[4..], 4).expect("nested"), 1), Some(&[7][..]));
        // The last byte only fills the message up to a multiple of four.
        for cut in 0..bytes.len() - 1 {
            assert!(messages(&bytes[..cut]).count() <= 1);
        }
        assert_eq!(find(&[0, 0, 0, 0, 1], 9), None);
    }
}
