//! Serving a world on an opened `/dev/fuse`, and ending it.

use crate::filesystem::WorldFilesystem;
use crate::forgetting::Forgetting;
use belljar_record::Identify;
use belljar_world::World;
use fuser::{Config, Session, SessionACL};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Threads that answer. A second one made a scan of 20,000 files slower on two processors (1.3 s
/// became 1.8 s): both wake for each request.
const THREADS: usize = 1;

/// A door that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum FuseError {
    /// The kernel did not begin the conversation: nothing is mounted with this device, or it speaks
    /// another version.
    #[error("the kernel did not greet on /dev/fuse: {0}")]
    Greeting(std::io::Error),
    /// No thread could be started.
    #[error("cannot start a thread that serves the world: {0}")]
    Thread(std::io::Error),
}

/// What the door counted beside the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorEnd {
    /// Whether the kernel had closed the device; if not, something still holds the mount, and the
    /// door's threads live on until it lets go.
    pub closed: bool,
    /// Requests whose handling panicked; each was answered with EIO and is a loss.
    pub panics: u64,
    /// Times that pages or names were taken out of the kernel's cache.
    pub forgotten: u64,
    /// Times that this failed: a page read again from the cache may then have been missed.
    pub not_forgotten: u64,
    /// Why the conversation with the kernel ended early, if it did.
    pub error: Option<String>,
}

/// A world that is being served.
#[derive(Debug)]
pub struct FuseDoor {
    serving: Option<JoinHandle<std::io::Result<()>>>,
    forgetter: Option<JoinHandle<()>>,
    forgetting: Arc<Forgetting>,
    panics: Arc<AtomicU64>,
}

impl FuseDoor {
    /// Serves `world` on `device`: an opened `/dev/fuse` with which something is mounted already
    /// (see [`crate::mount_options`]). Returns when the kernel has greeted.
    ///
    /// # Errors
    /// [`FuseError`].
    pub fn serve(
        device: OwnedFd,
        world: Arc<World>,
        who: Arc<dyn Identify>,
    ) -> Result<Self, FuseError> {
        let forgetting = Arc::new(Forgetting::default());
        let panics = Arc::new(AtomicU64::new(0));
        let filesystem = WorldFilesystem::new(
            Arc::clone(&world),
            who,
            Arc::clone(&forgetting),
            Arc::clone(&panics),
        );
        let mut config = Config::default();
        config.acl = SessionACL::All;
        config.n_threads = Some(THREADS);
        let session = Session::from_fd(filesystem, device, SessionACL::All, config)
            .map_err(FuseError::Greeting)?;
        let forgetter =
            Arc::clone(&forgetting).start(session.notifier()).map_err(FuseError::Thread)?;
        let listener = Arc::clone(&forgetting);
        world.on_own_change(move |stale| listener.stale(stale));
        let serving = std::thread::Builder::new()
            .name("world-serves".into())
            .spawn(move || session.run())
            .map_err(FuseError::Thread)?;
        Ok(Self { serving: Some(serving), forgetter: Some(forgetter), forgetting, panics })
    }

    /// Ends the door. The mount must be gone by now (the jar's processes ended, or unmounted): then
    /// the kernel closes the device and the threads end; waits for that at most `patience`.
    pub fn stop(mut self, patience: Duration) -> DoorEnd {
        let until = Instant::now() + patience;
        let mut error = None;
        let mut closed = false;
        if let Some(serving) = self.serving.take() {
            while !serving.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(1));
            }
            closed = serving.is_finished();
            if closed {
                error = match serving.join() {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(error.to_string()),
                    Err(_) => Some("a thread of the door panicked".into()),
                };
            }
        }
        self.end_forgetting();
        let (forgotten, not_forgotten) = self.forgetting.counts();
        let panics = self.panics.load(Ordering::Relaxed);
        DoorEnd { closed, panics, forgotten, not_forgotten, error }
    }

    fn end_forgetting(&mut self) {
        self.forgetting.end();
        if let Some(forgetter) = self.forgetter.take() {
            // It ends by itself; a panic in it shows as pages not forgotten.
            let _ = forgetter.join();
        }
    }

    /// Whether the kernel has closed the device.
    pub fn is_closed(&self) -> bool {
        self.serving.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

/// A door that is dropped without [`FuseDoor::stop`] leaves its answering threads to end with the
/// mount.
impl Drop for FuseDoor {
    fn drop(&mut self) {
        self.forgetting.end();
    }
}
