//! The decoding graph: a payload and everything that can be decoded from it, nested.
//!
//! Promises: every decoder that recognises its input is applied, at every place, up to the
//! budget's depth; objects are shown in windows of bounded size with an overlap, so memory stays
//! bounded for any payload; equal content found twice at one place of the payload is shown once.
//! Cannot see: a stream that begins within a *decoded* object larger than a window and is cut by
//! the window's edge is decoded only up to there (counted).

use crate::budget::{Budget, Cut, Meter};
use crate::inflate::{Flow, Inflated};
use crate::part::{self, Content, Gathered, Part, Role};
use crate::span::{Blocks, Span};
use crate::{Decoder, Step, archive, escape, inflate, text, wide};
use belljar_record::{DecoySource, Layer};
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;

/// How far neighbouring windows overlap.
const OVERLAP: usize = 64 << 10;

/// A window of an object: of the payload, or of something decoded from it.
#[derive(Debug)]
pub struct Piece<'a> {
    /// Which object: all windows of an object have the same number, no two objects do.
    pub object: u64,
    /// How the object comes from the payload; empty for the payload itself.
    pub chain: &'a [Step],
    /// Length of what each step of the chain gives, in bytes (as far as budgets let it be known).
    pub lengths: &'a [u64],
    /// Where `bytes` begin in the object.
    pub base: u64,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Visits the payload and everything that can be decoded from it. Says what was cut.
pub fn explore(
    payload: &dyn DecoySource,
    layer: Layer,
    budget: &Budget,
    visit: &mut dyn FnMut(&Piece<'_>),
) -> Cut {
    let span = Span::Far(payload);
    let (parts, cut) = part::split(span, layer);
    let mut graph = Graph {
        meter: Meter::new(budget, span.len()),
        visit,
        chain: Vec::new(),
        lengths: Vec::new(),
        objects: 0,
        seen: HashSet::new(),
        keys: RandomState::new(),
    };
    graph.meter.cut.add(&cut);
    let id = graph.next();
    graph.object(span, 0, id);
    for part in &parts {
        graph.part(span, part);
    }
    graph.meter.cut
}

/// Decodes `range` of `span`, block by block into `sink`; says how much was used and came out.
pub(crate) fn produce(
    decoder: Decoder,
    span: Span<'_>,
    range: Range<u64>,
    sink: &mut dyn FnMut(&[u8]) -> Flow,
) -> Inflated {
    let len = range.end.saturating_sub(range.start);
    if let Some(alphabet) = text::alphabet(decoder) {
        let (mut digits, mut out, mut output) = (text::Digits::new(alphabet), Vec::new(), 0);
        let mut blocks = Blocks::new(span, range);
        loop {
            let block = blocks.next();
            if block.is_empty() {
                break;
            }
            out.clear();
            digits.push(block, &mut out);
            output += out.len() as u64;
            if sink(&out) == Flow::Stop {
                break;
            }
        }
        return Inflated { input: len, output, whole: true };
    }
    let whole = |bytes: Vec<u8>, sink: &mut dyn FnMut(&[u8]) -> Flow| {
        sink(&bytes);
        Inflated { input: len, output: bytes.len() as u64, whole: true }
    };
    let input = |most| span.take(range.clone(), most);
    match decoder {
        Decoder::Utf16Le | Decoder::Utf16Be => {
            whole(wide::decode(decoder, &input(usize::MAX)), sink)
        }
        Decoder::Reversed => {
            let mut bytes = input(usize::MAX);
            bytes.reverse();
            whole(bytes, sink)
        }
        _ if escape::is_escape(decoder) => whole(escape::decode(decoder, &input(usize::MAX)), sink),
        _ => inflate::stream(decoder, span, range.start, range.end, sink),
    }
}

struct Graph<'v> {
    meter: Meter,
    visit: &'v mut dyn FnMut(&Piece<'_>),
    chain: Vec<Step>,
    lengths: Vec<u64>,
    objects: u64,
    /// Contents that were shown, by keyed hash and place in the payload.
    seen: HashSet<(u64, u64)>,
    keys: RandomState,
}

impl Graph<'_> {
    fn next(&mut self) -> u64 {
        self.objects += 1;
        self.objects - 1
    }

    /// A part of the protocol, if it does not stand in one piece in the payload.
    fn part(&mut self, span: Span<'_>, part: &Part) {
        if let (Role::Body | Role::File | Role::FormField | Role::Message, Some(range)) =
            (part.role, part.in_one_piece())
        {
            self.bare_deflate(span, 0, range);
            return;
        }
        if !matches!(part.role, Role::Body | Role::Joined) || !self.meter.begin() {
            return;
        }
        let step = Step {
            decoder: Decoder::Part,
            input: part.input.clone(),
            detail: Some(part.name.clone()),
        };
        self.chain.push(step);
        self.lengths.push(part.len());
        let id = self.next();
        match &part.content {
            Content::Bytes(bytes) => self.object(Span::Near(bytes), 0, id),
            Content::Ranges(ranges) => {
                let gathered = Gathered::new(span, ranges.clone());
                self.object(Span::Far(&gathered), 0, id);
            }
        }
        self.chain.pop();
        self.lengths.pop();
    }

    /// Shows an object, or a window of a larger decoded one that begins at `base`, and looks into it.
    fn object(&mut self, span: Span<'_>, base: u64, id: u64) {
        let bytes = match span {
            Span::Near(bytes) => bytes,
            Span::Far(source) => {
                let mut buffer =
                    vec![
                        0;
                        usize::try_from(source.len()).unwrap_or(usize::MAX).min(self.meter.window)
                    ];
                let (mut at, mut done) = (0, 0);
                loop {
                    let filled = source.read_at(at, &mut buffer);
                    let last = at + filled as u64 >= source.len() || filled <= OVERLAP;
                    self.show(id, at, &buffer[..filled]);
                    let fresh = if last { filled } else { filled - OVERLAP };
                    done = self.look(span, at, &buffer[..filled], fresh, done);
                    if last {
                        break;
                    }
                    at += fresh as u64;
                }
                if self.starts_at_object(0) {
                    self.bare_deflate(span, 0, 0..source.len());
                }
                return;
            }
        };
        self.show(id, base, bytes);
        self.look_near(bytes, base);
    }

    /// Whether an object of its own begins here (the payload's own start is a protocol's).
    fn starts_at_object(&self, base: u64) -> bool {
        base == 0 && !self.chain.is_empty()
    }

    fn look_near(&mut self, bytes: &[u8], base: u64) {
        // Places are told to children relative to the object: `base` is added in `child`.
        self.look_at(Span::Near(bytes), base, 0, bytes, bytes.len(), 0);
        if self.starts_at_object(base) {
            self.bare_deflate(Span::Near(bytes), base, 0..bytes.len() as u64);
            if self.chain.len() < 3
                && bytes.len() <= 1 << 20
                && self.chain.last().is_some_and(|s| s.decoder != Decoder::Reversed)
            {
                self.child(Decoder::Reversed, Span::Near(bytes), base, 0..bytes.len() as u64, 16);
            }
        }
    }

    fn look(&mut self, span: Span<'_>, at: u64, bytes: &[u8], fresh: usize, done: u64) -> u64 {
        self.look_at(span, 0, at, bytes, fresh, done)
    }

    fn show(&mut self, object: u64, base: u64, bytes: &[u8]) {
        let piece = Piece { object, chain: &self.chain, lengths: &self.lengths, base, bytes };
        (self.visit)(&piece);
    }

    /// Looks for what can be decoded in `bytes`, which stand at `at` of `span`; only what begins in
    /// the first `fresh` of them is new, and runs of digits up to `done` are known. Gives the new
    /// `done`.
    fn look_at(
        &mut self,
        span: Span<'_>,
        base: u64,
        at: u64,
        bytes: &[u8],
        fresh: usize,
        done: u64,
    ) -> u64 {
        let mut known = done;
        for (decoder, run) in text::find(bytes) {
            let start = at + run.start as u64;
            if run.start >= fresh || start < done {
                continue;
            }
            let Some(alphabet) = text::alphabet(decoder) else { continue };
            let mut end = at + run.end as u64;
            if run.end == bytes.len() {
                // The run may go on behind the window.
                let mut blocks = Blocks::new(span, end..span.len());
                loop {
                    let block = blocks.next();
                    let more = alphabet.leading(block);
                    end += more as u64;
                    if more == 0 || more < block.len() {
                        break;
                    }
                }
            }
            for skip in alphabet.alignments(&bytes[run.clone()]) {
                self.child(decoder, span, base, start + skip as u64..end, 12);
            }
            if end > at + bytes.len() as u64 {
                known = known.max(end);
            }
        }
        let near = |range: &Range<usize>| at + range.start as u64..at + range.end as u64;
        for (decoder, run) in escape::find(bytes).into_iter().chain(wide::find(bytes)) {
            if run.start < fresh {
                self.child(decoder, span, base, near(&run), 8);
            }
        }
        for (decoder, start) in inflate::find(bytes) {
            if start < fresh {
                let start = at + start as u64;
                self.child(decoder, span, base, start..span.len(), 24);
            }
        }
        for header in memchr::memmem::find_iter(bytes, b"PK\x03\x04") {
            if header < fresh {
                let start = at + header as u64;
                self.child(Decoder::ZipMember, span, base, start..span.len(), 1);
            }
        }
        known
    }

    /// A deflate stream without any header, if `range` is one from its first to its last byte.
    fn bare_deflate(&mut self, span: Span<'_>, base: u64, range: Range<u64>) {
        if range.end - range.start < 16 || self.chain.len() >= self.meter.depth {
            return;
        }
        // Most bytes are no deflate stream; looking costs little, since errors come early.
        let most = self.meter.output_left();
        let mut output = 0;
        let went = inflate::stream(Decoder::Deflate, span, range.start, range.end, &mut |block| {
            output += block.len() as u64;
            if output > most { Flow::Stop } else { Flow::Go }
        });
        if went.whole && went.output >= 32 && range.end - range.start - went.input <= 8 {
            self.child(Decoder::Deflate, span, base, range, 32);
        }
    }

    /// Decodes `range` of `span` (whose first byte is byte `base` of the object) and shows it if at
    /// least `least` bytes come out.
    fn child(
        &mut self,
        decoder: Decoder,
        span: Span<'_>,
        base: u64,
        range: Range<u64>,
        least: usize,
    ) {
        if self.chain.len() >= self.meter.depth {
            // Signatures are proof enough that something is there; digits are not.
            if matches!(decoder, Decoder::Gzip | Decoder::ZipMember) {
                self.meter.cut.depth += 1;
            }
            return;
        }
        if !self.meter.begin() {
            return;
        }
        let window = self.meter.window;
        let most = self.meter.output_left();
        let (mut kept, mut output) = (Vec::new(), 0_u64);
        let mut stopped = false;
        let went = produce(decoder, span, range.clone(), &mut |block| {
            output += block.len() as u64;
            if kept.len() <= window {
                kept.extend_from_slice(block);
            }
            if output > most {
                stopped = true;
                return Flow::Stop;
            }
            Flow::Go
        });
        self.meter.spend(output);
        if stopped {
            self.meter.cut.output += 1;
        }
        if kept.len() < least
            || (!went.whole && matches!(decoder, Decoder::Zlib) && kept.len() < 64)
        {
            return;
        }
        let input = base + range.start..base + range.start + went.input;
        let detail = (decoder == Decoder::ZipMember)
            .then(|| archive::local_header(&span.take(range.start..range.end, 64 << 10)))
            .flatten()
            .map(|local| local.name);
        let place = self.chain.first().map_or(input.start, |step| step.input.start);
        self.chain.push(Step { decoder, input, detail });
        self.lengths.push(output);
        if output <= window as u64 {
            if self.seen.insert((self.keys.hash_one(&kept), place)) {
                let id = self.next();
                self.object(Span::Near(&kept), 0, id);
            }
        } else {
            kept.clear();
            self.windows(decoder, span, range, output.min(most), kept);
        }
        self.chain.pop();
        self.lengths.pop();
    }

    /// Shows a decoded object that is larger than a window, window by window.
    fn windows(
        &mut self,
        decoder: Decoder,
        span: Span<'_>,
        range: Range<u64>,
        most: u64,
        mut held: Vec<u8>,
    ) {
        self.meter.cut.windows += 1;
        let id = self.next();
        let window = self.meter.window;
        let (mut base, mut output) = (0_u64, 0_u64);
        produce(decoder, span, range, &mut |block| {
            output += block.len() as u64;
            held.extend_from_slice(block);
            if held.len() >= window {
                self.object(Span::Near(&held), base, id);
                let keep = held.len() - OVERLAP.min(held.len() / 2);
                held.drain(..keep);
                base += keep as u64;
            }
            if output >= most { Flow::Stop } else { Flow::Go }
        });
        self.object(Span::Near(&held), base, id);
    }
}
