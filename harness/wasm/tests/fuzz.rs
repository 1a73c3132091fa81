//! Random calls of the host functions, preview 1, WASI 0.2 and `belljar:engine`, with random
//! arguments: no call brings belljar down, every line of the record can be read again, and the same
//! calls give the same record.
//!
//! Two guests are made of the tables below, a command and an engine: they take their calls from
//! standard input, so that each is compiled once. A few seconds unless `BELLJAR_FUZZ_SECONDS` says more; a run that fails names its
//! seed, and `BELLJAR_TEST_SEED` runs it again.
#![allow(missing_docs, reason = "a test")]

mod support;

use belljar_wasi::{SCAN, Services};
use belljar_wasm::{Outcome, Session};
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use support::{Bench, jar, setting};

/// Interfaces, functions, and the core types of their parameters and result: `i` 32 bits, `l` 64.
const CALLS: &[Call] = &[
    (P1, "args_get", "ii", "i"),
    (P1, "args_sizes_get", "ii", "i"),
    (P1, "environ_get", "ii", "i"),
    (P1, "environ_sizes_get", "ii", "i"),
    (P1, "clock_res_get", "ii", "i"),
    (P1, "clock_time_get", "ili", "i"),
    (P1, "fd_advise", "illi", "i"),
    (P1, "fd_allocate", "ill", "i"),
    (P1, "fd_close", "i", "i"),
    (P1, "fd_datasync", "i", "i"),
    (P1, "fd_fdstat_get", "ii", "i"),
    (P1, "fd_fdstat_set_flags", "ii", "i"),
    (P1, "fd_filestat_get", "ii", "i"),
    (P1, "fd_filestat_set_size", "il", "i"),
    (P1, "fd_filestat_set_times", "illi", "i"),
    (P1, "fd_pread", "iiili", "i"),
    (P1, "fd_prestat_get", "ii", "i"),
    (P1, "fd_prestat_dir_name", "iii", "i"),
    (P1, "fd_pwrite", "iiili", "i"),
    (P1, "fd_read", "iiii", "i"),
    (P1, "fd_readdir", "iiili", "i"),
    (P1, "fd_renumber", "ii", "i"),
    (P1, "fd_seek", "ilii", "i"),
    (P1, "fd_sync", "i", "i"),
    (P1, "fd_tell", "ii", "i"),
    (P1, "fd_write", "iiii", "i"),
    (P1, "path_create_directory", "iii", "i"),
    (P1, "path_filestat_get", "iiiii", "i"),
    (P1, "path_filestat_set_times", "iiiilli", "i"),
    (P1, "path_link", "iiiiiii", "i"),
    (P1, "path_open", "iiiiillii", "i"),
    (P1, "path_readlink", "iiiiii", "i"),
    (P1, "path_remove_directory", "iii", "i"),
    (P1, "path_rename", "iiiiii", "i"),
    (P1, "path_symlink", "iiiii", "i"),
    (P1, "path_unlink_file", "iii", "i"),
    (P1, "poll_oneoff", "iiii", "i"),
    (P1, "random_get", "ii", "i"),
    (P1, "sched_yield", "", "i"),
    (FILES, "[method]descriptor.read-via-stream", "ili", ""),
    (FILES, "[method]descriptor.write-via-stream", "ili", ""),
    (FILES, "[method]descriptor.append-via-stream", "ii", ""),
    (FILES, "[method]descriptor.read", "illi", ""),
    (FILES, "[method]descriptor.write", "iiili", ""),
    (FILES, "[method]descriptor.read-directory", "ii", ""),
    (FILES, "[method]descriptor.open-at", "iiiiiii", ""),
    (FILES, "[method]descriptor.metadata-hash", "ii", ""),
    (FILES, "[method]directory-entry-stream.read-directory-entry", "ii", ""),
    (FILES, "[resource-drop]descriptor", "i", ""),
    ("wasi:filesystem/preopens@0.2.12", "get-directories", "i", ""),
    (STREAMS, "[method]input-stream.read", "ili", ""),
    (STREAMS, "[method]input-stream.blocking-read", "ili", ""),
    (STREAMS, "[method]input-stream.skip", "ili", ""),
    (STREAMS, "[method]output-stream.check-write", "ii", ""),
    (STREAMS, "[method]output-stream.write", "iiii", ""),
    (STREAMS, "[method]output-stream.write-zeroes", "ili", ""),
    (STREAMS, "[method]output-stream.splice", "iili", ""),
    (STREAMS, "[method]output-stream.blocking-write-and-flush", "iiii", ""),
    ("wasi:random/random@0.2.12", "get-random-bytes", "li", ""),
    ("wasi:random/insecure@0.2.12", "get-insecure-random-bytes", "li", ""),
    ("wasi:sockets/instance-network@0.2.12", "instance-network", "", "i"),
    ("wasi:sockets/ip-name-lookup@0.2.12", "resolve-addresses", "iiii", ""),
    (
        "wasi:sockets/ip-name-lookup@0.2.12",
        "[method]resolve-address-stream.resolve-next-address",
        "ii",
        "",
    ),
    ("wasi:sockets/tcp-create-socket@0.2.12", "create-tcp-socket", "ii", ""),
    (TCP, "[method]tcp-socket.start-bind", "iiiiiiiiiiiiiii", ""),
    (TCP, "[method]tcp-socket.finish-bind", "ii", ""),
    (TCP, "[method]tcp-socket.start-connect", "iiiiiiiiiiiiiii", ""),
    (TCP, "[method]tcp-socket.finish-connect", "ii", ""),
    (TCP, "[method]tcp-socket.start-listen", "ii", ""),
    (TCP, "[method]tcp-socket.shutdown", "iii", ""),
    (TCP, "[resource-drop]tcp-socket", "i", ""),
    ("wasi:sockets/udp-create-socket@0.2.12", "create-udp-socket", "ii", ""),
    (UDP, "[method]udp-socket.start-bind", "iiiiiiiiiiiiiii", ""),
    (UDP, "[method]udp-socket.finish-bind", "ii", ""),
    (UDP, "[method]udp-socket.stream", "iiiiiiiiiiiiiii", ""),
    (UDP, "[method]outgoing-datagram-stream.check-send", "ii", ""),
    (UDP, "[method]outgoing-datagram-stream.send", "iiii", ""),
    (UDP, "[method]incoming-datagram-stream.receive", "ili", ""),
    (HTTP, "[constructor]fields", "", "i"),
    (HTTP, "[method]fields.append", "iiiiii", ""),
    (HTTP, "[constructor]outgoing-request", "i", "i"),
    (HTTP, "[method]outgoing-request.set-method", "iiii", "i"),
    (HTTP, "[method]outgoing-request.set-path-with-query", "iiii", "i"),
    (HTTP, "[method]outgoing-request.set-scheme", "iiiii", "i"),
    (HTTP, "[method]outgoing-request.set-authority", "iiii", "i"),
    (HTTP, "[method]outgoing-request.body", "ii", ""),
    (HTTP, "[method]outgoing-body.write", "ii", ""),
    (HTTP, "[static]outgoing-body.finish", "iiii", ""),
    ("wasi:http/outgoing-handler@0.2.12", "handle", "iiii", ""),
    (HTTP, "[method]future-incoming-response.subscribe", "i", "i"),
    (HTTP, "[method]future-incoming-response.get", "ii", ""),
    (HTTP, "[method]incoming-response.consume", "ii", ""),
    (HTTP, "[method]incoming-body.stream", "ii", ""),
    (HTTP, "[resource-drop]future-incoming-response", "i", ""),
    ("wasi:clocks/monotonic-clock@0.2.12", "subscribe-duration", "l", "i"),
    ("wasi:io/poll@0.2.12", "poll", "iii", ""),
    ("wasi:io/poll@0.2.12", "[method]pollable.block", "i", ""),
];
/// What only an engine can import.
const ENGINE_CALLS: &[Call] = &[
    (ENGINE_FILES, "open", "iii", ""),
    (ENGINE_FILES, "status-of", "iii", ""),
    (ENGINE_FILES, "entries", "iii", ""),
    (ENGINE_FILES, "[method]file.read", "ilii", ""),
    (ENGINE_FILES, "[method]file.status", "ii", ""),
    (ENGINE_FILES, "[resource-drop]file", "i", ""),
    ("belljar:engine/reputation@0.1.0", "look-up", "iii", ""),
    ("belljar:engine/submission@0.1.0", "submit", "iiiii", ""),
];
type Call = (&'static str, &'static str, &'static str, &'static str);
const ENGINE_FILES: &str = "belljar:engine/files@0.1.0";
const HTTP: &str = "wasi:http/types@0.2.12";
const P1: &str = "wasi_snapshot_preview1";
const FILES: &str = "wasi:filesystem/types@0.2.12";
const STREAMS: &str = "wasi:io/streams@0.2.12";
const TCP: &str = "wasi:sockets/tcp@0.2.12";
const UDP: &str = "wasi:sockets/udp@0.2.12";

/// Bytes of one argument in a script.
const ARGUMENT: usize = 8;
/// Most arguments of a call.
const ARGUMENTS: usize = 16;
/// Bytes of one call in a script: its number, then its arguments.
const CALL: usize = ARGUMENT * (1 + ARGUMENTS);
/// Where the guest keeps its script; before it lie paths and small structures.
const SCRIPT: usize = 1 << 16;
/// Calls of a script at most.
const MOST: usize = 48;
/// Where what the host gives is put, one after the other.
const GIVEN: usize = 1 << 19;

/// Paths and names that calls may hit on: each begins at a multiple of 64.
const TEXTS: &[&str] = &[
    "home/exercise/clean.txt",
    "home/exercise",
    "..",
    "/etc/passwd",
    "new",
    "home/exercise/Documents/../clean.txt",
    "a/b/c",
    "new/new",
    ".",
    "update.vendor.example",
    "",
    "\u{e4}\u{0}x",
    "a-name.that-is-none",
];

/// A guest: reads its script, then makes the calls that stand in it.
fn guest(calls: &[Call], engine: bool) -> Vec<u8> {
    let mut wat = String::from("(module\n");
    let core = |types: &str| -> String {
        types.chars().map(|c| if c == 'l' { " i64" } else { " i32" }).collect()
    };
    for (number, (interface, name, parameters, result)) in calls.iter().enumerate() {
        let (parameters, result) = (core(parameters), core(result));
        let _ = writeln!(
            wat,
            r#"(import "{interface}" "{name}" (func $c{number} (param{parameters}) (result{result})))"#
        );
    }
    wat.push_str("(memory (export \"memory\") 20 40)\n");
    for (place, text) in TEXTS.iter().enumerate() {
        let bytes: String = text.bytes().fold(String::new(), |mut all, byte| {
            let _ = write!(all, "\\{byte:02x}");
            all
        });
        let _ = writeln!(wat, "(data (i32.const {}) \"{bytes}\")", 64 * place);
    }
    let read = calls.iter().position(|(_, name, ..)| *name == "fd_read").expect("is there");
    // What the host gives is put behind one another; when there is no room, the guest traps.
    let _ = write!(
        wat,
        r#"(global $given (mut i32) (i32.const {GIVEN}))
(func (export "cabi_realloc") (param $old i32) (param $len i32) (param $align i32) (param $new i32)
    (result i32) (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $given) (i32.const 15)) (i32.const -16)))
  (if (i32.gt_u (local.get $new) (i32.const 0x80000)) (then unreachable))
  (global.set $given (i32.add (local.get $at) (local.get $new)))
  (if (i32.gt_u (global.get $given) (i32.const 0x130000)) (then unreachable))
  (local.get $at))
(func $guilty (local $at i32) (local $end i32)
  (i32.store (i32.const 4096) (i32.const {SCRIPT}))
  (i32.store (i32.const 4100) (i32.const {}))
  (drop (call $c{read} (i32.const 0) (i32.const 4096) (i32.const 1) (i32.const 4104)))
  (local.set $at (i32.const {SCRIPT}))
  (local.set $end (i32.add (local.get $at) (i32.load (i32.const 4104))))
  (loop $on
    (if (i32.ge_u (local.get $at) (local.get $end)) (then return))
"#,
        MOST * CALL
    );
    for (number, (_, _, parameters, result)) in calls.iter().enumerate() {
        let _ = write!(wat, "(if (i32.eq (i32.load (local.get $at)) (i32.const {number})) (then ");
        let arguments: String = parameters
            .char_indices()
            .map(|(place, kind)| {
                let offset = ARGUMENT * (1 + place);
                let kind = if kind == 'l' { "i64" } else { "i32" };
                format!(" ({kind}.load offset={offset} (local.get $at))")
            })
            .collect();
        let call = format!("(call $c{number}{arguments})");
        let _ =
            writeln!(wat, "{}))", if result.is_empty() { call } else { format!("(drop {call})") });
    }
    let _ =
        writeln!(wat, "(local.set $at (i32.add (local.get $at) (i32.const {CALL}))) (br $on)))");
    wat.push_str(if engine {
        // Its verdict is whatever its calls left there.
        r#"(func (export "belljar:engine/scanner@0.1.0#scan") (param i32 i32) (result i32)
             (call $guilty) (i32.const 8192)))"#
    } else {
        r#"(func (export "_start") (call $guilty)))"#
    });
    wat::parse_str(&wat).expect("valid text")
}

/// SplitMix64.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// An argument: mostly one that could mean something.
    fn argument(&mut self) -> u64 {
        match self.below(16) {
            0..5 => self.below(12) as u64,
            5..8 => 64 * self.below(TEXTS.len()) as u64,
            8..10 => TEXTS[self.below(TEXTS.len())].len() as u64,
            10..12 => 8192 + 8 * self.below(512) as u64,
            12 => self.next() & 0xffff,
            13 => u64::from(self.next() as u32),
            14 => self.next(),
            _ => [u64::MAX, 1 << 31, 0x7fff_ffff, 1 << 63, 0xffff_fff0][self.below(5)],
        }
    }

    fn script(&mut self, calls: usize) -> Vec<u8> {
        let mut script = Vec::new();
        // A directory and a network to begin with, as guests have them.
        for name in ["get-directories", "instance-network"] {
            let number = CALLS.iter().position(|(_, own, ..)| *own == name).expect("is there");
            script.extend_from_slice(&(number as u64).to_le_bytes());
            script.extend_from_slice(&16_384_u64.to_le_bytes());
            script.resize(script.len().next_multiple_of(CALL), 0);
        }
        for _ in 0..1 + self.below(MOST - 2) {
            script.extend_from_slice(&(self.below(calls) as u64).to_le_bytes());
            for _ in 0..ARGUMENTS {
                script.extend_from_slice(&self.argument().to_le_bytes());
            }
        }
        script
    }
}

#[test]
fn random_calls_bring_nothing_down_and_repeat_to_the_byte() {
    let seed = match std::env::var("BELLJAR_TEST_SEED") {
        Ok(text) => text.parse().expect("BELLJAR_TEST_SEED is a number"),
        Err(_) => {
            let since = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
            since.as_nanos() as u64 >> 8
        }
    };
    println!("seed {seed}");
    let seconds = std::env::var("BELLJAR_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(0));
    let all = [CALLS, ENGINE_CALLS].concat();
    let program = jar().load(&guest(CALLS, false)).expect("loads");
    let library = jar().load_engine(&guest(&all, true)).expect("loads");
    let mut draw = Draw(seed);
    let (mut scripts, mut whole) = (0_u64, 0_u64);
    while scripts < 400 || Instant::now() < until {
        let engine = scripts % 2 == 1;
        let script = draw.script(if engine { all.len() } else { CALLS.len() });
        let run = || {
            let bench = Bench::with_budget(4 << 20);
            let session = Session::new().expect("a runtime");
            let mut setting = setting(&["guest"]);
            setting.input = script.clone();
            setting.time = 50_000_000;
            setting.resources = 200;
            let end = if engine {
                setting.export = SCAN.into();
                let service = || Services::at("https://a.vendor.example/v1").ok();
                setting.services = Services { reputation: service(), submission: service() };
                let paths = ["/home/exercise/clean.txt".to_owned()];
                session.scan(&library, &bench.doors, setting, &paths, &mut |_, _| {})
            } else {
                session.run(&program, &bench.doors, setting, None)
            };
            let lines = bench.record().len();
            (end, lines, bench.bytes())
        };
        let (end, lines, bytes) = run();
        assert!(!matches!(end.outcome, Outcome::HostTime | Outcome::NotStarted(_)), "{end:?}");
        assert!(lines > 0, "the look at its directory is in the record");
        if scripts % 16 < 2 {
            let (again, _, same) = run();
            assert_eq!(end, again, "script {scripts} of seed {seed}");
            assert!(bytes == same, "script {scripts} of seed {seed} has two records");
        }
        whole += u64::from(end.outcome == Outcome::Exited(0));
        scripts += 1;
    }
    println!("{scripts} scripts, {whole} to their end");
}
