//! The verdict: the words of `verdict.json`. Plain data; every list is bounded and says how much
//! more there was, the record being the full source.
//!
//! Field names are kebab-case and stable within one `schema-version`; new fields may be added.

use crate::finding::{Finding, TraceRow};
use crate::{Ceiling, JarKind};
use belljar_schema::{DataItem, Policy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the form of `verdict.json`. It grows when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// What is concluded.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing against the policy was found, everything was seen, and the component did its work.
    Pass,
    /// Neither a pass nor a fail can be said.
    Inconclusive,
    /// Something against the policy was found.
    Fail,
}

impl Outcome {
    /// The word as written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// The conclusion of one run, with all that it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Verdict {
    /// Version of this form.
    pub schema_version: u32,
    /// Version of belljar that concluded.
    pub belljar: String,
    /// The seed of the plant.
    pub seed: u64,
    /// SHA-256 of `plan.json` (compact JSON of the plan).
    pub plan_sha256: String,
    /// The overall outcome.
    pub verdict: Outcome,
    /// The verdict in one sentence.
    pub sentence: String,
    /// Why it is not a pass, the weightiest first; empty for a pass.
    pub reasons: Vec<Reason>,
    /// What was run.
    pub component: ComponentRow,
    /// In which scenario.
    pub scenario: ScenarioRow,
    /// By which policy.
    pub policy: Policy,
    /// Whether it did its work.
    pub exercise: Exercise,
    /// What was seen and what was not, every dimension.
    pub coverage: Vec<CoverageLine>,
    /// The data items, every row of the table.
    pub items: Vec<ItemRow>,
    /// Findings, violations first.
    pub findings: Vec<Finding>,
    /// How much the rest of what left could have carried.
    pub ceiling: Ceiling,
    /// What was read.
    pub reads: Reads,
    /// What was changed.
    pub writes: Writes,
    /// What left, a conversation a row.
    pub egress: Egress,
    /// Decoy bytes found in what left.
    pub traces: Listing<TraceRow>,
    /// The programs that ran.
    pub processes: Listing<ProcessRow>,
    /// Calls that the jar refused.
    pub refused: Listing<RefusedRow>,
    /// When things happened.
    pub timeline: Timeline,
}

/// A bounded list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Listing<T> {
    /// The first rows.
    pub rows: Vec<T>,
    /// How many rows there are beyond these.
    pub more: u64,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), more: 0 }
    }
}

impl<T> Listing<T> {
    /// Keeps the first `cap` of `rows`, and counts the rest on top of `more`.
    pub fn capped(mut rows: Vec<T>, cap: usize, more: u64) -> Self {
        let over = rows.len().saturating_sub(cap) as u64;
        rows.truncate(cap);
        Self { rows, more: more + over }
    }

    /// Adds a row, or counts it once `cap` rows are kept.
    pub fn push(&mut self, row: T, cap: usize) {
        if self.rows.len() < cap {
            self.rows.push(row);
        } else {
            self.more += 1;
        }
    }

    /// How many there are in all.
    pub fn total(&self) -> u64 {
        self.rows.len() as u64 + self.more
    }
}

/// Why the verdict is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Reason {
    /// What it makes of the verdict.
    pub makes: Outcome,
    /// Which part of the verdict it comes from.
    pub from: ReasonFrom,
    /// In words.
    pub text: String,
}

/// Where a reason comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonFrom {
    /// A finding against the policy.
    Finding,
    /// The component did not do its work.
    Exercise,
    /// Something was lost, unreadable or absent.
    Coverage,
    /// The policy is strict and something is unexplained.
    Unexplained,
    /// The jar could not be shown to hold.
    Isolation,
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ComponentRow {
    /// Name.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Version as the vendor writes it.
    pub version: String,
    /// Country of the vendor.
    pub country: Option<String>,
    /// Profile.
    pub profile: String,
    /// In which kind of jar it ran.
    pub jar: JarKind,
    /// The programs of it, by path and digest as measured on the host before the start.
    pub programs: Vec<ProgramFile>,
    /// What the vendor declares that it sends, in words.
    pub declares: Vec<DeclaredRow>,
    /// Others that get data from it, as declared.
    pub third_parties: Vec<String>,
}

/// A program file of the component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProgramFile {
    /// Path inside the jar.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// Something that the vendor declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DeclaredRow {
    /// What.
    pub item: DataItem,
    /// To whom.
    pub to: String,
    /// Whether it was seen to be sent there.
    pub seen: bool,
}

/// In which scenario it was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ScenarioRow {
    /// Name.
    pub name: String,
    /// The question it asks.
    pub question: String,
    /// What the component was asked to scan.
    pub scan: Vec<String>,
    /// How many decoys were planted.
    pub decoys: u64,
    /// Bytes of all decoys.
    pub bytes: u64,
    /// How many decoys are, or hold, a sample.
    pub samples: u64,
    /// The steps that were to be done, by name.
    pub steps: Vec<StepRow>,
}

/// One step and how it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct StepRow {
    /// Name.
    pub name: String,
    /// The command line, as people type it; empty for steps without one.
    pub command: String,
    /// When it began, nanoseconds since the run began; absent if it never did. Volatile.
    pub began: Option<u64>,
    /// How long it took, in milliseconds; absent if it never ended. Volatile.
    pub millis: Option<u64>,
    /// Exit code.
    pub code: Option<i32>,
    /// What it said it detected.
    pub detections: Listing<String>,
}

/// Whether the component did its work.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Exercise {
    /// Whether everything that was asked of it was got.
    pub done: bool,
    /// Each thing that was asked.
    pub checks: Vec<ExerciseCheck>,
    /// Different decoys read.
    pub decoys_read: u64,
    /// Planted samples that were to be detected.
    pub detections_wanted: u64,
    /// How many of them were.
    pub detections_found: u64,
    /// Requests that a rule of the scenario answered.
    pub vendor_answers: u64,
}

/// One thing that was asked of the component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ExerciseCheck {
    /// In which step; empty for the whole run.
    pub step: String,
    /// What was asked.
    pub what: ExerciseKind,
    /// What was wanted, in words.
    pub wanted: String,
    /// What was got, in words.
    pub got: String,
    /// Whether that is enough.
    pub met: bool,
}

/// Kinds of things that are asked of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExerciseKind {
    /// To run to its end.
    Ended,
    /// To end with a certain code.
    ExitCode,
    /// To detect planted samples.
    Detections,
    /// To read decoys.
    DecoysRead,
    /// To be answered by its vendor.
    VendorAnswered,
    /// To stay within the limits.
    Limits,
    /// Anything else that the runner did not get.
    Other,
    /// To be asked for anything at all.
    Asked,
}

/// One dimension of coverage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CoverageLine {
    /// Its name.
    pub dimension: String,
    /// The worst of its limits.
    pub extent: ExtentWord,
    /// Whether it bars a pass.
    pub bars_pass: bool,
    /// All limits.
    pub limits: Vec<LimitLine>,
}

/// How much of a dimension was seen.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ExtentWord {
    /// All.
    Whole,
    /// A limit known beforehand.
    Blind,
    /// Seen, not understood.
    Unreadable,
    /// Dropped.
    Lost,
    /// Not looked at.
    Absent,
}

/// One limit of a dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LimitLine {
    /// How.
    pub extent: ExtentWord,
    /// How many, where they can be counted.
    pub count: Option<u64>,
    /// Of what.
    pub unit: Option<String>,
    /// Why.
    pub reason: String,
}

/// Class of what left, from nothing to all.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum SentClass {
    /// Nothing.
    #[default]
    None,
    /// Names, sizes, times.
    Metadata,
    /// A name or number that tells one machine or person from others.
    Identifier,
    /// A digest of content.
    Hash,
    /// A piece of the content.
    Fragment,
    /// The readable content, not the file as it was.
    Content,
    /// The file, every byte.
    WholeFile,
}

impl SentClass {
    /// The class in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Metadata => "metadata",
            Self::Identifier => "identifier",
            Self::Hash => "hash",
            Self::Fragment => "fragment",
            Self::Content => "content",
            Self::WholeFile => "whole file",
        }
    }
}

/// Whether an item was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReadWord {
    /// No.
    #[default]
    No,
    /// Yes, within the task only.
    WithinTask,
    /// Yes, also outside what it was asked to scan.
    BeyondTask,
    /// It passes neither door (uname, CPUID, netlink, …), or is the component's own.
    NotObservable,
}

/// One row of the table: one kind of thing, read and sent or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ItemRow {
    /// Which.
    pub item: DataItem,
    /// How much of it was planted: files, or facts.
    pub planted: u64,
    /// Whether it was read.
    pub read: ReadWord,
    /// How many of the planted files were read.
    pub files_read: u64,
    /// How many of them outside the task.
    pub files_read_beyond: u64,
    /// Bytes of them that were read (counted as often as they were read).
    pub bytes_read: u64,
    /// The most that left.
    pub sent: SentClass,
    /// Where to, how, and whether that is in order.
    pub sent_to: Listing<SentTo>,
    /// Whether the vendor declares that it sends this.
    pub declared: bool,
    /// What the policy says: may it be read beyond the task.
    pub may_read: bool,
    /// What the policy says: where it may be sent.
    pub may_send_to: Vec<String>,
    /// The verdict for this item.
    pub verdict: Outcome,
    /// Findings, by id.
    pub evidence: Vec<String>,
    /// First lines of the record that show a read (volatile).
    pub seqs: Vec<u64>,
}

/// One destination of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SentTo {
    /// Host name, or the address where no name is known.
    pub host: String,
    /// Protocol in words.
    pub protocol: String,
    /// The class of what went there.
    pub class: SentClass,
    /// How it was encoded: the steps that undo it, outermost first; empty: as it is.
    pub chain: Vec<String>,
    /// Bytes of it that were recognised there.
    pub bytes: u64,
    /// Whether the vendor declares it.
    pub declared: bool,
    /// Whether the policy allows it.
    pub allowed: bool,
    /// Whether it left inside something else that was sent whole.
    pub inside: bool,
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Reads {
    /// Reads by the component.
    pub count: u64,
    /// Bytes given to it.
    pub bytes: u64,
    /// Reads that are known to the page only.
    pub page_granular: u64,
    /// Different decoys read within the task.
    pub within: u64,
    /// Different decoys that lie within the task.
    pub within_planted: u64,
    /// Decoys read outside the task, and identity files.
    pub beyond: Listing<ReadRow>,
    /// Decoys opened, listed or looked at outside the task, but not read.
    pub touched_beyond: Listing<TouchRow>,
    /// Files of the world that are no decoys, read outside the task.
    pub others_beyond: Listing<TouchRow>,
    /// Directories listed.
    pub listed: u64,
    /// Names looked for that are not there.
    pub missed: u64,
}

/// A decoy that was read outside the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ReadRow {
    /// Path.
    pub path: String,
    /// Its id in the manifest, if it is a decoy.
    pub decoy: Option<u32>,
    /// Which item it belongs to.
    pub item: DataItem,
    /// Whether it is one of the few files that nearly every program reads (`/etc/passwd`, …).
    pub everyday: bool,
    /// Protective marking.
    pub marking: Option<String>,
    /// Who read it.
    pub who: Vec<Who>,
    /// How often.
    pub reads: u64,
    /// Bytes given (counted as often as they were read).
    pub bytes: u64,
    /// Whether some reads are known to the page only.
    pub page_granular: bool,
    /// Whether the policy allows it.
    pub allowed: bool,
    /// First line of the record. Volatile.
    pub seq: u64,
    /// When first, nanoseconds since the run began. Volatile.
    pub at: u64,
}

/// A file that was only looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TouchRow {
    /// Path.
    pub path: String,
    /// How often.
    pub count: u64,
    /// Bytes read of it.
    pub bytes: u64,
    /// First line of the record. Volatile.
    pub seq: u64,
}

/// Who did something.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub struct Who {
    /// The executable inside the jar, or what stands for it, in words.
    pub program: String,
    /// Process number as the harness saw it. Volatile.
    pub pid: Option<u32>,
    /// Start time of the process in clock ticks since boot. Volatile.
    pub start: Option<u64>,
}

/// What was changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Writes {
    /// Changes to the world of decoys.
    pub world: Listing<WorldWriteRow>,
    /// What it left in the rest of the machine.
    pub system: Listing<SystemChangeRow>,
    /// Bytes written to the world.
    pub bytes: u64,
}

/// A file of the world that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct WorldWriteRow {
    /// Path.
    pub path: String,
    /// Its id in the manifest, if it is a decoy.
    pub decoy: Option<u32>,
    /// What was done, in words, in order of first appearance.
    pub acts: Vec<String>,
    /// How many acts.
    pub count: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Who (first).
    pub who: Who,
    /// First line of the record. Volatile.
    pub seq: u64,
}

/// A change outside the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SystemChangeRow {
    /// Path inside the jar.
    pub path: String,
    /// How, in words.
    pub change: String,
    /// Length afterwards.
    pub len: u64,
    /// Whether it lies in a place that the component keeps state in.
    pub own: bool,
    /// Line of the record. Volatile.
    pub seq: u64,
}

/// What left.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Egress {
    /// Conversations with the outside.
    pub flows: Listing<FlowRow>,
    /// Destinations: conversations of one host, port and protocol together.
    pub destinations: Listing<DestinationRow>,
    /// Payload bytes that left.
    pub bytes: u64,
    /// Packets that left.
    pub packets: u64,
    /// Conversations that stayed inside the jar (loopback): no egress.
    pub internal: u64,
    /// What was done to the machines next to the planted one.
    #[serde(default)]
    pub neighbours: Neighbours,
}

/// One conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FlowRow {
    /// Its number in the record. Volatile.
    pub flow: u64,
    /// Host name, or the address.
    pub host: String,
    /// The address that the component used.
    pub address: String,
    /// The component's own port. Volatile.
    pub local_port: u16,
    /// The other port.
    pub port: u16,
    /// What carries it.
    pub transport: String,
    /// What is spoken.
    pub protocol: String,
    /// What came of TLS, if it was met.
    pub tls: Option<String>,
    /// Who.
    pub who: Who,
    /// How that is known.
    pub known_by: String,
    /// How far it can be relied on.
    pub confidence: String,
    /// The step that was being done when it began; none between steps.
    #[serde(default)]
    pub step: Option<String>,
    /// When it began, nanoseconds since the run began. Volatile.
    pub at: u64,
    /// Payload bytes sent.
    pub bytes_out: u64,
    /// Payload bytes received.
    pub bytes_in: u64,
    /// Packets sent. Volatile (retransmissions, acknowledgements).
    pub packets_out: u64,
    /// First lines of requests that were answered.
    pub requests: Listing<String>,
    /// Payloads that are kept of it, by digest.
    pub payloads: Vec<String>,
    /// The part of this conversation in the ceiling.
    pub unexplained: u64,
}

/// All conversations with one host, port and protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DestinationRow {
    /// Host name, or the address.
    pub host: String,
    /// The addresses that were used.
    pub addresses: Vec<String>,
    /// Port.
    pub port: u16,
    /// What carries it.
    pub transport: String,
    /// What is spoken.
    pub protocol: String,
    /// What came of TLS, if it was met.
    pub tls: Option<String>,
    /// Conversations.
    pub flows: u64,
    /// Payload bytes sent.
    pub bytes_out: u64,
    /// Payload bytes received.
    pub bytes_in: u64,
    /// Whether the scenario, the policy or the vendor's declaration names it.
    pub known: bool,
    /// Whose it is.
    #[serde(default)]
    pub whose: DestinationClass,
    /// Programs that spoke to it.
    pub programs: Vec<String>,
}

/// Whose a destination is.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DestinationClass {
    /// A machine next to the planted one.
    Neighbour,
    /// A host that the vendor's declaration or its rules name.
    Vendor,
    /// A name server, and nothing but questions.
    NameServer,
    /// Nobody that is known.
    #[default]
    Other,
}

/// What was done to the machines next to the planted one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct Neighbours {
    /// Different machines.
    pub hosts: u64,
    /// Different ports of different machines.
    pub doors: u64,
    /// Payload bytes sent to them.
    pub bytes_out: u64,
    /// Whether so many doors were tried that it is a scan of the network.
    pub scanned: bool,
    /// Attempts to log in: the first words of each, never the secret.
    pub logins: Listing<String>,
}

/// A program that ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProcessRow {
    /// Process number as the harness saw it. Volatile.
    pub pid: u32,
    /// Start time in clock ticks since boot. Volatile.
    pub start: u64,
    /// Its parent's number. Volatile.
    pub parent: Option<u32>,
    /// How deep in the tree it stands, from 0.
    pub depth: u32,
    /// The executable.
    pub program: String,
    /// The command line, as far as it was read.
    pub command: String,
    /// Exit code.
    pub code: Option<i32>,
    /// When first seen, nanoseconds since the run began. Volatile.
    pub at: u64,
}

/// A call that the jar refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RefusedRow {
    /// Which call.
    pub call: String,
    /// Its arguments, as far as they matter.
    pub detail: String,
    /// The error given.
    pub errno: String,
    /// Why it is refused, in words.
    pub why: String,
    /// How often.
    pub count: u64,
    /// Who (first).
    pub who: Who,
}

/// When things happened. All of it is volatile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Timeline {
    /// Nanoseconds that one column stands for.
    pub column: u64,
    /// The columns.
    pub columns: Vec<TimeColumn>,
    /// What stands out, in order.
    pub marks: Listing<TimeMark>,
}

/// One column of the timeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TimeColumn {
    /// Reads of decoys within the task.
    pub reads: u64,
    /// Reads of decoys beyond it.
    pub beyond: u64,
    /// Changes to the world.
    pub writes: u64,
    /// Conversations begun and requests answered.
    pub sends: u64,
    /// Bytes of the bodies of the requests.
    pub sent_bytes: u64,
}

/// Something that stands out in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TimeMark {
    /// When, nanoseconds since the run began.
    pub at: u64,
    /// What kind.
    pub kind: MarkKind,
    /// In words.
    pub text: String,
}

/// Kinds of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// A step began or ended.
    Step,
    /// A file that holds a sample was read.
    Sample,
    /// A decoy was first read outside the task.
    Beyond,
    /// A request was answered.
    Send,
    /// A limit, an interruption.
    Limit,
}
