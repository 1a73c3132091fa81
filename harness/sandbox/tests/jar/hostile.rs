//! Claims about broken jars, killed harnesses, and components that reach for what starts them.

use std::path::Path;
use std::time::{Duration, Instant};

use belljar_sandbox::{Jar as _, JarError, User};

use crate::claims::command;
use crate::setup::{checked, is_root, plan, prepared};

pub(crate) fn sabotage() {
    for (name, check) in [
        ("extra-route", "routes"),
        ("inherited-descriptor", "descriptors"),
        ("host-socket", "unix-sockets"),
        ("readable-canary-root", "host-secrets"),
        ("readable-canary-etc", "host-secrets"),
    ] {
        if name == "extra-route" && !Path::new("/dev/net/tun").exists() {
            continue;
        }
        let done = std::process::Command::new(std::env::current_exe().expect("has a path"))
            .args(["--one", "(a sabotaged jar)"])
            .env(belljar_sandbox::SABOTAGE_VARIABLE, name)
            .output()
            .expect("it can be run");
        let text = String::from_utf8_lossy(&done.stdout);
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(text.contains(&format!("failed {check}:")), "{name}: {text} {errors}");
        assert!(text.contains("failed sabotage:"), "{name}: {text}");
        assert!(text.contains("spawn refused"), "{name}: {text}");
    }
}

/// Run by `sabotage` with the variable set.
pub(crate) fn sabotaged() {
    let mut setup = prepared(plan()).expect("made");
    match setup.jar.check() {
        Err(JarError::NotIsolated(isolation)) => {
            for check in isolation.checks.iter().filter(|check| !check.holds) {
                println!("failed {}: {}", check.name, check.seen);
            }
        }
        other => println!("{other:?}"),
    }
    if matches!(setup.jar.spawn(&command(&["/bin/true"])), Err(JarError::Unchecked)) {
        println!("spawn refused");
    }
}

/// Run by `killed`: stops at a point and waits to be killed.
pub(crate) fn stands(at: &str) {
    let mut setup = prepared(plan()).expect("made");
    println!("{}", setup.jar.supervisor());
    if at == "prepared" {
        std::thread::sleep(Duration::from_secs(60));
    }
    setup.jar.check().expect("isolated");
    if at == "running" {
        let script = "(setsid sleep 1000 &) ; sleep 1000";
        setup.jar.spawn(&command(&["/bin/sh", "-c", script])).expect("starts");
    }
    println!("ready");
    std::thread::sleep(Duration::from_secs(60));
}

/// Processes below `pid`, and itself.
pub(crate) fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut at = 0;
    while at < all.len() {
        let path = format!("/proc/{0}/task/{0}/children", all[at]);
        let text = std::fs::read_to_string(path).unwrap_or_default();
        all.extend(text.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        at += 1;
    }
    all
}

pub(crate) fn killed() {
    use std::io::{BufRead as _, BufReader};
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("readable");
    for turn in 0..12_u64 {
        let at = ["prepared", "checked", "running"][usize::try_from(turn % 3).expect("small")];
        let mut child = std::process::Command::new(std::env::current_exe().expect("has a path"))
            .args(["--one", &format!("(stands {at})")])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("it can be run");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let supervisor: u32 =
            lines.next().expect("a line").expect("text").parse().expect("a number");
        if at != "prepared" {
            assert_eq!(lines.next().expect("a line").expect("text"), "ready");
        } else {
            std::thread::sleep(Duration::from_millis(turn));
        }
        let all = family(supervisor);
        if at == "running" {
            assert!(all.len() >= 3, "supervisor, init, shell, …: {all:?}");
        }
        child.kill().expect("it lives");
        child.wait().expect("it is ours");
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            let living: Vec<u32> = all
                .iter()
                .copied()
                .filter(|pid| {
                    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
                    stat.is_ok_and(|stat| !stat.contains(") Z "))
                })
                .collect();
            if living.is_empty() {
                break;
            }
            assert!(Instant::now() < until, "{at}: {living:?} live on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let now = std::fs::read_to_string("/proc/self/mountinfo").expect("readable");
    assert_eq!(mounts, now, "nothing is mounted");
    // The next start sweeps what could not be removed.
    let mut setup = checked(plan());
    setup.jar.finish().expect("ends");
    drop(setup);
    assert_eq!(belljar_sandbox::sweep_groups(), 0, "groups were swept");
    for folder in ["/root", "/etc"] {
        if is_root() {
            assert_eq!(belljar_sandbox::sweep(Path::new(folder)), 0, "canaries were swept");
        }
    }
}

pub(crate) fn launcher_reach() {
    let mut setup = checked(plan());
    // A hostile daemon looks for processes that still carry belljar's name and tries to open their
    // memory or to trace them: code put there could run before the filter is installed.
    let python = r#"
import os,ctypes,time
libc=ctypes.CDLL(None)
own=open('/proc/1/comm').read()
open('/tmp/up','w').close()
seen=0; reached=0; end=time.time()+4
while not os.path.exists('/tmp/stop') and time.time()<end:
    for p in os.listdir('/proc'):
        if not p.isdigit() or p=='1': continue
        try:
            if open('/proc/'+p+'/comm').read()!=own: continue
            seen+=1
            ok=False
            try: f=open('/proc/'+p+'/mem','r+b',buffering=0); ok=True
            except OSError: pass
            if libc.syscall(101,0x4206,int(p),0,0)==0: ok=True
            if ok and open('/proc/'+p+'/comm').read()==own: reached+=1
        except OSError: pass
print('seen',seen,'reached',reached)
"#;
    let mut spec = command(&["/usr/bin/python3", "-c", python]);
    spec.user = User::Root;
    let mut hostile = setup.jar.spawn(&spec).expect("starts");
    let out = hostile.stdout.take().expect("a pipe");
    let until = Instant::now() + Duration::from_secs(10);
    while !setup.jar.exists("/tmp/up").expect("init answers") {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(10));
    }
    for _ in 0..25 {
        setup.run_as(&["/bin/true"], User::Root);
    }
    setup.shell("touch /tmp/stop");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::fs::File::from(out), &mut text).expect("text");
    let numbers: Vec<u32> = text.split(' ').filter_map(|word| word.trim().parse().ok()).collect();
    assert!(numbers[0] > 0, "the daemon met none of them: {text}");
    assert_eq!(numbers[1], 0, "{text}");
    setup.jar.finish().expect("ends");
}
