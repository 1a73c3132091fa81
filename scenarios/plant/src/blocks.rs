//! Content made of blocks: prose, program source, system files, random bytes.
//!
//! Each block of 4 KiB is made on its own from its number, so a file of any size costs nothing
//! until somebody reads it, and a read costs the blocks that it touches. The last block is made to
//! end exactly where the file does.

use crate::code::{self, Language};
use crate::content::{Content, copy_at};
use crate::seed::{Seed, Stream};
use crate::system_style::{self, SystemStyle};
use crate::words;
use belljar_record::DecoySource;
use rand_core::Rng as _;
use std::cell::RefCell;

/// Bytes of a block.
pub(crate) const BLOCK: usize = 4096;

/// What the blocks are filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Prose,
    Code(Language),
    System(SystemStyle),
    Random,
}

/// Content of blocks.
#[derive(Debug)]
pub(crate) struct Blocks {
    pub(crate) seed: Seed,
    pub(crate) style: Style,
    pub(crate) len: u64,
}

thread_local! {
    /// The last block that this thread made: programs read files in pieces smaller than a block.
    static LAST: RefCell<Option<(Made, Vec<u8>)>> = const { RefCell::new(None) };
}

/// What a block is a function of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Made {
    seed: Seed,
    style: Style,
    number: u64,
    len: usize,
}

impl Blocks {
    fn made(&self, number: u64) -> Made {
        let left = self.len - number * BLOCK as u64;
        let len = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        Made { seed: self.seed, style: self.style, number, len }
    }
}

fn fill(style: Style, stream: &mut Stream, len: usize) -> Vec<u8> {
    match style {
        Style::Prose => words::prose(stream, len),
        Style::Code(language) => code::source(language, stream, len),
        Style::System(style) => system_style::lines(style, stream, len),
        Style::Random => {
            let mut bytes = vec![0; len];
            stream.fill_bytes(&mut bytes);
            bytes
        }
    }
}

impl DecoySource for Blocks {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let end = self.len.min(offset.saturating_add(buf.len() as u64));
        let mut at = offset;
        while at < end {
            let number = at / BLOCK as u64;
            let within = at % BLOCK as u64;
            let target = &mut buf[(at - offset) as usize..(end - offset) as usize];
            let made = self.made(number);
            at += LAST.with_borrow_mut(|last| {
                let bytes = match last.take() {
                    Some((known, bytes)) if known == made => bytes,
                    _ => fill(made.style, &mut made.seed.block(number), made.len),
                };
                let copied = copy_at(&bytes, within, target);
                *last = Some((made, bytes));
                copied as u64
            });
        }
        end.saturating_sub(offset) as usize
    }
}

impl Content for Blocks {}
