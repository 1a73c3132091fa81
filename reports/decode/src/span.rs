//! Bytes to be decoded: in memory, or far away and read bit by bit.

use belljar_record::DecoySource;
use std::ops::Range;

/// An object, or a window of it.
#[derive(Clone, Copy)]
pub(crate) enum Span<'a> {
    /// In memory.
    Near(&'a [u8]),
    /// Readable at any place, perhaps larger than memory.
    Far(&'a dyn DecoySource),
}

impl Span<'_> {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Near(bytes) => bytes.len() as u64,
            Self::Far(source) => source.len(),
        }
    }

    /// Fills `buf` from `offset` as far as there are bytes.
    pub(crate) fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        match self {
            Self::Far(source) => source.read_at(offset, buf),
            Self::Near(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let count = buf.len().min(bytes.len() - from);
                buf[..count].copy_from_slice(&bytes[from..from + count]);
                count
            }
        }
    }

    /// The bytes of `range`, as far as there are any; at most `most`.
    pub(crate) fn take(&self, range: Range<u64>, most: usize) -> Vec<u8> {
        let end = range.end.min(self.len());
        if let Self::Near(bytes) = self {
            let from = usize::try_from(range.start).unwrap_or(usize::MAX).min(bytes.len());
            let to = usize::try_from(end).unwrap_or(usize::MAX).clamp(from, bytes.len());
            return bytes[from..to.min(from.saturating_add(most))].to_vec();
        }
        let len = usize::try_from(end.saturating_sub(range.start)).unwrap_or(most).min(most);
        let mut bytes = vec![0; len];
        let filled = self.read_at(range.start, &mut bytes);
        bytes.truncate(filled);
        bytes
    }
}

/// Reads a range in blocks.
pub(crate) struct Blocks<'a> {
    span: Span<'a>,
    at: u64,
    end: u64,
    buffer: Vec<u8>,
}

impl<'a> Blocks<'a> {
    pub(crate) fn new(span: Span<'a>, range: Range<u64>) -> Self {
        Self { span, at: range.start, end: range.end.min(span.len()), buffer: Vec::new() }
    }

    /// The next block, empty at the end.
    pub(crate) fn next(&mut self) -> &[u8] {
        const BLOCK: u64 = 64 << 10;
        let len = usize::try_from(self.end.saturating_sub(self.at).min(BLOCK)).unwrap_or(0);
        if len == 0 {
            return &[];
        }
        if let Span::Near(bytes) = self.span {
            let from = usize::try_from(self.at).unwrap_or(usize::MAX);
            self.at += len as u64;
            return bytes.get(from..from + len).unwrap_or(&[]);
        }
        self.buffer.resize(len, 0);
        let filled = self.span.read_at(self.at, &mut self.buffer);
        self.at += filled as u64;
        if filled == 0 {
            self.at = self.end;
        }
        &self.buffer[..filled]
    }
}
