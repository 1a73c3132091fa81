//! What cannot be planted is refused, with what would be right.

mod support;

use belljar_plant::{Plant, PlantError};
use belljar_record::{DecoyId, DecoySource};
use belljar_schema::{DecoyKind, DecoySpec, Sample};
use support::{archive, plant, scenario, spec};

fn refused(decoys: Vec<DecoySpec>) -> PlantError {
    match Plant::new(&scenario(decoys), 1) {
        Ok(_) => panic!("it was planted"),
        Err(error) => error,
    }
}

#[test]
fn a_size_that_is_too_small_names_the_least() {
    let error = refused(vec![spec("/a.docx", DecoyKind::Docx, Some(10))]);
    assert_eq!(
        error.to_string(),
        "/a.docx: 10 bytes are too few for kind `docx`; the least is 8192"
    );
    let members = vec![spec("a", DecoyKind::Binary, Some(5000))];
    let error = refused(vec![archive("/a.zip", DecoyKind::Zip, Some(5000), members)]);
    assert!(matches!(error, PlantError::TooSmall { least: 5100, .. }), "{error}");
}

#[test]
fn a_size_that_is_too_large_names_the_most() {
    let error = refused(vec![spec("/a.pdf", DecoyKind::Pdf, Some(1 << 40))]);
    assert!(matches!(error, PlantError::TooLarge { most: 33_554_432, .. }), "{error}");
    let error = refused(vec![archive("/a.zip", DecoyKind::Zip, Some(1 << 33), vec![])]);
    assert!(matches!(error, PlantError::TooLarge { .. }), "{error}");
}

#[test]
fn paths_that_leave_the_world_are_refused() {
    for path in ["a", "/a/../b", "/a//b", "/", "/./a", "/a/"] {
        let error = refused(vec![spec(path, DecoyKind::Text, None)]);
        assert!(matches!(error, PlantError::Path { .. }), "{path}: {error}");
    }
    for name in ["../x", "a/../../x", "", "a\nb"] {
        let members = vec![spec(name, DecoyKind::Text, None)];
        let error = refused(vec![archive("/a.zip", DecoyKind::Zip, None, members)]);
        assert!(matches!(error, PlantError::Path { .. }), "{name}: {error}");
    }
}

#[test]
fn two_files_at_one_place_are_refused() {
    let text = |path: &str| spec(path, DecoyKind::Text, None);
    assert!(matches!(refused(vec![text("/a"), text("/a")]), PlantError::Twice { .. }));
    assert!(matches!(refused(vec![text("/a"), text("/a/b")]), PlantError::FileAndDirectory { .. }));
    let twice = vec![text("m"), text("m")];
    let error = refused(vec![archive("/z", DecoyKind::Zip, None, twice)]);
    assert!(matches!(error, PlantError::Twice { .. }));
}

#[test]
fn a_marking_that_could_be_real_is_refused() {
    for marking in ["OFFICIAL-SENSITIVE", "EXERCISE <b>", "EXERCISE \n"] {
        let mut text = spec("/a.txt", DecoyKind::Text, None);
        text.marking = Some(marking.into());
        assert!(matches!(refused(vec![text]), PlantError::Marking { .. }), "{marking}");
    }
}

#[test]
fn samples_and_members_go_only_where_they_can() {
    let mut key = spec("/key", DecoyKind::SshKey, None);
    key.sample = Some(Sample::Eicar);
    assert!(matches!(refused(vec![key]), PlantError::SampleImpossible { .. }));
    let text = archive("/a.txt", DecoyKind::Text, None, vec![spec("b", DecoyKind::Text, None)]);
    assert!(matches!(refused(vec![text]), PlantError::MembersImpossible { .. }));
    let mut deep = spec("a", DecoyKind::Text, None);
    for _ in 0..12 {
        deep = archive("a", DecoyKind::Zip, None, vec![deep]);
    }
    deep.path = "/a".into();
    assert!(matches!(refused(vec![deep]), PlantError::TooDeep { .. }));
}

#[test]
fn a_dropped_decoy_has_the_id_it_is_given_and_content_by_its_path() {
    let world = plant(vec![spec("/a.txt", DecoyKind::Text, Some(100))], 9);
    let dropped = spec("/home/{user}/late.txt", DecoyKind::Text, Some(500));
    let late = world.decoy_from_spec(&dropped, DecoyId(1)).expect("it can be planted");
    assert_eq!((late.len(), late[0].id()), (1, DecoyId(1)));
    let other = world.decoy_from_spec(&dropped, DecoyId(7)).expect("it can be planted");
    assert_eq!(late[0].read_all(), other[0].read_all());
    let from_start = plant(vec![dropped], 9);
    assert_eq!(from_start.decoys()[0].read_all(), late[0].read_all());
}
