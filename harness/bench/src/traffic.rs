//! False findings in real, traffic-like data: files of the host as they are, compressed, encrypted
//! and in text encodings, looked through by the tracer with the benchmark's decoys.

use crate::error::BenchError;
use belljar_decode::{Budget, Cut};
use belljar_evidence::distinctive_name;
use belljar_leaks::SCENARIO;
use belljar_plant::Plant;
use belljar_record::{BytesSource, DecoySource, Direction, Layer, PayloadRef, Sha256Hex};
use belljar_schema::{load_scenario, resolve_world};
use belljar_trace::{Egress, Index, Target, Traced};
use serde::{Deserialize, Serialize};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Bytes of one payload.
const PIECE: usize = 1 << 20;
/// Folders of the host that every Debian system has.
const FOLDERS: &[&str] = &["/usr/share/doc", "/usr/lib", "/usr/bin", "/usr/share"];
/// Files that are listed at most.
const FILES: usize = 400_000;

/// What was found where nothing is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrafficReport {
    /// Bytes that were looked through.
    pub bytes: u64,
    /// Payloads.
    pub payloads: u64,
    /// Findings, all of them false.
    pub findings: u64,
    /// The first few, in words.
    pub first: Vec<String>,
    /// Bytes equal to a decoy that are common to many files.
    pub common: u64,
    /// Decodings that a budget cut.
    pub cut: Cut,
    /// Seconds, on one core.
    pub seconds: f64,
}

/// Looks through `bytes` bytes of the host's files in turn as they are, gzipped, encrypted (a key
/// stream of SHA-256), and in base64.
///
/// # Errors
/// [`BenchError`] if the world cannot be planted or indexed.
pub fn traffic(
    bytes: u64,
    seed: u64,
    advance: &(dyn Fn(u64) + Sync),
) -> Result<TrafficReport, BenchError> {
    let scenario = resolve_world(&load_scenario("leaks.toml", SCENARIO)?);
    let plant = Plant::new(&scenario, seed)?;
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
            distinctive_name: distinctive_name(record),
            // The worst case: all of them were read, so that 32 bytes are enough.
            read: Some(std::iter::once(0..decoy.len()).collect()),
        })
        .collect();
    let index = Index::build(&targets, &[], &[])?;
    let mut report = TrafficReport {
        bytes: 0,
        payloads: 0,
        findings: 0,
        first: Vec::new(),
        common: 0,
        cut: Cut::default(),
        seconds: 0.0,
    };
    let began = Instant::now();
    let mut files = Files::new();
    while report.bytes < bytes {
        let Some(piece) = files.piece() else { break };
        let kind = report.payloads % 4;
        let payload = match kind {
            0 => piece,
            1 => gzipped(&piece),
            2 => encrypted(&piece, report.payloads),
            _ => data_encoding::BASE64.encode(&piece).into_bytes(),
        };
        report.bytes += payload.len() as u64;
        report.payloads += 1;
        let traced = look(&index, payload);
        report.common += traced.common;
        report.cut.add(&traced.cut);
        report.findings += traced.traces.len() as u64;
        for trace in &traced.traces {
            if report.first.len() < 10 {
                report.first.push(format!("{:?} in {}", trace.subject, files.last.display()));
            }
        }
        advance(report.bytes);
    }
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

fn look(index: &Index, payload: Vec<u8>) -> Traced {
    let reference = PayloadRef { sha256: Sha256Hex::of(&payload), len: payload.len() as u64 };
    let source = BytesSource::from(payload);
    let egress = Egress {
        flow: None,
        payload: &reference,
        layer: Layer::Stream,
        direction: Direction::Out,
        bytes: &source,
    };
    index.trace(&egress, &Budget::default())
}

fn gzipped(piece: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing to memory does not fail.
    let _ = out.write_all(piece);
    out.finish().unwrap_or_default()
}

fn encrypted(piece: &[u8], number: u64) -> Vec<u8> {
    use sha2::Digest as _;
    let mut out = Vec::with_capacity(piece.len());
    for (block, bytes) in (0_u64..).zip(piece.chunks(32)) {
        let mut hash = sha2::Sha256::new();
        hash.update(number.to_be_bytes());
        hash.update(block.to_be_bytes());
        out.extend(bytes.iter().zip(hash.finalize()).map(|(byte, key)| byte ^ key));
    }
    out
}

/// Regular files of the host, in order of their folders, a piece at a time.
struct Files {
    paths: std::vec::IntoIter<PathBuf>,
    open: Option<std::fs::File>,
    last: PathBuf,
}

impl Files {
    fn new() -> Self {
        let mut paths = Vec::new();
        for folder in FOLDERS {
            list(Path::new(folder), &mut paths);
        }
        paths.dedup();
        Self { paths: paths.into_iter(), open: None, last: PathBuf::new() }
    }

    /// The next megabyte: several small files, or a part of a large one.
    fn piece(&mut self) -> Option<Vec<u8>> {
        let mut piece = Vec::with_capacity(PIECE);
        while piece.len() < PIECE {
            let Some(file) = &mut self.open else {
                let Some(path) = self.paths.next() else { break };
                self.open = std::fs::File::open(&path).ok();
                self.last = path;
                continue;
            };
            let room = (PIECE - piece.len()) as u64;
            match file.take(room).read_to_end(&mut piece) {
                Ok(0) | Err(_) => self.open = None,
                Ok(_) => {}
            }
        }
        (!piece.is_empty()).then_some(piece)
    }
}

fn list(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut all: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    all.sort();
    for path in all {
        let Ok(found) = path.symlink_metadata() else { continue };
        if paths.len() >= FILES {
            return;
        }
        if found.is_dir() {
            list(&path, paths);
        } else if found.is_file() {
            paths.push(path);
        }
    }
}
