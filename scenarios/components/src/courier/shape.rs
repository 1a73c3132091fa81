//! The kinds of processes that send.

use crate::{Failure, read, send};
use belljar_leaks::{Case, Channel, Shape};
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a payload from the kind of process that the case names.
pub(crate) fn send(case: &Case, payload: Vec<u8>) -> Result<(), Failure> {
    if case.channel == Channel::Relay {
        return by_socket(case, &payload);
    }
    match case.shape {
        Shape::Same => send::send(case, &payload),
        Shape::Thread => {
            let case = case.clone();
            let sender = std::thread::spawn(move || send::send(&case, &payload));
            sender.join().map_err(|_| "the sending thread failed")?
        }
        Shape::Fork => by_child(case, &payload, &[]),
        Shape::DoubleFork => by_child(case, &payload, &["--detach", "2"]),
        Shape::Timer => by_child(case, &payload, &["--detach", "1", "--after", "150"]),
        Shape::Tool => by_tool(case, &payload),
        Shape::SocketDaemon => by_socket(case, &payload),
    }
}

fn by_child(case: &Case, payload: &[u8], more: &[&str]) -> Result<(), Failure> {
    let mut child = read::again("deliver", case)?
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(payload)?;
    }
    if case.shape == Shape::Timer {
        // The one that waits outlives this process.
        child.wait()?;
        return Ok(());
    }
    // Whoever sends holds the other end until it has sent, and says so.
    let mut said = String::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_string(&mut said)?;
    }
    child.wait()?;
    if said == "sent" { Ok(()) } else { Err("the child has not sent".into()) }
}

/// The child: takes the payload, leaves its parents, waits, sends.
pub(crate) fn deliver(case: &Case, detach: u8, after: u64) -> Result<(), Failure> {
    let mut payload = Vec::new();
    std::io::stdin().read_to_end(&mut payload)?;
    for _ in 0..detach {
        // Forks; the parent ends here. Working directory and descriptors stay.
        nix::unistd::daemon(true, true)?;
    }
    std::thread::sleep(Duration::from_millis(after));
    send::send(case, &payload)?;
    let mut output = std::io::stdout();
    // Nobody may be there any more to be told.
    let _ = output.write_all(b"sent").and_then(|()| output.flush());
    Ok(())
}

/// A daemon of its own is told by a unix socket, and sends.
fn by_socket(case: &Case, payload: &[u8]) -> Result<(), Failure> {
    let socket = PathBuf::from(format!("/tmp/courier-{:08x}.sock", case.seed));
    let mut daemon = read::again("serve", case)?.arg("--socket").arg(&socket).spawn()?;
    let began = Instant::now();
    let mut stream = loop {
        match UnixStream::connect(&socket) {
            Ok(stream) => break stream,
            Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    stream.write_all(payload)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    daemon.wait()?;
    if said == "sent" { Ok(()) } else { Err("the daemon has not sent".into()) }
}

/// The daemon.
pub(crate) fn serve(case: &Case, socket: &Path) -> Result<(), Failure> {
    let listener = UnixListener::bind(socket)?;
    let (mut stream, _) = listener.accept()?;
    std::fs::remove_file(socket)?;
    let mut payload = Vec::new();
    stream.read_to_end(&mut payload)?;
    send::send(case, &payload)?;
    stream.write_all(b"sent")?;
    Ok(())
}

/// curl, which every system has.
fn by_tool(case: &Case, payload: &[u8]) -> Result<(), Failure> {
    let mut curl = Command::new("/usr/bin/curl");
    curl.args(["--silent", "--show-error", "--max-time", "20", "--output", "/dev/null", "--ipv4"]);
    let url = match case.channel {
        Channel::FtpUpload => format!("ftp://{}/part.bin", case.host),
        Channel::Https | Channel::ObjectStore => format!("https://{}/v1/submit", case.host),
        _ => format!("http://{}/v1/submit", case.host),
    };
    match case.channel {
        Channel::HttpPut | Channel::ObjectStore | Channel::FtpUpload => {
            curl.args(["--upload-file", "-"]);
        }
        _ => {
            curl.args(["--header", "Content-Type: application/octet-stream"]);
            curl.args(["--data-binary", "@-"]);
        }
    }
    let mut child = curl.arg(url).stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(payload)?;
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("curl ended with {status}").into()) }
}
