//! The plant of a bundle made again from its plan: the same seed gives the same decoys, if the
//! generator is the same. Whoever uses the bytes compares their digest with the manifest's.

use crate::planting::Planted;
use belljar_evidence::PlantedSource;
use belljar_record::DecoySource;
use belljar_schema::RunPlan;
use std::sync::{Arc, OnceLock};

/// Decoys that are planted again when somebody asks for one.
#[derive(Debug)]
pub struct Replanted<'a> {
    plan: &'a RunPlan,
    planted: OnceLock<Option<Planted>>,
}

impl<'a> Replanted<'a> {
    /// Plants nothing yet.
    pub fn new(plan: &'a RunPlan) -> Self {
        Self { plan, planted: OnceLock::new() }
    }

    fn planted(&self) -> Option<&Planted> {
        self.planted.get_or_init(|| Planted::new(self.plan).ok()).as_ref()
    }

    /// A decoy by its id in the manifest; none if this version cannot plant the plan.
    pub fn decoy(&self, id: u32) -> Option<Arc<dyn DecoySource>> {
        let decoy = self.planted()?.decoys.get(id as usize)?;
        Some(Arc::clone(decoy) as Arc<dyn DecoySource>)
    }

    /// All decoys, each with its twin; empty if this version cannot plant the plan.
    pub fn sources(&self) -> Vec<PlantedSource> {
        self.planted().map(Planted::sources).unwrap_or_default()
    }
}
