//! Guests for the wasm jar, built from the C in the repository.

use crate::{binary, repository};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What a test says when [`guests`] gives nothing.
pub const NO_COMPILER: &str =
    "clang-19 with lld-19, wasi-libc and libclang-rt-19-dev-wasm32 is not installed";

/// Whether C can be compiled for WASI preview 1.
pub fn compiler() -> bool {
    let there = |args: &[&str]| {
        let output = Command::new("clang-19").arg("--target=wasm32-wasi").args(args).output();
        output.is_ok_and(|output| {
            let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            output.status.success() && Path::new(&path).exists()
        })
    };
    there(&["-print-file-name=crt1-command.o"])
        && there(&["-print-libgcc-file-name"])
        && there(&["-print-prog-name=wasm-ld"])
}

/// The folder of the reference components for wasm, beside the belljar that is tested, where it
/// looks for them; `None` without a compiler.
///
/// # Panics
/// If they cannot be built.
pub fn guests() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            if !compiler() {
                return None;
            }
            let folder = binary().parent().expect("it lies in a folder").join("wasm");
            let script = repository().join("scenarios/components/wasm/build");
            let built = Command::new(script).arg(&folder).status().expect("the script runs");
            assert!(built.success(), "the reference components for wasm are built");
            Some(folder)
        })
        .as_deref()
}

/// Builds libyara for wasm beside the reference components, where its component file looks for it.
///
/// # Errors
/// Why it cannot be built here, for a test to skip.
///
/// # Panics
/// If it can be fetched but not built.
pub fn yara() -> Result<(), &'static str> {
    let folder = guests().ok_or(NO_COMPILER)?;
    let script = repository().join("scenarios/components/wasm/yara/build");
    let built = Command::new(script).arg(folder).status().expect("the script runs");
    if built.code() == Some(3) {
        return Err("the source of libyara cannot be fetched");
    }
    assert!(built.success(), "libyara is built");
    Ok(())
}
