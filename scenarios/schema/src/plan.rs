//! The plan of a run: a scenario and a component, resolved. Nothing in it is left to be looked up,
//! so it can be stored in the bundle, sent to another machine, and run again.
//!
//! Sizes are bytes, times are milliseconds.

use crate::item::DataItem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that one run is a function of (with the host).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RunPlan {
    /// What is asked, planted and done.
    pub scenario: Scenario,
    /// What is run.
    pub component: Component,
    /// The profile of the component, by name (`default`).
    pub profile: String,
    /// The seed of the plant.
    pub seed: u64,
    /// The steps, with their command lines resolved for this component and profile.
    pub steps: Vec<Step>,
}

/// A scenario: the question and the world in which it is put.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Scenario {
    /// Its name (`contractor-laptop`).
    pub name: String,
    /// The question it asks, in one sentence.
    pub question: String,
    /// What the component is asked to scan: absolute paths of the world. Reads elsewhere in the
    /// world are *beyond its task*.
    pub scan: Vec<String>,
    /// The planted person and machine.
    pub identity: Identity,
    /// The planted files.
    pub decoys: Vec<DecoySpec>,
    /// Limits.
    pub limits: Limits,
    /// What the fake vendor answers.
    pub vendor: Vec<VendorRule>,
    /// Machines next to the planted one, by name or address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub neighbours: Vec<String>,
    /// What may be read and sent.
    pub policy: Policy,
    /// Files written into the component's places before the start (its signature database, …).
    pub provisions: Vec<Provision>,
}

/// The planted person and machine. Whatever the scenario leaves out is drawn from the seed when it
/// is planted; `None` here means that.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct Identity {
    /// Login name; the home is `/home/<user>`.
    pub user: Option<String>,
    /// Full name.
    pub full_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Host name.
    pub hostname: Option<String>,
    /// `/etc/machine-id`: 32 hexadecimal digits.
    pub machine_id: Option<String>,
    /// Time zone by its tz database name.
    pub time_zone: Option<String>,
    /// Locale (`en_GB.UTF-8`).
    pub locale: Option<String>,
}

/// A planted file or a group of files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DecoySpec {
    /// Absolute path in the world (for `source-tree`: the folder). May hold `{user}`, which is
    /// filled in when planted.
    pub path: String,
    /// What kind of file it is.
    pub kind: DecoyKind,
    /// Length in bytes (of the file; for `source-tree`: of the whole tree); `None`: drawn from the seed within what is usual
    /// for the kind.
    pub size: Option<u64>,
    /// How sensitive it is: which row of the policy it falls under.
    pub class: DecoyClass,
    /// A protective marking written into it (`EXERCISE OFFICIAL-SENSITIVE`); must begin with `EXERCISE`.
    pub marking: Option<String>,
    /// A sample that a scanner is meant to detect, put into this file.
    pub sample: Option<Sample>,
    /// Members, for archives.
    pub members: Vec<DecoySpec>,
    /// For `source-tree`: how many files; 1 elsewhere. For other kinds, `count` > 1 plants that many files, `{n}` in the path being the number.
    pub count: u32,
    /// Mode bits (octal in the file); `None`: usual for the kind.
    pub mode: Option<u32>,
    /// Owner.
    pub owner: Owner,
}

/// Who owns a planted file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// The planted person (uid and gid 1000).
    #[default]
    User,
    /// root.
    Root,
}

/// Kinds of planted files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DecoyKind {
    /// Plain text.
    Text,
    /// A folder of program source.
    SourceTree,
    /// One program source file (as an archive member).
    Source,
    /// Word document (ECMA-376).
    Docx,
    /// PDF (ISO 32000).
    Pdf,
    /// E-mail (RFC 5322) with an attachment.
    Eml,
    /// OpenSSH private key.
    SshKey,
    /// Browser profile: SQLite databases of history, bookmarks, cookies, logins (one file).
    BrowserProfile,
    /// zip archive.
    Zip,
    /// tar archive, gzipped.
    TarGz,
    /// Random bytes (a binary without meaning).
    Binary,
    /// A line in the manner of `/etc/shadow`, of `/etc/passwd`, … : a lure at a system path.
    SystemFile,
    /// Only the sample itself.
    Sample,
}

/// How sensitive a decoy is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DecoyClass {
    /// A document that is no program.
    Document,
    /// A program or script that may be judged by reputation.
    Executable,
    /// An archive.
    Archive,
    /// A key, password or token.
    Credential,
    /// Browser data.
    Browsing,
    /// Mail.
    Mail,
    /// Program source.
    Source,
    /// A file of the system.
    System,
    /// The planted sample.
    Sample,
}

/// Samples that are harmless and that every engine knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sample {
    /// The EICAR test file (68 bytes), put together when planting.
    Eicar,
}

/// A file written into the component's places before it starts, outside the world of decoys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Provision {
    /// Absolute path inside the jar.
    pub path: String,
    /// Its text. `{eicar-hex}`, `{eicar-md5}`, `{eicar-sha256}` stand for those of the sample, so that it stands in no file.
    pub text: String,
}

/// A step of the stimulus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// Its name in reports.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// How long it may take, in milliseconds.
    pub timeout: u64,
    /// What must come of it, so that the run counts as exercised.
    pub expect: Expect,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Action {
    /// Runs a command to its end.
    Run {
        /// The command.
        command: Command,
    },
    /// Starts a daemon and waits until it is ready.
    Start {
        /// The command.
        command: Command,
        /// When it counts as ready.
        ready: Ready,
        /// Name by which a `stop` step means it.
        daemon: String,
    },
    /// Stops a daemon.
    Stop {
        /// Its name.
        daemon: String,
    },
    /// Puts a new decoy into the world.
    Drop {
        /// The decoy.
        decoy: Box<DecoySpec>,
    },
    /// Changes a file of the world: appends text.
    Change {
        /// Which.
        path: String,
        /// What is appended.
        append: String,
    },
    /// Waits.
    Idle {
        /// Milliseconds.
        millis: u64,
    },
}

/// A command line, resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Command {
    /// Program (absolute path inside the jar, or a name for `PATH`) and arguments. `{user}` and
    /// `{home}` may stand in them until the plant fills them in.
    pub argv: Vec<String>,
    /// Environment on top of the clean one.
    pub env: BTreeMap<String, String>,
    /// Working directory inside the jar.
    pub cwd: String,
    /// Who runs it.
    pub user: Owner,
}

/// When a daemon counts as ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "when")]
pub enum Ready {
    /// A path exists inside the jar (a socket, a pid file).
    Path {
        /// Which.
        path: String,
    },
    /// A regular expression matches a line of its output.
    Output {
        /// The expression.
        pattern: String,
    },
    /// Some time went by.
    After {
        /// Milliseconds.
        millis: u64,
    },
}

/// What must come of a step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct Expect {
    /// Exit codes that are in order; empty: any.
    pub exit: Vec<i32>,
    /// The least number of different decoys that must have been read (also as archive, not member).
    pub decoys_read: u64,
    /// Paths (inside the jar) of planted samples that must be detected. A detection counts for a path if the component names it.
    pub detections: Vec<String>,
    /// Whether a vendor rule must have been answered (the declared vendor channel works).
    pub vendor_answered: bool,
}

/// Limits of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Whole run, milliseconds.
    pub time: u64,
    /// Memory of the component, bytes.
    pub memory: u64,
    /// Processes and threads of the component.
    pub processes: u64,
    /// What the component may write (world and system together), bytes.
    pub disk: u64,
    /// Payload bytes that may be sent and kept.
    pub egress: u64,
    /// Bytes of the record.
    pub record: u64,
    /// Bytes of program output that are kept.
    pub output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            time: 120_000,
            memory: 2048 * MIB,
            processes: 512,
            disk: 512 * MIB,
            egress: 1024 * MIB,
            record: 1024 * MIB,
            output: 8 * MIB,
        }
    }
}

/// What the fake vendor answers to requests. Rules are tried in order; the first that fits answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct VendorRule {
    /// Host name, or `*.example` for all names below.
    pub host: String,
    /// Path: literal, or with `*` for any run of characters.
    pub path: String,
    /// Method; `None`: any.
    pub method: Option<String>,
    /// Only the n-th request that fits host and path (from 1); `None`: all.
    pub ordinal: Option<u32>,
    /// Status.
    pub status: u16,
    /// Header fields.
    pub headers: BTreeMap<String, String>,
    /// Body; `{host}`, `{path}`, `{ordinal}`, `{body-sha256}` and `{eicar-…}` are filled in.
    pub body: String,
}

/// What may be read and sent, a row an item. What no row names may be neither.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Policy {
    /// Rows.
    pub items: Vec<PolicyItem>,
    /// Whether an unreadable or unexplained flow makes its item inconclusive.
    pub strict: bool,
}

/// One row of the policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PolicyItem {
    /// Which data item.
    pub item: DataItem,
    /// Whether it may be read beyond the task (inside the task everything may be read).
    pub may_read: bool,
    /// Hosts to which it may be sent (`*.vendor.example`, `*`); empty: nowhere.
    pub may_send_to: Vec<String>,
}

/// A component, one build of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Its version, as the vendor writes it.
    pub version: String,
    /// Where the vendor is (ISO 3166-1 alpha-2).
    pub country: Option<String>,
    /// Others that get data from it, as far as declared.
    pub third_parties: Vec<String>,
    /// What kind of program it is.
    pub kind: ComponentKind,
    /// Host paths that it needs, mounted read-only at the same place. `{beside}` is the folder of
    /// the belljar executable.
    pub files: Vec<String>,
    /// Host files that are shown, read-only, at another place inside the jar (programs that were
    /// built under `/home` or `/tmp`, where the world or a private folder lies).
    #[serde(default)]
    pub placed: Vec<Placed>,
    /// Kinds of archives that it says it looks into: a sample inside one is expected to be
    /// detected only then.
    #[serde(default)]
    pub looks_into: Vec<DecoyKind>,
    /// Directories that it keeps state in; host content is copied in if there is any.
    pub state: Vec<String>,
    /// What the vendor declares that it sends.
    pub declares: Vec<Declared>,
    /// How its output tells a detection: a regular expression over lines, with the groups `path`
    /// and (if there is one) `name`.
    pub detection: Option<String>,
    /// What its host offers, if it is an engine that is a library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
}

/// A scanning engine that is a library (`belljar:engine`): its vendor's services.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Engine {
    /// Address to which digests go that it looks up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reputation: Option<String>,
    /// Address to which samples go that it submits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<String>,
}

/// A host file shown at another place inside the jar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Placed {
    /// Absolute path on the host.
    pub host: String,
    /// Absolute path inside the jar.
    pub inside: String,
}

/// Kinds of components.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentKind {
    /// ELF programs in a namespace jar.
    #[default]
    Native,
    /// A WebAssembly module or component.
    Wasm,
}

/// Something that the vendor says it sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Declared {
    /// Which data item.
    pub item: DataItem,
    /// Where to (`*.vendor.example`).
    pub to: String,
}
