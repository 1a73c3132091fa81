//! WASI conformance by difference: each guest runs once over the world and once over a real folder
//! with the published hosts, and must print the same lines.
//!
//! Deviations that are on purpose stand in `DEVIATIONS`, each with its reason.
#![allow(missing_docs, reason = "a test")]

mod support;

use belljar_wasm::{Outcome, Session};
use support::{Bench, Source, jar, setting};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// Lines that differ on purpose: ours, that of the published hosts, and why. They stand in
/// `docs/wasm.md`, too.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    (
        "stat sd/ look=0 -> 0 type 3",
        "stat sd/ look=0 -> 0 type 7 size 1 links 1",
        "a slash at the end means the directory that a link leads to (POSIX, 4.13)",
    ),
    (
        "stat a/ look=0 -> error 24",
        "stat a/ look=0 -> type 6 links 1 size 7 times 111",
        "a slash at the end means a directory; a file is none (POSIX, 4.13)",
    ),
    ("rmdir d/ -> 0", "rmdir d/ -> 28", "a slash at the end of a directory's name is allowed"),
    ("rmdir d -> 44", "rmdir d -> 0", "it is gone since the line before"),
];

struct Published {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Published {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// What a guest prints with the published hosts over a real folder.
fn published(component: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::new(&Config::new()).expect("an engine");
    let mut linker: Linker<Published> = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("links");
    let component = Component::from_binary(&engine, component).expect("compiles");
    let out = MemoryOutputPipe::new(1 << 20);
    let mut builder = WasiCtxBuilder::new();
    builder.stdout(out.clone()).args(&["guest"]);
    support::preopen(&mut builder, folder.path());
    let state = Published { wasi: builder.build(), table: ResourceTable::new() };
    let mut store = Store::new(&engine, state);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let command = Command::instantiate_async(&mut store, &component, &linker).await;
        let command = command.expect("starts");
        command.wasi_cli_run().call_run(&mut store).await.expect("runs").expect("ends in order");
    });
    String::from_utf8_lossy(&out.contents()).into_owned()
}

/// What it prints over an empty world.
fn ours(bytes: &[u8]) -> String {
    let program = jar().load(bytes).expect("loads");
    let bench = Bench::empty();
    let session = Session::new().expect("a runtime");
    let end = session.run(&program, &bench.doors, setting(&["guest"]), None);
    assert_eq!(end.outcome, Outcome::Exited(0), "{:?}", bench.printed());
    let printed = bench.printed();
    printed.iter().find_map(|text| text.strip_prefix("stdout: ")).unwrap_or_default().to_owned()
}

#[test]
fn every_file_call_of_preview_1_behaves_as_on_a_real_folder() {
    compare("files", 200);
}

#[test]
fn every_file_call_of_0_2_behaves_as_on_a_real_folder() {
    compare("files-0.2", 150);
}

fn compare(guest: &'static str, least: usize) {
    let Some(bytes) = Source::Test(guest).bytes() else { return };
    let component = belljar_wasm::component_of(&bytes).expect("can be adapted");
    let (ours, published) = (ours(&bytes), published(&component));
    assert!(published.lines().count() > least, "{published}");
    let (ours, published): (Vec<&str>, Vec<&str>) =
        (ours.lines().collect(), published.lines().collect());
    let mut different = Vec::new();
    for (number, pair) in ours.iter().zip(&published).enumerate() {
        let on_purpose =
            DEVIATIONS.iter().any(|(ours, theirs, _)| pair.0 == ours && pair.1 == theirs);
        if pair.0 != pair.1 && !on_purpose {
            different.push(format!(
                "line {}: ours      {}\n          published {}",
                number + 1,
                pair.0,
                pair.1
            ));
        }
    }
    assert!(different.is_empty(), "{} lines differ:\n{}", different.len(), different.join("\n"));
    assert_eq!(ours.len(), published.len());
}
