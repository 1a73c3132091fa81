//! What is traced, what is not, and to which bytes.

mod support;

use belljar_decode::{Budget, Decoder, replay};
use belljar_record::{
    ByteString, BytesSource, DecoyId, DecoySource, Direction, Layer, Part, PartKind, PayloadRef,
    Sha256Hex,
};
use belljar_trace::{Algorithm, Egress, Index, NameKind, Needle, Subject, Target};
use proptest::prelude::*;
use std::io::Write as _;
use std::sync::Arc;
use support::{bytes, noise, of_read, prose, target, trace};

/// A decoy with members.
#[derive(Debug)]
struct Archive(BytesSource, Vec<Part>);

impl DecoySource for Archive {
    fn len(&self) -> u64 {
        self.0.len()
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        self.0.read_at(offset, buf)
    }
    fn parts(&self) -> Vec<Part> {
        self.1.clone()
    }
}

fn deflated_zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in members {
        writer.start_file(*name, options).expect("begins");
        writer.write_all(bytes).expect("takes bytes");
    }
    writer.finish().expect("ends").into_inner()
}

fn member(name: &str, content: &[u8], sample: bool) -> Part {
    Part { name: name.into(), kind: PartKind::Member, source: bytes(content.to_vec()), sample }
}

fn archive(members: &[(&str, Vec<u8>)]) -> Arc<Archive> {
    let pairs: Vec<(&str, &[u8])> = members.iter().map(|(n, b)| (*n, b.as_slice())).collect();
    let parts = members.iter().map(|(name, content)| member(name, content, false)).collect();
    Arc::new(Archive(BytesSource::from(deflated_zip(&pairs)), parts))
}

fn laptop() -> (Index, Arc<Archive>, Vec<u8>) {
    let work = archive(&[("src/main.c", prose(1, 20_000)), ("plans/quarter.txt", prose(2, 9_000))]);
    let letter = prose(3, 5_000);
    let twin =
        archive(&[("src/main.c", prose(11, 20_000)), ("plans/quarter.txt", prose(12, 9_000))]);
    let targets = [
        target(0, "/home/mallory/work-2031.zip", work.clone(), Some(twin)),
        target(
            1,
            "/home/mallory/letter to the board.txt",
            bytes(letter.clone()),
            Some(bytes(prose(13, 5_000))),
        ),
    ];
    let needles = [
        Needle { id: 0, value: "mallory".into(), common: false, labels: vec![] },
        Needle { id: 1, value: "Europe/Lisbon".into(), common: true, labels: vec!["tz".into()] },
    ];
    (Index::build(&targets, &needles, &[]).expect("builds"), work, letter)
}

#[test]
fn an_archive_sent_whole_is_one_trace_with_its_members() {
    let (index, work, _) = laptop();
    let mut body = b"--b0undary\r\nContent-Disposition: form-data; name=\"sample\"; filename=\"s.bin\"\r\n\r\n".to_vec();
    body.extend_from_slice(&work.read_all());
    body.extend_from_slice(b"\r\n--b0undary--\r\n");
    let mut stream = format!(
        "POST /upload HTTP/1.1\r\nHost: v.example\r\nContent-Type: multipart/form-data; boundary=b0undary\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    let head = stream.len();
    stream.extend_from_slice(&body);
    let traced = trace(&index, Layer::Plaintext, &stream);
    let [only] = traced.traces.as_slice() else { panic!("{:#?}", traced.traces) };
    let Subject::Content { decoy, part, whole, bytes, .. } = &only.subject else {
        panic!("{only:?}")
    };
    assert_eq!((*decoy, part, *whole, *bytes), (DecoyId(0), &None, true, work.len()));
    let mut members: Vec<String> =
        only.contains.iter().map(|c| format!("{} {}", c.part, c.whole)).collect();
    members.sort();
    assert_eq!(members, ["plans/quarter.txt true", "src/main.c true"]);
    assert!(only.chain.is_empty() && only.at > head as u64);
    let named = only.egress.part.clone().expect("the protocol is known").to_string();
    assert!(named.starts_with("file s.bin"), "{named}");
    assert_eq!(traced.covered_bytes(), work.len());
    assert_eq!(traced.cut.total(), 0);
}

#[test]
fn what_stands_in_a_member_of_an_archive_is_placed_by_its_name() {
    let decoy = noise(3, 4_000);
    let index = of_read(&decoy);
    let mut archive = b"!<arch>\n".to_vec();
    for (name, content) in [("other.bin", &noise(4, 600)[..]), ("taken.bin", &decoy[1_000..3_000])]
    {
        let head =
            format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", name, 0, 0, 0, 100_644, content.len());
        archive.extend_from_slice(head.as_bytes());
        archive.extend_from_slice(content);
    }
    let traced = trace(&index, Layer::Output, &archive);
    let [only] = traced.traces.as_slice() else { panic!("{:#?}", traced.traces) };
    assert_eq!(
        only.egress.part.as_ref().map(ToString::to_string).as_deref(),
        Some("member taken.bin")
    );
}

#[test]
fn a_member_alone_is_traced_to_the_member() {
    let (index, _, _) = laptop();
    let text = data_encoding::BASE64.encode(&prose(2, 9_000)[100..400]);
    let traced = trace(&index, Layer::Output, format!("x={text}").as_bytes());
    let Subject::Content { part, ranges, .. } = &traced.traces[0].subject else {
        panic!("{traced:?}")
    };
    assert_eq!(part.as_ref().map(ByteString::to_string).as_deref(), Some("plans/quarter.txt"));
    assert!(ranges[0].decoy.start <= 100 && ranges[0].decoy.end >= 397, "{ranges:?}");
    assert_eq!(traced.traces[0].chain[0].decoder, Decoder::Base64);
}

#[test]
fn hashes_in_json_are_traced_in_every_algorithm_and_form() {
    use sha2::Digest as _;
    let (index, _, letter) = laptop();
    let sha256 = sha2::Sha256::digest(&letter);
    for text in [
        data_encoding::HEXLOWER.encode(&sha256),
        data_encoding::HEXUPPER.encode(&sha256),
        data_encoding::BASE64.encode(&sha256),
    ] {
        let traced = trace(&index, Layer::Output, format!("{{\"sha256\": \"{text}\"}}").as_bytes());
        let [only] = traced.traces.as_slice() else { panic!("{text}: {traced:?}") };
        assert!(matches!(
            only.subject,
            Subject::Hash { algorithm: Algorithm::Sha256, decoy: DecoyId(1), part: None, .. }
        ));
    }
    let md5 = md5::Md5::digest(prose(1, 20_000));
    let traced = trace(&index, Layer::Output, &[b"\x00\x10".as_slice(), &md5].concat());
    let Subject::Hash { algorithm, part, .. } = &traced.traces[0].subject else {
        panic!("{traced:?}")
    };
    assert_eq!(
        (*algorithm, part.as_ref().map(ByteString::to_string).as_deref()),
        (Algorithm::Md5, Some("src/main.c"))
    );
    let sha1 = sha1::Sha1::digest(&letter);
    let traced = trace(
        &index,
        Layer::Output,
        format!("h={}", data_encoding::HEXLOWER.encode(&sha1)).as_bytes(),
    );
    assert!(matches!(traced.traces[0].subject, Subject::Hash { algorithm: Algorithm::Sha1, .. }));
}

#[test]
fn names_and_facts_are_traced_as_what_they_are() {
    let (index, _, _) = laptop();
    let text = b"GET /seen?path=%2Fhome%2Fmallory%2Fletter%20to%20the%20board.txt&tz=Europe/Lisbon HTTP/1.1\r\nHost: v.example\r\nX-Zone: Europe/Lisbon\r\n\r\n";
    let traced = trace(&index, Layer::Stream, text);
    let name = Subject::Name { decoy: DecoyId(1), kind: NameKind::Path };
    assert_eq!(traced.traces.iter().filter(|t| t.subject == name).count(), 1, "{traced:#?}");
    let zone = Subject::Fact { needle: 1 };
    assert_eq!(traced.traces.iter().filter(|t| t.subject == zone).count(), 1, "{traced:#?}");
    // In UTF-16 and in another case.
    let wide: Vec<u8> = "user: MALLORY;;;;".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let traced = trace(&index, Layer::Output, &wide);
    assert!(traced.traces.iter().any(|t| t.subject == Subject::Fact { needle: 0 }), "{traced:#?}");
    assert!(trace(&index, Layer::Output, b"mallorying smallory Europe/Lisbon").traces.is_empty());
}

#[test]
fn what_the_twin_has_too_is_common_and_no_trace() {
    let licence = prose(77, 4_000);
    let decoy = [licence.as_slice(), &noise(1, 3_000), &[0; 5_000]].concat();
    let twin = [licence.as_slice(), &noise(2, 3_000), &[0; 5_000]].concat();
    let index = Index::build(
        &[target(0, "/home/a/database.bin", bytes(decoy.clone()), Some(bytes(twin)))],
        &[],
        &[],
    )
    .expect("builds");
    assert!(index.stats().common >= 4_000, "{:?}", index.stats());
    let foreign = [licence.as_slice(), &noise(3, 3_000), &[0; 5_000]].concat();
    let traced = trace(&index, Layer::Output, &foreign);
    assert!(traced.traces.is_empty(), "{traced:?}");
    assert!(traced.common >= 4_000);
    let traced = trace(&index, Layer::Output, &decoy);
    assert!(matches!(traced.traces[0].subject, Subject::Content { whole: true, .. }), "{traced:?}");
}

#[test]
fn what_the_corpus_has_is_common() {
    let shared = prose(5, 2_000);
    let decoy = [noise(1, 500).as_slice(), &shared].concat();
    let targets = [target(0, "/home/a/some file", bytes(decoy), None)];
    let index = Index::build(&targets, &[], &[bytes(shared.clone())]).expect("builds");
    assert!(trace(&index, Layer::Output, &shared).traces.is_empty());
}

#[test]
fn the_planted_sample_is_traced_although_the_twin_has_it() {
    let sample = prose(9, 68);
    let mut planted =
        target(0, "/home/a/sample.com", bytes(sample.clone()), Some(bytes(sample.clone())));
    planted.sample = true;
    let index = Index::build(&[planted], &[], &[]).expect("builds");
    let traced = trace(&index, Layer::Output, &sample);
    assert!(matches!(traced.traces[0].subject, Subject::Content { sample: true, whole: true, .. }));
}

#[test]
fn what_is_covered_is_never_more_than_what_is_explained() {
    let (index, _, letter) = laptop();
    let mut mixed = noise(40, 4_000);
    mixed.extend_from_slice(&letter[1_000..3_000]);
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(&mixed).expect("memory takes it");
    let payload = writer.finish().expect("memory takes it");
    let traced = trace(&index, Layer::Output, &payload);
    assert_eq!(traced.traces.len(), 1, "{traced:?}");
    // 4,000 bytes of it are noise that does not compress.
    assert!(traced.covered_bytes() + 4_000 <= payload.len() as u64, "{traced:?}");
}

#[test]
fn a_decoy_larger_than_a_window_is_traced_whole_through_base64_and_gzip() {
    let large = noise(50, 3 << 20);
    let index =
        Index::build(&[target(0, "/home/a/large.bin", bytes(large.clone()), None)], &[], &[])
            .expect("builds");
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(&large).expect("memory takes it");
    let gzip = writer.finish().expect("memory takes it");
    for payload in [large.clone(), data_encoding::BASE64.encode(&large).into_bytes(), gzip] {
        let name = PayloadRef { sha256: Sha256Hex::of(&payload), len: payload.len() as u64 };
        let source = BytesSource::from(payload);
        let egress = Egress {
            flow: None,
            payload: &name,
            layer: Layer::Output,
            direction: Direction::Out,
            bytes: &source,
        };
        let traced = index.trace(&egress, &Budget { window: 512 << 10, ..Budget::default() });
        let Subject::Content { whole, ranges, .. } = &traced.traces[0].subject else {
            panic!("{traced:?}")
        };
        assert!(*whole && ranges.len() == 1, "{ranges:?}");
    }
}

#[test]
fn the_index_stays_small() {
    let decoy = noise(60, 4 << 20);
    let plain =
        Index::build(&[target(0, "/home/a/large.bin", bytes(decoy.clone()), None)], &[], &[])
            .expect("builds");
    let mut read = target(0, "/home/a/large.bin", bytes(decoy), None);
    read.read = Some(std::iter::once(0..4 << 20).collect());
    let dense = Index::build(&[read], &[], &[]).expect("builds");
    let share =
        |index: &Index| index.stats().fingerprint_memory as f64 / index.stats().bytes as f64;
    println!(
        "index: {:.2} % of unread, {:.2} % of read decoys",
        share(&plain) * 100.0,
        share(&dense) * 100.0
    );
    assert!(share(&plain) <= 0.08 && share(&dense) <= 0.52);
}

fn encode(how: u8, bytes: &[u8]) -> Vec<u8> {
    match how % 9 {
        0 => data_encoding::HEXUPPER.encode(bytes).into_bytes(),
        1 => data_encoding::BASE64_MIME.encode(bytes).into_bytes(),
        2 => data_encoding::BASE64URL_NOPAD.encode(bytes).into_bytes(),
        3 => data_encoding::BASE32.encode(bytes).into_bytes(),
        4 => bytes.iter().flat_map(|b| format!("%{b:02x}").into_bytes()).collect(),
        5 => {
            let mut writer =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            writer.write_all(bytes).expect("memory takes it");
            writer.finish().expect("memory takes it")
        }
        6 => {
            let mut writer =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            writer.write_all(bytes).expect("memory takes it");
            writer.finish().expect("memory takes it")
        }
        7 => deflated_zip(&[("a", bytes)]),
        _ => {
            let text: String = bytes.iter().map(|b| format!("={b:02X}")).collect();
            let lines: Vec<&[u8]> = text.as_bytes().chunks(75).collect();
            lines.join(&b"=\r\n"[..])
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_distinctive_fragment_is_traced_to_its_range_through_three_encodings(
        seed in any::<u64>(),
        kind in any::<bool>(),
        was_read in any::<bool>(),
        len in 128_usize..400,
        at in 0_usize..6_000,
        chain in proptest::collection::vec(0_u8..9, 0..4),
        around in 0_usize..300,
    ) {
        let make = |seed| if kind { noise(seed, 8_192) } else { prose(seed, 8_192) };
        let decoy = make(seed);
        let mut target = target(0, "/home/a/some-file.bin", bytes(decoy.clone()), Some(bytes(make(seed ^ 0xffff))));
        let len = if was_read { len / 4 } else { len };
        if was_read {
            target.read = Some(std::iter::once(0..8_192).collect());
        }
        let index = Index::build(&[target], &[], &[]).expect("builds");
        let wanted = at as u64..(at + len) as u64;
        let mut encoded = decoy[at..at + len].to_vec();
        for &how in &chain {
            encoded = encode(how, &encoded);
        }
        let payload = [noise(seed ^ 1, around).as_slice(), b"\x00", &encoded, b"\x00", &noise(seed ^ 2, 50)].concat();
        let traced = trace(&index, Layer::Stream, &payload);
        let found = traced.traces.iter().find_map(|trace| match &trace.subject {
            Subject::Content { ranges, .. } => ranges
                .iter()
                .find(|m| m.decoy.start <= wanted.start && m.decoy.end >= wanted.end)
                .map(|m| (trace.chain.clone(), m.clone())),
            _ => None,
        });
        // Text made of few words has a twin with many equal runs: then it is common, not missed.
        prop_assert!(found.is_some() || (!kind && traced.common >= len as u64), "{:?}", traced);
        if let Some((chain, m)) = found {
            let source = BytesSource::from(payload);
            let replayed = replay(&source, Layer::Stream, &chain, 1 << 24).expect("applies again");
            let piece = &replayed[m.piece.start as usize..m.piece.end as usize];
            prop_assert_eq!(piece, &decoy[m.decoy.start as usize..m.decoy.end as usize]);
            // No more than what was sent, but for bytes that happen to go on.
            prop_assert!(m.decoy.end - m.decoy.start <= len as u64 + 8);
        }
    }

    #[test]
    fn random_data_is_never_traced(seed in any::<u64>(), len in 0_usize..20_000, how in 0_u8..9) {
        let (index, _, _) = laptop();
        let payload = encode(how, &noise(seed, len));
        let traced = trace(&index, Layer::Stream, &payload);
        prop_assert!(traced.traces.is_empty(), "{:?}", traced);
        prop_assert!(traced.covered.is_empty());
    }
}

#[test]
fn what_many_decoys_begin_with_is_compared_with_all_of_them() {
    let head = noise(99, 40);
    let targets: Vec<Target> = (0..500)
        .map(|number| {
            let content = [head.as_slice(), &noise(number, 400)].concat();
            let path = format!("/home/a/form-{number:04}.bin");
            let mut target = target(number as u32, &path, bytes(content), None);
            target.read = Some(std::iter::once(0..440).collect());
            target
        })
        .collect();
    let index = Index::build(&targets, &[], &[]).expect("builds");
    for number in [0, 31, 32, 250, 499] {
        let fragment = [&head[12..], &noise(number, 400)[..10]].concat();
        let traced = trace(&index, Layer::Output, &fragment);
        let right = traced.traces.iter().any(|trace| {
            matches!(&trace.subject, Subject::Content { decoy, bytes: 38, .. } if decoy.0 == number as u32)
        });
        assert!(right, "{number}: {:#?}", traced.traces);
    }
}

#[test]
fn a_few_words_that_every_plant_uses_are_no_trace() {
    let words = ["quarterly", "budget", "confirms", "ledger", "office", "moves", "review", "small"];
    let text = |seed: usize| -> Vec<u8> {
        let word = |n: usize| words[(n * n * 7 + n * (seed * 2 + 3) + n / (seed + 2)) % 8];
        (0..600).map(|n| format!("{} ", word(n))).collect::<String>().into_bytes()
    };
    let read = |bytes: &[u8], twin: Vec<u8>| {
        let target = Target {
            decoy: DecoyId(1),
            path: "/home/robin/minutes.txt".into(),
            source: Arc::new(BytesSource::from(bytes.to_vec())),
            twin: Some(Arc::new(BytesSource::from(twin))),
            sample: false,
            distinctive_name: false,
            read: Some(std::iter::once(0..bytes.len() as u64).collect()),
        };
        Index::build(&[target], &[], &[]).expect("is small")
    };
    let found = |index: &Index, payload: &[u8]| {
        let name = PayloadRef { sha256: Sha256Hex::of(payload), len: payload.len() as u64 };
        let source = BytesSource::from(payload.to_vec());
        let (layer, direction) = (Layer::Stream, Direction::Out);
        let egress = Egress { flow: None, payload: &name, layer, direction, bytes: &source };
        !index.trace(&egress, &Budget::default()).traces.is_empty()
    };
    // The run of the decoy that the twin has not.
    let mut decoy = text(1);
    let own = b" office office small quarterly review budget ledger moves confirms ledger office ";
    decoy.splice(1000..1000, own.iter().copied());
    let index = read(&decoy, text(2));
    let beyond = |bytes: &[u8]| [&b"\x01\x02"[..], bytes, b"\x03"].concat();
    assert!(!found(&index, &beyond(&own[8..42])));
    assert!(found(&index, &beyond(&own[1..80])));
    // The same few bytes with something in them that no other plant has.
    let mut decoy = text(1);
    decoy.splice(1000..1000, b" budget EX-77-Q4 18.254,31 ledger re".iter().copied());
    assert!(found(&read(&decoy, text(2)), &beyond(b" budget EX-77-Q4 18.254,31 ledger re")));
}
