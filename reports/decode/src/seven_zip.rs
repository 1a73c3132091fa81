//! 7z archives: all members, one after the other, as they lie packed.
//!
//! Opened by another crate: LZMA, LZMA2, BZip2, Deflate, copies and the filters for programs.
//! An archive that is cut short has lost its directory, which stands at its end; its first stream is
//! then tried as LZMA2. Cannot see: archives with a password, PPMd, archives larger than a window.

use crate::inflate::{Flow, Inflated};
use crate::packed;
use belljar_record::ByteString;
use std::io::Cursor;

/// The most memory for a dictionary, KiB.
const MEMORY: usize = 64 << 10;
/// Length of the header before the packed streams.
const HEADER: usize = 32;

/// The names of the members, joined.
pub(crate) fn names(bytes: &[u8]) -> Option<ByteString> {
    let reader = open(bytes)?;
    let names: Vec<&str> = reader
        .archive()
        .files
        .iter()
        .filter(|file| file.has_stream())
        .map(|file| file.name())
        .take(16)
        .collect();
    (!names.is_empty()).then(|| names.join(", ").into())
}

fn open(bytes: &[u8]) -> Option<sevenz_rust2::ArchiveReader<Cursor<&[u8]>>> {
    let none = sevenz_rust2::Password::empty();
    sevenz_rust2::ArchiveReader::new_with_memory_limit(Cursor::new(bytes), none, MEMORY).ok()
}

/// Decodes the archive at the beginning of `bytes` into `sink`.
pub(crate) fn decode(bytes: &[u8], sink: &mut dyn FnMut(&[u8]) -> Flow) -> Inflated {
    let mut went = Inflated { input: 0, output: 0, whole: false };
    let Some(mut reader) = open(bytes) else {
        // Without the directory: LZMA2 is what archives are made with.
        let Some(packed) = bytes.get(HEADER..) else { return went };
        let mut source = Cursor::new(packed);
        let reader =
            lzma_rust2::Lzma2Reader::new_mem_limit(&mut source, 16 << 20, MEMORY as u32, None);
        if let Ok(reader) = reader {
            let (output, _) = packed::copy(reader, sink);
            went.output = output;
            went.input = HEADER as u64 + source.position().min(packed.len() as u64);
        }
        return went;
    };
    went.input = len(bytes).unwrap_or(bytes.len() as u64).min(bytes.len() as u64);
    reader.set_thread_count(1);
    let mut stopped = false;
    let end = reader.for_each_entries(|_, member| {
        let (output, whole) = packed::copy(member, &mut |block| {
            let flow = sink(block);
            stopped |= flow == Flow::Stop;
            flow
        });
        went.output += output;
        Ok(whole && !stopped)
    });
    went.whole = end.is_ok() && !stopped;
    went
}

/// How long an archive is, by its first header.
fn len(bytes: &[u8]) -> Option<u64> {
    let word = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..at + 8)?.first_chunk()?));
    word(12)?.checked_add(word(20)?)?.checked_add(HEADER as u64)
}
