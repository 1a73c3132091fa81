//! Marks with which streams and archives begin, all looked for in one pass.

use crate::{Decoder, archive, cipher, inflate, packed, picture};
use aho_corasick::{AhoCorasick, MatchKind};
use std::sync::LazyLock;

const GZIP: &[u8] = b"\x1f\x8b\x08";
const ZIP: &[u8] = b"PK\x03\x04";

static MARKS: LazyLock<Option<(AhoCorasick, Vec<Decoder>)>> = LazyLock::new(|| {
    let all = [
        (Decoder::Gzip, GZIP),
        (Decoder::ZipMember, ZIP),
        (Decoder::LowBits, picture::PNG),
        (Decoder::OpenSsl, cipher::SALTED),
    ];
    let all = all.into_iter().chain(packed::MARKS);
    let (decoders, marks): (Vec<_>, Vec<_>) = all.unzip();
    let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(marks).ok()?;
    Some((finder, decoders))
});

/// Places in `bytes` at which something may begin that has a mark, by place.
pub(crate) fn find(bytes: &[u8]) -> Vec<(Decoder, usize)> {
    let mut found = Vec::new();
    if let Some((finder, decoders)) = MARKS.as_ref() {
        for hit in finder.find_iter(bytes) {
            let mut decoder = decoders[hit.pattern().as_usize()];
            let rest = &bytes[hit.start()..];
            if decoder == Decoder::ZipMember
                && archive::local_header(rest).is_some_and(|local| local.encrypted)
            {
                decoder = Decoder::EncryptedZip;
            }
            let begins = match decoder {
                Decoder::Gzip => matches!(rest, [_, _, _, flags, ..] if flags & 0xe0 == 0),
                Decoder::ZipMember => {
                    archive::local_header(rest).is_none_or(|local| local.packed())
                }
                Decoder::EncryptedZip => true,
                _ => packed::begins(decoder, rest),
            };
            if begins {
                found.push((decoder, hit.start()));
            }
        }
    }
    inflate::find(bytes, &mut found);
    found.sort_unstable_by_key(|&(_, at)| at);
    found
}

/// Whether something may be a bare LZ4 block, perhaps after its length: the first match must reach
/// back to what stands before it.
pub(crate) fn may_be_lz4_block(bytes: &[u8]) -> bool {
    let starts = |block: &[u8]| -> bool {
        let Some(&token) = block.first() else { return false };
        let (mut at, mut literals) = (1, usize::from(token >> 4));
        if literals == 15 {
            loop {
                let Some(&byte) = block.get(at) else { return false };
                at += 1;
                literals += usize::from(byte);
                if byte != 255 {
                    break;
                }
            }
        }
        let Some(&[low, high]) = block.get(at + literals..at + literals + 2) else { return false };
        let offset = usize::from(u16::from_le_bytes([low, high]));
        offset != 0 && offset <= literals
    };
    starts(bytes) || bytes.get(4..).is_some_and(starts)
}
