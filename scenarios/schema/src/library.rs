//! The scenarios and components that come with belljar, as their files stand in the repository.

/// A file of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LibraryEntry {
    /// By which name it is asked for.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! entries {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(LibraryEntry {
            name: $name,
            text: include_str!(concat!("../../", $folder, "/", $name, ".toml")),
        }),+]
    };
}

/// The scenarios.
pub fn library() -> &'static [LibraryEntry] {
    entries!(
        "library":
        "contractor-laptop",
        "quiet-machine",
        "signature-update",
        "system-audit",
        "office-network",
        "install-to-uninstall",
        "mail-gateway",
    )
}

/// The components.
pub fn component_library() -> &'static [LibraryEntry] {
    entries!(
        "components":
        "overreach",
        "honest",
        "quiet",
        "collector",
        "saboteur",
        "resident",
        "clamscan",
        "clamd",
        "clamd-event",
        "freshclam",
        "clamsubmit",
        "clamav-milter",
        "yara",
        "chkrootkit",
        "rkhunter",
        "debsums",
        "overreach-wasm",
        "honest-wasm",
        "quiet-wasm",
        "collector-wasm",
        "hidden-bit-wasm",
        "yara-wasm",
        "honest-engine",
        "overreach-engine",
    )
}
