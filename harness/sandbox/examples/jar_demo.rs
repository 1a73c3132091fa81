//! Runs a command in a jar without world and wire: `jar_demo [--record FILE] [--] CMD…`.
//! Prints the checks, what the command prints, and what changed.
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use belljar_process::Watcher;
use belljar_record::{Log, SteadyClock};
use belljar_sandbox::{
    CommandSpec, Jar as _, JarLimits, JarPlan, NamespaceJar, SUPERVISOR_ARGUMENT, User,
    supervisor_main,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == SUPERVISOR_ARGUMENT) {
        supervisor_main();
    }
    let quiet = arguments.first().is_some_and(|first| first == "--quiet");
    if quiet {
        arguments.remove(0);
    }
    let log = if quiet {
        Log::new(std::io::sink(), u64::MAX, Arc::new(SteadyClock::start()))
    } else {
        Log::new(std::io::stderr(), u64::MAX, Arc::new(SteadyClock::start()))
    };
    let watcher = Arc::new(Watcher::start(log.clone())?);
    let plan = JarPlan {
        hostname: "bell".into(),
        world: None,
        wire: None,
        files: vec![],
        state: vec![],
        provisions: vec![],
        ca_pem: String::new(),
        env: std::collections::BTreeMap::new(),
        limits: JarLimits::default(),
    };
    let (mut jar, _devices) = NamespaceJar::prepare(plan, Arc::clone(&watcher))?;
    let isolation = jar.check()?;
    if !quiet {
        for check in &isolation.checks {
            eprintln!("{} {}: {}", if check.holds { "ok " } else { "BAD" }, check.name, check.seen);
        }
    }
    let mut running = jar.spawn(&CommandSpec {
        argv: arguments,
        env: std::collections::BTreeMap::new(),
        cwd: "/".into(),
        user: User::Root,
    })?;
    let (out, err) = (running.stdout.take(), running.stderr.take());
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        err.map(|fd| std::fs::File::from(fd).read_to_string(&mut text));
        text
    });
    let mut text = String::new();
    if let Some(out) = out {
        std::fs::File::from(out).read_to_string(&mut text)?;
    }
    let ended = running.wait(Duration::from_secs(60));
    print!("{text}");
    eprint!("{}", errors.join().unwrap_or_default());
    let end = jar.finish()?;
    watcher.finish();
    if !quiet {
        eprintln!("{ended:?}\n{end:#?}");
    }
    Ok(())
}
