//! The claims.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use belljar_record::{Change, Event};
use belljar_sandbox::{CommandSpec, Ended, HostFile, Jar as _, JarError, JarLimits, User, Written};

use crate::hostile::{killed, launcher_reach, sabotage, sabotaged, stands};
use crate::setup::{checked, is_root, plan, prepared};

/// What the claims run in processes of their own.
pub(crate) fn helper(name: &str) -> bool {
    match name {
        "(a sabotaged jar)" => sabotaged(),
        "(stands prepared)" => stands("prepared"),
        "(stands checked)" => stands("checked"),
        "(stands running)" => stands("running"),
        _ => return false,
    }
    true
}

type Claim = (&'static str, fn());

pub(crate) const ALL: &[Claim] = &[
    ("a_program_starts_and_its_code_comes_back", starts),
    ("nothing_starts_before_the_look_from_inside", unchecked),
    ("a_missing_program_is_named", missing),
    ("inside_there_is_nothing_of_the_host", nothing_of_the_host),
    ("nested_namespaces_mounts_and_foreign_sockets_are_refused_and_recorded", refused),
    (
        "what_runs_the_jar_cannot_be_traced_but_processes_of_the_jar_can_and_that_is_recorded",
        tracing,
    ),
    ("daemons_can_change_users_where_there_is_a_range", changes_users),
    ("the_difference_of_the_layers_is_exact", exact_difference),
    ("programs_that_were_run_are_recorded_with_their_parents", exec_tree),
    ("two_identical_programs_are_told_apart", identical_programs),
    ("each_sabotage_is_noticed_and_nothing_starts", sabotage),
    ("killing_belljar_kills_everything", killed),
    ("limits_of_memory_processes_and_disk_hold_and_are_told_of", limits),
    ("provisions_and_component_files_are_there_and_read_only", files),
    ("the_world_is_served_and_cannot_be_taken_away", world),
    ("with_a_wire_nothing_but_its_device_is_there", wire),
    ("what_is_about_to_become_the_component_is_out_of_its_reach", launcher_reach),
    ("a_daemon_outlives_its_command_but_not_the_jar", daemon),
];

fn starts() {
    let mut setup = checked(plan());
    assert_eq!(setup.shell("exit 0").0, Some(Ended::Exited(0)));
    assert_eq!(setup.shell("exit 7").0, Some(Ended::Exited(7)));
    assert_eq!(setup.shell("kill -9 $$").0, Some(Ended::Killed(9)));
    assert_eq!(setup.run_as(&["true"], User::Root).0, Some(Ended::Exited(0)), "found by PATH");
    assert!(setup.jar.exists("/usr/bin/env").expect("init answers"));
    assert!(!setup.jar.exists("/nowhere").expect("init answers"));
    setup.jar.finish().expect("ends");
}

pub(crate) fn command(argv: &[&str]) -> CommandSpec {
    CommandSpec {
        argv: argv.iter().map(|&one| one.to_owned()).collect(),
        env: BTreeMap::new(),
        cwd: "/".into(),
        user: User::Root,
    }
}

fn unchecked() {
    let mut setup = prepared(plan()).expect("made");
    assert!(matches!(setup.jar.spawn(&command(&["/bin/true"])), Err(JarError::Unchecked)));
}

fn missing() {
    let mut setup = checked(plan());
    let error = setup.jar.spawn(&command(&["no-such-program"])).expect_err("there is none");
    assert!(matches!(error, JarError::Execute { .. }), "{error}");
    let mut bad = plan();
    bad.files = vec![HostFile::same("/no/such/file")];
    let error = prepared(bad).err().expect("refused");
    assert!(error.to_string().contains("/no/such/file"), "{error}");
}

fn nothing_of_the_host() {
    let mut setup = checked(plan());
    let script = "ls -A /root /home /run /var/log /sys 2>&1; ls /dev; ls -d /proc/[0-9]*; \
        test -e /etc/shadow && echo SHADOW; ls /etc/ssh 2>/dev/null; cat /proc/net/unix | wc -l; \
        ls /proc/self/fd; hostname; env | sort; cat /proc/1/environ 2>/dev/null; \
        cat /etc/passwd | cut -d: -f1; umount /proc /usr 2>&1";
    let (_, text) = setup.shell(script);
    for never in ["SHADOW", "ssh_host", "fuse", "kvm", "mem\n", "/tmp/", "CARGO", "HOSTNAME="] {
        assert!(!text.contains(never), "{never} in: {text}");
    }
    assert!(text.contains("bell"), "{text}");
    let (_, text) = setup.shell("grep -c . /proc/net/dev; ls -d /proc/[0-9]* | wc -l");
    assert!(
        text.lines().nth(1).is_some_and(|count| count.trim().parse::<u32>().is_ok_and(|n| n < 8))
    );
    let python = "import os\nfor p in ['/dev/fuse','/dev/net/tun','/dev/kvm','/proc/1/mem']:\n try:\n  f=open(p,'rb').read(1); print('OPEN',p)\n except OSError as e: print('no',p,e.errno)";
    let (_, text) = setup.run_as(&["/usr/bin/python3", "-c", python], User::Root);
    assert!(text.contains("no /dev/fuse") && !text.contains("OPEN"), "{text}");
}

fn refused() {
    let mut setup = checked(plan());
    let python = r#"
import ctypes,socket,errno
libc=ctypes.CDLL(None,use_errno=True)
def call(name,nr,*a):
    ctypes.set_errno(0); r=libc.syscall(nr,*a); print(name,r,errno.errorcode.get(ctypes.get_errno(),0))
call('unshare',272,0x10000000)
call('clone',56,0x10000011,0,0,0,0)
call('mount',165,b'none',b'/tmp',b'tmpfs',0,0)
call('umount2',166,b'/usr',2)
call('io_uring_setup',425,8,0)
call('bpf',321,0,0,0)
call('setns',308,0,0)
call('x32',0x40000000+39)
for f in (40,44,38):
    try: socket.socket(f,socket.SOCK_STREAM); print('GOT',f)
    except OSError as e: print('socket',f,errno.errorcode[e.errno])
socket.socket(socket.AF_UNIX).close(); socket.socket(socket.AF_INET).close(); print('usual ok')
"#;
    let (_, text) = setup.run_as(&["/usr/bin/python3", "-c", python], User::Root);
    for line in [
        "unshare -1 EPERM",
        "clone -1 EPERM",
        "mount -1 EPERM",
        "umount2 -1 EPERM",
        "io_uring_setup -1 ENOSYS",
        "bpf -1 EPERM",
        "setns -1 EPERM",
        "x32 -1 ENOSYS",
        "socket 40 EAFNOSUPPORT",
        "socket 44 EAFNOSUPPORT",
        "usual ok",
    ] {
        assert!(text.contains(line), "{line} not in: {text}");
    }
    setup.jar.finish().expect("ends");
    let refused: Vec<String> = setup
        .record()
        .into_iter()
        .filter_map(|seen| match seen.event {
            Event::Refused { call, .. } => Some(call),
            _ => None,
        })
        .collect();
    for call in [
        "unshare",
        "clone",
        "mount",
        "umount2",
        "io_uring_setup",
        "bpf",
        "setns",
        "x32 call",
        "socket",
    ] {
        assert!(refused.iter().any(|one| one == call), "{call} not recorded: {refused:?}");
    }
}

fn tracing() {
    let mut setup = checked(plan());
    let python = r#"
import ctypes,errno,os,signal,time
libc=ctypes.CDLL(None,use_errno=True)
def call(nr,*a):
    # As whole registers: of a plain int the upper half of the last argument is not set.
    a=[ctypes.c_long(x) if isinstance(x,int) else x for x in a]
    ctypes.set_errno(0); r=libc.syscall(ctypes.c_long(nr),*a)
    return r if r>=0 else errno.errorcode[ctypes.get_errno()]
buf=ctypes.create_string_buffer(8)
class V(ctypes.Structure): _fields_=[('base',ctypes.c_void_p),('len',ctypes.c_size_t)]
def peek(pid):
    at=V(ctypes.addressof(buf),8)
    return call(310,pid,ctypes.byref(at),1,ctypes.byref(at),1,0)
def poke(pid):
    at=V(ctypes.addressof(buf),8)
    return call(311,pid,ctypes.byref(at),1,ctypes.byref(at),1,0)
init=call(434,1,0)
print('init', [call(101,r,1,0,0) for r in (16,0x4206)], peek(1), poke(1), call(438,init,0,0))
for name in ('mem','environ','syscall'):
    try: open('/proc/1/'+name,'rb').read(1); print('OPEN',name)
    except OSError: pass
child=os.fork()
if child==0:
    while True: time.sleep(1)
print('child', peek(child), call(438,call(434,child,0),0,0)>=0, call(101,16,child,0,0))
os.waitpid(child,0)
for _ in range(2000): call(101,3,child,0,0)
os.kill(child,signal.SIGKILL)
"#;
    let (_, text) = setup.run_as(&["/usr/bin/python3", "-c", python], User::Root);
    assert!(text.contains("init ['EPERM', 'EPERM'] EPERM EPERM EPERM"), "{text}");
    assert!(!text.contains("OPEN"), "{text}");
    assert!(text.contains("child 8 True 0"), "{text}");
    setup.jar.finish().expect("ends");
    let mut calls = BTreeMap::<String, (u64, u64)>::new();
    for seen in setup.record() {
        if let Event::Allowed { call, count, .. } = seen.event {
            assert!(seen.actor.process().is_some(), "{:?}", seen.actor);
            let (lines, all) = calls.entry(call).or_default();
            *lines += 1;
            *all += count;
        }
    }
    assert_eq!(calls.get("ptrace").map(|&(_, all)| all), Some(2003), "{calls:?}");
    assert!(calls.values().all(|&(lines, _)| lines < 12), "a flood is counted: {calls:?}");
    for call in ["process_vm_readv", "process_vm_writev", "pidfd_getfd"] {
        assert!(calls.contains_key(call), "{call} is not in {calls:?}");
    }
}

fn changes_users() {
    let mut setup = checked(plan());
    let python = "import os\nos.setgroups([7,8]); os.setgid(33); os.setuid(33); print(os.getresuid(), os.getgroups())\nopen('/tmp/x','w')\nprint(os.stat('/tmp/x').st_uid)";
    let (_, text) = setup.run_as(&["/usr/bin/python3", "-c", python], User::Root);
    let (_, person) = setup.run_as(&["/usr/bin/id"], User::Person);
    let end = setup.jar.finish().expect("ends");
    if is_root() {
        assert!(text.contains("(33, 33, 33) [7, 8]\n33"), "{text}");
        assert!(person.contains("uid=1000") && person.contains("gid=1000"), "{person}");
    } else if text.contains("PermissionError") {
        assert!(end.losses.iter().any(|(row, _)| *row == belljar_record::Dimension::UidRange));
    }
}

fn exact_difference() {
    let mut setup = checked(plan());
    if !is_root() {
        // What belongs to the host's root cannot be changed with a single user.
        let (_, text) = setup.shell("echo x >> /etc/services; echo y > /tmp/y; rm /etc/hosts");
        assert_eq!(text, "");
        let end = setup.jar.finish().expect("ends");
        let mut seen: Vec<_> = end.changes.iter().map(|c| (c.path.to_string(), c.change)).collect();
        seen.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(
            seen,
            [
                ("/etc/hosts".to_owned(), Change::Removed),
                ("/etc/services".to_owned(), Change::Modified),
                ("/tmp/y".to_owned(), Change::Created),
            ]
        );
        return;
    }
    let script = "echo new > /usr/new; rm /usr/bin/env; chmod 700 /usr/bin/tr; \
        echo more >> /usr/share/dict-x; mkdir -p /var/lib/a/b; echo c > /var/lib/a/b/c; \
        rm /etc/hosts; echo x >> /etc/services; mv /usr/bin/cut /usr/bin/cat2; \
        echo gone > /tmp/gone; rm /tmp/gone; \
        rm -r /usr/share/base-passwd; mkdir /usr/share/base-passwd";
    let (_, text) = setup.shell(script);
    assert_eq!(text, "");
    let end = setup.jar.finish().expect("ends");
    let mut seen: Vec<(String, Change)> =
        end.changes.iter().map(|c| (c.path.to_string(), c.change)).collect();
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    let mut expected = vec![
        ("/usr/new", Change::Created),
        ("/usr/bin/env", Change::Removed),
        ("/usr/bin/tr", Change::Attributes),
        ("/usr/share/dict-x", Change::Created),
        ("/var/lib/a", Change::Created),
        ("/var/lib/a/b", Change::Created),
        ("/var/lib/a/b/c", Change::Created),
        ("/etc/hosts", Change::Removed),
        ("/etc/services", Change::Modified),
        ("/usr/bin/cut", Change::Removed),
        ("/usr/bin/cat2", Change::Created),
    ];
    let gone: Vec<String> = std::fs::read_dir("/usr/share/base-passwd")
        .expect("on every Debian")
        .flatten()
        .map(|entry| entry.path().display().to_string())
        .collect();
    expected.extend(gone.iter().map(|path| (path.as_str(), Change::Removed)));
    expected.sort_by(|a, b| a.0.cmp(b.0));
    let seen: Vec<(&str, Change)> = seen.iter().map(|(path, change)| (&**path, *change)).collect();
    assert_eq!(seen, expected);
    assert!(end.losses.iter().all(|(row, _)| *row != belljar_record::Dimension::SystemChanges));
}

fn exec_tree() {
    let mut setup = checked(plan());
    setup.shell("/usr/bin/env true; /bin/ls / > /dev/null; (/usr/bin/id; :) > /dev/null");
    setup.jar.finish().expect("ends");
    let programs: Vec<_> = setup
        .record()
        .into_iter()
        .filter_map(|seen| match seen.event {
            Event::Process(program) => Some(program),
            _ => None,
        })
        .collect();
    let by_first = |name: &str| {
        programs
            .iter()
            .find(|p| p.arguments.first().is_some_and(|a| a.as_bytes() == name.as_bytes()))
            .unwrap_or_else(|| panic!("{name} not in {programs:#?}"))
    };
    let shell = by_first("/bin/sh");
    assert_eq!(by_first("/bin/ls").parent, Some(shell.process));
    assert_eq!(by_first("/usr/bin/env").parent, Some(shell.process));
    // env replaces itself by true: the same process runs both.
    assert_eq!(by_first("true").process, by_first("/usr/bin/env").process);
    assert_ne!(by_first("/usr/bin/id").parent, Some(shell.process), "a subshell lies between");
}

fn identical_programs() {
    let mut setup = checked(plan());
    let python = "import socket;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.sendto(b'x',('198.18.0.9',53))";
    let script = format!(
        "cp /usr/bin/python3 /tmp/one; cp /usr/bin/python3 /tmp/two; /tmp/one -c pass; /tmp/two -c \"{python}\" 2>&1"
    );
    setup.shell(&script);
    setup.jar.finish().expect("ends");
    let record = setup.record();
    let reach: Vec<_> =
        record.iter().filter(|seen| matches!(seen.event, Event::Reach { .. })).collect();
    assert_eq!(reach.len(), 1, "{reach:#?}");
    match &reach[0].actor {
        belljar_record::Actor::Native(native) => {
            assert_eq!(native.executable.to_string(), "/tmp/two");
        }
        other => panic!("{other:?}"),
    }
}

fn limits() {
    let mut small = plan();
    small.limits = JarLimits { memory: 128 << 20, processes: 20, disk: 8 << 20 };
    let mut setup = checked(small);
    let eat = "import time\nx=[]\nfor i in range(400): x.append(bytearray(b'a')*(1<<20)); time.sleep(0.005)\nprint('ATE')";
    let (ended, text) = setup.run_as(&["/usr/bin/python3", "-c", eat], User::Root);
    assert_eq!(ended, Some(Ended::Killed(9)), "{text}");
    let fork = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do sleep 1 & done; wait";
    setup.shell(fork);
    let (_, text) = setup.shell("head -c 20000000 /dev/zero > /tmp/big; ls -l /tmp/big");
    assert!(text.contains("No space"), "{text}");
    let end = setup.jar.finish().expect("ends");
    let hit = |what: &str| end.limits.iter().any(|limit| limit.what.contains(what));
    assert!(hit("memory"), "{:?} {}", end.limits, setup.jar.limits_kept_by());
    assert!(hit("processes"), "{:?} {}", end.limits, setup.jar.limits_kept_by());
    assert!(hit("disk"), "{:?}", end.limits);
}

fn files() {
    let folder = std::env::temp_dir().join(belljar_sandbox::own_name("files"));
    std::fs::create_dir_all(folder.join("tree")).expect("temporary folder");
    std::fs::write(folder.join("tool"), "#!/bin/sh\necho tool\n").expect("written");
    std::fs::write(folder.join("tree/a"), "a").expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.join("tool"), mode).expect("set");
    let mut with = plan();
    with.files = vec![
        HostFile { host: folder.join("tool"), inside: "/opt/vendor/tool".into() },
        HostFile { host: folder.join("tree"), inside: "/opt/tree".into() },
    ];
    with.provisions =
        vec![Written { path: "/var/lib/sig/db.ndb".into(), content: b"sig".to_vec(), mode: 0o640 }];
    with.ca_pem = "-----BEGIN CERTIFICATE-----\nRUN\n-----END CERTIFICATE-----\n".into();
    let mut setup = checked(with);
    let (_, text) = setup.shell("/opt/vendor/tool; cat /var/lib/sig/db.ndb; echo; stat -c %a /var/lib/sig/db.ndb; grep -cx RUN /etc/ssl/certs/ca-certificates.crt; echo $SSL_CERT_FILE; (echo b > /opt/vendor/tool) 2>&1; echo c > /opt/tree/a; cat /opt/tree/a");
    let end = setup.jar.finish().expect("ends");
    let host = std::fs::read_to_string(folder.join("tree/a")).expect("there");
    std::fs::remove_dir_all(&folder).expect("removed");
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [
            "tool",
            "sig",
            "640",
            "1",
            "/etc/ssl/certs/ca-certificates.crt",
            "/bin/sh: 1: cannot create /opt/vendor/tool: Read-only file system",
            "c"
        ]
    );
    assert_eq!(host, "a", "the host's file is untouched");
    let changed: Vec<String> = end.changes.iter().map(|c| c.path.to_string()).collect();
    assert_eq!(changed, ["/opt/tree/a"]);
}

fn daemon() {
    let mut setup = checked(plan());
    let (ended, _) =
        setup.shell("(setsid sh -c 'echo up > /run/up; exec sleep 1000' > /dev/null 2>&1 &)");
    assert_eq!(ended, Some(Ended::Exited(0)));
    let until = Instant::now() + Duration::from_secs(5);
    while !setup.jar.exists("/run/up").expect("init answers") {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(10));
    }
    let (_, text) =
        setup.shell("ps -e -o args 2>/dev/null || cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
    assert!(text.contains("sleep 1000"), "{text}");
    setup.jar.kill_all().expect("init answers");
    let (_, text) = setup.shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
    assert!(!text.contains("sleep 1000 "), "{text}");
    setup.jar.finish().expect("ends");
}

fn world() {
    use std::sync::Arc;
    let (mut with, token) = (plan(), b"only belljar knows".to_vec());
    with.world = Some(belljar_sandbox::WorldMount {
        options: belljar_fuse::mount_options("{fd}", 0, 0),
        binds: vec!["/home".into(), "/root".into(), "/etc/shadow".into()],
        token: Some(belljar_sandbox::Token { path: "/root/token".into(), content: token.clone() }),
    });
    let mut setup = prepared(with).expect("made");
    let meta = |mode| belljar_world::Meta { mode, uid: 0, gid: 0, mtime_s: 0 };
    let bytes = |bytes: Vec<u8>| Arc::new(belljar_record::BytesSource::from(bytes));
    let served = belljar_world::WorldBuilder::new(belljar_world::WorldLimits::default())
        .directory("/root", meta(0o700))
        .directory("/home", meta(0o755))
        .file("/root/token", meta(0o600), bytes(token), None)
        .file("/home/u/secret", meta(0o600), bytes(b"decoy".to_vec()), None)
        .file("/etc/shadow", meta(0o600), bytes(b"lure".to_vec()), None)
        .build(setup.log())
        .expect("built");
    let device = setup.devices.take().and_then(|devices| devices.fuse).expect("a device");
    let table = setup.watcher.table();
    let door = belljar_fuse::FuseDoor::serve(device, served, table).expect("served");
    setup.jar.check().expect("isolated");
    let (_, text) = setup.shell(
        "cat /home/u/secret /etc/shadow; umount /home 2>&1; cat /home/u/secret; ls -A /root",
    );
    assert!(text.starts_with("decoylure"), "{text}");
    assert!(text.contains("decoytoken"), "{text}");
    // Without the filter, too, the mounts are locked: the look has tried it (`mounts-locked`).
    setup.jar.finish().expect("ends");
    let end = door.stop(Duration::from_secs(5));
    assert!(end.closed, "{end:?}");
    let record = setup.record();
    let reader = record.iter().find_map(|seen| match &seen.event {
        Event::File(file)
            if file.path.to_string() == "/home/u/secret"
                && matches!(file.act, belljar_record::FileAct::Read { .. }) =>
        {
            Some(seen.actor.clone())
        }
        _ => None,
    });
    match reader {
        Some(belljar_record::Actor::Native(native)) => {
            assert_eq!(native.executable.to_string(), "/usr/bin/cat");
        }
        other => panic!("{other:?}"),
    }
}

fn wire() {
    let mut with = plan();
    with.wire = Some(belljar_sandbox::WireMount {
        resolvers: vec![std::net::IpAddr::from([198, 51, 100, 1])],
    });
    let mut setup = prepared(with).expect("made");
    setup.jar.check().expect("isolated");
    let devices = setup.devices.take().expect("devices");
    assert!(devices.inner.is_some() && devices.outer.is_some() && devices.fuse.is_none());
    let inner = devices.inner.expect("inner");
    setup.watcher.flows().use_sock_diag(inner.sock_diag);
    // The device is there as long as its descriptor.
    let _link = inner.link;
    let (_, text) = setup.shell("cat /proc/net/dev | cut -d: -f1 | tail -n +3 | xargs; cat /etc/resolv.conf; python3 -c 'import socket;s=socket.socket();s.bind((\"127.0.0.1\",80));s.listen();print(\"bound\")'");
    assert!(text.contains("eth0") && text.contains("lo"), "{text}");
    assert!(text.contains("nameserver 198.51.100.1") && text.contains("bound"), "{text}");
    setup.jar.finish().expect("ends");
}
