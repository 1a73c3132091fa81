//! zip archives (PKWARE APPNOTE 6.3.3) that are never made whole.
//!
//! Members are *stored*, not compressed: so the length of the archive is known before any byte
//! exists and each member is read from its own source. Only names, sizes and (once they were
//! needed) check sums are kept; a check sum is streamed once. What real archivers would compress
//! is a limit of the decoy: its members stand in the archive as they are.
//! No zip64: at most 4 GiB − 1 and 65,535 members.

use crate::calendar::Moment;
use crate::content::{Content, Inside, Literal, Rope, copy_at, parts_of};
use crate::seed::{ALPHANUMERIC, Draw as _, Seed};
use belljar_record::{DecoySource, Part, PartKind};
use belljar_schema::DecoyClass;
use std::sync::{Arc, OnceLock};

const LOCAL: u64 = 30;
const CENTRAL: u64 = 46;
const END: u64 = 22;

/// A member to be.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) class: DecoyClass,
    pub(crate) sample: bool,
    pub(crate) when: Moment,
    pub(crate) content: Arc<dyn Content>,
}

impl Member {
    pub(crate) fn inside(&self) -> Inside {
        Inside {
            name: self.name.clone(),
            kind: PartKind::Member,
            class: Some(self.class),
            sample: self.sample,
            content: Arc::clone(&self.content),
        }
    }
}

/// Bytes that a member costs beside its content.
pub(crate) fn overhead(name: &str) -> u64 {
    LOCAL + CENTRAL + 2 * name.len() as u64
}

/// Bytes of an archive without members and comment.
pub(crate) const EMPTY: u64 = END;

/// Check sum of content, streamed.
pub(crate) fn crc_of(content: &dyn Content) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    let mut buffer = vec![0; 64 << 10];
    let mut offset = 0;
    loop {
        let got = content.read_at(offset, &mut buffer);
        if got == 0 {
            return hash.finalize();
        }
        hash.update(&buffer[..got]);
        offset += got as u64;
    }
}

#[derive(Debug)]
struct Stored {
    member: Member,
    /// Place of its local header.
    at: u64,
    crc: OnceLock<u32>,
}

impl Stored {
    /// The fields that local and central header share, from "version needed" to "extra length".
    fn shared(&self, out: &mut Vec<u8>) {
        let crc = *self.crc.get_or_init(|| crc_of(&*self.member.content));
        let len = low32(self.member.content.len());
        out.extend_from_slice(&20_u16.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.member.when.dos_time().to_le_bytes());
        out.extend_from_slice(&self.member.when.date().dos().to_le_bytes());
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&low16(self.member.name.len() as u64).to_le_bytes());
        out.extend_from_slice(&[0; 2]);
    }
}

fn low32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn low16(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// The header before a member's bytes.
#[derive(Debug)]
struct LocalHeader(Arc<Stored>);

impl DecoySource for LocalHeader {
    fn len(&self) -> u64 {
        LOCAL + self.0.member.name.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let mut out = b"PK\x03\x04".to_vec();
        self.0.shared(&mut out);
        out.extend_from_slice(self.0.member.name.as_bytes());
        copy_at(&out, offset, buf)
    }
}

impl Content for LocalHeader {}

/// One entry of the central directory.
#[derive(Debug)]
struct CentralHeader(Arc<Stored>);

impl DecoySource for CentralHeader {
    fn len(&self) -> u64 {
        CENTRAL + self.0.member.name.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        // Made by Unix, so that the mode bits count.
        let mut out = b"PK\x01\x02\x14\x03".to_vec();
        self.0.shared(&mut out);
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&(0o100_644_u32 << 16).to_le_bytes());
        out.extend_from_slice(&low32(self.0.at).to_le_bytes());
        out.extend_from_slice(self.0.member.name.as_bytes());
        copy_at(&out, offset, buf)
    }
}

impl Content for CentralHeader {}

/// A zip archive.
#[derive(Debug)]
pub(crate) struct Zip {
    bytes: Rope,
    members: Vec<Member>,
}

impl Zip {
    /// An archive of these members, with a comment of so many bytes.
    pub(crate) fn new(seed: Seed, members: Vec<Member>, comment: u16) -> Self {
        let mut pieces: Vec<Arc<dyn Content>> = Vec::with_capacity(3 * members.len() + 1);
        let mut central: Vec<Arc<dyn Content>> = Vec::with_capacity(members.len());
        let (mut at, mut central_len) = (0, 0);
        for member in &members {
            let stored = Arc::new(Stored { member: member.clone(), at, crc: OnceLock::new() });
            let header = LocalHeader(Arc::clone(&stored));
            at += header.len() + member.content.len();
            pieces.push(Arc::new(header));
            pieces.push(Arc::clone(&member.content));
            let header = CentralHeader(stored);
            central_len += header.len();
            central.push(Arc::new(header));
        }
        pieces.append(&mut central);
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        let count = low16(members.len() as u64).to_le_bytes();
        end.extend_from_slice(&count);
        end.extend_from_slice(&count);
        end.extend_from_slice(&low32(central_len).to_le_bytes());
        end.extend_from_slice(&low32(at).to_le_bytes());
        end.extend_from_slice(&comment.to_le_bytes());
        let text = seed.stream("comment").token(usize::from(comment), ALPHANUMERIC);
        end.extend_from_slice(text.as_bytes());
        pieces.push(Literal::arc(end));
        Self { bytes: Rope::new(pieces, Vec::new()), members }
    }
}

impl DecoySource for Zip {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        self.bytes.read_at(offset, buf)
    }

    fn parts(&self) -> Vec<Part> {
        parts_of(self)
    }
}

impl Content for Zip {
    fn inside(&self) -> Vec<Inside> {
        self.members.iter().map(Member::inside).collect()
    }
}

/// A file of a small package that is made whole (OOXML).
#[derive(Debug)]
pub(crate) struct PackageFile {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// Deflated, or stored as it is.
    pub(crate) how: Packing,
}

/// How a file stands in a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Deflated,
    Stored,
}

/// A whole package.
pub(crate) fn package(files: &[PackageFile], when: Moment) -> Vec<u8> {
    let mut out = Vec::new();
    let mut central = Vec::new();
    for file in files {
        let packed = match file.how {
            Packing::Stored => None,
            Packing::Deflated => Some(deflate(&file.bytes)),
        };
        let (method, packed) = packed.as_ref().map_or((0_u16, &file.bytes), |packed| (8, packed));
        let mut shared = 20_u16.to_le_bytes().to_vec();
        shared.extend_from_slice(&[0; 2]);
        shared.extend_from_slice(&method.to_le_bytes());
        shared.extend_from_slice(&when.dos_time().to_le_bytes());
        shared.extend_from_slice(&when.date().dos().to_le_bytes());
        shared.extend_from_slice(&crc32fast::hash(&file.bytes).to_le_bytes());
        shared.extend_from_slice(&low32(packed.len() as u64).to_le_bytes());
        shared.extend_from_slice(&low32(file.bytes.len() as u64).to_le_bytes());
        shared.extend_from_slice(&low16(file.name.len() as u64).to_le_bytes());
        shared.extend_from_slice(&[0; 2]);
        central.extend_from_slice(b"PK\x01\x02\x14\0");
        central.extend_from_slice(&shared);
        central.extend_from_slice(&[0; 10]);
        central.extend_from_slice(&low32(out.len() as u64).to_le_bytes());
        central.extend_from_slice(file.name.as_bytes());
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&shared);
        out.extend_from_slice(file.name.as_bytes());
        out.extend_from_slice(packed);
    }
    let at = low32(out.len() as u64);
    out.extend_from_slice(&central);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    let count = low16(files.len() as u64).to_le_bytes();
    out.extend_from_slice(&count);
    out.extend_from_slice(&count);
    out.extend_from_slice(&low32(central.len() as u64).to_le_bytes());
    out.extend_from_slice(&at.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut packed = Vec::with_capacity(bytes.len() / 2 + 64);
    flate2::read::DeflateEncoder::new(bytes, flate2::Compression::default())
        .read_to_end(&mut packed)
        .expect("reading from a slice cannot fail");
    packed
}
