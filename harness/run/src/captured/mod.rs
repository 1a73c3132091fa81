//! Tracing captures of others: decoys of a bundle's manifest, or files of a lab's own, looked for in
//! captures, archives of requests, and plain files.
//!
//! Promises: the same tracer, decoders and words as a run's conclusion; whatever could not be read
//! or planted again is counted and makes the outcome inconclusive, unless something was found.
//!
//! Cannot see: who sent (a capture does not tell); what was read, unless the bundle's record lies
//! beside the manifest; any policy: everything planted that left is found, only the planted sample
//! alone is no fail.

mod inside;
mod lost;
mod planted;

pub use lost::LostRow;
pub use planted::{CommonFiles, DecoysRow};

use crate::run::VERSION;
use belljar_capture::{Capture, CaptureError, Conversation, KeyLog, Options, Payload};
use belljar_decode::Budget;
use belljar_evidence::{FileSource, needles, targets};
use belljar_judge::{Listing, Outcome, TraceRow, trace_rows};
use belljar_record::{DecoySource, Direction, FlowId, Layer, PayloadRef, Sha256Hex, Transport};
use belljar_schema::Scenario;
use belljar_trace::{Egress, Index, IndexError, Trace, Traced, Unexplained};
use lost::Lost;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Version of the form of a report.
const SCHEMA_VERSION: u32 = 1;
/// Traces that are listed.
const LISTED: usize = 5_000;
/// Files of input folders.
const FILES: usize = 100_000;

/// What is to be traced.
#[derive(Debug, Clone, Default)]
pub struct TraceRequest {
    /// A manifest (`decoys.json`), or a folder of decoys.
    pub decoys: PathBuf,
    /// The scenario that the manifest is of, where its plan does not lie beside it.
    pub scenario: Option<Scenario>,
    /// Folders of files that say nothing: what they share with decoys is common.
    pub common: Vec<PathBuf>,
    /// Files or folders to look through.
    pub inputs: Vec<PathBuf>,
    /// TLS key logs.
    pub keys: Vec<PathBuf>,
    /// Addresses of the machine under test.
    pub machine: Vec<IpAddr>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TraceReport {
    /// Version of this form.
    pub schema_version: u32,
    /// Version of belljar.
    pub belljar: String,
    /// `fail` if something planted left; `inconclusive` if nothing was found, and not all could be
    /// looked through.
    pub outcome: Outcome,
    /// It in a sentence.
    pub sentence: String,
    /// What was looked for.
    pub decoys: DecoysRow,
    /// What was looked through.
    pub inputs: Vec<InputRow>,
    /// What was found.
    pub traces: Listing<FoundRow>,
    /// What could not be looked for or through.
    pub lost: Vec<LostRow>,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct InputRow {
    /// Path.
    pub path: String,
    /// Packets or requests.
    pub packets: u64,
    /// Conversations.
    pub conversations: u64,
    /// Of these, decrypted.
    pub decrypted: u64,
    /// Packets on the machine's own loopback, which leave nothing.
    pub internal: u64,
    /// Payloads that were traced.
    pub payloads: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// One trace and where it went.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FoundRow {
    /// In which input.
    pub input: String,
    /// `out`, or `either` where it is not known which side is the machine under test.
    pub direction: String,
    /// From where, if known.
    pub from: Option<String>,
    /// To where.
    pub to: Option<String>,
    /// Host name, where one is named.
    pub host: Option<String>,
    /// What carries it.
    pub transport: Option<String>,
    /// The trace.
    #[serde(flatten)]
    pub trace: TraceRow,
}

/// Why nothing was traced.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The manifest cannot be read.
    #[error("cannot read the decoys' manifest: {0}")]
    Manifest(#[from] belljar_evidence::BundleError),
    /// There is neither plan nor scenario.
    #[error("the manifest is of the scenario `{scenario}`, whose plan does not lie beside it")]
    NoScenario {
        /// Which.
        scenario: String,
    },
    /// The folder holds no decoys.
    #[error("{0} holds no files to be looked for")]
    NoDecoys(PathBuf),
    /// The decoys cannot be planted again.
    #[error("the decoys cannot be planted again: {0}")]
    Plant(#[from] belljar_plant::PlantError),
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A capture cannot be read.
    #[error("{path}: {source}")]
    Capture {
        /// Which.
        path: PathBuf,
        /// Why.
        source: CaptureError,
    },
    /// The decoys cannot be indexed.
    #[error("the decoys cannot be indexed: {0}")]
    Index(#[from] IndexError),
}

impl TraceError {
    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }
}

/// Traces.
///
/// # Errors
/// [`TraceError`] if decoys or inputs cannot be read at all.
pub fn trace(request: &TraceRequest) -> Result<TraceReport, TraceError> {
    let mut lost = Lost::default();
    let mut keys = KeyLog::default();
    for path in &request.keys {
        keys.add(&std::fs::read(path).map_err(|error| TraceError::read(path, error))?);
    }
    let known = planted::planted(request, &mut lost)?;
    let common = planted::common(&request.common)?;
    let all = targets(&known.manifest, &known.sources, known.reads);
    let index = Index::build(&all, &needles(&known.manifest), &common)?;
    let mut report = TraceReport {
        schema_version: SCHEMA_VERSION,
        belljar: VERSION.to_owned(),
        outcome: Outcome::Pass,
        sentence: String::new(),
        decoys: known.row,
        inputs: Vec::new(),
        traces: Listing::default(),
        lost: Vec::new(),
    };
    let options = Options { keys, machine: request.machine.clone(), ..Options::default() };
    let mut sample_only = true;
    for path in inputs(&request.inputs)? {
        let file = std::fs::File::open(&path).map_err(|error| TraceError::read(&path, error))?;
        let read = belljar_capture::read(std::io::BufReader::new(file), &options);
        let capture = read.map_err(|source| TraceError::Capture { path: path.clone(), source })?;
        let name = path.display().to_string();
        for loss in &capture.losses {
            lost.add(&name, loss.count, &loss.what);
        }
        let (row, found) = one(&index, &name, capture, &mut lost);
        report.inputs.push(row);
        for (found, told) in found {
            let traces: Vec<Trace> = found;
            for (row, trace) in trace_rows(&known.manifest, &traces).into_iter().zip(&traces) {
                sample_only &= is_sample(trace);
                report.traces.push(told.row(&name, row), LISTED);
            }
        }
    }
    conclude(&mut report, lost, sample_only);
    Ok(report)
}

fn is_sample(trace: &Trace) -> bool {
    use belljar_trace::Subject;
    match &trace.subject {
        Subject::Content { sample, .. } | Subject::Hash { sample, .. } => *sample,
        Subject::Name { .. } | Subject::Fact { .. } => false,
    }
}

fn conclude(report: &mut TraceReport, lost: Lost, sample_only: bool) {
    let bytes: u64 = report.inputs.iter().map(|input| input.bytes).sum();
    let found = report.traces.total();
    report.lost = lost.rows();
    let (outcome, sentence) = if found > 0 && !sample_only {
        (Outcome::Fail, format!("{found} traces of what was planted in {bytes} bytes."))
    } else if bytes == 0 {
        (Outcome::Inconclusive, "There was nothing to look through.".to_owned())
    } else if !report.lost.is_empty() {
        let sentence = format!("Nothing was found in {bytes} bytes, but not all could be seen.");
        (Outcome::Inconclusive, sentence)
    } else if found > 0 {
        (Outcome::Pass, format!("Of what was planted only the sample is in {bytes} bytes."))
    } else {
        (Outcome::Pass, format!("Nothing that was planted was found in {bytes} bytes."))
    };
    report.outcome = outcome;
    report.sentence = sentence;
}

/// Regular files among the inputs and in folders of them, in order.
fn inputs(wanted: &[PathBuf]) -> Result<Vec<PathBuf>, TraceError> {
    let mut all = Vec::new();
    for path in wanted {
        planted::files(path, FILES, &mut all)?;
    }
    Ok(all)
}

/// Where a trace went.
struct Told {
    conversation: Option<Conversation>,
    sure: bool,
    direction: Direction,
}

impl Told {
    fn row(&self, input: &str, trace: TraceRow) -> FoundRow {
        let ends = self.conversation.as_ref().map(|talk| match self.direction {
            Direction::Out => (talk.local, talk.remote),
            Direction::In => (talk.remote, talk.local),
        });
        let (from, to) = ends.unwrap_or((None, None));
        FoundRow {
            input: input.to_owned(),
            direction: if self.sure { "out" } else { "either" }.to_owned(),
            from: from.map(|end| end.to_string()),
            to: to.map(|end| end.to_string()),
            host: self.conversation.as_ref().and_then(|talk| talk.host.clone()),
            transport: self.conversation.as_ref().and_then(|talk| talk.transport).map(words),
            trace,
        }
    }
}

fn words(transport: Transport) -> String {
    match transport {
        Transport::Tcp => "TCP".to_owned(),
        Transport::Udp => "UDP".to_owned(),
        Transport::Icmp => "ICMP".to_owned(),
        Transport::Ip(number) => format!("IP protocol {number}"),
        Transport::Raw => "no IP".to_owned(),
        Transport::Host => "handed over".to_owned(),
    }
}

/// Traces what left in one input.
fn one(
    index: &Index,
    input: &str,
    capture: Capture,
    lost: &mut Lost,
) -> (InputRow, Vec<(Vec<Trace>, Told)>) {
    let mut row = InputRow {
        path: input.to_owned(),
        packets: capture.packets,
        conversations: capture.conversations.len() as u64,
        decrypted: capture.decrypted,
        internal: capture.internal,
        payloads: 0,
        bytes: 0,
    };
    // What the machine got has not left it.
    let left: Vec<(Payload, PayloadRef)> = capture
        .payloads
        .into_iter()
        .filter(|payload| !payload.sure || payload.direction == Direction::Out)
        .map(|payload| {
            let sha256 = Sha256Hex::of(payload.bytes.0.as_ref());
            let len = payload.bytes.len();
            (payload, PayloadRef { sha256, len })
        })
        .collect();
    let mut found = Vec::new();
    let mut known: HashMap<(PayloadRef, Layer), Arc<Traced>> = HashMap::new();
    let mut rest = Unexplained::default();
    let mut add = |payload: &Payload, traced: &Traced| {
        if traced.traces.is_empty() {
            return;
        }
        let mut traces = traced.traces.clone();
        for trace in &mut traces {
            trace.egress.flow = Some(FlowId(payload.conversation as u64));
        }
        let told = Told {
            conversation: capture.conversations.get(payload.conversation).cloned(),
            sure: payload.sure,
            direction: payload.direction,
        };
        found.push((traces, told));
    };
    for (tag, (payload, reference)) in left.iter().enumerate() {
        row.payloads += 1;
        row.bytes += reference.len;
        let traced = known.entry((reference.clone(), payload.layer)).or_insert_with(|| {
            let egress = Egress {
                flow: Some(FlowId(payload.conversation as u64)),
                payload: reference,
                layer: payload.layer,
                direction: Direction::Out,
                bytes: &payload.bytes,
            };
            let traced = index.trace_and_keep(&egress, &Budget::default(), tag, &mut rest);
            lost.cut(input, &traced);
            Arc::new(traced)
        });
        add(payload, traced);
    }
    let open = |tag: usize| {
        let (payload, _) = left.get(tag)?;
        Some(Arc::new(payload.bytes.clone()) as Arc<dyn DecoySource>)
    };
    for (tag, traced) in index.trace_rest(&rest, &open) {
        lost.cut(input, &traced);
        let Some((first, reference)) = left.get(tag) else { continue };
        for (payload, _) in left
            .iter()
            .filter(|(payload, other)| other == reference && payload.layer == first.layer)
        {
            add(payload, &traced);
        }
    }
    (row, found)
}

/// A decoy's file.
pub(crate) fn file(path: &Path) -> Result<Arc<dyn DecoySource>, TraceError> {
    let source = FileSource::open(path).map_err(|error| TraceError::read(path, error))?;
    Ok(Arc::new(source))
}
