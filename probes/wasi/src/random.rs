//! Randomness from the run's seed: equal runs draw equal bytes. What was drawn stands in the record.

use crate::guest::Guest;
use rand_core::Rng as _;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

/// Most bytes that one call may draw.
const MOST: u64 = 64 << 20;
/// Bytes of a draw that stand in the record; the rest follows from the seed.
const SHOWN: usize = 32;

impl Guest {
    fn draw(&mut self, call: &str, len: u64) -> wasmtime::Result<Vec<u8>> {
        if len > MOST {
            self.note(call, format!("refused: {len} bytes at once"))?;
            wasmtime::bail!("{len} random bytes at once are more than {MOST}");
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        self.random.fill_bytes(&mut bytes);
        let shown = hex(&bytes[..bytes.len().min(SHOWN)]);
        let more = if bytes.len() > SHOWN { "…" } else { "" };
        self.note(call, format!("{len} bytes: {shown}{more}"))?;
        Ok(bytes)
    }

    fn draw_u64(&mut self, call: &str) -> wasmtime::Result<u64> {
        let drawn = self.random.next_u64();
        self.note(call, format!("{drawn:016x}"))?;
        Ok(drawn)
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl random::Host for Guest {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.draw("wasi:random/random get-random-bytes", len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.draw_u64("wasi:random/random get-random-u64")
    }
}

impl insecure::Host for Guest {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.draw("wasi:random/insecure get-insecure-random-bytes", len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.draw_u64("wasi:random/insecure get-insecure-random-u64")
    }
}

impl insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        let call = "wasi:random/insecure-seed insecure-seed";
        Ok((self.draw_u64(call)?, self.draw_u64(call)?))
    }
}
