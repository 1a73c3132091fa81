//! Replaying one finding, so that anybody can see with their own eyes that it is so.
//!
//! Promises: takes the payload from the bundle, applies each decoding of the chain in turn with
//! [`belljar_decode::replay`], and compares every listed byte with the decoy's, or the digest, name
//! or fact with what was found. What does not apply, is not equal, or is not there, makes the
//! explanation not hold, and it says why.
//!
//! Cannot see: why anything was sent. Objects of more than [`MOST`] bytes are not replayed.

use crate::{Bundle, BundleError};
use belljar_decode::replay;
use belljar_judge::{DecodingRow, EqualRow, Finding, PlaceRow, Shows, layer_named, technique};
use belljar_record::{ByteString, BytesSource, DecoySource, Layer, Sha256Hex};
use belljar_schema::Manifest;
use belljar_trace::Salted;
use serde::Serialize;
use sha2::Digest as _;
use std::sync::Arc;

/// Version of the form of an explanation.
const SCHEMA_VERSION: u32 = 1;
/// The longest object that is decoded, in bytes.
const MOST: u64 = 256 << 20;
/// Bytes that are shown of what a step reads and gives.
const HEAD: u64 = 32;
/// Lines of the record that are shown.
const LINES: usize = 16;

/// A finding or a trace, replayed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    /// Version of this form.
    pub schema_version: u32,
    /// What was asked for: `F2` (a finding) or `T5` (the fifth trace of the verdict).
    pub id: String,
    /// It in words.
    pub title: String,
    /// Who did it, how that is known, and by which functions if it was a guest; empty where a trace
    /// belongs to no finding.
    pub by: String,
    /// Whether everything was replayed and is equal.
    pub holds: bool,
    /// Why it does not hold; empty if it does.
    pub doubts: Vec<String>,
    /// ATT&CK techniques, each with its name: labels, from which nothing is concluded.
    pub attack: Vec<String>,
    /// The payload; none for what was only read.
    pub payload: Option<PayloadShown>,
    /// Each decoding.
    pub steps: Vec<StepShown>,
    /// The decoy, where one is compared with.
    pub decoy: Option<DecoyShown>,
    /// What was compared with it.
    pub compared: Vec<Compared>,
    /// Runs of equal bytes that the verdict counts and does not list.
    pub more: u64,
    /// Other traces that the same finding rests on, to be asked for by name.
    pub others: Vec<String>,
    /// Lines of the record that it rests on.
    pub record: Vec<serde_json::Value>,
}

/// The payload that left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PayloadShown {
    /// SHA-256: its file in `payloads/`.
    pub sha256: String,
    /// Length in bytes.
    pub len: u64,
    /// Layer at which it was taken.
    pub layer: String,
    /// The part of the protocol, in words.
    pub part: Option<String>,
}

/// One decoding, applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepShown {
    /// From 1.
    pub number: usize,
    /// How.
    pub decoding: String,
    /// First byte that it reads, of what the step before gives (of the payload at first).
    pub reads_from: u64,
    /// Behind the last byte that it reads.
    pub reads_to: u64,
    /// How many bytes it gives now.
    pub gives: u64,
    /// The first bytes that it reads.
    pub input: Excerpted,
    /// The first bytes that it gives.
    pub output: Excerpted,
}

/// Bytes at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Excerpted {
    /// Where.
    pub offset: u64,
    /// In hexadecimal digits.
    pub hex: String,
    /// As ASCII, other bytes as dots.
    pub text: String,
    /// The bytes.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// The decoy that is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DecoyShown {
    /// Its id in the manifest.
    pub id: u32,
    /// Its path in the jar.
    pub path: String,
    /// What inside it: names from the decoy inwards, joined by `!`.
    pub part: Option<String>,
    /// Length of it (of the part).
    pub len: Option<u64>,
    /// Whether the bytes are those of the manifest, by SHA-256 of the decoy.
    pub as_in_manifest: Option<bool>,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compared {
    /// What is compared, in words.
    pub what: String,
    /// How many bytes are compared.
    pub len: u64,
    /// How many of them are equal.
    pub equal: u64,
    /// The first bytes of what left, after the last step.
    pub left: Excerpted,
    /// The first bytes that they are equal to: of the decoy, the digest, the name, the fact.
    pub planted: Excerpted,
}

/// What cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// There is nothing of this name.
    #[error("the bundle has no finding `{id}`")]
    Unknown {
        /// As asked for.
        id: String,
        /// What there is, in words.
        known: String,
    },
    /// The bundle cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// Replays finding `F…` or trace `T…` of `bundle`; shows at most `shown` bytes of each comparison.
/// `decoy` gives the bytes of decoys that the bundle does not keep (planted again by the seed).
///
/// # Errors
/// [`ExplainError`] if there is no such finding, or the bundle's own files cannot be read.
pub fn explain(
    bundle: &Bundle,
    id: &str,
    shown: usize,
    decoy: &dyn Fn(u32) -> Option<Arc<dyn DecoySource>>,
) -> Result<Explanation, ExplainError> {
    let verdict = bundle.verdict()?;
    let manifest = bundle.decoys()?;
    let mut told = Explanation {
        schema_version: SCHEMA_VERSION,
        id: id.to_uppercase(),
        title: String::new(),
        by: String::new(),
        holds: false,
        doubts: Vec::new(),
        attack: Vec::new(),
        payload: None,
        steps: Vec::new(),
        decoy: None,
        compared: Vec::new(),
        more: 0,
        others: Vec::new(),
        record: Vec::new(),
    };
    let trace = told.id.strip_prefix('T').and_then(|number| number.parse::<usize>().ok());
    let mut seqs = Vec::new();
    let by = |finding: &Finding| format!("{} ({})", finding.who.program, finding.known_by);
    let place = if let Some(finding) = verdict.findings.iter().find(|f| f.id == told.id) {
        told.title.clone_from(&finding.title);
        told.by = by(finding);
        told.attack = named(&finding.attack);
        seqs.clone_from(&finding.seqs);
        told.others = finding.traces.rows.iter().map(|place| format!("T{}", place + 1)).collect();
        finding.place.clone()
    } else if let Some(row) = trace.and_then(|n| verdict.traces.rows.get(n.checked_sub(1)?)) {
        told.title = format!("{} ({})", row.subject, row.class.words());
        told.attack = named(&row.attack);
        told.others.extend(row.finding.clone());
        let finding = verdict.findings.iter().find(|f| row.finding.as_ref() == Some(&f.id));
        told.by = finding.map(by).unwrap_or_default();
        Some(row.place.clone())
    } else {
        let (findings, traces) = (verdict.findings.len(), verdict.traces.rows.len());
        let known = match findings {
            0 => "there are no findings".to_owned(),
            _ => format!("there are F1 to F{findings}, and the traces T1 to T{traces}"),
        };
        return Err(ExplainError::Unknown { id: id.to_owned(), known });
    };
    lines(bundle, &seqs, &mut told)?;
    match place {
        Some(place) => {
            let decoys = |id| bundle.decoy(id).or_else(|| decoy(id));
            replay_place(bundle, &manifest, &place, shown, &decoys, &mut told);
        }
        None if told.record.is_empty() => {
            told.doubts.push("the verdict names no line of the record".to_owned());
        }
        None => {}
    }
    told.holds = told.doubts.is_empty();
    Ok(told)
}

/// Techniques with their names.
fn named(labels: &[String]) -> Vec<String> {
    let name = |label: &String| technique(label).map(|name| format!("{label} {name}"));
    labels.iter().map(|label| name(label).unwrap_or_else(|| label.clone())).collect()
}

/// Takes the lines of the record that a finding names.
fn lines(bundle: &Bundle, seqs: &[u64], told: &mut Explanation) -> Result<(), ExplainError> {
    let mut wanted: Vec<u64> = seqs.iter().copied().take(LINES).collect();
    for line in bundle.record()? {
        if wanted.is_empty() {
            break;
        }
        let line = line.map_err(BundleError::from)?;
        if wanted.contains(&line.seq.0) {
            wanted.retain(|&seq| seq != line.seq.0);
            told.record.extend(serde_json::to_value(&line).ok());
        }
    }
    for seq in wanted {
        told.doubts.push(format!("the record has no line {seq}"));
    }
    Ok(())
}

fn replay_place(
    bundle: &Bundle,
    manifest: &Manifest,
    place: &PlaceRow,
    shown: usize,
    decoys: &dyn Fn(u32) -> Option<Arc<dyn DecoySource>>,
    told: &mut Explanation,
) {
    let Some(payload) = bundle.payload(&place.payload) else {
        told.doubts.push(format!("the payload {} is not in the bundle", place.payload));
        return;
    };
    told.payload = Some(PayloadShown {
        sha256: place.payload.clone(),
        len: payload.len(),
        layer: place.layer.clone(),
        part: place.part.clone(),
    });
    if digest(&payload) != place.payload {
        told.doubts.push("the payload is not the one that its name says".to_owned());
    }
    let Some(layer) = layer_named(&place.layer) else {
        told.doubts.push(format!("there is no layer called {}", place.layer));
        return;
    };
    let mut object: Arc<dyn DecoySource> = Arc::new(payload);
    for (number, row) in (1..).zip(&place.steps) {
        match apply(&object, layer, number, row) {
            Ok((step, next)) => {
                if row.gives.is_some_and(|gives| gives != step.gives) {
                    told.doubts.push(format!(
                        "step {number} gives {} bytes, and the verdict says {}",
                        step.gives,
                        row.gives.unwrap_or(0)
                    ));
                }
                told.steps.push(step);
                object = next;
            }
            Err(doubt) => {
                told.doubts.push(doubt);
                return;
            }
        }
    }
    match &place.shows {
        Some(shows) => compare(manifest, place, shows, &*object, shown, decoys, told),
        None => told.doubts.push(
            "the verdict was written by an earlier version, which did not say what stands there"
                .to_owned(),
        ),
    }
}

/// Applies one decoding.
fn apply(
    object: &Arc<dyn DecoySource>,
    layer: Layer,
    number: usize,
    row: &DecodingRow,
) -> Result<(StepShown, Arc<dyn DecoySource>), String> {
    let bytes = replay(&**object, layer, std::slice::from_ref(&row.step), MOST)
        .map_err(|error| format!("decoding {number} ({}) does not apply: {error}", row.words))?;
    let input = &row.step.input;
    let next: Arc<dyn DecoySource> = Arc::new(BytesSource::from(bytes));
    let step = StepShown {
        number,
        decoding: row.words.clone(),
        reads_from: input.start,
        reads_to: input.end,
        gives: next.len(),
        input: excerpt(&**object, input.start, HEAD.min(input.end - input.start)),
        output: excerpt(&*next, 0, HEAD),
    };
    Ok((step, next))
}

fn compare(
    manifest: &Manifest,
    place: &PlaceRow,
    shows: &Shows,
    object: &dyn DecoySource,
    shown: usize,
    decoys: &dyn Fn(u32) -> Option<Arc<dyn DecoySource>>,
    told: &mut Explanation,
) {
    let record = place.decoy.and_then(|id| manifest.decoys.iter().find(|decoy| decoy.id == id));
    let part = match shows {
        Shows::Content { part, .. } | Shows::Digest { part, .. } => part.clone(),
        _ => None,
    };
    told.decoy = record.map(|record| DecoyShown {
        id: record.id,
        path: record.path.clone(),
        part: part.clone(),
        len: None,
        as_in_manifest: None,
    });
    let path = record.map_or("", |record| record.path.as_str());
    let at = place.decoded_offset;
    let value = match shows {
        Shows::Content { .. } | Shows::Digest { .. } => None,
        Shows::Path => Some(("the path", path)),
        Shows::FileName => Some(("the file name", path.rsplit('/').next().unwrap_or(path))),
        Shows::Fact { fact } => {
            let fact = usize::try_from(*fact).ok().and_then(|place| manifest.facts.get(place));
            Some(("the fact, in any case", fact.map_or("", |fact| fact.value.as_str())))
        }
    };
    if let Some((what, value)) = value {
        let planted = BytesSource::from(value.as_bytes().to_vec());
        told.against(what.to_owned(), object, at, &planted, 0, value.len() as u64, shown, true);
        return;
    }
    let Some(whole) = record.and_then(|record| decoys(record.id)) else {
        told.doubts.push(
            "the decoy's bytes are not in the bundle, and this version does not plant them again"
                .to_owned(),
        );
        return;
    };
    let agrees = record.is_some_and(|record| digest(&*whole) == record.digest.sha256);
    let source = part.as_ref().map_or_else(|| Some(Arc::clone(&whole)), |name| find(&whole, name));
    if let Some(decoy) = &mut told.decoy {
        decoy.as_in_manifest = Some(agrees);
        decoy.len = source.as_ref().map(|source| source.len());
    }
    if !agrees {
        told.doubts.push("the decoy's bytes are not those of the manifest".to_owned());
    }
    let Some(source) = source else {
        told.doubts
            .push(format!("nothing inside the decoy is called {}", part.unwrap_or_default()));
        return;
    };
    match shows {
        Shows::Content { ranges, .. } => {
            told.more = ranges.more;
            for EqualRow { decoy_offset, decoded_offset, len } in &ranges.rows {
                let what = "bytes of the decoy".to_owned();
                told.against(
                    what,
                    object,
                    *decoded_offset,
                    &*source,
                    *decoy_offset,
                    *len,
                    shown,
                    false,
                );
            }
            if ranges.rows.is_empty() {
                told.doubts.push("the verdict names no bytes".to_owned());
            }
        }
        Shows::Digest { algorithm, bytes, over, salt, .. } => {
            let range = over.map_or(0..source.len(), |[from, to]| from..to);
            let with = salt.as_ref().map(|salt| (salt.bytes.as_bytes(), salt.how));
            let value = algorithm.salted(&*source, range, with);
            let of = over.map_or_else(String::new, |[from, to]| format!("bytes {from}–{to} of "));
            let salted = match salt {
                None => String::new(),
                Some(salt) => {
                    let how = match salt.how {
                        Salted::Before => "with the salt before it",
                        Salted::After => "with the salt behind it",
                        Salted::Hmac => "as HMAC with the key",
                    };
                    format!(", {how} {}", salt.bytes.as_bytes().escape_ascii())
                }
            };
            let what = format!("{} of {of}the decoy{salted}, computed now", algorithm.name());
            let len = bytes.unwrap_or(value.len() as u64);
            told.against(what, object, at, &BytesSource::from(value), 0, len, shown, false);
        }
        Shows::Path | Shows::FileName | Shows::Fact { .. } => {}
    }
}

impl Explanation {
    #[expect(clippy::too_many_arguments, reason = "two places, a length, and how to compare them")]
    fn against(
        &mut self,
        what: String,
        object: &dyn DecoySource,
        left: u64,
        planted: &dyn DecoySource,
        offset: u64,
        len: u64,
        shown: usize,
        any_case: bool,
    ) {
        let equal = equal(object, left, planted, offset, len, any_case);
        if equal < len || len == 0 {
            self.doubts.push(format!(
                "{what}: of {len} bytes at {left} of what left and {offset}, {equal} are equal"
            ));
        }
        let most = (shown as u64).min(len);
        self.compared.push(Compared {
            what,
            len,
            equal,
            left: excerpt(object, left, most),
            planted: excerpt(planted, offset, most),
        });
    }
}

/// How many of `len` bytes at two places are equal.
fn equal(
    a: &dyn DecoySource,
    at_a: u64,
    b: &dyn DecoySource,
    at_b: u64,
    len: u64,
    any_case: bool,
) -> u64 {
    let (mut one, mut other) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let (mut done, mut same) = (0, 0);
    while done < len {
        let want = usize::try_from(len - done).unwrap_or(usize::MAX).min(one.len());
        let got = a.read_at(at_a.saturating_add(done), &mut one[..want]);
        let there = b.read_at(at_b.saturating_add(done), &mut other[..want]);
        let count = got.min(there);
        same += one[..count]
            .iter()
            .zip(&other[..count])
            .filter(|(x, y)| x == y || any_case && x.eq_ignore_ascii_case(y))
            .count() as u64;
        if count < want {
            break;
        }
        done += want as u64;
    }
    same
}

fn excerpt(source: &dyn DecoySource, offset: u64, len: u64) -> Excerpted {
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0).min(64 << 10)];
    let filled = source.read_at(offset, &mut bytes);
    bytes.truncate(filled);
    let text = bytes
        .iter()
        .map(|&byte| if (32..127).contains(&byte) { char::from(byte) } else { '·' })
        .collect();
    Excerpted { offset, hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect(), text, bytes }
}

fn digest(source: &dyn DecoySource) -> String {
    let mut hash = sha2::Sha256::new();
    let (mut buffer, mut at) = (vec![0; 256 << 10], 0);
    loop {
        let filled = source.read_at(at, &mut buffer);
        if filled == 0 {
            return Sha256Hex::from_digest(&hash.finalize()).to_string();
        }
        hash.update(&buffer[..filled]);
        at += filled as u64;
    }
}

/// What inside a decoy is called so: names from the decoy inwards, joined by `!`.
fn find(source: &Arc<dyn DecoySource>, name: &str) -> Option<Arc<dyn DecoySource>> {
    for part in source.parts() {
        let own = ByteString::lossy(&part.name).into_owned();
        if own == name {
            return Some(part.source);
        }
        if let Some(rest) = name.strip_prefix(own.as_str()).and_then(|rest| rest.strip_prefix('!'))
            && let Some(found) = find(&part.source, rest)
        {
            return Some(found);
        }
    }
    None
}
