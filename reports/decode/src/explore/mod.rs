//! The decoding graph: a payload and everything that can be decoded from it, nested.
//!
//! Promises: every decoder that recognises its input is applied, at every place, up to the
//! budget's depth; objects are shown in windows of bounded size with an overlap, so memory stays
//! bounded for any payload; equal content found twice at one place of the payload is shown once.
//! Cannot see: a stream that begins within a *decoded* object larger than a window and is cut by
//! the window's edge is decoded only up to there (counted). What leaves no mark (reversal, a number
//! added to every byte, bare deflate, Brotli, LZ4) is looked for in whole objects and whole parts of
//! the protocol only, and in those that are small enough (see [`crate::turn`]). Long runs of digits
//! within something decoded are read from their first digit on, not at every alignment.

mod sealed;
mod unmarked;

use crate::budget::{Budget, Cut, Meter};
use crate::inflate::{Flow, Inflated};
use crate::keys::Keys;
use crate::part::{self, Content, Gathered, Part, Role};
use crate::produce::{produce, tells_its_end};
use crate::seen::Seen;
use crate::span::{Blocks, Span};
use crate::{
    Decoder, Step, archive, base58, base85, escape, marks, pdf, seven_zip, text, turn, wide, words,
};
use belljar_record::{ByteString, DecoySource, Layer};
use std::cell::OnceCell;
use std::ops::Range;

/// How far neighbouring windows overlap.
const OVERLAP: usize = 64 << 10;
/// The largest object of which the reversal is shown.
const REVERSED: usize = 1 << 20;
/// The largest object of which the reversal of bits, and what may have been added, is shown.
const TURNED: usize = 256 << 10;
/// The largest payload that is also turned as a whole where its protocol says what it is made of.
const TURNED_TOO: usize = 64 << 10;
/// The least bytes in which anything could be told that has no mark.
const TELLING: usize = 48;
/// The least bytes that can be digits or words of anything.
const LOOK: usize = 22;
/// Bytes of which the frequencies are looked at.
const COUNTED: usize = 16 << 10;
/// How much may be set aside for keys that are seen later.
const SEALED: usize = 16;
/// The largest room that is kept to be used again.
const SPARE: usize = 2 << 20;
/// Bytes that bare streams must give.
const BARE: usize = 32;

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
        quiet: 0,
        tries: 16,
        secrets: 16,
        members: 256,
        ends: Vec::new(),
        keys_seen: Keys::default(),
        sealed: Vec::new(),
        seen: Seen::new(),
        spare: Vec::new(),
        edge: None,
    };
    graph.meter.cut.add(&cut);
    let id = graph.next();
    let held =
        (span.len() <= graph.meter.window as u64).then(|| span.take(0..span.len(), usize::MAX));
    let span = held.as_deref().map_or(span, Span::Near);
    graph.ends = span.take(0..span.len(), 64 << 10);
    if span.len() > 64 << 10 {
        let tail = span.len().saturating_sub(64 << 10).max(64 << 10);
        graph.ends.extend(span.take(tail..span.len(), 64 << 10));
    }
    let told = parts.iter().any(|part| matches!(part.role, Role::Body | Role::Message));
    if let Some(bytes) = &held {
        let all = Told::new(bytes);
        graph.show(id, 0, bytes);
        if !told {
            graph.whole(&all, 0);
        }
        graph.look_at(span, 0, 0, bytes, bytes.len(), 0);
        if !told || bytes.len() <= TURNED_TOO {
            graph.turns(&all, 0);
        }
    } else {
        graph.object(span, 0, id);
        if !told {
            graph.whole_far(span, 0..span.len());
        }
    }
    // Of many small messages each alone has little to tell that all of them together have not.
    let many = parts.iter().filter(|part| part.role == Role::Message).count() > 64;
    // What was put together comes first: it says most, and budgets may end.
    let joined = |part: &&Part| part.role == Role::Joined;
    for part in parts.iter().filter(joined).chain(parts.iter().filter(|part| !joined(part))) {
        graph.part(span, part, many);
    }
    graph.ciphers();
    graph.meter.cut
}

/// What a decoding must give to be shown.
#[derive(Clone, Copy)]
struct Expect {
    /// At least so many bytes.
    least: usize,
    /// Whether it must come to its own end, and use all of the input (but for a few bytes).
    whole: bool,
}

impl Expect {
    fn bytes(least: usize) -> Self {
        Self { least, whole: false }
    }

    fn whole() -> Self {
        Self { least: BARE, whole: true }
    }
}

/// All bytes of something, and what they tell by how often each stands in them.
struct Told<'a> {
    bytes: &'a [u8],
    counts: OnceCell<turn::Counts>,
}

impl<'a> Told<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, counts: OnceCell::new() }
    }

    fn counts(&self) -> &turn::Counts {
        self.counts.get_or_init(|| turn::Counts::of(&self.bytes[..self.bytes.len().min(COUNTED)]))
    }
}

/// Something that may be encrypted with a key that is seen elsewhere in the payload.
struct Sealed {
    chain: Vec<Step>,
    lengths: Vec<u64>,
    base: u64,
    bytes: Vec<u8>,
}

struct Graph<'v> {
    meter: Meter,
    visit: &'v mut dyn FnMut(&Piece<'_>),
    chain: Vec<Step>,
    lengths: Vec<u64>,
    objects: u64,
    /// Above zero: nothing is tried that leaves no mark.
    quiet: u32,
    /// Decoded objects of which everything may still be tried.
    tries: u32,
    /// Members of archives, stored as they are, that may still be looked at.
    members: u32,
    /// Encrypted archives and messages for which passwords may still be tried.
    secrets: u32,
    /// The first and last bytes of the payload, where passwords may stand.
    ends: Vec<u8>,
    keys_seen: Keys,
    sealed: Vec<Sealed>,
    /// Contents that were shown, with their places in the payload.
    seen: Seen,
    /// Room for what is decoded.
    spare: Vec<Vec<u8>>,
    /// While a window is looked at: length of the chain that leads to it, and whether more follows.
    edge: Option<usize>,
}

impl Graph<'_> {
    fn next(&mut self) -> u64 {
        self.objects += 1;
        self.objects - 1
    }

    /// A part of the protocol: what it is as a whole, and what it holds if it does not stand in one
    /// piece in the payload.
    fn part(&mut self, span: Span<'_>, part: &Part, many: bool) {
        if let Some(range) = part.in_one_piece() {
            let own = match part.role {
                Role::Body | Role::File | Role::FormField => true,
                Role::Message => !many,
                _ => false,
            };
            if own && range.end - range.start < span.len() {
                match (range.end - range.start) <= self.meter.window as u64 {
                    true => {
                        let bytes = span.take(range.clone(), usize::MAX);
                        let all = Told::new(&bytes);
                        self.whole(&all, range.start);
                        self.turns(&all, range.start);
                    }
                    false => self.whole_far(span, range),
                }
            } else if own {
                // The whole payload is one message.
                self.whole_of(span, range);
            }
            if part.role != Role::Joined {
                return;
            }
        }
        if !matches!(part.role, Role::Body | Role::Joined) || !self.meter.may_begin() {
            return;
        }
        self.meter.begin();
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

    fn whole_of(&mut self, span: Span<'_>, range: Range<u64>) {
        if let Span::Near(bytes) = span {
            let all = Told::new(bytes);
            self.whole(&all, 0);
            if bytes.len() > TURNED_TOO {
                self.turns(&all, 0);
            }
        } else {
            self.whole_far(span, range);
        }
    }

    /// Shows an object, or a window of a larger decoded one that begins at `base`, and looks into it.
    fn object(&mut self, span: Span<'_>, base: u64, id: u64) {
        let source = match span {
            Span::Near(bytes) => {
                self.show(id, base, bytes);
                let all = Told::new(bytes);
                let starts = self.starts_at_object(base);
                if starts {
                    self.whole(&all, base);
                }
                // Places are told to children relative to the object: `base` is added in `child`.
                if bytes.len() >= LOOK {
                    self.look_at(span, base, 0, bytes, bytes.len(), 0);
                }
                if starts {
                    self.turns(&all, base);
                }
                return;
            }
            Span::Far(source) => source,
        };
        if source.len() <= self.meter.window as u64 {
            let bytes = source.read_all();
            return self.object(Span::Near(&bytes), base, id);
        }
        let mut buffer = vec![0; self.meter.window];
        let (mut at, mut done) = (0, 0);
        loop {
            let filled = source.read_at(at, &mut buffer);
            let last = at + filled as u64 >= source.len() || filled <= OVERLAP;
            self.show(id, at, &buffer[..filled]);
            let fresh = if last { filled } else { filled - OVERLAP };
            done = self.look_at(span, 0, at, &buffer[..filled], fresh, done);
            if last {
                break;
            }
            at += fresh as u64;
        }
        if self.starts_at_object(0) {
            self.whole_far(span, 0..source.len());
        }
    }

    /// Whether an object of its own begins here (the payload's own start is a protocol's).
    fn starts_at_object(&self, base: u64) -> bool {
        base == 0 && !self.chain.is_empty()
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
        let near = |range: &Range<usize>| at + range.start as u64..at + range.end as u64;
        let mut known = done;
        for (decoder, run) in text::find(bytes) {
            let start = at + run.start as u64;
            if run.start >= fresh || start < done {
                continue;
            }
            let Some(alphabet) = text::alphabet(decoder) else {
                if decoder == Decoder::Base58 {
                    self.meter.work(base58::work(run.len() as u64));
                }
                self.child(decoder, None, span, base, near(&run), Expect::bytes(12));
                continue;
            };
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
            let decoded = self.chain.iter().any(|step| step.decoder != Decoder::Part);
            let text = &bytes[run.clone()];
            let few = (decoded && run.len() > 4096) || alphabet.gives_text(text);
            let alignments = alphabet.alignments(text).into_iter().take(if few { 1 } else { 8 });
            for (number, skip) in alignments.enumerate() {
                // What has no mark and is then written in digits begins with the first of them.
                let sidelong = u32::from(number > 0);
                self.quiet += sidelong;
                let range = start + skip as u64..end;
                self.child(decoder, None, span, base, range, Expect::bytes(12));
                self.quiet -= sidelong;
            }
            if end > at + bytes.len() as u64 {
                known = known.max(end);
            }
        }
        let runs = escape::find(bytes)
            .into_iter()
            .chain(wide::find(bytes))
            .chain(base85::find(bytes))
            .chain(words::find(bytes).into_iter().map(|run| (Decoder::WordList, run)));
        for (decoder, run) in runs.collect::<Vec<_>>() {
            if run.start < fresh {
                self.child(decoder, None, span, base, near(&run), Expect::bytes(8));
                if escape::may_be_bytes(decoder, &bytes[run.clone()]) {
                    let detail = Some(escape::AS_BYTES.into());
                    self.child(decoder, detail, span, base, near(&run), Expect::bytes(8));
                }
            }
        }
        for (filters, run) in pdf::find(bytes) {
            if run.start < fresh {
                let range = near(&run);
                self.child(Decoder::PdfStream, Some(filters), span, base, range, Expect::bytes(16));
            }
        }
        for (decoder, start) in marks::find(bytes) {
            if start < fresh {
                if self.keyed(decoder, span, base, (bytes, start), at) {
                    continue;
                }
                let least = if decoder == Decoder::ZipMember { 1 } else { 24 };
                let range = at + start as u64..span.len();
                self.child(decoder, None, span, base, range, Expect::bytes(least));
            }
        }
        known
    }

    /// Decodes `range` of `span` (whose first byte is byte `base` of the object) and shows it if it
    /// gives what is expected.
    fn child(
        &mut self,
        decoder: Decoder,
        detail: Option<ByteString>,
        span: Span<'_>,
        base: u64,
        range: Range<u64>,
        expect: Expect,
    ) {
        if self.chain.len() >= self.meter.depth {
            // Signatures are proof enough that something is there; digits are not.
            if matches!(decoder, Decoder::Gzip | Decoder::ZipMember) {
                self.meter.cut.depth += 1;
            }
            return;
        }
        if !self.meter.may_begin() {
            return;
        }
        let window = self.meter.window;
        let most = self.meter.output_left();
        let (mut kept, mut output) = (self.spare.pop().unwrap_or_default(), 0_u64);
        let mut stopped = false;
        let parameter = detail.as_ref().map(|detail| detail.0.as_slice());
        let went = produce(decoder, parameter, span, range.clone(), &mut |block| {
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
        self.meter.work(went.input.max(output));
        if stopped {
            self.meter.cut.output += 1;
        }
        let used_all = went.whole && range.end - range.start - went.input <= 8;
        self.count_cut(decoder, &range, &went, span.len());
        let short = kept.len() < expect.least
            || (expect.whole && !used_all)
            || (!went.whole && decoder == Decoder::Zlib && kept.len() < 64);
        if !short {
            self.meter.begin();
            self.meter.spend(output);
            let input = base + range.start..base + range.start + went.input;
            let place = self.chain.first().map_or(input.start, |step| step.input.start);
            if text::alphabet(decoder).is_some() && kept.len() <= 32 {
                self.keys_seen.see(&kept, place);
            }
            let detail = detail.or_else(|| self.name_of(decoder, span, &range));
            self.chain.push(Step { decoder, input, detail: detail.clone() });
            self.lengths.push(output);
            if output > window as u64 {
                kept.clear();
                let held = std::mem::take(&mut kept);
                self.windows(decoder, detail, span, range, output.min(most), held);
            } else if self.seen.is_new(&kept, place) {
                let id = self.next();
                self.object(Span::Near(&kept), 0, id);
            }
            self.chain.pop();
            self.lengths.pop();
        }
        // Room that was made once is used again.
        if kept.capacity() > 0 && kept.capacity() <= SPARE && self.spare.len() < 8 {
            kept.clear();
            self.spare.push(kept);
        }
    }

    /// Counts a stream that begins in a window, runs over its edge, and is not whole in the next one.
    fn count_cut(&mut self, decoder: Decoder, range: &Range<u64>, went: &Inflated, window: u64) {
        let streams = tells_its_end(decoder) && !went.whole && went.output > 0;
        let runs = text::alphabet(decoder).is_some();
        if self.edge == Some(self.chain.len())
            && (streams || runs)
            && range.start + went.input >= window
            && range.start + (OVERLAP as u64) < window
        {
            self.meter.cut.windows += 1;
        }
    }

    /// A window of something decoded; `more` says whether another follows.
    fn window(&mut self, held: &[u8], base: u64, id: u64, more: bool) {
        // What leaves no mark is looked for in whole objects only: it would have to be this one.
        if base == 0 && turn::Counts::of(&held[..held.len().min(COUNTED)]).may_be_packed() {
            self.meter.cut.windows += 1;
        }
        let outer = std::mem::replace(&mut self.edge, more.then_some(self.chain.len()));
        self.object(Span::Near(held), base, id);
        self.edge = outer;
    }

    /// The names that an archive gives what is in it.
    fn name_of(&self, decoder: Decoder, span: Span<'_>, range: &Range<u64>) -> Option<ByteString> {
        match decoder {
            Decoder::ZipMember => {
                archive::local_header(&span.take(range.clone(), 64 << 10)).map(|local| local.name)
            }
            Decoder::SevenZip => seven_zip::names(&span.take(range.clone(), self.meter.window)),
            _ => None,
        }
    }

    /// Shows a decoded object that is larger than a window, window by window.
    fn windows(
        &mut self,
        decoder: Decoder,
        detail: Option<ByteString>,
        span: Span<'_>,
        range: Range<u64>,
        most: u64,
        mut held: Vec<u8>,
    ) {
        let id = self.next();
        let window = self.meter.window;
        let (mut base, mut output) = (0_u64, 0_u64);
        let parameter = detail.as_ref().map(|detail| detail.0.as_slice());
        produce(decoder, parameter, span, range, &mut |block| {
            output += block.len() as u64;
            held.extend_from_slice(block);
            if held.len() >= window {
                self.window(&held, base, id, true);
                let keep = held.len() - OVERLAP.min(held.len() / 2);
                held.drain(..keep);
                base += keep as u64;
            }
            if output >= most { Flow::Stop } else { Flow::Go }
        });
        self.window(&held, base, id, false);
    }
}
