//! Decoys by seed, and what is traced of a payload.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "each test file uses its part")]

use belljar_decode::Budget;
use belljar_record::{
    BytesSource, DecoyId, DecoySource, Direction, FlowId, Layer, PayloadRef, Sha256Hex,
};
use belljar_trace::{Egress, Index, Target, Traced};
use std::sync::Arc;

/// Bytes without any pattern, by seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

/// Words that look like text, by seed.
pub fn prose(seed: u64, len: usize) -> Vec<u8> {
    let words = [
        "invoice", "meeting", "the", "report", "of", "quarter", "plan", "and", "budget", "review",
        "to", "site",
    ];
    let mut text = Vec::new();
    for byte in noise(seed, len) {
        text.extend_from_slice(words[usize::from(byte) % words.len()].as_bytes());
        text.extend_from_slice(if byte > 250 { b".\n" } else { b" " });
    }
    text.truncate(len);
    text
}

pub fn bytes(bytes: Vec<u8>) -> Arc<dyn DecoySource> {
    Arc::new(BytesSource::from(bytes))
}

pub fn target(
    id: u32,
    path: &str,
    source: Arc<dyn DecoySource>,
    twin: Option<Arc<dyn DecoySource>>,
) -> Target {
    Target {
        decoy: DecoyId(id),
        path: path.into(),
        source,
        twin,
        sample: false,
        distinctive_name: true,
        read: None,
    }
}

pub fn trace(index: &Index, layer: Layer, payload: &[u8]) -> Traced {
    let name = PayloadRef { sha256: Sha256Hex::of(payload), len: payload.len() as u64 };
    let source = BytesSource::from(payload.to_vec());
    let egress = Egress {
        flow: Some(FlowId(7)),
        payload: &name,
        layer,
        direction: Direction::Out,
        bytes: &source,
    };
    let traced = index.trace(&egress, &Budget::default());
    for trace in &traced.traces {
        let json = serde_json::to_string(trace).expect("serialises");
        assert_eq!(
            &serde_json::from_str::<belljar_trace::Trace>(&json).expect("reads back"),
            trace
        );
    }
    traced
}

pub fn of_read(decoy: &[u8]) -> Index {
    let mut read = target(0, "/home/a/decoy.bin", bytes(decoy.to_vec()), None);
    read.read = Some(std::iter::once(0..decoy.len() as u64).collect());
    Index::build(&[read], &[], &[]).expect("builds")
}
