//! What leaves no mark: tried on whole objects, as far as their frequencies speak for it.

use super::{Expect, Graph, REVERSED, SEALED, Sealed, TELLING, TURNED, Told};
use crate::span::Span;
use crate::{Decoder, Step, archive, cipher, inflate, marks, markup, structure, turn};
use std::ops::Range;

impl Graph<'_> {
    /// What something may be from its first to its last byte. `bytes` are all of it and begin at
    /// `base` of the object.
    pub(super) fn whole(&mut self, all: &Told<'_>, base: u64) {
        let bytes = all.bytes;
        if self.chain.len() >= self.meter.depth || bytes.len() < TELLING || self.quiet > 0 {
            return;
        }
        let counts = all.counts();
        let (span, all) = (Span::Near(bytes), 0..bytes.len() as u64);
        if counts.may_be_packed() {
            self.bare(span, base, all.clone());
        }
        if counts.is_even() && bytes.len() <= cipher::MOST && self.sealed.len() < SEALED {
            let (chain, lengths) = (self.chain.clone(), self.lengths.clone());
            self.sealed.push(Sealed { chain, lengths, base, bytes: bytes.to_vec() });
        }
        if bytes.starts_with(b"BM") {
            self.keyed(Decoder::LowBits, span, base, (bytes, 0), 0);
        }
        if marks::may_be_lz4_block(bytes) {
            self.child(Decoder::Lz4Block, None, span, base, all.clone(), Expect::whole());
        }
        if markup::begins(bytes) {
            self.child(Decoder::Markup, None, span, base, all.clone(), Expect::bytes(16));
        }
        for (decoder, path) in structure::find(bytes) {
            self.child(decoder, Some(path), span, base, all.clone(), Expect::bytes(16));
        }
        for member in archive::stored(bytes) {
            if self.members == 0 {
                break;
            }
            self.members -= 1;
            let at = base + member.start as u64;
            let member = Told::new(&bytes[member]);
            self.whole(&member, at);
            self.turns(&member, at);
        }
    }

    /// The same for what is larger than a window.
    pub(super) fn whole_far(&mut self, span: Span<'_>, range: Range<u64>) {
        if self.chain.len() < self.meter.depth {
            self.bare(span, 0, range);
        }
    }

    /// Streams without any mark, if `range` is one from its first to its last byte.
    fn bare(&mut self, span: Span<'_>, base: u64, range: Range<u64>) {
        if range.end - range.start < 16 {
            return;
        }
        // Most bytes are no such stream; looking costs little, since errors come early.
        for decoder in [Decoder::Deflate, Decoder::Brotli] {
            self.child(decoder, None, span, base, range.clone(), Expect::whole());
        }
        if inflate::odd_zlib(&span.take(range.clone(), 2)) {
            self.child(Decoder::Zlib, None, span, base, range, Expect::whole());
        }
    }

    /// What may have been done to every byte, or to the order of all.
    pub(super) fn turns(&mut self, all: &Told<'_>, base: u64) {
        let bytes = all.bytes;
        let turns = self.chain.iter().filter(|step| turn::is_turn(step.decoder)).count();
        let size = TELLING..=REVERSED;
        if turns >= 2 || self.chain.len() > 3 || self.quiet > 0 || !size.contains(&bytes.len()) {
            return;
        }
        let (told, span, all) = (all, Span::Near(bytes), 0..bytes.len() as u64);
        let last = self.chain.last().map(|step| step.decoder);
        let expect = Expect::bytes(16);
        if last != Some(Decoder::Reversed) {
            self.child(Decoder::Reversed, None, span, base, all.clone(), expect);
        }
        if bytes.len() > TURNED || !matches!(last, None | Some(Decoder::Reversed)) && turns > 0 {
            return;
        }
        let counts = told.counts();
        if !counts.is_text() {
            self.child(Decoder::BitsReversed, None, span, base, all.clone(), expect);
        }
        if turns > 0 {
            return;
        }
        for by in counts.rotated() {
            let detail = Some(by.to_string().into());
            self.child(Decoder::LetterRotation, detail, span, base, all.clone(), expect);
        }
        let marked = turn::added_to_mark(bytes);
        let (likely, any) = match counts.added() {
            Some(numbers) => (numbers, false),
            None => (Vec::new(), bytes.len() <= turn::TRY_ALL && self.may_try_all()),
        };
        if let Some(number) = marked {
            let detail = Some(number.to_string().into());
            self.child(Decoder::ByteAddition, detail, span, base, all.clone(), expect);
        }
        for number in likely.into_iter().filter(|number| Some(*number) != marked) {
            // A guess is no reason to guess further.
            self.quiet += 1;
            let detail = Some(number.to_string().into());
            self.child(Decoder::ByteAddition, detail, span, base, all.clone(), expect);
            self.quiet -= 1;
        }
        if any && self.meter.may_try(bytes.len() as u64 * 255) {
            self.every_addition(bytes, base);
        }
    }

    /// Whether the object is as it was sent, but for how the protocol cuts it, or one of the first
    /// few that were decoded from that.
    fn may_try_all(&mut self) -> bool {
        let decoded = self.chain.iter().filter(|step| step.decoder != Decoder::Part).count();
        if decoded == 1 && self.tries > 0 {
            self.tries -= 1;
            return true;
        }
        decoded == 0
    }

    /// Shows what every number that may have been added leaves. Nothing more is decoded from that:
    /// what has a mark is told by it.
    fn every_addition(&mut self, bytes: &[u8], base: u64) {
        let mut turned = Vec::with_capacity(bytes.len());
        for number in 1..=255_u8 {
            if !self.meter.may_begin() {
                return;
            }
            self.meter.begin();
            self.meter.spend(bytes.len() as u64);
            turned.clear();
            turned.extend(bytes.iter().map(|byte| byte.wrapping_sub(number)));
            self.chain.push(Step {
                decoder: Decoder::ByteAddition,
                input: base..base + bytes.len() as u64,
                detail: Some(number.to_string().into()),
            });
            self.lengths.push(bytes.len() as u64);
            let id = self.next();
            self.show(id, 0, &turned);
            self.chain.pop();
            self.lengths.pop();
        }
    }
}
