//! Guests that mean harm: whatever they try is bounded, stands in the record, and brings nothing
//! down but themselves.
#![allow(missing_docs, reason = "a test")]

mod support;

use belljar_record::{Dimension, Event, Extent};
use belljar_wasi::Setting;
use belljar_wasm::{GuestEnd, Outcome, Session};
use support::{Bench, Source, setting};

fn run(arguments: &[&str], change: impl FnOnce(&mut Setting)) -> Option<(Bench, GuestEnd)> {
    let program = Source::Test("hostile").program()?;
    let bench = Bench::new();
    let session = Session::new().expect("a runtime");
    let mut setting = setting(arguments);
    change(&mut setting);
    let end = session.run(&program, &bench.doors, setting, None);
    Some((bench, end))
}

fn printed(bench: &Bench) -> String {
    bench.printed().concat()
}

#[test]
fn no_path_leads_out_of_the_world_and_each_try_is_recorded() {
    let Some((bench, end)) = run(&["guest", "escapes"], |_| {}) else { return };
    assert_eq!(end.outcome, Outcome::Exited(0), "{}", printed(&bench));
    assert!(printed(&bench).contains("out 0"));
    let refused: Vec<String> = bench
        .record()
        .into_iter()
        .filter_map(|line| match line.event {
            Event::Import { call, detail } if call.ends_with("path refused") => Some(detail),
            _ => None,
        })
        .collect();
    for tried in ["../etc/passwd", "home/../../etc/passwd"] {
        assert!(refused.iter().any(|detail| detail.contains(tried)), "{tried}: {refused:#?}");
    }
}

#[test]
fn links_that_go_round_end() {
    let Some((bench, end)) = run(&["guest", "links"], |_| {}) else { return };
    assert_eq!(end.outcome, Outcome::Exited(0), "{}", printed(&bench));
    assert!(printed(&bench).contains("opened 0"), "{}", printed(&bench));
}

#[test]
fn millions_of_descriptors_end_at_the_limit() {
    // The published adapter has a table of its own for preview 1, of 128 descriptors.
    for (act, least, most) in [("descriptors", 64, 128), ("handles", 1000, 3000)] {
        let Some((bench, end)) = run(&["guest", act], |setting| setting.resources = 3000) else {
            return;
        };
        assert_eq!(end.outcome, Outcome::Exited(0), "{}", printed(&bench));
        let text = printed(&bench);
        let opened = text.trim().rsplit(' ').next().and_then(|number| number.parse().ok());
        assert!((least..most).contains(&opened.unwrap_or(0)), "{text}");
    }
}

#[test]
fn a_listing_ends_while_names_go_and_come() {
    let Some((bench, end)) = run(&["guest", "deletion"], |_| {}) else { return };
    assert_eq!(end.outcome, Outcome::Exited(0), "{}", printed(&bench));
    assert!(printed(&bench).contains("finitely many"), "{}", printed(&bench));
}

#[test]
fn names_without_end_fill_the_record_or_the_world_and_no_more() {
    let Some((_, end)) = run(&["guest", "nodes"], |_| {}) else { return };
    assert!(
        matches!(end.outcome, Outcome::RecordFull(_) | Outcome::Exited(0) | Outcome::OutOfTime),
        "{end:?}"
    );
}

#[test]
fn a_file_ends_where_the_disk_ends() {
    let Some((bench, end)) = run(&["guest", "disk"], |_| {}) else { return };
    assert_eq!(end.outcome, Outcome::Exited(0), "{}", printed(&bench));
    let text = printed(&bench);
    assert!(text.contains("far 0 0"), "{text}");
    assert!(!text.contains("wrote 65536"), "{text}");
}

#[test]
fn output_without_end_is_cut_and_counted() {
    let Some((bench, end)) = run(&["guest", "output"], |setting| {
        setting.output = 100_000;
        setting.time = 50_000_000;
    }) else {
        return;
    };
    assert!(matches!(end.outcome, Outcome::OutOfTime | Outcome::RecordFull(_)), "{end:?}");
    let lost = bench.record().into_iter().any(|line| {
        matches!(
            line.event,
            Event::Limited { dimension: Dimension::Output, extent: Extent::Lost { count, .. } }
                if count > 0
        )
    });
    assert!(lost, "what was cut is counted");
}

#[test]
fn paths_longer_than_any_are_refused() {
    let Some((bench, end)) = run(&["guest", "paths"], |_| {}) else { return };
    assert_eq!(end.outcome, Outcome::Exited(0), "{}", printed(&bench));
    assert!(printed(&bench).contains("long 0 0"), "{}", printed(&bench));
}

#[test]
fn allocations_beyond_the_limit_fail_in_the_guest_and_are_said() {
    let Some((bench, end)) = run(&["guest", "memory"], |_| {}) else { return };
    assert_eq!(end.outcome, Outcome::Exited(0), "{}", printed(&bench));
    assert!(end.denied.memory > 0);
}

#[test]
fn pointers_that_lead_nowhere_trap_or_fail_in_the_guest() {
    for which in 0..=10 {
        let number = which.to_string();
        let Some((_, end)) = run(&["guest", "pointers", &number], |_| {}) else { return };
        // Lengths beyond the memory are cut where the call allows it: only what is there is read.
        let harmless = which == 3 && end.outcome == Outcome::Exited(0);
        assert!(
            matches!(end.outcome, Outcome::Trapped { .. } | Outcome::Exited(1..)) || harmless,
            "{which}: {end:?}"
        );
    }
}
