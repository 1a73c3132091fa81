//! The decoding graph: what is encoded comes out, nothing panics, nothing exceeds its budget.

mod encoders;

use belljar_decode::{Budget, Cut, Decoder, Role, explore, parts, replay};
use belljar_record::{BytesSource, Layer};
use encoders::{all, deflate, finds, gzip, zlib};
use proptest::prelude::*;
use std::io::Read as _;

const SECRET: &[u8] = b"a secret of \x01\x02\xff\x00 some length, that is not to be read by others";

#[test]
fn chunked_bodies_are_put_together() {
    let mut stream =
        b"POST /up HTTP/1.1\r\nHost: v.example\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in SECRET.chunks(7) {
        stream.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        stream.extend_from_slice(chunk);
        stream.extend_from_slice(b"\r\n");
    }
    stream.extend_from_slice(b"0\r\n\r\nGET /next?q=1 HTTP/1.1\r\nHost: v.example\r\n\r\n");
    let chain = finds(&stream, Layer::Plaintext, SECRET).expect("is found");
    assert_eq!(chain[0].decoder, Decoder::Part);
    let (parts, cut) = parts(&BytesSource::from(stream.clone()), Layer::Plaintext);
    assert_eq!(cut.total(), 0);
    assert_eq!(parts.iter().filter(|part| part.role == Role::RequestLine).count(), 2);
    let bytes = replay(&BytesSource::from(stream), Layer::Plaintext, &chain, 1 << 20);
    assert_eq!(bytes.as_deref(), Ok(SECRET));
}

#[test]
fn many_requests_are_put_together() {
    let mut stream = Vec::new();
    for chunk in SECRET.chunks(5) {
        let text = data_encoding::BASE64URL_NOPAD.encode(chunk);
        stream.extend_from_slice(
            format!("GET /p?d={text} HTTP/1.1\r\nHost: v.example\r\n\r\n").as_bytes(),
        );
    }
    // Chunks of 5 bytes are not whole base64 groups, so only the joined hex form is readable.
    assert!(finds(&stream, Layer::Stream, SECRET).is_none());
    let mut stream = Vec::new();
    for chunk in SECRET.chunks(5) {
        let text = data_encoding::HEXLOWER.encode(chunk);
        stream.extend_from_slice(
            format!("GET /p?d={text} HTTP/1.1\r\nHost: v.example\r\n\r\n").as_bytes(),
        );
    }
    let chain = finds(&stream, Layer::Stream, SECRET).expect("is found");
    assert_eq!(
        chain.iter().map(|step| step.decoder).collect::<Vec<_>>(),
        [Decoder::Part, Decoder::Hex]
    );
}

#[test]
fn labels_of_many_queries_are_put_together() {
    let mut series = Vec::new();
    for (i, chunk) in SECRET.chunks(20).enumerate() {
        let label = data_encoding::BASE32_NOPAD.encode(chunk).to_lowercase();
        let mut message = vec![0, i as u8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for part in [&label, &format!("n{i}"), "t", "drop", "example"] {
            message.push(part.len() as u8);
            message.extend_from_slice(part.as_bytes());
        }
        message.extend_from_slice(&[0, 0, 1, 0, 1]);
        // Each is asked twice, as resolvers do.
        for _ in 0..2 {
            series.extend_from_slice(&(message.len() as u32).to_be_bytes());
            series.extend_from_slice(&message);
        }
    }
    let chain = finds(&series, Layer::Datagram, SECRET).expect("is found");
    assert_eq!(chain[0].decoder, Decoder::Part);
    assert_eq!(chain[1].decoder, Decoder::Base32);
    let (parts, _) = parts(&BytesSource::from(series), Layer::Datagram);
    assert!(parts.iter().any(|part| part.role == Role::DnsName));
}

#[test]
fn icmp_payloads_are_put_together_also_out_of_order() {
    let mut packets: Vec<Vec<u8>> = SECRET
        .chunks(9)
        .enumerate()
        .map(|(i, chunk)| [&[8, 0, 0, 0, 0, 7, 0, i as u8], chunk].concat())
        .collect();
    packets.swap(1, 4);
    let mut series = Vec::new();
    for packet in packets {
        series.extend_from_slice(&(packet.len() as u32).to_be_bytes());
        series.extend_from_slice(&packet);
    }
    assert!(finds(&series, Layer::Packet, SECRET).is_some());
}

#[test]
fn truncated_and_streamed_zip_archives_are_read() {
    let archive = streamed_zip("m.txt", SECRET);
    // Without its end and its directory.
    let cut = &archive[..archive.len() * 2 / 3];
    let chain = finds(cut, Layer::Stream, &SECRET[..20]).expect("is found");
    assert_eq!(chain[0].decoder, Decoder::ZipMember);
    assert_eq!(chain[0].detail.as_ref().map(|d| d.to_string()).as_deref(), Some("m.txt"));
}

/// A zip archive written as a stream (sizes behind the data), with one deflated member.
fn streamed_zip(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut archive = b"PK\x03\x04\x14\0\x08\0\x08\0".to_vec();
    archive.extend_from_slice(&[0; 16]);
    archive.extend_from_slice(&(name.len() as u16).to_le_bytes());
    archive.extend_from_slice(&[0, 0]);
    archive.extend_from_slice(name.as_bytes());
    let noise: Vec<u8> =
        (0..400_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    archive.extend_from_slice(&deflate(&[bytes, &noise].concat()));
    archive.extend_from_slice(b"PK\x07\x08");
    archive
}

#[test]
fn content_longer_than_a_window_is_shown_to_its_end() {
    let noise: Vec<u8> =
        (0..600_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let long = [noise.as_slice(), SECRET].concat();
    let budget = Budget { window: 128 << 10, ..Budget::default() };
    for payload in [long.clone(), data_encoding::BASE64.encode(&long).into_bytes(), gzip(&long)] {
        let (found, _) = all(&payload, Layer::Stream, &budget);
        assert!(found.iter().any(|(_, bytes)| *bytes == long || bytes.starts_with(&long)));
    }
}

#[test]
fn only_what_the_edge_of_a_window_cuts_is_counted() {
    let budget = Budget { window: 256 << 10, ..Budget::default() };
    let text = b"The minutes of the meeting were sent to all members on Tuesday. ".repeat(20_000);
    let (_, cut) = all(&gzip(&text), Layer::Stream, &budget);
    assert_eq!(cut, Cut::default(), "nothing in it runs over an edge");
    let noise: Vec<u8> =
        (0..900_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let inner = [&text[..200 << 10], &gzip(&noise)[..], &text[..200 << 10]].concat();
    let (_, cut) = all(&gzip(&inner), Layer::Stream, &budget);
    assert!(cut.windows > 0);
    let (_, cut) = all(&gzip(&noise), Layer::Stream, &budget);
    assert!(cut.windows > 0, "it may be a stream without a mark");
}

/// Archives in archives, deeper than the budget, eight side by side at each level.
#[test]
fn nested_and_repeated_archives_stay_within_the_budget() {
    let mut bomb = gzip(&vec![b'a'; 1 << 20]);
    for _ in 0..12 {
        bomb = gzip(&bomb.repeat(8));
    }
    let budget = Budget { output: 4 << 20, ratio: 8, pieces: 5_000, ..Budget::default() };
    let source = BytesSource::from(bomb.clone());
    let (mut shown, mut pieces) = (0, 0);
    let cut = explore(&source, Layer::Stream, &budget, &mut |piece| {
        shown += piece.bytes.len();
        pieces += 1;
    });
    assert!(pieces <= 5_001 && shown <= (8 << 20) + bomb.len() * 64, "{pieces} {shown}");
    assert!(cut.total() > 0);
}

#[test]
fn a_bomb_stops_at_the_budget_and_is_counted() {
    let mut bomb = vec![0; 64 << 20];
    for _ in 0..3 {
        bomb = gzip(&bomb);
    }
    let budget = Budget { output: 1 << 20, ratio: 4, ..Budget::default() };
    let source = BytesSource::from(bomb);
    let mut seen = 0;
    let cut = explore(&source, Layer::Stream, &budget, &mut |piece| seen += piece.bytes.len());
    assert!(seen <= 4 << 20, "{seen}");
    assert!(cut.total() > 0);
}

#[test]
fn nesting_deeper_than_the_budget_is_counted() {
    let mut nested = SECRET.to_vec();
    for _ in 0..9 {
        nested = gzip(&nested);
    }
    let (_, cut) = all(&nested, Layer::Stream, &Budget::default());
    assert!(cut.depth > 0);
}

fn encode(how: u8, bytes: &[u8]) -> (Decoder, Vec<u8>) {
    match how % 12 {
        0 => (Decoder::Hex, data_encoding::HEXUPPER.encode(bytes).into_bytes()),
        1 => {
            let text = data_encoding::BASE64.encode(bytes);
            let lines: Vec<&[u8]> = text.as_bytes().chunks(76).collect();
            (Decoder::Base64, lines.join(&b"\r\n"[..]))
        }
        2 => (Decoder::Base64, data_encoding::BASE64URL_NOPAD.encode(bytes).into_bytes()),
        3 => (Decoder::Base32, data_encoding::BASE32.encode(bytes).into_bytes()),
        4 => (
            Decoder::Percent,
            bytes.iter().flat_map(|b| format!("%{b:02X}").into_bytes()).collect(),
        ),
        5 => (Decoder::Gzip, gzip(bytes)),
        6 => (Decoder::Zlib, zlib(bytes)),
        7 => {
            let text: String = bytes.iter().map(|b| format!("={b:02X}")).collect();
            let lines: Vec<&[u8]> = text.as_bytes().chunks(75).collect();
            (Decoder::QuotedPrintable, lines.join(&b"=\r\n"[..]))
        }
        8 => (Decoder::Hex, bytes.iter().flat_map(|b| format!("{b:02x}:").into_bytes()).collect()),
        9 => {
            (Decoder::Hex, bytes.iter().flat_map(|b| format!("0x{b:02x}, ").into_bytes()).collect())
        }
        10 => (
            Decoder::JsonEscapes,
            bytes.iter().flat_map(|b| format!("\\x{b:02x}").into_bytes()).collect(),
        ),
        _ => (Decoder::Reversed, bytes.iter().rev().copied().collect()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_encoded_comes_out_through_its_own_chain(
        secret in proptest::collection::vec(any::<u8>(), 64..600),
        chain in proptest::collection::vec(0_u8..11, 1..4),
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = secret.clone();
        for &how in &chain {
            bytes = encode(how, &bytes).1;
        }
        let payload = [noise.as_slice(), b"\x00", &bytes, b"\x00", &noise].concat();
        let found = finds(&payload, Layer::Stream, &secret);
        let chain = found.expect("is found");
        let source = BytesSource::from(payload);
        let again = replay(&source, Layer::Stream, &chain, 1 << 24).expect("applies again");
        prop_assert!(again.windows(secret.len()).any(|w| w == secret.as_slice()));
    }

    #[test]
    fn every_chain_replays_to_the_same_bytes(
        seed in proptest::collection::vec(any::<u8>(), 16..300),
        chain in proptest::collection::vec(0_u8..12, 0..4),
        spoil in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = seed;
        for &how in &chain {
            bytes = encode(how, &bytes).1;
        }
        for (at, with) in spoil {
            let at = at.index(bytes.len());
            bytes[at] = with;
        }
        for layer in [Layer::Stream, Layer::Datagram, Layer::Packet] {
            let (found, _) = all(&bytes, layer, &Budget::default());
            let source = BytesSource::from(bytes.clone());
            for (chain, shown) in found {
                prop_assert_eq!(replay(&source, layer, &chain, 1 << 24), Ok(shown));
            }
        }
    }

    #[test]
    fn hostile_bytes_neither_panic_nor_exceed_the_budget(
        pieces in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..64),
                Just(b"PK\x03\x04".to_vec()), Just(b"\x1f\x8b\x08\xff".to_vec()), Just(b"\x78\x9c".to_vec()),
                Just(b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n".to_vec()),
                Just(b"GET /?a=%4 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n".to_vec()),
                Just(b"Content-Type: multipart/form-data; boundary=\"\r\n".to_vec()),
                Just(b"ustar".to_vec()), Just(b"\\ud800\\u".to_vec()), Just(b"&#x110000;&#;=\r\n=4".to_vec()),
                Just(vec![0, 0, 0, 12]), Just(vec![0; 40]), Just(b"4142434445464748494a4b4c4d4e4f50".to_vec()),
            ],
            0..30,
        ),
    ) {
        let bytes = pieces.concat();
        let budget = Budget { output: 1 << 16, ratio: 8, pieces: 300, ..Budget::default() };
        for layer in [Layer::Stream, Layer::Datagram, Layer::Packet, Layer::Output, Layer::Remainder] {
            let source = BytesSource::from(bytes.clone());
            let (mut seen, mut pieces) = (0, 0_u64);
            let _ = explore(&source, layer, &budget, &mut |piece| {
                seen += piece.bytes.len();
                pieces += 1;
            });
            // The payload, the parts put together, and what was decoded.
            prop_assert!(pieces <= 301);
            prop_assert!(seen <= (1 << 17) + bytes.len() * 64);
            let _ = belljar_decode::entries(&bytes);
        }
    }
}

/// Streams of 120 bytes that unpack to themselves: stored blocks, and matches that repeat them.
/// Units of five bytes: `L0` (nothing), `L4` (the four units behind it), `R4` (the last four again).
const QUINES: [&str; 2] = [
    // Bare deflate: L0 L0 L0 L4, L0 L0 L0 L4, R4 L4 R4 L4, R4 L4 R4 L4, and R4 L0 L0 L0 twice, the last
    // of which ends the stream.
    "000000ffff000000ffff000000ffff001400ebff000000ffff000000ffff000000ffff001400ebff\
     428821c400001400ebff428821c400001400ebff428821c400001400ebff428821c400001400ebff\
     428821c400000000ffff000000ffff010000ffff428821c400000000ffff000000ffff010000ffff",
    // gzip: its header in place of L0 L0 L0, and its end, with the right checksum, in place of the last.
    "1f8b08080000000000036c6f6f7000001400ebff1f8b08080000000000036c6f6f7000001400ebff\
     428821c400001400ebff428821c400001400ebff428821c400001400ebff428821c400001400ebff\
     428821c400010000ffff7b27cfec780000000000428821c400010000ffff7b27cfec780000000000",
];

#[test]
fn what_unpacks_to_itself_is_unpacked_once() {
    let quines = QUINES.map(|digits| data_encoding::HEXLOWER.decode(digits.as_bytes()));
    for (quine, by) in quines.into_iter().zip([Decoder::Deflate, Decoder::Gzip]) {
        let quine = quine.expect("digits");
        // By another maker's decoder it is one, too.
        let mut again = Vec::new();
        let read = match by {
            Decoder::Gzip => flate2::read::GzDecoder::new(&*quine).read_to_end(&mut again),
            _ => flate2::read::DeflateDecoder::new(&*quine).read_to_end(&mut again),
        };
        assert_eq!((read.expect("is a stream"), &again), (quine.len(), &quine));
        for payload in [quine.clone(), data_encoding::BASE64.encode(&quine).into_bytes()] {
            let (found, cut) = all(&payload, Layer::Stream, &Budget::default());
            let times =
                found.iter().filter(|(chain, _)| chain.iter().any(|s| s.decoder == by)).count();
            // A bare stream that is as uneven as this one is not taken for one.
            let least = usize::from(by == Decoder::Gzip);
            assert!((least..16).contains(&times), "{times} objects");
            assert_eq!(cut.total(), 0, "{cut:?}");
        }
    }
}
