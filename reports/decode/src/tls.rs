//! The server name that a TLS handshake begins with (RFC 6066, 3): it goes out in the clear.

/// The name, if `bytes` begin with a client's hello that has one.
pub(crate) fn server_name(bytes: &[u8]) -> Option<Vec<u8>> {
    // A record of the handshake (RFC 8446, 5.1) with a client's hello (4.1.2).
    let mut at = Reader(bytes.get(..5).filter(|head| head[..2] == [0x16, 3]).map(|_| &bytes[5..])?);
    if at.take(1)? != [1] {
        return None;
    }
    at.take(3 + 2 + 32)?;
    at.counted(1)?;
    at.counted(2)?;
    at.counted(1)?;
    let mut extensions = Reader(at.counted(2)?);
    while let Some(kind) = extensions.take(2) {
        let body = extensions.counted(2)?;
        if kind == [0, 0] {
            let mut list = Reader(Reader(body).counted(2)?);
            return (list.take(1)? == [0]).then(|| list.counted(2).map(<[u8]>::to_vec))?;
        }
    }
    None
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Bytes after their number, which has `width` bytes; as many as there are.
    fn counted(&mut self, width: usize) -> Option<&'a [u8]> {
        let len = self.take(width)?.iter().fold(0, |len, &byte| len << 8 | usize::from(byte));
        self.take(len.min(self.0.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_from_a_hello() {
        let name = b"secret.c-1.example";
        let mut list = vec![0];
        list.extend((name.len() as u16).to_be_bytes());
        list.extend(name);
        let mut extension = vec![0, 0];
        extension.extend((list.len() as u16 + 2).to_be_bytes());
        extension.extend((list.len() as u16).to_be_bytes());
        extension.extend(list);
        let mut hello = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0, 3, 3];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0x13, 1, 1, 0]);
        hello.extend((extension.len() as u16 + 4).to_be_bytes());
        hello.extend([0, 43, 0, 0]);
        hello.extend(extension);
        assert_eq!(server_name(&hello).as_deref(), Some(&name[..]));
        for len in 0..hello.len() {
            let _ = server_name(&hello[..len]);
        }
    }
}
