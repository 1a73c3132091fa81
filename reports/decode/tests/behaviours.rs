//! Hostile bytes, changed further wherever they make the graph apply decodings that were not applied
//! together before (see `belljar_fuzz`): nothing panics, and the budget holds. Decoders are taken in
//! groups, each with a target and a corpus of its own.

mod encoders;

use belljar_decode::{Budget, explore};
use belljar_fuzz::{behaviour, fuzz};
use belljar_record::{BytesSource, Layer};
use encoders::WAYS;
use std::collections::BTreeSet;

const OUTPUT: u64 = 128 << 10;
const RATIO: u64 = 8;
const PIECES: u64 = 1000;

/// Which decodings were applied to `bytes`, and how deep.
fn explored(bytes: &[u8], layer: Layer) -> u64 {
    let budget = Budget { output: OUTPUT, ratio: RATIO, pieces: PIECES, ..Budget::default() };
    let source = BytesSource::from(bytes.to_vec());
    let (mut applied, mut pieces, mut shown) = (BTreeSet::new(), 0, 0);
    let cut = explore(&source, layer, &budget, &mut |piece| {
        pieces += 1;
        shown += piece.bytes.len() as u64;
        applied.extend(piece.chain.last().map(|step| (step.decoder, piece.chain.len().min(3))));
    });
    assert!(pieces <= PIECES + 1, "{pieces} pieces");
    // The decoding that reaches the limit ends with the block that reached it: one of LZ4 gives up to
    // 255 times what it takes.
    let most = 2 * OUTPUT + (RATIO + 256) * bytes.len() as u64;
    assert!(shown <= most, "{shown} bytes shown of {}", bytes.len());
    behaviour((applied, cut.total().min(1)))
}

/// What the ways whose names `of` accepts make of text and of other bytes.
fn begin(of: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let text =
        b"The minutes of the meeting of the board, 42 pages, were sent on Tuesday. ".repeat(2);
    let other: Vec<u8> =
        (0..300_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    WAYS.iter()
        .filter(|way| of(way.name))
        .flat_map(|way| [(way.encode)(&text), (way.encode)(&other)])
        .collect()
}

/// Names of ways that give compressed streams and archives.
fn is_packed(name: &str) -> bool {
    ["zip", "zlib", "deflate", "bzip", "xz", "lz", "zst", "brotli", "7z"]
        .iter()
        .any(|part| name.to_ascii_lowercase().contains(part))
}

#[test]
fn hostile_packed_streams() {
    let fuzzed = fuzz("decode-packed", &begin(is_packed), |bytes| explored(bytes, Layer::Output));
    assert!(fuzzed.behaviours > 20, "{fuzzed:?}: hardly anything was reached");
}

#[test]
fn hostile_text_and_ciphers() {
    let of = |name: &str| !is_packed(name);
    let fuzzed = fuzz("decode-text", &begin(of), |bytes| explored(bytes, Layer::Output));
    assert!(fuzzed.behaviours > 20, "{fuzzed:?}: hardly anything was reached");
}

#[test]
fn hostile_protocols() {
    let query = b"\0\0\0\x20\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03abc\x07example\0\0\x01\0\x01";
    let begin = vec![
        b"POST /a?b=%41 HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
            .to_vec(),
        b"POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 50\r\n\r\n\
          --x\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nv\r\n--x--\r\n"
            .to_vec(),
        b"EHLO a\r\nDATA\r\nSubject: b\r\n\r\n..c\r\n.\r\nQUIT\r\n".to_vec(),
        b"a1 APPEND x {4}\r\nabcd\r\n".to_vec(),
        query.repeat(3),
    ];
    let layers = [Layer::Stream, Layer::Datagram, Layer::Packet, Layer::Remainder];
    let fuzzed = fuzz("decode-protocols", &begin, |bytes| {
        behaviour(layers.map(|layer| explored(bytes, layer)))
    });
    assert!(fuzzed.behaviours > 20, "{fuzzed:?}: hardly anything was reached");
}
