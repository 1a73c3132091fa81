//! The public set holds what it says: counts, every value of every axis, a stable form.
#![allow(missing_docs, reason = "a test")]

use belljar_leaks::{
    Case, Channel, Encoding, Kind, Negative, PUBLIC_SEED, ReadPath, Shape, Timing, Trigger, cases,
    load, sample,
};
use std::collections::{BTreeMap, BTreeSet};

fn leaking() -> Vec<Case> {
    cases(PUBLIC_SEED).into_iter().filter(|case| case.kind == Kind::Leaking).collect()
}

fn channels_by<K: Ord>(of: impl Fn(&Case) -> Vec<K>) -> BTreeMap<K, BTreeSet<Channel>> {
    let mut map: BTreeMap<K, BTreeSet<Channel>> = BTreeMap::new();
    for case in leaking() {
        for key in of(&case) {
            map.entry(key).or_default().insert(case.channel);
        }
    }
    map
}

#[test]
fn there_are_enough_cases_of_each_kind() {
    let all = cases(PUBLIC_SEED);
    let leaking = all.iter().filter(|case| case.kind == Kind::Leaking);
    let open = leaking.clone().filter(|case| case.hidden.is_none());
    assert!(open.count() >= 300, "{} leaking", leaking.clone().count());
    let mut negative: BTreeMap<Negative, usize> = BTreeMap::new();
    for case in &all {
        if let Kind::Negative(kind) = case.kind {
            *negative.entry(kind).or_default() += 1;
        }
    }
    assert!(negative.values().sum::<usize>() >= 600, "{negative:?}");
    assert!(negative.len() >= 12);
    assert_eq!(negative.len(), Negative::ALL.len());
    let nested = leaking.clone().filter(|case| case.encodings.len() >= 2).count();
    assert!(nested >= 60, "{nested} nested");
    assert!(leaking.filter(|case| case.hidden.is_some()).count() >= 4);
}

#[test]
fn every_channel_carries_three_encodings_or_waits_with_a_reason() {
    let mut encodings: BTreeMap<Channel, BTreeSet<Vec<Encoding>>> = BTreeMap::new();
    for case in leaking() {
        assert!(case.channel.waiting().is_none(), "{}", case.id);
        encodings.entry(case.channel).or_default().insert(case.encodings);
    }
    for &channel in Channel::ALL.iter().filter(|c| **c != Channel::Gaps) {
        match channel.waiting() {
            Some(reason) => assert!(!reason.is_empty()),
            None => {
                let count = encodings.get(&channel).map_or(0, BTreeSet::len);
                assert!(count >= 3, "{}: {count}", channel.name());
            }
        }
    }
    assert_eq!(Channel::ALL.len(), 43 + 1, "the catalogue, and time between packets");
}

#[test]
fn every_value_of_every_axis_is_on_three_channels() {
    let by_encoding = channels_by(|case| case.encodings.clone());
    for &encoding in Encoding::ALL {
        assert!(by_encoding[&encoding].len() >= 3, "{}", encoding.name());
    }
    let by_path = channels_by(|case| vec![case.read_path]);
    let refused: BTreeSet<(ReadPath, Channel)> = cases(PUBLIC_SEED)
        .iter()
        .filter(|case| case.kind == Kind::Refused)
        .map(|case| (case.read_path, case.channel))
        .collect();
    for &path in ReadPath::ALL {
        if path.refused() {
            assert!(refused.iter().filter(|(other, _)| *other == path).count() >= 3);
            assert!(!by_path.contains_key(&path));
        } else {
            assert!(by_path[&path].len() >= 3, "{}", path.name());
        }
    }
    let by_shape = channels_by(|case| vec![case.shape]);
    assert!(Shape::ALL.iter().all(|shape| by_shape[shape].len() >= 3));
    let by_timing = channels_by(|case| vec![case.timing]);
    assert!(Timing::ALL.iter().all(|timing| by_timing[timing].len() >= 3));
    let by_trigger = channels_by(|case| vec![case.trigger]);
    assert!(Trigger::ALL.iter().all(|trigger| by_trigger[trigger].len() >= 3));
}

#[test]
fn ids_and_hosts_are_different_and_do_not_hang_on_the_seed() {
    let all = cases(PUBLIC_SEED);
    let ids: BTreeSet<&str> = all.iter().map(|case| case.id.as_str()).collect();
    let hosts: BTreeSet<&str> = all.iter().map(|case| case.host.as_str()).collect();
    assert_eq!((ids.len(), hosts.len()), (all.len(), all.len()));
    assert_eq!(all, cases(PUBLIC_SEED));
    assert_ne!(all, cases(PUBLIC_SEED + 1));
}

#[test]
fn a_sealed_set_in_either_form_is_read_back_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let all: Vec<Case> = cases(7).into_iter().step_by(9).collect();
    let (json, toml) = all.split_at(all.len() / 2);
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text);
    let as_json = serde_json::json!({ "cases": json });
    write("a.json", as_json.to_string()).expect("is written");
    let table = std::collections::BTreeMap::from([("cases", toml)]);
    write("b.toml", toml::to_string(&table).expect("is TOML")).expect("is written");
    assert_eq!(load(folder.path()).expect("are cases"), all);

    write("c.json", as_json.to_string()).expect("is written");
    let error = load(folder.path()).expect_err("stand twice").to_string();
    assert!(error.contains("twice"), "{error}");
}

#[test]
fn a_fifth_is_drawn_by_the_seed() {
    let draw = |seed| -> Vec<String> {
        sample(cases(PUBLIC_SEED), 0.2, seed, |case| &case.id).into_iter().map(|c| c.id).collect()
    };
    let (one, other) = (draw(1), draw(2));
    assert_eq!(one, draw(1));
    assert_ne!(one, other);
    let whole = cases(PUBLIC_SEED).len();
    for drawn in [one.len(), other.len()] {
        assert!(drawn * 100 > whole * 15 && drawn * 100 < whole * 25, "{drawn} of {whole}");
    }
}
