//! How fast the whole graph is on traffic-like data, on one core, in CPU time of this thread.
//! `cargo bench -p belljar-decode` (`BELLJAR_BENCH_MB` sets how much of each kind; 64;
//! with `BELLJAR_BENCH_TALLY` it is said which decoders made how much of it; `BELLJAR_BENCH_KIND`
//! names the kinds that are measured, divided by `;`; `BELLJAR_BENCH_SHOWN=FILE` writes a line for
//! everything that is shown, so that two versions can be compared).
//!
//! Kinds: files of this machine as they are, gzipped, random (as encrypted), base64 in a mail,
//! requests with JSON, HTML, uploads in multipart forms, DNS queries, and all of these mixed.

mod host;

use belljar_decode::{Budget, Piece, explore};
use belljar_record::{BytesSource, Layer};
use host::host;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;

/// Seconds of CPU that this thread has had: other programs on the machine do not count.
fn cpu() -> f64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1e9
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
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

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).expect("memory takes it");
    writer.finish().expect("memory takes it")
}

fn post(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /v1/items HTTP/1.1\r\nHost: api.example\r\nUser-Agent: bench/1.0\r\nContent-Type: \
         {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn json(number: usize) -> Vec<u8> {
    let rows: Vec<String> = (0..40)
        .map(|row| {
            format!(
                "{{\"id\":{},\"time\":\"2026-01-05T12:{:02}:{:02}Z\",\"path\":\"/usr/share/doc/{row}\",\
                 \"state\":\"clean\",\"sha256\":\"{:064x}\",\"size\":{}}}",
                number * 40 + row,
                row % 60,
                number % 60,
                number as u128 * 0x9e37_79b9_7f4a_7c15_f39c_c060 + row as u128,
                row * 977
            )
        })
        .collect();
    format!("[{}]", rows.join(",")).into_bytes()
}

fn queries(count: usize) -> Vec<u8> {
    let mut series = Vec::new();
    for number in 0..count {
        let mut message = vec![(number >> 8) as u8, number as u8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in [&format!("host-{number}"), "update", "vendor", "example"] {
            message.push(label.len() as u8);
            message.extend_from_slice(label.as_bytes());
        }
        message.extend_from_slice(&[0, 0, 1, 0, 1]);
        series.extend_from_slice(&(message.len() as u32).to_be_bytes());
        series.extend_from_slice(&message);
    }
    series
}

/// A line for something shown: how it came, and what it is.
fn list(to: &mut impl std::io::Write, (kind, number): (&str, usize), piece: &Piece<'_>) {
    let chain: Vec<String> = piece
        .chain
        .iter()
        .map(|step| {
            let detail = step.detail.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{} {:?} {detail}", step.decoder.name(), step.input)
        })
        .collect();
    let mut hasher = DefaultHasher::new();
    piece.bytes.hash(&mut hasher);
    let (len, hash) = (piece.bytes.len(), hasher.finish());
    writeln!(to, "{kind} {number} {} {} {len} {hash:016x}", chain.join("; "), piece.base)
        .expect("the list can be written");
}

struct Kind {
    name: &'static str,
    layer: Layer,
    payloads: Vec<Vec<u8>>,
}

fn main() {
    let mb: usize =
        std::env::var("BELLJAR_BENCH_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(64);
    let wanted = mb << 20;
    let files = host(wanted);
    let stream = |name, payloads| Kind { name, layer: Layer::Stream, payloads };
    let of = |each: &dyn Fn(&[u8]) -> Vec<u8>| files.iter().map(|file| each(file)).collect();
    let mail = |file: &[u8]| {
        let text = data_encoding::BASE64.encode(file);
        let lines: Vec<&[u8]> = text.as_bytes().chunks(76).collect();
        [b"Content-Transfer-Encoding: base64\r\n\r\n", &lines.join(&b"\r\n"[..])[..]].concat()
    };
    let form = |file: &[u8]| {
        let head =
            b"--x1\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\n\r\n";
        post("multipart/form-data; boundary=x1", &[head, file, b"\r\n--x1--\r\n"].concat())
    };
    let random: Vec<Vec<u8>> = noise(wanted).chunks(1 << 20).map(<[u8]>::to_vec).collect();
    let small: Vec<Vec<u8>> = noise(wanted / 16).chunks(2000).map(<[u8]>::to_vec).collect();
    let api: Vec<Vec<u8>> = (0..wanted / 10_000)
        .map(|number| post("application/json", &json(number)))
        .collect::<Vec<_>>()
        .chunks(20)
        .map(<[Vec<u8>]>::concat)
        .collect();
    let mut kinds = vec![
        stream("files", files.clone()),
        stream("files, gzipped", of(&gzip)),
        stream("random, 1 MiB each", random),
        stream("random, 2 kB each", small),
        stream("base64 in a mail", of(&mail)),
        stream("JSON requests", api),
        stream("multipart uploads", of(&form)),
        Kind {
            name: "DNS queries",
            layer: Layer::Datagram,
            payloads: (0..wanted / 4_000_000 + 1).map(|_| queries(20_000)).collect(),
        },
    ];
    let mixed: Vec<Vec<u8>> = (0..kinds[0].payloads.len())
        .flat_map(|i| [0, 1, 4, 5, 6].map(|kind| kinds[kind].payloads.get(i).cloned()))
        .flatten()
        .chain(kinds[2].payloads.iter().take(mb / 4).cloned())
        .collect();
    kinds.push(stream("mixed", mixed));
    if let Ok(names) = std::env::var("BELLJAR_BENCH_KIND") {
        kinds.retain(|kind| names.split(';').any(|name| name == kind.name));
    }
    let mut listed = std::env::var_os("BELLJAR_BENCH_SHOWN").map(|path| {
        std::io::BufWriter::new(std::fs::File::create(path).expect("the list can be written"))
    });
    for kind in kinds {
        let (mut bytes, mut shown, mut pieces, mut cut) = (0_u64, 0_u64, 0_u64, 0_u64);
        let mut tally: BTreeMap<(usize, &str), (u64, u64)> = BTreeMap::new();
        let tallying = std::env::var_os("BELLJAR_BENCH_TALLY").is_some();
        let start = cpu();
        for (number, payload) in kind.payloads.into_iter().enumerate() {
            bytes += payload.len() as u64;
            let source = BytesSource::from(payload);
            let result = explore(&source, kind.layer, &Budget::default(), &mut |piece| {
                shown += piece.bytes.len() as u64;
                pieces += 1;
                if let Some(listed) = &mut listed {
                    list(listed, (kind.name, number), piece);
                }
                if tallying && let Some(step) = piece.chain.last() {
                    let entry = tally.entry((piece.chain.len(), step.decoder.name())).or_default();
                    entry.0 += 1;
                    entry.1 += piece.bytes.len() as u64;
                }
            });
            cut += result.total();
        }
        let took = cpu() - start;
        println!(
            "{:20} {:7.1} MB/s  ({:.0} MB; shown {:.2} bytes and {:.1} pieces for each byte and kB; cut {cut})",
            kind.name,
            bytes as f64 / took / 1e6,
            bytes as f64 / 1e6,
            shown as f64 / bytes as f64,
            pieces as f64 * 1e3 / bytes as f64,
        );
        for ((depth, name), (count, len)) in tally {
            println!("    {depth} {name}: {count} objects, {len} bytes");
        }
    }
}
