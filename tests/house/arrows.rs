//! The house keeps its arrows: crates depend only on what stands below them in the table of
//! `docs/architecture.md`, and what a deterministic jar reuses depends on no Linux crate.
#![allow(missing_docs, reason = "a test")]

use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use std::collections::{BTreeMap, BTreeSet};

/// For each crate: all that it may depend on, of our own.
const MAY_USE: &[(&str, &[&str])] = &[
    ("belljar-fuzz", &[]),
    ("belljar-schema", &[]),
    ("belljar-record", &[]),
    ("belljar-plant", &["belljar-schema", "belljar-record"]),
    ("belljar-leaks", &[]),
    ("belljar-components", &["belljar-leaks"]),
    ("belljar-world", &["belljar-record"]),
    ("belljar-fuse", &["belljar-record", "belljar-world"]),
    ("belljar-internet", &["belljar-record", "belljar-schema"]),
    ("belljar-wasi", &["belljar-record", "belljar-world", "belljar-internet", "belljar-schema"]),
    ("belljar-packet", &[]),
    ("belljar-capture", &["belljar-record", "belljar-packet"]),
    ("belljar-sys", &[]),
    ("belljar-wire", &["belljar-record", "belljar-packet", "belljar-internet", "belljar-sys"]),
    ("belljar-process", &["belljar-record", "belljar-sys"]),
    ("belljar-decode", &["belljar-record"]),
    ("belljar-trace", &["belljar-record", "belljar-decode"]),
    ("belljar-judge", &["belljar-record", "belljar-schema", "belljar-decode", "belljar-trace"]),
    (
        "belljar-evidence",
        &["belljar-record", "belljar-schema", "belljar-decode", "belljar-trace", "belljar-judge"],
    ),
    (
        "belljar-render",
        &[
            "belljar-record",
            "belljar-schema",
            "belljar-decode",
            "belljar-trace",
            "belljar-judge",
            "belljar-evidence",
        ],
    ),
];

/// The crates at the top, which may use everything below but not each other upwards.
const TOP: &[&str] = &[
    "belljar-sandbox",
    "belljar-host",
    "belljar-wasm",
    "belljar-run",
    "belljar-bench",
    "belljar",
    "belljar-tests",
];

/// Crates that reach into the operating system.
const LINUX: &[&str] = &[
    "nix",
    "libc",
    "rustix",
    "fuser",
    "seccompiler",
    "landlock",
    "caps",
    "mio",
    "socket2",
    "signal-hook",
    "procfs",
    "belljar-sys",
];

/// Those that a wasm jar uses without any of them.
const PURE: &[&str] = &[
    "belljar-schema",
    "belljar-record",
    "belljar-world",
    "belljar-internet",
    "belljar-wasi",
    "belljar-packet",
    "belljar-capture",
    "belljar-decode",
    "belljar-trace",
    "belljar-judge",
    "belljar-evidence",
    "belljar-render",
];

fn packages() -> BTreeMap<String, Package> {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata answers");
    metadata.packages.into_iter().map(|package| (package.name.to_string(), package)).collect()
}

fn uses(package: &Package) -> BTreeSet<String> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.clone())
        .collect()
}

#[test]
fn arrows_point_only_down() {
    let packages = packages();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        MAY_USE.iter().map(|(name, below)| (*name, below.iter().copied().collect())).collect();
    for (name, package) in &packages {
        let own: Vec<String> =
            uses(package).into_iter().filter(|used| packages.contains_key(used)).collect();
        match allowed.get(name.as_str()) {
            Some(below) => {
                for used in own {
                    assert!(below.contains(used.as_str()), "{name} must not use {used}");
                }
            }
            None => {
                let height = TOP
                    .iter()
                    .position(|top| top == name)
                    .unwrap_or_else(|| panic!("{name} has no place in the house"));
                for used in own {
                    let below = TOP.iter().position(|top| *top == used);
                    assert!(below.is_none_or(|below| below < height), "{name} must not use {used}");
                }
            }
        }
    }
}

#[test]
fn what_a_deterministic_jar_reuses_depends_on_no_linux_crate() {
    let packages = packages();
    for name in PURE {
        let package = &packages[*name];
        for used in uses(package) {
            assert!(!LINUX.contains(&used.as_str()), "{name} must not use {used}");
        }
        // Features count too: tokio's `net`, `process` and `signal` reach into the system.
        for dependency in &package.dependencies {
            if dependency.name == "tokio" && dependency.kind == DependencyKind::Normal {
                for feature in ["net", "process", "signal", "fs", "full"] {
                    assert!(
                        !dependency.features.iter().any(|used| used == feature),
                        "{name} must not use tokio's {feature}"
                    );
                }
            }
        }
    }
}

#[test]
fn only_sys_holds_unsafe_code() {
    let packages = packages();
    for (name, package) in packages.iter().filter(|(name, _)| *name != "belljar-sys") {
        for target in package.targets.iter().filter(|target| target.is_lib() || target.is_bin()) {
            let root = std::fs::read_to_string(&target.src_path).expect("sources are there");
            let denies = root.contains("#![forbid(unsafe_code)]");
            // Binaries of a crate with a library inherit the workspace lint (deny).
            assert!(
                denies || target.is_bin(),
                "{name}: {} does not forbid unsafe",
                target.src_path
            );
        }
    }
}
