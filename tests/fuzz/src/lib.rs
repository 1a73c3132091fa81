//! Fuzzing on stable Rust: inputs are changed at random, and those that make a target behave in a way
//! not seen before are kept and changed further.
//!
//! Promises: every input of the kept corpus is tried first; a run names its seed, and an input that
//! makes the target panic is written to a file before the panic goes on.
//! Cannot see: which lines were reached. A target says itself what counts as behaving differently, by
//! the number that it gives back (which branch, which error, which protocol).
//!
//! A target runs for `BELLJAR_FUZZ_SECONDS` (10 if not said). `BELLJAR_FUZZ_KEEP=1` adds what was
//! found to be different to the corpus; `BELLJAR_FUZZ_SEED` repeats a run.
#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest input that is made.
const LONGEST: usize = 8 * 1024;
/// Inputs that are kept to be changed further.
const MOST_KEPT: usize = 4096;
/// Files that a target's corpus grows to.
const MOST_FILED: usize = 60;
/// Numbers at the edges of what fields hold.
const EDGES: [u64; 12] =
    [0, 1, 2, 4, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0xffff_ffff];

/// What a run of a target did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fuzzed {
    /// Inputs tried.
    pub tried: u64,
    /// Ways in which the target behaved.
    pub behaviours: usize,
}

/// A source of random numbers that is quick and whose seed is said (xorshift64*, Vigna 2016).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Less than `most`, or 0.
    fn below(&mut self, most: usize) -> usize {
        (self.next() >> 33) as usize % most.max(1)
    }
}

/// The corpus of a target, beside this crate.
fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A number for a behaviour, from anything that tells it.
pub fn behaviour(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Tries `behaves` on the kept corpus of the target, on `begin`, and on what comes of changing them,
/// for as long as `BELLJAR_FUZZ_SECONDS` says.
///
/// # Panics
/// As the target does; the input is then in the corpus, under a name that begins with `found-`.
pub fn fuzz(target: &str, begin: &[Vec<u8>], mut behaves: impl FnMut(&[u8]) -> u64) -> Fuzzed {
    let folder = corpus(target);
    let seconds = Duration::from_secs(number("BELLJAR_FUZZ_SECONDS").unwrap_or(10));
    let seed =
        number("BELLJAR_FUZZ_SEED").unwrap_or_else(|| behaviour(std::time::SystemTime::now()));
    let mut random = Random(seed | 1);
    let mut kept: Vec<Vec<u8>> = begin.to_vec();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    kept.extend(files.iter().filter_map(|path| std::fs::read(path).ok()));
    kept.push(Vec::new());

    let (mut seen, mut tried) = (HashSet::new(), 0_u64);
    let mut try_one = |input: &[u8], seen: &mut HashSet<u64>| {
        tried += 1;
        match catch_unwind(AssertUnwindSafe(|| behaves(input))) {
            Ok(behaviour) => seen.insert(behaviour),
            Err(panic) => {
                let path = folder.join(format!("found-{:016x}", behaviour(input)));
                let _ = std::fs::create_dir_all(&folder);
                let _ = std::fs::write(&path, input);
                eprintln!("{target}: seed {seed}: panicked on {}", path.display());
                resume_unwind(panic);
            }
        }
    };
    for input in &kept {
        try_one(input, &mut seen);
    }
    let keeps = number("BELLJAR_FUZZ_KEEP") == Some(1);
    let mut filed = files.len();
    let began = Instant::now();
    while began.elapsed() < seconds {
        for _ in 0..64 {
            let input = changed(&kept, &mut random);
            if try_one(&input, &mut seen) && kept.len() < MOST_KEPT {
                if keeps && filed < MOST_FILED {
                    filed += 1;
                    let _ = std::fs::create_dir_all(&folder);
                    let _ =
                        std::fs::write(folder.join(format!("{:016x}", behaviour(&input))), &input);
                }
                kept.push(input);
            }
        }
    }
    let fuzzed = Fuzzed { tried, behaviours: seen.len() };
    println!(
        "{target}: seed {seed}: {} inputs in {seconds:?}, {} behaviours",
        fuzzed.tried, fuzzed.behaviours
    );
    fuzzed
}

/// One of the inputs, changed in one to eight places.
fn changed(kept: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = kept[random.below(kept.len())].clone();
    for _ in 0..1 + random.below(8) {
        let at = random.below(input.len() + 1);
        match random.below(9) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = random.next() as u8;
                }
            }
            2 => input.insert(at, random.next() as u8),
            3 => {
                let end = (at + 1 + random.below(16)).min(input.len());
                input.drain(at..end);
            }
            4 => input.truncate(at),
            // A number at the edge of a field of one, two or four bytes, in either order.
            5 => {
                let edge = EDGES[random.below(EDGES.len())];
                let bytes =
                    if random.below(2) == 0 { edge.to_be_bytes() } else { edge.to_le_bytes() };
                let width = 1 << random.below(3);
                let bytes = if bytes[7] as u64 == edge & 0xff {
                    &bytes[8 - width..]
                } else {
                    &bytes[..width]
                };
                for (to, from) in input.iter_mut().skip(at).zip(bytes) {
                    *to = *from;
                }
            }
            // A piece once more.
            6 => {
                let end = (at + random.below(64)).min(input.len());
                let piece = input[at..end].to_vec();
                for _ in 0..1 + random.below(4) {
                    input.splice(at..at, piece.iter().copied());
                }
            }
            // A piece of another.
            7 => {
                let other = &kept[random.below(kept.len())];
                let from = random.below(other.len() + 1);
                let end = (from + random.below(128)).min(other.len());
                input.splice(at..at, other[from..end].iter().copied());
            }
            _ => {
                let other = &kept[random.below(kept.len())];
                input.truncate(at);
                input.extend_from_slice(&other[random.below(other.len() + 1)..]);
            }
        }
        input.truncate(LONGEST);
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_three_steps_deep_is_found_and_kept() {
        // Each step alone is a behaviour of its own; all three by chance would take 2^24 inputs.
        let found = std::sync::atomic::AtomicBool::new(false);
        let fuzzed = fuzz("own-test", &[b"aaaa".to_vec()], |input| {
            let steps = input.iter().zip(b"\xc3\x28\x99").take_while(|(a, b)| a == b).count();
            if steps == 3 {
                found.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            steps as u64
        });
        assert!(found.into_inner(), "{fuzzed:?}");
        assert_eq!(fuzzed.behaviours, 4);
    }

    #[test]
    fn what_panics_is_written_down() {
        let folder = corpus("own-panic");
        let ended = catch_unwind(|| {
            fuzz("own-panic", &[b"xx".to_vec()], |input| {
                assert!(input != b"xx", "as asked");
                0
            })
        });
        assert!(ended.is_err());
        let kept: Vec<_> = std::fs::read_dir(&folder).expect("made").flatten().collect();
        assert_eq!(kept.len(), 1);
        assert_eq!(std::fs::read(kept[0].path()).expect("written"), b"xx");
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
