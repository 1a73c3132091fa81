//! Secrets of TLS conversations, as clients write them (`SSLKEYLOGFILE`, RFC 9850).

use std::collections::HashMap;

/// Lines that are kept.
const MOST: usize = 1 << 20;

/// A key log.
#[derive(Clone, Default)]
pub struct KeyLog {
    secrets: HashMap<(Label, [u8; 32]), Vec<u8>>,
}

impl std::fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyLog({} secrets)", self.secrets.len())
    }
}

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Label {
    /// TLS 1.2: the master secret.
    Master,
    EarlyClient,
    HandshakeClient,
    HandshakeServer,
    Client,
    Server,
}

impl KeyLog {
    /// Adds the lines of a key log; what is no line of one is passed over.
    pub fn add(&mut self, text: &[u8]) {
        for line in text.split(|&byte| byte == b'\n') {
            let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let (Some(label), Some(random), Some(secret)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let label = match label {
                b"CLIENT_RANDOM" => Label::Master,
                b"CLIENT_EARLY_TRAFFIC_SECRET" => Label::EarlyClient,
                b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Label::HandshakeClient,
                b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Label::HandshakeServer,
                b"CLIENT_TRAFFIC_SECRET_0" => Label::Client,
                b"SERVER_TRAFFIC_SECRET_0" => Label::Server,
                _ => continue,
            };
            let hex = |word: &[u8]| data_encoding::HEXLOWER_PERMISSIVE.decode(word).ok();
            let random = hex(random).and_then(|random| <[u8; 32]>::try_from(random).ok());
            if let (Some(random), Some(secret)) = (random, hex(secret))
                && secret.len() <= 64
                && self.secrets.len() < MOST
            {
                self.secrets.insert((label, random), secret);
            }
        }
    }

    /// How many secrets there are.
    pub fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    pub(crate) fn get(&self, label: Label, random: &[u8; 32]) -> Option<&[u8]> {
        self.secrets.get(&(label, *random)).map(Vec::as_slice)
    }
}
