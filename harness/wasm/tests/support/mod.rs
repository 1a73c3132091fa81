//! A world with a home, a fake vendor, and guests from WAT and C.
#![allow(unreachable_pub, dead_code, reason = "each test binary takes what it needs")]

use belljar_internet::{Internet, InternetPlan};
use belljar_record::{BytesSource, DecoyId, Log, Observation, Payloads};
use belljar_schema::VendorRule;
use belljar_wasi::{Doors, Setting, VirtualClock};
use belljar_wasm::{JarSettings, Program, WasmJar};
use belljar_world::{Meta, WorldBuilder, WorldLimits};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

/// 2026-03-01 12:00:00 UTC.
const NOW: i64 = 1_772_366_400;

pub fn jar() -> &'static WasmJar {
    static JAR: LazyLock<WasmJar> =
        LazyLock::new(|| WasmJar::new(&JarSettings::default()).expect("an engine"));
    &JAR
}

pub fn setting(arguments: &[&str]) -> Setting {
    Setting {
        instance: 0,
        export: "wasi:cli/run".into(),
        arguments: arguments.iter().map(ToString::to_string).collect(),
        environment: vec![("LANG".into(), "C.UTF-8".into())],
        directory: Some("/".into()),
        input: b"one line\n".to_vec(),
        seed: 7,
        now: NOW,
        owner: (0, 0),
        time: 5_000_000_000,
        memory: 64 << 20,
        table: 10_000,
        resources: 10_000,
        output: 1 << 20,
        services: belljar_wasi::Services::default(),
    }
}

/// Where a guest comes from.
pub enum Source {
    /// `tests/guests/NAME.wat`.
    Wat(&'static str),
    /// A reference component, built from C.
    C(&'static str),
    /// `tests/guests/NAME.c`.
    Test(&'static str),
}

impl Source {
    /// The module; `None`, said by name, without a compiler.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        match self {
            Self::Wat(name) => {
                let path = here.join("tests/guests").join(format!("{name}.wat"));
                Some(wat::parse_file(path).expect("valid text"))
            }
            Self::C(name) => {
                let folder = reference()?;
                Some(std::fs::read(folder.join(format!("{name}.wasm"))).expect("was built"))
            }
            Self::Test(name) => {
                if !compiler() {
                    return None;
                }
                let folder = tempfile::tempdir().expect("a folder");
                let out = folder.path().join("guest.wasm");
                let built = Command::new("clang-19")
                    .args(["--target=wasm32-wasi", "-nostartfiles", "-O1"])
                    .args(["-Wl,--strip-debug", "-o"])
                    .arg(&out)
                    .arg(here.join("../../scenarios/components/wasm/start.c"))
                    .arg(here.join("../../scenarios/components/wasm/realloc.c"))
                    .arg(here.join("tests/guests").join(format!("{name}.c")))
                    .status()
                    .expect("runs");
                assert!(built.success(), "{name}.c is built");
                Some(std::fs::read(out).expect("was built"))
            }
        }
    }

    pub fn program(&self) -> Option<Program> {
        Some(jar().load(&self.bytes()?).expect("loads"))
    }
}

/// Tells that the test that calls this was not done, and why.
pub fn skipped(reason: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("{name}: {reason}\n");
    eprint!("SKIPPED {line}");
    if let Some(path) = std::env::var_os("BELLJAR_SKIPPED") {
        let list = std::fs::OpenOptions::new().create(true).append(true).open(path);
        list.and_then(|mut list| list.write_all(line.as_bytes())).expect("can be written");
    }
}

fn compiler() -> bool {
    let there = Command::new("clang-19")
        .args(["--target=wasm32-wasi", "-print-file-name=crt1-command.o"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !there {
        skipped("clang-19 with wasi-libc is not installed");
    }
    there
}

fn reference() -> Option<&'static PathBuf> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    if !compiler() {
        return None;
    }
    BUILT
        .get_or_init(|| {
            let folder = tempfile::tempdir().expect("a folder").keep();
            let script =
                concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/components/wasm/build");
            let built = Command::new(script).arg(&folder).status().expect("runs");
            assert!(built.success(), "the reference components are built");
            Some(folder)
        })
        .as_ref()
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Doors with a world behind them, all in memory.
pub struct Bench {
    pub doors: Doors,
    out: Shared,
}

fn sample() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}", "$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!", "$H+H*"]
        .concat()
        .into_bytes()
}

/// A stored zip with the sample as its second member (APPNOTE 4.3).
fn archive() -> &'static [u8] {
    static ZIP: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let members = [("notes.txt", vec![b'n'; 5000]), ("bin/tool.com", sample())];
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, bytes) in &members {
            let start = u32::try_from(out.len()).expect("small");
            let len = u32::try_from(bytes.len()).expect("small").to_le_bytes();
            let name_len = u16::try_from(name.len()).expect("short").to_le_bytes();
            // Sums are not looked at.
            let common =
                [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &len, &len, &name_len, &[0, 0]];
            out.extend_from_slice(b"PK\x03\x04");
            out.extend(common.concat());
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(bytes);
            directory.extend_from_slice(b"PK\x01\x02\x14\0");
            directory.extend(common.concat());
            directory.extend_from_slice(&[0; 10]);
            directory.extend_from_slice(&start.to_le_bytes());
            directory.extend_from_slice(name.as_bytes());
        }
        let at = u32::try_from(out.len()).expect("small").to_le_bytes();
        let len = u32::try_from(directory.len()).expect("small").to_le_bytes();
        out.extend(directory);
        out.extend_from_slice(b"PK\x05\x06\0\0\0\0\x02\0\x02\0");
        out.extend_from_slice(&len);
        out.extend_from_slice(&at);
        out.extend_from_slice(&[0, 0]);
        out
    });
    &ZIP
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("/home/exercise/Documents/notes.txt", b"the quick brown fox\n".repeat(50)),
        ("/home/exercise/Documents/large.bin", (0..200_000_u32).map(|n| (n % 251) as u8).collect()),
        ("/home/exercise/Projects/work.zip", archive().to_vec()),
        ("/home/exercise/clean.txt", b"clean".to_vec()),
    ]
}

impl Bench {
    pub fn new() -> Self {
        Self::with_budget(64 << 20)
    }

    pub fn with_budget(budget: u64) -> Self {
        Self::made(budget, files())
    }

    /// With nothing planted.
    pub fn empty() -> Self {
        Self::made(64 << 20, Vec::new())
    }

    fn made(budget: u64, planted: Vec<(&'static str, Vec<u8>)>) -> Self {
        let out = Shared::default();
        let clock = Arc::new(VirtualClock::new());
        let log = Log::new(out.clone(), budget, Arc::clone(&clock) as _);
        let payloads = Payloads::in_memory(64 << 20);
        let meta = Meta { mode: 0o644, uid: 1000, gid: 1000, mtime_s: NOW - 1000 };
        let mut world = WorldBuilder::new(WorldLimits::default()).starting_at(NOW);
        for (number, (path, bytes)) in (0..).zip(planted) {
            let source = Arc::new(BytesSource::from(bytes));
            world = world.file(path, meta, source, Some(DecoyId(number)));
        }
        let world = world.build(log.clone()).expect("can be built");
        let rules = vec![VendorRule {
            host: "*.vendor.example".into(),
            path: "*".into(),
            method: None,
            ordinal: None,
            status: 202,
            headers: BTreeMap::new(),
            body: "{}".into(),
        }];
        let plan = InternetPlan { seed: 7, rules, now: NOW };
        let internet = Internet::new(plan, log.clone(), payloads.clone()).expect("can be made");
        let doors = Doors { world, internet, log, payloads, clock, flows: Arc::default() };
        Self { doors, out }
    }

    pub fn zip(&self) -> &'static [u8] {
        archive()
    }

    pub fn planted(&self) -> u64 {
        files().iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.doors.log.flush().expect("memory takes all");
        self.out.0.lock().expect("not poisoned").clone()
    }

    pub fn record(&self) -> Vec<Observation> {
        self.bytes()
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("an observation"))
            .collect()
    }

    /// What the guest printed.
    pub fn printed(&self) -> Vec<String> {
        self.record()
            .iter()
            .filter_map(|line| match &line.event {
                belljar_record::Event::Payload {
                    payload,
                    layer: belljar_record::Layer::Output,
                    label,
                    ..
                } => {
                    let bytes = self.doors.payloads.in_memory_bytes(payload)?;
                    Some(format!("{label}: {}", String::from_utf8_lossy(&bytes)))
                }
                _ => None,
            })
            .collect()
    }
}

/// Gives the published hosts a real folder as their root.
pub fn preopen(builder: &mut wasmtime_wasi::WasiCtxBuilder, folder: &std::path::Path) {
    builder
        .preopened_dir(folder, "/", wasmtime_wasi::FsPerms::ReadWrite)
        .expect("the folder is there");
}
