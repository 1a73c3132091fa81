//! Ways to make a jar less isolated on purpose, so that tests can prove that the look from inside
//! notices. A sabotaged jar never starts anything, whatever the look says.

use serde::{Deserialize, Serialize};

/// The environment variable that asks for it, by the name of one of [`Sabotage`] in kebab-case.
pub const SABOTAGE_VARIABLE: &str = "BELLJAR_TEST_SABOTAGE";

/// What is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sabotage {
    /// A second network device with a route.
    ExtraRoute,
    /// A descriptor of the host's root directory stays open.
    InheritedDescriptor,
    /// A listening socket of the host is shown in `/run`.
    HostSocket,
    /// The host's `/root` (or the home of the one who runs belljar) is shown.
    ReadableCanaryRoot,
    /// The host's `/etc` is shown (or, where that cannot hold a canary, its temporary folder).
    ReadableCanaryEtc,
    /// A name that is not known: refused like the others.
    Unknown,
}

impl Sabotage {
    /// What the environment asks for.
    pub fn from_environment() -> Option<Self> {
        let name = std::env::var(SABOTAGE_VARIABLE).ok().filter(|name| !name.is_empty())?;
        let named = serde_json::from_value(serde_json::Value::String(name));
        Some(named.unwrap_or(Self::Unknown))
    }
}
