//! Captures of others, as the payloads that a run of belljar would have kept: pcap and pcapng (with
//! TLS key log), HAR, and any other file as it is.
//!
//! Promises: TCP streams are put together, also out of order; bytes that were sent again and differ,
//! and pieces that make no packet, are payloads of their own; TLS 1.2 and 1.3 are decrypted where
//! the key log has the secrets; whatever could not be read is counted in [`Capture::losses`].
//! Nothing panics on hostile bytes; at most [`Limits::bytes`] are kept.
//!
//! Cannot see: which side is the machine under test, unless the capture or the caller says so; who
//! sent anything; TLS that begins inside another protocol (STARTTLS), cipher suites with CBC or CCM,
//! QUIC; compressed headers of HTTP/2.
#![forbid(unsafe_code)]

mod container;
mod frame;
mod har;
mod keys;
mod stream;
mod table;
mod tls;

pub use keys::KeyLog;

use belljar_record::{BytesSource, Direction, Endpoint, Layer, Transport};
use std::io::{Read, Seek, SeekFrom};
use std::net::IpAddr;

/// What may be kept of one capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all payloads.
    pub bytes: u64,
    /// Conversations.
    pub conversations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 2 << 30, conversations: 100_000 }
    }
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// What carries it; none where the file does not say (a HAR, a raw file).
    pub transport: Option<Transport>,
    /// Who began it, as far as the capture shows.
    pub local: Option<Endpoint>,
    /// The other side.
    pub remote: Option<Endpoint>,
    /// Host name, where the conversation names one.
    pub host: Option<String>,
}

/// Bytes that went one way.
#[derive(Debug, Clone)]
pub struct Payload {
    /// Of which conversation: its place in [`Capture::conversations`].
    pub conversation: usize,
    /// At which layer.
    pub layer: Layer,
    /// From `local` to `remote` is out.
    pub direction: Direction,
    /// Whether it is known that the machine under test sent it (out) or got it (in); if not, both
    /// ways may have left it.
    pub sure: bool,
    /// The bytes; datagrams and packets framed: each preceded by its length (four bytes, big-endian).
    pub bytes: BytesSource,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// How many.
    pub count: u64,
    /// Of what, and why.
    pub what: String,
}

/// A capture, read.
#[derive(Debug, Clone, Default)]
pub struct Capture {
    /// Conversations, in order of their first packet.
    pub conversations: Vec<Conversation>,
    /// What went both ways.
    pub payloads: Vec<Payload>,
    /// Packets (or requests) that were read.
    pub packets: u64,
    /// Packets between addresses of one machine (loopback), which leave nothing.
    pub internal: u64,
    /// Conversations in TLS that were decrypted.
    pub decrypted: u64,
    /// What could not be read.
    pub losses: Vec<Loss>,
}

impl Capture {
    pub(crate) fn lost(&mut self, count: u64, what: &str) {
        if count == 0 {
            return;
        }
        match self.losses.iter_mut().find(|loss| loss.what == what) {
            Some(loss) => loss.count += count,
            None => self.losses.push(Loss { count, what: what.to_owned() }),
        }
    }
}

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// pcap or pcapng.
    Packets,
    /// HTTP Archive 1.2 (JSON).
    Har,
    /// Anything else.
    Raw,
}

/// A capture that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Read(#[from] std::io::Error),
    /// It says that it is a capture and is none.
    #[error("it is no capture that can be read: {0}")]
    Container(String),
    /// It says that it is a HAR and is none.
    #[error("it is no HAR: {0}")]
    Har(#[from] serde_json::Error),
    /// It is larger than what is kept.
    #[error("it has {len} bytes; at most {most} are read")]
    TooLarge {
        /// How many it has.
        len: u64,
        /// How many are read.
        most: u64,
    },
}

/// How a capture is to be read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Secrets beside those in the file.
    pub keys: KeyLog,
    /// Addresses of the machine under test; empty: what the file says, else unknown.
    pub machine: Vec<IpAddr>,
    /// Bounds.
    pub limits: Limits,
}

/// Looks at the first bytes of a file.
///
/// # Errors
/// As reading.
pub fn kind<R: Read + Seek>(file: &mut R) -> std::io::Result<FileKind> {
    let mut head = Vec::new();
    file.by_ref().take(4096).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    let magic = head.first_chunk::<4>().copied().map_or(0, u32::from_be_bytes);
    if matches!(magic, 0xa1b2_c3d4 | 0xd4c3_b2a1 | 0xa1b2_3c4d | 0x4d3c_b2a1 | 0x0a0d_0d0a) {
        return Ok(FileKind::Packets);
    }
    let text: Vec<u8> = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(&head)
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .take(9)
        .collect();
    Ok(if text.starts_with(b"{\"log\":{") { FileKind::Har } else { FileKind::Raw })
}

/// Reads a capture; of what kind it is, is seen by its first bytes.
///
/// # Errors
/// [`CaptureError`] for files that cannot be read, or say what they are and are not.
pub fn read<R: Read + Seek + Send>(
    mut file: R,
    options: &Options,
) -> Result<Capture, CaptureError> {
    match kind(&mut file)? {
        FileKind::Packets => packets(file, options),
        FileKind::Har => {
            let bytes = whole(file, options.limits.bytes)?;
            Ok(har::read(&bytes)?)
        }
        FileKind::Raw => {
            let bytes = whole(file, options.limits.bytes)?;
            let (transport, local, remote, host) = (None, None, None, None);
            Ok(Capture {
                conversations: vec![Conversation { transport, local, remote, host }],
                payloads: vec![Payload {
                    conversation: 0,
                    layer: Layer::Stream,
                    direction: Direction::Out,
                    sure: true,
                    bytes: bytes.into(),
                }],
                ..Capture::default()
            })
        }
    }
}

fn whole<R: Read + Seek>(mut file: R, most: u64) -> Result<Vec<u8>, CaptureError> {
    let len = file.seek(SeekFrom::End(0))?;
    if len > most {
        return Err(CaptureError::TooLarge { len, most });
    }
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn packets<R: Read + Send>(file: R, options: &Options) -> Result<Capture, CaptureError> {
    let mut keys = options.keys.clone();
    let mut table = table::Table::new(options);
    container::read(file, &mut |record| match record {
        container::Record::Secrets(text) => keys.add(text),
        container::Record::Packet(frame) => table.frame(&frame),
        container::Record::Cut(count, what) => table.capture.lost(count, what),
    })?;
    Ok(table.finish(&keys))
}
