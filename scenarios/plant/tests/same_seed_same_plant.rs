//! The same seed gives the same bytes, however they are read, and decoys do not move one another.

mod support;

use belljar_plant::{Mutation, Plant, digests};
use belljar_record::DecoySource;
use belljar_schema::{DecoyKind, DecoySpec};
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::{archive, every_kind, plant, read_in_pieces, scenario, spec};

#[test]
fn the_same_seed_plants_the_same_bytes_and_another_seed_others() {
    let first = plant(every_kind(), 7).manifest();
    assert_eq!(first, plant(every_kind(), 7).manifest());
    let other = plant(every_kind(), 8).manifest();
    for (one, two) in first.decoys.iter().zip(&other.decoys) {
        if one.kind != DecoyKind::Sample {
            assert_ne!(one.digest.sha256, two.digest.sha256, "{}", one.path);
        }
    }
}

#[test]
fn every_decoy_is_as_long_as_was_said_before() {
    for seed in 0..8 {
        for decoy in plant(every_kind(), seed).decoys() {
            assert_eq!(digests(&**decoy).len, decoy.len(), "seed {seed}: {}", decoy.path());
        }
    }
}

#[test]
fn ids_are_places_in_the_list() {
    let plant = plant(every_kind(), 1);
    assert!(plant.decoys().iter().enumerate().all(|(place, decoy)| decoy.id().0 as usize == place));
    assert_eq!(plant.decoys().len(), 3 + 9 + 10);
}

fn by_path(plant: &Plant) -> BTreeMap<String, (String, u64, i64)> {
    plant
        .decoys()
        .iter()
        .map(|decoy| {
            (decoy.path_str().to_owned(), (digests(&**decoy).sha256, decoy.len(), decoy.mtime()))
        })
        .collect()
}

#[test]
fn adding_or_removing_a_decoy_changes_no_other() {
    let before = by_path(&plant(every_kind(), 5));
    let mut more = every_kind();
    more.insert(0, spec("/home/{user}/first.txt", DecoyKind::Text, Some(5000)));
    more.push(spec("/srv/last.bin", DecoyKind::Binary, Some(5000)));
    let mut after = by_path(&plant(more, 5));
    assert_eq!(after.len(), before.len() + 2);
    after.retain(|path, _| before.contains_key(path));
    assert_eq!(after, before);
    let fewer = by_path(&plant(every_kind().split_off(3), 5));
    assert!(fewer.iter().all(|(path, seen)| before[path] == *seen));
}

#[test]
fn adding_a_member_changes_no_other_member() {
    let members = |count: usize| {
        let all = ["a.txt", "b.c", "c.pdf"].map(|name| {
            let kind = if name.ends_with("pdf") { DecoyKind::Pdf } else { DecoyKind::Text };
            spec(name, kind, None)
        });
        plant(vec![archive("/a.zip", DecoyKind::Zip, None, all[..count].to_vec())], 3).manifest()
    };
    let (two, three) = (members(2), members(3));
    assert_eq!(two.decoys[0].members[..], three.decoys[0].members[..2]);
}

#[test]
fn a_small_cache_changes_no_byte_and_holds_its_budget() {
    let wide = plant(every_kind(), 11);
    let narrow = Plant::with_cache(&scenario(every_kind()), 11, 100_000).expect("plants");
    assert_eq!(wide.manifest(), narrow.manifest());
    assert!(narrow.cache_use().bytes <= 100_000, "{:?}", narrow.cache_use());
    assert!(narrow.cache_use().built >= wide.cache_use().built);
}

#[test]
fn the_manifest_of_a_large_archive_builds_nothing_whole() {
    let members = vec![
        spec("big.bin", DecoyKind::Binary, Some(30 << 20)),
        spec("text.txt", DecoyKind::Text, Some(1 << 20)),
    ];
    let plant = plant(vec![archive("/big.zip", DecoyKind::Zip, Some(45 << 20), members)], 1);
    let manifest = plant.manifest();
    assert_eq!(manifest.decoys[0].digest.len, 45 << 20);
    assert_eq!((plant.cache_use().bytes, plant.cache_use().built), (0, 0));
}

#[test]
fn a_flipped_bit_changes_content_and_nothing_else() {
    for decoy in plant(every_kind(), 21).decoys() {
        let twin = decoy.vary(Mutation::FlipBit { offset: 1234, bit: 3 });
        let (one, two) = (decoy.read_all(), twin.read_all());
        assert_eq!(one.len(), two.len(), "{}", decoy.path());
        let differing = one.iter().zip(&two).filter(|(a, b)| a != b).count();
        match decoy.kind() {
            DecoyKind::Sample => assert_eq!(differing, 0),
            DecoyKind::Text | DecoyKind::Source | DecoyKind::Binary | DecoyKind::SystemFile => {
                assert_eq!(differing, 1, "{}", decoy.path());
            }
            _ => assert!(differing > 0, "{}", decoy.path()),
        }
        assert_eq!(decoy.vary(Mutation::FlipBit { offset: 1234, bit: 3 }).read_all(), two);
    }
}

fn any_kind() -> impl Strategy<Value = DecoyKind> {
    prop::sample::select(vec![
        DecoyKind::Text,
        DecoyKind::Source,
        DecoyKind::Docx,
        DecoyKind::Pdf,
        DecoyKind::Eml,
        DecoyKind::SshKey,
        DecoyKind::BrowserProfile,
        DecoyKind::Zip,
        DecoyKind::TarGz,
        DecoyKind::Binary,
        DecoyKind::SystemFile,
    ])
}

fn sized(kind: DecoyKind, size: u64, marked: bool) -> DecoySpec {
    let members = match kind {
        DecoyKind::Zip | DecoyKind::TarGz => vec![
            spec("a.txt", DecoyKind::Text, None),
            archive("b.zip", DecoyKind::Zip, None, vec![spec("c.rs", DecoyKind::Source, Some(99))]),
        ],
        _ => Vec::new(),
    };
    let mut spec = archive("/x/file.py", kind, Some(size), members);
    spec.marking = marked.then(|| "EXERCISE OFFICIAL-SENSITIVE".into());
    spec
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any kind reaches any size from its least on; below it, the least is named and is reached.
    #[test]
    fn declared_lengths_are_reached(
        kind in any_kind(), seed: u64, marked: bool,
        size in prop_oneof![0_u64..40_000, 98_304_u64..300_000],
    ) {
        let spec = sized(kind, size, marked);
        let plant = match Plant::new(&scenario(vec![spec.clone()]), seed) {
            Ok(plant) => plant,
            Err(belljar_plant::PlantError::TooSmall { least, size: said, .. }) => {
                prop_assert!(said == size && least > size);
                let spec = DecoySpec { size: Some(least), ..spec };
                Plant::new(&scenario(vec![spec]), seed).expect("the least size that was named is enough")
            }
            Err(other) => panic!("{other}"),
        };
        let decoy = &plant.decoys()[0];
        prop_assert_eq!(read_in_pieces(&**decoy, 64 << 10).len() as u64, decoy.len());
        let twin = decoy.vary(Mutation::Reseed(seed ^ 1));
        prop_assert_eq!(read_in_pieces(&*twin, 64 << 10).len() as u64, decoy.len());
    }

    /// The same place gives the same bytes, whatever was read before.
    #[test]
    fn any_read_pattern_gives_the_same_bytes(
        seed in 0_u64..6,
        reads in prop::collection::vec((0_usize..22, any::<prop::sample::Index>(), 0_usize..9000), 1..30),
    ) {
        let plant = plant(every_kind(), seed);
        for (decoy, place, len) in reads {
            let decoy = &plant.decoys()[decoy];
            let whole = decoy.read_all();
            let from = place.index(whole.len() + 2);
            let mut buffer = vec![0xAA; len];
            let got = decoy.read_at(from as u64, &mut buffer);
            prop_assert_eq!(got, len.min(whole.len().saturating_sub(from)));
            prop_assert_eq!(&buffer[..got], &whole[from.min(whole.len())..][..got]);
            prop_assert!(buffer[got..].iter().all(|&byte| byte == 0xAA));
        }
    }
}

#[test]
fn pieces_of_any_size_give_the_same_whole() {
    for decoy in plant(every_kind(), 2).decoys() {
        let whole = decoy.read_all();
        for piece in [509, 4096, 65_536] {
            assert_eq!(read_in_pieces(&**decoy, piece), whole, "{} by {piece}", decoy.path());
        }
    }
}
