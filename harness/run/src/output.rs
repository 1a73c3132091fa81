//! What the component prints: kept as a payload, looked through for detections.
//!
//! Bounded: beyond the budget nothing is kept, only counted as lost; a line longer than 64 KiB is
//! looked at in pieces. The pipe is always read, so that a component never blocks on it.

use belljar_record::{
    ByteString, Dimension, Direction, Event, Extent, Layer, Log, Payloads, StreamWriter,
};
use regex::bytes::Regex;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

const LONGEST_LINE: usize = 64 * 1024;
const MOST_DETECTIONS: usize = 100_000;

/// What is looked for in the output of every program of a run, and how much of it may be kept.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    pub(crate) log: Log,
    pub(crate) payloads: Payloads,
    pub(crate) detection: Option<Regex>,
    left: Arc<AtomicU64>,
}

impl Listening {
    pub(crate) fn new(log: Log, payloads: Payloads, detection: Option<Regex>, budget: u64) -> Self {
        Self { log, payloads, detection, left: Arc::new(AtomicU64::new(budget)) }
    }

    /// Listens to one pipe until it is closed.
    pub(crate) fn listen(&self, pipe: OwnedFd, label: &str, ready: Option<Regex>) -> Listener {
        let heard = Arc::new(Heard::default());
        let thread = {
            let (listening, heard, label) = (self.clone(), Arc::clone(&heard), label.to_owned());
            std::thread::spawn(move || listening.read(File::from(pipe), &label, ready, &heard))
        };
        Listener { heard, thread }
    }

    fn read(&self, mut pipe: File, label: &str, ready: Option<Regex>, heard: &Heard) {
        let mut writer = self.payloads.begin("output").ok();
        let mut lost = if writer.is_none() { Some(0) } else { None };
        let mut buffer = vec![0; 64 * 1024];
        let mut line = Vec::new();
        loop {
            let count = match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let bytes = &buffer[..count];
            if !self.keep(writer.as_mut(), bytes) {
                lost = Some(lost.unwrap_or(0) + count as u64);
            }
            for &byte in bytes {
                if byte == b'\n' || line.len() == LONGEST_LINE {
                    self.line(&line, ready.as_ref(), heard);
                    line.clear();
                }
                if byte != b'\n' {
                    line.push(byte);
                }
            }
        }
        if !line.is_empty() {
            self.line(&line, ready.as_ref(), heard);
        }
        self.close(writer, label, lost);
    }

    fn keep(&self, writer: Option<&mut StreamWriter>, bytes: &[u8]) -> bool {
        let more = bytes.len() as u64;
        let take = |left: u64| left.checked_sub(more);
        writer.is_some_and(|writer| {
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
                && writer.append(bytes).is_ok()
        })
    }

    fn close(&self, writer: Option<StreamWriter>, label: &str, lost: Option<u64>) {
        if let Some(count) = lost {
            // Should even the reserve of the log be used up, the run ends with that error anyway.
            let _ = self.log.append_own(Event::Limited {
                dimension: Dimension::Output,
                extent: Extent::Lost {
                    count,
                    unit: "bytes".into(),
                    reason: "program output beyond its budget".into(),
                },
            });
        }
        let Some(writer) = writer.filter(|writer| !writer.is_empty()) else { return };
        let event = match writer.finish() {
            Ok(payload) => Event::Payload {
                flow: None,
                direction: Direction::Out,
                layer: Layer::Output,
                payload,
                label: label.to_owned(),
            },
            Err(error) => Event::Limited {
                dimension: Dimension::Output,
                extent: Extent::Lost {
                    count: 1,
                    unit: "outputs".into(),
                    reason: error.to_string(),
                },
            },
        };
        let _ = self.log.append_own(event);
    }

    fn line(&self, line: &[u8], ready: Option<&Regex>, heard: &Heard) {
        if ready.is_some_and(|pattern| pattern.is_match(line)) {
            heard.lock().ready = true;
        }
        let Some(found) = self.detection.as_ref().and_then(|pattern| pattern.captures(line)) else {
            return;
        };
        let Some(path) = found.name("path") else { return };
        let mut heard = heard.lock();
        if heard.detections.len() < MOST_DETECTIONS {
            let mut detection = path.as_bytes().to_vec();
            if let Some(name) = found.name("name") {
                detection.extend_from_slice(b": ");
                detection.extend_from_slice(name.as_bytes());
            }
            heard.detections.push(detection.into());
        }
    }
}

/// What was heard so far.
#[derive(Debug, Default)]
struct Heard(Mutex<HeardSoFar>);

#[derive(Debug, Default)]
struct HeardSoFar {
    detections: Vec<ByteString>,
    ready: bool,
}

impl Heard {
    fn lock(&self) -> std::sync::MutexGuard<'_, HeardSoFar> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pipe that is being listened to.
#[derive(Debug)]
pub(crate) struct Listener {
    heard: Arc<Heard>,
    thread: JoinHandle<()>,
}

impl Listener {
    /// Whether the line that means *ready* was heard.
    pub(crate) fn ready(&self) -> bool {
        self.heard.lock().ready
    }

    /// Takes the detections heard since the last call.
    pub(crate) fn detections(&self) -> Vec<ByteString> {
        std::mem::take(&mut self.heard.lock().detections)
    }

    /// Waits until the pipe is closed by everybody, but no longer than `patience`.
    pub(crate) fn drain(&self, patience: std::time::Duration) {
        let until = std::time::Instant::now() + patience;
        while !self.thread.is_finished() && std::time::Instant::now() < until {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Waits until the pipe is closed. Only after everything in the jar was ended.
    pub(crate) fn join(self) {
        // A listener that panicked has said so on standard error; the run goes on without it.
        let _ = self.thread.join();
    }
}
