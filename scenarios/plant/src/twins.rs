//! The same decoys with other content: what a decoy and its twins have in common is format.

use crate::decoy::{Decoy, Mutation};
use belljar_record::{DecoySource, Part, PartKind};
use std::sync::Arc;

/// Twins of a small decoy: fields with a few values come out equal in one of them.
const TWINS: u64 = 4;
/// The longest decoy that has more than one, and how many bytes all further ones may have.
const SMALL: u64 = 128 << 10;
const FURTHER: u64 = 8 << 20;

/// A twin, and further ones as parts of it.
#[derive(Debug)]
struct Twins {
    first: Arc<Decoy>,
    further: Vec<Arc<Decoy>>,
}

impl DecoySource for Twins {
    fn len(&self) -> u64 {
        self.first.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        self.first.read_at(offset, buf)
    }

    fn parts(&self) -> Vec<Part> {
        let mut parts = self.first.parts();
        parts.extend(self.further.iter().zip(2..).map(|(twin, number)| Part {
            name: format!("twin {number}").into(),
            kind: PartKind::Member,
            source: Arc::clone(twin) as Arc<dyn DecoySource>,
            sample: false,
        }));
        parts
    }
}

/// Each decoy's twins: one, and of small decoys further ones as parts of it.
pub fn twins(decoys: &[Arc<Decoy>]) -> Vec<Arc<dyn DecoySource>> {
    let mut left = FURTHER;
    decoys
        .iter()
        .map(|decoy| {
            let first = decoy.vary(Mutation::Reseed(0));
            let size = decoy.len() * (TWINS - 1);
            let few = decoy.len() > SMALL || size > left;
            let further = if few { 1..1 } else { 1..TWINS };
            left -= if few { 0 } else { size };
            let further = further.map(|number| decoy.vary(Mutation::Reseed(number))).collect();
            Arc::new(Twins { first, further }) as Arc<dyn DecoySource>
        })
        .collect()
}
