//! Standard output and error: kept as payloads before the guest goes on, within a budget; lines are
//! given to whoever looks for detections.

use crate::guest::{Doors, Shared, lock, note};
use belljar_record::{Dimension, Direction, Event, Extent, Layer, StreamWriter};
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// Bytes that one write may have.
const PERMIT: usize = 64 << 10;
/// A longer line is looked at in pieces.
const LONGEST_LINE: usize = 64 << 10;

/// Which of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Output,
    Error,
}

impl Which {
    fn label(self) -> &'static str {
        match self {
            Self::Output => "stdout",
            Self::Error => "stderr",
        }
    }

    fn call(self) -> &'static str {
        match self {
            Self::Output => "wasi:cli/stdout write",
            Self::Error => "wasi:cli/stderr write",
        }
    }
}

/// Takes each line that is printed.
pub type LineSink = Box<dyn FnMut(&[u8]) + Send>;

/// The two output streams of a guest.
#[derive(Clone)]
pub struct Outputs {
    doors: Doors,
    shared: Arc<Shared>,
    state: Arc<Mutex<State>>,
}

struct State {
    left: u64,
    lost: u64,
    output: Stream,
    error: Stream,
    sink: Option<LineSink>,
}

#[derive(Default)]
struct Stream {
    writer: Option<StreamWriter>,
    line: Vec<u8>,
}

impl std::fmt::Debug for Outputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outputs").finish_non_exhaustive()
    }
}

impl Outputs {
    pub(crate) fn new(doors: Doors, shared: Arc<Shared>, left: u64) -> Self {
        let state = State {
            left,
            lost: 0,
            output: Stream::default(),
            error: Stream::default(),
            sink: None,
        };
        Self { doors, shared, state: Arc::new(Mutex::new(state)) }
    }

    /// Gives every line that is printed from now on to `sink`.
    pub fn listen(&self, sink: LineSink) {
        lock(&self.state).sink = Some(sink);
    }

    pub(crate) fn stream(&self, which: Which) -> Printer {
        Printer { outputs: self.clone(), which }
    }

    fn write(&self, which: Which, bytes: &[u8]) -> StreamResult<()> {
        note(&self.doors, &self.shared, which.call(), format!("{} bytes", bytes.len()))
            .map_err(|error| StreamError::Trap(error.into()))?;
        let mut state = lock(&self.state);
        let State { left, lost, output, error, sink } = &mut *state;
        let stream = match which {
            Which::Output => output,
            Which::Error => error,
        };
        if stream.writer.is_none() {
            stream.writer = self.doors.payloads.begin("output").ok();
        }
        let more = bytes.len() as u64;
        let kept = *left >= more
            && stream.writer.as_mut().is_some_and(|writer| writer.append(bytes).is_ok());
        if kept {
            *left -= more;
        } else {
            *lost += more;
        }
        let Some(sink) = sink else { return Ok(()) };
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let whole = piece.ends_with(b"\n");
            stream.line.extend_from_slice(piece.strip_suffix(b"\n").unwrap_or(piece));
            if whole || stream.line.len() >= LONGEST_LINE {
                sink(&stream.line);
                stream.line.clear();
            }
        }
        Ok(())
    }

    /// Closes both streams: their payloads get their names.
    pub(crate) fn finish(&self) {
        let mut state = lock(&self.state);
        let State { lost, output, error, sink, .. } = &mut *state;
        for (which, stream) in [(Which::Output, output), (Which::Error, error)] {
            if let (Some(sink), false) = (&mut *sink, stream.line.is_empty()) {
                sink(&stream.line);
                stream.line.clear();
            }
            let writer = stream.writer.take().filter(|writer| !writer.is_empty());
            let Some(writer) = writer else { continue };
            let event = match writer.finish() {
                Ok(payload) => Event::Payload {
                    flow: None,
                    direction: Direction::Out,
                    layer: Layer::Output,
                    payload,
                    label: which.label().to_owned(),
                },
                Err(error) => lost_output(1, "outputs", error.to_string()),
            };
            // Should even the reserve be used up, the log counts that itself.
            let _ = self.doors.log.append_own(event);
        }
        if *lost > 0 {
            let event = lost_output(*lost, "bytes", "program output beyond its budget".into());
            let _ = self.doors.log.append_own(event);
            *lost = 0;
        }
        *sink = None;
    }
}

fn lost_output(count: u64, unit: &str, reason: String) -> Event {
    Event::Limited {
        dimension: Dimension::Output,
        extent: Extent::Lost { count, unit: unit.into(), reason },
    }
}

/// One of the two, as the guest holds it.
pub(crate) struct Printer {
    outputs: Outputs,
    which: Which,
}

#[async_trait::async_trait]
impl Pollable for Printer {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl OutputStream for Printer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.outputs.write(self.which, &bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}
