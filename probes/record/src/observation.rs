//! What a probe can see, as a closed set of events.

use crate::{
    Actor, ByteString, Confidence, DecoyId, Dimension, Direction, Endpoint, Extent, Flow, FlowId,
    HandleId, Layer, Moment, NodeId, PayloadRef, ProcessKey, Protocol, Seq, StepId, Transport,
};
use serde::{Deserialize, Serialize};

/// One line of the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Place in the record.
    pub seq: Seq,
    /// When, on the run's clock.
    pub at: Moment,
    /// Who.
    pub actor: Actor,
    /// What.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Event {
    /// The run entered a phase (`planting`, `starting`, `mounted`, `running`, `concluding`).
    Phase {
        /// Its name.
        name: String,
    },
    /// The jar was looked at from inside, before the component started.
    Isolation(Isolation),
    /// A step of the stimulus began.
    StepBegan {
        /// Which.
        step: StepId,
        /// What it is called in the scenario.
        name: String,
    },
    /// A step of the stimulus ended.
    StepEnded(StepEnd),
    /// Something was done to the world.
    File(FileEvent),
    /// A process was seen for the first time, or ran another program.
    Process(Program),
    /// A process ended.
    Exit {
        /// Which.
        process: ProcessKey,
        /// Exit code, or 128 + signal; `None` where it is not known.
        code: Option<i32>,
    },
    /// A process asked the kernel to reach an address (attribution, not evidence of sending).
    Reach {
        /// What carries it.
        transport: Transport,
        /// Where to; `None` where the address could not be read.
        remote: Option<Endpoint>,
        /// The component's own port if known then, else 0.
        local_port: u16,
        /// The system call that was seen.
        call: String,
        /// How far it can be relied on.
        confidence: Confidence,
    },
    /// A call was refused.
    Refused {
        /// What was refused.
        call: String,
        /// Its arguments in words, as far as they matter.
        detail: String,
        /// The error that the caller got (`EPERM`, `ENOSYS`, …).
        errno: String,
        /// Why it is refused.
        why: RefusalKind,
        /// How many calls this line stands for (floods are counted, not listed).
        count: u64,
    },
    /// A call was allowed and is told of, because it hands memory or descriptors from one process of
    /// the jar to another (`ptrace`, `process_vm_readv`, …).
    Allowed {
        /// What was called.
        call: String,
        /// Its arguments in words, as far as they matter.
        detail: String,
        /// How many calls this line stands for (floods are counted, not listed).
        count: u64,
    },
    /// Something was looked at that gives the jar away.
    Looked {
        /// What.
        tell: Tell,
        /// The call or the path.
        detail: String,
        /// How many looks this line stands for (floods are counted, not listed).
        count: u64,
    },
    /// A conversation began.
    FlowOpened(Flow),
    /// A conversation ended, with all that became known of it. The last such line counts.
    FlowClosed {
        /// As known now.
        flow: Flow,
        /// Payload bytes from the component.
        bytes_out: u64,
        /// Payload bytes to the component.
        bytes_in: u64,
        /// Packets from the component.
        packets_out: u64,
    },
    /// Payload bytes were kept.
    Payload {
        /// Of which conversation (`None` for program output).
        flow: Option<FlowId>,
        /// Which way.
        direction: Direction,
        /// At which layer.
        layer: Layer,
        /// Where they are kept.
        payload: PayloadRef,
        /// What they are, in words where the layer does not say it (`stdout`, `SYN data`).
        label: String,
    },
    /// TLS was met on a conversation.
    Tls {
        /// Which.
        flow: FlowId,
        /// Server name asked for, if any.
        sni: Option<ByteString>,
        /// What came of it.
        outcome: TlsOutcome,
    },
    /// A name was looked up.
    Lookup {
        /// On which conversation.
        flow: FlowId,
        /// The name, without the last dot.
        name: ByteString,
        /// Record type as in RFC 1035 and its followers (`A`, `AAAA`, `TXT`, …).
        record: String,
        /// What was answered, in words.
        answer: String,
    },
    /// A request was answered.
    Served(Served),
    /// Something outside the world changed (found after the run).
    Changed {
        /// Path inside the jar.
        path: ByteString,
        /// How.
        change: Change,
        /// Length afterwards, in bytes.
        len: u64,
        /// SHA-256 of the content afterwards, for regular files within the budget.
        sha256: Option<crate::Sha256Hex>,
    },
    /// Something limited what could be seen.
    Limited {
        /// Which dimension.
        dimension: Dimension,
        /// How.
        extent: Extent,
    },
    /// The component hit a limit of the jar (time, memory, processes, disk, egress).
    Limit {
        /// Which.
        what: String,
        /// In words: what was allowed, what happened.
        detail: String,
    },
    /// A guest called an import of its host that passes neither door: clock, randomness,
    /// arguments, environment, standard streams, or something that was refused.
    Import {
        /// Interface and function (`wasi:random/random get-random-bytes`).
        call: String,
        /// What was given or taken, in words.
        detail: String,
    },
    /// The run was stopped before its end.
    Interrupted {
        /// By what.
        reason: String,
    },
}

/// Whether reads are known to the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Offset and length are what the component asked for.
    Exact,
    /// A page-cache fill: whole pages, a superset of what was touched.
    Page,
}

/// Something done to a node of the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileEvent {
    /// What was done.
    pub act: FileAct,
    /// The node's path at that time, inside the jar.
    pub path: ByteString,
    /// The node.
    pub node: NodeId,
    /// The decoy it was planted as, if it was (also after renaming).
    pub decoy: Option<DecoyId>,
    /// The error returned, if it failed (`ENOENT`, …).
    pub error: Option<String>,
}

/// What was done to a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "op")]
pub enum FileAct {
    /// A name was looked for and not found (found names show by what is done next).
    Missed,
    /// Attributes were read.
    Stat,
    /// A link's target was read.
    ReadLink,
    /// Opened.
    Open {
        /// The handle given out.
        handle: HandleId,
        /// The flags of open(2), as given.
        flags: u32,
        /// Whether the kernel opens it to run it.
        exec: bool,
    },
    /// Bytes were read.
    Read {
        /// By which opening.
        handle: HandleId,
        /// From where.
        offset: u64,
        /// How many were asked for.
        requested: u32,
        /// How many were given.
        returned: u32,
        /// To the byte, or to the page.
        precision: Precision,
        /// Whether the bytes are still as planted (else the component itself wrote them).
        pristine: bool,
    },
    /// A directory was listed.
    List {
        /// How many names were given.
        entries: u32,
    },
    /// Bytes were written.
    Write {
        /// By which opening.
        handle: HandleId,
        /// Where to.
        offset: u64,
        /// How many.
        len: u32,
    },
    /// The length was set.
    Truncate {
        /// To this.
        len: u64,
    },
    /// Mode, owner or times were set.
    SetAttributes {
        /// What, in words.
        detail: String,
    },
    /// A file was made.
    Create,
    /// A directory was made.
    MakeDirectory,
    /// A link was made.
    Link {
        /// Where to: the target's text for a symbolic link, the old path for a hard link.
        target: ByteString,
        /// Whether it is a symbolic link.
        symbolic: bool,
    },
    /// Renamed.
    Rename {
        /// To this path.
        to: ByteString,
        /// Whether the two changed places (RENAME_EXCHANGE).
        exchange: bool,
    },
    /// Unlinked.
    Unlink,
    /// A directory was removed.
    RemoveDirectory,
    /// Extended attributes were asked for or set.
    Attribute {
        /// In words.
        detail: String,
    },
    /// Locked or unlocked.
    Lock,
    /// Synced or closed; kept so that the order of things can be told.
    Release {
        /// Which opening.
        handle: HandleId,
    },
}

impl FileAct {
    /// Whether it changes the world, rather than telling something of it.
    pub fn changes(&self) -> bool {
        match self {
            Self::Write { .. }
            | Self::Truncate { .. }
            | Self::SetAttributes { .. }
            | Self::Create
            | Self::MakeDirectory
            | Self::Link { .. }
            | Self::Rename { .. }
            | Self::Unlink
            | Self::RemoveDirectory => true,
            Self::Missed
            | Self::Stat
            | Self::ReadLink
            | Self::Open { .. }
            | Self::Read { .. }
            | Self::List { .. }
            | Self::Attribute { .. }
            | Self::Lock
            | Self::Release { .. } => false,
        }
    }
}

/// A process and the program that it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Which.
    pub process: ProcessKey,
    /// Its parent, if it could be read.
    pub parent: Option<ProcessKey>,
    /// The executable, as a path inside the jar.
    pub executable: ByteString,
    /// Its arguments.
    pub arguments: Vec<ByteString>,
    /// How it was seen (`seccomp execve`, `proc`, …).
    pub source: String,
    /// How far it can be relied on.
    pub confidence: Confidence,
}

/// Why a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// It could pass by a door (io_uring, vsock, raw devices, …).
    BypassesDoor,
    /// It could reach out of the jar or change it (mount, setns, ptrace of others, …).
    ReachesOut,
    /// A budget is used up.
    Budget,
}

/// What was found when the jar was looked at from inside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Isolation {
    /// Each check.
    pub checks: Vec<IsolationCheck>,
}

/// One look at the jar from inside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IsolationCheck {
    /// What was looked at (`routes`, `descriptors`, `unix-sockets`, `host-secrets`, …).
    pub name: String,
    /// Whether it is as it must be.
    pub holds: bool,
    /// What was seen.
    pub seen: String,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepEnd {
    /// Which.
    pub step: StepId,
    /// Exit code of a program that ran to its end (128 + signal if killed).
    pub code: Option<i32>,
    /// Whether its time ran out.
    pub timed_out: bool,
    /// Milliseconds that it took.
    pub millis: u64,
    /// What the component said it detected: path and name of each detection.
    pub detections: Vec<crate::ByteString>,
    /// What the scenario asked of the step and did not get; empty if it got all.
    pub unmet: Vec<String>,
}

/// What came of TLS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum TlsOutcome {
    /// belljar terminated it: the plain text is in the record.
    Opened {
        /// Version as in RFC 8446 (`TLS1.3`).
        version: String,
        /// Cipher suite.
        cipher: String,
        /// Protocol agreed on (ALPN), if any.
        alpn: Option<String>,
    },
    /// It could not be read.
    Refused {
        /// Alert or error (`unknown_ca`, …).
        reason: String,
    },
}

/// A request that a responder answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// On which conversation.
    pub flow: FlowId,
    /// What is spoken.
    pub protocol: Protocol,
    /// First line of the request, or what stands for it.
    pub request: ByteString,
    /// Host that was asked, if the protocol says so.
    pub host: Option<ByteString>,
    /// Length of the request's body in bytes.
    pub body_len: u64,
    /// Which vendor rule answered (its place in the scenario), or none: the default answer.
    pub rule: Option<u32>,
    /// Which request to that rule's host and path this was, from 1.
    pub ordinal: u32,
    /// Status given, or 0 where the protocol has none.
    pub status: u16,
}

/// How something outside the world changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is new.
    Created,
    /// Its content or kind is another.
    Modified,
    /// Only mode, owner or times are others.
    Attributes,
    /// It is gone.
    Removed,
}

/// What can give the jar away to a component that looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tell {
    /// Lists of mounts: the world is of the type `fuse`.
    Mounts,
    /// Figures of file systems (`statfs`).
    FileSystems,
    /// How long the machine has been up.
    Uptime,
    /// The processor and the machine: a hypervisor shows here.
    Processor,
    /// The kernel's version and command line.
    Kernel,
    /// Namespaces, control groups, filters, process 1.
    Confinement,
    /// Certificate authorities: the run's own is among them.
    Authorities,
    /// Logs, which are empty.
    Logs,
    /// Addresses and routes: they are out of documentation ranges.
    Network,
}
