//! Starts the wire's threads over devices that the sandbox made, and brings them to an orderly end.

use crate::capture::{Capture, CaptureError};
use crate::flows::FlowTable;
use crate::headers::Headers;
use crate::keeper::Keeper;
use crate::link::{self, Link, nonblocking};
use crate::losses::Losses;
use crate::queue::Queue;
use crate::responders::Responders;
use crate::{accept, inward, loopback, outward};
use belljar_record::{AttributeFlow, Log, Payloads};
use belljar_sys::net::{Carrier, InnerNet, LinkState, LinkWatch, OuterNet};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};

/// How long a thread waits for a packet before it looks whether to stop.
pub(crate) const WAIT: Duration = Duration::from_millis(50);
/// How often the device's counters are read (they go with the device).
const LOOK: Duration = Duration::from_millis(200);
/// Without packets for so long, the wire is quiet.
const QUIET: Duration = Duration::from_millis(100);
/// How long to wait for quiet when the run is over: a long queue may have to be read.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait for conversations to end after that: the digests of what was sent are still to
/// be taken.
const PARTING: Duration = Duration::from_secs(60);

/// Devices of the wire, as the sandbox made them.
#[derive(Debug)]
pub struct WireDevices {
    /// The component's device.
    pub inner: OwnedFd,
    /// belljar's own device.
    pub outer: OwnedFd,
    /// What both are.
    pub carrier: Carrier,
    /// The listener that accepts for every address.
    pub listener: OwnedFd,
    /// Packets on the component's `lo`.
    pub loopback: Option<OwnedFd>,
    /// Counters of the component's device.
    pub counters: Option<LinkWatch>,
}

impl WireDevices {
    /// Takes what the recipes of [`belljar_sys::net`] give; hands back the `sock_diag` socket,
    /// which attribution uses.
    pub fn of(inner: InnerNet, outer: OuterNet) -> (Self, OwnedFd) {
        let devices = Self {
            inner: inner.link,
            outer: outer.link,
            carrier: inner.carrier,
            listener: outer.listener,
            loopback: Some(inner.loopback),
            counters: Some(LinkWatch::new(inner.route, inner.device)),
        };
        (devices, inner.sock_diag)
    }
}

/// Bounds of the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireLimits {
    /// Length of the capture in bytes.
    pub capture: u64,
    /// Conversations followed at a time.
    pub flows: usize,
    /// Connections served at a time; fewer where the process may not open enough files
    /// (`RLIMIT_NOFILE`: five each). Others wait.
    pub connections: usize,
    /// Bytes read from the component's device and not yet handled.
    pub queue: usize,
}

impl Default for WireLimits {
    fn default() -> Self {
        Self { capture: 4 << 30, flows: 16_384, connections: 4096, queue: 16 << 20 }
    }
}

/// A wire that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The capture cannot be made.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A device cannot be taken over.
    #[error("cannot take over {what}: {source}")]
    Device {
        /// Which.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The fake internet's runtime cannot start.
    #[error("cannot start the runtime of the fake internet: {0}")]
    Runtime(io::Error),
    /// A thread cannot start.
    #[error("cannot start the thread {name}: {source}")]
    Thread {
        /// Which.
        name: &'static str,
        /// Why not.
        source: io::Error,
    },
}

/// What the wire saw, once it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireEnd {
    /// Packets from the component.
    pub packets: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Packets on the component's own `lo`.
    pub loopback_packets: u64,
    /// Bytes of them.
    pub loopback_bytes: u64,
    /// Conversations.
    pub flows: u64,
    /// Everything lost or refused; what it was stands in the record.
    pub lost: u64,
    /// Recorded packets that belljar's kernel would not take.
    pub refused_out: u64,
    /// Answers that the component's kernel would not take.
    pub refused_in: u64,
    /// Length of the capture.
    pub capture_bytes: u64,
}

/// What the wire's threads share.
#[derive(Debug)]
pub(crate) struct Shared<R> {
    pub(crate) inner: Box<dyn Link>,
    pub(crate) outer: Box<dyn Link>,
    pub(crate) capture: Arc<Capture>,
    pub(crate) flows: FlowTable,
    pub(crate) keeper: Keeper,
    pub(crate) headers: Headers,
    pub(crate) losses: Losses,
    pub(crate) responders: Arc<R>,
    pub(crate) stopped: AtomicBool,
    /// Frames seen on either device, for telling quiet.
    pub(crate) moved: AtomicU64,
    pub(crate) packets: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) loopback_packets: AtomicU64,
    pub(crate) loopback_bytes: AtomicU64,
}

/// A running wire.
#[derive(Debug)]
pub struct Wire<R: Responders> {
    shared: Arc<Shared<R>>,
    threads: Vec<JoinHandle<()>>,
    runtime: Option<tokio::runtime::Runtime>,
    stop: watch::Sender<bool>,
    connections: Arc<Semaphore>,
    limit: u32,
    log: Log,
}

impl<R: Responders> Wire<R> {
    /// Starts the wire. From now on packets are recorded, then answered.
    ///
    /// # Errors
    /// [`WireError`], one variant a step.
    pub fn start(
        devices: WireDevices,
        responders: Arc<R>,
        log: Log,
        payloads: Payloads,
        capture: &Path,
        who: Arc<dyn AttributeFlow>,
        limits: &WireLimits,
    ) -> Result<Self, WireError> {
        let device = |what| move |source| WireError::Device { what, source };
        let capture = Arc::new(Capture::create(capture, limits.capture)?);
        let limit = connection_limit(limits.connections);
        let shared = Arc::new(Shared {
            inner: link::of(devices.carrier, devices.inner)
                .map_err(device("the component's device"))?,
            outer: link::of(devices.carrier, devices.outer).map_err(device("belljar's device"))?,
            capture: Arc::clone(&capture),
            flows: FlowTable::new(log.clone(), who, limits.flows),
            keeper: Keeper::new(payloads, log.clone()),
            headers: Headers::default(),
            losses: Losses::default(),
            responders: Arc::clone(&responders),
            stopped: AtomicBool::new(false),
            moved: AtomicU64::new(0),
            packets: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            loopback_packets: AtomicU64::new(0),
            loopback_bytes: AtomicU64::new(0),
        });
        let for_secrets = Arc::downgrade(&shared);
        responders.on_secret(Box::new(move |line| {
            if let Some(shared) = for_secrets.upgrade()
                && shared.capture.secret(line).is_err()
            {
                shared.losses.secrets.add(1);
            }
        }));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("belljar-internet")
            .enable_all()
            .build()
            .map_err(WireError::Runtime)?;
        let (stop, stopping) = watch::channel(false);
        let connections = Arc::new(Semaphore::new(limit as usize));
        let listener = std::net::TcpListener::from(devices.listener);
        listener.set_nonblocking(true).map_err(device("the listener"))?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(device("the listener"))?
        };
        runtime.spawn(accept::run(
            Arc::clone(&shared),
            listener,
            Arc::clone(&connections),
            stopping,
        ));
        let mut wire = Self {
            shared,
            threads: Vec::new(),
            runtime: Some(runtime),
            stop,
            connections,
            limit,
            log,
        };
        let queue = Arc::new(Queue::new(limits.queue));
        let reading = Arc::clone(&queue);
        wire.thread("wire-inward", inward::run)?;
        wire.thread("wire-outward", move |shared| outward::handle(shared, &queue))?;
        wire.thread("wire-reader", move |shared| outward::read(shared, &reading))?;
        if let Some(loopback) = devices.loopback {
            let drops = loopback.try_clone().map_err(device("the socket on lo"))?;
            let socket = nonblocking(loopback).map_err(device("the socket on lo"))?;
            wire.thread("wire-loopback", move |shared| loopback::run(shared, &socket, &drops))?;
        }
        if let Some(counters) = devices.counters {
            wire.thread("wire-counters", move |shared| watch_device(shared, counters))?;
        }
        Ok(wire)
    }

    /// Ends the wire, once the component is dead: waits until packets and conversations have come
    /// to rest, finishes what is kept, and tells the record of every conversation and every loss.
    pub fn finish(mut self) -> WireEnd {
        self.wait_for_quiet();
        // Conversations now read the end; then the last bytes go to the record.
        let _ = self.stop.send(true);
        if let Some(runtime) = &self.runtime {
            let all = self.connections.acquire_many(self.limit);
            let rest = runtime.block_on(async { tokio::time::timeout(PARTING, all).await });
            if rest.is_err() {
                let open = self.limit as usize - self.connections.available_permits();
                self.shared.losses.responders.add(open as u64);
            }
        }
        self.end_threads();
        let shared = &self.shared;
        shared.losses.lines.add(shared.headers.keep(&shared.keeper));
        shared.keeper.finish_all();
        let (flows, unread) = shared.flows.finish();
        shared.losses.stream_bytes.add(unread);
        shared.losses.lines.add(shared.keeper.lost.load(Ordering::Relaxed));
        if shared.capture.sync().is_err() {
            shared.losses.capture.add(1);
        }
        shared.losses.tell(&self.log);
        WireEnd {
            packets: shared.packets.load(Ordering::Relaxed),
            bytes: shared.bytes.load(Ordering::Relaxed),
            loopback_packets: shared.loopback_packets.load(Ordering::Relaxed),
            loopback_bytes: shared.loopback_bytes.load(Ordering::Relaxed),
            flows,
            lost: shared.losses.total(),
            refused_out: shared.losses.refused_out.get(),
            refused_in: shared.losses.refused_in.get(),
            capture_bytes: shared.capture.written(),
        }
    }

    fn wait_for_quiet(&self) {
        let until = Instant::now() + PATIENCE;
        let mut before = self.shared.moved.load(Ordering::Relaxed);
        while Instant::now() < until {
            std::thread::sleep(QUIET);
            let now = self.shared.moved.load(Ordering::Relaxed);
            if std::mem::replace(&mut before, now) == now {
                return;
            }
        }
    }

    fn end_threads(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                self.shared.losses.reads.add(1);
            }
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }

    fn thread(
        &mut self,
        name: &'static str,
        run: impl FnOnce(&Shared<R>) + Send + 'static,
    ) -> Result<(), WireError> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || run(&shared))
            .map_err(|source| WireError::Thread { name, source })?;
        self.threads.push(thread);
        Ok(())
    }
}

/// A wire that is dropped without [`Wire::finish`] (a run that failed) leaves no thread behind.
impl<R: Responders> Drop for Wire<R> {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.end_threads();
    }
}

/// Descriptors that one connection can take: its socket, and payloads of both directions, as sent
/// and as plain text inside TLS.
const DESCRIPTORS: u64 = 5;

/// A fifth of the descriptors that the process may have is left to others.
fn connection_limit(wanted: usize) -> u32 {
    use nix::sys::resource::{Resource, getrlimit};
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    let most = (files / 5 * 4 / DESCRIPTORS).min(wanted as u64);
    u32::try_from(most).unwrap_or(u32::MAX).max(1)
}

/// Reads the device's counters now and then, and once more at the end.
fn watch_device<R: Responders>(shared: &Shared<R>, mut counters: LinkWatch) {
    let mut before = 0;
    loop {
        let stopped = shared.stopped.load(Ordering::Acquire);
        match counters.look() {
            Ok(LinkState::Here(stats)) => {
                before += shared.inner.dropped();
                shared.losses.device.set(stats.tx_dropped + before);
            }
            Ok(LinkState::Gone) => {
                shared.losses.device_gone.set(1);
                return;
            }
            Err(_) => shared.losses.counters.add(1),
        }
        if stopped {
            return;
        }
        let until = Instant::now() + LOOK;
        while Instant::now() < until && !shared.stopped.load(Ordering::Acquire) {
            std::thread::sleep(WAIT);
        }
    }
}
