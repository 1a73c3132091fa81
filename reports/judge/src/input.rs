//! What a verdict is made from.

use crate::ceiling::Ceiling;
use crate::verdict::{Listing, ProgramFile, SuspectRow, Verdict};
use belljar_record::{DecoySource, Observation, PayloadRef, Sha256Hex};
use belljar_schema::{Manifest, RunPlan};
use belljar_trace::Trace;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that a verdict is a function of. The same input gives the same verdict.
pub struct JudgeInput<'a> {
    /// What was to be done.
    pub plan: &'a RunPlan,
    /// What was planted.
    pub manifest: &'a Manifest,
    /// The record, in order. It is gone through once and never kept.
    pub observations: Box<dyn Iterator<Item = Observation> + 'a>,
    /// What was found in the payloads.
    pub traces: &'a [Trace],
    /// What the decoders' budgets cut.
    pub cuts: &'a [DecodingCut],
    /// Opens a kept payload: for the ceiling, which reads requests and queries again. `None`: the
    /// payload is not there, and all of it counts as unexplained.
    pub payload: &'a dyn Fn(&PayloadRef) -> Option<Arc<dyn DecoySource>>,
    /// In which kind of jar the component ran.
    pub jar: JarKind,
    /// The component's program files, as measured before the start.
    pub programs: &'a [ProgramFile],
    /// Version of belljar that concludes (`CARGO_PKG_VERSION` of the command).
    pub belljar: &'a str,
    /// What is taken from an earlier verdict, where the bytes that left are withheld.
    pub carried: Option<&'a Carried>,
}

/// What only the bytes that left can tell, taken from the verdict of those who had them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Carried {
    /// The ceiling.
    pub ceiling: Ceiling,
    /// Each conversation's part in it, by the conversation's number.
    pub unexplained: BTreeMap<u64, u64>,
    /// Attempts to log in at neighbours.
    pub logins: Listing<String>,
    /// Unexplained, and about as much as was read before.
    #[serde(default)]
    pub suspects: Listing<SuspectRow>,
}

impl Carried {
    /// Takes it from a verdict.
    pub fn of(verdict: &Verdict) -> Self {
        Self {
            ceiling: verdict.ceiling.clone(),
            unexplained: verdict
                .egress
                .flows
                .rows
                .iter()
                .map(|flow| (flow.flow, flow.unexplained))
                .collect(),
            logins: verdict.egress.neighbours.logins.clone(),
            suspects: verdict.egress.suspects.clone(),
        }
    }
}

impl std::fmt::Debug for JudgeInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JudgeInput")
            .field("scenario", &self.plan.scenario.name)
            .field("seed", &self.plan.seed)
            .field("traces", &self.traces.len())
            .field("jar", &self.jar)
            .finish_non_exhaustive()
    }
}

/// Kinds of jars. Each is blind to other things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JarKind {
    /// Namespaces of the host's kernel.
    #[default]
    Namespaces,
    /// WebAssembly with a virtual system.
    Wasm,
}

/// Pieces of a payload that were not decoded because a budget was used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecodingCut {
    /// Of which payload.
    pub payload: Sha256Hex,
    /// How many pieces.
    pub count: u64,
    /// Which budget.
    pub reason: String,
}
