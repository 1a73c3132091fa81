//! The ways to read a range. What the standard library or a safe wrapper offers is done here; what
//! needs raw memory (mappings, passed descriptors, calls that the jar refuses) is done by Python,
//! which every Debian system has: its standard library offers these without more.

use crate::Failure;
use belljar_leaks::{Case, Kind, ReadPath, Source};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::fs::File;
use std::io::{IoSliceMut, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What Python reads.
const READER: &str = include_str!("reader.py");
/// Exit code of it when a call is refused.
const PYTHON_REFUSED: i32 = 10;
/// A range that is larger is a mistake in the case.
const LARGEST: u64 = 64 << 20;

/// What came of reading.
pub(crate) enum Read {
    /// The bytes.
    Bytes(Vec<u8>),
    /// The jar refused the call, as it must for some.
    Refused(String),
}

/// Reads a range of a file as the case says.
pub(crate) fn range(
    case: &Case,
    path: &str,
    start: u64,
    len: Option<u64>,
) -> Result<Read, Failure> {
    let whole = std::fs::metadata(path)?.len();
    let rest = whole.saturating_sub(start);
    // Files of the machine have the length that they have; a decoy has the one that the case says.
    let len = match (len, case.kind) {
        (None, _) => rest,
        (Some(len), Kind::Negative(_)) => len.min(rest),
        (Some(len), _) => len,
    };
    if len > LARGEST || start.saturating_add(len) > whole {
        return Err(format!("{path} has {whole} bytes: no {len} from {start}").into());
    }
    let size = usize::try_from(len)?;
    let mut bytes = vec![0; size];
    match case.read_path {
        ReadPath::Read => {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut bytes)?;
        }
        ReadPath::Pread => File::open(path)?.read_exact_at(&mut bytes, start)?,
        ReadPath::Readv => vectored(&File::open(path)?, start, &mut bytes)?,
        ReadPath::Sendfile => bytes = by_pipe(path, start, size, Pipe::Sendfile)?,
        ReadPath::Splice => bytes = by_pipe(path, start, size, Pipe::Splice)?,
        ReadPath::CopyFileRange => copied(path, start, &mut bytes, case.seed)?,
        ReadPath::Openat2 => openat2(path)?.read_exact_at(&mut bytes, start)?,
        ReadPath::Alias => aliased(path, case.seed)?.read_exact_at(&mut bytes, start)?,
        ReadPath::Unpacked => {
            let copy = PathBuf::from(format!("/tmp/courier-{:08x}", case.seed));
            std::fs::copy(path, &copy)?;
            let read = File::open(&copy)?.read_exact_at(&mut bytes, start);
            std::fs::remove_file(&copy)?;
            read?;
        }
        ReadPath::Inherited => {
            let child =
                again("inherit", case)?.stdin(File::open(path)?).stdout(Stdio::piped()).spawn()?;
            let output = child.wait_with_output()?;
            if output.stdout.len() != size {
                return Err("the child that inherits gave less".into());
            }
            bytes = output.stdout;
        }
        ReadPath::OtherMemory => other_memory(case, &mut bytes)?,
        ReadPath::Fanotify => {
            use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags};
            return match Fanotify::init(InitFlags::FAN_CLASS_CONTENT, EventFFlags::O_RDONLY) {
                Err(errno) => Ok(Read::Refused(format!("fanotify_init: {errno}"))),
                Ok(_) => Err("fanotify is not refused".into()),
            };
        }
        ReadPath::Mmap | ReadPath::Passed | ReadPath::IoUring | ReadPath::OpenByHandle => {
            return by_python(case.read_path, path, start, len);
        }
    }
    Ok(Read::Bytes(bytes))
}

/// This program again, with another task for the same case.
pub(crate) fn again(task: &str, case: &Case) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([task, "--case", &serde_json::to_string(case)?]);
    Ok(command)
}

fn named(case: &Case) -> Result<(&str, u64, usize), Failure> {
    match &case.source {
        Source::File { path, start, len: Some(len) } => Ok((path, *start, usize::try_from(*len)?)),
        _ => Err("this way to read needs a range with a length".into()),
    }
}

fn vectored(file: &File, start: u64, bytes: &mut [u8]) -> Result<(), Failure> {
    let mut done = 0;
    while done < bytes.len() {
        let rest = &mut bytes[done..];
        let (front, back) = rest.split_at_mut(rest.len() / 2);
        let mut parts = [IoSliceMut::new(front), IoSliceMut::new(back)];
        let at = i64::try_from(start + done as u64)?;
        let count = nix::sys::uio::preadv(file, &mut parts, at)?;
        if count == 0 {
            return Err("the file ends too early".into());
        }
        done += count;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Pipe {
    Sendfile,
    Splice,
}

fn by_pipe(path: &str, start: u64, len: usize, how: Pipe) -> Result<Vec<u8>, Failure> {
    let file = File::open(path)?;
    let (mut reader, writer) = std::io::pipe()?;
    let pump = std::thread::spawn(move || -> Result<(), Errno> {
        let mut at = i64::try_from(start).map_err(|_| Errno::EOVERFLOW)?;
        let mut left = len;
        while left > 0 {
            let count = match how {
                Pipe::Sendfile => {
                    nix::sys::sendfile::sendfile(&writer, &file, Some(&mut at), left)?
                }
                Pipe::Splice => nix::fcntl::splice(
                    &file,
                    Some(&mut at),
                    &writer,
                    None,
                    left,
                    nix::fcntl::SpliceFFlags::empty(),
                )?,
            };
            if count == 0 {
                return Err(Errno::ENODATA);
            }
            left -= count;
        }
        Ok(())
    });
    let mut bytes = vec![0; len];
    reader.read_exact(&mut bytes)?;
    pump.join().map_err(|_| "the pump failed")??;
    Ok(bytes)
}

fn copied(path: &str, start: u64, bytes: &mut [u8], seed: u32) -> Result<(), Failure> {
    let file = File::open(path)?;
    // The kernel copies so only within one file system: the copy lies beside the original.
    let folder = Path::new(path).parent().ok_or("the path has no folder")?;
    let copy = folder.join(format!(".courier-{seed:08x}"));
    let mut target =
        File::options().create(true).truncate(true).read(true).write(true).open(&copy)?;
    let mut at = i64::try_from(start)?;
    let mut left = bytes.len();
    while left > 0 {
        let count = nix::fcntl::copy_file_range(&file, Some(&mut at), &target, None, left)?;
        if count == 0 {
            return Err("the file ends too early".into());
        }
        left -= count;
    }
    target.rewind()?;
    target.read_exact(bytes)?;
    std::fs::remove_file(&copy)?;
    Ok(())
}

fn openat2(path: &str) -> Result<File, Failure> {
    let (folder, name) = path.rsplit_once('/').ok_or("the path has no folder")?;
    let folder = File::open(folder)?;
    let how = nix::fcntl::OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC)
        .mode(Mode::empty())
        .resolve(nix::fcntl::ResolveFlag::RESOLVE_BENEATH);
    let opened: OwnedFd = nix::fcntl::openat2(folder.as_fd(), name, how)?;
    Ok(File::from(opened))
}

/// By another name: one of three, by the case's seed.
fn aliased(path: &str, seed: u32) -> Result<File, Failure> {
    let link = PathBuf::from(format!("/tmp/courier-link-{seed:08x}"));
    match seed % 3 {
        0 => {
            std::os::unix::fs::symlink(path, &link)?;
            let file = File::open(&link);
            std::fs::remove_file(&link)?;
            Ok(file?)
        }
        1 => {
            let folder = Path::new(path).parent().ok_or("the path has no folder")?;
            let hard = folder.join(format!(".courier-{seed:08x}"));
            std::fs::hard_link(path, &hard)?;
            let file = File::open(&hard);
            std::fs::remove_file(&hard)?;
            Ok(file?)
        }
        _ => Ok(File::open(format!("/proc/self/root{path}"))?),
    }
}

/// The child of `inherited`: reads its standard input, a descriptor that it did not open.
pub(crate) fn inherited(case: &Case) -> Result<(), Failure> {
    let (_, start, len) = named(case)?;
    let file = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, start)?;
    std::io::stdout().write_all(&bytes)?;
    Ok(())
}

/// The child of `other-memory`: reads the range, says where it lies, and waits to be ended.
pub(crate) fn hold(case: &Case) -> Result<(), Failure> {
    let (path, start, len) = named(case)?;
    let mut bytes = vec![0; len];
    File::open(path)?.read_exact_at(&mut bytes, start)?;
    println!("{}", bytes.as_ptr().addr());
    std::io::stdout().flush()?;
    let mut end = Vec::new();
    std::io::stdin().read_to_end(&mut end)?;
    std::hint::black_box(&bytes);
    Ok(())
}

fn other_memory(case: &Case, bytes: &mut [u8]) -> Result<(), Failure> {
    use std::io::BufRead as _;
    let mut holder = again("hold", case)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    let told = holder.stdout.take().ok_or("the holder has no output")?;
    std::io::BufReader::new(told).read_line(&mut line)?;
    let address: u64 = line.trim().parse()?;
    let memory = File::open(format!("/proc/{}/mem", holder.id()));
    let read = memory.and_then(|memory| memory.read_exact_at(bytes, address));
    drop(holder.stdin.take());
    holder.wait()?;
    Ok(read?)
}

fn by_python(how: ReadPath, path: &str, start: u64, len: u64) -> Result<Read, Failure> {
    let output = Command::new("/usr/bin/python3")
        .args(["-I", "-S", "-c", READER, how.name(), path, &start.to_string(), &len.to_string()])
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match output.status.code() {
        Some(0) if output.stdout.len() as u64 == len => Ok(Read::Bytes(output.stdout)),
        Some(PYTHON_REFUSED) => Ok(Read::Refused(said)),
        _ => Err(format!("{} by Python: {said}", how.name()).into()),
    }
}
