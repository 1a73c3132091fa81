//! The files that packets are kept in: pcap and pcapng, of either byte order.

use crate::CaptureError;
use belljar_record::Direction;
use pcap_parser::traits::PcapNGPacketBlock as _;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, SecretsType};
use std::io::Read;

/// Bytes that are held at first, and at most: a block of a capture is at most so long.
const BUFFER: usize = 1 << 20;
const LONGEST: usize = 64 << 20;
/// Option of a packet that tells its direction, and of an interface that tells its name.
const FLAGS: u16 = 2;

/// A captured frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) link: i32,
    pub(crate) direction: Option<Direction>,
    pub(crate) bytes: &'a [u8],
}

/// What a capture file holds.
#[derive(Debug)]
pub(crate) enum Record<'a> {
    /// Lines of a TLS key log.
    Secrets(&'a [u8]),
    Packet(Frame<'a>),
    /// Something that is not whole.
    Cut(u64, &'static str),
}

/// Goes through a capture once.
pub(crate) fn read<R: Read + Send>(
    file: R,
    take: &mut dyn FnMut(Record<'_>),
) -> Result<(), CaptureError> {
    let mut reader = pcap_parser::create_reader(BUFFER, file)
        .map_err(|error| CaptureError::Container(words(&error)))?;
    let mut links: Vec<Linktype> = Vec::new();
    let mut held = BUFFER;
    let mut stuck = false;
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                one(&block, &mut links, take);
                reader.consume(offset);
                stuck = false;
            }
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_) | PcapError::BufferTooSmall) => {
                if (stuck || reader.data().len() >= held) && !reader.reader_exhausted() {
                    held *= 2;
                    if held > LONGEST || !reader.grow(held) {
                        take(Record::Cut(1, "the capture holds a block too long to be read"));
                        return Ok(());
                    }
                }
                if reader.reader_exhausted() || reader.refill().is_err() {
                    take(Record::Cut(1, "the capture ends within a block"));
                    return Ok(());
                }
                stuck = true;
            }
            Err(PcapError::UnexpectedEof) => {
                take(Record::Cut(1, "the capture ends within a block"));
                return Ok(());
            }
            Err(error) => {
                take(Record::Cut(1, "the capture is damaged; what follows the damage is not read"));
                return match links.is_empty() {
                    true => Err(CaptureError::Container(words(&error))),
                    false => Ok(()),
                };
            }
        }
    }
}

fn words<I>(error: &PcapError<I>) -> String {
    match error {
        PcapError::HeaderNotRecognized => "its header is neither pcap nor pcapng",
        PcapError::Eof | PcapError::UnexpectedEof | PcapError::Incomplete(_) => "it ends too early",
        PcapError::ReadError => "reading failed",
        _ => "a block is damaged",
    }
    .to_owned()
}

fn one(block: &PcapBlockOwned<'_>, links: &mut Vec<Linktype>, take: &mut dyn FnMut(Record<'_>)) {
    match block {
        PcapBlockOwned::LegacyHeader(header) => *links = vec![header.network],
        PcapBlockOwned::Legacy(packet) => {
            if packet.caplen < packet.origlen {
                take(Record::Cut(1, CUT));
            }
            let link = links.first().map_or(1, |link| link.0);
            let bytes = cut(packet.data, packet.caplen);
            take(Record::Packet(Frame { link, direction: None, bytes }));
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => links.clear(),
        PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
            links.push(interface.linktype);
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            if packet.caplen < packet.origlen {
                take(Record::Cut(1, CUT));
            }
            let Some(link) = usize::try_from(packet.if_id).ok().and_then(|id| links.get(id)) else {
                take(Record::Cut(1, "packets of an interface that is not described"));
                return;
            };
            let flags = packet.options.iter().find(|option| option.code.0 == FLAGS);
            let direction = flags.and_then(|option| {
                // In the byte order of the section; the two bits are in the first or last byte.
                let bits = option.value.first()? | option.value.get(3)?;
                match bits & 3 {
                    1 => Some(Direction::In),
                    2 => Some(Direction::Out),
                    _ => None,
                }
            });
            let bytes = packet.packet_data();
            take(Record::Packet(Frame { link: link.0, direction, bytes }));
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            if let Some(link) = links.first() {
                let bytes = packet.packet_data();
                take(Record::Packet(Frame { link: link.0, direction: None, bytes }));
            }
        }
        PcapBlockOwned::NG(Block::DecryptionSecrets(secrets)) => {
            if secrets.secrets_type == SecretsType::TlsKeyLog {
                take(Record::Secrets(cut(secrets.data, secrets.secrets_len)));
            }
        }
        PcapBlockOwned::NG(_) => {}
    }
}

const CUT: &str = "packets that the capture cut short (its snap length)";

fn cut(bytes: &[u8], len: u32) -> &[u8] {
    &bytes[..bytes.len().min(usize::try_from(len).unwrap_or(usize::MAX))]
}
