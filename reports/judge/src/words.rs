//! Values of the record in the words of the verdict.

use crate::verdict::{ExtentWord, LimitLine, Who};
use belljar_record::{
    Actor, Change, Confidence, Extent, Flow, Layer, Protocol, RefusalKind, Tell, Transport,
};
use belljar_schema::DataItem;

/// A data item in words, as in a lab's table.
pub fn item_words(item: DataItem) -> &'static str {
    match item {
        DataItem::ProductVersion => "product version",
        DataItem::InstallationId => "installation id",
        DataItem::Hostname => "computer name",
        DataItem::MachineId => "machine id",
        DataItem::Hardware => "hardware",
        DataItem::OsVersion => "system version",
        DataItem::TimeZone => "time zone",
        DataItem::Locale => "language",
        DataItem::Applications => "installed programs",
        DataItem::Processes => "running processes",
        DataItem::Network => "network addresses",
        DataItem::UserName => "user name",
        DataItem::FullName => "full name",
        DataItem::Email => "e-mail address",
        DataItem::Browsing => "browser data",
        DataItem::FileNames => "file names",
        DataItem::FileMetadata => "file sizes and times",
        DataItem::HashOfExecutable => "hash of an executable",
        DataItem::HashOfDocument => "hash of a document",
        DataItem::HashOfSample => "hash of the sample",
        DataItem::Sample => "detected sample",
        DataItem::Executable => "executables",
        DataItem::Document => "documents",
        DataItem::Archive => "archives",
        DataItem::Source => "program source",
        DataItem::Mail => "mail",
        DataItem::Credentials => "keys and passwords",
        DataItem::SystemFile => "system files",
    }
}

/// A number of bytes as people read it.
#[expect(clippy::cast_precision_loss, reason = "one decimal place is shown")]
pub fn bytes_words(bytes: u64) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        0..10_000 => format!("{} bytes", grouped(bytes)),
        10_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// A whole number with its thousands set apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 file`, `2 files`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

pub(crate) fn who(actor: &Actor) -> Who {
    match actor {
        Actor::Native(native) => Who {
            program: if native.executable.as_bytes().is_empty() {
                "program without a known path".to_owned()
            } else {
                native.executable.to_string()
            },
            pid: Some(native.process.pid),
            start: Some(native.process.start),
        },
        Actor::Wasm { instance, export, .. } => {
            Who { program: format!("wasm instance {instance}, {export}"), pid: None, start: None }
        }
        Actor::Guest { label } => Who { program: format!("guest {label}"), pid: None, start: None },
        Actor::Kernel => Who { program: "the kernel".to_owned(), pid: None, start: None },
        Actor::Belljar => Who { program: "belljar".to_owned(), pid: None, start: None },
        Actor::Unknown { reason } => {
            Who { program: format!("unknown ({reason})"), pid: None, start: None }
        }
    }
}

/// Guest functions that are named, innermost first.
const FUNCTIONS: usize = 8;

/// The functions of a guest that were on its stack, innermost first, as an addition to a sentence;
/// nothing for others.
pub(crate) fn functions(actor: &Actor) -> String {
    match actor {
        Actor::Wasm { frames, .. } if !frames.is_empty() => {
            let shown: Vec<&str> = frames.iter().take(FUNCTIONS).map(String::as_str).collect();
            format!("; by the guest's function {}", shown.join(", called by "))
        }
        _ => String::new(),
    }
}

/// Whether the actor is the component, as far as can be told: not belljar, not the kernel.
pub(crate) fn is_component(actor: &Actor) -> bool {
    !matches!(actor, Actor::Belljar | Actor::Kernel)
}

pub(crate) fn transport(transport: Transport) -> String {
    match transport {
        Transport::Tcp => "TCP".to_owned(),
        Transport::Udp => "UDP".to_owned(),
        Transport::Icmp => "ICMP".to_owned(),
        Transport::Ip(number) => format!("IP protocol {number}"),
        Transport::Raw => "raw frames".to_owned(),
        Transport::Host => "host call".to_owned(),
    }
}

pub(crate) fn protocol(flow: &Flow) -> String {
    match flow.protocol {
        Protocol::Http => "HTTP".to_owned(),
        Protocol::Https => "HTTPS".to_owned(),
        Protocol::Tls => "TLS".to_owned(),
        Protocol::Dns => "DNS".to_owned(),
        Protocol::Unknown => match flow.transport {
            Transport::Tcp | Transport::Udp => {
                format!("unknown over {}", transport(flow.transport))
            }
            other => transport(other),
        },
    }
}

/// The layer that the verdict calls so.
pub fn layer_named(word: &str) -> Option<Layer> {
    [
        Layer::Stream,
        Layer::Plaintext,
        Layer::Datagram,
        Layer::Packet,
        Layer::Remainder,
        Layer::Headers,
        Layer::Exchange,
        Layer::Output,
    ]
    .into_iter()
    .find(|&known| layer(known) == word)
}

pub(crate) fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Stream => "stream",
        Layer::Plaintext => "plain text inside TLS",
        Layer::Datagram => "datagrams",
        Layer::Packet => "packets",
        Layer::Remainder => "bytes outside any stream",
        Layer::Headers => "header fields in a series",
        Layer::Exchange => "request handed over",
        Layer::Output => "program output",
    }
}

pub(crate) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Held => "held still by the kernel",
        Confidence::Confirmed => "two sources agree",
        Confidence::Observed => "one source",
        Confidence::Inferred => "inferred",
    }
}

pub(crate) fn change(change: Change) -> &'static str {
    match change {
        Change::Created => "created",
        Change::Modified => "modified",
        Change::Attributes => "attributes changed",
        Change::Removed => "removed",
    }
}

pub(crate) fn refusal(why: RefusalKind) -> &'static str {
    match why {
        RefusalKind::BypassesDoor => "could pass by a door",
        RefusalKind::ReachesOut => "could reach out of the jar",
        RefusalKind::Budget => "a budget is used up",
    }
}

pub(crate) fn tell(tell: Tell) -> &'static str {
    match tell {
        Tell::Mounts => "lists of mounts",
        Tell::FileSystems => "figures of file systems",
        Tell::Uptime => "how long the machine is up",
        Tell::Processor => "processor and machine",
        Tell::Kernel => "kernel",
        Tell::Confinement => "namespaces, groups, filters",
        Tell::Authorities => "certificate authorities",
        Tell::Logs => "logs",
        Tell::Network => "addresses and routes",
    }
}

pub(crate) fn extent(extent: &Extent) -> ExtentWord {
    match extent {
        Extent::Whole => ExtentWord::Whole,
        Extent::Blind { .. } => ExtentWord::Blind,
        Extent::Unreadable { .. } => ExtentWord::Unreadable,
        Extent::Lost { .. } => ExtentWord::Lost,
        Extent::Absent { .. } => ExtentWord::Absent,
    }
}

pub(crate) fn limit(limit: &Extent) -> LimitLine {
    let (count, unit, reason) = match limit {
        Extent::Whole => (None, None, String::new()),
        Extent::Blind { reason } | Extent::Absent { reason } => (None, None, reason.clone()),
        Extent::Unreadable { count, unit, reason } | Extent::Lost { count, unit, reason } => {
            (Some(*count), Some(unit.clone()), reason.clone())
        }
    };
    LimitLine { extent: extent(limit), count, unit, reason }
}

pub(crate) fn protocol_word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "HTTP",
        Protocol::Https => "HTTPS",
        Protocol::Tls => "TLS",
        Protocol::Dns => "DNS",
        Protocol::Unknown => "unknown protocol",
    }
}
