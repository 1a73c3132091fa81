//! A byte stream that is recorded below whatever parses it: bytes from the component are kept
//! before the parser sees them, bytes to it before they are passed on. When they cannot be kept the
//! stream fails, and the connection ends.
//!
//! Promises: constant memory per stream (at most 256 KiB, grown only by streams that fill it), no
//! allocation per chunk. Cannot promise: that recorded answer bytes arrived (a component that
//! resets the connection leaves up to one buffer of them undelivered).

use crate::ledger::Ledger;
use belljar_record::{Direction, Event, Layer, StreamWriter};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

const BUFFER_MIN: usize = 4 * 1024;
const BUFFER_MAX: usize = 256 * 1024;

/// Keeps both directions of one layer of a conversation. Finished, at the latest, when dropped.
#[derive(Debug)]
pub(crate) struct Recorder {
    ledger: Arc<Ledger>,
    layer: Layer,
    sides: [Side; 2],
}

#[derive(Debug, Default)]
struct Side {
    writer: Option<StreamWriter>,
    bytes: u64,
}

impl Recorder {
    pub(crate) fn new(ledger: Arc<Ledger>, layer: Layer) -> Self {
        Self { ledger, layer, sides: Default::default() }
    }

    pub(crate) fn bytes(&self, direction: Direction) -> u64 {
        self.sides[index(direction)].bytes
    }

    fn record(&mut self, direction: Direction, bytes: &[u8]) -> io::Result<()> {
        let side = &mut self.sides[index(direction)];
        let kept = match &mut side.writer {
            Some(writer) => writer.append(bytes),
            None => {
                let name = format!("flow-{}-{}", self.ledger.flow.0, name(direction));
                self.ledger.payloads.begin(&name).and_then(|mut writer| {
                    let kept = writer.append(bytes);
                    side.writer = Some(writer);
                    kept
                })
            }
        };
        match kept {
            Ok(()) => {
                side.bytes += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.ledger.lose(bytes.len() as u64, error.to_string());
                Err(io::Error::other(error))
            }
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        for direction in [Direction::Out, Direction::In] {
            let Some(writer) = self.sides[index(direction)].writer.take() else { continue };
            let len = writer.len();
            if len == 0 {
                continue;
            }
            match writer.finish() {
                Ok(payload) => self.ledger.close(Event::Payload {
                    flow: Some(self.ledger.flow),
                    direction,
                    layer: self.layer,
                    payload,
                    label: String::new(),
                }),
                Err(error) => self.ledger.lose(len, error.to_string()),
            }
        }
    }
}

fn index(direction: Direction) -> usize {
    match direction {
        Direction::Out => 0,
        Direction::In => 1,
    }
}

fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Out => "out",
        Direction::In => "in",
    }
}

/// The recorded stream.
#[derive(Debug)]
pub(crate) struct Tap<IO> {
    io: IO,
    recorder: Recorder,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    want: usize,
    ended: bool,
    /// Bytes at the front of the next write that are recorded already.
    ahead: usize,
    idle: Option<Idle>,
}

#[derive(Debug)]
struct Idle {
    limit: Duration,
    active: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Idle {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            // Activity only notes the time; the timer is set anew when it fires.
            let due = self.active + self.limit;
            if due <= Instant::now() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.sleep.as_mut().reset(due);
        }
    }
}

impl<IO> Tap<IO> {
    /// Records `io`. After `idle` without a byte in either direction, it fails with a time-out.
    pub(crate) fn new(io: IO, recorder: Recorder, idle: Option<Duration>) -> Self {
        Self {
            io,
            recorder,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            want: BUFFER_MIN,
            ended: false,
            ahead: 0,
            idle: idle.map(|limit| Idle {
                limit,
                active: Instant::now(),
                sleep: Box::pin(tokio::time::sleep(limit)),
            }),
        }
    }

    /// Bytes recorded so far.
    pub(crate) fn bytes(&self, direction: Direction) -> u64 {
        self.recorder.bytes(direction)
    }

    /// Bytes that have been recorded and not taken yet.
    pub(crate) fn peeked(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes bytes that were peeked at.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Whether the component has closed its side.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    fn touch(&mut self) {
        if let Some(idle) = &mut self.idle {
            idle.active = Instant::now();
        }
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        match &mut self.idle {
            Some(idle) => idle.poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<IO: AsyncRead + Unpin> Tap<IO> {
    /// Reads more behind what is there; 0 when the component has closed its side.
    pub(crate) async fn peek(&mut self) -> io::Result<usize> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let until = self.end + self.want;
        if self.buffer.len() < until {
            self.buffer.resize(until, 0);
        }
        let mut room = ReadBuf::new(&mut self.buffer[self.end..until]);
        match Pin::new(&mut self.io).poll_read(cx, &mut room) {
            Poll::Ready(Ok(())) => {
                let count = room.filled().len();
                self.touch();
                if count == 0 {
                    self.ended = true;
                    return Poll::Ready(Ok(0));
                }
                self.recorder.record(Direction::Out, &self.buffer[self.end..self.end + count])?;
                self.end += count;
                if count == self.want {
                    self.want = (self.want * 4).min(BUFFER_MAX);
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_idle(cx).map(Err),
        }
    }

    /// Records and throws away whatever still comes, until the component closes its side.
    pub(crate) async fn drain(&mut self) -> io::Result<()> {
        loop {
            self.start = self.end;
            if self.peek().await? == 0 {
                return Ok(());
            }
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Tap<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.start == this.end && ready!(this.poll_fill(cx))? == 0 {
            return Poll::Ready(Ok(()));
        }
        let count = out.remaining().min(this.end - this.start);
        out.put_slice(&this.buffer[this.start..this.start + count]);
        this.start += count;
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Tap<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // A write that was not taken whole comes again with the rest, whose front is recorded.
        if bytes.len() > this.ahead {
            this.recorder.record(Direction::In, &bytes[this.ahead..])?;
            this.ahead = bytes.len();
        }
        match Pin::new(&mut this.io).poll_write(cx, bytes) {
            Poll::Ready(Ok(count)) => {
                this.ahead -= count.min(this.ahead);
                this.touch();
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => this.poll_idle(cx).map(Err),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_flush(cx) {
            Poll::Pending => this.poll_idle(cx).map(Err),
            done => done,
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_shutdown(cx) {
            Poll::Pending => this.poll_idle(cx).map(Err),
            done => done,
        }
    }
}
