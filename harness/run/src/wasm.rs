//! A run in the wasm jar: the same plant, world, fake internet and record, with guests in place of
//! processes. Nothing of the host's clock gets into it, so equal plans give equal records.

use crate::conduct::{Conducted, filled, phase, world_losses};
use crate::error::RunError;
use crate::events::{EventSink, Phase, RunEvent};
use crate::jar_plan::environment;
use crate::planting::{Planted, PlantingError, meta};
use crate::stop::Stop;
use belljar_internet::{Internet, InternetPlan, RESOLVER_V4};
use belljar_record::{BytesSource, DecoySource, Event, Log, Payloads};
use belljar_schema::RunPlan;
use belljar_wasi::{Doors, VirtualClock};
use belljar_wasm::{Conduct, Gone, JarSettings, WasmJar, declare};
use belljar_world::WorldLimits;
use std::path::Path;
use std::sync::Arc;

/// The time at which every such run begins: 2026-06-01 08:00:00 UTC.
const NOW: i64 = 1_780_300_800;
/// Where a guest that asks a resolver itself finds it, as in every jar.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Nodes that a world may have, planted and made.
const MOST_NODES: u64 = 2_000_000;

/// The clock of such a run.
pub(crate) fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::new())
}

/// The log of such a run, in its bundle's folder.
pub(crate) fn open_log(
    path: &Path,
    plan: &RunPlan,
    clock: &Arc<VirtualClock>,
) -> Result<Log, RunError> {
    let file = std::fs::File::create(path).map_err(|source| RunError::Bundle {
        doing: "write",
        path: path.to_owned(),
        source,
    })?;
    Ok(Log::new(file, plan.scenario.limits.record, Arc::clone(clock) as _))
}

/// Runs the component. Everything that is seen goes into `folder`.
pub(crate) fn conduct(
    plan: &RunPlan,
    planted: Planted,
    folder: &Path,
    (log, clock): (&Log, Arc<VirtualClock>),
    events: EventSink<'_>,
    stop: &Stop,
) -> Result<Conducted, RunError> {
    let limits = &plan.scenario.limits;
    let kept = limits.egress.saturating_mul(4).saturating_add(limits.output);
    let payloads = Payloads::in_folder(&folder.join("payloads"), kept);
    let world_limits =
        WorldLimits { write_bytes: limits.disk, nodes: MOST_NODES, ..WorldLimits::default() };
    let provisions: Vec<(String, Arc<dyn DecoySource>)> = plan
        .scenario
        .provisions
        .iter()
        .map(|provision| {
            let bytes = planted.plant.fill(&provision.text).into_bytes();
            let source: Arc<dyn DecoySource> = Arc::new(BytesSource::from(bytes));
            (planted.plant.fill(&provision.path), source)
        })
        .collect();
    let mut extra = provisions;
    if !extra.iter().any(|(path, _)| path == RESOLV_CONF) {
        let resolver = BytesSource::from(format!("nameserver {RESOLVER_V4}\n").into_bytes());
        extra.push((RESOLV_CONF.to_owned(), Arc::new(resolver)));
    }
    let (world, _) =
        planted.world(world_limits, NOW, log.clone(), &extra).map_err(PlantingError::from)?;
    let rules = plan.scenario.vendor.iter().map(|rule| filled(rule, &planted)).collect();
    let internet = Internet::new(
        InternetPlan { seed: plan.seed, rules, now: NOW },
        log.clone(),
        payloads.clone(),
    )?;

    phase(log, events, Phase::Starting)?;
    let jar = WasmJar::new(&JarSettings::of_the_user())?;
    phase(log, events, Phase::Mounted)?;
    events(RunEvent::Checked(declare(log)?));

    phase(log, events, Phase::Running)?;
    let put = Arc::clone(&world);
    let mut drop = |place: usize| {
        for decoy in planted.drops.get(&place).map_or(&[][..], Vec::as_slice) {
            let source = Arc::clone(decoy) as Arc<dyn DecoySource>;
            let path = decoy.path_str();
            put.put(path.as_bytes(), meta(decoy.meta()), source, Some(decoy.id()))
                .map_err(|error| format!("cannot put {path}: {error}"))?;
        }
        Ok(())
    };
    let component = &plan.component;
    let program = |inside: &str| {
        let placed = component.placed.iter().find(|placed| placed.inside == inside);
        let host = placed.map_or(inside, |placed| &placed.host);
        std::fs::read(host).map_err(|error| format!("{host}: {error}"))
    };
    let of = plan.steps.len();
    let gone = Conduct {
        plan,
        jar: &jar,
        doors: Doors {
            world: Arc::clone(&world),
            internet,
            log: log.clone(),
            payloads,
            clock,
            flows: Arc::default(),
        },
        now: NOW,
        environment: environment(&planted),
        fill: &|text| planted.plant.fill(text),
        program: &program,
        drop: &mut drop,
        stopped: &|| stop.asked(),
        began: &mut |id, step| events(RunEvent::StepBegan { id, of, step: step.clone() }),
        ended: &mut |end| events(RunEvent::StepEnded(end.clone())),
    }
    .go()?;
    world_losses(log, &world);
    let interrupted = match gone {
        Gone::Done => false,
        Gone::OutOfTime => {
            log.append_own(Event::Limit {
                what: "time".into(),
                detail: format!("the run may take {} ms of its own time", limits.time),
            })?;
            false
        }
        Gone::Stopped => {
            log.append_own(Event::Interrupted { reason: "somebody asked to stop".into() })?;
            true
        }
    };
    Ok(Conducted { planted, interrupted })
}
