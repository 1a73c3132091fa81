//! Every scenario of the library can be planted with any seed.

mod support;

use belljar_plant::{Plant, digests};
use belljar_record::DecoySource;
use belljar_schema::{library, load_scenario, resolve_world};

#[test]
fn every_scenario_of_the_library_can_be_planted_with_any_seed() {
    let entries = library();
    assert!(entries.len() >= 2);
    for entry in entries {
        let file = load_scenario(entry.name, entry.text).expect("the library is well written");
        let scenario = resolve_world(&file);
        for seed in 0..25 {
            let plant = Plant::new(&scenario, seed)
                .unwrap_or_else(|error| panic!("{} with seed {seed}: {error}", entry.name));
            assert!(!plant.decoys().is_empty());
        }
        let plant = Plant::new(&scenario, 99).expect("planted with other seeds before");
        for decoy in plant.decoys() {
            assert_eq!(digests(&**decoy).len, decoy.len(), "{}: {}", entry.name, decoy.path());
        }
    }
}
