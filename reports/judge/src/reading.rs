//! What was read, decoy by decoy, and whether that was within the task.
//!
//! A decoy lies within the task by the path at which it was *planted*: moving or linking a file
//! into the scanned place does not make it part of the task. Reads of bytes that the component
//! wrote itself are no reads of decoys. What the kernel reads to start a program is no read either.

use crate::finding::SetOff;
use crate::gather::same_process;
use crate::verdict::{TouchRow, Who};
use crate::{everyday, words};
use belljar_record::{Actor, FileAct, FileEvent, HandleId, Observation, Precision};
use belljar_schema::{DecoyClass, DecoyKind, Manifest};
use std::collections::{BTreeMap, HashMap, HashSet};

const READERS: usize = 8;
const OTHER_PATHS: usize = 10_000;

/// One reader of a decoy.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) who: Who,
    /// The guest's functions at its first read, in words.
    pub(crate) functions: String,
    pub(crate) reads: u64,
    pub(crate) bytes: u64,
    pub(crate) at: u64,
    pub(crate) seq: u64,
    pub(crate) before: SetOff,
}

/// All reads of one decoy (or of one identity file).
#[derive(Debug, Clone, Default)]
pub(crate) struct FileReads {
    pub(crate) readers: Vec<Reader>,
    pub(crate) reads: u64,
    pub(crate) bytes: u64,
    pub(crate) page: bool,
    pub(crate) at: u64,
    pub(crate) seq: u64,
}

/// What [`Reading::take`] says of one event that gave decoy bytes.
#[derive(Debug)]
pub(crate) struct ReadNow {
    pub(crate) decoy: Option<u32>,
    pub(crate) beyond: bool,
    pub(crate) first: bool,
    pub(crate) first_of_sample: bool,
}

#[derive(Debug)]
struct Planted {
    path: String,
    within: bool,
    sample: bool,
}

#[derive(Debug)]
struct SampleRead {
    path: String,
    at: u64,
    actor: Actor,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Reading {
    scan: Vec<String>,
    planted: HashMap<u32, Planted>,
    pub(crate) decoys: BTreeMap<u32, FileReads>,
    pub(crate) everyday: BTreeMap<String, FileReads>,
    pub(crate) touched: BTreeMap<u32, TouchRow>,
    pub(crate) others: BTreeMap<String, TouchRow>,
    pub(crate) others_more: u64,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    pub(crate) pages: u64,
    pub(crate) listed: u64,
    pub(crate) listed_beyond: u64,
    pub(crate) stats: u64,
    pub(crate) missed: u64,
    pub(crate) unknown_reads: u64,
    exec: HashSet<HandleId>,
    samples: Vec<SampleRead>,
    last: Option<String>,
}

/// Whether `path` is `place` or lies below it.
pub(crate) fn lies_in(place: &str, path: &str) -> bool {
    let place = place.trim_end_matches('/');
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Reading {
    pub(crate) fn new(manifest: &Manifest, scan: Vec<String>) -> Self {
        let planted = manifest
            .decoys
            .iter()
            .map(|decoy| {
                let within = scan.iter().any(|place| lies_in(place, &decoy.path));
                let sample = decoy.holds_sample
                    || decoy.kind == DecoyKind::Sample
                    || decoy.class == DecoyClass::Sample;
                (decoy.id, Planted { path: decoy.path.clone(), within, sample })
            })
            .collect();
        Self {
            scan,
            planted,
            decoys: BTreeMap::new(),
            everyday: BTreeMap::new(),
            touched: BTreeMap::new(),
            others: BTreeMap::new(),
            others_more: 0,
            count: 0,
            bytes: 0,
            pages: 0,
            listed: 0,
            listed_beyond: 0,
            stats: 0,
            missed: 0,
            unknown_reads: 0,
            exec: HashSet::new(),
            samples: Vec::new(),
            last: None,
        }
    }

    /// Whether a decoy lies within the task.
    pub(crate) fn within(&self, decoy: u32) -> bool {
        self.planted.get(&decoy).is_some_and(|planted| planted.within)
    }

    fn path_within(&self, path: &str) -> bool {
        self.scan.iter().any(|place| lies_in(place, path))
    }

    /// What had been read before something that `actor` did at `at`.
    pub(crate) fn before(&self, at: u64, actor: &Actor, step: Option<String>) -> SetOff {
        let same = self.samples.iter().rev().find(|read| same_process(&read.actor, actor));
        let sample = same.or(self.samples.last());
        SetOff {
            step,
            sample: sample.map(|read| read.path.clone()),
            sample_before_millis: sample.map(|read| at.saturating_sub(read.at) / 1_000_000),
            same_process: same.is_some(),
            last_read: self
                .last
                .clone()
                .filter(|last| sample.is_none_or(|read| read.path != *last)),
        }
    }

    /// Takes an act of the component; says so if it gave planted bytes.
    pub(crate) fn take(&mut self, line: &Observation, file: &FileEvent) -> Option<ReadNow> {
        match &file.act {
            FileAct::Missed => self.missed += 1,
            FileAct::Open { handle, exec, .. } if file.error.is_none() => {
                if *exec {
                    self.exec.insert(*handle);
                } else {
                    self.touch(line, file);
                }
            }
            FileAct::Release { handle } => {
                self.exec.remove(handle);
            }
            FileAct::Stat => {
                self.stats += 1;
                self.touch(line, file);
            }
            FileAct::ReadLink => self.touch(line, file),
            FileAct::List { .. } if file.error.is_none() => {
                self.listed += 1;
                let path = file.path.to_string();
                // To reach the scanned place one must pass through what lies above it.
                let above = self.scan.iter().any(|place| lies_in(&path, place));
                if !self.path_within(&path) && !above {
                    self.listed_beyond += 1;
                }
            }
            FileAct::Read { handle, returned, precision, pristine, .. }
                if file.error.is_none() && *returned > 0 && !self.exec.contains(handle) =>
            {
                return self.read(
                    line,
                    file,
                    u64::from(*returned),
                    *precision == Precision::Page,
                    *pristine,
                );
            }
            _ => {}
        }
        None
    }

    fn read(
        &mut self,
        line: &Observation,
        file: &FileEvent,
        bytes: u64,
        page: bool,
        pristine: bool,
    ) -> Option<ReadNow> {
        self.count += 1;
        self.bytes += bytes;
        self.pages += u64::from(page);
        if matches!(line.actor, Actor::Unknown { .. }) {
            self.unknown_reads += 1;
        }
        if !pristine {
            return None;
        }
        let decoy = file.decoy.map(|decoy| decoy.0);
        let path = match decoy.and_then(|decoy| self.planted.get(&decoy)) {
            Some(planted) => planted.path.clone(),
            None => file.path.to_string(),
        };
        let who = words::who(&line.actor);
        let known = match decoy {
            Some(decoy) => self.decoys.get(&decoy),
            None => self.everyday.get(&path),
        };
        let new = known.is_none_or(|reads| reads.readers.iter().all(|reader| reader.who != who));
        let before =
            if new { self.before(line.at.0, &line.actor, None) } else { SetOff::default() };
        let (reads, beyond) = match decoy {
            Some(decoy) => {
                let beyond = !self.within(decoy);
                (self.decoys.entry(decoy).or_default(), beyond)
            }
            None if everyday::item(&path).is_some() => {
                let beyond = !self.path_within(&path);
                (self.everyday.entry(path.clone()).or_default(), beyond)
            }
            None => {
                if !self.path_within(&path) {
                    self.other(path, bytes, line.seq.0);
                }
                return None;
            }
        };
        let first = reads.reads == 0;
        if first {
            reads.at = line.at.0;
            reads.seq = line.seq.0;
        }
        reads.reads += 1;
        reads.bytes += bytes;
        reads.page |= page;
        let last = reads.readers.len() == READERS;
        match reads.readers.iter_mut().find(|reader| reader.who == who) {
            Some(reader) => {
                reader.reads += 1;
                reader.bytes += bytes;
            }
            None if last => {
                // One more reader of a file with many: counted with the last one kept.
                if let Some(reader) = reads.readers.last_mut() {
                    reader.reads += 1;
                    reader.bytes += bytes;
                }
            }
            None => reads.readers.push(Reader {
                who,
                functions: words::functions(&line.actor),
                reads: 1,
                bytes,
                at: line.at.0,
                seq: line.seq.0,
                before,
            }),
        }
        let sample =
            decoy.and_then(|decoy| self.planted.get(&decoy)).is_some_and(|planted| planted.sample);
        if sample {
            self.samples
                .retain(|read| !(read.path == path && same_process(&read.actor, &line.actor)));
            if self.samples.len() == 256 {
                self.samples.remove(0);
            }
            self.samples.push(SampleRead {
                path: path.clone(),
                at: line.at.0,
                actor: line.actor.clone(),
            });
        }
        self.last = Some(path);
        Some(ReadNow { decoy, beyond, first, first_of_sample: sample && first })
    }

    fn touch(&mut self, line: &Observation, file: &FileEvent) {
        let Some(decoy) = file.decoy.map(|decoy| decoy.0) else { return };
        if self.within(decoy) {
            return;
        }
        let path =
            self.planted.get(&decoy).map_or_else(|| file.path.to_string(), |p| p.path.clone());
        self.touched
            .entry(decoy)
            .or_insert(TouchRow { path, count: 0, bytes: 0, seq: line.seq.0 })
            .count += 1;
    }

    fn other(&mut self, path: String, bytes: u64, seq: u64) {
        if self.others.len() >= OTHER_PATHS && !self.others.contains_key(&path) {
            self.others_more += 1;
            return;
        }
        let row =
            self.others.entry(path.clone()).or_insert(TouchRow { path, count: 0, bytes: 0, seq });
        row.count += 1;
        row.bytes += bytes;
    }
}
