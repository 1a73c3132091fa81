//! A connection in memory: the guest's end as WASI streams, the other end as a stream for the
//! responders. Each direction holds a bounded number of bytes and can be closed by itself.

use crate::guest::lock;
use bytes::{Buf as _, Bytes, BytesMut};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

/// Bytes on their way in one direction.
const CAPACITY: usize = 64 << 10;

#[derive(Debug, Default)]
struct Half {
    bytes: BytesMut,
    /// The writer will write no more.
    finished: bool,
    /// The reader will read no more.
    gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Half {
    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

type Shared = Arc<Mutex<Half>>;

/// Whoever holds this writes; when it is dropped, the direction is finished.
#[derive(Debug)]
struct WriteEnd(Shared);

/// Whoever holds this reads.
#[derive(Debug)]
struct ReadEnd(Shared);

impl Drop for WriteEnd {
    fn drop(&mut self) {
        finish(&self.0);
    }
}

impl Drop for ReadEnd {
    fn drop(&mut self) {
        let mut half = lock(&self.0);
        half.gone = true;
        half.wake_writer();
    }
}

fn finish(half: &Shared) {
    let mut half = lock(half);
    half.finished = true;
    half.wake_reader();
}

/// The responders' end.
#[derive(Debug)]
pub(crate) struct Far {
    read: ReadEnd,
    write: WriteEnd,
}

/// The guest's end, before its streams are given out.
#[derive(Debug)]
pub(crate) struct Near {
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) control: Control,
}

/// Shuts directions down while the streams are in the guest's hands.
#[derive(Debug)]
pub(crate) struct Control {
    inward: Shared,
    outward: Shared,
}

impl Control {
    pub(crate) fn finish_sending(&self) {
        finish(&self.outward);
    }

    pub(crate) fn stop_receiving(&self) {
        let mut half = lock(&self.inward);
        half.gone = true;
        half.bytes.clear();
        half.wake_writer();
        half.wake_reader();
    }
}

/// Both ends of a new connection.
pub(crate) fn connection() -> (Near, Far) {
    let (inward, outward) = (Shared::default(), Shared::default());
    let control = Control { inward: Arc::clone(&inward), outward: Arc::clone(&outward) };
    let far = Far { read: ReadEnd(Arc::clone(&outward)), write: WriteEnd(Arc::clone(&inward)) };
    let near = Near { input: Input(ReadEnd(inward)), output: Output(WriteEnd(outward)), control };
    (near, far)
}

impl AsyncRead for Far {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut half = lock(&self.read.0);
        if half.bytes.is_empty() {
            if half.finished {
                return Poll::Ready(Ok(()));
            }
            half.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = buf.remaining().min(half.bytes.len());
        buf.put_slice(&half.bytes[..count]);
        half.bytes.advance(count);
        half.wake_writer();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Far {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut half = lock(&self.write.0);
        if half.gone || half.finished {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = CAPACITY.saturating_sub(half.bytes.len());
        if room == 0 {
            half.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = room.min(buf.len());
        half.bytes.extend_from_slice(&buf[..count]);
        half.wake_reader();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        finish(&self.write.0);
        Poll::Ready(Ok(()))
    }
}

/// What the guest reads.
#[derive(Debug)]
pub(crate) struct Input(ReadEnd);

#[async_trait::async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        std::future::poll_fn(|cx| {
            let mut half = lock(&self.0.0);
            if half.bytes.is_empty() && !half.finished && !half.gone {
                half.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

#[async_trait::async_trait]
impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut half = lock(&self.0.0);
        if half.bytes.is_empty() {
            return if half.finished || half.gone {
                Err(StreamError::Closed)
            } else {
                Ok(Bytes::new())
            };
        }
        let count = size.min(half.bytes.len());
        let bytes = half.bytes.split_to(count).freeze();
        half.wake_writer();
        Ok(bytes)
    }
}

/// What the guest writes.
#[derive(Debug)]
pub(crate) struct Output(WriteEnd);

#[async_trait::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        std::future::poll_fn(|cx| {
            let mut half = lock(&self.0.0);
            if half.bytes.len() >= CAPACITY && !half.finished && !half.gone {
                half.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

#[async_trait::async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut half = lock(&self.0.0);
        if half.finished || half.gone {
            return Err(StreamError::Closed);
        }
        if bytes.len() > CAPACITY.saturating_sub(half.bytes.len()) {
            return Err(StreamError::trap("more bytes than were permitted"));
        }
        half.bytes.extend_from_slice(&bytes);
        half.wake_reader();
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let half = lock(&self.0.0);
        if half.finished || half.gone {
            return Err(StreamError::Closed);
        }
        Ok(CAPACITY.saturating_sub(half.bytes.len()))
    }
}
