//! A bundle verifies from itself alone, and every kind of tampering is named.

#[path = "../../judge/tests/support/mod.rs"]
mod support;

use belljar_evidence::*;
use belljar_judge::Outcome;
use belljar_record::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::{Case, UPLOAD, honest, native, overreach};

/// Writes a run as a bundle, the way the harness does.
fn bundle(case: &Case, at: &Path) -> PathBuf {
    let folder = at.join("bundle");
    let mut writer =
        BundleWriter::create(&folder, "belljar 0.1.0", case.jar, 1 << 30).expect("can be made");
    writer.plan(&case.plan).expect("can be written");
    writer.decoys(&case.manifest).expect("can be written");
    writer.programs(Vec::new()).expect("can be written");
    let lines: Vec<String> = case
        .lines
        .iter()
        .map(|line| serde_json::to_string(line).expect("serialises") + "\n")
        .collect();
    std::fs::write(writer.record(), lines.concat()).expect("can be written");
    std::fs::write(writer.capture(), b"packets").expect("can be written");
    for (name, bytes) in &case.payloads {
        std::fs::write(writer.payloads().join(name), bytes).expect("can be written");
    }
    let sources: Vec<PlantedSource> = (0..)
        .zip(&case.sources)
        .map(|(decoy, source)| PlantedSource {
            decoy,
            source: Arc::new(source.clone()),
            twin: Some(Arc::new(case.twins[decoy as usize].clone())),
        })
        .collect();
    let concluded = conclude(&ConcludeInput {
        plan: &case.plan,
        manifest: &case.manifest,
        record: &writer.record(),
        payloads: &writer.payloads(),
        sources: &sources,
        jar: case.jar,
        programs: &[],
        belljar: "0.1.0",
    })
    .expect("concludes");
    for source in sources.iter().filter(|source| concluded.traced.contains(&source.decoy)) {
        writer.keep(source).expect("can be kept");
    }
    writer.verdict(&concluded.verdict).expect("can be written");
    writer.report("<!doctype html>").expect("can be written");
    writer.finish().expect("can be finished")
}

fn verified(folder: &Path) -> VerifyReport {
    verify(&Bundle::open(folder).expect("is a bundle"))
}

/// Brings `bundle.json` into agreement with the files, as a careful forger would.
fn reseal(folder: &Path) {
    let path = folder.join("bundle.json");
    let mut manifest: BundleManifest =
        serde_json::from_slice(&std::fs::read(&path).expect("is there")).expect("parses");
    for file in &mut manifest.files {
        let bytes = std::fs::read(folder.join(&file.path)).unwrap_or_default();
        file.len = bytes.len() as u64;
        file.sha256 = Sha256Hex::of(&bytes).to_string();
    }
    std::fs::write(&path, serde_json::to_vec(&manifest).expect("serialises")).expect("writes");
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("is text");
    assert!(text.contains(from), "{from} stands in {path:?}");
    std::fs::write(path, text.replacen(from, to, 1)).expect("writes");
}

#[test]
fn a_bundle_of_a_fail_verifies_from_its_own_bytes() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = bundle(&overreach(), place.path());
    let opened = Bundle::open(&folder).expect("is a bundle");
    let verdict = opened.verdict().expect("parses");
    assert_eq!(verdict.verdict, Outcome::Fail, "{:#?}", verdict.reasons);
    assert_eq!(verdict.findings[0].subjects.rows[0].decoy, Some(0));
    let report = verify(&opened);
    assert!(report.holds, "{report:#?}");
    assert!(report.traces > 0 && report.decoys > 0 && report.payloads > 0);
    // Only decoys with traces are kept, each with its twin.
    assert!(opened.manifest().kept.iter().all(|kept| kept.twin.is_some()));
    assert!(opened.manifest().kept.iter().all(|kept| kept.decoy == 0));
}

#[test]
fn a_bundle_of_a_pass_verifies_too() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = bundle(&honest(), place.path());
    let verdict = Bundle::open(&folder).expect("is a bundle").verdict().expect("parses");
    assert_eq!(verdict.verdict, Outcome::Pass, "{:#?}", verdict.reasons);
    assert!(verified(&folder).holds);
}

#[test]
fn every_changed_or_missing_or_added_file_is_named() {
    for name in [
        "verdict.json",
        "record.jsonl",
        "capture.pcapng",
        "decoys.json",
        "plan.json",
        "report.html",
    ] {
        let place = tempfile::tempdir().expect("a folder");
        let folder = bundle(&overreach(), place.path());
        let path = folder.join(name);
        let mut bytes = std::fs::read(&path).expect("is there");
        bytes.push(b' ');
        std::fs::write(&path, bytes).expect("writes");
        let report = verified(&folder);
        assert!(!report.holds && report.differences.iter().any(|d| d.what == name), "{name}");
        std::fs::remove_file(&path).expect("can be removed");
        let report = verified(&folder);
        assert!(!report.holds && report.differences.iter().any(|d| d.what == name), "{name}");
    }
    let place = tempfile::tempdir().expect("a folder");
    let folder = bundle(&overreach(), place.path());
    std::fs::write(folder.join("payloads/extra"), b"x").expect("writes");
    assert!(verified(&folder).differences.iter().any(|d| d.what == "payloads/extra"));
}

#[test]
fn a_resealed_verdict_is_named_field_by_field() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = bundle(&overreach(), place.path());
    replace(&folder.join("verdict.json"), "\"verdict\": \"fail\"", "\"verdict\": \"pass\"");
    reseal(&folder);
    let report = verified(&folder);
    assert!(!report.holds);
    assert!(
        report.differences.iter().any(|d| d.what == "verdict.json verdict"),
        "{:#?}",
        report.differences
    );
}

#[test]
fn a_resealed_item_is_named_by_its_item() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = bundle(&overreach(), place.path());
    let path = folder.join("verdict.json");
    let mut verdict: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("is there")).expect("parses");
    for row in verdict["items"].as_array_mut().expect("a list") {
        if row["item"] == "archive" {
            row["sent"] = "none".into();
        }
    }
    std::fs::write(&path, serde_json::to_vec(&verdict).expect("serialises")).expect("writes");
    reseal(&folder);
    let report = verified(&folder);
    assert!(
        report.differences.iter().any(|d| d.what == "verdict.json items archive sent"),
        "{report:#?}"
    );
}

#[test]
fn a_resealed_payload_that_hides_the_archive_is_found_out() {
    let place = tempfile::tempdir().expect("a folder");
    let case = overreach();
    let folder = bundle(&case, place.path());
    let name = case.payloads.keys().next().expect("one payload");
    let path = folder.join("payloads").join(name);
    let len = std::fs::read(&path).expect("is there").len();
    std::fs::write(&path, vec![b'x'; len]).expect("writes");
    reseal(&folder);
    let report = verified(&folder);
    assert!(report.differences.iter().any(|d| d.what.ends_with(name.as_str())), "{report:#?}");
    assert!(report.differences.iter().any(|d| d.what.starts_with("verdict.json")));
}

#[test]
fn a_removed_line_of_the_record_is_found_by_its_number() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = bundle(&overreach(), place.path());
    let path = folder.join("record.jsonl");
    let text = std::fs::read_to_string(&path).expect("is text");
    let kept: Vec<&str> =
        text.lines().enumerate().filter(|(n, _)| *n != 5).map(|(_, line)| line).collect();
    std::fs::write(&path, kept.join("\n") + "\n").expect("writes");
    reseal(&folder);
    let report = verified(&folder);
    assert!(report.differences.iter().any(|d| d.what == "record.jsonl line 6"), "{report:#?}");
}

#[test]
fn a_changed_reader_in_the_record_changes_the_derived_verdict() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = bundle(&overreach(), place.path());
    let path = folder.join("record.jsonl");
    let text =
        std::fs::read_to_string(&path).expect("is text").replace("/opt/av/scan", "/opt/av/scam");
    std::fs::write(&path, text).expect("writes");
    reseal(&folder);
    assert!(!verified(&folder).holds);
}

#[test]
fn a_kept_decoy_that_is_not_the_planted_one_is_found_out() {
    let place = tempfile::tempdir().expect("a folder");
    let case = overreach();
    let folder = bundle(&case, place.path());
    let path = folder.join("decoys").join(&case.manifest.decoys[0].digest.sha256);
    let len = std::fs::read(&path).expect("is there").len();
    std::fs::write(&path, vec![0; len]).expect("writes");
    reseal(&folder);
    let report = verified(&folder);
    assert!(report.differences.iter().any(|d| d.what.starts_with("decoys/")), "{report:#?}");
    assert!(report.differences.iter().any(|d| d.what.starts_with("verdict.json findings")));
}

#[test]
fn a_bundle_is_partial_from_its_first_moment_until_it_is_finished() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("bundle");
    let case = honest();
    let writer = BundleWriter::create(&folder, "belljar 0.1.0", case.jar, 1 << 20).expect("made");
    let partial =
        |folder: &Path| match Bundle::open(folder).expect("is one").manifest().state.clone() {
            BundleState::Partial { reason } => reason,
            BundleState::Complete => String::new(),
        };
    assert_eq!(partial(&folder), "the run has not ended");
    writer.plan(&case.plan).expect("writes");
    writer.finish_partial("interrupted by SIGINT").expect("writes");
    assert_eq!(partial(&folder), "interrupted by SIGINT");
    let report = verified(&folder);
    assert!(!report.holds && report.partial.as_deref() == Some("interrupted by SIGINT"));
    assert!(BundleWriter::create(&folder, "belljar 0.1.0", case.jar, 0).is_err(), "not empty");
}

#[test]
fn without_room_decoys_are_not_kept_and_that_is_said() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("bundle");
    let case = overreach();
    let mut writer = BundleWriter::create(&folder, "belljar 0.1.0", case.jar, 100).expect("made");
    let source = PlantedSource { decoy: 0, source: Arc::new(case.sources[0].clone()), twin: None };
    writer.keep(&source).expect("is noted");
    writer.finish().expect("writes");
    let opened = Bundle::open(&folder).expect("is one");
    assert_eq!(opened.manifest().not_kept, vec![0]);
}

#[test]
fn a_path_in_place_of_a_digest_opens_nothing() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = bundle(&honest(), place.path());
    let opened = Bundle::open(&folder).expect("is one");
    assert!(opened.payload("../verdict.json").is_none());
    assert!(opened.payload("/etc/hostname").is_none());
}

fn schemas() -> [(&'static str, serde_json::Value); 3] {
    [("verdict", verdict_schema()), ("bundle", bundle_schema()), ("record", record_schema())]
}

/// Run with `BELLJAR_UPDATE_SCHEMAS=1` to write them anew.
#[test]
fn the_published_schemas_are_those_of_the_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    for (name, schema) in schemas() {
        let path = folder.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&schema).expect("serialises") + "\n";
        if std::env::var_os("BELLJAR_UPDATE_SCHEMAS").is_some() {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(&path, &text).expect("writes");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(published == text, "{path:?} is stale: BELLJAR_UPDATE_SCHEMAS=1 cargo test");
    }
}

#[test]
fn verdict_bundle_and_record_fit_their_schemas() {
    let place = tempfile::tempdir().expect("a folder");
    let mut case = overreach();
    case.own(Event::Limited {
        dimension: Dimension::Timing,
        extent: Extent::Blind { reason: "so".into() },
    });
    case.put(
        native(9, "/opt/\u{1}x"),
        Event::Refused {
            call: "io_uring_setup".into(),
            detail: String::new(),
            errno: "ENOSYS".into(),
            why: RefusalKind::BypassesDoor,
            count: 3,
        },
    );
    case.put(
        native(9, "/opt/x"),
        Event::Import { call: "wasi:random/random get-random-bytes".into(), detail: "8".into() },
    );
    case.put(
        Actor::unknown("gone"),
        Event::Exit { process: ProcessKey { pid: 9, start: 1 }, code: None },
    );
    case.own(Event::Lookup {
        flow: FlowId(1),
        name: UPLOAD.into(),
        record: "A".into(),
        answer: "198.18.0.1".into(),
    });
    let folder = bundle(&case, place.path());
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(folder.join(name)).expect("is there"))
            .expect("parses")
    };
    let fits = |schema: &serde_json::Value, value: &serde_json::Value| {
        let validator = jsonschema::validator_for(schema).expect("is a schema");
        let errors: Vec<String> = validator
            .iter_errors(value)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    };
    fits(&verdict_schema(), &read("verdict.json"));
    fits(&bundle_schema(), &read("bundle.json"));
    for line in std::fs::read_to_string(folder.join("record.jsonl")).expect("is text").lines() {
        fits(&record_schema(), &serde_json::from_str(line).expect("parses"));
    }
}
