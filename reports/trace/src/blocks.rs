//! Bytes of the decoys, kept for a while: comparing asks for a few bytes at many places, and making
//! a decoy's bytes anew each time costs a hundred times more than comparing them.

use belljar_record::DecoySource;
use std::collections::HashMap;

/// Length of a block.
const BLOCK: u64 = 4096;
/// Blocks that are kept: 64 MiB.
const MOST: usize = 16 << 10;

/// Blocks of contents, by content and number. When it is full it is emptied: what is asked for
/// again and again is soon there again.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    kept: HashMap<(u32, u64), Box<[u8]>>,
    made: u64,
}

impl Blocks {
    /// Fills `buf` from `offset` of a content; gives how many bytes there were.
    pub(crate) fn read(
        &mut self,
        content: u32,
        source: &dyn DecoySource,
        offset: u64,
        buf: &mut [u8],
    ) -> usize {
        // Long stretches are read once: they would only push out what is asked for often.
        if buf.len() as u64 > 2 * BLOCK {
            return source.read_at(offset, buf);
        }
        let mut filled = 0;
        while filled < buf.len() {
            let at = offset + filled as u64;
            let block = self.block(content, source, at / BLOCK);
            let from = ((at % BLOCK) as usize).min(block.len());
            let count = (block.len() - from).min(buf.len() - filled);
            if count == 0 {
                break;
            }
            buf[filled..filled + count].copy_from_slice(&block[from..from + count]);
            filled += count;
        }
        filled
    }

    fn block(&mut self, content: u32, source: &dyn DecoySource, number: u64) -> &[u8] {
        if self.kept.len() >= MOST && !self.kept.contains_key(&(content, number)) {
            self.kept.clear();
        }
        let made = &mut self.made;
        self.kept.entry((content, number)).or_insert_with(|| {
            *made += 1;
            let mut bytes = vec![0; BLOCK as usize];
            let filled = source.read_at(number * BLOCK, &mut bytes);
            bytes.truncate(filled);
            bytes.into()
        })
    }

    /// How many blocks were made so far.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use belljar_record::BytesSource;

    #[test]
    fn blocks_give_what_the_source_gives() {
        let bytes: Vec<u8> = (0..20_000_u32).map(|n| (n * 7 % 251) as u8).collect();
        let source = BytesSource::from(bytes.clone());
        let mut blocks = Blocks::default();
        for (offset, len) in
            [(0, 10), (4090, 20), (8192, 4096), (19_990, 100), (20_000, 5), (3, 9000)]
        {
            let mut buf = vec![0; len];
            let filled = blocks.read(1, &source, offset as u64, &mut buf);
            assert_eq!(&buf[..filled], &bytes[offset.min(20_000)..(offset + len).min(20_000)]);
        }
        assert!(blocks.made() <= 5);
    }
}
