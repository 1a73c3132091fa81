//! Claims about engines that are libraries: one instance is called for each file, what it reads and
//! sends names the exported call and its functions, services that are not named are not there, runs
//! repeat to the byte, and what is no engine is refused.
#![allow(missing_docs, reason = "a test")]

mod support;

use belljar_record::{Actor, Event, FileAct, Layer};
use belljar_wasi::{SCAN, Services, Setting, Verdict};
use belljar_wasm::{Library, LoadError, Outcome, Session};
use support::{Bench, Source, jar, setting};

const PATHS: [&str; 3] = [
    "/home/exercise/Documents/notes.txt",
    "/home/exercise/clean.txt",
    "/home/exercise/missing.txt",
];

fn library(name: &'static str) -> Library {
    jar().load_engine(&Source::Wat(name).bytes().expect("WAT needs no tool")).expect("loads")
}

fn engine_setting() -> Setting {
    let submission = Services::at("https://upload.vendor.example/v1/submit").expect("an address");
    Setting {
        export: SCAN.into(),
        services: Services { reputation: None, submission: Some(submission) },
        ..setting(&[])
    }
}

fn scan(library: &Library, setting: Setting) -> (Bench, Vec<(String, Verdict)>) {
    let bench = Bench::new();
    let session = Session::new().expect("a runtime");
    let paths = PATHS.map(str::to_owned);
    let mut verdicts = Vec::new();
    let mut told = |path: &str, verdict: &Verdict| verdicts.push((path.into(), verdict.clone()));
    let end = session.scan(library, &bench.doors, setting, &paths, &mut told);
    assert_eq!(end.outcome, Outcome::Exited(0));
    (bench, verdicts)
}

#[test]
fn an_engine_is_called_for_each_file_and_told_by_its_verdicts() {
    let (bench, verdicts) = scan(&library("engine-reads"), engine_setting());
    let paths: Vec<&str> = verdicts.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, PATHS);
    assert!(matches!(verdicts[0].1, Verdict::Clean), "{verdicts:?}");
    assert!(matches!(verdicts[2].1, Verdict::Failed(_)), "a file that is not there: {verdicts:?}");

    // Between the line of a call and that of the next stands what was done in it.
    let mut called = Vec::new();
    let mut read = Vec::new();
    for line in bench.record() {
        match &line.event {
            Event::Import { call, detail } if call == SCAN => called.push(detail.clone()),
            Event::File(file) if matches!(file.act, FileAct::Read { .. }) => {
                let Actor::Wasm { export, frames, .. } = &line.actor else { panic!("{line:?}") };
                assert_eq!(
                    (export.as_str(), &frames[..]),
                    (SCAN, &["read_some", "scan"].map(str::to_owned)[..])
                );
                let path = String::from_utf8_lossy(file.path.as_bytes()).into_owned();
                assert_eq!(called.last(), Some(&format!("{path:?}")));
                read.push(path);
            }
            _ => {}
        }
    }
    assert_eq!(called, PATHS.map(|path| format!("{path:?}")));
    assert_eq!(read, PATHS[..2]);
}

#[test]
fn what_is_submitted_names_the_functions_and_is_a_conversation_for_each_file() {
    let (bench, _) = scan(&library("engine-submits"), engine_setting());
    let mut flows = Vec::new();
    let mut sent = Vec::new();
    for line in bench.record() {
        match &line.event {
            Event::FlowOpened(flow) => {
                let Actor::Wasm { export, frames, .. } = &line.actor else { panic!("{line:?}") };
                assert_eq!((export.as_str(), frames.join(" ")), (SCAN, "send scan".to_owned()));
                flows.push(flow.remote.port);
            }
            Event::Payload { payload, layer: Layer::Exchange, label, .. }
                if label == "requests" =>
            {
                let bytes = bench.doors.payloads.in_memory_bytes(payload).expect("is kept");
                sent.push(String::from_utf8_lossy(&bytes).into_owned());
            }
            _ => {}
        }
    }
    assert_eq!(flows, [443, 443]);
    let [first, second] = &sent[..] else { panic!("{} payloads", sent.len()) };
    let head = "POST /v1/submit HTTP/1.1\r\nhost: upload.vendor.example\r\n";
    assert!(first.starts_with(head) && first.contains("the quick brown fox"), "{first}");
    assert!(second.starts_with(head) && second.contains("clean"), "{second}");
}

#[test]
fn a_service_that_the_component_file_does_not_name_is_not_there() {
    let without = Setting { services: Services::default(), ..engine_setting() };
    let (bench, _) = scan(&library("engine-submits"), without);
    let opened = |event: &Event| matches!(event, Event::FlowOpened(_));
    assert!(!bench.record().iter().any(|line| opened(&line.event)));
    // It tried, and that is told.
    let tried =
        |event: &Event| matches!(event, Event::Import { call, .. } if call.ends_with(" submit"));
    assert_eq!(bench.record().iter().filter(|line| tried(&line.event)).count(), 2);
}

#[test]
fn runs_of_an_engine_are_equal_to_the_byte() {
    let library = library("engine-submits");
    let first = scan(&library, engine_setting()).0.bytes();
    for _ in 0..100 {
        assert!(scan(&library, engine_setting()).0.bytes() == first, "the record differs");
    }
}

#[test]
fn what_is_no_engine_is_refused() {
    let refused = |bytes: &[u8]| match jar().load_engine(bytes) {
        Err(error) => error.to_string(),
        Ok(library) => panic!("not refused: {library:?}"),
    };
    let command = Source::Wat("reads-and-draws").bytes().expect("WAT needs no tool");
    assert!(refused(&command).contains("belljar:engine/scanner"), "{}", refused(&command));
    let unknown = wat::parse_str(
        r#"(module (import "belljar:engine/nothing@0.1.0" "x" (func)) (memory (export "memory") 1))"#,
    )
    .expect("valid text");
    assert!(refused(&unknown).contains("belljar:engine/nothing"), "{}", refused(&unknown));
    let other = wat::parse_str(
        r#"(module (import "belljar:engine/files@0.9.0" "open" (func (param i32 i32 i32))))"#,
    )
    .expect("valid text");
    assert!(refused(&other).contains("belljar:engine@0.1.0 is offered"), "{}", refused(&other));

    let engine = Source::Wat("engine-reads").bytes().expect("WAT needs no tool");
    let Err(LoadError::Refused { instead, .. }) = jar().load(&engine) else {
        panic!("an engine is no command")
    };
    assert!(instead.contains("[engine]"), "{instead}");
}
