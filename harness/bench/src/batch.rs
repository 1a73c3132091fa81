//! Many cases in one run: each is a step of its own, told apart by its host and its process.

use crate::error::BenchError;
use belljar_leaks::{COURIER, Case, FOREIGN_FOLDER};
use belljar_plant::Plant;
use belljar_schema::{
    Action, Command, Expect, Owner, Placed, ResolveOptions, RunPlan, ScenarioFile, Step,
    load_component, resolve,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The component files of the courier, by the kind of jar.
const NATIVE: &str = include_str!("../../../scenarios/components/courier.toml");
const WASM: &str = include_str!("../../../scenarios/components/courier-wasm.toml");
/// The guest, by its path inside the jar.
const GUEST: &str = "/opt/reference/bin/courier.wasm";
/// How long one case may take.
const CASE_MILLIS: u64 = 30_000;
/// How long processes that send later may take after the last case.
const AFTER_MILLIS: u64 = 1500;
/// The seed of the documents of others differs from that of the plant by this.
const FOREIGN: u64 = 0x0f0e_1e1d;

/// In which jar the cases are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum In {
    /// By a native component.
    Native,
    /// By a WebAssembly guest.
    Wasm,
}

/// What all runs have in common.
#[derive(Debug)]
pub(crate) struct Ground {
    plan: RunPlan,
    /// In which jar.
    pub(crate) jar: In,
    /// The same world that the runs plant.
    pub(crate) plant: Plant,
    _foreign: tempfile::TempDir,
}

impl Ground {
    /// Plants the world, and writes that of another seed to a folder.
    pub(crate) fn new(
        scenario: &ScenarioFile,
        seed: u64,
        beside: &Path,
        jar: In,
    ) -> Result<Self, BenchError> {
        let component = match jar {
            In::Native => load_component("courier", NATIVE)?,
            In::Wasm => load_component("courier-wasm", WASM)?,
        };
        let options = ResolveOptions { profile: None, seed, beside: beside.to_owned() };
        let mut plan = resolve(scenario, &component, &options)?;
        let plant = Plant::new(&plan.scenario, seed)?;
        let foreign = tempfile::tempdir().map_err(BenchError::Folder)?;
        let folder = foreign.path().join("world");
        Plant::new(&plan.scenario, seed ^ FOREIGN)?.write_to(&folder)?;
        plan.component.placed.push(Placed {
            host: folder.to_string_lossy().into_owned(),
            inside: FOREIGN_FOLDER.into(),
        });
        Ok(Self { plan, jar, plant, _foreign: foreign })
    }

    /// The plan of a run of some cases.
    pub(crate) fn plan(&self, cases: &[Case]) -> RunPlan {
        let mut steps: Vec<Step> = cases.iter().map(|case| step(case, self.jar)).collect();
        steps.push(Step {
            name: "wait for late sending".into(),
            action: Action::Idle { millis: AFTER_MILLIS },
            timeout: AFTER_MILLIS * 2,
            expect: Expect::default(),
        });
        let mut plan = self.plan.clone();
        plan.scenario.limits.time = CASE_MILLIS * (cases.len() as u64 + 1);
        plan.steps = steps;
        plan
    }
}

/// The command line of a case; its process is known again by it.
pub(crate) fn argument(case: &Case) -> String {
    // A case is made of strings and numbers only, so that it can always be written.
    serde_json::to_string(case).unwrap_or_default()
}

fn step(case: &Case, jar: In) -> Step {
    let program = match jar {
        In::Native => COURIER,
        In::Wasm => GUEST,
    };
    Step {
        name: case.id.clone(),
        action: Action::Run {
            command: Command {
                argv: vec![program.into(), "carry".into(), "--case".into(), argument(case)],
                env: BTreeMap::new(),
                cwd: "/".into(),
                user: Owner::Root,
            },
        },
        timeout: CASE_MILLIS,
        expect: Expect::default(),
    }
}

/// A folder for a run, not there yet.
pub(crate) fn folder(below: &Path, number: usize) -> PathBuf {
    below.join(format!("run-{number}"))
}
