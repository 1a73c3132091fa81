//! Planting: from the plan to decoys, their manifest, and the world in which they are served.

use belljar_evidence::PlantedSource;
use belljar_plant::{Decoy, DecoyMeta, Plant, PlantError, twins};
use belljar_record::{DecoyId, DecoySource, Log};
use belljar_schema::{Action, DataItem, Fact, Manifest, RunPlan};
use belljar_world::{BuildError, Meta, World, WorldBuilder, WorldLimits};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Folders that belong to the system: of these, files are shown singly, never the folder whole.
const SYSTEM: [&str; 14] = [
    "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "opt", "proc", "run", "sbin",
    "usr", "var",
];

/// What was planted.
#[derive(Debug)]
pub(crate) struct Planted {
    pub(crate) plant: Plant,
    /// All decoys, also those that a step drops later; `decoys[i]` has the id `i`.
    pub(crate) decoys: Vec<Arc<Decoy>>,
    /// Which of them each step drops.
    pub(crate) drops: BTreeMap<usize, Vec<Arc<Decoy>>>,
    pub(crate) manifest: Manifest,
}

/// A plant that cannot be made or served.
#[derive(Debug, thiserror::Error)]
pub enum PlantingError {
    /// The scenario cannot be planted.
    #[error("cannot plant the scenario: {0}")]
    Plant(#[from] PlantError),
    /// The world cannot be built.
    #[error("cannot build the world: {0}")]
    World(#[from] BuildError),
}

impl Planted {
    pub(crate) fn new(plan: &RunPlan) -> Result<Self, PlantError> {
        let plant = Plant::new(&plan.scenario, plan.seed)?;
        let mut decoys = plant.decoys().to_vec();
        let mut manifest = plant.manifest();
        manifest.facts.extend(started(plan));
        manifest.facts.extend(product(plan));
        let mut drops = BTreeMap::new();
        for (place, step) in plan.steps.iter().enumerate() {
            let Action::Drop { decoy } = &step.action else { continue };
            let next = u32::try_from(decoys.len()).map_or(DecoyId(u32::MAX), DecoyId);
            let dropped = plant.decoy_from_spec(decoy, next)?;
            manifest.decoys.extend(dropped.iter().map(|decoy| decoy.record()));
            decoys.extend(dropped.iter().cloned());
            drops.insert(place, dropped);
        }
        Ok(Self { plant, decoys, drops, manifest })
    }

    /// All decoys, each with its twins.
    pub(crate) fn sources(&self) -> Vec<PlantedSource> {
        self.decoys
            .iter()
            .zip(twins(&self.decoys))
            .map(|(decoy, twin)| PlantedSource {
                decoy: decoy.id().0,
                source: Arc::clone(decoy) as Arc<dyn DecoySource>,
                twin: Some(twin),
            })
            .collect()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.decoys.iter().map(|decoy| decoy.len()).sum()
    }

    /// The world, and the paths of it that the jar must show.
    pub(crate) fn world(
        &self,
        limits: WorldLimits,
        now: i64,
        log: Log,
        extra: &[(String, Arc<dyn DecoySource>)],
    ) -> Result<(Arc<World>, Vec<String>), BuildError> {
        let mut builder = WorldBuilder::new(limits).starting_at(now);
        let mut binds = Binds::default();
        for directory in self.plant.directories() {
            builder = builder.directory(directory.path.as_bytes(), meta(directory.meta));
        }
        for file in self.plant.system_files() {
            binds.file(file.path);
            builder = builder.file(file.path.as_bytes(), meta(file.meta), file.source, None);
        }
        for decoy in self.plant.decoys() {
            binds.file(decoy.path_str());
            let source = Arc::clone(decoy) as Arc<dyn DecoySource>;
            builder = builder.file(
                decoy.path_str().as_bytes(),
                meta(decoy.meta()),
                source,
                Some(decoy.id()),
            );
        }
        for (path, source) in extra {
            binds.file(path);
            let meta = Meta { mode: 0o444, uid: 0, gid: 0, mtime_s: now };
            builder = builder.file(path.as_bytes(), meta, Arc::clone(source), None);
        }
        binds.file(&format!("{}/x", self.plant.identity().home));
        binds.file("/root/x");
        Ok((builder.build(log)?, binds.0.into_iter().collect()))
    }
}

/// Programs that the scenario itself keeps running: who sends their names tells what runs here.
/// Short names could be anything.
fn started(plan: &RunPlan) -> Vec<Fact> {
    let named = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Start { daemon, .. } if daemon != "daemon" && daemon.len() >= 8 => Some(daemon),
        _ => None,
    });
    named
        .map(|name| Fact { item: DataItem::Processes, value: name.clone(), common: false })
        .collect()
}

/// How a component says which version it is (RFC 9110, section 10.1.5: `product/version`), by its
/// own name and by those of its programs. A version that is known only as installed cannot be
/// looked for.
fn product(plan: &RunPlan) -> Vec<Fact> {
    let component = &plan.component;
    if !component.version.contains(|c: char| c.is_ascii_digit()) {
        return Vec::new();
    }
    let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let files = component.files.iter().map(|path| base(path));
    let placed = component.placed.iter().map(|placed| base(&placed.inside));
    let names: BTreeSet<String> =
        std::iter::once(component.name.clone()).chain(files).chain(placed).take(8).collect();
    names
        .iter()
        .flat_map(|name| ["/", "-", " "].map(|joint| format!("{name}{joint}{}", component.version)))
        .filter(|value| value.len() >= 8)
        .map(|value| Fact { item: DataItem::ProductVersion, value, common: false })
        .collect()
}

/// As the world keeps it.
pub(crate) fn meta(meta: DecoyMeta) -> Meta {
    Meta { mode: meta.mode, uid: meta.uid, gid: meta.gid, mtime_s: meta.mtime_s }
}

/// Paths of the world that the jar binds over its own.
#[derive(Debug, Default)]
struct Binds(BTreeSet<String>);

impl Binds {
    fn file(&mut self, path: &str) {
        let top = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        if SYSTEM.contains(&top) {
            self.0.insert(path.to_owned());
        } else {
            self.0.insert(format!("/{top}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_are_shown_whole_and_system_files_singly() {
        let mut binds = Binds::default();
        for path in ["/home/a/x", "/home/b/y/z", "/root/.ssh/id", "/etc/shadow", "/srv/data"] {
            binds.file(path);
        }
        assert_eq!(
            binds.0.into_iter().collect::<Vec<_>>(),
            ["/etc/shadow", "/home", "/root", "/srv"]
        );
    }
}
