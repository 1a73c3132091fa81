//! A jar for a test, and running something in it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belljar_process::Watcher;
use belljar_record::{Log, Observation, SteadyClock};
use belljar_sandbox::{
    CommandSpec, Devices, Ended, Jar as _, JarError, JarLimits, JarPlan, NamespaceJar, User,
};

/// A log that a test can read back.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) struct Setup {
    pub(crate) jar: NamespaceJar,
    pub(crate) watcher: Arc<Watcher>,
    pub(crate) devices: Option<Devices>,
    log: Log,
    lines: Shared,
}

pub(crate) fn plan() -> JarPlan {
    JarPlan {
        hostname: "bell".into(),
        world: None,
        wire: None,
        files: vec![],
        state: vec![],
        provisions: vec![],
        ca_pem: String::new(),
        env: BTreeMap::new(),
        limits: JarLimits::default(),
    }
}

pub(crate) fn prepared(plan: JarPlan) -> Result<Setup, JarError> {
    let lines = Shared::default();
    let log = Log::new(lines.clone(), u64::MAX, Arc::new(SteadyClock::start()));
    let watcher = Arc::new(Watcher::start(log.clone()).expect("the watcher starts"));
    let (jar, devices) = NamespaceJar::prepare(plan, Arc::clone(&watcher))?;
    Ok(Setup { jar, watcher, devices: Some(devices), log, lines })
}

pub(crate) fn checked(plan: JarPlan) -> Setup {
    let mut setup = prepared(plan).expect("the jar is made");
    setup.jar.check().expect("the jar is isolated");
    setup
}

impl Setup {
    pub(crate) fn log(&self) -> Log {
        self.log.clone()
    }

    pub(crate) fn run_as(&mut self, argv: &[&str], user: User) -> (Option<Ended>, String) {
        let mut running = self
            .jar
            .spawn(&CommandSpec {
                argv: argv.iter().map(|&one| one.to_owned()).collect(),
                env: BTreeMap::new(),
                cwd: "/".into(),
                user,
            })
            .expect("the program starts");
        let (out, err) = (running.stdout.take(), running.stderr.take());
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = err.map(|fd| std::fs::File::from(fd).read_to_end(&mut text));
            text
        });
        let mut text = Vec::new();
        let _ = out.map(|fd| std::fs::File::from(fd).read_to_end(&mut text));
        let ended = running.wait(Duration::from_secs(60));
        text.extend(errors.join().unwrap_or_default());
        (ended, String::from_utf8_lossy(&text).into_owned())
    }

    pub(crate) fn shell(&mut self, script: &str) -> (Option<Ended>, String) {
        self.run_as(&["/bin/sh", "-c", script], User::Root)
    }

    pub(crate) fn record(&self) -> Vec<Observation> {
        self.watcher.finish();
        self.log.flush().expect("memory takes all");
        let bytes = self.lines.0.lock().expect("not poisoned").clone();
        bytes
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("reads back"))
            .collect()
    }
}

pub(crate) fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}
