//! `scenario.toml` as written.

use super::command::{CommandRef, WrittenReady};
use super::is_default;
use crate::item::DataItem;
use crate::measure::{Size, Time};
use crate::plan::{DecoyClass, DecoyKind, Owner, Sample};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A scenario file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "belljar scenario file")]
pub struct WrittenScenario {
    /// Its name: lower-case letters, digits and `-`.
    pub name: String,
    /// The question it asks, in one sentence.
    pub question: String,
    /// The seed, if none is given on the command line; left out: a fresh one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub seed: Option<u64>,
    /// What the component is asked to scan. `{home}` is the home of the planted person.
    pub scan: Vec<String>,
    /// The planted person and machine; what is left out is drawn from the seed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub identity: WrittenIdentity,
    /// Limits; left out: `time = "2m"`, `memory = "2 GiB"`, `processes = 512`,
    /// `disk = "512 MiB"`, `egress = "1 GiB"`, `record = "1 GiB"`, `output = "8 MiB"`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: WrittenLimits,
    /// The planted files.
    pub decoys: Vec<WrittenDecoy>,
    /// What is done, in this order.
    pub steps: Vec<WrittenStep>,
    /// What the fake vendor answers; the first rule that fits answers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub vendor: Vec<WrittenVendorRule>,
    /// Machines next to the planted one, by name or address: talking to them is told apart from
    /// talking to the vendor. The planted machine's own network counts in any case.
    #[serde(default, skip_serializing_if = "is_default")]
    pub neighbours: Vec<String>,
    /// What may be read and sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policy: WrittenPolicy,
}

/// The planted person and machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenIdentity {
    /// Login name; the home is `/home/<user>`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub user: Option<String>,
    /// Full name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub full_name: Option<String>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub email: Option<String>,
    /// Host name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hostname: Option<String>,
    /// `/etc/machine-id`: 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub machine_id: Option<String>,
    /// Time zone by its tz database name (`Europe/London`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub time_zone: Option<String>,
    /// Locale (`en_GB.UTF-8`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub locale: Option<String>,
}

/// Limits of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenLimits {
    /// Whole run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub time: Option<Time>,
    /// Memory of the component.
    #[serde(default, skip_serializing_if = "is_default")]
    pub memory: Option<Size>,
    /// Processes and threads of the component.
    #[serde(default, skip_serializing_if = "is_default")]
    pub processes: Option<u64>,
    /// What the component may write.
    #[serde(default, skip_serializing_if = "is_default")]
    pub disk: Option<Size>,
    /// Payload that may be sent and kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub egress: Option<Size>,
    /// The record.
    #[serde(default, skip_serializing_if = "is_default")]
    pub record: Option<Size>,
    /// Program output that is kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub output: Option<Size>,
}

/// A planted file, or a member of a planted archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenDecoy {
    /// Absolute path (`{home}`, `{user}`); for a member: the path inside the archive. `{n}` is the
    /// number if `count` is more than 1.
    pub path: String,
    /// What kind of file it is.
    pub kind: DecoyKind,
    /// Length (for `source-tree`: of the whole tree; an archive is filled up to it); left out:
    /// drawn from the seed, for archives what the members come to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub size: Option<Size>,
    /// Which row of the policy it falls under; left out: the usual one for its kind.
    #[serde(default, skip_serializing_if = "is_default")]
    pub class: Option<DecoyClass>,
    /// A protective marking written into it; must begin with `EXERCISE`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub marking: Option<String>,
    /// The sample that a scanner is meant to detect, in place of usual content: for `text`,
    /// `source` and `binary`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sample: Option<Sample>,
    /// How many (for `source-tree`: files in it; elsewhere files at `{n}`); left out: 1, for
    /// `source-tree` 12.
    #[serde(default, skip_serializing_if = "is_default")]
    pub count: Option<u32>,
    /// Mode bits, in octal, in quotes (`"0600"`); left out: usual for the kind.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: Option<String>,
    /// Owner; left out: `user` below `/home`, `root` elsewhere.
    #[serde(default, skip_serializing_if = "is_default")]
    pub owner: Option<Owner>,
    /// Members of an archive, attachments of a mail.
    #[serde(default, skip_serializing_if = "is_default")]
    pub members: Vec<WrittenDecoy>,
}

/// A step: exactly one of `run`, `start`, `stop`, `drop`, `change`, `idle` says what is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenStep {
    /// Its name in reports; left out: what it does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: Option<String>,
    /// Runs a command to its end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub run: Option<CommandRef>,
    /// Starts a daemon and waits until it is ready.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start: Option<CommandRef>,
    /// Stops a daemon: its role, or the name that `named` gave it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stop: Option<String>,
    /// Puts a new decoy into the world.
    #[serde(default, skip_serializing_if = "is_default")]
    pub drop: Option<Box<WrittenDecoy>>,
    /// Appends text to a planted file.
    #[serde(default, skip_serializing_if = "is_default")]
    pub change: Option<WrittenChange>,
    /// Waits this long.
    #[serde(default, skip_serializing_if = "is_default")]
    pub idle: Option<Time>,
    /// How long it may take; left out: what `limits.time` gives the whole run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timeout: Option<Time>,
    /// The step is left out for components that have no such command.
    #[serde(default, skip_serializing_if = "is_default")]
    pub optional: bool,
    /// `run`: exit codes that are in order; left out: those that the component file gives.
    #[serde(default, skip_serializing_if = "is_default")]
    pub exit: Option<Vec<i32>>,
    /// `run`: the least number of different decoys that must have been read.
    #[serde(default, skip_serializing_if = "is_default")]
    pub decoys_read: u64,
    /// `run`: paths of decoys whose samples must be detected. Inside archives that the component
    /// says it does not look into, none is expected.
    #[serde(default, skip_serializing_if = "is_default")]
    pub detections: Vec<String>,
    /// `run`: the vendor must have answered, if the component declares that it sends anything.
    #[serde(default, skip_serializing_if = "is_default")]
    pub vendor_answered: bool,
    /// `start` with a command line: when it counts as ready.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ready: Option<WrittenReady>,
    /// `start` with a command line: the name by which `stop` means it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub named: Option<String>,
    /// `run` or `start` with a command line: who runs it; left out: `root`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub user: Option<Owner>,
}

/// A change to a planted file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenChange {
    /// Which file.
    pub path: String,
    /// What is appended.
    pub append: String,
}

/// What the fake vendor answers to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenVendorRule {
    /// Host name, or `*.vendor.example` for all names below.
    pub host: String,
    /// Path: literal, or with `*` for any run of characters.
    pub path: String,
    /// Method; left out: any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub method: Option<String>,
    /// Only the n-th request that fits host and path, from 1; left out: all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ordinal: Option<u32>,
    /// Status; left out: 200.
    #[serde(default, skip_serializing_if = "is_default")]
    pub status: Option<u16>,
    /// Header fields.
    #[serde(default, skip_serializing_if = "is_default")]
    pub headers: BTreeMap<String, String>,
    /// Body; `{host}`, `{path}`, `{ordinal}`, `{body-sha256}`, `{eicar-md5}`, `{eicar-sha256}`,
    /// `{eicar-hex}` are filled in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub body: String,
}

/// What may be read and sent. What is not named may be neither.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenPolicy {
    /// Whether a flow that cannot be read or explained makes the verdict inconclusive; left out:
    /// it does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strict: Option<bool>,
    /// A row an item.
    #[serde(default, skip_serializing_if = "is_default")]
    pub items: BTreeMap<DataItem, WrittenPolicyItem>,
}

/// One row of the policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenPolicyItem {
    /// May be read beyond the task (inside the task everything may be read).
    #[serde(default, skip_serializing_if = "is_default")]
    pub may_read: bool,
    /// Hosts to which it may be sent (`*.vendor.example`, `*`); left out: nowhere.
    #[serde(default, skip_serializing_if = "is_default")]
    pub may_send_to: Vec<String>,
}
