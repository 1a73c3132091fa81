//! Ratios: a guest that reads through the world against the published hosts on a real folder; a
//! small guest from call to record, and from call to verdict; cold and cached start.
//!
//! Usage: `cargo bench -p belljar-wasm` (needs clang-19 for the reading guest).
#![allow(missing_docs, reason = "a benchmark")]

#[path = "../tests/support/mod.rs"]
mod support;
#[path = "verdicts/mod.rs"]
mod verdicts;

use belljar_record::{BytesSource, Log, Payloads};
use belljar_wasi::{Doors, VirtualClock};
use belljar_wasm::{JarSettings, Outcome, Session, WasmJar, component_of};
use belljar_world::{Meta, WorldBuilder, WorldLimits};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Bench, Source, jar, setting};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// Length of the file that is read, and how often.
const FILE: usize = 64 << 20;
const TIMES: usize = 16;
const SMALL_RUNS: u32 = 2_000;

struct Published {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Published {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

fn main() {
    starts();
    small();
    verdicts::run();
    reading();
}

fn starts() {
    let bytes = Source::C("overreach").bytes().or_else(|| Source::Wat("reads-and-draws").bytes());
    let bytes = bytes.expect("WAT needs no tool");
    let folder = tempfile::tempdir().expect("a folder");
    let settings = JarSettings { cache: Some(folder.path().to_owned()) };
    for name in ["cold", "cached"] {
        let fresh = WasmJar::new(&settings).expect("an engine");
        let began = Instant::now();
        fresh.load(&bytes).expect("loads");
        println!("{name} start of a module of {} bytes: {:?}", bytes.len(), began.elapsed());
        let began = Instant::now();
        fresh.load(&bytes).expect("loads");
        println!("  again in the same process: {:?}", began.elapsed());
        // The cache writes beside the compiler.
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn small() {
    let program = Source::Wat("reads-and-draws").program().expect("WAT needs no tool");
    let session = Session::new().expect("a runtime");
    // World and fake internet are shared, as between runs of one seed.
    let bench = Bench::new();
    let began = Instant::now();
    for _ in 0..SMALL_RUNS {
        let end = session.run(&program, &bench.doors, setting(&["guest"]), None);
        assert_eq!(end.outcome, Outcome::Exited(0));
    }
    let each = began.elapsed() / SMALL_RUNS;
    println!(
        "small guest (open, read, draw, time, print), with record: {each:?} a run, {:.0} a minute",
        60.0 / each.as_secs_f64()
    );
}

fn reading() {
    let Some(bytes) = Source::Test("reads").bytes() else { return };
    let component = component_of(&bytes).expect("can be adapted");
    let content = vec![7_u8; FILE];
    let gib = (FILE * TIMES) as f64 / f64::from(1 << 30);

    let clock = Arc::new(VirtualClock::new());
    let log = Log::new(std::io::sink(), u64::MAX / 2, Arc::clone(&clock) as _);
    let payloads = Payloads::in_memory(1 << 20);
    let meta = Meta { mode: 0o644, uid: 0, gid: 0, mtime_s: 0 };
    let source = Arc::new(BytesSource::from(content.clone()));
    let world = WorldBuilder::new(WorldLimits::default())
        .file("/file", meta, source, None)
        .build(log.clone())
        .expect("can be built");
    let internet = Arc::clone(&Bench::new().doors.internet);
    let doors = Doors { world, internet, log, payloads, clock, flows: Arc::default() };
    let program = jar().load(&bytes).expect("loads");
    let session = Session::new().expect("a runtime");
    let mut setting = setting(&["reads"]);
    setting.time = u64::MAX / 4;
    let mut ours = Duration::MAX;
    for _ in 0..3 {
        let began = Instant::now();
        let end = session.run(&program, &doors, setting.clone(), None);
        assert_eq!(end.outcome, Outcome::Exited(0));
        ours = ours.min(began.elapsed());
    }

    let folder = tempfile::tempdir_in("/dev/shm").expect("tmpfs");
    std::fs::write(folder.path().join("file"), &content).expect("has room");
    let engine = Engine::new(&Config::new()).expect("an engine");
    let mut linker: Linker<Published> = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("links");
    let component = Component::from_binary(&engine, &component).expect("compiles");
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = threads.worker_threads(1).enable_all().build().expect("a runtime");
    for (name, blocking) in [("a pool of threads", false), ("the same thread", true)] {
        let mut theirs = Duration::MAX;
        for _ in 0..3 {
            let mut builder = WasiCtxBuilder::new();
            builder.allow_blocking_current_thread(blocking);
            support::preopen(&mut builder, folder.path());
            let state = Published { wasi: builder.build(), table: ResourceTable::new() };
            let mut store = Store::new(&engine, state);
            let began = Instant::now();
            runtime.block_on(async {
                let command = Command::instantiate_async(&mut store, &component, &linker).await;
                let command = command.expect("starts");
                let run = command.wasi_cli_run().call_run(&mut store).await;
                run.expect("runs").expect("ends in order");
            });
            theirs = theirs.min(began.elapsed());
        }
        println!(
            "reading {gib} GiB: through the world {ours:?}, published host on tmpfs by {name} \
             {theirs:?}: {:.2} times",
            ours.as_secs_f64() / theirs.as_secs_f64()
        );
    }
}
