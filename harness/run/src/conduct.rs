//! One run, from the plan to the end of the component: planting, starting, looking from inside,
//! running. What was seen is then in the bundle's folder; `conclude` makes a verdict of it.

use crate::error::RunError;
use crate::events::{EventSink, Phase, RunEvent};
use crate::jar_plan::{jar_plan, token};
use crate::output::Listening;
use crate::planting::{Planted, PlantingError};
use crate::stimulus::{Stimulus, StimulusEnd, StimulusError};
use crate::stop::Stop;
use belljar_fuse::FuseDoor;
use belljar_internet::{Internet, InternetPlan};
use belljar_process::Watcher;
use belljar_record::{Dimension, Event, Extent, Log, Payloads, SteadyClock};
use belljar_sandbox::{Jar as _, NamespaceJar};
use belljar_schema::{RunPlan, VendorRule};
use belljar_wire::{Wire, WireDevices, WireLimits};
use belljar_world::{Owners, World, WorldLimits};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nodes that a world may have, planted and made.
const MOST_NODES: u64 = 2_000_000;
/// How long the world's mount may take to go away once everything in the jar is dead.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known when the component has ended, beside the record.
#[derive(Debug)]
pub(crate) struct Conducted {
    pub(crate) planted: Planted,
    /// Why the run ended before the last step, if it did and somebody asked for it.
    pub(crate) interrupted: bool,
}

/// Runs the component. Everything that is seen goes into `folder`: `record.jsonl`,
/// `capture.pcapng`, `payloads/`.
pub(crate) fn conduct(
    plan: &RunPlan,
    planted: Planted,
    folder: &Path,
    log: &Log,
    events: EventSink<'_>,
    stop: &Stop,
) -> Result<Conducted, RunError> {
    let limits = &plan.scenario.limits;
    let began = Instant::now();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or(i64::MAX);
    // Both directions, and both the encrypted and the plain form, are kept.
    let kept = limits.egress.saturating_mul(4).saturating_add(limits.output);
    let payloads = Payloads::in_folder(&folder.join("payloads"), kept);

    let (token, token_file) = token(plan.seed);
    let owners = match NamespaceJar::has_many_users() {
        true => Owners::AsPlanted,
        false => Owners::OnlyRoot,
    };
    let world_limits = WorldLimits {
        write_bytes: limits.disk,
        nodes: MOST_NODES,
        owners,
        ..WorldLimits::default()
    };
    let (world, binds) = planted
        .world(world_limits, now, log.clone(), &[token_file])
        .map_err(PlantingError::from)?;
    let rules = plan.scenario.vendor.iter().map(|rule| filled(rule, &planted)).collect();
    let internet =
        Internet::new(InternetPlan { seed: plan.seed, rules, now }, log.clone(), payloads.clone())?;

    phase(log, events, Phase::Starting)?;
    let watcher = Arc::new(Watcher::start(log.clone())?);
    let jar_plan = jar_plan(plan, &planted, binds, token, internet.ca_pem());
    let (mut jar, devices) = NamespaceJar::prepare(jar_plan, Arc::clone(&watcher))?;
    let door = match devices.fuse {
        Some(device) => Some(FuseDoor::serve(device, Arc::clone(&world), watcher.table())?),
        None => None,
    };
    let wire = match (devices.inner, devices.outer) {
        (Some(inner), Some(outer)) => {
            let (devices, sock_diag) = WireDevices::of(inner, outer);
            watcher.flows().use_sock_diag(sock_diag);
            let limits = WireLimits {
                capture: limits.egress.saturating_mul(4).saturating_add(256 << 20),
                ..WireLimits::default()
            };
            Some(Wire::start(
                devices,
                Arc::clone(&internet),
                log.clone(),
                payloads.clone(),
                &folder.join("capture.pcapng"),
                watcher.flows(),
                &limits,
            )?)
        }
        _ => None,
    };

    phase(log, events, Phase::Mounted)?;
    let isolation = jar.check();
    let seen = match &isolation {
        Ok(isolation) => Some(isolation.clone()),
        Err(belljar_sandbox::JarError::NotIsolated(isolation)) => Some(isolation.clone()),
        Err(_) => None,
    };
    if let Some(seen) = seen {
        log.append_own(Event::Isolation(seen.clone()))?;
        events(RunEvent::Checked(seen));
    }
    isolation?;

    phase(log, events, Phase::Running)?;
    let detection =
        plan.component.detection.as_deref().map(regex::bytes::Regex::new).transpose()?;
    let listening = Listening::new(log.clone(), payloads, detection, limits.output);
    let mut stimulus = Stimulus {
        plan,
        planted: &planted,
        world: &world,
        jar: &mut jar,
        log,
        listening: &listening,
        events,
        stop,
        daemons: BTreeMap::new(),
        open: Vec::new(),
        deadline: began + Duration::from_millis(limits.time),
    };
    let ended = stimulus.go();
    let open = stimulus.close();

    // Whatever happened: everything in the jar ends here, then the doors, then what they counted.
    let jar_end = jar.finish();
    for listener in open {
        listener.join();
    }
    if let Some(wire) = wire {
        wire.finish();
    }
    if let Some(door) = door {
        door_losses(log, &door.stop(PATIENCE));
    }
    world_losses(log, &world);
    watcher.finish();
    jar_end?.record(log)?;
    let interrupted = match ended {
        Ok(StimulusEnd::Done) => false,
        Ok(StimulusEnd::OutOfTime) => {
            log.append_own(Event::Limit {
                what: "time".into(),
                detail: format!("the run may take {} ms and took longer", limits.time),
            })?;
            false
        }
        Ok(StimulusEnd::Stopped) => {
            log.append_own(Event::Interrupted { reason: "somebody asked to stop".into() })?;
            true
        }
        Err(StimulusError::Jar(error)) => return Err(error.into()),
        Err(StimulusError::Log(error)) => return Err(error.into()),
        Err(StimulusError::Step { step, what }) => return Err(RunError::Step { step, what }),
    };
    Ok(Conducted { planted, interrupted })
}

/// Begins a phase: said in the record, written out at once, told to whoever watches.
pub(crate) fn phase(log: &Log, events: EventSink<'_>, phase: Phase) -> Result<(), RunError> {
    log.append_own(Event::Phase { name: phase.name().to_owned() })?;
    log.flush()?;
    events(RunEvent::Phase(phase));
    Ok(())
}

/// The log of a run, in its bundle's folder.
pub(crate) fn open_log(path: &Path, budget: u64) -> Result<Log, RunError> {
    let file = std::fs::File::create(path).map_err(|source| RunError::Bundle {
        doing: "write",
        path: path.to_owned(),
        source,
    })?;
    Ok(Log::new(file, budget, Arc::new(SteadyClock::start())))
}

/// A vendor's rule with what stands for planted things filled in.
pub(crate) fn filled(rule: &VendorRule, planted: &Planted) -> VendorRule {
    let fill = |text: &String| planted.plant.fill(text);
    VendorRule {
        host: fill(&rule.host),
        path: fill(&rule.path),
        headers: rule.headers.iter().map(|(name, value)| (name.clone(), fill(value))).collect(),
        body: fill(&rule.body),
        ..rule.clone()
    }
}

fn lost(log: &Log, dimension: Dimension, count: u64, unit: &str, reason: &str) {
    if count > 0 {
        // Should even the reserve be full: the log counts that itself.
        let _ = log.append_own(Event::Limited {
            dimension,
            extent: Extent::Lost { count, unit: unit.into(), reason: reason.into() },
        });
    }
}

/// Tells the record what the world could not do.
pub(crate) fn world_losses(log: &Log, world: &World) {
    let stats = world.stats();
    let full = "the record was full";
    lost(log, Dimension::FileReads, stats.record_refused, "operations", full);
    lost(log, Dimension::FileWrites, stats.record_refused_writes, "operations", full);
}

/// Tells the record what the world's door could not do.
fn door_losses(log: &Log, end: &belljar_fuse::DoorEnd) {
    let reads = Dimension::FileReads;
    lost(log, reads, end.panics, "requests", "the world's door failed on them");
    let kept = "the kernel kept them, so that reading them again may not have been seen";
    lost(log, reads, end.not_forgotten, "pages", kept);
    if let Some(error) = &end.error {
        lost(log, reads, 1, "doors", error);
    }
}
