//! Streams over opened files: each read and write of a guest is one of the world's, at once.

use crate::files::{Opened, READ_MOST};
use crate::resolve::code;
use belljar_record::Precision;
use belljar_world::WorldError;
use bytes::Bytes;
use std::sync::Arc;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

/// Bytes that one write may have.
const PERMIT: usize = 64 << 10;

/// Why an operation on a stream failed, for `filesystem-error-code`.
#[derive(Debug, thiserror::Error)]
#[error("{0:?}")]
pub(crate) struct FsFailure(pub(crate) ErrorCode);

fn failed(error: ErrorCode) -> StreamError {
    StreamError::LastOperationFailed(FsFailure(error).into())
}

/// Reads on from a place.
pub(crate) struct Reader {
    opened: Arc<Opened>,
    offset: u64,
    closed: bool,
}

impl Reader {
    pub(crate) fn new(opened: Arc<Opened>, offset: u64) -> Self {
        Self { opened, offset, closed: false }
    }

    fn fail(&mut self, error: ErrorCode) -> StreamError {
        self.closed = true;
        failed(error)
    }
}

#[async_trait::async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if self.closed {
            return Err(StreamError::Closed);
        }
        if size == 0 {
            return Ok(Bytes::new());
        }
        if !self.opened.may_read() {
            return Err(self.fail(ErrorCode::BadDescriptor));
        }
        if i64::try_from(self.offset).is_err() {
            return Err(self.fail(ErrorCode::Invalid));
        }
        let mut bytes = vec![0; size.min(usize::try_from(READ_MOST).unwrap_or(usize::MAX))];
        let (actor, opened) = (self.opened.actor(), &self.opened);
        let read = opened.world().read(
            &actor,
            opened.node,
            opened.handle,
            self.offset,
            &mut bytes,
            Precision::Exact,
        );
        match read {
            Ok(0) => {
                self.closed = true;
                Err(StreamError::Closed)
            }
            Ok(count) => {
                self.offset = self.offset.saturating_add(count as u64);
                bytes.truncate(count);
                Ok(bytes.into())
            }
            Err(error) => Err(self.fail(code(error))),
        }
    }
}

/// Where a stream writes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Writing {
    At(u64),
    Append,
}

/// Writes on from a place, or always at the end.
pub(crate) struct Writer {
    opened: Arc<Opened>,
    writing: Writing,
    closed: bool,
}

impl Writer {
    pub(crate) fn new(opened: Arc<Opened>, writing: Writing) -> Self {
        Self { opened, writing, closed: false }
    }

    fn put(&self, bytes: &[u8]) -> Result<u64, ErrorCode> {
        let (opened, actor) = (&self.opened, self.opened.actor());
        if !opened.may_write() {
            return Err(ErrorCode::BadDescriptor);
        }
        let offset = match self.writing {
            Writing::At(offset) => offset,
            Writing::Append => opened.world().peek_node(opened.node).map_err(code)?.len,
        };
        let end = offset.checked_add(bytes.len() as u64).and_then(|end| i64::try_from(end).ok());
        if end.is_none() {
            return Err(code(WorldError::TooLarge));
        }
        opened.world().write(&actor, opened.node, opened.handle, offset, bytes).map_err(code)?;
        Ok(bytes.len() as u64)
    }
}

#[async_trait::async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if self.closed {
            return Err(StreamError::Closed);
        }
        if bytes.is_empty() {
            return Ok(());
        }
        match self.put(&bytes) {
            Ok(count) => {
                if let Writing::At(offset) = &mut self.writing {
                    *offset = offset.saturating_add(count);
                }
                Ok(())
            }
            Err(error) => {
                self.closed = true;
                Err(failed(error))
            }
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        if self.closed { Err(StreamError::Closed) } else { Ok(()) }
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.closed { Err(StreamError::Closed) } else { Ok(PERMIT) }
    }
}
