//! How fast the index is built and egress is looked through, and how large the index is, on one core.
//! `cargo bench -p belljar-trace` (`BELLJAR_BENCH_MB` sets how much is looked through; 128).
//!
//! - Scanning bytes of this machine's files, in which nothing of a decoy stands: against GNU
//!   `grep -F` with 1,000 canaries over the same bytes, and against a plain sum over them, which
//!   says what the memory gives. Nothing is decoded here: see the benchmark of `belljar-decode`.
//! - Tracing the same bytes with all decodings.
//! - The index for decoys that were not read (runs of 128 bytes) and for what was read (runs of 32):
//!   its size, and how fast it is built, with and without a twin.
//! - How these grow from ten decoys to 100,000. `BELLJAR_BENCH_DECOYS` names the counts to be measured.
//!
//! Times are processor time of this process, all threads added (of grep: of its process), medians of
//! three.

#[path = "../../decode/benches/host/mod.rs"]
mod host;

use belljar_decode::Budget;
use belljar_record::{BytesSource, DecoyId, DecoySource, Direction, Layer, PayloadRef, Sha256Hex};
use belljar_trace::{Egress, Index, Target};
use host::host;
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;

/// A stretch of bytes that many decoys share the memory of.
#[derive(Debug)]
struct Slice(Arc<Vec<u8>>, usize, usize);

impl DecoySource for Slice {
    fn len(&self) -> u64 {
        (self.2 - self.1) as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).saturating_add(self.1).min(self.2);
        let count = buf.len().min(self.2 - from);
        buf[..count].copy_from_slice(&self.0[from..from + count]);
        count
    }
}

/// Seconds of CPU that all threads of this process have had, those that are over too.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Ticks of a hundredth of a second, the twelfth and thirteenth word behind the name.
    let words = text.rsplit(") ").next().unwrap_or_default().split(' ');
    words.skip(11).take(2).filter_map(|word| word.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The median of three measurements in seconds.
fn median(mut measure: impl FnMut() -> f64) -> f64 {
    let mut all = [measure(), measure(), measure()];
    all.sort_by(f64::total_cmp);
    all[1]
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = cpu();
    work();
    cpu() - start
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ seed.wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Half words that are made by seed, half bytes without any pattern, as decoys are.
fn content(seed: u64, len: usize) -> Vec<u8> {
    let random = noise(seed, len);
    let mut bytes = Vec::with_capacity(len + 16);
    for four in random[..len / 2].chunks_exact(4) {
        let number = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        bytes.extend((0..5).map(|digit| b'a' + (number >> (4 * digit) & 15) as u8));
        bytes.push(b' ');
        if bytes.len() >= len / 2 {
            break;
        }
    }
    bytes.extend_from_slice(&random[..len - bytes.len().min(len)]);
    bytes.truncate(len);
    bytes
}

/// `count` decoys that share `bytes`.
fn decoys(
    bytes: &Arc<Vec<u8>>,
    twin: Option<&Arc<Vec<u8>>>,
    count: usize,
    read: bool,
) -> Vec<Target> {
    let each = bytes.len() / count;
    (0..count)
        .map(|number| {
            let (from, to) = (number * each, (number + 1) * each);
            Target {
                decoy: DecoyId(number as u32),
                path: format!("/home/mallory/notes/{number:07}.bin").into(),
                source: Arc::new(Slice(Arc::clone(bytes), from, to)),
                twin: twin.map(|twin| {
                    Arc::new(Slice(Arc::clone(twin), from, to)) as Arc<dyn DecoySource>
                }),
                sample: false,
                distinctive_name: true,
                read: read.then(|| std::iter::once(0..each as u64).collect()),
            }
        })
        .collect()
}

fn build(targets: &[Target]) -> (Index, f64) {
    let start = cpu();
    let index = Index::build(targets, &[], &[]).expect("builds");
    (index, cpu() - start)
}

/// Seconds of CPU that grep needs for 1,000 canaries.
fn grep(bytes: &[u8]) -> Option<f64> {
    let folder = std::env::temp_dir().join(format!("belljar-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).ok()?;
    let canaries: Vec<String> = noise(77, 16 * 1000)
        .chunks(16)
        .map(|piece| piece.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    std::fs::write(folder.join("canaries"), canaries.join("\n")).ok()?;
    std::fs::write(folder.join("egress"), bytes).ok()?;
    let seconds = median(|| {
        let went = Command::new("bash")
            .args(["-c", "TIMEFORMAT='%U %S'; time grep -a -c -F -f canaries egress"])
            .current_dir(&folder)
            .env("LC_ALL", "C")
            .output();
        let text = went.map(|out| String::from_utf8_lossy(&out.stderr).into_owned());
        let times = text.unwrap_or_default();
        times.split_whitespace().filter_map(|word| word.parse::<f64>().ok()).sum()
    });
    let _ = std::fs::remove_dir_all(&folder);
    (seconds > 0.0).then_some(seconds)
}

/// What is found in `bytes`, decoded in every way.
fn trace(index: &Index, bytes: &[u8]) -> usize {
    let mut found = 0;
    for payload in bytes.chunks(1 << 20) {
        let name = PayloadRef { sha256: Sha256Hex::of(payload), len: payload.len() as u64 };
        let source = BytesSource::from(payload.to_vec());
        let egress = Egress {
            flow: None,
            payload: &name,
            layer: Layer::Stream,
            direction: Direction::Out,
            bytes: &source,
        };
        found += index.trace(&egress, &Budget::default()).traces.len();
    }
    found
}

fn main() {
    let mb: usize =
        std::env::var("BELLJAR_BENCH_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(128);
    let egress = host(mb << 20).concat();
    let size = egress.len() as f64;
    let gb = |seconds: f64| size / seconds / 1e9;
    let sum = median(|| {
        timed(|| {
            let sum: u64 = egress
                .chunks_exact(8)
                .map(|eight| u64::from_le_bytes(eight.try_into().unwrap_or_default()))
                .fold(0, u64::wrapping_add);
            black_box(sum);
        })
    });
    println!("memory, a plain sum of {:.0} MB: {:.2} GB/s", size / 1e6, gb(sum));
    let rival = grep(&egress);
    match rival {
        Some(seconds) => println!("grep -F, 1,000 canaries: {:.2} GB/s", gb(seconds)),
        None => println!("grep -F: not measured"),
    }

    let only = std::env::var("BELLJAR_BENCH_DECOYS").ok();
    let bytes = Arc::new(content(1, 256 << 20));
    let other = Arc::new(content(2, 256 << 20));
    println!(
        "\ndecoys       each   runs   index     build     with twin  scan       of sum  of grep"
    );
    for (count, each, read) in [
        (1000, 64 << 10, false),
        (1000, 64 << 10, true),
        (10, 2 << 10, false),
        (100, 2 << 10, false),
        (1000, 2 << 10, false),
        (10_000, 2 << 10, false),
        (100_000, 2 << 10, false),
        (10, 2 << 10, true),
        (100, 2 << 10, true),
        (1000, 2 << 10, true),
        (10_000, 2 << 10, true),
        (100_000, 2 << 10, true),
    ] {
        if only.as_ref().is_some_and(|only| !only.split(',').any(|n| n == count.to_string())) {
            continue;
        }
        let own = Arc::new(bytes[..count * each].to_vec());
        let twin = Arc::new(other[..count * each].to_vec());
        // What is small is built again and again until it takes long enough to be measured.
        let again = ((16 << 20) / own.len()).max(1);
        let targets = decoys(&own, None, count, read);
        let mut seconds = 0.0;
        let mut index = None;
        for _ in 0..again {
            let (built, took) = build(&targets);
            seconds += took;
            index = Some(built);
        }
        let Some(index) = index else { continue };
        let mut both = 0.0;
        for _ in 0..again {
            both += build(&decoys(&own, Some(&twin), count, read)).1;
        }
        let made = (own.len() * again) as f64;
        let scan = median(|| {
            timed(|| {
                let known: u64 = egress.chunks(1 << 20).map(|piece| index.known(piece)).sum();
                black_box(known);
            })
        });
        println!(
            "{count:7} {:9.0} kB {:5} {:7.2} % {:6.0} MB/s {:6.0} MB/s {:6.2} GB/s {:6.0} % {}",
            each as f64 / 1024.0,
            if read { 32 } else { 128 },
            index.stats().fingerprint_memory as f64 / index.stats().bytes as f64 * 100.0,
            made / seconds / 1e6,
            made / both / 1e6,
            gb(scan),
            sum / scan * 100.0,
            rival.map_or(String::new(), |rival| format!("{:6.2}", rival / scan)),
        );
    }

    let own = Arc::new(bytes[..64 << 20].to_vec());
    let (index, _) = build(&decoys(&own, None, 1000, false));
    let some = &egress[..egress.len().min(32 << 20)];
    let mut found = 0;
    let took = timed(|| found = trace(&index, some));
    println!(
        "\ntracing {:.0} MB of this machine's files with all decodings: {:.1} MB/s, {found} found",
        some.len() as f64 / 1e6,
        some.len() as f64 / took / 1e6
    );
}
