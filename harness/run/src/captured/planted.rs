//! The decoys to be looked for: planted again from a manifest's seed and compared with its digests,
//! or files of a folder.

use super::lost::Lost;
use super::{TraceError, TraceRequest, file, inside};
use crate::planting::Planted;
use belljar_evidence::{PlantedSource, names, read_manifest, read_plan, read_ranges};
use belljar_plant::Plant;
use belljar_record::{DecoySource, read_log};
use belljar_schema::{DecoyClass, DecoyKind, DecoyRecord, Digests, Manifest, Scenario};
use belljar_trace::Algorithm;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Decoys of a folder.
const FILES: usize = 100_000;
/// Up to so many bytes all decoys count as read where nothing tells what was: runs of 32 bytes are
/// then found, at the price of a larger index.
const READ: u64 = 256 << 20;

/// Files that say nothing, as sources.
pub type CommonFiles = Vec<Arc<dyn DecoySource>>;

/// What was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DecoysRow {
    /// The manifest or folder.
    pub from: String,
    /// How many decoys.
    pub count: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// The seed that they were planted again with.
    pub seed: Option<u64>,
    /// Length of the runs of bytes that are found wherever they stand.
    pub runs: u64,
}

/// Decoys, ready to be indexed.
pub(crate) struct Known {
    pub(crate) manifest: Manifest,
    pub(crate) sources: Vec<PlantedSource>,
    pub(crate) reads: BTreeMap<u32, Vec<Range<u64>>>,
    pub(crate) row: DecoysRow,
}

/// The decoys of a request.
pub(crate) fn planted(request: &TraceRequest, lost: &mut Lost) -> Result<Known, TraceError> {
    let mut known = match request.decoys.is_dir() {
        true => folder(&request.decoys, lost)?,
        false => manifest(&request.decoys, request.scenario.as_ref(), lost)?,
    };
    if known.reads.is_empty() && known.row.bytes <= READ {
        let whole = |source: &PlantedSource| {
            let range = 0..source.source.len();
            (source.decoy, std::iter::once(range).collect())
        };
        known.reads = known.sources.iter().map(whole).collect();
        known.row.runs = 32;
    } else if !known.reads.is_empty() {
        known.row.runs = 32;
    }
    Ok(known)
}

/// Decoys of a manifest, planted again.
fn manifest(
    path: &Path,
    scenario: Option<&Scenario>,
    lost: &mut Lost,
) -> Result<Known, TraceError> {
    let manifest = read_manifest(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let plan = folder.join(names::PLAN);
    let (again, mut sources) = if let (None, true) = (scenario, plan.exists()) {
        let planted = Planted::new(&read_plan(&plan)?)?;
        (planted.manifest.clone(), planted.sources())
    } else if let Some(scenario) = scenario {
        let plant = Plant::new(scenario, manifest.seed)?;
        let pairs = plant.decoys().iter().zip(belljar_plant::twins(plant.decoys()));
        let sources = pairs.map(|(decoy, twin)| PlantedSource {
            decoy: decoy.id().0,
            source: Arc::clone(decoy) as Arc<dyn DecoySource>,
            twin: Some(twin),
        });
        (plant.manifest(), sources.collect())
    } else {
        return Err(TraceError::NoScenario { scenario: manifest.scenario });
    };
    // Another generator or another scenario gives other bytes: they are not looked for.
    let digests: BTreeMap<u32, &Digests> =
        again.decoys.iter().map(|record| (record.id, &record.digest)).collect();
    let same = |id| {
        let record = manifest.decoys.iter().find(|record| record.id == id);
        record.is_some_and(|record| digests.get(&id) == Some(&&record.digest))
    };
    sources.retain(|source| same(source.decoy));
    let gone = manifest.decoys.len().saturating_sub(sources.len()) as u64;
    lost.add("decoys", gone, "decoys that this version and scenario do not plant as they were");
    let record = folder.join(names::RECORD);
    let reads = match scenario.is_none() && record.exists() {
        true => read_log(&record)
            .map(|lines| read_ranges(lines.map_while(Result::ok)))
            .unwrap_or_default(),
        false => BTreeMap::new(),
    };
    let row = DecoysRow {
        from: path.display().to_string(),
        count: manifest.decoys.len() as u64,
        bytes: sources.iter().map(|source| source.source.len()).sum(),
        seed: Some(manifest.seed),
        runs: 128,
    };
    Ok(Known { manifest, sources, reads, row })
}

/// Files of a folder as decoys.
fn folder(path: &Path, lost: &mut Lost) -> Result<Known, TraceError> {
    let mut all = Vec::new();
    files(path, FILES, &mut all)?;
    let mut manifest = Manifest {
        generator: String::new(),
        scenario: String::new(),
        seed: 0,
        facts: Vec::new(),
        decoys: Vec::new(),
    };
    let mut sources = Vec::new();
    for (id, found) in (0..).zip(&all) {
        let source = inside::opened(file(found)?, lost);
        let hex = |algorithm: Algorithm| {
            let digest = algorithm.digest(&*source);
            digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let name = found.strip_prefix(path).unwrap_or(found).display().to_string();
        manifest.decoys.push(DecoyRecord {
            id,
            // Below a home, so that its name counts as distinctive.
            path: format!("/home/{name}"),
            kind: DecoyKind::Binary,
            class: DecoyClass::Document,
            marking: None,
            holds_sample: false,
            digest: Digests {
                len: source.len(),
                md5: hex(Algorithm::Md5),
                sha1: hex(Algorithm::Sha1),
                sha256: hex(Algorithm::Sha256),
            },
            members: Vec::new(),
        });
        sources.push(PlantedSource { decoy: id, source, twin: None });
    }
    if sources.is_empty() {
        return Err(TraceError::NoDecoys(path.to_owned()));
    }
    let row = DecoysRow {
        from: path.display().to_string(),
        count: sources.len() as u64,
        bytes: sources.iter().map(|source| source.source.len()).sum(),
        seed: None,
        runs: 128,
    };
    Ok(Known { manifest, sources, reads: BTreeMap::new(), row })
}

/// Files of folders, as they are and opened.
pub(crate) fn common(folders: &[PathBuf]) -> Result<CommonFiles, TraceError> {
    let mut all = Vec::new();
    for folder in folders {
        files(folder, FILES, &mut all)?;
    }
    let mut nothing = Lost::default();
    all.iter().map(|path| Ok(inside::opened(file(path)?, &mut nothing))).collect()
}

/// Adds a file, or the regular files in and below a folder in order of their names. Links are not
/// followed.
pub(crate) fn files(path: &Path, most: usize, all: &mut Vec<PathBuf>) -> Result<(), TraceError> {
    let error = |source| TraceError::read(path, source);
    let found = std::fs::metadata(path).map_err(error)?;
    if found.is_file() {
        all.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(error)?;
    let mut inner: Vec<PathBuf> = Vec::new();
    for entry in entries {
        inner.push(entry.map_err(error)?.path());
    }
    inner.sort();
    for path in inner {
        let found = path.symlink_metadata().map_err(|source| TraceError::read(&path, source))?;
        if all.len() >= most {
            let source = std::io::Error::other(format!("more than {most} files"));
            return Err(TraceError::read(&path, source));
        }
        if found.is_dir() {
            files(&path, most, all)?;
        } else if found.is_file() {
            all.push(path);
        }
    }
    Ok(())
}
