//! Each decoding by itself, and chains of up to three, against encoders of other makers.

mod encoders;

use belljar_decode::{Budget, Decoder, explore, replay};
use belljar_record::{BytesSource, Layer};
use encoders::{WAYS, finds, way_of, zip_by};
use proptest::prelude::*;

fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 11) as u8
        })
        .collect()
}

fn text(len: usize) -> Vec<u8> {
    let words: [&[u8]; 9] =
        [b"invoice", b"meeting", b"the", b"report", b"of", b"quarter", b"plan", b"and", b"budget"];
    let mut bytes = Vec::new();
    for byte in noise(77, len) {
        bytes.extend_from_slice(words[usize::from(byte) % words.len()]);
        bytes.push(b' ');
    }
    bytes.truncate(len);
    bytes
}

#[test]
fn each_encoding_is_undone_by_its_own_decoding() {
    for secret in [noise(1, 700), text(700), noise(2, 3001)] {
        for way in WAYS {
            let payload = (way.encode)(&secret);
            let payload = match way.alone {
                true => payload,
                false => [&b"\x01\x00"[..], &payload, b"\x00\x02"].concat(),
            };
            let chain = finds(&payload, Layer::Stream, &secret);
            let chain = chain.unwrap_or_else(|| panic!("{} of {}", way.name, secret.len()));
            let decoders: Vec<Decoder> = chain.iter().map(|step| step.decoder).collect();
            if decoders.is_empty() {
                // Some packers keep as it is what they cannot make smaller.
                assert!(memchr::memmem::find(&payload, &secret).is_some(), "{}", way.name);
                continue;
            }
            assert_eq!(decoders.len(), 1, "{}: {decoders:?}", way.name);
            assert!(way.undone_by.contains(&decoders[0]), "{}: {decoders:?}", way.name);
            let source = BytesSource::from(payload);
            let again = replay(&source, Layer::Stream, &chain, 1 << 20).expect("applies again");
            assert!(memchr::memmem::find(&again, &secret).is_some(), "{}", way.name);
        }
    }
}

#[test]
fn streams_that_are_cut_short_are_decoded_as_far_as_they_go() {
    // Two blocks of bzip2 at least: it gives only whole ones.
    let secret = noise(5, 2 << 20);
    for name in ["gzip", "zlib", "bzip2", "xz", "lzma", "zstd", "lz4", "7z", "zip"] {
        let whole = (way_of(name).encode)(&secret);
        let cut = &whole[..whole.len() * 2 / 3];
        assert!(finds(cut, Layer::Stream, &secret[..64 << 10]).is_some(), "{name}");
    }
}

#[test]
fn bombs_of_every_kind_stop_at_the_budget_and_are_counted() {
    let zeros = vec![0; 16 << 20];
    for name in ["gzip", "zlib", "bzip2", "xz", "lzma", "zstd", "lz4", "7z", "zip"] {
        let bomb = (way_of(name).encode)(&(way_of(name).encode)(&zeros));
        for bomb in [(way_of(name).encode)(&zeros), bomb] {
            let budget = Budget { output: 1 << 20, ratio: 4, ..Budget::default() };
            let source = BytesSource::from(bomb);
            let mut seen = 0;
            let cut = explore(&source, Layer::Stream, &budget, &mut |piece| {
                seen += piece.bytes.len();
            });
            assert!(seen <= 8 << 20, "{name}: {seen}");
            assert!(cut.output > 0, "{name}: {cut:?}");
        }
    }
}

#[test]
fn lz4_blocks_are_read_with_and_without_their_length() {
    let secret = text(2000);
    for payload in [lz4_flex::block::compress(&secret), lz4_flex::compress_prepend_size(&secret)] {
        let chain = finds(&payload, Layer::Stream, &secret).expect("is found");
        assert_eq!(chain[0].decoder, Decoder::Lz4Block);
    }
}

#[test]
fn members_of_zip_archives_are_read_whatever_they_are_packed_with() {
    use zip::CompressionMethod as Method;
    let secret = text(5000);
    for method in [Method::Deflated, Method::Bzip2, Method::Zstd, Method::Xz] {
        let archive = zip_by(method, &secret);
        let chain = finds(&archive, Layer::Stream, &secret).unwrap_or_else(|| panic!("{method:?}"));
        // The streams of other methods have marks of their own.
        let last = chain.last().expect("decoded");
        assert!(
            chain.len() == 1 && last.input.end <= archive.len() as u64,
            "{method:?}: {chain:?}"
        );
    }
}

#[test]
fn every_number_that_was_added_to_compressed_content_is_found() {
    let secret = noise(9, 1500);
    for number in [1_u8, 13, 127, 200, 255] {
        let added: Vec<u8> = secret.iter().map(|b| b.wrapping_add(number)).collect();
        let chain = finds(&added, Layer::Stream, &secret).expect("is found");
        assert_eq!(chain[0].decoder, Decoder::ByteAddition);
        assert_eq!(chain[0].detail.as_ref().map(|d| d.to_string()), Some(number.to_string()));
    }
}

#[test]
fn letters_moved_along_the_alphabet_are_moved_back() {
    let secret = text(400);
    for by in [1, 3, 13, 25] {
        let moved: Vec<u8> = secret
            .iter()
            .map(|&b| if b.is_ascii_lowercase() { b'a' + (b - b'a' + by) % 26 } else { b })
            .collect();
        assert!(finds(&moved, Layer::Stream, &secret).is_some(), "{by}");
    }
}

#[test]
fn markup_is_read_without_its_tags() {
    let document = b"<?xml version=\"1.0\"?><w:p><w:r><w:t>a secret of some </w:t></w:r><w:r>\
        <w:t>length &amp; worth</w:t></w:r></w:p>";
    let chain = finds(document, Layer::Stream, b"a secret of some length & worth").expect("found");
    assert_eq!(chain[0].decoder, Decoder::Markup);
    // As a part of a document that is sent compressed.
    let document = [document.as_slice(), &text(4000)].concat();
    let packed = zip_by(zip::CompressionMethod::Deflated, &document);
    assert!(finds(&packed, Layer::Stream, b"a secret of some length & worth").is_some());
}

#[test]
fn base58_is_read_between_other_characters_and_in_lines() {
    let secret = noise(3, 200);
    let number = (way_of("base58").encode)(&secret);
    let lines: Vec<&[u8]> = number.chunks(76).collect();
    let mail = [b"Content-Type: text/plain\r\n\r\n", &lines.join(&b"\r\n"[..])[..], b"\r\n.\r\n"];
    let number = String::from_utf8(number.clone()).expect("is text");
    let payloads = [
        format!("GET /v1/items/{number}/state HTTP/1.1\r\nHost: v.example\r\n\r\n").into_bytes(),
        format!("GET /v1?v=3&d={number}&t=1 HTTP/1.1\r\nHost: v.example\r\n\r\n").into_bytes(),
        format!("{{\"text\":\"{number}\"}}").into_bytes(),
        mail.concat(),
    ];
    for payload in payloads {
        let chain = finds(&payload, Layer::Stream, &secret);
        assert!(chain.is_some(), "{}", String::from_utf8_lossy(&payload));
    }
}

#[test]
fn digits_behind_the_head_of_a_request_are_read_from_their_first() {
    let secret: Vec<u8> =
        (0..240_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let turned: Vec<u8> = secret.iter().map(|byte| byte.reverse_bits()).collect();
    for digits in
        [data_encoding::BASE64URL_NOPAD.encode(&turned), data_encoding::HEXLOWER.encode(&turned)]
    {
        for last in
            ["Content-Length: 1", "Content-Length: 332", "Connection: close", "X-A: us-ascii"]
        {
            for end in ["\r\n", "\n"] {
                let request =
                    format!("POST /up HTTP/1.1{end}Host: v.example{end}{last}{end}{end}{digits}");
                let found = finds(request.as_bytes(), Layer::Output, &secret);
                assert!(found.is_some(), "{request:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_encoded_by_a_chain_comes_out_through_it(
        secret in proptest::collection::vec(any::<u8>(), 64..500),
        chain in proptest::collection::vec(0..WAYS.len(), 1..4),
    ) {
        let encoded = encoded(&chain, &secret);
        prop_assume!(encoded.is_some());
        let bytes = encoded.expect("just seen");
        let found = finds(&bytes, Layer::Stream, &secret);
        let names: Vec<&str> = chain.iter().map(|&n| WAYS[n].name).collect();
        prop_assert!(found.is_some(), "{:?} of {} bytes", names, bytes.len());
        let source = BytesSource::from(bytes);
        let again = replay(&source, Layer::Stream, &found.expect("found"), 1 << 24);
        prop_assert!(memchr::memmem::find(&again.expect("applies"), &secret).is_some());
    }

    #[test]
    fn what_is_sent_in_chunks_is_put_together(
        secret in proptest::collection::vec(any::<u8>(), 200..900),
        chain in proptest::collection::vec(0..WAYS.len(), 1..3),
        cuts in proptest::collection::vec(40_usize..400, 1..4),
    ) {
        let encoded = encoded(&chain, &secret);
        prop_assume!(encoded.is_some());
        let bytes = encoded.expect("just seen");
        let (mut stream, mut rest) = (Vec::new(), bytes.as_slice());
        let mut at = 0;
        while !rest.is_empty() {
            let (chunk, more) = rest.split_at(cuts[at % cuts.len()].min(rest.len()));
            let head = format!(
                "POST /up HTTP/1.1\r\nHost: v.example\r\nContent-Length: {}\r\n\r\n", chunk.len()
            );
            stream.extend_from_slice(head.as_bytes());
            stream.extend_from_slice(chunk);
            rest = more;
            at += 1;
        }
        let found = finds(&stream, Layer::Plaintext, &secret);
        let names: Vec<&str> = chain.iter().map(|&n| WAYS[n].name).collect();
        prop_assert!(found.is_some(), "{:?} in {} requests", names, at);
    }
}

/// Encodes by one way after the other; `None` where it cannot be told from the bytes which way it was
/// (docs/decode.md says so of each).
fn encoded(chain: &[usize], secret: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut turns) = (secret.to_vec(), 0);
    let (mut wide, mut marked) = (false, false);
    for (at, &number) in chain.iter().enumerate() {
        let way = &WAYS[number];
        let told = match way.undone_by[0] {
            // Told by the mark of what it was done to, beneath one decoding at most.
            Decoder::ByteAddition => {
                turns += 1;
                turns == 1 && marked && chain.len() - at <= 2
            }
            // Of what leaves no mark, one deep: more is not looked for.
            Decoder::Reversed | Decoder::BitsReversed => {
                turns += 1;
                turns == 1
            }
            // Told by the frequencies of signs, capitals and digits.
            Decoder::Ascii85 | Decoder::Z85 => {
                let mut counts = [0_usize; 256];
                bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
                counts.iter().all(|&count| count * 8 <= bytes.len())
            }
            // Told by its zeros, of which wide text is full already.
            _ => !(wide && way.name == "utf-16"),
        };
        if !told {
            return None;
        }
        // Turning bytes or bits round leaves zeros what they are.
        let turned = matches!(way.undone_by[0], Decoder::Reversed | Decoder::BitsReversed);
        wide = way.name == "utf-32" || wide && turned;
        marked = ["gzip", "zlib", "zip", "bzip2", "xz", "zstd", "7z"].contains(&way.name);
        bytes = (way.encode)(&bytes);
    }
    Some(bytes)
}
