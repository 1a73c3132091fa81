//! Raw system calls: the only room with `unsafe`, one call a block, each with its reason.
//!
//! Promises: safe functions over owned descriptors; an error names the call that failed.
//! Cannot see: why it is called. Policy lives in `process`, `wire` and the sandbox.
#![allow(unsafe_code, reason = "this crate exists to hold every unsafe block of the workspace")]

pub mod channel;
pub mod descriptors;
pub mod detour;
pub mod diag;
pub mod mounts;
pub mod net;
pub mod pidfd;
pub mod process;
pub mod seccomp;

/// A system call that failed.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {source}")]
pub struct CallError {
    /// Which call, with the argument that matters.
    pub call: String,
    /// What the kernel said.
    pub source: std::io::Error,
}

impl CallError {
    /// The failure that `errno` tells of right now.
    pub fn last(call: impl Into<String>) -> Self {
        Self { call: call.into(), source: std::io::Error::last_os_error() }
    }

    /// The number that the kernel gave, 0 where there was none.
    pub fn errno(&self) -> i32 {
        self.source.raw_os_error().unwrap_or(0)
    }
}

impl From<(&str, nix::errno::Errno)> for CallError {
    fn from((call, errno): (&str, nix::errno::Errno)) -> Self {
        Self { call: call.to_owned(), source: errno.into() }
    }
}
