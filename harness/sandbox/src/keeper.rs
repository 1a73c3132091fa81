//! The thread to which the supervisor's life is tied.
//!
//! Linux sends the signal for a parent's death when the *thread* that made the child ends. So one
//! thread makes it, and does nothing else until the jar is gone.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::JarError;
use crate::supervisor::SUPERVISOR_ARGUMENT;

const GRACE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Keeper {
    pid: u32,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the supervisor with this socket as its standard input.
    pub(crate) fn start(socket: OwnedFd) -> Result<Self, JarError> {
        let (tell, told) = channel();
        let (stop, stopped) = channel::<()>();
        let thread = std::thread::Builder::new()
            .name("keeper".into())
            .spawn(move || {
                let started = Command::new("/proc/self/exe")
                    .arg(SUPERVISOR_ARGUMENT)
                    .env_clear()
                    .current_dir("/")
                    .stdin(Stdio::from(socket))
                    .stdout(Stdio::null())
                    .spawn();
                let child = match started {
                    Ok(child) => child,
                    Err(error) => {
                        let _ = tell.send(Err(error));
                        return;
                    }
                };
                let _ = tell.send(Ok(child.id()));
                // Returns when the jar drops its end.
                let _ = stopped.recv();
                end(child);
            })
            .map_err(|error| JarError::Supervisor(error.to_string()))?;
        let pid = told
            .recv()
            .map_err(|error| JarError::Supervisor(error.to_string()))?
            .map_err(|error| JarError::Supervisor(error.to_string()))?;
        Ok(Self { pid, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn end(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end();
    }
}

/// The supervisor ends by itself when its socket closes; it is not trusted to.
fn end(mut child: Child) {
    let until = Instant::now() + GRACE;
    while Instant::now() < until {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    let _ = child.wait();
}
