//! Conclusions of many short runs of one plan, from records in memory.
//!
//! Promises: each is the one that [`conclude`](crate::conclude) would draw from the same record and
//! payloads. What runs of one plant have in common, the index of its decoys, is made once and kept
//! as long as they read the same bytes; a run that reads others has it made anew.

use crate::conclude::{
    ConcludeError, Concluded, Open, PlantedSource, needles, survey, targets, trace_all,
};
use belljar_judge::{JarKind, JudgeInput, ProgramFile, judge};
use belljar_record::Observation;
use belljar_schema::{Manifest, RunPlan};
use belljar_trace::Index;
use std::collections::BTreeMap;
use std::ops::Range;

/// What the runs have in common.
pub struct Repeated<'a> {
    /// What is to be done in each.
    pub plan: &'a RunPlan,
    /// What is planted in each.
    pub manifest: &'a Manifest,
    /// Bytes of the decoys.
    pub sources: &'a [PlantedSource],
    /// In which kind of jar the component runs.
    pub jar: JarKind,
    /// The component's program files.
    pub programs: &'a [ProgramFile],
    /// Version of belljar.
    pub belljar: &'a str,
    index: Option<Known>,
}

/// An index, and the bytes of decoys that were read where it was made.
struct Known {
    reads: BTreeMap<u32, Vec<Range<u64>>>,
    index: Index,
}

impl std::fmt::Debug for Repeated<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repeated").field("plan", &self.plan.scenario.name).finish_non_exhaustive()
    }
}

impl<'a> Repeated<'a> {
    /// Runs of one plan in one plant.
    pub fn new(
        plan: &'a RunPlan,
        manifest: &'a Manifest,
        sources: &'a [PlantedSource],
        jar: JarKind,
        programs: &'a [ProgramFile],
        belljar: &'a str,
    ) -> Self {
        Self { plan, manifest, sources, jar, programs, belljar, index: None }
    }

    /// Draws the conclusion from the record of one run.
    ///
    /// # Errors
    /// [`ConcludeError`] if the decoys cannot be indexed.
    pub fn conclude(
        &mut self,
        record: &[Observation],
        payload: Open<'_>,
    ) -> Result<Concluded, ConcludeError> {
        let first = survey(record.iter().cloned().map(Ok))?;
        let silent = first.payloads.is_empty() && first.payloads_more == 0;
        let nothing;
        let index = if silent {
            nothing = Index::build(&[], &[], &[])?;
            &nothing
        } else {
            self.index(first.reads)?
        };
        let found = trace_all(payload, index, first.payloads, first.payloads_more);
        let traced = found.traced();
        let verdict = judge(JudgeInput {
            plan: self.plan,
            manifest: self.manifest,
            observations: Box::new(record.iter().cloned()),
            traces: &found.traces,
            cuts: &found.cuts,
            payload,
            jar: self.jar,
            programs: self.programs,
            belljar: self.belljar,
            carried: None,
        });
        Ok(Concluded { verdict, traced })
    }

    fn index(&mut self, reads: BTreeMap<u32, Vec<Range<u64>>>) -> Result<&Index, ConcludeError> {
        let known = match self.index.take() {
            Some(known) if known.reads == reads => known,
            _ => {
                let targets = targets(self.manifest, self.sources, reads.clone());
                let index = Index::build(&targets, &needles(self.manifest), &[])?;
                Known { reads, index }
            }
        };
        Ok(&self.index.insert(known).index)
    }
}
