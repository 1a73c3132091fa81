//! Claim: whatever belljar does not see stands in the verdict. For each dimension of coverage a
//! component causes exactly that loss: the run ends with 3, the dimension says what was lost, and
//! no other one says anything. Limits that are known beforehand are printed and bar nothing.

use belljar_tests::made::{barring, coverage, made, scenario};
use belljar_tests::{Belljar, fresh_seed, skip};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Every dimension, and the test that makes it less than whole.
const PROVEN: [(&str, &str); 17] = [
    ("file-reads", "a_full_record_loses_reads"),
    ("read-precision", "a_read_by_mmap_is_known_to_the_page"),
    ("file-writes", "a_full_record_loses_writes"),
    ("system-changes", "more_changes_than_are_kept_are_lost"),
    ("packets", "a_flood_loses_packets"),
    ("streams", "more_egress_than_is_kept_loses_streams"),
    ("encrypted", "a_pinned_component_is_unreadable"),
    ("loopback", "a_flood_on_lo_loses_packets_of_it"),
    ("file-attribution", "a_read_whose_reader_is_gone_has_no_name"),
    ("flow-attribution", "more_addresses_in_a_call_than_are_looked_at_have_no_name"),
    ("processes", "a_full_record_loses_processes"),
    ("output", "more_output_than_is_kept_is_lost"),
    ("decoding", "a_bomb_in_the_egress_is_not_decoded"),
    ("uid-range", "unprivileged: a_single_user_is_said"),
    ("host-facts", "known_limits_are_printed_and_bar_nothing"),
    ("shared-memory", "known_limits_are_printed_and_bar_nothing"),
    ("timing", "known_limits_are_printed_and_bar_nothing"),
];

/// Floods would make each other's runs lose other things: one run at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs it; only this dimension may bar a pass, and must, with these words.
fn loses(belljar: &mut Belljar, dimension: &str, words: &str) {
    loses_besides(belljar, dimension, words, &[]);
}

/// The same, where these dimensions may lose something, too.
fn loses_besides(belljar: &mut Belljar, dimension: &str, words: &str, besides: &[&str]) {
    let _alone = alone();
    let ended = belljar.end();
    let verdict = belljar.verdict();
    let barring = barring(&verdict);
    let names: Vec<_> = barring.iter().map(|covered| covered.dimension.as_str()).collect();
    let names: Vec<_> = names.into_iter().filter(|name| !besides.contains(name)).collect();
    assert_eq!(names, [dimension], "{barring:?}");
    let row = barring.iter().find(|covered| covered.dimension == dimension).expect("it is there");
    println!("{dimension}: {}", row.reasons.join("; "));
    assert!(row.reasons.iter().any(|reason| reason.contains(words)), "{barring:?}");
    assert_eq!(verdict["exercise"]["done"], true, "it did its work: {}", verdict["exercise"]);
    let findings = verdict["findings"].as_array().expect("findings are a list");
    assert!(findings.is_empty(), "there is no other reason: {findings:?}");
    assert_eq!(verdict["verdict"], "inconclusive");
    assert_eq!(ended.code, 3);
    let reasons = verdict["reasons"].as_array().expect("reasons are a list");
    assert!(reasons.iter().all(|reason| reason["from"] == "coverage"), "{reasons:?}");
    assert!(ended.stderr.contains("INCONCLUSIVE"), "the terminal says so");
}

#[test]
fn every_dimension_has_a_test() {
    let mut belljar = made(fresh_seed(), &scenario("", ""), "scan()");
    let _alone = alone();
    assert_eq!(belljar.end().code, 0, "a component that only does its work passes");
    let known: BTreeSet<_> = PROVEN.iter().map(|(dimension, _)| (*dimension).to_owned()).collect();
    let told: BTreeSet<_> =
        coverage(&belljar.verdict()).into_iter().map(|covered| covered.dimension).collect();
    assert_eq!(told, known);
    let source = include_str!("coverage.rs").to_owned() + include_str!("unprivileged.rs");
    for (dimension, test) in PROVEN {
        let name = test.rsplit(' ').next().unwrap_or(test);
        assert!(source.contains(&format!("fn {name}()")), "{dimension}: no test {name}");
    }
}

#[test]
fn a_full_record_loses_reads() {
    let scenario = scenario("[limits]\nrecord = \"512 KiB\"", "");
    let does = "scan()\n\
        for _ in range(1000):\n    \
            try: scan()\n    \
            except OSError: break\n";
    loses(&mut made(fresh_seed(), &scenario, does), "file-reads", "the record was full");
}

#[test]
fn a_full_record_loses_writes() {
    let scenario = scenario("[limits]\nrecord = \"512 KiB\"", "");
    // Where nothing can be told any more nothing can be looked up either, so it writes by a
    // descriptor that it has.
    let does = "scan()\n\
        new = os.open(sys.argv[1] + '/new', os.O_CREAT | os.O_WRONLY)\n\
        try:\n    \
            while True: os.pwrite(new, b'x', 0)\n\
        except OSError: pass\n\
        os._exit(0)\n";
    // That the file was closed may not be told any more either, and then counts as not seen.
    let mut belljar = made(fresh_seed(), &scenario, does);
    loses_besides(&mut belljar, "file-writes", "the record was full", &["file-reads"]);
}

#[test]
fn a_full_record_loses_processes() {
    let scenario = scenario("[limits]\nrecord = \"64 KiB\"", "");
    let does = "scan()\n\
        for _ in range(500): os.spawnv(os.P_WAIT, '/bin/true', ['true'])\n";
    loses(&mut made(fresh_seed(), &scenario, does), "processes", "the record was full");
}

#[test]
fn a_read_by_mmap_is_known_to_the_page() {
    let does = "scan()\nimport mmap\n\
        file = open(sys.argv[1] + '/plans.txt', 'rb')\n\
        mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)[:]\n";
    let mut belljar = made(fresh_seed(), &scenario("", ""), does);
    let _alone = alone();
    assert_eq!(belljar.end().code, 0, "a limit that is known bars no pass");
    let coverage = coverage(&belljar.verdict());
    let row = coverage.iter().find(|row| row.dimension == "read-precision").expect("a row");
    assert_eq!(row.extent, "blind");
    assert!(row.reasons[0].contains("known to the page"), "{row:?}");
}

#[test]
fn more_changes_than_are_kept_are_lost() {
    let does = "scan()\nos.mkdir('/tmp/many')\n\
        for n in range(60000): os.mknod('/tmp/many/%d' % n)\n";
    let words = "more changed outside the world than is kept";
    loses(&mut made(fresh_seed(), &scenario("", ""), does), "system-changes", words);
}

#[test]
fn changes_deeper_than_are_looked_for_are_lost() {
    let does = "scan()\nos.chdir('/tmp')\n\
        for _ in range(80):\n    os.mkdir('d'); os.chdir('d')\n";
    let words = "more changed outside the world than is kept";
    loses(&mut made(fresh_seed(), &scenario("", ""), does), "system-changes", words);
}

#[test]
fn a_flood_loses_packets() {
    // One call makes a hundred datagrams (UDP_SEGMENT), faster than anybody can write them down.
    let does = "scan()\nimport socket\n\
        for _ in range(3):\n    \
            if os.fork() == 0: break\n\
        flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        flood.setsockopt(socket.IPPROTO_UDP, 103, 1)\n\
        flood.connect(('198.18.9.9', 9999))\n\
        end = time.time() + 4\n\
        while time.time() < end:\n    \
            try: flood.send(b'x' * 100)\n    \
            except OSError: pass\n";
    let mut belljar = made(fresh_seed(), &scenario("", ""), does);
    loses(&mut belljar, "packets", "the component's device dropped them");
}

#[test]
fn a_flood_on_lo_loses_packets_of_it() {
    let does = "scan()\nimport socket\n\
        hears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        hears.bind(('127.0.0.1', 9))\n\
        for _ in range(3):\n    \
            if os.fork() == 0: break\n\
        says = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        end = time.time() + 2\n\
        while time.time() < end: says.sendto(b'x' * 60000, ('127.0.0.1', 9))\n";
    let mut belljar = made(fresh_seed(), &scenario("", ""), does);
    loses(&mut belljar, "loopback", "they came faster than they were read");
}

#[test]
fn more_egress_than_is_kept_loses_streams() {
    let scenario = scenario("[limits]\negress = \"64 KiB\"\noutput = \"16 KiB\"", "");
    let does = "scan()\nimport socket\n\
        try:\n    \
            to = socket.create_connection(('198.18.7.7', 9000), 5)\n    \
            for _ in range(64): to.sendall(os.urandom(32768))\n    \
            to.shutdown(1); to.recv(10)\n\
        except OSError: pass\n";
    loses(&mut made(fresh_seed(), &scenario, does), "streams", "budget");
}

#[test]
fn a_pinned_component_is_unreadable() {
    let does = "scan()\nimport socket, ssl\n\
        try:\n    \
            to = socket.create_connection(('update.vendor.example', 443))\n    \
            only = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n    \
            only.wrap_socket(to, server_hostname='update.vendor.example')\n\
        except ssl.SSLError: pass\n";
    let mut belljar = made(fresh_seed(), &scenario("", ""), does);
    loses(&mut belljar, "encrypted", "update.vendor.example");
}

#[test]
fn a_read_whose_reader_is_gone_has_no_name() {
    // Threads that ask the kernel to read ahead and end before it has asked belljar.
    let source = "\
        #define _GNU_SOURCE\n#include <fcntl.h>\n#include <pthread.h>\n#include <sys/stat.h>\n\
        #include <unistd.h>\n\
        static int file;\n\
        static void *ask(void *at) {\n\
            posix_fadvise(file, (long)at * 4096, 4096, POSIX_FADV_WILLNEED); return 0;\n\
        }\n\
        int main(int count, char **arguments) {\n\
            struct stat stat;\n\
            file = open(arguments[count - 1], O_RDONLY);\n\
            if (fstat(file, &stat)) return 1;\n\
            for (long at = 0; at * 4096 < stat.st_size; at++) {\n\
                pthread_t thread;\n\
                if (pthread_create(&thread, 0, ask, (void *)at) == 0) pthread_detach(thread);\n\
            }\n\
            sleep(1);\n\
            return 0;\n\
        }\n";
    let decoys = "[[decoys]]\npath = \"{home}/long.txt\"\nkind = \"text\"\nsize = \"16 MiB\"\n";
    let mut belljar = made(
        fresh_seed(),
        &scenario("[limits]\nprocesses = 30000", decoys),
        "scan()\nsys.exit(os.spawnv(os.P_WAIT, '/opt/made/ask', ['ask', sys.argv[1] + '/long.txt']))",
    );
    let written = belljar.file("ask.c", source);
    let program = belljar.folder().join("ask");
    let mut compiler = Command::new("gcc");
    compiler.args(["-O2", "-pthread", "-o"]).arg(&program).arg(written);
    if !compiler.status().is_ok_and(|status| status.success()) {
        skip!("needs gcc");
    }
    let component = belljar.folder().join("made-component.toml");
    let text = std::fs::read_to_string(&component).expect("it was just written");
    let both =
        format!("files = [{{ host = \"{}\", inside = \"/opt/made/ask\" }}, ", program.display());
    std::fs::write(&component, text.replace("files = [", &both)).expect("it can be written");
    loses(&mut belljar, "file-attribution", "nobody could be named");
}

#[test]
fn more_addresses_in_a_call_than_are_looked_at_have_no_name() {
    // The wire is far behind when the socket is closed, so that nobody can be asked whose it was.
    let does = "scan()\nimport ctypes, socket, struct\n\
        class Part(ctypes.Structure):\n    _fields_ = [('at', ctypes.c_void_p), ('len', ctypes.c_size_t)]\n\
        class Message(ctypes.Structure):\n    _fields_ = [('name', ctypes.c_void_p), ('name_len', ctypes.c_uint), \
            ('parts', ctypes.c_void_p), ('count', ctypes.c_size_t), ('control', ctypes.c_void_p), \
            ('control_len', ctypes.c_size_t), ('flags', ctypes.c_int), ('pad', ctypes.c_int), ('sent', ctypes.c_uint)]\n\
        text = ctypes.create_string_buffer(b'hello')\n\
        part = Part(ctypes.addressof(text), 5)\n\
        messages, names = (Message * 200)(), []\n\
        for n in range(200):\n    \
            name = struct.pack('=HH4s8x', 2, socket.htons(5000), socket.inet_aton('198.18.1.%d' % (n + 1)))\n    \
            names.append(ctypes.create_string_buffer(name, 16))\n    \
            messages[n].name, messages[n].name_len = ctypes.addressof(names[n]), 16\n    \
            messages[n].parts, messages[n].count = ctypes.addressof(part), 1\n\
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        for _ in range(20000): out.sendto(b'x', ('198.18.2.2', 5001))\n\
        sent = ctypes.CDLL(None).sendmmsg(out.fileno(), messages, 200, 0)\n\
        out.close()\n\
        sys.exit(sent != 200)\n";
    let mut belljar = made(fresh_seed(), &scenario("", ""), does);
    loses(&mut belljar, "flow-attribution", "no actor could be named");
}

#[test]
fn more_output_than_is_kept_is_lost() {
    let scenario = scenario("[limits]\noutput = \"4 KiB\"", "");
    let does = "scan()\nsys.stdout.write('x' * 100000)";
    let words = "program output beyond its budget";
    loses(&mut made(fresh_seed(), &scenario, does), "output", words);
}

#[test]
fn a_bomb_in_the_egress_is_not_decoded() {
    let does = "scan()\nimport socket, zlib\n\
        bomb = zlib.compress(b'\\0' * (1 << 30), 9)\n\
        to = socket.create_connection(('198.18.7.7', 80))\n\
        to.sendall(b'POST /x HTTP/1.1\\r\\nHost: a.example\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(bomb))\n\
        to.sendall(bomb)\n\
        to.recv(100)\n";
    loses(&mut made(fresh_seed(), &scenario("", ""), does), "decoding", "not decoded");
}

#[test]
fn known_limits_are_printed_and_bar_nothing() {
    let mut belljar = made(fresh_seed(), &scenario("", ""), "scan()");
    let _alone = alone();
    let ended = belljar.end();
    assert_eq!(ended.code, 0);
    let coverage = coverage(&belljar.verdict());
    for dimension in ["host-facts", "shared-memory", "timing"] {
        let row = coverage.iter().find(|row| row.dimension == dimension).expect("a row");
        assert_eq!((row.extent.as_str(), row.bars), ("blind", false), "{row:?}");
        let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(&dimension.replace('-', " ")), "{dimension} is printed");
    }
}
