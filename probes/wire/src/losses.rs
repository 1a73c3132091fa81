//! What the wire dropped or refused, each kind counted by itself.

use belljar_record::{Dimension, Event, Extent, Log};
use std::sync::atomic::{AtomicU64, Ordering};

/// A counter that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All kinds of loss.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// Dropped by the component's device before the wire could read them.
    pub(crate) device: Count,
    /// Not captured and so not passed on.
    pub(crate) capture: Count,
    /// Not kept (payloads, log) and so not passed on.
    pub(crate) record: Count,
    /// Of more conversations than are followed at a time; not passed on.
    pub(crate) flows: Count,
    /// Connections of which no packet is known.
    pub(crate) unmatched: Count,
    /// Conversations whose responder failed.
    pub(crate) responders: Count,
    /// Recorded packets that a device would not take.
    pub(crate) refused_out: Count,
    pub(crate) refused_in: Count,
    /// Failed reads of a device.
    pub(crate) reads: Count,
    /// 1 if the device still gave packets when the wire had to end.
    pub(crate) unread: Count,
    /// Payload lines that could not be written.
    pub(crate) lines: Count,
    /// Bytes that the answering kernel did not take.
    pub(crate) stream_bytes: Count,
    /// Packets on `lo` that were not captured.
    pub(crate) loopback: Count,
    /// TLS secrets that are not in the capture.
    pub(crate) secrets: Count,
    /// 1 once the component's device was moved or removed.
    pub(crate) device_gone: Count,
    /// Looks at the device's counters that failed.
    pub(crate) counters: Count,
}

impl Losses {
    /// Every kind: dimension, count, unit, reason.
    fn rows(&self) -> [(Dimension, u64, &'static str, &'static str); 14] {
        use Dimension::{Encrypted, Loopback, Packets, Streams};
        [
            (Packets, self.device.get(), "packets", "the component's device dropped them"),
            (Packets, self.capture.get(), "packets", "the capture could not take them"),
            // The capture has these packets; what they carried is not among the payloads.
            (Streams, self.record.get(), "packets", "the record could not take what they carried"),
            (Packets, self.flows.get(), "packets", "of too many conversations"),
            (Streams, self.unmatched.get(), "connections", "no packet of them is known: closed"),
            (Streams, self.responders.get(), "conversations", "their responder failed"),
            (Packets, self.unread.get(), "devices", "still sending when the wire had to end"),
            (Packets, self.reads.get(), "reads", "the component's device failed"),
            (Streams, self.lines.get(), "payloads", "they could not be finished or told"),
            (
                Streams,
                self.stream_bytes.get(),
                "bytes",
                "sent in TCP segments that did not reach the responder",
            ),
            (Loopback, self.loopback.get(), "packets", "they came faster than they were read"),
            (Encrypted, self.secrets.get(), "secrets", "the capture could not take them"),
            (
                Packets,
                self.device_gone.get(),
                "devices",
                "moved or removed: what they dropped is unknown",
            ),
            (Packets, self.counters.get(), "looks", "the device's counters could not be read"),
        ]
    }

    /// Everything lost, as one number.
    pub(crate) fn total(&self) -> u64 {
        self.rows().iter().map(|row| row.1).sum()
    }

    /// Writes each kind that occurred into the record.
    pub(crate) fn tell(&self, log: &Log) {
        for (dimension, count, unit, reason) in self.rows() {
            if count > 0 {
                let extent = Extent::Lost { count, unit: unit.into(), reason: reason.into() };
                // If even the reserve is used up, the log counts the refusal itself.
                let _ = log.append_own(Event::Limited { dimension, extent });
            }
        }
    }
}
