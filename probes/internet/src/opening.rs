//! What a stream speaks, told from its first bytes.
//!
//! Cannot see: protocols without a mark of their own. They stay *unknown* and are recorded raw.

/// What the first bytes open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// A TLS record with a ClientHello (RFC 8446, section 5.1).
    Tls,
    /// An HTTP/1.x request line (RFC 9112, section 3).
    Http,
    /// A DNS message with its length before it (RFC 1035, section 4.2.2).
    Dns,
    /// Something else.
    Unknown,
}

/// More bytes than this never change the answer.
pub(crate) const OPENING_MAX: usize = 4096;

const METHODS: [&[u8]; 20] = [
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"TRACE",
    b"CONNECT",
    b"PATCH",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
    b"SEARCH",
    b"PURGE",
    b"M-SEARCH",
];

/// What `bytes` open, or `None` while that is open itself.
pub(crate) fn tell(bytes: &[u8], port: u16) -> Option<Opening> {
    if bytes.is_empty() {
        return None;
    }
    let guesses = [tls(bytes), http(bytes), dns_stream(bytes, port)];
    let mut undecided = false;
    for guess in guesses {
        match guess {
            Guess::Is(opening) => return Some(opening),
            Guess::Maybe => undecided = true,
            Guess::Not => {}
        }
    }
    (!undecided || bytes.len() >= OPENING_MAX).then_some(Opening::Unknown)
}

enum Guess {
    Is(Opening),
    Maybe,
    Not,
}

fn tls(bytes: &[u8]) -> Guess {
    // Handshake record, major version 3, minor up to 4; the message after five bytes of header.
    let fits = |at: usize, ok: fn(u8) -> bool| bytes.get(at).is_none_or(|&byte| ok(byte));
    if !(fits(0, |b| b == 0x16)
        && fits(1, |b| b == 3)
        && fits(2, |b| b <= 4)
        && fits(5, |b| b == 1))
    {
        return Guess::Not;
    }
    if bytes.len() >= 6 { Guess::Is(Opening::Tls) } else { Guess::Maybe }
}

fn http(bytes: &[u8]) -> Guess {
    let word = bytes.iter().position(|b| !(b.is_ascii_uppercase() || *b == b'-'));
    let Some(word) = word else {
        return if bytes.len() <= 24 { Guess::Maybe } else { Guess::Not };
    };
    if word == 0 || word > 24 || bytes[word] != b' ' {
        return Guess::Not;
    }
    if METHODS.contains(&&bytes[..word]) {
        return Guess::Is(Opening::Http);
    }
    // Other words (`EHLO`, `USER`, a new method): only the end of the line tells.
    match bytes.iter().position(|&b| b == b'\n') {
        Some(end) if bytes[..end].windows(8).any(|part| part == b" HTTP/1.") => {
            Guess::Is(Opening::Http)
        }
        Some(_) => Guess::Not,
        None => Guess::Maybe,
    }
}

fn dns_stream(bytes: &[u8], port: u16) -> Guess {
    if port == 53 {
        return Guess::Is(Opening::Dns);
    }
    let Some(len) = bytes.first_chunk::<2>().map(|len| usize::from(u16::from_be_bytes(*len)))
    else {
        return Guess::Maybe;
    };
    // A first message that is a query with one question is short.
    if !(17..=1024).contains(&len) {
        return Guess::Not;
    }
    let rest = &bytes[2..];
    if rest.len() < 12 {
        // Bits that a query over a stream leaves at zero: QR, opcode.
        return match rest.get(2) {
            Some(flags) if flags & 0xf8 != 0 => Guess::Not,
            _ => Guess::Maybe,
        };
    }
    if dns_message(rest) && rest.len() <= len { Guess::Is(Opening::Dns) } else { Guess::Not }
}

/// Whether the header of a message is that of a plain DNS query (RFC 1035, section 4.1.1).
pub(crate) fn dns_message(message: &[u8]) -> bool {
    let Some(header) = message.first_chunk::<12>() else { return false };
    let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let query_bits = header[2] & 0xf8 == 0;
    let clean = header[3] & 0x4f == 0;
    query_bits && clean && count(4) == 1 && count(6) == 0 && count(8) == 0 && count(10) <= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_protocol_is_told_from_its_first_bytes() {
        let hello = [0x16, 3, 1, 0, 200, 1, 0];
        assert_eq!(tell(&hello, 8443), Some(Opening::Tls));
        assert_eq!(tell(&hello[..5], 8443), None);
        assert_eq!(tell(b"GET / HTTP/1.1\r\n", 8080), Some(Opening::Http));
        assert_eq!(tell(b"PO", 8080), None);
        assert_eq!(tell(b"BREW /pot HTTP/1.1\r\n", 80), Some(Opening::Http));
        assert_eq!(tell(b"EHLO me.example\r\n", 25), Some(Opening::Unknown));
        assert_eq!(tell(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 80), Some(Opening::Unknown));
        assert_eq!(tell(b"SSH-2.0-x\r\n", 22), Some(Opening::Unknown));
        let query = b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01";
        assert_eq!(tell(query, 5300), Some(Opening::Dns));
        assert_eq!(tell(&query[..2], 53), Some(Opening::Dns));
    }

    proptest! {
        #[test]
        fn random_bytes_are_decided_within_the_bound(bytes in prop::collection::vec(any::<u8>(), 0..200), port: u16) {
            let _ = tell(&bytes, port);
            let mut long = bytes.clone();
            long.resize(OPENING_MAX, b'A');
            prop_assert!(tell(&long, port).is_some());
        }
    }
}
