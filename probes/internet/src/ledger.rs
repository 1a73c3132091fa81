//! What one conversation still owes the record: events, and what could not be kept.

use belljar_record::{
    Actor, ByteString, Dimension, Event, Extent, FlowId, Log, LogFull, Payloads, Served,
};
use std::sync::{Mutex, PoisonError};

/// One conversation's way to the record. When the last part of the conversation is gone it says,
/// once, what was lost.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) flow: FlowId,
    pub(crate) log: Log,
    pub(crate) payloads: Payloads,
    owed: Mutex<Owed>,
}

#[derive(Debug, Default)]
struct Owed {
    bytes: u64,
    events: u64,
    reason: String,
}

impl Ledger {
    pub(crate) fn new(flow: FlowId, log: Log, payloads: Payloads) -> Self {
        Self { flow, log, payloads, owed: Mutex::default() }
    }

    /// Appends what was seen, in the component's budget. The actor is belljar: who is behind a
    /// conversation stands in its flow.
    pub(crate) fn append(&self, event: Event) -> Result<(), LogFull> {
        self.log.append(Actor::Belljar, event).map(drop).inspect_err(|error| {
            let mut owed = self.owed();
            owed.events += 1;
            owed.reason = error.to_string();
        })
    }

    /// Appends what closes the books (kept payloads): if need be from belljar's own reserve.
    pub(crate) fn close(&self, event: Event) {
        if self.log.append(Actor::Belljar, event.clone()).is_err()
            && let Err(error) = self.log.append_own(event)
        {
            let mut owed = self.owed();
            owed.events += 1;
            owed.reason = error.to_string();
        }
    }

    /// Counts bytes that could not be kept.
    pub(crate) fn lose(&self, bytes: u64, reason: String) {
        let mut owed = self.owed();
        owed.bytes = owed.bytes.saturating_add(bytes);
        owed.reason = reason;
    }

    /// Why the record refused, if it did.
    pub(crate) fn refusal(&self) -> Option<String> {
        let owed = self.owed();
        (owed.bytes > 0 || owed.events > 0).then(|| owed.reason.clone())
    }

    pub(crate) fn lost_bytes(&self) -> u64 {
        self.owed().bytes
    }

    pub(crate) fn served(
        &self,
        protocol: belljar_record::Protocol,
        request: &str,
        host: Option<ByteString>,
        body_len: u64,
        status: u16,
    ) -> Result<(), LogFull> {
        self.append(Event::Served(Served {
            flow: self.flow,
            protocol,
            request: request.into(),
            host,
            body_len,
            rule: None,
            ordinal: 0,
            status,
        }))
    }

    fn owed(&self) -> std::sync::MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let owed = std::mem::take(self.owed.get_mut().unwrap_or_else(PoisonError::into_inner));
        let reason = format!("{}; the connection was closed", owed.reason);
        for (count, unit) in [(owed.bytes, "bytes"), (owed.events, "events")] {
            if count > 0 {
                // Should even the reserve be used up, the log counts the refusal itself.
                let _ = self.log.append_own(Event::Limited {
                    dimension: Dimension::Streams,
                    extent: Extent::Lost { count, unit: unit.into(), reason: reason.clone() },
                });
            }
        }
    }
}
