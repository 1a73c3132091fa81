//! The capture file: pcapng with what is needed to read it inside (TLS secrets).
//!
//! Promises: when [`Capture::packet`] returns, the packet was handed to the file system, so that it
//! precedes its delivery; a packet that does not fit the budget is refused and counted.
//! Cannot promise: that the host itself does not crash with the file system's cache unwritten.

use belljar_record::Direction;
use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// On which device a packet was seen; its number is the interface's in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Interface {
    /// The component's way out.
    Wire = 0,
    /// The component's own loopback.
    Loopback = 1,
}

/// A packet that cannot be captured, and so must not be passed on.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be made.
    #[error("cannot create the capture {path}: {source}")]
    Create {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the capture: {0}")]
    Write(io::Error),
    /// The budget is used up.
    #[error("the capture has reached its budget of {budget} bytes")]
    Budget {
        /// In bytes.
        budget: u64,
    },
}

/// A pcapng file that is being written (draft-ietf-opsawg-pcapng).
#[derive(Debug)]
pub struct Capture {
    budget: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    len: u64,
    broken: bool,
}

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const SECRETS: u32 = 10;
const TLS_KEY_LOG: u32 = 0x544c_534b;
const LINK_TYPE_RAW: u16 = 101;
const SNAP_LENGTH: u32 = 262_144;
const ZEROS: [u8; 4] = [0; 4];

impl Capture {
    /// Starts a capture of at most `budget` bytes.
    ///
    /// # Errors
    /// [`CaptureError::Create`], [`CaptureError::Write`].
    pub fn create(path: &Path, budget: u64) -> Result<Self, CaptureError> {
        let file = File::create(path)
            .map_err(|source| CaptureError::Create { path: path.to_owned(), source })?;
        let capture = Self { budget, state: Mutex::new(State { file, len: 0, broken: false }) };
        let mut section = Vec::new();
        section.extend_from_slice(&0x1a2b_3c4d_u32.to_ne_bytes());
        section.extend_from_slice(&1u16.to_ne_bytes());
        section.extend_from_slice(&0u16.to_ne_bytes());
        section.extend_from_slice(&u64::MAX.to_ne_bytes());
        option(&mut section, 4, b"belljar");
        option(&mut section, 0, b"");
        capture.block(SECTION, &[&section])?;
        for name in ["eth0", "lo"] {
            let mut interface = Vec::new();
            interface.extend_from_slice(&LINK_TYPE_RAW.to_ne_bytes());
            interface.extend_from_slice(&0u16.to_ne_bytes());
            interface.extend_from_slice(&SNAP_LENGTH.to_ne_bytes());
            option(&mut interface, 2, name.as_bytes());
            // Timestamps count nanoseconds.
            option(&mut interface, 9, &[9]);
            option(&mut interface, 0, b"");
            capture.block(INTERFACE, &[&interface])?;
        }
        Ok(capture)
    }

    /// Writes a packet. `direction` is the component's view.
    ///
    /// # Errors
    /// [`CaptureError`]: the packet must then not be passed on.
    pub fn packet(
        &self,
        interface: Interface,
        direction: Option<Direction>,
        packet: &[u8],
    ) -> Result<(), CaptureError> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let time = u64::try_from(time).unwrap_or(u64::MAX);
        let len = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let mut head = [0; 20];
        head[..4].copy_from_slice(&(interface as u32).to_ne_bytes());
        head[4..8].copy_from_slice(&((time >> 32) as u32).to_ne_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
        head[8..12].copy_from_slice(&(time as u32).to_ne_bytes());
        head[12..16].copy_from_slice(&len.to_ne_bytes());
        head[16..].copy_from_slice(&len.to_ne_bytes());
        let mut options = Vec::with_capacity(12);
        if let Some(direction) = direction {
            let flags: u32 = match direction {
                Direction::In => 1,
                Direction::Out => 2,
            };
            option(&mut options, 2, &flags.to_ne_bytes());
            option(&mut options, 0, b"");
        }
        let padding = &ZEROS[..packet.len().next_multiple_of(4) - packet.len()];
        self.block(PACKET, &[&head, packet, padding, &options])
    }

    /// Writes a line of a TLS key log, so that what follows it can be decrypted.
    ///
    /// # Errors
    /// [`CaptureError`].
    pub fn secret(&self, line: &[u8]) -> Result<(), CaptureError> {
        let newline: &[u8] = if line.ends_with(b"\n") { b"" } else { b"\n" };
        let len = line.len() + newline.len();
        let mut head = [0; 8];
        head[..4].copy_from_slice(&TLS_KEY_LOG.to_ne_bytes());
        head[4..].copy_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes());
        let padding = &ZEROS[..len.next_multiple_of(4) - len];
        self.block(SECRETS, &[&head, line, newline, padding])
    }

    /// Length of the file so far, in bytes.
    pub fn written(&self) -> u64 {
        self.lock().len
    }

    /// Makes sure that all is on disk.
    ///
    /// # Errors
    /// [`CaptureError::Write`].
    pub fn sync(&self) -> Result<(), CaptureError> {
        self.lock().file.sync_data().map_err(CaptureError::Write)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn block(&self, kind: u32, parts: &[&[u8]]) -> Result<(), CaptureError> {
        let len = 12 + parts.iter().map(|part| part.len()).sum::<usize>();
        let word = u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes();
        let mut head = [0; 8];
        head[..4].copy_from_slice(&kind.to_ne_bytes());
        head[4..].copy_from_slice(&word);
        let mut slices = Vec::with_capacity(parts.len() + 2);
        slices.push(IoSlice::new(&head));
        slices.extend(parts.iter().map(|part| IoSlice::new(part)));
        slices.push(IoSlice::new(&word));
        let mut state = self.lock();
        if state.broken || state.len + len as u64 > self.budget {
            return Err(CaptureError::Budget { budget: self.budget });
        }
        let written = write_all(&mut state.file, &mut slices);
        // After half a block nothing can follow: a reader would lose its way.
        state.broken = written.is_err();
        state.len += len as u64;
        written.map_err(CaptureError::Write)
    }
}

fn write_all(file: &mut File, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => IoSlice::advance_slices(&mut slices, len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes an option of a block (kind 0 ends the list).
fn option(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}
