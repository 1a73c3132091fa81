//! A small guest from call to verdict, in the plant of a scenario of the library. Each run has a
//! record, a clock, a world, a fake internet and payloads of its own; runs share what follows from
//! the seed alone: decoys, keys, compiled code, and the index of what was planted.
//!
//! Time is that of the processor, of the one thread that does all: what else runs does not count.

use crate::support::{Source, jar, setting};
use belljar_evidence::{PlantedSource, Repeated};
use belljar_internet::{Internet, InternetPlan};
use belljar_judge::JarKind;
use belljar_plant::{DecoyMeta, Mutation, Plant};
use belljar_record::{
    BytesSource, DecoySource, Event, Log, Observation, PayloadRef, Payloads, StepEnd, StepId,
};
use belljar_schema::{ResolveOptions, RunPlan, load_component, load_scenario, resolve};
use belljar_wasi::{Doors, SCAN, Services, VirtualClock};
use belljar_wasm::{Library, Outcome, Session, declare};
use belljar_world::{Meta, WorldBuilder, WorldLimits};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SEED: u64 = 2026;
const RUNS: u32 = 2_000;
/// 2026-06-01 08:00:00 UTC.
const NOW: i64 = 1_780_300_800;

const SCENARIO: &str = include_str!("../../../../scenarios/library/contractor-laptop.toml");
const COMPONENT: &str = include_str!("../../../../scenarios/components/overreach-engine.toml");

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Where the time of a run goes.
#[derive(Default)]
struct Spent {
    doors: Duration,
    guest: Duration,
    record: Duration,
    verdict: Duration,
    written: Duration,
}

/// Processor time of this thread so far (Linux: `schedstat`).
struct Spending(Duration);

impl Spending {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
        let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
        Self(Duration::from_nanos(nanos.expect("a number")))
    }

    fn elapsed(&self) -> Duration {
        Self::now().0 - self.0
    }
}

fn meta(meta: DecoyMeta) -> Meta {
    Meta { mode: meta.mode, uid: meta.uid, gid: meta.gid, mtime_s: meta.mtime_s }
}

pub(crate) fn run() {
    let options = ResolveOptions { profile: None, seed: SEED, beside: "/opt/beside".into() };
    let scenario = load_scenario("contractor-laptop.toml", SCENARIO).expect("is valid");
    let component = load_component("overreach-engine.toml", COMPONENT).expect("is valid");
    let plan = resolve(&scenario, &component, &options).expect("fit");
    for (name, sends) in [("engine-reads", false), ("engine-submits", true)] {
        let bytes = Source::Wat(name).bytes().expect("WAT needs no tool");
        let library = jar().load_engine(&bytes).expect("loads");
        measure(name, &plan, &library, sends);
    }
}

fn measure(name: &str, plan: &RunPlan, library: &Library, sends: bool) {
    let plant = Plant::new(&plan.scenario, SEED).expect("can be planted");
    let manifest = plant.manifest();
    let sources: Vec<PlantedSource> = plant
        .decoys()
        .iter()
        .map(|decoy| PlantedSource {
            decoy: decoy.id().0,
            source: Arc::clone(decoy) as Arc<dyn DecoySource>,
            twin: Some(decoy.vary(Mutation::Reseed(0)) as Arc<dyn DecoySource>),
        })
        .collect();
    let path = plant.fill("{home}/Documents/notes.txt");
    let rules = plan.scenario.vendor.clone();
    let (log, payloads) =
        (Log::new(std::io::sink(), 1, Arc::new(VirtualClock::new()) as _), Payloads::in_memory(1));
    let internet = Internet::new(InternetPlan { seed: SEED, rules, now: NOW }, log, payloads)
        .expect("can be made");
    let directories = plant.directories();
    let files = plant.system_files();
    let session = Session::new().expect("a runtime");
    let mut repeated = Repeated::new(plan, &manifest, &sources, JarKind::Wasm, &[], "bench");
    let mut spent = Spent::default();
    let mut began = Spending::now();
    // The first run makes the index.
    for run in 0..=RUNS {
        if run == 1 {
            spent = Spent::default();
            began = Spending::now();
        }
        let at = Spending::now();
        let (clock, out) = (Arc::new(VirtualClock::new()), Kept::default());
        let log = Log::new(out.clone(), 64 << 20, Arc::clone(&clock) as _);
        let payloads = Payloads::in_memory(64 << 20);
        let mut world = WorldBuilder::new(WorldLimits::default()).starting_at(NOW);
        for directory in &directories {
            world = world.directory(directory.path.as_bytes(), meta(directory.meta));
        }
        for file in &files {
            world =
                world.file(file.path.as_bytes(), meta(file.meta), Arc::clone(&file.source), None);
        }
        for decoy in plant.decoys() {
            let source = Arc::clone(decoy) as Arc<dyn DecoySource>;
            world = world.file(
                decoy.path_str().as_bytes(),
                meta(decoy.meta()),
                source,
                Some(decoy.id()),
            );
        }
        let world = world.build(log.clone()).expect("can be built");
        let internet = internet.again(log.clone(), payloads.clone()).expect("can be made");
        declare(&log).expect("has room");
        let doors = Doors { world, internet, log, payloads, clock, flows: Arc::default() };
        spent.doors += at.elapsed();

        let at = Spending::now();
        let mut setting = setting(&[]);
        setting.export = SCAN.into();
        setting.services.submission =
            Some(Services::at("https://upload.vendor.example/v1/submit").expect("an address"));
        setting.now = NOW;
        // The scan is the step that the scenario asks for.
        let step = plan
            .steps
            .iter()
            .position(|step| step.name == "scan")
            .and_then(|step| u32::try_from(step).ok());
        let step = StepId(step.expect("the scenario scans"));
        doors.log.append_own(Event::StepBegan { step, name: "scan".into() }).expect("has room");
        let end =
            session.scan(library, &doors, setting, std::slice::from_ref(&path), &mut |_, _| {});
        assert_eq!(end.outcome, Outcome::Exited(0));
        let ended = StepEnd {
            step,
            code: Some(0),
            timed_out: false,
            millis: 0,
            detections: Vec::new(),
            unmet: Vec::new(),
        };
        doors.log.append_own(Event::StepEnded(ended)).expect("has room");
        spent.guest += at.elapsed();

        let at = Spending::now();
        doors.log.flush().expect("memory takes all");
        let record: Vec<Observation> = out
            .0
            .lock()
            .expect("not poisoned")
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("an observation"))
            .collect();
        spent.record += at.elapsed();

        let at = Spending::now();
        let payload = |payload: &PayloadRef| {
            let bytes = doors.payloads.in_memory_bytes(payload)?;
            Some(Arc::new(BytesSource::from(bytes.to_vec())) as Arc<dyn DecoySource>)
        };
        let concluded = repeated.conclude(&record, &payload).expect("the plant can be indexed");
        spent.verdict += at.elapsed();
        assert_eq!(concluded.traced.is_empty(), !sends, "what left is found");

        let at = Spending::now();
        let written = serde_json::to_vec(&concluded.verdict).expect("can be written");
        assert!(written.len() > 1000);
        spent.written += at.elapsed();
    }
    let each = began.elapsed() / RUNS;
    let part = |spent: Duration| format!("{:.0} µs", (spent / RUNS).as_secs_f64() * 1e6);
    println!(
        "{name}, from call to verdict: {each:?} a run, {:.0} a minute (doors {}, guest {}, record read \
         {}, traced and judged {}, verdict as JSON {})",
        60.0 / each.as_secs_f64(),
        part(spent.doors),
        part(spent.guest),
        part(spent.record),
        part(spent.verdict),
        part(spent.written),
    );
}
