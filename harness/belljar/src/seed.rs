//! Which seed a run is planted with.

use std::time::{SystemTime, UNIX_EPOCH};

/// The seed that was asked for, else the scenario's, else a fresh one. A fresh seed need not be
/// secret, only new: it is a function of time and process, below 2^53 so that JSON readers keep it.
pub(crate) fn seed_for(asked: Option<u64>, scenario: Option<u64>) -> u64 {
    asked.or(scenario).unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mixed = since.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(32);
        mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11
    })
}
