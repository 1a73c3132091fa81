//! `belljar bench leaks`: draws the cases, runs them, scores them.

use crate::batch::{Ground, In, folder};
use crate::error::BenchError;
use crate::ranges::Ranges;
use crate::rivals;
use crate::score::{self, Decoys, Finding, Result as CaseResult, Seen, reads};
use crate::tally::{LeaksReport, Named, tally};
use belljar_judge::Verdict;
use belljar_leaks::{Case, PUBLIC_SEED, SCENARIO, Truth, cases, load, sample};
use belljar_run::{RunError, Stop, run};
use belljar_schema::load_scenario;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Cases in one run. More would save little: starting a jar takes a fraction of a second.
const BATCH: usize = 48;
/// Payloads larger than this are not given to the rivals.
const LARGEST: u64 = 8 << 20;

/// What is measured.
#[derive(Debug, Clone)]
pub struct LeaksOptions {
    /// Which share of the cases, from 0 to 1.
    pub share: f64,
    /// The seed: draws the share, plants the world.
    pub seed: u64,
    /// A sealed set in place of the public one.
    pub cases: Option<PathBuf>,
    /// The folder of the belljar executable: the component lies there.
    pub beside: PathBuf,
    /// How many runs at a time; `None`: as many as there are processors.
    pub jobs: Option<usize>,
    /// Where the bundles of the runs are kept; `None`: they are removed.
    pub keep: Option<PathBuf>,
    /// Only cases whose id holds this.
    pub only: Option<String>,
    /// By which kind of component.
    pub kind: Kinds,
}

/// By which kind of component the cases are carried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kinds {
    /// Native programs: all cases.
    #[default]
    Native,
    /// WebAssembly guests: the cases that exist for them.
    Wasm,
    /// The cases that exist for guests, by both; what differs is named.
    Both,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Advance {
    /// Cases that were scored.
    pub done: usize,
    /// Of how many.
    pub of: usize,
}

/// Measures.
///
/// # Errors
/// [`BenchError`], by the step that failed.
pub fn leaks(
    options: &LeaksOptions,
    advance: &(dyn Fn(Advance) + Sync),
    stop: &Stop,
) -> Result<LeaksReport, BenchError> {
    let began = Instant::now();
    let all = match &options.cases {
        Some(folder) => load(folder)?,
        None => cases(PUBLIC_SEED),
    };
    let of_set = all.len();
    let mut drawn = sample(all, options.share, options.seed, |case| &case.id);
    if let Some(only) = &options.only {
        drawn.retain(|case| case.id.contains(only.as_str()));
    }
    if options.kind != Kinds::Native {
        drawn.retain(|case| case.not_in_wasm().is_none());
    }
    if drawn.is_empty() {
        return Err(BenchError::Nothing);
    }
    // Kinds and channels are mixed over the runs, always in the same way.
    drawn.sort_by_key(|case| case.seed);
    let own = options.cases.as_ref().map(|folder| folder.join("scenario.toml"));
    let scenario = match own.filter(|path| path.is_file()) {
        Some(path) => {
            let text = std::fs::read_to_string(&path)
                .map_err(|source| BenchError::Read { path: path.clone(), source })?;
            load_scenario(&path.to_string_lossy(), &text)?
        }
        None => load_scenario("leaks.toml", SCENARIO)?,
    };
    let jars: &[In] = match options.kind {
        Kinds::Native => &[In::Native],
        Kinds::Wasm => &[In::Wasm],
        Kinds::Both => &[In::Native, In::Wasm],
    };
    let mut measured = Vec::new();
    for (turn, &jar) in jars.iter().enumerate() {
        let ground = Ground::new(&scenario, options.seed, &options.beside, jar)?;
        let so_far = |done| {
            advance(Advance { done: turn * drawn.len() + done, of: jars.len() * drawn.len() })
        };
        measured.push(carry_out(options, &drawn, &ground, &so_far, stop)?);
    }
    let (runs, jobs) = (drawn.len().div_ceil(BATCH) * jars.len(), measured[0].1);
    let differences = match &mut measured[..] {
        [(native, _), (wasm, _)] => differences(native, wasm),
        _ => Vec::new(),
    };
    let results = measured.pop().map(|(results, _)| results).unwrap_or_default();
    let mut report = tally(results, of_set, options, runs, jobs, began.elapsed());
    report.differences = differences;
    Ok(report)
}

/// Carries the cases out in one kind of jar. The second value is how many runs went at a time.
fn carry_out(
    options: &LeaksOptions,
    drawn: &[Case],
    ground: &Ground,
    advance: &(dyn Fn(usize) + Sync),
    stop: &Stop,
) -> Result<(Vec<CaseResult>, usize), BenchError> {
    let decoys = Decoys::of(&ground.plant);
    for case in drawn {
        for truth in &case.truth {
            if decoys.truth(truth).is_none() {
                return Err(BenchError::Case {
                    id: case.id.clone(),
                    detail: format!("{} is not planted, or has no such range", truth.decoy),
                });
            }
        }
    }
    let temporary = tempfile::tempdir().map_err(BenchError::Folder)?;
    let kept = options.keep.as_ref().map(|folder| match ground.jar {
        In::Wasm if options.kind == Kinds::Both => folder.join("wasm"),
        _ => folder.clone(),
    });
    let bundles = kept.as_deref().unwrap_or(temporary.path());
    if let Some(keep) = &kept {
        std::fs::create_dir_all(keep).map_err(BenchError::Folder)?;
    }
    let batches: Vec<&[Case]> = drawn.chunks(BATCH).collect();
    let work = Work {
        ground,
        decoys: &decoys,
        batches: &batches,
        bundles,
        keep: options.keep.is_some(),
        next: AtomicUsize::new(0),
        done: Mutex::new((Vec::new(), None)),
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = options.jobs.unwrap_or(processors).clamp(1, batches.len());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| work.go(advance, stop));
        }
    });
    let (results, error) = work.done.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = error {
        return Err(error);
    }
    if results.len() != drawn.len() {
        return Err(BenchError::Worker);
    }
    Ok((results, jobs))
}

/// Cases of which the two jars tell something different.
fn differences(native: &mut [CaseResult], wasm: &mut [CaseResult]) -> Vec<Named> {
    native.sort_by(|a, b| a.case.id.cmp(&b.case.id));
    wasm.sort_by(|a, b| a.case.id.cmp(&b.case.id));
    let told = |result: &CaseResult| {
        // A packet that was sent twice shows a piece once more; the whole says all.
        let within = |one: &Finding, other: &Finding| {
            one.subject == other.subject
                && one.to == other.to
                && one.from >= other.from
                && one.from + one.bytes <= other.from + other.bytes
        };
        let mut findings: Vec<String> = result
            .findings
            .iter()
            .enumerate()
            .filter(|(place, one)| {
                let others = result.findings.iter().enumerate();
                !others.clone().any(|(at, other)| {
                    at != *place && within(one, other) && (at < *place || !within(other, one))
                })
            })
            .map(|(_, finding)| finding)
            .map(|Finding { subject, from, bytes, chain, to, .. }| {
                format!("{bytes} bytes of {subject} from {from} by {chain:?} to {to}")
            })
            .collect();
        findings.sort();
        format!("{:?}, right: {:?}, {findings:?}", result.seen, result.attribution)
    };
    native
        .iter()
        .zip(&*wasm)
        .map(|(native, wasm)| (&native.case.id, told(native), told(wasm)))
        .filter(|(_, native, wasm)| native != wasm)
        .map(|(id, native, wasm)| Named {
            id: id.clone(),
            why: format!("native: {native}; wasm: {wasm}"),
        })
        .collect()
}

struct Work<'a> {
    ground: &'a Ground,
    decoys: &'a Decoys,
    batches: &'a [&'a [Case]],
    bundles: &'a Path,
    keep: bool,
    next: AtomicUsize,
    done: Mutex<(Vec<CaseResult>, Option<BenchError>)>,
}

impl Work<'_> {
    fn go(&self, advance: &(dyn Fn(usize) + Sync), stop: &Stop) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(batch) = self.batches.get(number) else { return };
            let scored = self.one(number, batch, stop);
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            match scored {
                Ok(results) => {
                    done.0.extend(results);
                    advance(done.0.len());
                }
                Err(error) => {
                    // The others need not go on.
                    self.next.store(self.batches.len(), Ordering::Relaxed);
                    done.1.get_or_insert(error);
                    return;
                }
            }
        }
    }

    fn one(
        &self,
        number: usize,
        batch: &[Case],
        stop: &Stop,
    ) -> Result<Vec<CaseResult>, BenchError> {
        let bundle = folder(self.bundles, number);
        let plan = self.ground.plan(batch);
        let ended = run(&plan, &bundle, &|_| {}, stop).map_err(|error: RunError| error)?;
        let ranges = Ranges::of(&bundle, &self.ground.plant)?;
        let mut results =
            score::score(batch, &ended.verdict, self.decoys, &ranges, self.ground.jar);
        let payloads = Payloads::of(&ended.verdict, &bundle);
        for result in results.iter_mut().filter(|result| result.seen != Seen::Failed) {
            let Some(truth) = result.case.truth.first() else { continue };
            let (grep, table) = self.rivals(truth, &payloads.of_case(&result.case));
            (result.grep, result.table) = (grep, table);
        }
        if !self.keep {
            // What stays is removed with the folder of all.
            let _ = std::fs::remove_dir_all(&bundle);
        }
        Ok(results)
    }

    fn rivals(&self, truth: &Truth, payloads: &[Vec<u8>]) -> (bool, bool) {
        let Some((_, range)) = self.decoys.truth(truth) else { return (false, false) };
        let all = Truth { start: 0, end: None, ..truth.clone() };
        let whole = self.decoys.truth(&all).map_or(range, |(_, whole)| whole);
        (rivals::grep(range, payloads), rivals::table(range, whole, payloads))
    }
}

/// The payloads of a run, by the host of their conversation.
struct Payloads {
    by_host: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Payloads {
    fn of(verdict: &Verdict, bundle: &Path) -> Self {
        let mut by_host: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for flow in &verdict.egress.flows.rows {
            for name in &flow.payloads {
                let path = bundle.join("payloads").join(name);
                let small = std::fs::metadata(&path).is_ok_and(|found| found.len() <= LARGEST);
                if small && let Ok(bytes) = std::fs::read(&path) {
                    by_host.entry(flow.host.to_ascii_lowercase()).or_default().push(bytes);
                }
            }
        }
        Self { by_host }
    }

    /// What went to the host of a case, or was asked of a resolver under its name.
    fn of_case(&self, case: &Case) -> Vec<Vec<u8>> {
        let label = case.host.split('.').next().unwrap_or(&case.host);
        let mut found = Vec::new();
        for (host, payloads) in &self.by_host {
            let named = *host == case.host || host.ends_with(&format!(".{}", case.host));
            found.extend(
                payloads
                    .iter()
                    .filter(|bytes| {
                        named || memchr::memmem::find(bytes, label.as_bytes()).is_some()
                    })
                    .cloned(),
            );
        }
        found
    }
}

/// The decoys that cases of a set read, for the table of a report.
pub(crate) fn decoys_read(results: &[CaseResult]) -> usize {
    let paths: std::collections::BTreeSet<&str> =
        results.iter().filter_map(|result| reads(&result.case)).collect();
    paths.len()
}
