//! TLS 1.2 (RFC 5246, AEAD suites) and 1.3 (RFC 8446) opened with the secrets of a key log.
//!
//! Promises: application data of both sides, in order; records that no key opens are counted.
//! Cannot see: other cipher suites than AES-GCM and ChaCha20-Poly1305; renegotiation (1.2).

use crate::keys::{KeyLog, Label};
use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use ring::{aead, hkdf, hmac};

const CHANGE: u8 = 20;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
/// The random value of a request to begin again (RFC 8446, 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What came of opening a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    NotTls,
    Plain { client: Vec<u8>, server: Vec<u8>, name: Option<String>, unread: u64 },
    Closed { name: Option<String>, why: String },
}

/// Opens a conversation of TLS.
pub(crate) fn open(client: &[u8], server: &[u8], keys: &KeyLog) -> Opened {
    if !matches!(client, [HANDSHAKE, 3, 0..=4, ..]) {
        return Opened::NotTls;
    }
    let hello = handshake(client, 1).and_then(|body| hello(&body, true));
    let Some(hello) = hello else {
        return Opened::Closed { name: None, why: "its beginning cannot be read".to_owned() };
    };
    let name = hello.name.clone();
    let closed = |why: &str| Opened::Closed { name: name.clone(), why: why.to_owned() };
    let answer = handshakes(server)
        .filter(|(kind, _)| *kind == 2)
        .filter_map(|(_, body)| self::hello(&body, false))
        .find(|answer| answer.random != RETRY);
    let Some(answer) = answer else { return closed("the server's answer is missing") };
    let Some(suite) = suite(answer.suite) else {
        return closed(&format!("cipher suite {:04x}", answer.suite));
    };
    let (secrets, kind) = if answer.version >= 0x0304 {
        let labels = [
            [Some(Label::EarlyClient), Some(Label::HandshakeClient), Some(Label::Client)],
            [None, Some(Label::HandshakeServer), Some(Label::Server)],
        ];
        let found = labels.map(|labels| {
            labels
                .into_iter()
                .flatten()
                .filter_map(|label| keys.get(label, &hello.random))
                .map(<[u8]>::to_vec)
                .collect::<Vec<_>>()
        });
        if found.iter().all(Vec::is_empty) {
            return closed("the key log has no secrets for it");
        }
        (found, 13)
    } else {
        let Some(master) = keys.get(Label::Master, &hello.random) else {
            return closed("the key log has no secrets for it");
        };
        (blocks(suite, master, &hello.random, &answer.random), 12)
    };
    let mut unread = 0;
    let [from_client, from_server] = secrets;
    let mut side = |bytes: &[u8], secrets: Vec<Vec<u8>>| {
        let mut reader = match kind {
            13 => Reader::new_13(suite, secrets),
            _ => Reader::new_12(suite, &secrets),
        };
        let plain = reader.read(bytes);
        unread += reader.unread;
        plain
    };
    let client = side(client, from_client);
    let server = side(server, from_server);
    Opened::Plain { client, server, name, unread }
}

/// A cipher suite that can be opened.
#[derive(Debug, Clone, Copy)]
struct Suite {
    cipher: &'static aead::Algorithm,
    hkdf: hkdf::Algorithm,
    hmac: hmac::Algorithm,
}

fn suite(number: u16) -> Option<Suite> {
    let with = |cipher, long: bool| Suite {
        cipher,
        hkdf: if long { hkdf::HKDF_SHA384 } else { hkdf::HKDF_SHA256 },
        hmac: if long { hmac::HMAC_SHA384 } else { hmac::HMAC_SHA256 },
    };
    Some(match number {
        0x1301 | 0x009c | 0x009e | 0xc02b | 0xc02f => with(&AES_128_GCM, false),
        0x1302 | 0x009d | 0x009f | 0xc02c | 0xc030 => with(&AES_256_GCM, true),
        0x1303 | 0xcca8 | 0xcca9 | 0xccaa => with(&CHACHA20_POLY1305, false),
        _ => return None,
    })
}

/// Keys of TLS 1.2: for each side its key and its fixed part of the nonce.
fn blocks(suite: Suite, master: &[u8], client: &[u8; 32], server: &[u8; 32]) -> [Vec<Vec<u8>>; 2] {
    let (key, fixed) = (suite.cipher.key_len(), fixed_len(suite));
    let seed = [b"key expansion".as_slice(), server, client].concat();
    let secret = hmac::Key::new(suite.hmac, master);
    let (mut out, mut a) = (Vec::new(), seed.clone());
    while out.len() < 2 * (key + fixed) {
        a = hmac::sign(&secret, &a).as_ref().to_vec();
        out.extend_from_slice(hmac::sign(&secret, &[a.as_slice(), &seed].concat()).as_ref());
    }
    let cut = |from: usize, len: usize| out[from..from + len].to_vec();
    [vec![cut(0, key), cut(2 * key, fixed)], vec![cut(key, key), cut(2 * key + fixed, fixed)]]
}

fn fixed_len(suite: Suite) -> usize {
    if std::ptr::eq(suite.cipher, &CHACHA20_POLY1305) { 12 } else { 4 }
}

/// One direction's key, and how many records it has opened.
struct Epoch {
    key: LessSafeKey,
    fixed: Vec<u8>,
    count: u64,
    /// TLS 1.3: the secret, for the next key.
    secret: Vec<u8>,
}

struct Reader {
    suite: Suite,
    is_13: bool,
    epochs: Vec<Epoch>,
    /// TLS 1.2: the side has said that it encrypts from now on.
    changed: bool,
    unread: u64,
}

/// Length of what HKDF is to give.
struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446, 7.1).
fn expand(suite: Suite, secret: &[u8], label: &str, len: usize) -> Option<Vec<u8>> {
    let mut info = u16::try_from(len).ok()?.to_be_bytes().to_vec();
    info.push(u8::try_from(6 + label.len()).ok()?);
    info.extend_from_slice(b"tls13 ");
    info.extend_from_slice(label.as_bytes());
    info.push(0);
    let mut out = vec![0; len];
    hkdf::Prk::new_less_safe(suite.hkdf, secret)
        .expand(&[&info], Len(len))
        .and_then(|okm| okm.fill(&mut out))
        .ok()?;
    Some(out)
}

impl Epoch {
    fn new(suite: Suite, key: &[u8], fixed: Vec<u8>, secret: Vec<u8>) -> Option<Self> {
        let key = LessSafeKey::new(UnboundKey::new(suite.cipher, key).ok()?);
        Some(Self { key, fixed, count: 0, secret })
    }

    fn of_secret(suite: Suite, secret: Vec<u8>) -> Option<Self> {
        let key = expand(suite, &secret, "key", suite.cipher.key_len())?;
        let fixed = expand(suite, &secret, "iv", 12)?;
        Self::new(suite, &key, fixed, secret)
    }

    /// The nonce of the next record: the fixed part, mixed with the count.
    fn mixed(&self) -> Option<Nonce> {
        let mut nonce: [u8; 12] = self.fixed.as_slice().try_into().ok()?;
        for (byte, count) in nonce[4..].iter_mut().zip(self.count.to_be_bytes()) {
            *byte ^= count;
        }
        Some(Nonce::assume_unique_for_key(nonce))
    }
}

impl Reader {
    fn new_13(suite: Suite, secrets: Vec<Vec<u8>>) -> Self {
        let epochs =
            secrets.into_iter().filter_map(|secret| Epoch::of_secret(suite, secret)).collect();
        Self { suite, is_13: true, epochs, changed: false, unread: 0 }
    }

    fn new_12(suite: Suite, block: &[Vec<u8>]) -> Self {
        let epoch = match block {
            [key, fixed] => Epoch::new(suite, key, fixed.clone(), Vec::new()),
            _ => None,
        };
        let epochs = epoch.into_iter().collect();
        Self { suite, is_13: false, epochs, changed: false, unread: 0 }
    }

    /// The application data of one side.
    fn read(&mut self, mut stream: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        while let Some(head) = stream.first_chunk::<5>() {
            let len = usize::from(u16::from_be_bytes([head[3], head[4]]));
            let Some(body) = stream.get(5..5 + len) else {
                // The end of the capture, or no TLS any more.
                self.unread += 1;
                break;
            };
            stream = &stream[5 + len..];
            match (head[0], self.is_13) {
                (CHANGE, _) => self.changed = true,
                (DATA, true) => match self.open_13(head, body) {
                    Some((DATA, bytes)) => plain.extend_from_slice(&bytes),
                    Some((HANDSHAKE, bytes)) => self.update(&bytes),
                    Some(_) => {}
                    None => self.unread += 1,
                },
                (kind, false) if self.changed => match self.open_12(head, body) {
                    Some(bytes) if kind == DATA => plain.extend_from_slice(&bytes),
                    Some(_) => {}
                    None => self.unread += 1,
                },
                _ => {}
            }
        }
        plain
    }

    /// A record of TLS 1.3, with its inner kind. The first key that opens it is the one from now on.
    fn open_13(&mut self, head: &[u8; 5], body: &[u8]) -> Option<(u8, Vec<u8>)> {
        for place in 0..self.epochs.len() {
            let epoch = &self.epochs[place];
            let mut bytes = body.to_vec();
            let Some(nonce) = epoch.mixed() else { continue };
            let Ok(opened) = epoch.key.open_in_place(nonce, Aad::from(head), &mut bytes) else {
                continue;
            };
            let len = opened.len();
            bytes.truncate(len);
            self.epochs.drain(..place);
            self.epochs[0].count += 1;
            while bytes.last() == Some(&0) {
                bytes.pop();
            }
            let kind = bytes.pop()?;
            return Some((kind, bytes));
        }
        None
    }

    /// A change of keys (RFC 8446, 4.6.3): kind 24, one byte.
    fn update(&mut self, messages: &[u8]) {
        if !matches!(messages, [24, 0, 0, 1, ..]) {
            return;
        }
        let suite = self.suite;
        let next = self.epochs.first().and_then(|epoch| {
            let secret = expand(suite, &epoch.secret, "traffic upd", epoch.secret.len())?;
            Epoch::of_secret(suite, secret)
        });
        if let Some(next) = next {
            self.epochs[0] = next;
        }
    }

    fn open_12(&mut self, head: &[u8; 5], body: &[u8]) -> Option<Vec<u8>> {
        let epoch = self.epochs.first_mut()?;
        let (nonce, body) = if epoch.fixed.len() == 12 {
            (epoch.mixed()?, body)
        } else {
            let (explicit, body) = body.split_at_checked(8)?;
            let nonce = [epoch.fixed.as_slice(), explicit].concat();
            (Nonce::try_assume_unique_for_key(&nonce).ok()?, body)
        };
        let len = u16::try_from(body.len().checked_sub(16)?).ok()?.to_be_bytes();
        let mut aad = epoch.count.to_be_bytes().to_vec();
        aad.extend_from_slice(&[head[0], head[1], head[2], len[0], len[1]]);
        // A record that does not open counts too: the other side has counted it.
        epoch.count += 1;
        let mut bytes = body.to_vec();
        let opened = epoch.key.open_in_place(nonce, Aad::from(aad), &mut bytes).ok()?.len();
        bytes.truncate(opened);
        Some(bytes)
    }
}

/// What a hello says.
struct Hello {
    random: [u8; 32],
    suite: u16,
    version: u16,
    name: Option<String>,
}

/// Handshake messages in the clear at the beginning of a stream: kind and body.
fn handshakes(stream: &[u8]) -> impl Iterator<Item = (u8, Vec<u8>)> + use<> {
    let (mut rest, mut joined) = (stream, Vec::new());
    while let Some(head) = rest.first_chunk::<5>() {
        let len = usize::from(u16::from_be_bytes([head[3], head[4]]));
        let Some(body) = rest.get(5..5 + len) else { break };
        match head[0] {
            HANDSHAKE if joined.len() < 1 << 17 => joined.extend_from_slice(body),
            CHANGE => {}
            _ => break,
        }
        rest = &rest[5 + len..];
    }
    let mut messages = Vec::new();
    let mut at = joined.as_slice();
    while let Some(&[kind, a, b, c]) = at.first_chunk::<4>() {
        let len = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let Some(body) = at.get(4..4 + len) else { break };
        messages.push((kind, body.to_vec()));
        at = &at[4 + len..];
    }
    messages.into_iter()
}

fn handshake(stream: &[u8], kind: u8) -> Option<Vec<u8>> {
    handshakes(stream).find(|(found, _)| *found == kind).map(|(_, body)| body)
}

/// Takes bytes off the front.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, len: usize) -> Option<usize> {
        Some(self.take(len)?.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
    }

    fn counted(&mut self, len: usize) -> Option<Cursor<'a>> {
        let count = self.number(len)?;
        self.take(count).map(Cursor)
    }
}

fn hello(body: &[u8], client: bool) -> Option<Hello> {
    let mut at = Cursor(body);
    let mut version = u16::try_from(at.number(2)?).ok()?;
    let random: [u8; 32] = at.take(32)?.try_into().ok()?;
    at.counted(1)?;
    let suite = if client {
        at.counted(2)?;
        at.counted(1)?;
        0
    } else {
        let suite = u16::try_from(at.number(2)?).ok()?;
        at.take(1)?;
        suite
    };
    let mut name = None;
    let mut extensions = at.counted(2).unwrap_or(Cursor(&[]));
    while let Some(kind) = extensions.number(2) {
        let Some(mut extension) = extensions.counted(2) else { break };
        match (kind, client) {
            (43, false) => version = u16::try_from(extension.number(2)?).ok()?,
            (0, true) => {
                let host = extension.counted(2).and_then(|mut list| {
                    list.take(1)?;
                    list.counted(2)
                });
                name = host.map(|host| String::from_utf8_lossy(host.0).into_owned());
            }
            _ => {}
        }
    }
    Some(Hello { random, suite, version, name })
}
