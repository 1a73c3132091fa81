//! Guests between the doors: what they read, send and are refused is in the record, the same each
//! time, and no guest brings the jar down.
#![allow(missing_docs, reason = "a test")]

mod support;

use belljar_record::{Actor, Event, FileAct, Layer, Precision};
use belljar_wasm::{LoadError, Outcome, Session};
use support::{Bench, Source, jar, setting, skipped};

fn run(source: &Source, arguments: &[&str]) -> Option<(Bench, Outcome)> {
    let program = source.program()?;
    let bench = Bench::new();
    let session = Session::new().expect("a runtime");
    let end = session.run(&program, &bench.doors, setting(arguments), None);
    Some((bench, end.outcome))
}

fn refusal(wat: &str) -> String {
    let bytes = wat::parse_str(wat).expect("valid text");
    match jar().load(&bytes) {
        Err(error @ (LoadError::Refused { .. } | LoadError::Link(_))) => error.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn what_overreach_uploads_is_in_the_record_in_the_clear_with_the_guests_function() {
    let Some((bench, outcome)) =
        run(&Source::C("overreach"), &["overreach", "scan", "/home/exercise"])
    else {
        return;
    };
    assert_eq!(outcome, Outcome::Exited(1), "{:#?}", bench.printed());
    let record = bench.record();
    let sent: Vec<Vec<u8>> = record
        .iter()
        .filter_map(|line| match &line.event {
            Event::Payload { payload, layer: Layer::Exchange, label, .. }
                if label == "requests" =>
            {
                bench.doors.payloads.in_memory_bytes(payload).map(|bytes| bytes.to_vec())
            }
            _ => None,
        })
        .collect();
    let holds = |needle: &[u8]| {
        sent.iter().any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    };
    assert!(holds(b"POST /v1/submit HTTP/1.1\r\nhost: upload.vendor.example\r\n"));
    assert!(holds(bench.zip()), "the archive leaves whole");
    let opened = record.iter().find(|line| matches!(line.event, Event::FlowOpened(_)));
    let Some(Actor::Wasm { frames, export, .. }) = opened.map(|line| &line.actor) else {
        panic!("a guest sends");
    };
    assert_eq!(export, "wasi:cli/run");
    assert!(frames.iter().any(|name| name == "send_request"), "{frames:?}");
}

#[test]
fn each_read_is_exact_and_names_the_guests_function() {
    let Some((bench, _)) = run(&Source::C("quiet"), &["quiet", "scan", "/home/exercise"]) else {
        return;
    };
    let mut bytes = 0;
    for line in bench.record() {
        let Event::File(file) = &line.event else { continue };
        let FileAct::Read { returned, precision, .. } = file.act else { continue };
        assert_eq!(precision, Precision::Exact);
        let Actor::Wasm { frames, .. } = &line.actor else {
            panic!("not a guest: {:?}", line.actor)
        };
        assert!(frames.iter().any(|name| name == "read_file"), "{frames:?}");
        bytes += u64::from(returned);
    }
    assert_eq!(bytes, bench.planted(), "every planted byte is read once");
}

#[test]
fn a_thousand_runs_have_one_record_and_another_seed_has_another() {
    let program = Source::Wat("reads-and-draws").program().expect("WAT needs no tool");
    let session = Session::new().expect("a runtime");
    let hash = |seed: u64| {
        let bench = Bench::new();
        let mut setting = setting(&["guest"]);
        setting.seed = seed;
        let end = session.run(&program, &bench.doors, setting, None);
        assert_eq!(end.outcome, Outcome::Exited(0));
        belljar_record::Sha256Hex::of(&bench.bytes())
    };
    let first = hash(1);
    for _ in 1..1000 {
        assert_eq!(hash(1), first);
    }
    assert_ne!(hash(2), first);
}

#[test]
fn runs_of_overreach_are_equal_to_the_byte() {
    let Some(program) = Source::C("overreach").program() else { return };
    let session = Session::new().expect("a runtime");
    let record = || {
        let bench = Bench::new();
        let setting = setting(&["overreach", "scan", "/home/exercise"]);
        session.run(&program, &bench.doors, setting, None);
        bench.bytes()
    };
    let first = record();
    for _ in 0..20 {
        assert!(record() == first, "the record differs");
    }
}

#[test]
fn what_cannot_run_is_refused_by_the_name_of_its_import() {
    let refused = [
        (r#"(module (import "a" "b" (func)) (memory 1))"#, "a.b", "Emscripten"),
        (
            r#"(module (import "wasi_unstable" "fd_write" (func)))"#,
            "wasi_unstable.fd_write",
            "2019",
        ),
        (
            r#"(module (import "wasi" "thread-spawn" (func (param i32) (result i32))))"#,
            "thread-spawn",
            "threads",
        ),
        (r#"(module (import "env" "memory" (memory 1)))"#, "env.memory", "--import-memory"),
        (r#"(module (import "env" "memory" (memory 1 2 shared)))"#, "shared", "threads"),
        (r#"(module (memory 1 2 shared))"#, "shared memory", "threads"),
        (
            r#"(module (import "env" "system" (func (param i32) (result i32))))"#,
            "env.system",
            "WASI",
        ),
        (
            r#"(module (import "host:own/door" "open" (func)) (memory 1))"#,
            "host:own/door",
            "WASI 0.2",
        ),
    ];
    for (wat, name, instead) in refused {
        let message = refusal(wat);
        assert!(message.contains(name) && message.contains(instead), "{message}");
    }
    assert!(matches!(jar().load(b"\x7fELF"), Err(LoadError::NotWasm(_))));
    let component = wat::parse_str(r#"(component (import "wasi:nn/tensor@0.2.0" (instance)))"#);
    let message = jar().load(&component.expect("valid")).map(drop).map_err(|e| e.to_string());
    assert!(message.is_err_and(|message| message.contains("wasi:nn/tensor")));
}

#[test]
fn guests_that_never_end_end_at_their_time() {
    for name in ["loop", "waits-for-ever", "calls-for-ever"] {
        let program = Source::Wat(name).program().expect("WAT needs no tool");
        let bench = Bench::new();
        let session = Session::new().expect("a runtime");
        let mut setting = setting(&["guest"]);
        setting.time = 200_000_000;
        let end = session.run(&program, &bench.doors, setting, None);
        assert_eq!(end.outcome, Outcome::OutOfTime, "{name}");
    }
}

#[test]
fn deep_recursion_and_bad_pointers_trap_and_nothing_else() {
    for name in ["recursion", "unreachable", "bad-pointer"] {
        let (_, outcome) = run(&Source::Wat(name), &["guest"]).expect("WAT needs no tool");
        match outcome {
            Outcome::Trapped { frames, .. } => {
                assert!(frames.iter().any(|frame| frame == "guilty"), "{name}: {frames:?}");
            }
            // The adapter answers a bad pointer with an error of its own kind in some calls.
            other => assert!(name == "bad-pointer", "{name}: {other:?}"),
        }
    }
}

#[test]
fn memory_beyond_the_limit_is_not_given_and_said() {
    let program = Source::Wat("grows").program().expect("WAT needs no tool");
    let bench = Bench::new();
    let session = Session::new().expect("a runtime");
    let end = session.run(&program, &bench.doors, setting(&["guest"]), None);
    assert_eq!(end.outcome, Outcome::Exited(0));
    assert!(end.denied.memory > 0);
}

#[test]
fn a_full_record_ends_the_guest() {
    let program = Source::Wat("calls-for-ever").program().expect("WAT needs no tool");
    let bench = Bench::with_budget(20_000);
    let session = Session::new().expect("a runtime");
    let end = session.run(&program, &bench.doors, setting(&["guest"]), None);
    assert!(matches!(end.outcome, Outcome::RecordFull(_)), "{:?}", end.outcome);
}

#[test]
fn the_next_instance_takes_the_place_of_the_last() {
    let jar = belljar_wasm::WasmJar::new(&belljar_wasm::JarSettings::default()).expect("an engine");
    if jar.pooled().is_none() {
        return skipped("this host has not the address space for a pool of instances");
    }
    let bytes = Source::Wat("grows").bytes().expect("WAT needs no tool");
    let program = jar.load(&bytes).expect("loads");
    let session = Session::new().expect("a runtime");
    for _ in 0..40 {
        let end = session.run(&program, &Bench::new().doors, setting(&["guest"]), None);
        assert_eq!(end.outcome, Outcome::Exited(0));
        let pooled = jar.pooled().expect("as before");
        // More runs than places: each has given back what it had, and the next one took it.
        assert_eq!((pooled.instances, pooled.memories), (0, 0));
        assert_eq!(pooled.ready, 1, "one memory serves all");
    }
}

#[test]
fn compiled_code_is_found_again_in_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = belljar_wasm::JarSettings { cache: Some(folder.path().to_owned()) };
    let bytes = Source::Wat("loop").bytes().expect("WAT needs no tool");
    let first = belljar_wasm::WasmJar::new(&settings).expect("an engine");
    first.load(&bytes).expect("loads");
    assert_eq!(first.cache_use().0, 0);
    // The cache writes beside the compiler.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let again = belljar_wasm::WasmJar::new(&settings).expect("an engine");
        again.load(&bytes).expect("loads");
        if again.cache_use().0 > 0 {
            break;
        }
        assert!(std::time::Instant::now() < until, "never found");
    }
}
