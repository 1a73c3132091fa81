//! From record, payloads and decoys to a verdict: the one way, for the run and for its check.

use crate::kept::{FileSource, file_name};
use belljar_decode::{Budget, Cut};
use belljar_judge::{DecodingCut, JarKind, JudgeInput, ProgramFile, Verdict, judge};
use belljar_record::{
    ByteString, BytesSource, DecoyId, DecoySource, Direction, Event, FileAct, FlowId, Layer,
    Observation, PayloadRef, ReadError, Sha256Hex, read_log,
};
use belljar_schema::{DataItem, DecoyClass, DecoyKind, DecoyRecord, Manifest, RunPlan};
use belljar_trace::{
    Egress, Index, IndexError, Needle, Subject, Target, Trace, Traced, Unexplained,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Ranges of one decoy that are kept apart; beyond that, gaps between them are closed.
const RANGES: usize = 4096;
/// Payloads of one run that are traced; what is beyond is counted as not decoded.
const PAYLOADS: usize = 100_000;
/// Traces that are kept.
const TRACES: usize = 50_000;

/// A decoy's bytes.
#[derive(Debug, Clone)]
pub struct PlantedSource {
    /// Which, by its id in the manifest.
    pub decoy: u32,
    /// Its bytes, with what is inside.
    pub source: Arc<dyn DecoySource>,
    /// The same decoy planted with the twin seed.
    pub twin: Option<Arc<dyn DecoySource>>,
}

/// What a conclusion is drawn from.
#[derive(Debug)]
pub struct ConcludeInput<'a> {
    /// What was to be done.
    pub plan: &'a RunPlan,
    /// What was planted.
    pub manifest: &'a Manifest,
    /// The record (`record.jsonl`).
    pub record: &'a Path,
    /// The folder of payloads.
    pub payloads: &'a Path,
    /// Bytes of the decoys. Of decoys that are not here only the name is looked for.
    pub sources: &'a [PlantedSource],
    /// In which kind of jar the component ran.
    pub jar: JarKind,
    /// The component's program files.
    pub programs: &'a [ProgramFile],
    /// Version of belljar.
    pub belljar: &'a str,
}

/// A conclusion.
#[derive(Debug)]
pub struct Concluded {
    /// The verdict.
    pub verdict: Verdict,
    /// Decoys of whose content or digests there are traces: their bytes belong into the bundle.
    pub traced: BTreeSet<u32>,
}

/// A conclusion that cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum ConcludeError {
    /// The record cannot be read.
    #[error("cannot conclude: {0}")]
    Record(#[from] ReadError),
    /// The decoys cannot be indexed.
    #[error("cannot conclude: the decoys cannot be indexed: {0}")]
    Index(#[from] IndexError),
}

/// Draws the conclusion: traces every payload that left, then judges.
///
/// # Errors
/// [`ConcludeError`] if the record cannot be read or the decoys cannot be indexed.
pub fn conclude(input: &ConcludeInput<'_>) -> Result<Concluded, ConcludeError> {
    let found = trace(input)?;
    let traced = found.traced();
    // Read once more, from the start. A line that does not parse was an error above already.
    let observations = read_log(input.record)?.map_while(Result::ok);
    let folder = input.payloads.to_owned();
    let open = move |payload: &PayloadRef| open_payload(&folder, payload);
    let verdict = judge(JudgeInput {
        plan: input.plan,
        manifest: input.manifest,
        observations: Box::new(observations),
        traces: &found.traces,
        cuts: &found.cuts,
        payload: &open,
        jar: input.jar,
        programs: input.programs,
        belljar: input.belljar,
        carried: None,
    });
    Ok(Concluded { verdict, traced })
}

/// Traces every payload that left.
pub(crate) fn trace(input: &ConcludeInput<'_>) -> Result<Found, ConcludeError> {
    let first = survey(read_log(input.record)?)?;
    // Where nothing left there is nothing to look for: an index of a large plant takes minutes.
    let silent = first.payloads.is_empty() && first.payloads_more == 0;
    let index = match silent {
        true => Index::build(&[], &[], &[])?,
        false => {
            let targets = targets(input.manifest, input.sources, first.reads);
            Index::build(&targets, &needles(input.manifest), &[])?
        }
    };
    let open = |payload: &PayloadRef| open_payload(input.payloads, payload);
    Ok(trace_all(&open, &index, first.payloads, first.payloads_more))
}

/// A kept payload, if it is there with the length that the record says.
pub(crate) fn open_payload(folder: &Path, payload: &PayloadRef) -> Option<Arc<dyn DecoySource>> {
    let path: PathBuf = folder.join(file_name(payload.sha256.as_str())?);
    let source = FileSource::open(&path).ok()?;
    (source.len() == payload.len).then(|| Arc::new(source) as Arc<dyn DecoySource>)
}

/// One payload that left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Left {
    flow: Option<FlowId>,
    layer: Layer,
    payload: PayloadRef,
}

pub(crate) struct Survey {
    pub(crate) reads: BTreeMap<u32, Vec<Range<u64>>>,
    pub(crate) payloads: Vec<Left>,
    pub(crate) payloads_more: u64,
}

/// Goes through a record for what was read and what left.
pub(crate) fn survey(
    record: impl Iterator<Item = Result<Observation, ReadError>>,
) -> Result<Survey, ConcludeError> {
    let mut reads = Ranges::default();
    let mut payloads = BTreeSet::new();
    let mut payloads_more = 0;
    for line in record {
        let line = line?;
        reads.take(&line);
        if let Event::Payload { flow, direction: Direction::Out, layer, payload, .. } = line.event
            && layer != Layer::Output
        {
            if payloads.len() < PAYLOADS {
                payloads.insert(Left { flow, layer, payload });
            } else {
                payloads_more += 1;
            }
        }
    }
    Ok(Survey { reads: reads.0, payloads: payloads.into_iter().collect(), payloads_more })
}

/// Which bytes of which decoy the record says were read.
#[derive(Debug, Default)]
struct Ranges(BTreeMap<u32, Vec<Range<u64>>>);

impl Ranges {
    fn take(&mut self, line: &Observation) {
        let Event::File(file) = &line.event else { return };
        let (Some(decoy), FileAct::Read { offset, returned, pristine: true, .. }) =
            (file.decoy, &file.act)
        else {
            return;
        };
        if *returned == 0 {
            return;
        }
        let end = offset.saturating_add(u64::from(*returned));
        let ranges = self.0.entry(decoy.0).or_default();
        match ranges.last_mut() {
            Some(last) if *offset >= last.start && *offset <= last.end => {
                last.end = last.end.max(end);
            }
            _ => ranges.push(*offset..end),
        }
        if ranges.len() > RANGES {
            merge(ranges);
            if ranges.len() > RANGES / 2 {
                // Closing gaps makes more count as read: shorter runs are found, none is missed.
                *ranges =
                    ranges.chunks(2).map(|pair| pair[0].start..pair[pair.len() - 1].end).collect();
            }
        }
    }
}

fn merge(ranges: &mut Vec<Range<u64>>) {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges.drain(..) {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    *ranges = merged;
}

/// Which bytes of which decoy were read, by the record. Sorted, without overlaps.
pub fn read_ranges(
    observations: impl Iterator<Item = Observation>,
) -> BTreeMap<u32, Vec<Range<u64>>> {
    let mut ranges = Ranges::default();
    observations.for_each(|line| ranges.take(&line));
    ranges.0.values_mut().for_each(merge);
    ranges.0
}

/// The decoys of a manifest, as they are looked for. Of those without a source only the name is.
pub fn targets(
    manifest: &Manifest,
    sources: &[PlantedSource],
    mut reads: BTreeMap<u32, Vec<Range<u64>>>,
) -> Vec<Target> {
    let sources: HashMap<u32, &PlantedSource> =
        sources.iter().map(|source| (source.decoy, source)).collect();
    manifest
        .decoys
        .iter()
        .map(|record| {
            let planted = sources.get(&record.id);
            let mut read = reads.remove(&record.id).unwrap_or_default();
            merge(&mut read);
            Target {
                decoy: DecoyId(record.id),
                path: ByteString::from(record.path.as_str()),
                source: planted.map_or_else(
                    || Arc::new(BytesSource::from(Vec::new())) as Arc<dyn DecoySource>,
                    |planted| Arc::clone(&planted.source),
                ),
                twin: planted.and_then(|planted| planted.twin.clone()),
                sample: record.kind == DecoyKind::Sample || record.class == DecoyClass::Sample,
                distinctive_name: distinctive_name(record),
                read: planted.map(|_| read),
            }
        })
        .collect()
}

/// Whether a decoy's name is found nowhere but in this plant: not for system files, keys and
/// browser profiles, which are called the same everywhere.
pub fn distinctive_name(record: &DecoyRecord) -> bool {
    let usual = matches!(
        record.kind,
        DecoyKind::SystemFile | DecoyKind::SshKey | DecoyKind::BrowserProfile
    );
    !usual && record.class != DecoyClass::System && record.path.starts_with("/home/")
}

/// The planted facts, as they are looked for. A needle's number is the fact's place in the manifest.
pub fn needles(manifest: &Manifest) -> Vec<Needle> {
    manifest
        .facts
        .iter()
        .zip(0..)
        .map(|(fact, id)| Needle {
            id,
            value: ByteString::from(fact.value.as_str()),
            common: fact.common,
            labels: labels(fact.item).iter().map(|&label| label.to_owned()).collect(),
        })
        .collect()
}

fn labels(item: DataItem) -> &'static [&'static str] {
    match item {
        DataItem::TimeZone => &["timezone", "tz", "zone"],
        DataItem::Locale => &["locale", "language", "lang"],
        DataItem::Hostname => &["hostname", "computername", "host", "machine", "device"],
        DataItem::UserName => &["username", "user", "login", "account"],
        DataItem::FullName => &["fullname", "realname", "name"],
        DataItem::Email => &["email", "mail"],
        DataItem::MachineId => &["machineid", "deviceid", "uid"],
        DataItem::OsVersion => &["osversion", "os", "platform", "system"],
        DataItem::Network => &["ip", "address", "gateway", "dns", "mac"],
        _ => &[],
    }
}

/// What was found in what left, and what was not looked at.
pub(crate) struct Found {
    pub(crate) traces: Vec<Trace>,
    pub(crate) cuts: Vec<DecodingCut>,
}

/// How a kept payload is come by.
pub(crate) type Open<'a> = &'a dyn Fn(&PayloadRef) -> Option<Arc<dyn DecoySource>>;

pub(crate) fn trace_all(
    open: Open<'_>,
    index: &Index,
    payloads: Vec<Left>,
    payloads_more: u64,
) -> Found {
    let mut found = Found { traces: Vec::new(), cuts: Vec::new() };
    let mut known: HashMap<(PayloadRef, Layer), Arc<Traced>> = HashMap::new();
    let none = Sha256Hex::of(b"");
    let mut rest = Unexplained::default();
    for (tag, left) in payloads.iter().enumerate() {
        let traced = match known.get(&(left.payload.clone(), left.layer)) {
            Some(traced) => Arc::clone(traced),
            None => {
                let Some(source) = open(&left.payload) else {
                    found.cut(&left.payload.sha256, 1, "a payload is not in the bundle");
                    continue;
                };
                let egress = Egress {
                    flow: left.flow,
                    payload: &left.payload,
                    layer: left.layer,
                    direction: Direction::Out,
                    bytes: &*source,
                };
                let traced = index.trace_and_keep(&egress, &Budget::default(), tag, &mut rest);
                let traced = Arc::new(traced);
                found.cuts_of(&left.payload.sha256, &traced);
                if known.len() < 1024 {
                    known.insert((left.payload.clone(), left.layer), Arc::clone(&traced));
                }
                traced
            }
        };
        found.add(left, &traced);
    }
    drop(known);
    let tagged = |tag: usize| open(&payloads.get(tag)?.payload);
    for (tag, traced) in index.trace_rest(&rest, &tagged) {
        let Some(first) = payloads.get(tag) else { continue };
        found.cuts_of(&first.payload.sha256, &traced);
        // The same bytes may have left in several conversations.
        let same = |left: &&Left| left.payload == first.payload && left.layer == first.layer;
        for left in payloads.iter().filter(same) {
            found.add(left, &traced);
        }
    }
    if payloads_more > 0 {
        found.cut(&none, payloads_more, "too many payloads");
    }
    found
}

impl Found {
    /// Decoys of whose content or digests there are traces.
    pub(crate) fn traced(&self) -> BTreeSet<u32> {
        self.traces
            .iter()
            .filter_map(|trace| match &trace.subject {
                Subject::Content { decoy, .. } | Subject::Hash { decoy, .. } => Some(decoy.0),
                Subject::Name { .. } | Subject::Fact { .. } => None,
            })
            .collect()
    }

    /// Adds what was found in a payload.
    fn add(&mut self, left: &Left, traced: &Traced) {
        for trace in &traced.traces {
            if self.traces.len() == TRACES {
                self.cut(&left.payload.sha256, 1, "too many traces");
                break;
            }
            let mut trace = trace.clone();
            trace.egress.flow = left.flow;
            self.traces.push(trace);
        }
    }

    fn cut(&mut self, payload: &Sha256Hex, count: u64, reason: &str) {
        if count > 0 {
            self.cuts.push(DecodingCut {
                payload: payload.clone(),
                count,
                reason: reason.to_owned(),
            });
        }
    }

    fn cuts_of(&mut self, payload: &Sha256Hex, traced: &Traced) {
        let Cut { depth, output, pieces, time, windows, messages } = traced.cut;
        self.cut(payload, depth, "nested too deep");
        self.cut(payload, output, "too much output");
        self.cut(payload, pieces, "too many pieces");
        self.cut(payload, time, "took too long");
        self.cut(payload, windows, "larger than what is looked at in one piece");
        self.cut(payload, messages, "too many or too long messages");
        self.cut(payload, traced.skipped, "too many comparisons");
    }
}
