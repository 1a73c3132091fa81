//! Coverage: a closed list of what can be seen, and how much of each was.
//!
//! Whatever is not *whole* stands in the verdict. Lost, unreadable and absent bar a `pass`; blind
//! is a limit that is known beforehand and printed.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A dimension of what a run can see. The list is closed: a verdict names every one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dimension {
    /// Every read, open and listing of the world.
    FileReads,
    /// Whether reads are known to the byte (page-granular ones are supersets).
    ReadPrecision,
    /// Every change to the world.
    FileWrites,
    /// Changes to the rest of the machine (what the component left in system and state directories).
    SystemChanges,
    /// Every packet that the component sent.
    Packets,
    /// The bytes of every connection and datagram.
    Streams,
    /// The plain text of encrypted connections.
    Encrypted,
    /// Traffic on the jar's own loopback device.
    Loopback,
    /// Who read and wrote.
    FileAttribution,
    /// Who sent.
    FlowAttribution,
    /// Process tree, program starts, refused system calls.
    Processes,
    /// What the component printed.
    Output,
    /// Decoding of what left (budgets cut nothing).
    Decoding,
    /// The jar gives the component the users and groups it asks for.
    UidRange,
    /// CPU, kernel and host facts that pass neither door.
    HostFacts,
    /// Memory handed between processes inside the jar.
    SharedMemory,
    /// Timing and scheduling as a channel.
    Timing,
}

impl Dimension {
    /// All dimensions, in the order in which a verdict prints them.
    pub const ALL: [Self; 17] = [
        Self::FileReads,
        Self::ReadPrecision,
        Self::FileWrites,
        Self::SystemChanges,
        Self::Packets,
        Self::Streams,
        Self::Encrypted,
        Self::Loopback,
        Self::FileAttribution,
        Self::FlowAttribution,
        Self::Processes,
        Self::Output,
        Self::Decoding,
        Self::UidRange,
        Self::HostFacts,
        Self::SharedMemory,
        Self::Timing,
    ];

    /// The name as written in `verdict.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::FileReads => "file-reads",
            Self::ReadPrecision => "read-precision",
            Self::FileWrites => "file-writes",
            Self::SystemChanges => "system-changes",
            Self::Packets => "packets",
            Self::Streams => "streams",
            Self::Encrypted => "encrypted",
            Self::Loopback => "loopback",
            Self::FileAttribution => "file-attribution",
            Self::FlowAttribution => "flow-attribution",
            Self::Processes => "processes",
            Self::Output => "output",
            Self::Decoding => "decoding",
            Self::UidRange => "uid-range",
            Self::HostFacts => "host-facts",
            Self::SharedMemory => "shared-memory",
            Self::Timing => "timing",
        }
    }
}

/// How much of a dimension was seen, from best to worst.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "extent")]
pub enum Extent {
    /// All of it.
    Whole,
    /// A limit known beforehand.
    Blind {
        /// Which.
        reason: String,
    },
    /// Seen but not understood (pinned TLS, unknown cipher).
    Unreadable {
        /// How many, in `unit`.
        count: u64,
        /// Of what.
        unit: String,
        /// Why.
        reason: String,
    },
    /// Dropped.
    Lost {
        /// How many, in `unit`.
        count: u64,
        /// Of what.
        unit: String,
        /// Why.
        reason: String,
    },
    /// The probe was not there.
    Absent {
        /// Why.
        reason: String,
    },
}

impl Extent {
    /// Whether this extent bars a `pass`.
    pub fn bars_pass(&self) -> bool {
        matches!(self, Self::Unreadable { .. } | Self::Lost { .. } | Self::Absent { .. })
    }
}

/// One dimension with everything that is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageRow {
    /// Which.
    pub dimension: Dimension,
    /// All that limited it; empty means whole.
    pub limits: Vec<Extent>,
}

impl CoverageRow {
    /// The worst limit, or [`Extent::Whole`].
    pub fn worst(&self) -> Extent {
        self.limits.iter().max().cloned().unwrap_or(Extent::Whole)
    }
}

/// What was seen of each dimension. Starts as whole everywhere; probes and stages add limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    limits: BTreeMap<Dimension, Vec<Extent>>,
}

impl Coverage {
    /// Adds a limit. Losses and unreadables of the same unit and reason are summed; saying the
    /// same blind or absent reason twice says it once.
    pub fn add(&mut self, dimension: Dimension, extent: Extent) {
        let limits = self.limits.entry(dimension).or_default();
        for known in limits.iter_mut() {
            match (&mut *known, &extent) {
                (
                    Extent::Lost { count, unit, reason },
                    Extent::Lost { count: more, unit: unit2, reason: reason2 },
                )
                | (
                    Extent::Unreadable { count, unit, reason },
                    Extent::Unreadable { count: more, unit: unit2, reason: reason2 },
                ) if unit == unit2 && reason == reason2 => {
                    *count = count.saturating_add(*more);
                    return;
                }
                (known, new) if known == new => return,
                _ => {}
            }
        }
        match extent {
            Extent::Whole | Extent::Lost { count: 0, .. } | Extent::Unreadable { count: 0, .. } => {
            }
            extent => limits.push(extent),
        }
    }

    /// Every dimension in order, whole ones too.
    pub fn rows(&self) -> Vec<CoverageRow> {
        Dimension::ALL
            .iter()
            .map(|&dimension| CoverageRow {
                dimension,
                limits: self.limits.get(&dimension).cloned().unwrap_or_default(),
            })
            .collect()
    }

    /// Whether any dimension bars a `pass`.
    pub fn bars_pass(&self) -> bool {
        self.limits.values().flatten().any(Extent::bars_pass)
    }
}

impl Serialize for Coverage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rows().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Coverage {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut coverage = Self::default();
        for row in Vec::<CoverageRow>::deserialize(deserializer)? {
            for limit in row.limits {
                coverage.add(row.dimension, limit);
            }
        }
        Ok(coverage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_add_up_and_blindness_does_not_bar() {
        let mut coverage = Coverage::default();
        coverage.add(Dimension::Timing, Extent::Blind { reason: "always".into() });
        assert!(!coverage.bars_pass());
        for _ in 0..2 {
            coverage.add(
                Dimension::Packets,
                Extent::Lost { count: 3, unit: "packets".into(), reason: "queue".into() },
            );
        }
        assert!(coverage.bars_pass());
        let rows = coverage.rows();
        assert_eq!(rows.len(), Dimension::ALL.len());
        assert!(matches!(rows[4].worst(), Extent::Lost { count: 6, .. }));
        let json = serde_json::to_string(&coverage).expect("serialises");
        assert_eq!(serde_json::from_str::<Coverage>(&json).expect("reads back"), coverage);
    }

    #[test]
    fn names_in_json_and_in_code_are_the_same() {
        for dimension in Dimension::ALL {
            assert_eq!(
                serde_json::to_value(dimension).expect("serialises"),
                serde_json::Value::from(dimension.name())
            );
        }
    }
}
