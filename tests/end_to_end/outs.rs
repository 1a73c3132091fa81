//! Claim: whichever way a component tries to send, it is captured, refused, kept inside and told
//! of, or named as blind. The table in `docs/ways-out.md` is made from this run (`BELLJAR_BLESS=1`
//! writes it) and checked against it.

use belljar_tests::made::{component, events, scenario};
use belljar_tests::{Belljar, fresh_seed, repository};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

const BEGINNING: &str = "\
# Every way out

Made by `tests/end_to_end/outs.rs` from a run of \
[`outs.py`](../tests/end_to_end/programs/outs.py), and checked by it; do not edit. Each way carries \
a token of its own. *Captured*: the token is in the capture or among the payloads. *Kept inside*: \
it reached nothing outside the jar, and the record tells what was left. *Refused and recorded*: \
belljar refuses the call and the record says so. *Refused by the kernel*: it cannot be done in a jar \
at all. *Inside only*: it goes from one process of the jar to another and ends with it (dimension \
*shared memory*). *Blind*: it carries something and nobody sees what; every report says so.

| way | what comes of it |
|---|---|
";

/// Ways between processes of the jar, whose namespaces end with it.
const INSIDE: [&str; 6] =
    ["key-ring", "sysv-memory", "sysv-queue", "posix-queue", "abstract-socket", "path-socket"];

fn contains(bytes: &[u8], token: &str) -> bool {
    bytes.windows(token.len()).any(|window| window == token.as_bytes())
}

/// Payloads of output are the program's own words, so what goes to the network is looked for apart.
fn captured(bundle: &Path, record: &[Value], token: &str) -> Option<&'static str> {
    let capture = std::fs::read(bundle.join("capture.pcapng")).expect("the capture is there");
    if contains(&capture, token) {
        return Some("captured");
    }
    for event in events(record, "payload") {
        let name = event["payload"]["sha256"].as_str().unwrap_or_default();
        let bytes = std::fs::read(bundle.join("payloads").join(name)).unwrap_or_default();
        if contains(&bytes, token) {
            return Some(match event["layer"].as_str() {
                Some("output") => "kept inside (program output, shown without control characters)",
                _ => "captured",
            });
        }
    }
    let kept = |kind| {
        events(record, kind)
            .any(|event| event["path"].as_str().is_some_and(|path| path.contains(token)))
    };
    if kept("changed") {
        return Some("kept inside (told of as a change of the system)");
    }
    kept("file").then_some("kept inside (told of as a change of the world)")
}

fn outcome(bundle: &Path, record: &[Value], way: &str, token: &str, words: &[&str]) -> String {
    match words {
        ["ok"] => match (captured(bundle, record, token), way) {
            (_, way) if INSIDE.contains(&way) => "inside only".to_owned(),
            (Some(how), _) => how.to_owned(),
            (None, "urgent-data") => {
                let joined = events(record, "payload").any(|event| {
                    let name = event["payload"]["sha256"].as_str().unwrap_or_default();
                    let bytes = std::fs::read(bundle.join("payloads").join(name));
                    let text: Vec<u8> = bytes.unwrap_or_default();
                    contains(
                        &text.iter().copied().filter(u8::is_ascii_graphic).collect::<Vec<_>>(),
                        token,
                    )
                });
                assert!(joined, "urgent data is in no payload");
                "captured".to_owned()
            }
            (None, "exit-code" | "signal-to-process-1" | "timing") => "blind".to_owned(),
            (None, way) => panic!("{way}: it went somewhere and nothing tells of it"),
        },
        [errno, call] => {
            let refused = events(record, "refused")
                .any(|event| event["call"] == *call && event["errno"] == *errno);
            let by = if refused { "refused and recorded" } else { "refused by the kernel" };
            format!("{by} ({call}: {errno})")
        }
        other => panic!("{way}: {other:?}"),
    }
}

#[test]
fn no_way_out_is_silent() {
    let mut belljar = Belljar::run("made.toml", fresh_seed(), &[]);
    belljar.file("made.toml", &scenario("", "").replace("decoys-read = 2", ""));
    let component = component(&belljar, "");
    let source = repository().join("tests/end_to_end/programs/outs.py");
    std::fs::copy(source, belljar.folder().join("made.py")).expect("it can be copied");
    belljar.command.arg("--component").arg(component);
    belljar.end();

    let record = belljar.record();
    let printed = std::fs::read_dir(belljar.bundle().join("payloads"))
        .expect("payloads are there")
        .filter_map(|entry| std::fs::read(entry.ok()?.path()).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .find(|text| text.starts_with("tcp 01"))
        .expect("the program printed what came of each way");
    println!("{printed}");
    let mut table = BEGINNING.to_owned();
    let mut ways = 0;
    for line in printed.lines().filter(|line| !line.contains('\u{1b}')) {
        let words: Vec<&str> = line.split(' ').collect();
        let token = format!("way-out-{}", words[1]);
        let outcome = outcome(&belljar.bundle(), &record, words[0], &token, &words[2..]);
        ways += 1;
        writeln!(table, "| {} | {outcome} |", words[0]).expect("text takes all");
    }
    println!("{ways} ways, none silent");
    assert!(ways >= 56, "{ways} ways only");
    let path = repository().join("docs/ways-out.md");
    if std::env::var_os("BELLJAR_BLESS").is_some() {
        std::fs::write(&path, &table).expect("the table can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept, table,
        "docs/ways-out.md is not what this run shows; BELLJAR_BLESS=1 writes it"
    );
}
