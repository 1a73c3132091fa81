//! How fast content is made and how much memory a large plant takes. Prints figures; asserts only
//! what must hold on any machine.

mod support;

use belljar_record::DecoySource;
use belljar_schema::DecoyKind;
use std::time::Instant;
use support::{archive, plant, spec};

/// Resident memory of this process in bytes, as Linux tells it.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it has the line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") << 10
}

#[test]
fn twenty_thousand_files_of_a_gibibyte_take_little_memory_until_they_are_read() {
    let before = resident();
    let mut texts = spec("/home/{user}/t/{n}.txt", DecoyKind::Text, Some(50_000));
    texts.count = 20_000;
    let members = vec![spec("m.bin", DecoyKind::Binary, Some(40 << 20))];
    let decoys = vec![texts, archive("/srv/a.zip", DecoyKind::Zip, Some(45 << 20), members)];
    let start = Instant::now();
    let plant = plant(decoys, 1);
    let planned = start.elapsed();
    let bytes: u64 = plant.decoys().iter().map(|decoy| decoy.len()).sum();
    assert!(bytes > 1_000_000_000);
    let mut buffer = vec![0; 4096];
    for decoy in plant.decoys() {
        decoy.read_at(decoy.len() / 2, &mut buffer);
    }
    let grown = resident().saturating_sub(before);
    println!(
        "{} files of {bytes} bytes: planned in {planned:?}, {grown} bytes of memory after a read of each",
        plant.decoys().len()
    );
    assert!(grown < 60 << 20, "{grown}");
}

#[test]
fn reading_a_large_archive_keeps_only_headers() {
    let members = vec![spec("m.bin", DecoyKind::Binary, Some(100 << 20))];
    for kind in [DecoyKind::Zip, DecoyKind::TarGz] {
        let plant = plant(vec![archive("/srv/a", kind, Some(105 << 20), members.clone())], 1);
        let before = resident();
        let mut buffer = vec![0; 1 << 20];
        let mut at = 0;
        while at < plant.decoys()[0].len() {
            at += plant.decoys()[0].read_at(at, &mut buffer) as u64;
        }
        let grown = resident().saturating_sub(before);
        println!("{kind:?}: {at} bytes read, memory grew by {grown}");
        assert!(grown < 24 << 20, "{grown}");
    }
}

#[test]
fn speed_of_every_kind_is_measured() {
    const MIB: u64 = 1 << 20;
    for (name, kind, size) in [
        ("a.txt", DecoyKind::Text, 32 * MIB),
        ("a.rs", DecoyKind::Source, 8 * MIB),
        ("a.bin", DecoyKind::Binary, 64 * MIB),
        ("a.docx", DecoyKind::Docx, 2 * MIB),
        ("a.pdf", DecoyKind::Pdf, 2 * MIB),
        ("a.eml", DecoyKind::Eml, 2 * MIB),
        ("a.sqlite", DecoyKind::BrowserProfile, 2 * MIB),
    ] {
        let plant = plant(vec![spec(&format!("/{name}"), kind, Some(size))], 4);
        let mut buffer = vec![0; 128 << 10];
        let start = Instant::now();
        let mut at = 0;
        while at < size {
            at += plant.decoys()[0].read_at(at, &mut buffer) as u64;
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("{kind:?}: {:.0} MB/s", size as f64 / 1e6 / seconds);
        assert_eq!(at, size);
    }
}
