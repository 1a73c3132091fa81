//! What a jar is asked to be. Everything in it is resolved: nothing is looked up later.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a jar is asked to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JarPlan {
    /// Host name inside.
    pub hostname: String,
    /// The world to mount, or none (a jar without decoys, for measurements).
    pub world: Option<WorldMount>,
    /// The network devices to make, or none (then there is only an unused loopback device).
    pub wire: Option<WireMount>,
    /// Host files and directories that the component needs. Files are read-only; above a directory
    /// lies an overlay. What lies below `/usr` is there anyway.
    pub files: Vec<HostFile>,
    /// Directories that it keeps state in; host content is copied in with its owners.
    pub state: Vec<PathBuf>,
    /// Files written before the start.
    pub provisions: Vec<Written>,
    /// The certificate of the run's CA in PEM, to be trusted inside; empty: none.
    pub ca_pem: String,
    /// Environment on top of the clean one, for every command.
    pub env: BTreeMap<String, String>,
    /// Limits.
    pub limits: JarLimits,
}

/// A host file or directory and where it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFile {
    /// Absolute path on the host.
    pub host: PathBuf,
    /// Absolute path inside.
    pub inside: PathBuf,
}

impl HostFile {
    /// Shown at the same place.
    pub fn same(path: impl Into<PathBuf>) -> Self {
        let host = path.into();
        Self { inside: host.clone(), host }
    }
}

/// How the world is mounted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorldMount {
    /// Mount data for the `fuse` file system; `{fd}` stands for the descriptor of the device.
    pub options: String,
    /// Paths of the world that are bound at the same place in the jar: directories (`/home`,
    /// `/root`) and files (`/etc/shadow`, `/etc/hostname`).
    pub binds: Vec<String>,
    /// A file of the world and its content, to prove from inside that belljar serves it.
    pub token: Option<Token>,
}

/// A file whose content only the world can know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its path, under one of the binds.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// How the jar is connected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireMount {
    /// Name servers written to `/etc/resolv.conf`.
    pub resolvers: Vec<IpAddr>,
}

/// A file written before the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Absolute path inside.
    pub path: String,
    /// Content.
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
}

/// Limits of everything in the jar together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JarLimits {
    /// Bytes of memory.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Bytes written outside the world.
    pub disk: u64,
}

impl Default for JarLimits {
    fn default() -> Self {
        Self { memory: 2 << 30, processes: 512, disk: 512 << 20 }
    }
}

/// Who runs a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum User {
    /// User 0 inside, with every capability over its own user namespace.
    Root,
    /// The planted person, user and group 1000. In a jar with a single user this is user 0 and
    /// coverage says so.
    Person,
}

/// A command to run inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandSpec {
    /// Program (a path inside, or a name looked up in the `PATH` of its environment) and arguments.
    pub argv: Vec<String>,
    /// Environment on top of the jar's.
    pub env: BTreeMap<String, String>,
    /// Working directory inside.
    pub cwd: String,
    /// Who runs it.
    pub user: User,
}
