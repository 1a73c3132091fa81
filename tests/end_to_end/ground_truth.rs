//! What the world records is what the kernel was asked for: compared with strace, run inside the
//! jar over the same scan, and with what yara must have touched through its maps.
//!
//! Read requests are under 1 MiB here: longer ones reach the world in pieces of 1 MiB.
//!
//! Cannot see: whether strace itself is right. Pages that a map touches twice may be read once.

use belljar_tests::{Belljar, fresh_seed, skip};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const HOME: &str = r#"
[[decoys]]
path = "{home}/Documents/letters/letter-{n}.txt"
kind = "text"
count = 400

[[decoys]]
path = "{home}/Projects/gauge"
kind = "source-tree"
count = 150
size = "1500 KiB"

[[decoys]]
path = "{home}/Documents/contract-{n}.docx"
kind = "docx"
count = 8
size = "60 KiB"

[[decoys]]
path = "{home}/Documents/report-{n}.pdf"
kind = "pdf"
count = 8
size = "180 KiB"

[[decoys]]
path = "{home}/Mail/inbox/{n}.eml"
kind = "eml"
count = 20

[[decoys]]
path = "{home}/Downloads/image-{n}.bin"
kind = "binary"
count = 4
size = "700 KiB"

[[decoys]]
path = "{home}/Downloads/invoice.com"
kind = "sample"

[[decoys]]
path = "{home}/Projects/work.zip"
kind = "zip"
members = [
    { path = "work/readme.txt", kind = "text", size = "30 KiB" },
    { path = "work/bin/loader.com", kind = "sample" },
    { path = "work/data.bin", kind = "binary", size = "800 KiB", class = "document" },
]
"#;

const SCENARIO: &str = r#"name = "ground-truth"
question = "Is every read recorded, and nothing else?"
scan = ["{home}"]

[limits]
time = "10m"
output = "128 MiB"
"#;

const STEP: &str = r#"
[[steps]]
run = "scan"
timeout = "9m"
decoys-read = 592
detections = ["{home}/Downloads/invoice.com", "{home}/Projects/work.zip"]
"#;

const TRACED_CLAMSCAN: &str = r#"name = "clamscan-under-strace"
vendor = "Cisco Talos"
version = "as installed"
files = ["/usr/bin/clamscan", "/usr/bin/strace"]
looks-into = ["zip", "tar-gz"]
detection = '^(?P<path>/.*): (?P<name>.+) FOUND$'

[commands.scan]
argv = [
    "/usr/bin/strace", "-f", "-y", "-s", "0",
    "-e", "trace=openat,read,pread64,readv,preadv,preadv2,lseek,dup,dup2,dup3,mmap,sendfile,splice",
    "/usr/bin/clamscan", "--recursive", "--infected", "--database=/var/lib/belljar-db", "{scan}",
]
exit = [0, 1]

[[provisions]]
path = "/var/lib/belljar-db/belljar.ndb"
text = "EICAR-Test:0:*:{eicar-hex}\n"

[[provisions]]
path = "/var/lib/belljar-db/belljar.hdb"
text = "{eicar-md5}:68:EICAR-Test-File\n"
"#;

/// File, offset, requested, returned.
type Read = (String, u64, u64, u64);

/// The filter on both sides: files that were planted, as the manifest lists them.
fn planted(belljar: &Belljar) -> HashMap<String, u64> {
    let manifest = belljar_tests::read_json(&belljar.bundle().join("decoys.json"));
    let decoys = manifest["decoys"].as_array().expect("a list");
    let text = |decoy: &Value| decoy["path"].as_str().expect("a path").to_owned();
    decoys.iter().map(|d| (text(d), d["digest"]["len"].as_u64().expect("a length"))).collect()
}

/// Reads by the component, as belljar recorded them.
fn recorded(belljar: &Belljar, planted: &HashMap<String, u64>) -> Vec<Read> {
    let number = |value: &Value| value.as_u64().expect("a number");
    belljar
        .record()
        .iter()
        .filter(|line| line["event"]["act"]["op"] == "read" && line["actor"] != "belljar")
        .map(|line| (line["event"]["path"].as_str().unwrap_or_default(), &line["event"]["act"]))
        .filter(|(path, _)| planted.contains_key(*path))
        .map(|(path, act)| {
            assert_eq!(act["precision"], "exact", "clamscan maps no file that it scans");
            let [offset, requested, returned] =
                ["offset", "requested", "returned"].map(|name| number(&act[name]));
            (path.to_owned(), offset, requested, returned)
        })
        .collect()
}

/// A line of strace with `-y`: name of the call, the descriptor's number and path if that is its
/// first argument, the other arguments, and the result.
struct Call<'a> {
    name: &'a str,
    descriptor: Option<(&'a str, &'a str)>,
    rest: Vec<&'a str>,
    result: &'a str,
}

fn call(line: &str) -> Option<Call<'_>> {
    let line =
        line.strip_prefix("[pid").map_or(line, |rest| rest.split_once("] ").map_or("", |r| r.1));
    let (name, arguments) = line.split_once('(')?;
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return None;
    }
    let (arguments, result) = arguments.rsplit_once(") = ").or_else(|| {
        // strace pads short calls.
        arguments.rsplit_once(" = ").map(|(a, r)| (a.trim_end().trim_end_matches(')'), r))
    })?;
    let arguments = arguments.trim_end().trim_end_matches(')');
    let descriptor = arguments.split_once('<').and_then(|(number, rest)| {
        number
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| rest.split_once('>').map(|(p, _)| (number, p)))?
    });
    let after = descriptor.map_or(arguments, |(number, path)| {
        arguments[number.len() + path.len() + 2..].trim_start_matches(", ")
    });
    Some(Call { name, descriptor, rest: after.split(", ").collect(), result: result.trim() })
}

/// Reads of planted files, as strace saw them; the place of read(2) is followed from openat, read
/// and lseek.
fn straced(text: &str, planted: &HashMap<String, u64>) -> Vec<Read> {
    let mut at = BTreeMap::<String, u64>::new();
    let mut reads = Vec::new();
    for line in text.lines() {
        assert!(!line.contains("<unfinished"), "more threads than this test follows: {line}");
        let Some(call) = call(line) else { continue };
        let number = |text: &str| text.trim().parse::<u64>().unwrap_or_else(|_| panic!("{line}"));
        if call.name == "openat" {
            if let Some((fd, _)) = call.result.split_once('<') {
                at.insert(fd.to_owned(), 0);
            }
            continue;
        }
        // mmap's descriptor is its fifth argument.
        let mapped =
            call.name == "mmap" && planted.keys().any(|path| line.contains(&format!("<{path}>")));
        assert!(!mapped, "a planted file is mapped: {line}");
        let Some((fd, path)) = call.descriptor.filter(|(_, path)| planted.contains_key(*path))
        else {
            continue;
        };
        let place = at.entry(fd.to_owned()).or_default();
        match call.name {
            "lseek" => *place = number(call.result),
            "pread64" => {
                let [.., requested, offset] = call.rest[..] else { panic!("{line}") };
                reads.push((
                    path.to_owned(),
                    number(offset),
                    number(requested),
                    number(call.result),
                ));
            }
            "read" => {
                let [.., requested] = call.rest[..] else { panic!("{line}") };
                let returned = number(call.result);
                reads.push((path.to_owned(), *place, number(requested), returned));
                *place += returned;
            }
            other => panic!("a way of reading that this test does not follow: {other}: {line}"),
        }
    }
    reads
}

/// What the component printed on standard error.
fn errors(belljar: &Belljar) -> String {
    let record = belljar.record();
    let events = record.iter().map(|line| &line["event"]);
    let payload = events
        .filter(|event| event["kind"] == "payload" && event["label"] == "stderr")
        .map(|event| event["payload"]["sha256"].as_str().expect("a digest"))
        .next_back()
        .expect("strace printed");
    let bytes = std::fs::read(belljar.bundle().join("payloads").join(payload)).expect("is kept");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn counted(reads: &[Read]) -> BTreeMap<&Read, i64> {
    let mut counts = BTreeMap::new();
    reads.iter().for_each(|read| *counts.entry(read).or_default() += 1);
    counts
}

#[test]
fn the_read_log_equals_straces_taken_inside_the_jar() {
    for program in ["/usr/bin/clamscan", "/usr/bin/strace"] {
        if !Path::new(program).exists() {
            skip!("{program} is not installed");
        }
    }
    let mut belljar =
        Belljar::run("scenario.toml", fresh_seed(), &["--component", "component.toml"]);
    belljar.file("scenario.toml", &format!("{SCENARIO}{HOME}{STEP}"));
    belljar.file("component.toml", TRACED_CLAMSCAN);
    let ended = belljar.end();
    assert_eq!(ended.code, 0, "detections are found, nothing is sent");
    let planted = planted(&belljar);
    let (ours, theirs) = (recorded(&belljar, &planted), straced(&errors(&belljar), &planted));
    let mut difference = counted(&ours);
    theirs.iter().for_each(|read| *difference.entry(read).or_default() -= 1);
    difference.retain(|_, count| *count != 0);
    println!(
        "reads in the record: {}, reads that strace saw: {}, different: {}",
        ours.len(),
        theirs.len(),
        difference.len()
    );
    assert!(difference.is_empty(), "{:?}", difference.iter().take(20).collect::<Vec<_>>());
    assert!(ours.len() >= 1000 && theirs.len() >= 1000);
    let traced = belljar
        .record()
        .iter()
        .any(|line| line["event"]["kind"] == "allowed" && line["event"]["call"] == "ptrace");
    assert!(traced, "that strace traces is in the record");
}

#[test]
fn what_yara_reads_through_maps_is_seen_by_the_page() {
    if !Path::new("/usr/bin/yara").exists() {
        skip!("yara is not installed");
    }
    let mut belljar = Belljar::run("scenario.toml", fresh_seed(), &["--component", "yara"]);
    belljar.file("scenario.toml", &format!("{SCENARIO}{HOME}{STEP}"));
    let ended = belljar.end();
    assert_eq!(ended.code, 0, "the sample that stands alone is found, nothing is sent");
    let mut read = HashMap::<String, Vec<(u64, u64)>>::new();
    let mut by_page = 0;
    for line in belljar.record() {
        let act = &line["event"]["act"];
        if act["op"] == "read" && line["actor"] != "belljar" {
            by_page += u64::from(act["precision"] == "page");
            let path = line["event"]["path"].as_str().expect("a path").to_owned();
            let start = act["offset"].as_u64().expect("a number");
            let end = start + act["returned"].as_u64().expect("a number");
            read.entry(path).or_default().push((start, end));
        }
    }
    let planted = planted(&belljar);
    for (path, len) in &planted {
        let mut ranges = read.remove(path).unwrap_or_else(|| panic!("{path} was not read"));
        ranges.sort_unstable();
        let seen = ranges.into_iter().fold(
            0,
            |seen, (start, end)| {
                if start <= seen { seen.max(end) } else { seen }
            },
        );
        assert_eq!(seen, *len, "{path} was read whole");
    }
    println!("{by_page} reads of {} files by the page", planted.len());
    assert!(by_page as usize >= planted.len());
    let coverage = belljar.verdict()["coverage"].clone();
    let precision = coverage
        .as_array()
        .expect("a list")
        .iter()
        .find(|row| row["dimension"] == "read-precision");
    assert_eq!(precision.expect("a row")["extent"], "blind", "the verdict says so");
}
