//! Mounts a small world at a place and serves it until it is unmounted: for tests and measurements
//! of the door alone. To be run in user and mount namespaces of its own:
//!
//! ```text
//! unshare -Urm serve MOUNTPOINT RECORD [files=N] [size=BYTES] [write=BYTES] [record=BYTES] [own=1] [who=0]
//! ```
//!
//! Prints `ready` once it is served, and the door's and the world's counts at the end. Cannot see
//! more of a requester than /proc shows at that moment.
#![forbid(unsafe_code)]

use belljar_fuse::{FuseDoor, mount_options};
use belljar_record::{
    Actor, ByteString, DecoyId, DecoySource, Identify, Log, NativeActor, ProcessKey, SteadyClock,
};
use belljar_world::{Meta, WorldBuilder, WorldLimits};
use nix::mount::{MsFlags, mount};
use std::collections::HashMap;
use std::error::Error;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes that depend on file and place, so that every answer can be checked.
#[derive(Debug)]
struct Pattern {
    seed: u64,
    len: u64,
}

impl DecoySource for Pattern {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let there = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = buf.len().min(there);
        for (at, byte) in (offset..).zip(&mut buf[..count]) {
            *byte =
                (at.wrapping_mul(31).wrapping_add(at >> 8).wrapping_add(self.seed) & 0xFF) as u8;
        }
        count
    }
}

/// Asks /proc for the executable each time; which process a thread belongs to is asked once.
#[derive(Debug, Default)]
struct FromProc {
    processes: Mutex<HashMap<u32, u32>>,
}

impl Identify for FromProc {
    fn identify(&self, tid: u32) -> Actor {
        let Ok(executable) = std::fs::read_link(format!("/proc/{tid}/exe")) else {
            return Actor::unknown("no such thread");
        };
        let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = *processes.entry(tid).or_insert_with(|| {
            let status = std::fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
            let pid = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
            pid.and_then(|pid| pid.trim().parse().ok()).unwrap_or(tid)
        });
        Actor::Native(NativeActor {
            process: ProcessKey { pid, start: 0 },
            thread: tid,
            executable: ByteString(executable.into_os_string().into_vec()),
        })
    }
}

/// Names nobody, to measure what naming costs.
#[derive(Debug)]
struct Nobody;

impl Identify for Nobody {
    fn identify(&self, _: u32) -> Actor {
        Actor::unknown("not asked")
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let place = arguments.next().ok_or("MOUNTPOINT is missing")?;
    let record = arguments.next().ok_or("RECORD is missing")?;
    let mut settings = HashMap::new();
    for argument in arguments {
        let argument = argument.into_string().map_err(|_| "a setting is not text")?;
        let (name, value) = argument.split_once('=').ok_or("a setting is NAME=NUMBER")?;
        settings.insert(name.to_owned(), value.parse::<u64>()?);
    }
    let setting = |name: &str, usual: u64| settings.get(name).copied().unwrap_or(usual);

    let out = std::io::BufWriter::new(std::fs::File::create(record)?);
    let log = Log::new(out, setting("record", 4 << 30), Arc::new(SteadyClock::start()));
    let limits = WorldLimits { write_bytes: setting("write", 64 << 20), ..WorldLimits::default() };
    let meta = Meta { mode: 0o644, uid: 0, gid: 0, mtime_s: 1_700_000_000 };
    let directory = Meta { mode: 0o755, ..meta };
    let mut builder =
        WorldBuilder::new(limits).starting_at(1_750_000_000).directory("/", directory);
    for file in 0..setting("files", 10) {
        let source = Arc::new(Pattern { seed: file, len: setting("size", 8192) });
        let decoy = Some(DecoyId(u32::try_from(file)?));
        builder = builder.file(format!("/home/d{}/f{file}", file / 100), meta, source, decoy);
    }
    builder = builder.symlink("/home/link", "d0/f0", meta);
    let world = builder.build(log.clone())?;

    let device: OwnedFd =
        std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse")?.into();
    let options = mount_options(device.as_raw_fd(), 0, 0);
    mount(
        Some("world"),
        &*place,
        Some("fuse"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        Some(&*options),
    )?;
    let who: Arc<dyn Identify> = match setting("who", 1) {
        0 => Arc::new(Nobody),
        _ => Arc::new(FromProc::default()),
    };
    let door = FuseDoor::serve(device, Arc::clone(&world), who)?;
    println!("ready");
    if setting("own", 0) == 1 {
        // Two changes of belljar's own: a marker file asks for them, so that a test can time them.
        let asked = std::path::PathBuf::from(&place).with_extension("own");
        while !asked.exists() && !door.is_closed() {
            std::thread::sleep(Duration::from_millis(2));
        }
        let dropped = Arc::new(Pattern { seed: 99, len: 100 });
        world.put(b"/home/dropped/new", meta, dropped, Some(DecoyId(99)))?;
        world.append(b"/home/d0/f1", b"appended")?;
        std::fs::remove_file(&asked)?;
    }
    while !door.is_closed() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let memory = std::fs::read_to_string("/proc/self/status")?;
    let memory = memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    println!("{memory}");
    println!("{:?}", door.stop(Duration::from_secs(1)));
    println!("{:?}", world.stats());
    for change in world.changes() {
        println!("{change:?}");
    }
    log.flush()?;
    Ok(())
}
