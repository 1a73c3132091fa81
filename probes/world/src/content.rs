//! A file's bytes: the planted ones, and over them the pages that were written.
//!
//! A write to a decoy of a gigabyte copies the pages it touches and nothing else. For each page it
//! is known to the byte what was written, so that planted bytes are never mistaken for the
//! component's own.

use belljar_record::DecoySource;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

pub(crate) const PAGE: usize = 4096;
const PAGE64: u64 = PAGE as u64;
/// What a written page takes from the budget: its bytes, its map, its place in the tree.
pub(crate) const PAGE_COST: u64 = PAGE64 + 640;

#[derive(Debug)]
struct Page {
    bytes: Box<[u8; PAGE]>,
    /// A bit for each byte that is no longer as planted; `None` when no byte is.
    written: Option<Box<[u64; PAGE / 64]>>,
}

/// The bytes of one file.
#[derive(Debug)]
pub(crate) struct Content {
    source: Option<Arc<dyn DecoySource>>,
    /// How much of the source still shows: what was cut off never comes back.
    shown: u64,
    len: u64,
    pages: BTreeMap<u64, Page>,
    changed: bool,
}

/// What a read would serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Serving {
    /// How many bytes.
    pub(crate) len: usize,
    /// Ranges that hold planted bytes (page by page: a range may hold written bytes as well).
    pub(crate) planted: Vec<Range<u64>>,
}

impl Content {
    pub(crate) fn planted(source: Arc<dyn DecoySource>) -> Self {
        let len = source.len();
        Self { source: Some(source), shown: len, len, pages: BTreeMap::new(), changed: false }
    }

    pub(crate) fn empty() -> Self {
        Self { source: None, shown: 0, len: 0, pages: BTreeMap::new(), changed: false }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn changed(&self) -> bool {
        self.changed
    }

    /// The length that was planted.
    pub(crate) fn planted_len(&self) -> Option<u64> {
        self.source.as_ref().map(|source| source.len())
    }

    /// The planted bytes, whatever was written over them.
    pub(crate) fn read_planted(&self, offset: u64, buf: &mut [u8]) -> usize {
        self.source.as_ref().map_or(0, |source| source.read_at(offset, buf))
    }

    /// What the written pages take from the budget.
    pub(crate) fn cost(&self) -> u64 {
        self.pages.len() as u64 * PAGE_COST
    }

    /// The source, when every byte is still as planted.
    pub(crate) fn pristine_source(&self) -> Option<Arc<dyn DecoySource>> {
        let source = self.source.as_ref()?;
        let whole = self.pages.is_empty() && self.shown == source.len() && self.len == self.shown;
        whole.then(|| Arc::clone(source))
    }

    fn clip(&self, offset: u64, len: usize) -> usize {
        usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(len)
    }

    /// What reading `len` bytes at `offset` would serve.
    pub(crate) fn serving(&self, offset: u64, len: usize) -> Serving {
        let len = self.clip(offset, len);
        let mut planted = Vec::new();
        let end = offset + len as u64;
        let shown_end = end.min(self.shown);
        let mut at = offset;
        let mut give = |range: Range<u64>| {
            if range.start < range.end {
                match planted.last_mut() {
                    Some(Range { end, .. }) if *end == range.start => *end = range.end,
                    _ => planted.push(range),
                }
            }
        };
        if len > 0 && at < shown_end {
            for (&index, page) in self.pages.range(at / PAGE64..=(shown_end - 1) / PAGE64) {
                let start = (index * PAGE64).max(offset);
                let stop = (index * PAGE64 + PAGE64).min(shown_end);
                give(at..start);
                if page.has_planted(start - index * PAGE64..stop - index * PAGE64) {
                    give(start..stop);
                }
                at = stop;
            }
            give(at..shown_end);
        }
        Serving { len, planted }
    }

    /// Fills `buf` from `offset`; returns how many bytes there were.
    pub(crate) fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let len = self.clip(offset, buf.len());
        let buf = &mut buf[..len];
        if len == 0 {
            return 0;
        }
        let end = offset + len as u64;
        let mut at = offset;
        for (&index, page) in self.pages.range(offset / PAGE64..=(end - 1) / PAGE64) {
            let start = (index * PAGE64).max(offset);
            let stop = (index * PAGE64 + PAGE64).min(end);
            self.read_source(at, &mut buf[span(at - offset, start - offset)]);
            buf[span(start - offset, stop - offset)]
                .copy_from_slice(&page.bytes[span(start - index * PAGE64, stop - index * PAGE64)]);
            at = stop;
        }
        self.read_source(at, &mut buf[span(at - offset, end - offset)]);
        len
    }

    /// The planted bytes as far as they show, zeros behind them.
    fn read_source(&self, offset: u64, buf: &mut [u8]) {
        let there = usize::try_from(self.shown.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (from_source, zeros) = buf.split_at_mut(there.min(buf.len()));
        let filled = match &self.source {
            Some(source) if !from_source.is_empty() => source.read_at(offset, from_source),
            _ => 0,
        };
        // A source that gives less than its length says is met with zeros, never with old memory.
        let filled = filled.min(from_source.len());
        from_source[filled..].fill(0);
        zeros.fill(0);
    }

    /// What writing there would add to [`Content::cost`].
    pub(crate) fn cost_of_writing(&self, offset: u64, len: usize) -> u64 {
        if len == 0 {
            return 0;
        }
        let first = offset / PAGE64;
        let last = (offset + len as u64 - 1) / PAGE64;
        let known = self.pages.range(first..=last).count() as u64;
        (last - first + 1 - known) * PAGE_COST
    }

    pub(crate) fn write_at(&mut self, offset: u64, data: &[u8]) {
        let mut at = offset;
        let mut rest = data;
        while !rest.is_empty() {
            let index = at / PAGE64;
            let within = usize::try_from(at % PAGE64).expect("less than a page");
            let (now, later) = rest.split_at(rest.len().min(PAGE - within));
            if !self.pages.contains_key(&index) {
                let page = self.fresh_page(index, now.len() == PAGE);
                self.pages.insert(index, page);
            }
            if let Some(page) = self.pages.get_mut(&index) {
                page.write(within, now);
            }
            at += now.len() as u64;
            rest = later;
        }
        if !data.is_empty() {
            self.len = self.len.max(at);
            self.changed = true;
        }
    }

    fn fresh_page(&self, index: u64, overwritten: bool) -> Page {
        let start = index * PAGE64;
        let mut bytes = Box::new([0; PAGE]);
        if overwritten || start >= self.shown {
            return Page { bytes, written: None };
        }
        self.read_source(start, &mut bytes[..]);
        Page { bytes, written: Some(Box::new([0; PAGE / 64])) }
    }

    pub(crate) fn set_len(&mut self, len: u64) {
        if len == self.len {
            return;
        }
        self.changed = true;
        if len < self.len {
            self.shown = self.shown.min(len);
            self.pages.split_off(&len.div_ceil(PAGE64));
            let within = usize::try_from(len % PAGE64).expect("less than a page");
            if within > 0
                && let Some(page) = self.pages.get_mut(&(len / PAGE64))
            {
                page.bytes[within..].fill(0);
            }
        }
        self.len = len;
    }

    /// Forgets what was written, when the node itself is gone.
    pub(crate) fn discard(&mut self) {
        self.pages.clear();
    }

    /// Puts planted bytes behind planted bytes: belljar's own change, not the component's.
    pub(crate) fn replant(&mut self, source: Arc<dyn DecoySource>) {
        *self = Self { changed: self.changed, ..Self::planted(source) };
    }
}

fn span(start: u64, end: u64) -> Range<usize> {
    let to_size = |place| usize::try_from(place).expect("within a buffer");
    to_size(start)..to_size(end)
}

impl Page {
    fn has_planted(&self, range: Range<u64>) -> bool {
        self.written.as_ref().is_some_and(|written| {
            span(range.start, range.end).any(|at| written[at / 64] & (1 << (at % 64)) == 0)
        })
    }

    fn write(&mut self, within: usize, data: &[u8]) {
        self.bytes[within..within + data.len()].copy_from_slice(data);
        if let Some(written) = self.written.as_mut() {
            for at in within..within + data.len() {
                written[at / 64] |= 1 << (at % 64);
            }
            if written.iter().all(|&word| word == u64::MAX) {
                self.written = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use belljar_record::BytesSource;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Step {
        Write(u64, Vec<u8>),
        SetLen(u64),
        Read(u64, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u64..20_000, 0usize..9000, any::<u8>())
                .prop_map(|(at, len, byte)| Step::Write(at, vec![byte | 1; len])),
            (0u64..24_000).prop_map(Step::SetLen),
            (0u64..26_000, 0usize..12_000).prop_map(|(at, len)| Step::Read(at, len)),
        ]
    }

    proptest! {
        #[test]
        fn copy_on_write_reads_like_plain_bytes(
            planted in 0usize..18_000,
            steps in proptest::collection::vec(step(), 1..30),
        ) {
            // Planted bytes are even, written ones odd or zero: so the model knows which is which.
            let bytes: Vec<u8> = (0..planted).map(|at| (at % 125) as u8 * 2 + 2).collect();
            let mut content = Content::planted(Arc::new(BytesSource::from(bytes.clone())));
            let mut model = bytes;
            for step in steps {
                match step {
                    Step::Write(at, data) => {
                        let end = usize::try_from(at).expect("small") + data.len();
                        let cost = content.cost() + content.cost_of_writing(at, data.len());
                        if !data.is_empty() {
                            model.resize(model.len().max(end), 0);
                            model[end - data.len()..end].copy_from_slice(&data);
                        }
                        content.write_at(at, &data);
                        prop_assert_eq!(content.cost(), cost);
                    }
                    Step::SetLen(len) => {
                        model.resize(usize::try_from(len).expect("small"), 0);
                        content.set_len(len);
                    }
                    Step::Read(at, len) => {
                        let mut buf = vec![0xAA; len];
                        let got = content.read_at(at, &mut buf);
                        let from = usize::try_from(at).expect("small").min(model.len());
                        let expected = &model[from..(from + len).min(model.len())];
                        prop_assert_eq!(&buf[..got], expected);
                        let serving = content.serving(at, len);
                        prop_assert_eq!(serving.len, got);
                        let is_planted = |byte: u8| byte != 0 && byte.is_multiple_of(2);
                        prop_assert_eq!(
                            serving.planted.is_empty(),
                            !expected.iter().any(|&byte| is_planted(byte)),
                        );
                        for (place, &byte) in expected.iter().enumerate() {
                            let place = (from + place) as u64;
                            prop_assert!(
                                !is_planted(byte)
                                    || serving.planted.iter().any(|range| range.contains(&place))
                            );
                        }
                    }
                }
                prop_assert_eq!(content.len(), model.len() as u64);
            }
        }
    }

    #[test]
    fn a_write_to_a_gigabyte_copies_one_page() {
        #[derive(Debug)]
        struct Huge;
        impl DecoySource for Huge {
            fn len(&self) -> u64 {
                1 << 30
            }
            fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
                assert!(buf.len() <= PAGE, "copied too much");
                let count = buf.len().min(usize::try_from((1 << 30) - offset).expect("small"));
                buf[..count].fill(7);
                count
            }
        }
        let mut content = Content::planted(Arc::new(Huge));
        content.write_at(500_000_001, b"x");
        assert_eq!(content.cost(), PAGE_COST);
        let mut around = [0; 3];
        content.read_at(500_000_000, &mut around);
        assert_eq!(&around, b"\x07x\x07");
        assert_eq!(content.len(), 1 << 30);
    }
}
