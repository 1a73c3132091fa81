//! The door against the real kernel and real programs. Each test mounts a world of its own in user
//! and mount namespaces of its own (`unshare -Urm` of util-linux), lets python act on it, and
//! compares the record with what was done. Needs an openable /dev/fuse.
#![forbid(unsafe_code)]

use belljar_record::{Actor, Event, FileAct, FileEvent, Precision};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// One doing, with the process that did it.
struct Seen {
    pid: Option<u32>,
    actor: Actor,
    file: FileEvent,
}

struct Run {
    seen: Vec<Seen>,
    printed: String,
    end: String,
    folder: tempfile::TempDir,
}

impl Run {
    /// Mounts a world at `M`, runs `script` (python, with `M` and `os` there), and unmounts.
    fn of(settings: &str, script: &str) -> Self {
        Self::with(settings, "python3", script)
    }

    fn with(settings: &str, interpreter: &str, script: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = folder.path();
        std::fs::create_dir(at.join("world")).expect("made");
        let head = format!(
            "import os,sys,mmap,ctypes,errno,subprocess,time\nT={:?}\nM=T+'/world'\n",
            at.display().to_string(),
        );
        std::fs::write(at.join("script.py"), head + script).expect("written");
        let serve = serve();
        let shell = format!(
            "cd {at}; {serve} {at}/world {at}/record {settings} > {at}/end & served=$!; \
             for i in $(seq 1000); do grep -q ready {at}/end && break; sleep 0.01; done; \
             {interpreter} {at}/script.py; code=$?; umount {at}/world || umount -l {at}/world; \
             wait $served; exit $code",
            at = at.display(),
            serve = serve.display(),
        );
        let output = Command::new("unshare")
            .args(["-Urm", "--propagation", "private", "sh", "-c", &shell])
            .output()
            .expect("unshare runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "script failed: {printed}\n{errors}");
        let end = std::fs::read_to_string(at.join("end")).expect("the end was printed");
        assert!(end.contains("closed: true"), "the door ended: {end} {errors}");
        assert!(end.contains("panics: 0"), "nothing panicked: {end}");
        let seen = belljar_record::read_log(&at.join("record"))
            .expect("the record opens")
            .map(|line| line.expect("each line is an observation"))
            .filter_map(|seen| match seen.event {
                Event::File(file) => Some(Seen {
                    pid: seen.actor.process().map(|process| process.pid),
                    actor: seen.actor,
                    file,
                }),
                _ => None,
            })
            .collect();
        Self { seen, printed, end, folder }
    }

    fn acts(&self, path: &str) -> Vec<(&FileAct, Option<&str>)> {
        self.seen
            .iter()
            .filter(|seen| seen.file.path.as_bytes() == path.as_bytes())
            .map(|seen| (&seen.file.act, seen.file.error.as_deref()))
            .collect()
    }

    fn reads(&self, path: &str, wanted: Precision) -> Vec<(u32, u64, u32)> {
        self.seen
            .iter()
            .filter(|seen| seen.file.path.as_bytes() == path.as_bytes())
            .filter_map(|seen| match seen.file.act {
                FileAct::Read { offset, returned, precision, .. } if precision == wanted => {
                    Some((seen.pid.unwrap_or(0), offset, returned))
                }
                _ => None,
            })
            .collect()
    }

    fn pid(&self, which: usize) -> u32 {
        let line = self.printed.lines().nth(which).expect("the script printed a pid");
        line.trim().parse().expect("a number")
    }
}

fn serve() -> PathBuf {
    let own = std::env::current_exe().expect("known");
    let target = own.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps/TEST");
    target.join("examples/serve")
}

#[test]
fn the_record_equals_strace_as_a_multiset() {
    let run = Run::with(
        "files=300 size=20000",
        "strace -f -y -s 0 -e trace=openat,read,pread64 -o trace python3",
        r#"
import random
random.seed(int(time.time()))
for n in range(300):
    fd = os.open(f"{M}/home/d{n//100}/f{n}", os.O_RDONLY)
    while True:
        data = os.read(fd, random.choice([100, 4096, 8191, 131072]))
        if not data: break
    for _ in range(3):
        at = random.randrange(25000); size = random.randrange(1, 9000)
        got = os.pread(fd, size, at)
        want = bytes((i*31 + (i>>8) + n) & 255 for i in range(at, min(20000, at+size)))
        assert got == want, (n, at, size)
    os.close(fd)
"#,
    );
    let world = run.folder.path().join("world").display().to_string();
    let trace = std::fs::read_to_string(run.folder.path().join("trace")).expect("strace wrote");
    let mut expected: BTreeMap<(String, u64, u64, u64), u64> = BTreeMap::new();
    let mut place = 0;
    for line in trace.lines() {
        let Some((_, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if call.starts_with("openat") {
            place = 0;
        }
        let (Some(from), Some(to)) = (call.find('<'), call.find('>')) else { continue };
        let Some(path) = call[from + 1..to].strip_prefix(&world) else { continue };
        let Some((arguments, result)) = call[to..].rsplit_once(" = ") else { continue };
        let Ok(returned) = result.trim().parse::<u64>() else { continue };
        let numbers: Vec<u64> = arguments
            .trim_end_matches(')')
            .split(", ")
            .filter_map(|number| number.trim_end_matches(')').trim().parse().ok())
            .collect();
        let (requested, offset) = if call.starts_with("read(") {
            let before = place;
            place += returned;
            (numbers[0], before)
        } else if call.starts_with("pread64(") {
            (numbers[0], numbers[1])
        } else {
            continue;
        };
        *expected.entry((path.to_owned(), offset, requested, returned)).or_default() += 1;
    }
    let mut recorded = BTreeMap::new();
    for seen in &run.seen {
        if let FileAct::Read { offset, requested, returned, precision, pristine, .. } =
            seen.file.act
        {
            assert_eq!(precision, Precision::Exact);
            assert!(pristine);
            let path = seen.file.path.to_string();
            let key = (path, offset, u64::from(requested), u64::from(returned));
            *recorded.entry(key).or_default() += 1;
        }
    }
    assert!(expected.values().sum::<u64>() >= 1000, "the comparison has substance");
    assert_eq!(recorded, expected);
}

#[test]
fn mapped_pages_are_seen_and_seen_again() {
    let run = Run::of(
        "files=1 size=40960",
        r#"
def touch():
    fd = os.open(M+"/home/d0/f0", os.O_RDONLY)
    m = mmap.mmap(fd, 40960, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    assert m[0] == 0 and m[12288+5] == ((12293*31 + (12293>>8)) & 255)
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        touch(); os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    print(pid, flush=True); time.sleep(0.1)
fd = os.open(M+"/home/d0/f0", os.O_RDWR)
try:
    mmap.mmap(fd, 40960, flags=mmap.MAP_SHARED); assert False
except OSError as e: assert e.errno == errno.ENODEV
"#,
    );
    let reads = run.reads("/home/d0/f0", Precision::Page);
    for which in 0..2 {
        let pid = run.pid(which);
        for offset in [0, 12288] {
            assert!(reads.contains(&(pid, offset, 4096)), "{pid} at {offset} in {reads:?}");
        }
    }
    assert!(reads.iter().all(|&(_, offset, _)| offset == 0 || offset == 12288), "{reads:?}");
}

#[test]
fn a_page_sent_by_two_processes_is_seen_twice() {
    let run = Run::of(
        "files=1 size=8192",
        r#"
fd = os.open(M+"/home/d0/f0", os.O_RDONLY)
for n in range(2):
    pid = os.fork()
    if pid == 0:
        out = os.open(T+f"/out{n}", os.O_WRONLY|os.O_CREAT)
        assert os.sendfile(out, fd, 4096, 100) == 100; os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    print(pid, flush=True); time.sleep(0.1)
"#,
    );
    let reads = run.reads("/home/d0/f0", Precision::Page);
    for which in 0..2 {
        assert!(reads.contains(&(run.pid(which), 4096, 4096)), "{reads:?}");
    }
}

#[test]
fn tampering_is_recorded_with_its_actor_and_told_at_the_end() {
    let run = Run::of(
        "files=10",
        r#"
d = M+"/home/d0"
print(os.getpid(), flush=True)
fd = os.open(d+"/f0", os.O_RDWR); os.pwrite(fd, b"x"*10, 100)
assert os.pread(fd, 10, 100) == b"x"*10 and os.pread(fd, 2, 108)[1:] == b"x"
os.rename(d+"/f0", d+"/f0.locked"); os.unlink(d+"/f1"); os.truncate(d+"/f2", 5)
os.mkdir(d+"/new"); open(d+"/new/note", "w").write("pay")
os.chmod(d+"/f3", 0o600); os.link(d+"/f4", d+"/f4b"); os.symlink("f4", d+"/s")
assert os.readlink(M+"/home/link") == "d0/f0" and os.stat(d+"/f4").st_nlink == 2
libc = ctypes.CDLL(None, use_errno=True)
assert libc.renameat2(-100, (d+"/f5").encode(), -100, (d+"/f6").encode(), 2) == 0
assert libc.renameat2(-100, (d+"/f5").encode(), -100, (d+"/f6").encode(), 1) == -1
assert ctypes.get_errno() == errno.EEXIST
assert open(d+"/f5","rb").read(1) == b"\x06"
keep = os.open(d+"/f7", os.O_RDONLY); os.unlink(d+"/f7")
assert os.read(keep, 1) == b"\x07" and not os.path.exists(d+"/f7")
assert os.fstat(keep).st_nlink == 0
os.setxattr(d+"/f8", "user.mark", b"v"); assert os.getxattr(d+"/f8", "user.mark") == b"v"
for call in (lambda: os.mknod(d+"/dev", 0o20600, os.makedev(1,3)), lambda: os.rmdir(d)):
    try: call(); assert False
    except OSError: pass
os.mkfifo(d+"/pipe")
import fcntl
try: fcntl.ioctl(keep, 0x5401, b"\0"*60); assert False
except OSError as e: assert e.errno == errno.ENOTTY
f = open(d+"/f9", "r+b"); fcntl.flock(f, fcntl.LOCK_EX); os.posix_fallocate(f.fileno(), 0, 9000)
assert os.fstat(f.fileno()).st_size == 9000
"#,
    );
    let by_script = |act: &dyn Fn(&FileAct) -> bool, path: &str| {
        let found = run.seen.iter().find(|seen| {
            act(&seen.file.act)
                && seen.file.path.as_bytes() == path.as_bytes()
                && seen.file.error.is_none()
        });
        let found = found.unwrap_or_else(|| panic!("nothing of {path}: {:?}", run.acts(path)));
        assert_eq!(found.pid, Some(run.pid(0)), "{path}");
        let Actor::Native(native) = &found.actor else { panic!("native") };
        assert!(native.executable.to_string().contains("python"));
    };
    by_script(&|act| matches!(act, FileAct::Write { offset: 100, len: 10, .. }), "/home/d0/f0");
    by_script(
        &|act| matches!(act, FileAct::Rename { to, exchange: false } if to.as_bytes() == b"/home/d0/f0.locked"),
        "/home/d0/f0",
    );
    by_script(&|act| *act == FileAct::Unlink, "/home/d0/f1");
    by_script(&|act| *act == FileAct::Truncate { len: 5 }, "/home/d0/f2");
    by_script(&|act| *act == FileAct::MakeDirectory, "/home/d0/new");
    by_script(&|act| *act == FileAct::Create, "/home/d0/new/note");
    by_script(&|act| matches!(act, FileAct::SetAttributes { .. }), "/home/d0/f3");
    by_script(&|act| matches!(act, FileAct::Link { symbolic: false, .. }), "/home/d0/f4b");
    by_script(&|act| matches!(act, FileAct::Rename { exchange: true, .. }), "/home/d0/f5");
    by_script(&|act| *act == FileAct::ReadLink, "/home/link");
    by_script(&|act| matches!(act, FileAct::Attribute { .. }), "/home/d0/f8");
    // A read after unlinking still names the decoy; one of written bytes is not as planted.
    let orphan = run.seen.iter().rfind(|seen| {
        matches!(seen.file.act, FileAct::Read { .. }) && seen.file.path.as_bytes() == b"/home/d0/f7"
    });
    assert_eq!(orphan.and_then(|seen| seen.file.decoy).map(|decoy| decoy.0), Some(7));
    let pristine: Vec<_> = run
        .acts("/home/d0/f0")
        .iter()
        .filter_map(|(act, _)| match act {
            FileAct::Read { pristine, .. } => Some(*pristine),
            _ => None,
        })
        .collect();
    assert_eq!(pristine, [false, false]);
    for told in [
        "ways: [Modified, Renamed]",
        "was: Some(b\"/home/d0/f1\"), now: None, ways: [Removed]",
        "was: None, now: Some(b\"/home/d0/new/note\"), ways: [Created]",
        "was: Some(b\"/home/d0/f3\"), now: Some(b\"/home/d0/f3\"), ways: [Attributes]",
        "was: Some(b\"/home/d0/f5\"), now: Some(b\"/home/d0/f6\"), ways: [Renamed]",
    ] {
        assert!(run.end.contains(told), "{told} in {}", run.end);
    }
}

#[test]
fn a_missed_name_is_recorded_every_time() {
    let run = Run::of(
        "files=1",
        "for _ in range(3): assert not os.path.exists(M+'/home/d0/wallet.dat')\n",
    );
    let missed = run.acts("/home/d0/wallet.dat");
    assert_eq!(missed, [(&FileAct::Missed, Some("ENOENT")); 3]);
}

#[test]
fn writing_ends_at_the_budget() {
    let run = Run::of(
        "files=1 write=1000000",
        r#"
fd = os.open(M+"/home/big", os.O_WRONLY|os.O_CREAT)
done = 0
try:
    while True: done += os.write(fd, b"z"*65536)
except OSError as e: assert e.errno == errno.ENOSPC
assert 700000 < done < 1000000, done
os.close(fd); os.unlink(M+"/home/big"); time.sleep(0.1)
open(M+"/home/again", "wb").write(b"y"*500000)
"#,
    );
    let full = run.acts("/home/big").iter().filter(|(_, error)| *error == Some("ENOSPC")).count();
    assert_eq!(full, 1);
    assert!(run.end.contains("no_space: 1,"), "{}", run.end);
}

#[test]
fn nothing_is_given_when_the_record_is_full() {
    let run = Run::of(
        "files=100 record=8000",
        r#"
got = refused = 0
for n in range(100):
    try:
        fd = os.open(f"{M}/home/d0/f{n}", os.O_RDONLY); got += len(os.read(fd, 10)); os.close(fd)
    except OSError as e:
        assert e.errno == errno.EIO, e; refused += 1
assert refused > 50 and got > 0
print(got)
"#,
    );
    let recorded: u64 = run
        .seen
        .iter()
        .filter_map(|seen| match seen.file.act {
            FileAct::Read { returned, .. } => Some(u64::from(returned)),
            _ => None,
        })
        .sum();
    assert_eq!(u64::from(run.pid(0)), recorded, "every byte given is in the record");
    assert!(!run.end.contains("record_refused: 0"), "{}", run.end);
}

#[test]
fn odd_names_pass_whole_and_listings_are_in_order() {
    let run = Run::of(
        "files=3",
        r#"
name = bytes(b for b in range(1, 256) if b != 47) + b"x"
assert len(name) == 255
d = (M+"/home/d0/").encode()
open(d+name, "wb").write(b"odd")
assert os.listdir(d) == [b"f0", b"f1", b"f2", name]
assert open(d+name, "rb").read() == b"odd"
try: open(d+name+b"y", "wb"); assert False
except OSError as e: assert e.errno == errno.ENAMETOOLONG
for n in range(500): open(d+b"m%d" % n, "w")
assert len(os.listdir(d)) == 504
"#,
    );
    let mut name = b"/home/d0/".to_vec();
    name.extend((1..=255).filter(|&byte| byte != b'/'));
    name.push(b'x');
    assert!(run.seen.iter().any(|seen| seen.file.path.as_bytes() == name));
    let listed: u32 = run
        .seen
        .iter()
        .filter_map(|seen| match seen.file.act {
            FileAct::List { entries } => Some(entries),
            _ => None,
        })
        .sum();
    assert_eq!(listed, 6 + 506, "with `.` and `..` each time");
}

#[test]
fn belljars_own_changes_reach_a_component_that_knew_the_old_ones() {
    let run = Run::of(
        "files=3 own=1",
        r#"
assert os.stat(M+"/home/d0/f1").st_size == 8192 and not os.path.exists(M+"/home/dropped")
open(T+"/world.own", "w").close()
while os.path.exists(T+"/world.own"): time.sleep(0.01)
time.sleep(0.1)
assert os.stat(M+"/home/d0/f1").st_size == 8200
assert open(M+"/home/d0/f1", "rb").read()[-8:] == b"appended"
assert len(open(M+"/home/dropped/new", "rb").read()) == 100
"#,
    );
    let own: Vec<_> = run.seen.iter().filter(|seen| seen.actor == Actor::Belljar).collect();
    assert_eq!(own.len(), 2);
    assert!(!run.end.contains("ways:"), "belljar's own changes are no tampering: {}", run.end);
}
