//! What is found in what the first pass did not explain: content under keys, digests.

mod support;

use belljar_decode::{Budget, Decoder, replay};
use belljar_record::{BytesSource, Direction, Layer, PayloadRef, Sha256Hex};
use belljar_trace::{Algorithm, Egress, Index, Salted, Subject};
use proptest::prelude::*;
use support::{bytes, noise, of_read, prose};

/// A payload under a repeating key.
fn under(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    bytes.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

/// Traces a payload in both passes.
fn trace_masked(index: &Index, payload: &[u8]) -> Vec<belljar_trace::Trace> {
    let name = PayloadRef { sha256: Sha256Hex::of(payload), len: payload.len() as u64 };
    let source = BytesSource::from(payload.to_vec());
    let egress = Egress {
        flow: None,
        payload: &name,
        layer: Layer::Stream,
        direction: Direction::Out,
        bytes: &source,
    };
    let mut rest = belljar_trace::Unexplained::default();
    let first = index.trace_and_keep(&egress, &Budget::default(), 3, &mut rest);
    let open = |tag: usize| (tag == 3).then(|| bytes(payload.to_vec()));
    let second = index.masked(&rest, &open);
    assert!(second.iter().all(|(tag, traced)| *tag == 3 && traced.skipped == 0));
    first
        .traces
        .into_iter()
        .chain(second.into_iter().flat_map(|(_, traced)| traced.traces))
        .collect()
}

#[test]
fn long_content_under_a_key_is_traced_whole_and_found_at_head_middle_and_tail() {
    let decoy = noise(1, 200_000);
    let index = of_read(&decoy);
    let key = b"0123456789abc";
    // All of it, in a stream of which it is a small part.
    let found = trace_masked(&index, &under(key, &decoy));
    assert!(
        matches!(found[0].subject, Subject::Content { whole: true, .. }) && found.len() == 1,
        "{found:#?}"
    );
    // Larger than a window, and most of it foreign.
    for large in [3 << 20, 40 << 20] {
        for at in [0, large / 2 + 100, large - 9_000] {
            let mut payload = noise(2, large);
            payload[at..at + 8_000].copy_from_slice(&under(key, &decoy[50_000..58_000]));
            let found = trace_masked(&index, &payload);
            let Some(Subject::Content { ranges, .. }) = found.first().map(|t| &t.subject) else {
                panic!("nothing at {at} of {large}")
            };
            assert!(ranges[0].decoy.start <= 50_000 && ranges[0].decoy.end >= 58_000, "{ranges:?}");
        }
    }
}

#[test]
fn many_objects_are_looked_at_and_none_is_counted_as_lost() {
    let decoy = noise(1, 20_000);
    let index = of_read(&decoy);
    let mut payload = Vec::new();
    for number in 0..3_000 {
        payload.extend(under(b"key of all", &noise(number + 10, 1_500)));
        payload.extend(b"\0\0");
        payload.extend(data_encoding::HEXLOWER.encode(&noise(number, 900)).into_bytes());
        payload.extend(b"\0\0");
    }
    let hidden = data_encoding::HEXLOWER.encode(&under(b"key of all", &decoy[..400]));
    payload.extend(hidden.into_bytes());
    // `trace_masked` asserts that nothing was skipped.
    assert!(!trace_masked(&index, &payload).is_empty());
}

#[test]
fn text_is_not_found_under_keys_in_text_of_another_seed() {
    let text = |seed| data_encoding::BASE64.encode(&noise(seed, 15_000)).into_bytes();
    for seed in 1..6 {
        let index = of_read(&text(seed));
        for key in [&b"k"[..], b"0123456789abc", &noise(seed, 64)] {
            let found = trace_masked(&index, &under(key, &text(seed + 100)));
            assert!(found.is_empty(), "{seed} {key:?}: {found:#?}");
        }
    }
}

#[test]
fn digests_of_parts_cut_short_and_with_salts_are_traced() {
    let decoy = prose(31, 20_000);
    let index = of_read(&decoy);
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let source = BytesSource::from(decoy.clone());
    let of_layer = |layer: Layer, payload: &[u8]| {
        let name = PayloadRef { sha256: Sha256Hex::of(payload), len: payload.len() as u64 };
        let bytes_of = BytesSource::from(payload.to_vec());
        let egress = Egress {
            flow: None,
            payload: &name,
            layer,
            direction: Direction::Out,
            bytes: &bytes_of,
        };
        let mut rest = belljar_trace::Unexplained::default();
        let first = index.trace_and_keep(&egress, &Budget::default(), 0, &mut rest).traces;
        let second = index.trace_rest(&rest, &|_| Some(bytes(payload.to_vec())));
        let all = first.into_iter().chain(second.into_iter().flat_map(|(_, traced)| traced.traces));
        all.map(|trace| trace.subject).collect::<Vec<_>>()
    };
    let of = |payload: &[u8]| of_layer(Layer::Stream, payload);
    // Every algorithm, in digits and as bytes; of one content only its own.
    for algorithm in Algorithm::ALL {
        let digest = algorithm.digest(&source);
        let digits = format!("{{\"id\": 17, \"h\": \"{}\"}}", hex(&digest)).into_bytes();
        let raw = [&b"id 17 \0\xff"[..], &digest].concat();
        let payloads = match digest.len() {
            // Fewer than 12 bytes in digits are not decoded.
            8 => vec![raw],
            _ => vec![digits, raw],
        };
        for payload in payloads {
            let found = of(&payload);
            let [Subject::Hash { algorithm: named, bytes, over: None, salt: None, .. }] =
                found.as_slice()
            else {
                panic!("{}: {found:#?}", algorithm.name())
            };
            assert_eq!((*named, *bytes), (algorithm, digest.len() as u64));
        }
    }
    // Cut short; of a beginning; of a block.
    let whole = Algorithm::Sha256.digest(&source);
    let found = of(format!("v={}", hex(&whole[..12])).as_bytes());
    assert!(matches!(found.as_slice(), [Subject::Hash { bytes: 12, .. }]), "{found:#?}");
    for range in [0..4096_u64, 8192..16384] {
        let digest = Algorithm::Md5.salted(&source, range.clone(), None);
        let found = of(format!("v={}", hex(&digest)).as_bytes());
        let [Subject::Hash { over: Some(over), .. }] = found.as_slice() else {
            panic!("{found:#?}")
        };
        assert_eq!(over, &range);
    }
    // With a salt that left beside it, in each way.
    let salt = noise(9, 16);
    for how in [Salted::Before, Salted::After, Salted::Hmac] {
        let digest = Algorithm::Sha256.salted(&source, 0..20_000, Some((&salt, how)));
        let found = of(format!("{}:{}", hex(&salt), hex(&digest)).as_bytes());
        let [Subject::Hash { salt: Some(with), .. }] = found.as_slice() else {
            panic!("{how:?}: {found:#?}")
        };
        assert_eq!((with.bytes.as_bytes(), with.how), (salt.as_slice(), how));
    }
    // In the low bytes of ports, one of each conversation.
    let digest = Algorithm::Sha256.salted(&source, 0..20_000, Some((&salt, Salted::Before)));
    let text = format!("{}:{}", hex(&salt), hex(&digest));
    let ports: Vec<u8> = text.bytes().zip(4..).flat_map(|(low, high)| [high, low]).collect();
    let framed = [&(ports.len() as u32).to_be_bytes()[..], &ports].concat();
    let found = of_layer(Layer::Headers, &framed);
    assert!(matches!(found.as_slice(), [Subject::Hash { salt: Some(_), .. }]), "{found:#?}");
    // CRC-32 behind its name, and nowhere else.
    let sum = hex(&Algorithm::Crc32.digest(&source));
    for (payload, wanted) in [
        (format!("{{\"size\":20000,\"crc32\":\"{sum}\"}}"), true),
        (format!("CRC: 0x{sum}"), true),
        (format!("{{\"size\":20000,\"id\":\"{sum}\"}}"), false),
    ] {
        let found = of(payload.as_bytes());
        let seen = matches!(
            found.as_slice(),
            [Subject::Hash { algorithm: Algorithm::Crc32, bytes: 4, .. }]
        );
        assert_eq!(seen, wanted, "{payload}: {found:#?}");
    }
    // Digests of something else are none.
    let other = BytesSource::from(prose(32, 20_000));
    for algorithm in Algorithm::ALL {
        let found = of(format!("v={}", hex(&algorithm.digest(&other))).as_bytes());
        assert!(found.is_empty(), "{found:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_fragment_of_32_bytes_and_the_length_of_its_key_is_traced_under_any_key(
        seed in any::<u64>(),
        kind in any::<bool>(),
        key in proptest::collection::vec(any::<u8>(), 1..=64),
        at in 0_usize..6_000,
        more in 0_usize..400,
        before in 0_usize..100,
        hex in any::<bool>(),
    ) {
        prop_assume!(key.iter().any(|&byte| byte != 0));
        let decoy = if kind { noise(seed, 8_192) } else { prose(seed, 8_192) };
        let index = of_read(&decoy);
        let len = 32 + key.len() + more;
        let fragment = &decoy[at..at + len];
        let mut payload = noise(seed ^ 1, before);
        payload.extend(under(&key, fragment));
        let payload = match hex {
            true => data_encoding::HEXLOWER.encode(&payload).into_bytes(),
            false => payload,
        };
        let found = trace_masked(&index, &payload);
        let hit = found.iter().find_map(|trace| match &trace.subject {
            Subject::Content { ranges, .. } => ranges
                .iter()
                .find(|range| range.decoy.start <= at as u64 && range.decoy.end >= (at + len) as u64)
                .map(|range| (trace, range.clone())),
            _ => None,
        });
        prop_assert!(hit.is_some(), "not found: {:?}", found);
        if let Some((trace, range)) = hit {
            let source = BytesSource::from(payload.clone());
            let plain = replay(&source, Layer::Stream, &trace.chain, 1 << 20).expect("replays");
            let (from, to) = (range.piece.start as usize, range.piece.end as usize);
            let (start, end) = (range.decoy.start as usize, range.decoy.end as usize);
            prop_assert_eq!(&plain[from..to], &decoy[start..end]);
            prop_assert_eq!(trace.chain.last().map(|step| step.decoder), Some(Decoder::Xor));
        }
    }
}
