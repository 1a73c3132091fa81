//! Hostile bytes: every decoder, with inputs made from valid ones by a seeded generator, and with
//! all inputs that were once found to break something (`tests/corpus`).
//!
//! Takes seconds; `BELLJAR_FUZZ_SECONDS=600 cargo test --release -p belljar-decode --test fuzz`
//! goes on for longer, from a fresh seed (`BELLJAR_FUZZ_SEED` to set it). An input that breaks
//! something is written to the temporary folder, to be kept in the corpus.

mod encoders;

use belljar_decode::{Budget, entries, explore, parts, replay};
use belljar_record::{BytesSource, Layer};
use encoders::WAYS;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const LAYERS: [Layer; 6] = [
    Layer::Stream,
    Layer::Plaintext,
    Layer::Datagram,
    Layer::Packet,
    Layer::Remainder,
    Layer::Output,
];
/// Inputs of an ordinary run.
const ROUNDS: u64 = 1500;
const OUTPUT: u64 = 256 << 10;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Beginnings and ends of things that decoders look for.
const TOKENS: &[&[u8]] = &[
    b"PK\x03\x04\x14\0\x01\0\x63\0",
    b"PK\x03\x04\x14\0\x09\0\x08\0",
    b"PK\x07\x08",
    b"\x1f\x8b\x08\xff",
    b"\x78\x9c",
    b"BZh91AY&SY",
    b"\xfd7zXZ\0\0\x04",
    b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff",
    b"LZIP\x01\x0c",
    b"\x28\xb5\x2f\xfd\x24",
    b"\x04\x22\x4d\x18\x64\x40",
    b"\x02\x21\x4c\x18",
    b"7z\xbc\xaf\x27\x1c\0\x04",
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x08\0\0\0\x08\x08\x02\0\0\0",
    b"IDAT",
    b"IEND",
    b"BM",
    b"Salted__12345678",
    b"password: abcd",
    b"\x16\x03\x01\x02\0\x01\0\x01\0\x03\x03",
    b"ustar",
    b"<?xml version='1.0'?><a><![CDATA[",
    b"\r\n\r\n",
    b"\r\n.\r\n",
    b"DATA\r\n",
    b"a1 APPEND x {99999999999}\r\n",
    b"====",
    b"POST / HTTP/1.1\r\nContent-Type: application/dns-message\r\nContent-Length: 40\r\n\r\n",
    b"GET /?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB HTTP/1.1\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"multipart/form-data; boundary=\"",
    b"\\ud800\\u00ff",
    b"&#x110000;&#255;&#;",
    b"abandon ability able about above absent ",
    b"BYUwNmD2AEoTcpA",
    b"0123456789abcdefghijklmnopqrstuv",
    b"\0\0\0a\0\0\0b",
    b"\xff\xff\xff\xff",
    b"\0\0\0\x0c",
];

fn input(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=random.below(4) {
        match random.below(4) {
            0 => bytes.extend_from_slice(TOKENS[random.below(TOKENS.len())]),
            1 => {
                let len = random.below(200);
                bytes.extend((0..len).map(|_| (random.next() >> 24) as u8));
            }
            _ => {
                let seed = &seeds[random.below(seeds.len())];
                let from = if random.below(3) == 0 { random.below(seed.len()) } else { 0 };
                let to = if random.below(2) == 0 {
                    seed.len()
                } else {
                    from + random.below(seed.len() - from)
                };
                bytes.extend_from_slice(&seed[from..to]);
            }
        }
    }
    for _ in 0..random.below(8) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 0xff, 0x7f, 0x80, b'='][random.below(5)],
            2 => drop(bytes.drain(at..(at + random.below(9)).min(bytes.len()))),
            3 => drop(bytes.splice(at..at, TOKENS[random.below(TOKENS.len())].iter().copied())),
            _ => {
                let end = (at + random.below(64)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
    // Sometimes all of it once more in an encoding.
    if random.below(3) == 0 {
        bytes = (WAYS[random.below(WAYS.len())].encode)(&bytes);
    }
    bytes.truncate(64 << 10);
    bytes
}

/// Goes through all of it, and checks what is promised.
fn look(bytes: &[u8], layer: Layer) {
    let budget = Budget { output: OUTPUT, ratio: 8, pieces: 4000, ..Budget::default() };
    let source = BytesSource::from(bytes.to_vec());
    let (mut pieces, mut shown) = (0_u64, 0_u64);
    let mut chains = Vec::new();
    explore(&source, layer, &budget, &mut |piece| {
        pieces += 1;
        shown += piece.bytes.len() as u64;
        assert_eq!(piece.chain.len(), piece.lengths.len());
        assert!(piece.chain.len() <= budget.depth);
        if chains.len() < 3 && pieces.is_multiple_of(37) {
            chains.push((piece.chain.to_vec(), piece.bytes.to_vec()));
        }
    });
    let most = OUTPUT + bytes.len() as u64 * 8;
    // The payload, parts that were put together, and one decoding that reached over the budget.
    assert!(pieces <= 4001, "{pieces} pieces");
    assert!(shown <= (most + bytes.len() as u64 * 64) * 2, "{shown} bytes shown");
    for (chain, bytes) in chains {
        assert_eq!(replay(&source, layer, &chain, 1 << 24), Ok(bytes), "{chain:?}");
    }
    let _ = parts(&source, layer);
    let _ = entries(bytes);
}

fn checked(bytes: &[u8], layer: Layer, what: &str) {
    if let Err(cause) = catch_unwind(AssertUnwindSafe(|| look(bytes, layer))) {
        let path = std::env::temp_dir().join("belljar-decode-crash.bin");
        let _ = std::fs::write(&path, bytes);
        eprintln!("{what}, {layer:?}, {} bytes: kept in {}", bytes.len(), path.display());
        std::panic::resume_unwind(cause);
    }
}

#[test]
fn inputs_that_once_broke_something_break_nothing() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus is there") {
        let path = entry.expect("can be read").path();
        let bytes = std::fs::read(&path).expect("can be read");
        for layer in LAYERS {
            checked(&bytes, layer, &path.display().to_string());
        }
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn hostile_bytes_neither_panic_nor_exceed_the_budget_nor_replay_otherwise() {
    let seconds: Option<u64> =
        std::env::var("BELLJAR_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let seed: u64 = std::env::var("BELLJAR_FUZZ_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .or_else(|| {
            seconds?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
            Some(u64::from(now.subsec_nanos()) | now.as_secs() << 20)
        })
        .unwrap_or(2026);
    let plain =
        b"The minutes of the meeting of the board, 42 pages, were sent on Tuesday. ".repeat(3);
    let noise: Vec<u8> =
        (0..700_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let seeds: Vec<Vec<u8>> = WAYS
        .iter()
        .flat_map(|way| [(way.encode)(&plain), (way.encode)(&noise)])
        .chain(WAYS.iter().map(|way| (way.encode)(&encoders::gzip(&plain))))
        .chain([plain.clone(), noise.clone()])
        .collect();
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let begin = Instant::now();
    let mut round = 0;
    let more = |round: u64| match seconds {
        Some(seconds) => begin.elapsed() < Duration::from_secs(seconds),
        None => round < ROUNDS,
    };
    while more(round) {
        let bytes = input(&mut random, &seeds);
        let layer = LAYERS[random.below(LAYERS.len())];
        checked(&bytes, layer, &format!("seed {seed}, round {round}"));
        round += 1;
    }
    println!("{round} inputs from seed {seed}");
}
