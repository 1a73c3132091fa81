//! Claim: a component that tries everything to break out, to wear belljar down or to outlive it
//! gets nowhere: the limits hold, the verdict says what was tried, belljar's own memory stays
//! bounded, and nothing outlives the jar.

use belljar_tests::made::{events, made, scenario};
use belljar_tests::{Belljar, fresh_seed, skip};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most memory that belljar itself may come to use, whatever the component does.
const MOST_MEMORY: u64 = 400 << 20;
/// Longest that a run with these limits may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(90);
const LIMITS: &str = "[limits]\ntime = \"20s\"\nmemory = \"256 MiB\"\nprocesses = 64\n\
    disk = \"32 MiB\"\negress = \"16 MiB\"\nrecord = \"16 MiB\"\noutput = \"256 KiB\"";

fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Survived {
    belljar: Belljar,
    code: i32,
}

impl Survived {
    /// What the verdict says of limits that were hit and calls that were refused.
    fn record_has(&self, kind: &str, words: &str) -> bool {
        events(&self.belljar.record(), kind).any(|event| event.to_string().contains(words))
    }

    fn printed(&self) -> String {
        std::fs::read_dir(self.belljar.bundle().join("payloads"))
            .expect("payloads are there")
            .filter_map(|entry| std::fs::read(entry.ok()?.path()).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect()
    }
}

/// Runs it to its end, watching belljar's memory; then nothing of the component may live.
fn survives(does: &str) -> Survived {
    let _alone = alone();
    let seed = fresh_seed();
    let marker = format!("hostile-{seed}");
    let program = format!("scan()\nmarker = '{marker}'\n{does}");
    let scenario = scenario(LIMITS, "").replace("60s", "20s");
    let mut belljar = made(seed, &scenario, &program);
    let mut child =
        belljar.command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let (began, mut most) = (Instant::now(), 0_u64);
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("it can be waited for") {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = most.max(peak.unwrap_or(0) * 1024);
        assert!(began.elapsed() < LONGEST, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    };
    println!("ended with {ended} after {:?}; belljar used {} MiB", began.elapsed(), most >> 20);
    assert!(most > 0 && most < MOST_MEMORY, "{most} bytes of memory");
    let code = ended.code().expect("no signal ended belljar");
    assert!([0, 3].contains(&code), "the run came to a verdict, not to {code}");
    let folder = belljar.folder().display().to_string();
    for entry in std::fs::read_dir("/proc").expect("/proc is there").flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(!line.contains(&marker) && !line.contains(&folder), "{line} lives on");
    }
    Survived { belljar, code }
}

#[test]
fn a_fork_bomb_is_limited_and_told_of() {
    let run = survives(
        "end = time.time() + 3\n\
         while time.time() < end:\n    \
            try: os.fork()\n    \
            except OSError: time.sleep(.01)\n",
    );
    if !run.record_has("limit", "processes") {
        skip!("no control group for processes here");
    }
}

#[test]
fn a_memory_bomb_is_limited_and_told_of() {
    let run = survives("hog = []\nwhile True: hog.append(os.urandom(1 << 20))\n");
    assert_eq!(run.code, 3, "it did not end as it should");
    assert!(run.record_has("limit", "memory"), "the limit that was hit is in the record");
}

#[test]
fn memory_without_a_file_is_limited_too() {
    // The kernel kills whoever it likes to, and the memory goes with the last of them.
    let run = survives(
        "hog = os.memfd_create('hog')\n\
         while True: os.write(hog, b'x' * (1 << 20))\n",
    );
    assert_eq!(run.code, 3, "it did not end as it should");
    assert!(run.record_has("limit", "memory"), "the limit that was hit is in the record");
}

#[test]
fn a_full_disk_is_the_jars_and_told_of() {
    let run = survives(
        "try:\n    \
            with open('/tmp/hog', 'wb') as hog:\n        \
                while True: hog.write(b'x' * (1 << 20)); hog.flush()\n\
         except OSError as error: print('full', error.errno)\n",
    );
    assert!(run.printed().contains("full 28"), "{}", run.printed());
    assert!(run.record_has("limit", "disk"), "the limit that was hit is in the record");
}

#[test]
fn files_without_content_and_without_end_are_limited_and_told_of() {
    let run = survives(
        "os.mkdir('/tmp/many')\nmade = 0\n\
         try:\n    \
            while True: os.close(os.open('/tmp/many/%d' % made, os.O_CREAT | os.O_WRONLY)); made += 1\n\
         except OSError as error: print('full', error.errno)\n",
    );
    assert!(run.printed().contains("full 28"), "{}", run.printed());
    assert!(run.record_has("limit", "disk"), "the limit that was hit is in the record");
}

#[test]
fn a_million_processes_are_survived() {
    // Each is made and ends as fast as the machine can; Python would be slower than the kernel.
    const PROGRAM: &str = r#"
        #include <stdio.h>
        #include <sys/wait.h>
        #include <unistd.h>
        int main(void) {
            int made = 0, failed = 0;
            while (made < 1000000) {
                pid_t child = vfork();
                if (child == 0) _exit(0);
                if (child < 0) { if (++failed > 1000) break; continue; }
                waitpid(child, 0, 0);
                made++;
            }
            printf("made %d\n", made);
        }
    "#;
    let _alone = alone();
    let seed = fresh_seed();
    let limits = LIMITS.replace("20s", "200s");
    let does = "scan()\nos.execv('/opt/made/many', ['many'])\n";
    let mut belljar = made(seed, &scenario(&limits, "").replace("60s", "200s"), does);
    let source = belljar.file("many.c", PROGRAM);
    let built = std::process::Command::new("cc")
        .args(["-O2", "-static", "-o"])
        .arg(belljar.folder().join("many"))
        .arg(&source)
        .status();
    if !built.is_ok_and(|built| built.success()) {
        skip!("needs a C compiler");
    }
    let component = belljar.folder().join("made-component.toml");
    let text = std::fs::read_to_string(&component).expect("it was written");
    let many = belljar.folder().join("many");
    let shown =
        format!("files = [{{ host = \"{}\", inside = \"/opt/made/many\" }}, ", many.display());
    std::fs::write(&component, text.replace("files = [", &shown)).expect("it can be written");
    let ended = belljar.end();
    println!("a million processes in {:?}, with everything around them", ended.took);
    let printed = Survived { belljar, code: ended.code }.printed();
    assert!(printed.contains("made 1000000"), "{printed}");
    assert_eq!(ended.code, 0, "nothing was lost");
}

#[test]
fn one_that_looks_for_the_log_and_the_capture_finds_neither() {
    let _alone = alone();
    let mut belljar = made(fresh_seed(), &scenario(LIMITS, "").replace("60s", "20s"), "");
    let bundle = belljar.bundle();
    // It is told where they are, and looks below every root that it can name.
    let does = format!(
        "scan()\nfound = []\n\
         for root in ['', '/proc/1/root', '/proc/self/root', '/proc/self/cwd', '/tmp', '/proc/1/cwd']:\n    \
            for name in ['{0}', '{0}/record.jsonl', '{0}/capture.pcapng', '{0}/payloads']:\n        \
                if os.path.exists(root + name): found.append(root + name)\n\
         for pid in filter(str.isdigit, os.listdir('/proc')):\n    \
            try: names = [os.readlink('/proc/%s/fd/%s' % (pid, fd)) for fd in os.listdir('/proc/%s/fd' % pid)]\n    \
            except OSError: continue\n    \
            found += [name for name in names if 'jsonl' in name or 'pcapng' in name]\n\
         print('found', found)\n",
        bundle.display()
    );
    belljar_tests::made::component(&belljar, &does);
    let ended = belljar.end();
    let printed = Survived { belljar, code: ended.code }.printed();
    assert!(printed.contains("found []"), "{printed}");
}

#[test]
fn files_in_the_world_without_end_are_limited() {
    let run = survives(
        "made = 0\n\
         try:\n    \
            while True:\n        \
                with open('%s/%d' % (sys.argv[1], made), 'wb') as one: one.write(b'x' * 65536)\n        \
                made += 1\n\
         except OSError as error: print('full', error.errno)\n",
    );
    assert!(run.printed().contains("full 28"), "{}", run.printed());
}

#[test]
fn descriptors_without_end_are_limited() {
    let run = survives(
        "held = []\n\
         try:\n    \
            while True: held.append(os.open(sys.argv[1], os.O_RDONLY))\n\
         except OSError as error: print('held', len(held), error.errno)\n",
    );
    assert!(run.printed().contains(" 24"), "EMFILE: {}", run.printed());
}

#[test]
fn a_flood_of_refused_calls_is_counted_not_listed() {
    let run = survives(
        "import ctypes\ncall = ctypes.CDLL(None).syscall\n\
         for _ in range(50000): call(272, 0x10000000)\n",
    );
    let record = run.belljar.record();
    let refused: Vec<_> = events(&record, "refused").filter(|e| e["call"] == "unshare").collect();
    let count: u64 = refused.iter().filter_map(|event| event["count"].as_u64()).sum();
    assert_eq!(count, 50_000, "none is lost");
    assert!(refused.len() < 1000, "{} lines", refused.len());
}

#[test]
fn a_flood_of_requests_to_the_world_fills_the_record_and_not_the_memory() {
    let run = survives(
        "end = time.time() + 10\n\
         while time.time() < end:\n    \
            try: os.stat(sys.argv[1] + '/' + 'x' * 255)\n    \
            except OSError as error:\n        \
                if error.errno == 5: break\n",
    );
    assert!([0, 3].contains(&run.code));
}

#[test]
fn a_flood_of_output_is_counted() {
    let run = survives("for _ in range(2000): os.write(1, b'\\x1b[31m' * 13000)\n");
    assert_eq!(run.code, 3);
    assert!(run.record_has("limited", "output"));
}

#[test]
fn short_lived_processes_without_end_are_survived() {
    survives(
        "end = time.time() + 5\nmade = 0\n\
         while time.time() < end:\n    \
            child = os.fork()\n    \
            if child == 0: os._exit(0)\n    \
            os.waitpid(child, 0); made += 1\n\
         print('made', made)\n",
    );
}

#[test]
fn one_that_sleeps_for_ever_and_ignores_signals_ends_with_the_time() {
    let run = survives(
        "import signal\n\
         for one in range(1, 65):\n    \
            try: signal.signal(one, signal.SIG_IGN)\n    \
            except (OSError, ValueError): pass\n\
         while True: time.sleep(1000)\n",
    );
    assert_eq!(run.code, 3);
    assert!(run.record_has("limit", "time"));
}

#[test]
fn one_that_stops_and_kills_all_it_can_reaches_only_itself() {
    let run = survives(
        "import signal\n\
         for _ in range(100):\n    \
            for one in (signal.SIGSTOP, signal.SIGKILL):\n        \
                for pid in [1] + list(range(2, 400)):\n            \
                    if pid != os.getpid():\n                \
                        try: os.kill(pid, one)\n                \
                        except OSError: pass\n\
         print('still here')\n",
    );
    assert!(run.printed().contains("still here"), "process 1 took no harm");
}

#[test]
fn one_that_goes_for_the_jar_itself_is_refused() {
    let run = survives(
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n\
         def tries(what, act):\n    \
            try: got = act()\n    \
            except OSError as error: got = 'errno %d' % error.errno\n    \
            print(what, got)\n\
         def call(*arguments):\n    \
            if libc.syscall(*arguments) < 0: raise OSError(ctypes.get_errno(), '')\n    \
            return 'DONE'\n\
         home = sys.argv[1].encode()\n\
         tries('cover', lambda: call(165, b'none', home, b'tmpfs', 0, 0))\n\
         tries('unmount', lambda: call(166, home, 2))\n\
         tries('unmount top', lambda: call(166, b'/home', 2))\n\
         tries('move', lambda: call(429, -100, b'/home', -100, b'/tmp', 0))\n\
         tries('node', lambda: (os.mknod('/tmp/fuse', 0o20666, os.makedev(10, 229)), os.open('/tmp/fuse', 2), 'DONE')[2])\n\
         for path in ('/dev/fuse', '/dev/net/tun', '/dev/kvm', '/dev/mem', '/proc/kcore', '/proc/1/mem', \
            '/proc/1/environ', '/proc/1/root/etc/passwd', '/proc/sysrq-trigger', '/sys/fs/cgroup'):\n    \
            tries(path, lambda: (os.read(os.open(path, os.O_RDONLY), 1), 'DONE')[1])\n\
         tries('core pattern', lambda: (open('/proc/sys/kernel/core_pattern', 'w').write('|/bin/sh'), 'DONE')[1])\n\
         tries('new root', lambda: call(155, b'/', b'/tmp'))\n\
         tries('module', lambda: call(175, 0, 0, b''))\n\
         tries('bpf', lambda: call(321, 0, 0, 0))\n\
         tries('clock', lambda: call(227, 0, ctypes.byref(ctypes.c_long(1))))\n\
         tries('reboot', lambda: call(169, 0xfee1dead, 672274793, 0))\n\
         tries('setns', lambda: (os.open('/proc/1/ns/mnt', os.O_RDONLY), 'DONE')[1])\n\
         tries('trace 1', lambda: call(101, 16, 1, 0, 0))\n\
         tries('read 1', lambda: call(310, 1, 0, 0, 0, 0, 0) if False else call(434, 1, 0))\n",
    );
    let printed = run.printed();
    println!("{printed}");
    let mut tried = 0;
    for line in printed.lines() {
        // Holding process 1 by descriptor gives nothing by itself.
        tried += 1;
        assert!(!line.ends_with("DONE") || line.starts_with("read 1"), "{line}");
    }
    assert!(tried >= 24, "{tried} tries");
    let record = run.belljar.record();
    let calls: std::collections::BTreeSet<_> =
        events(&record, "refused").filter_map(|event| event["call"].as_str()).collect();
    println!("refused and recorded: {calls:?}");
    for call in ["mount", "umount2", "pivot_root", "bpf"] {
        assert!(calls.contains(call), "{call} was refused and is not recorded: {calls:?}");
    }
}

#[test]
fn odd_names_and_deep_trees_are_survived() {
    let run = survives(
        "os.chdir(sys.argv[1])\n\
         for byte in range(1, 256):\n    \
            if byte != 47: open(bytes([byte]) * 255, 'wb').close()\n\
         deep = 0\n\
         try:\n    \
            while deep < 10000: os.mkdir('d'); os.chdir('d'); deep += 1\n\
         except OSError as error: print('deep', deep, error.errno)\n\
         os.chdir('/tmp')\n\
         try:\n    \
            for _ in range(10000): os.mkdir('d'); os.chdir('d')\n\
         except OSError as error: print('tmp', error.errno)\n\
         print('done')\n",
    );
    assert!(run.printed().contains("done"), "{}", run.printed());
}
