//! A second, independent view agrees: strace inside the jar on what real components open, tshark
//! over the capture on what they send.
//!
//! Cannot see: whether strace and tshark are right; opens that strace does not follow.

use belljar_tests::{Belljar, fresh_seed, repository, skip};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The component's file with strace before its scanner, writing to standard error.
fn straced(component: &str) -> String {
    let path = repository().join(format!("scenarios/components/{component}.toml"));
    let text = std::fs::read_to_string(path).expect("the component is in the library");
    let (before, scan) = text.split_once("[commands.scan]").expect("it scans");
    let (head, argv) = scan.split_once("argv = [").expect("with a command line");
    let strace = r#""/usr/bin/strace", "--follow-forks", "--quiet=all", "--decode-fds=path", "--string-limit=4096", "--trace=open,openat,openat2", "#;
    format!("{before}[commands.scan]{head}argv = [{strace}{argv}")
}

/// The payloads of one label, put together.
fn output(belljar: &Belljar, label: &str) -> String {
    let mut out = String::new();
    for line in belljar.record() {
        let event = &line["event"];
        if event["kind"] == "payload" && event["label"] == label {
            let name = event["payload"]["sha256"].as_str().expect("a digest");
            let bytes = std::fs::read(belljar.bundle().join("payloads").join(name));
            out.push_str(&String::from_utf8_lossy(&bytes.expect("the payload is kept")));
        }
    }
    out
}

/// Planted files that the component opened, as the record tells.
fn recorded(belljar: &Belljar) -> BTreeSet<String> {
    let opened = |line: &Value| {
        let event = &line["event"];
        let file = event["kind"] == "file" && event["act"]["op"] == "open";
        let good = event["error"].is_null() && line["actor"]["native"].is_object();
        (file && good && event["decoy"].is_number())
            .then(|| event["path"].as_str().map(str::to_owned))
            .flatten()
    };
    belljar.record().iter().filter_map(opened).collect()
}

/// Planted files that were opened, as strace tells: calls that gave a descriptor, with the path that
/// the descriptor has.
fn told(strace: &str, planted: &BTreeSet<String>) -> BTreeSet<String> {
    strace
        .lines()
        .filter(|line| line.contains("open"))
        .filter_map(|line| line.rsplit_once(" = ").map(|(_, result)| result))
        .filter(|result| result.starts_with(|c: char| c.is_ascii_digit()))
        .filter_map(|result| result.split_once('<')?.1.split_once('>').map(|(path, _)| path))
        .filter(|path| planted.contains(*path))
        .map(str::to_owned)
        .collect()
}

fn planted(belljar: &Belljar) -> BTreeSet<String> {
    let manifest = belljar_tests::read_json(&belljar.bundle().join("decoys.json"));
    let decoys = manifest["decoys"].as_array().expect("a list");
    decoys.iter().filter_map(|decoy| decoy["path"].as_str().map(str::to_owned)).collect()
}

#[test]
fn strace_inside_the_jar_tells_the_same_opened_files() {
    for program in [
        "/usr/bin/strace",
        "/usr/bin/clamscan",
        "/usr/bin/yara",
        "/usr/bin/debsums",
        "/usr/bin/clamdscan",
    ] {
        if !Path::new(program).is_file() {
            skip!("{program} is not installed");
        }
    }
    for (component, scenario, least) in [
        ("clamscan", "contractor-laptop", 30),
        ("yara", "contractor-laptop", 30),
        ("clamsubmit", "contractor-laptop", 30),
        ("debsums", "system-audit", 1),
        // The client opens the files and passes them on: all opens are its own.
        ("clamd", "contractor-laptop", 30),
    ] {
        let mut belljar = Belljar::run(scenario, fresh_seed(), &["--component", "c.toml"]);
        belljar.file("c.toml", &straced(component));
        let ended = belljar.end();
        assert!(matches!(ended.code, 0 | 1 | 3), "{component}: {}", ended.stderr);
        let planted = planted(&belljar);
        let (ours, theirs) = (recorded(&belljar), told(&output(&belljar, "stderr"), &planted));
        assert_eq!(ours, theirs, "{component}");
        assert!(ours.len() >= least, "{component} opened {}", ours.len());
    }
}

/// Addresses of the planted machine.
const OWN: [&str; 2] = ["198.51.100.23", "2001:db8:51::23"];

/// Payload bytes that left, by address and port, as tshark tells from the capture alone.
fn by_tshark(capture: &Path) -> BTreeMap<(String, u64), u64> {
    let fields = [
        "ip.src",
        "ip.dst",
        "ipv6.src",
        "ipv6.dst",
        "tcp.dstport",
        "udp.dstport",
        "tcp.len",
        "udp.length",
    ];
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture).args(["-T", "fields", "-E", "separator=,"]);
    let again = ["tcp.analysis.retransmission", "tcp.analysis.spurious_retransmission"];
    command.args(["-Y", &format!("(tcp or udp) and not {} and not {}", again[0], again[1])]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().expect("tshark runs");
    let mut out: BTreeMap<(String, u64), u64> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let cells: Vec<&str> = line.split(',').collect();
        let [from4, to4, from6, to6, tcp, udp, tcp_len, udp_len] = cells[..] else { continue };
        if !OWN.contains(&from4) && !OWN.contains(&from6) {
            continue;
        }
        let number = |text: &str| text.parse::<u64>().unwrap_or(0);
        let len = number(tcp_len) + number(udp_len).saturating_sub(8);
        let port = number(tcp) + number(udp);
        if len > 0 {
            *out.entry((format!("{to4}{to6}"), port)).or_default() += len;
        }
    }
    out
}

/// The same as the verdict tells.
fn by_verdict(verdict: &Value) -> BTreeMap<(String, u64), u64> {
    let mut out: BTreeMap<(String, u64), u64> = BTreeMap::new();
    for flow in verdict["egress"]["flows"]["rows"].as_array().expect("a list") {
        let address = flow["address"].as_str().expect("an address").to_owned();
        let bytes = flow["bytes-out"].as_u64().expect("a number");
        if bytes > 0 {
            *out.entry((address, flow["port"].as_u64().expect("a port"))).or_default() += bytes;
        }
    }
    out
}

#[test]
fn tshark_tells_the_same_flows_and_bytes() {
    for program in ["/usr/bin/tshark", "/usr/bin/clamsubmit", "/usr/bin/freshclam"] {
        if !Path::new(program).is_file() {
            skip!("{program} is not installed");
        }
    }
    for (component, scenario) in [
        ("clamscan", "contractor-laptop"),
        ("clamsubmit", "contractor-laptop"),
        ("freshclam", "signature-update"),
        ("overreach", "contractor-laptop"),
        ("resident", "install-to-uninstall"),
    ] {
        let mut belljar = Belljar::run(scenario, fresh_seed(), &["--component", component]);
        belljar.end();
        let ours = by_verdict(&belljar.verdict());
        let theirs = by_tshark(&belljar.bundle().join("capture.pcapng"));
        assert_eq!(ours, theirs, "{component}");
        assert_eq!(ours.is_empty(), component == "clamscan");
    }
}
