//! What many runs in a row conclude is what each concludes by itself.

#[path = "../../judge/tests/support/mod.rs"]
mod support;

use belljar_evidence::{ConcludeInput, PlantedSource, Repeated, conclude};
use belljar_record::{BytesSource, DecoySource, Event, Observation, PayloadRef};
use serde_json::Value;
use std::sync::Arc;
use support::{Case, UPLOAD, honest, overreach};

fn sources(case: &Case) -> Vec<PlantedSource> {
    (0..)
        .zip(&case.sources)
        .map(|(decoy, source)| PlantedSource {
            decoy,
            source: Arc::new(source.clone()),
            twin: Some(Arc::new(case.twins[decoy as usize].clone())),
        })
        .collect()
}

/// The verdict of one run by itself.
fn alone(case: &Case) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("record.jsonl");
    let lines: Vec<String> = case
        .lines
        .iter()
        .map(|line| serde_json::to_string(line).expect("serialises") + "\n")
        .collect();
    std::fs::write(&record, lines.concat()).expect("can be written");
    for (name, bytes) in &case.payloads {
        std::fs::write(folder.path().join(name), bytes).expect("can be written");
    }
    let concluded = conclude(&ConcludeInput {
        plan: &case.plan,
        manifest: &case.manifest,
        record: &record,
        payloads: folder.path(),
        sources: &sources(case),
        jar: case.jar,
        programs: &[],
        belljar: "0.1.0",
    });
    let concluded = concluded.expect("concludes");
    serde_json::json!({ "verdict": concluded.verdict, "traced": concluded.traced })
}

/// The file whole in the body, but read only by half: what is known of the reads decides what a
/// trace needs.
fn half_read() -> Case {
    let mut case = overreach();
    case.lines.retain(|line| match &line.event {
        Event::File(file) => file.decoy.is_none_or(|decoy| decoy.0 != 3),
        _ => true,
    });
    case
}

/// Forty bytes of a decoy, of which the record has a read or not.
fn short_run(read: bool) -> Case {
    let mut case = Case::new();
    case.begin();
    if read {
        case.read(0);
    }
    let body = case.sources[0].bytes[100..140].to_vec();
    case.post(UPLOAD, "/v1/sample", &body);
    case.end();
    case
}

#[test]
fn each_conclusion_in_a_row_is_the_one_of_its_own() {
    let runs: Vec<Case> = vec![
        overreach(),
        overreach(),
        honest(),
        short_run(true),
        half_read(),
        short_run(false),
        short_run(true),
        overreach(),
    ];
    let first = &runs[0];
    let planted = sources(first);
    let mut repeated =
        Repeated::new(&first.plan, &first.manifest, &planted, first.jar, &[], "0.1.0");
    let mut all = Vec::new();
    for case in &runs {
        let payload = |payload: &PayloadRef| {
            let bytes = case.payloads.get(payload.sha256.as_str())?;
            Some(Arc::new(BytesSource::from(bytes.clone())) as Arc<dyn DecoySource>)
        };
        let lines: &[Observation] = &case.lines;
        let concluded = repeated.conclude(lines, &payload).expect("concludes");
        let told = serde_json::json!({ "verdict": concluded.verdict, "traced": concluded.traced });
        assert_eq!(told, alone(case), "run {}", all.len());
        all.push(told);
    }
    // The runs are not all alike, or nothing would have been compared.
    assert_eq!(all[0], all[7]);
    assert_eq!(all[3], all[6]);
    for (a, b) in [(0, 2), (2, 3), (3, 5), (0, 4)] {
        assert_ne!(all[a], all[b], "{a} and {b}");
    }
    assert!(all[3]["traced"].as_array().is_some_and(|traced| !traced.is_empty()));
}
