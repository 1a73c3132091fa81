//! Measures how fast the index is built and how fast payloads without any decoy are scanned.
//! `cargo run --release -p belljar-trace --example speed`
use belljar_decode::{Budget, explore};
use belljar_record::{BytesSource, DecoyId, DecoySource, Direction, Layer, PayloadRef, Sha256Hex};
use belljar_trace::{Egress, Index, Target};
use std::sync::Arc;

/// Seconds of CPU that this thread has had: other programs on the machine do not count.
fn cpu() -> f64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1e9
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
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

fn text(seed: u64, len: usize) -> Vec<u8> {
    let words = ["invoice", "meeting", "the", "report", "of", "quarter", "plan", "and", "budget"];
    let mut bytes = Vec::with_capacity(len + 16);
    for byte in noise(seed, len / 4) {
        bytes.extend_from_slice(words[usize::from(byte) % words.len()].as_bytes());
        bytes.push(b' ');
    }
    bytes.truncate(len);
    bytes
}

fn main() {
    let decoys: Vec<Vec<u8>> = (0..64).map(|i| noise(i + 1, 1 << 20)).collect();
    for read in [false, true] {
        let targets: Vec<Target> = decoys
            .iter()
            .enumerate()
            .map(|(i, bytes)| Target {
                decoy: DecoyId(i as u32),
                path: format!("/home/a/some file {i}.bin").into(),
                source: Arc::new(BytesSource::from(bytes.clone())) as Arc<dyn DecoySource>,
                twin: None,
                sample: false,
                distinctive_name: true,
                read: read.then(|| std::iter::once(0..1 << 20).collect()),
            })
            .collect();
        let start = cpu();
        let index = Index::build(&targets, &[], &[]).expect("fits");
        let took = cpu() - start;
        let stats = index.stats();
        println!(
            "read {read}: built {:.0} MB/s, index {:.2} % of the decoys",
            stats.bytes as f64 / took / 1e6,
            stats.fingerprint_memory as f64 * 100.0 / stats.bytes as f64
        );
        for (name, bytes) in [("noise", noise(1000, 256 << 20)), ("text", text(1001, 64 << 20))] {
            let payload = PayloadRef { sha256: Sha256Hex::of(b""), len: bytes.len() as u64 };
            let source = BytesSource::from(bytes);
            let start = cpu();
            let cut = explore(&source, Layer::Output, &Budget::default(), &mut |_| {});
            let graph = cpu() - start;
            let egress = Egress {
                flow: None,
                payload: &payload,
                layer: Layer::Output,
                direction: Direction::Out,
                bytes: &source,
            };
            let start = cpu();
            let flat = index.trace(&egress, &Budget { depth: 0, ..Budget::default() });
            let raw = cpu() - start;
            let start = cpu();
            let full = index.trace(&egress, &Budget::default());
            let whole = cpu() - start;
            let rate = |seconds: f64| payload.len as f64 / seconds / 1e9;
            println!(
                "  {name}: graph alone {:.2} GB/s, depth 0 {:.2} GB/s, whole {:.2} GB/s ({} and {} traces, cut {})",
                rate(graph),
                rate(raw),
                rate(whole),
                flat.traces.len(),
                full.traces.len(),
                cut.total()
            );
        }
    }
}
