//! The exact ranges behind a line of the verdict. The verdict says where a trace begins and how many
//! bytes it has; which bytes these are is found by tracing the same payload again, in the same way.

use belljar_decode::Budget;
use belljar_judge::TraceRow;
use belljar_plant::Plant;
use belljar_record::{
    ByteString, BytesSource, DecoySource, Direction, Layer, Part, PayloadRef, Sha256Hex, read_log,
};
use belljar_trace::{Egress, Index, IndexError, Subject, Target, Trace, Unexplained};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A run of bytes that a trace found.
pub(crate) struct Piece {
    /// The bytes, as they stand in the decoy or in what is inside it.
    pub(crate) bytes: Vec<u8>,
    /// Whether they are of something inside: an attachment decoded, a member unpacked.
    pub(crate) inside: bool,
}

/// Traces the payloads of one run again, each once.
pub(crate) struct Ranges {
    index: Index,
    payloads: PathBuf,
    sources: BTreeMap<u32, Arc<dyn DecoySource>>,
    known: RefCell<BTreeMap<(String, String), Vec<Trace>>>,
}

impl Ranges {
    /// For the run whose bundle lies in `bundle`.
    pub(crate) fn of(bundle: &Path, plant: &Plant) -> Result<Self, IndexError> {
        // The verdict rests on the same record: a line that cannot be read was an error there.
        let lines = read_log(&bundle.join("record.jsonl")).into_iter().flatten();
        let mut reads = belljar_evidence::read_ranges(lines.map_while(Result::ok));
        let manifest = plant.manifest();
        let targets: Vec<Target> = plant
            .decoys()
            .iter()
            .zip(belljar_plant::twins(plant.decoys()))
            .zip(&manifest.decoys)
            .map(|((decoy, twin), record)| Target {
                decoy: decoy.id(),
                path: decoy.path(),
                source: Arc::clone(decoy) as Arc<dyn DecoySource>,
                twin: Some(twin),
                sample: decoy.holds_sample() && decoy.path_str().ends_with(".com"),
                distinctive_name: belljar_evidence::distinctive_name(record),
                read: Some(reads.remove(&decoy.id().0).unwrap_or_default()),
            })
            .collect();
        let sources =
            targets.iter().map(|target| (target.decoy.0, Arc::clone(&target.source))).collect();
        Ok(Self {
            index: Index::build(&targets, &[], &[])?,
            payloads: bundle.join("payloads"),
            sources,
            known: RefCell::default(),
        })
    }

    /// The bytes of the decoy, or of what is inside it, that a line of the verdict means: a piece
    /// for each run of them.
    pub(crate) fn pieces(&self, row: &TraceRow) -> Vec<Piece> {
        let key = (row.place.payload.clone(), row.place.layer.clone());
        let mut known = self.known.borrow_mut();
        let traces = known.entry(key).or_insert_with(|| self.trace(row));
        let mut pieces = Vec::new();
        for trace in traces.iter() {
            let Subject::Content { decoy, part, ranges, bytes, .. } = &trace.subject else {
                continue;
            };
            if Some(decoy.0) != row.decoy || *bytes != row.bytes {
                continue;
            }
            let Some(source) = self.source(decoy.0, part.as_ref()) else { continue };
            for range in ranges {
                let len = usize::try_from(range.decoy.end - range.decoy.start).unwrap_or(0);
                let mut piece = vec![0; len];
                let filled = source.read_at(range.decoy.start, &mut piece);
                piece.truncate(filled);
                pieces.push(Piece { bytes: piece, inside: part.is_some() });
            }
        }
        pieces
    }

    fn trace(&self, row: &TraceRow) -> Vec<Trace> {
        let Ok(bytes) = std::fs::read(self.payloads.join(&row.place.payload)) else {
            return Vec::new();
        };
        let payload =
            PayloadRef { sha256: Sha256Hex(row.place.payload.clone()), len: bytes.len() as u64 };
        let source = BytesSource::from(bytes);
        let egress = Egress {
            flow: None,
            payload: &payload,
            layer: layer(&row.place.layer),
            direction: Direction::Out,
            bytes: &source,
        };
        let mut rest = Unexplained::default();
        let first = self.index.trace_and_keep(&egress, &Budget::default(), 0, &mut rest);
        let open = |_: usize| Some(Arc::new(source.clone()) as Arc<dyn DecoySource>);
        let second = self.index.trace_rest(&rest, &open);
        first
            .traces
            .into_iter()
            .chain(second.into_iter().flat_map(|(_, more)| more.traces))
            .collect()
    }

    fn source(&self, decoy: u32, part: Option<&ByteString>) -> Option<Arc<dyn DecoySource>> {
        let source = self.sources.get(&decoy)?;
        match part {
            None => Some(Arc::clone(source)),
            Some(name) => inside(source.parts(), &name.to_string()),
        }
    }
}

/// The layer by its words in a verdict.
fn layer(words: &str) -> Layer {
    match words {
        "plain text inside TLS" => Layer::Plaintext,
        "datagrams" => Layer::Datagram,
        "packets" => Layer::Packet,
        "bytes outside any stream" => Layer::Remainder,
        "header fields in a series" => Layer::Headers,
        "request handed over" => Layer::Exchange,
        _ => Layer::Stream,
    }
}

/// A part by its names from the decoy inwards, joined by `!`.
fn inside(parts: Vec<Part>, name: &str) -> Option<Arc<dyn DecoySource>> {
    for part in parts {
        let own = part.name.to_string();
        if name == own {
            return Some(part.source);
        }
        if let Some(rest) = name.strip_prefix(&format!("{own}!")) {
            return inside(part.source.parts(), rest);
        }
    }
    None
}
