//! Claim: whichever way a component reads a planted file, it is seen exactly, seen by page, or
//! refused; no way is silent. The table in `docs/reads.md` is made from this run
//! (`BELLJAR_BLESS=1` writes it) and checked against it.

use belljar_tests::made::{component, events, scenario};
use belljar_tests::{Belljar, fresh_seed, repository, skip};
use serde_json::Value;
use std::fmt::Write as _;
use std::process::Command;

const BEGINNING: &str = "\
# Every way to read

Made by `tests/end_to_end/reads.rs` from a run of \
[`reads.c`](../tests/end_to_end/programs/reads.c), and checked by it; do not edit. Each way reads a \
planted file of its own. *Seen exactly*: offset and length are in the record as the component asked \
for them. *Seen by page*: the record names whole pages, a superset of what was touched. *Refused \
and recorded*: belljar refuses the call and the record says so. *Refused by the kernel*: it cannot \
be done in a jar at all; nothing was read.

What one process has read and another takes out of its memory was seen when the first one read it; \
the taking itself is recorded only where it is a call of its own (`ptrace`, `process_vm_readv`).

| way | what comes of it |
|---|---|
";

/// What the record has of the reads of the N-th file: exact ones and page-granular ones.
fn seen(record: &[Value], n: usize) -> (u64, u64) {
    let name = format!("/ways-{n}.txt");
    let (mut exact, mut page) = (0, 0);
    for event in events(record, "file") {
        let act = &event["act"];
        let ours = event["path"].as_str().is_some_and(|path| path.contains(&name));
        if !ours || act["op"] != "read" || act["returned"].as_u64().unwrap_or(0) == 0 {
            continue;
        }
        match act["precision"].as_str() {
            Some("exact") => exact += 1,
            _ => page += 1,
        }
    }
    (exact, page)
}

/// What came of one way, from what the program printed and what the record has.
fn outcome(record: &[Value], n: usize, way: &str, words: &[&str]) -> String {
    let (exact, page) = seen(record, n);
    let call = words[1..].join(" ");
    match words {
        ["ok", bytes] if *bytes != "0" => {
            assert!(exact + page > 0, "{way} read {bytes} bytes and the record has nothing of it");
            let also = events(record, "allowed").any(|event| way.starts_with(&*slug(event)));
            let taken = if also { "; the look into memory is recorded" } else { "" };
            format!("seen {}{taken}", if page > 0 { "by page" } else { "exactly" })
        }
        [errno, ..] => {
            let first = call.split(' ').next().unwrap_or_default().to_owned();
            let refused = events(record, "refused")
                .any(|event| event["call"] == first.as_str() && event["errno"] == *errno);
            match refused {
                true => format!("refused and recorded (`{first}`: {errno})"),
                false => format!("refused by the kernel ({call}: {errno})"),
            }
        }
        [] => panic!("{way}: no outcome"),
    }
}

fn slug(event: &Value) -> String {
    event["call"].as_str().unwrap_or("no call").replace('_', "-")
}

#[test]
fn no_way_to_read_is_silent() {
    let decoys = "[[decoys]]\npath = \"{home}/ways-{n}.txt\"\nkind = \"text\"\ncount = 60\nsize = \"8 KiB\"\nmode = \"0644\"\n";
    let mut belljar = Belljar::run("made.toml", fresh_seed(), &[]);
    belljar.file("made.toml", &scenario("", decoys).replace("decoys-read = 2", ""));
    let program = belljar.folder().join("reads");
    let source = repository().join("tests/end_to_end/programs/reads.c");
    let mut compiler = Command::new("gcc");
    compiler.args(["-O1", "-pthread", "-o"]).arg(&program).arg(source);
    if !compiler.status().is_ok_and(|status| status.success()) {
        skip!("needs gcc and libc6-dev");
    }
    let does = "os.execv('/opt/made/reads', ['reads', sys.argv[1]])";
    let component = component(&belljar, does);
    let text = std::fs::read_to_string(&component).expect("it was just written");
    let shown =
        format!("files = [{{ host = \"{}\", inside = \"/opt/made/reads\" }}, ", program.display());
    std::fs::write(&component, text.replace("files = [", &shown)).expect("it can be written");
    belljar.command.arg("--component").arg(component);
    let ended = belljar.end();
    assert!([0, 3].contains(&ended.code), "{}", ended.code);

    let record = belljar.record();
    let printed: String = std::fs::read_dir(belljar.bundle().join("payloads"))
        .expect("payloads are there")
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok())
        .find(|text| text.starts_with("read "))
        .expect("the program printed what came of each way");
    println!("{printed}");
    let mut table = BEGINNING.to_owned();
    let (mut ways, mut quiet) = (0, 0);
    for (at, line) in printed.lines().enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        let outcome = outcome(&record, at + 1, words[0], &words[1..]);
        ways += 1;
        quiet += u32::from(outcome.starts_with("refused by the kernel"));
        writeln!(table, "| {} | {outcome} |", words[0]).expect("text takes all");
    }
    println!("{ways} ways, none silent, {quiet} refused by the kernel itself");
    assert!(ways >= 43, "{ways} ways only");
    let path = repository().join("docs/reads.md");
    if std::env::var_os("BELLJAR_BLESS").is_some() {
        std::fs::write(&path, &table).expect("the table can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept, table,
        "docs/reads.md is not what this run shows; see it and use BELLJAR_BLESS=1"
    );
}
