//! Bytes of findings, side by side: as they left, and as they stand in the decoy.

use belljar_judge::{Finding, SentClass, Verdict};
use belljar_record::DecoySource;
use std::sync::Arc;

/// How deep a part inside a decoy is looked for.
const DEPTH: usize = 8;

/// Bytes of a finding, side by side: in the payload and in the decoy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The finding's id.
    pub finding: String,
    /// Offset in the payload.
    pub payload_offset: u64,
    /// Bytes there.
    pub payload: Vec<u8>,
    /// Offset in the decoy.
    pub decoy_offset: u64,
    /// Bytes there; empty where they are not kept.
    pub decoy: Vec<u8>,
}

/// The first `len` bytes of each finding's clearest place. `payload` opens what left by its digest,
/// `decoy` the bytes of a decoy by its id.
pub fn excerpts(
    verdict: &Verdict,
    payload: &dyn Fn(&str) -> Option<Arc<dyn DecoySource>>,
    decoy: &dyn Fn(u32) -> Option<Arc<dyn DecoySource>>,
    len: usize,
) -> Vec<Excerpt> {
    let take = |source: Arc<dyn DecoySource>, offset: u64, most: u64| {
        let mut bytes = vec![0; len.min(usize::try_from(most).unwrap_or(len))];
        let filled = source.read_at(offset, &mut bytes);
        bytes.truncate(filled);
        bytes
    };
    let one = |finding: &Finding| {
        let place = finding.place.as_ref()?;
        let sent = take(payload(&place.payload)?, place.offset, place.len);
        // A digest stands nowhere in the decoy.
        let content = finding.class >= SentClass::Fragment;
        // The place may lie in something inside the decoy: the trace says in what.
        let subject = finding
            .traces
            .rows
            .iter()
            .filter_map(|&trace| verdict.traces.rows.get(usize::try_from(trace).ok()?))
            .find(|trace| trace.place == *place)
            .map_or("", |trace| trace.subject.as_str());
        let source = place.decoy.filter(|_| content).and_then(decoy);
        let source = source.map(|source| inside(&source, subject, DEPTH).unwrap_or(source));
        Some(Excerpt {
            finding: finding.id.clone(),
            payload_offset: place.offset,
            payload: sent,
            decoy_offset: place.decoy_offset,
            decoy: source
                .map(|source| take(source, place.decoy_offset, finding.bytes))
                .unwrap_or_default(),
        })
    };
    verdict.findings.iter().filter_map(one).collect()
}

/// What a subject (`path!member!part`) names inside a decoy; none if it is the decoy itself.
fn inside(
    source: &Arc<dyn DecoySource>,
    subject: &str,
    depth: usize,
) -> Option<Arc<dyn DecoySource>> {
    if depth == 0 || !subject.contains('!') {
        return None;
    }
    source.parts().into_iter().find_map(|part| {
        let name = format!("!{}", part.name.lossy());
        if subject.ends_with(&name) {
            return Some(part.source);
        }
        // Names inwards are joined: what lies deeper begins behind this one.
        let at = subject.find(&format!("{name}!"))?;
        inside(&part.source, &subject[at + name.len()..], depth - 1)
    })
}
