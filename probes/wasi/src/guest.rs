//! What a guest's store holds: its doors, its setting, and who acts in it now.

use crate::clock::{CALL, VirtualClock};
use crate::engine::Services;
use crate::http::Exchanges;
use crate::output::Outputs;
use belljar_internet::Internet;
use belljar_record::{Actor, Clock as _, Event, Log, LogFull, Moment, Payloads};
use belljar_world::World;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng as _;
use sha2::{Digest as _, Sha256};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use wasmtime::component::ResourceTable;
use wasmtime::{CallHook, ResourceLimiter, Store, StoreContextMut, WasmBacktrace};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Guest functions that are kept of a back-trace.
const FRAMES: usize = 32;
/// Conversations after which those that have ended are forgotten.
const TASKS: usize = 1024;
/// How long conversations may go on when the guest is gone, on the run's clock.
const LINGER: Duration = Duration::from_secs(120);
/// Longest name of a guest function that is kept, in bytes.
const NAME: usize = 256;

/// The two doors, and where what passes them is recorded. Shared by all guests of a run.
#[derive(Debug, Clone)]
pub struct Doors {
    /// Door in.
    pub world: Arc<World>,
    /// Door out.
    pub internet: Arc<Internet>,
    /// The record; its clock must be `clock`.
    pub log: Log,
    /// Where payloads are kept.
    pub payloads: Payloads,
    /// The run's clock.
    pub clock: Arc<VirtualClock>,
    /// The number of the next conversation.
    pub flows: Arc<AtomicU64>,
}

/// What one guest is started with.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Which instance of the run this is, from 0.
    pub instance: u32,
    /// The exported function that is called.
    pub export: String,
    /// Arguments, the program's name first.
    pub arguments: Vec<String>,
    /// Environment.
    pub environment: Vec<(String, String)>,
    /// Working directory, if it is told one.
    pub directory: Option<String>,
    /// What it can read on standard input.
    pub input: Vec<u8>,
    /// The run's seed.
    pub seed: u64,
    /// The time at the run's moment 0, in seconds since 1970.
    pub now: i64,
    /// User and group of the guest, as the world counts them. Nothing is refused to user 0.
    pub owner: (u32, u32),
    /// Nanoseconds of virtual time after which the guest is ended.
    pub time: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Entries of all tables.
    pub table: u64,
    /// Resources (descriptors, streams, sockets, …) that it may hold at once.
    pub resources: usize,
    /// Bytes of output that are kept.
    pub output: u64,
    /// The vendor's services, for engines.
    pub services: Services,
}

/// Why belljar ended a guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It called `exit`.
    #[error("exit({0})")]
    Exit(u8),
    /// Its time is up, on the run's clock.
    #[error("its time is up")]
    Time,
    /// The record cannot take more.
    #[error("{0}")]
    Record(#[from] LogFull),
}

/// What a guest asked for and did not get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Denied {
    /// Times that a memory was not grown.
    pub memory: u64,
    /// Times that a table was not grown.
    pub table: u64,
}

/// Bounds of memories and tables, of each one by itself.
#[derive(Debug)]
struct Limits {
    memory: u64,
    table: u64,
    denied: Denied,
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired as u64 <= self.memory;
        self.denied.memory += u64::from(!granted);
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired as u64 <= self.table;
        self.denied.table += u64::from(!granted);
        Ok(granted)
    }
}

/// What all parts of one guest share.
#[derive(Debug)]
pub(crate) struct Shared {
    actor: Mutex<Arc<Actor>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Shared {
    /// Who acts now.
    pub(crate) fn actor(&self) -> Arc<Actor> {
        Arc::clone(&lock(&self.actor))
    }

    /// Something that goes on beside the guest and must have ended before the run concludes.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        if tasks.len() >= TASKS {
            tasks.retain(|task| !task.is_finished());
        }
        tasks.push(tokio::spawn(task));
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The data of a guest's store.
pub struct Guest {
    pub(crate) table: ResourceTable,
    pub(crate) doors: Doors,
    pub(crate) setting: Setting,
    pub(crate) shared: Arc<Shared>,
    pub(crate) random: ChaCha8Rng,
    pub(crate) outputs: Outputs,
    pub(crate) input_at: Arc<AtomicU64>,
    pub(crate) exchanges: Exchanges,
    http: WasiHttpCtx,
    limits: Limits,
    deadline: Moment,
    /// Fuel that was left when the clock was last moved on.
    fuel: u64,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest").field("setting", &self.setting).finish_non_exhaustive()
    }
}

/// What is left of a guest when its store is gone: conversations that still come to their end.
#[derive(Debug)]
pub struct Remains {
    shared: Arc<Shared>,
    outputs: Outputs,
}

impl Remains {
    /// Waits until every conversation of the guest has ended, then closes its outputs. The store
    /// must have been dropped.
    pub async fn end(self) {
        loop {
            let tasks = std::mem::take(&mut *lock(&self.shared.tasks));
            if tasks.is_empty() {
                break;
            }
            for mut task in tasks {
                // A task that panicked or is ended here closes its flow as it is dropped.
                if tokio::time::timeout(LINGER, &mut task).await.is_err() {
                    task.abort();
                    let _ = task.await;
                }
            }
        }
        self.outputs.finish();
    }
}

impl Guest {
    /// A guest between the doors.
    pub fn new(doors: Doors, setting: Setting) -> Self {
        let mut seed = Sha256::new();
        seed.update(b"belljar wasm randomness\0");
        seed.update(setting.seed.to_le_bytes());
        seed.update(setting.instance.to_le_bytes());
        let limits =
            Limits { memory: setting.memory, table: setting.table, denied: Denied::default() };
        let mut table = ResourceTable::new();
        table.set_max_capacity(setting.resources);
        let start = Actor::Wasm {
            instance: setting.instance,
            export: setting.export.clone(),
            frames: Vec::new(),
        };
        let shared =
            Arc::new(Shared { actor: Mutex::new(Arc::new(start)), tasks: Mutex::default() });
        let deadline = Moment(doors.clock.now().0.saturating_add(setting.time));
        Self {
            table,
            random: ChaCha8Rng::from_seed(seed.finalize().into()),
            outputs: Outputs::new(doors.clone(), Arc::clone(&shared), setting.output),
            input_at: Arc::default(),
            exchanges: Exchanges::new(doors.clone(), Arc::clone(&shared)),
            http: WasiHttpCtx::new(),
            limits,
            deadline,
            fuel: setting.time,
            doors,
            setting,
            shared,
        }
    }

    /// Sets a store up for its guest: limits, fuel (a unit is a nanosecond of the guest's time),
    /// and the look at who calls.
    ///
    /// # Errors
    /// If the engine counts no fuel.
    pub fn prepare(store: &mut Store<Self>) -> wasmtime::Result<()> {
        let fuel = store.data().setting.time;
        store.set_fuel(fuel)?;
        store.limiter(|guest| &mut guest.limits);
        store.call_hook(hook);
        Ok(())
    }

    /// Before an exported function is called: says in the record which, and for what. Nothing of
    /// the guest is on its stack then.
    ///
    /// # Errors
    /// [`Ended`], if the record cannot take it, or if the guest's time is up.
    pub fn calling(store: &mut Store<Self>, detail: &str) -> wasmtime::Result<()> {
        let left = store.get_fuel()?;
        let guest = store.data_mut();
        guest.spend(left);
        guest.acts(Vec::new());
        let call = guest.setting.export.clone();
        guest.note(&call, detail)?;
        if guest.doors.clock.now() > guest.deadline {
            return Err(Ended::Time.into());
        }
        Ok(())
    }

    /// Moves the clock on by the fuel that was used since it was last moved on, and by a call.
    fn spend(&mut self, left: u64) {
        self.doors.clock.advance(self.fuel.saturating_sub(left).saturating_add(CALL));
        self.fuel = left;
    }

    /// Whoever acts from now on has these functions on its stack.
    fn acts(&mut self, frames: Vec<String>) {
        let Setting { instance, export, .. } = &self.setting;
        let same = match &*self.shared.actor() {
            Actor::Wasm { frames: known, .. } => *known == frames,
            _ => false,
        };
        if !same {
            let actor = Actor::Wasm { instance: *instance, export: export.clone(), frames };
            *lock(&self.shared.actor) = Arc::new(actor);
        }
    }

    /// What it asked for and did not get so far.
    pub fn denied(&self) -> Denied {
        self.limits.denied
    }

    /// What must be waited for when the store is gone.
    pub fn remains(&self) -> Remains {
        Remains { shared: Arc::clone(&self.shared), outputs: self.outputs.clone() }
    }

    /// Lines that the guest printed, taken out; see [`Outputs`].
    pub fn outputs(&self) -> Outputs {
        self.outputs.clone()
    }

    /// Puts a call of an import into the record.
    pub(crate) fn note(&self, call: &str, detail: impl Into<String>) -> Result<(), Ended> {
        note(&self.doors, &self.shared, call, detail)
    }
}

pub(crate) fn note(
    doors: &Doors,
    shared: &Shared,
    call: &str,
    detail: impl Into<String>,
) -> Result<(), Ended> {
    let event = Event::Import { call: call.to_owned(), detail: detail.into() };
    doors.log.append(Actor::clone(&shared.actor()), event)?;
    Ok(())
}

/// At each step from the guest to belljar: who calls, and how late it is.
fn hook(mut store: StoreContextMut<'_, Guest>, hook: CallHook) -> wasmtime::Result<()> {
    if !matches!(hook, CallHook::CallingHost) {
        return Ok(());
    }
    let trace = WasmBacktrace::force_capture(&store);
    let frames: Vec<String> = trace
        .frames()
        .iter()
        .filter(|frame| !frame.module().name().is_some_and(glue))
        .take(FRAMES)
        .map(|frame| match frame.func_name() {
            Some(name) => short(name),
            None => format!("func[{}]", frame.func_index()),
        })
        .collect();
    let left = store.get_fuel()?;
    let guest = store.data_mut();
    guest.spend(left);
    guest.acts(frames);
    if guest.doors.clock.now() > guest.deadline {
        return Err(Ended::Time.into());
    }
    Ok(())
}

/// Modules that stand between a preview-1 module and its host; not the guest's own code.
fn glue(module: &str) -> bool {
    module.starts_with("wit-component:")
}

fn short(name: &str) -> String {
    let mut end = name.len().min(NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.exchanges, table: &mut self.table, ctx: &mut self.http }
    }
}
