//! What a decoy and its twin have in common is format, and little.

mod support;

use belljar_record::{DecoySource, PartKind};
use belljar_schema::DecoyKind;
use std::collections::HashSet;
use support::{every_kind, plant};

/// How many of the windows of `width` bytes of `one` occur in `two`, and how many there are.
fn shared(one: &[u8], two: &[u8], width: usize) -> (usize, usize) {
    let known: HashSet<&[u8]> = two.windows(width).collect();
    (
        one.windows(width).filter(|window| known.contains(window)).count(),
        one.len() + 1 - width.min(one.len() + 1),
    )
}

#[test]
fn twins_have_the_same_places_and_lengths_and_other_content() {
    let plant = plant(every_kind(), 31);
    let twin = plant.twin();
    assert_eq!(plant.identity(), twin.identity());
    for (one, two) in plant.decoys().iter().zip(twin.decoys()) {
        assert_eq!((one.id(), one.path(), one.len()), (two.id(), two.path(), two.len()));
        let (a, b) = (one.read_all(), two.read_all());
        assert_eq!(a.len(), b.len());
        let (wide, all) = shared(&a, &b, 128);
        let (narrow, _) = shared(&a, &b, 32);
        println!(
            "{:?} {}: {wide} of {all} windows of 128 bytes and {narrow} of 32 in common",
            one.kind(),
            one.path()
        );
        match one.kind() {
            DecoyKind::Sample => assert_eq!(a, b),
            // What may be in common: the format's own zeros, tables and headers. In archives also
            // the sample, and the same in the members.
            DecoyKind::Zip
            | DecoyKind::TarGz
            | DecoyKind::Docx
            | DecoyKind::Pdf
            | DecoyKind::BrowserProfile
            | DecoyKind::Eml => {
                assert!(wide * 20 <= all, "{wide} of {all} in {}", one.path());
            }
            _ => assert_eq!(wide, 0, "{}", one.path()),
        }
    }
}

#[test]
fn texts_of_twins_have_no_run_of_128_bytes_in_common() {
    let plant = plant(every_kind(), 32);
    let twin = plant.twin();
    let mut seen = 0;
    for (one, two) in plant.decoys().iter().zip(twin.decoys()) {
        for (a, b) in one.parts().iter().zip(two.parts()) {
            if a.kind != PartKind::Text {
                continue;
            }
            let (wide, all) = shared(&a.source.read_all(), &b.source.read_all(), 128);
            assert_eq!(wide, 0, "{} of {}: of {all}", a.name, one.path());
            seen += 1;
        }
    }
    assert_eq!(seen, 3, "docx, pdf and mail have texts");
}
