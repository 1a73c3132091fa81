//! What is sent that belongs to no one, and the reading that a scanner does anyway.

use crate::{Failure, random};
use belljar_leaks::{Innocent, WORLD};
use std::fmt::Write as _;

/// Files that are scanned.
const SCANNED: usize = 3;

/// Reads a few whole decoys, as a scanner would have by then.
pub(crate) fn scan_around() -> Result<(), Failure> {
    for planted in WORLD.iter().take(SCANNED) {
        std::hint::black_box(std::fs::read(planted.path)?);
    }
    Ok(())
}

/// Makes something up, the same for the same seed.
pub(crate) fn make_up(what: Innocent, len: u64, seed: u32) -> Vec<u8> {
    let seed = u64::from(seed);
    let len = usize::try_from(len).unwrap_or(0).min(1 << 20);
    let number = |label: &str| {
        let drawn = random::bytes(seed, label, 4);
        u32::from_be_bytes([drawn[0], drawn[1], drawn[2], drawn[3]])
    };
    match what {
        Innocent::Random => random::bytes(seed, "random", len),
        Innocent::Prose => lines(seed, len, |_, words, line| {
            line.push_str(&words);
            line.push_str(".\n");
        }),
        Innocent::Log => lines(seed, len, |number, words, line| {
            let _ = writeln!(
                line,
                "2026-01-05T12:{:02}:{:02}Z engine[417]: {words} ({number} ms)",
                number / 60 % 60,
                number % 60
            );
        }),
        Innocent::Counters => format!(
            "{{\"files\":{},\"clean\":{},\"skipped\":{},\"millis\":{}}}",
            number("files") % 100_000,
            number("clean") % 100_000,
            number("skipped") % 1000,
            number("millis") % 1_000_000
        )
        .into_bytes(),
        Innocent::Id => {
            let hex = data_encoding::HEXLOWER.encode(&random::bytes(seed, "id", 16));
            [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-").into_bytes()
        }
        Innocent::Version => {
            format!("engine-{}.{}", number("major") % 9, number("minor") % 400).into_bytes()
        }
        Innocent::Dump => dump(seed, len),
    }
}

fn lines(seed: u64, len: usize, write: impl Fn(usize, String, &mut String)) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "engine",
        "module",
        "loaded",
        "signature",
        "queue",
        "worker",
        "started",
        "finished",
        "cache",
        "warm",
        "retry",
        "socket",
        "closed",
        "timer",
        "elapsed",
        "table",
        "entries",
        "checked",
        "clean",
        "update",
        "pending",
        "idle",
        "batch",
        "flushed",
        "version",
        "ready",
    ];
    let drawn = random::bytes(seed, "words", len + 64);
    let mut text = String::new();
    for (number, eight) in drawn.chunks(8).enumerate() {
        if text.len() >= len {
            break;
        }
        let words: Vec<&str> =
            eight.iter().map(|&byte| WORDS[usize::from(byte) % WORDS.len()]).collect();
        write(number, words.join(" "), &mut text);
    }
    text.truncate(len);
    text.into_bytes()
}

/// A crash report: the program's own map of memory, and a stack of addresses.
fn dump(seed: u64, len: usize) -> Vec<u8> {
    let mut text = String::from("signal 11\n");
    if let Ok(maps) = std::fs::read_to_string("/proc/self/maps") {
        text.push_str(&maps);
    }
    for eight in random::bytes(seed, "stack", len).chunks(8) {
        let _ = writeln!(text, "00007f{}", data_encoding::HEXLOWER.encode(eight));
        if text.len() >= len {
            break;
        }
    }
    text.truncate(len);
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_up_has_the_length_that_was_asked_for() {
        for what in [Innocent::Random, Innocent::Prose, Innocent::Log, Innocent::Dump] {
            assert_eq!(make_up(what, 3000, 4).len(), 3000, "{what:?}");
        }
        assert_eq!(make_up(Innocent::Id, 0, 4).len(), 36);
    }
}
