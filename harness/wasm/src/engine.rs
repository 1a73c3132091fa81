//! The engine: how code is compiled, kept and bounded, the same for every run.

use crate::adapt::made;
use crate::module::{LoadError, Role, offered};
use belljar_record::Sha256Hex;
use belljar_wasi::{Guest, LINKED, ScannerPre, link, link_engine};
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
};
use wasmtime_wasi::p2::bindings::CommandPre;

/// Largest memory that a pooled guest can have: all that a 32-bit guest can address.
const LARGEST_MEMORY: usize = 4 << 30;
/// Guests that can be there at once.
const AT_ONCE: u32 = 16;
/// Stack of a guest, in bytes.
const STACK: usize = 1 << 20;
/// Length of a tick of the host's clock, the last resort against guests that do not end.
pub(crate) const TICK: Duration = Duration::from_millis(250);
/// Programs that stay compiled in memory.
const KEPT: usize = 64;

/// An engine that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The folder for compiled code cannot be used.
    #[error("cannot use {folder} for compiled code: {detail}")]
    Cache {
        /// Which.
        folder: PathBuf,
        /// Why not.
        detail: String,
    },
    /// The host refuses what the engine needs.
    #[error("cannot make a WebAssembly engine: {0}")]
    Engine(String),
}

/// How an engine is made.
#[derive(Debug, Clone, Default)]
pub struct JarSettings {
    /// Where compiled code is kept between runs, by its hash; nowhere if left out.
    pub cache: Option<PathBuf>,
}

impl JarSettings {
    /// Compiled code is kept in the user's own cache folder, if there is one that can be written.
    pub fn of_the_user() -> Self {
        let own =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let cache = own("XDG_CACHE_HOME").or_else(|| own("HOME").map(|home| home.join(".cache")));
        let cache = cache.map(|folder| folder.join("belljar/wasm"));
        Self { cache: cache.filter(|folder| std::fs::create_dir_all(folder).is_ok()) }
    }
}

/// A jar for WebAssembly: an engine, what guests can import, and what is compiled already. Shared
/// by all runs of a process.
pub struct WasmJar {
    engine: Engine,
    commands: Linker<Guest>,
    engines: Linker<Guest>,
    compiled: Mutex<HashMap<(Role, Sha256Hex), Compiled>>,
    cache: Option<Cache>,
}

/// What a pool of instances holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pooled {
    /// Instances that run.
    pub instances: u64,
    /// Memories in use.
    pub memories: usize,
    /// Memories that an ended guest left, for the next one.
    pub ready: u32,
}

/// What is compiled already.
#[derive(Clone)]
enum Compiled {
    Program(Program),
    Library(Library),
}

impl std::fmt::Debug for WasmJar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasmJar").finish_non_exhaustive()
    }
}

/// A program that is ready to be started.
#[derive(Clone)]
pub struct Program {
    pub(crate) command: Arc<CommandPre<Guest>>,
    pub(crate) engine: Engine,
    /// SHA-256 of the program as it was given.
    pub sha256: Sha256Hex,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// A scanning engine that is ready to be called.
#[derive(Clone)]
pub struct Library {
    pub(crate) scanner: Arc<ScannerPre<Guest>>,
    pub(crate) engine: Engine,
    /// SHA-256 of the engine as it was given.
    pub sha256: Sha256Hex,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

fn config(cache: Option<&Cache>) -> Config {
    let mut config = Config::new();
    // Equal runs: no float differs by its NaN, no time but the guest's own, no other threads.
    config
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(true)
        .relaxed_simd_deterministic(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .async_stack_size(STACK + (1 << 20))
        .wasm_backtrace_max_frames(NonZeroUsize::new(64))
        .cache(cache.cloned());
    config
}

fn pooling() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(AT_ONCE)
        .total_core_instances(AT_ONCE * 16)
        .total_memories(AT_ONCE)
        .total_tables(AT_ONCE * 8)
        .total_stacks(AT_ONCE)
        .table_elements(100_000)
        .max_memory_size(LARGEST_MEMORY)
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(64 << 10);
    pool
}

impl WasmJar {
    /// Makes the engine. Instances are pooled where the host has room for it.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn new(settings: &JarSettings) -> Result<Self, EngineError> {
        let cache = settings.cache.as_deref().map(open_cache).transpose()?;
        let mut pooled = config(cache.as_ref());
        pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling()));
        let engine = match Engine::new(&pooled) {
            Ok(engine) => engine,
            // A host with little address space: slower, but the same.
            Err(_) => Engine::new(&config(cache.as_ref()))
                .map_err(|error| EngineError::Engine(format!("{error:#}")))?,
        };
        let failed = |error: wasmtime::Error| EngineError::Engine(format!("{error:#}"));
        let (mut commands, mut engines) = (Linker::new(&engine), Linker::new(&engine));
        for linker in [&mut commands, &mut engines] {
            link(linker).map_err(failed)?;
        }
        link_engine(&mut engines).map_err(failed)?;
        tick(&engine);
        Ok(Self { engine, commands, engines, compiled: Mutex::default(), cache })
    }

    /// Loads a program: a preview-1 command or a WASI 0.2 command component.
    ///
    /// # Errors
    /// [`LoadError`], with the import that stands in the way.
    pub fn load(&self, bytes: &[u8]) -> Result<Program, LoadError> {
        let sha256 = Sha256Hex::of(bytes);
        if let Some(Compiled::Program(known)) = self.known(Role::Command, &sha256) {
            return Ok(known);
        }
        let command = self
            .commands
            .instantiate_pre(&self.compile(bytes, Role::Command)?)
            .and_then(CommandPre::new)
            .map_err(|error| LoadError::Link(format!("{error:#}")))?;
        let program = Program {
            command: Arc::new(command),
            engine: self.engine.clone(),
            sha256: sha256.clone(),
        };
        self.learn(Role::Command, sha256, Compiled::Program(program.clone()));
        Ok(program)
    }

    /// Loads a scanning engine: a module or a component of `belljar:engine`.
    ///
    /// # Errors
    /// [`LoadError`], with the import that stands in the way.
    pub fn load_engine(&self, bytes: &[u8]) -> Result<Library, LoadError> {
        let sha256 = Sha256Hex::of(bytes);
        if let Some(Compiled::Library(known)) = self.known(Role::Engine, &sha256) {
            return Ok(known);
        }
        let scanner = self
            .engines
            .instantiate_pre(&self.compile(bytes, Role::Engine)?)
            .and_then(ScannerPre::new)
            .map_err(|error| LoadError::Link(format!("{error:#}")))?;
        let library = Library {
            scanner: Arc::new(scanner),
            engine: self.engine.clone(),
            sha256: sha256.clone(),
        };
        self.learn(Role::Engine, sha256, Compiled::Library(library.clone()));
        Ok(library)
    }

    fn compile(&self, bytes: &[u8], role: Role) -> Result<Component, LoadError> {
        let component = Component::from_binary(&self.engine, &made(bytes, role)?)
            .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        for (name, _) in component.component_type().imports(&self.engine) {
            offered(name, &format!("import {name}"), role)?;
        }
        Ok(component)
    }

    fn known(&self, role: Role, sha256: &Sha256Hex) -> Option<Compiled> {
        let known = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(role, sha256.clone())).cloned()
    }

    fn learn(&self, role: Role, sha256: Sha256Hex, compiled: Compiled) {
        let mut known = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert((role, sha256), compiled);
    }

    /// How often compiled code was found in the folder, and how often not.
    pub fn cache_use(&self) -> (usize, usize) {
        self.cache.as_ref().map_or((0, 0), |cache| (cache.cache_hits(), cache.cache_misses()))
    }

    /// What the pool of instances holds; none where the host had no room for one.
    pub fn pooled(&self) -> Option<Pooled> {
        let metrics = self.engine.pooling_allocator_metrics()?;
        Some(Pooled {
            instances: metrics.component_instances(),
            memories: metrics.memories(),
            ready: metrics.unused_warm_memories(),
        })
    }

    /// The interfaces that a guest can import, and nothing else.
    pub fn interfaces() -> &'static [&'static str] {
        &LINKED
    }
}

fn open_cache(folder: &Path) -> Result<Cache, EngineError> {
    let failed = |detail: String| EngineError::Cache { folder: folder.to_owned(), detail };
    std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    let mut config = CacheConfig::new();
    config.with_directory(folder);
    Cache::new(config).map_err(|error| failed(format!("{error:#}")))
}

/// Lets the host's clock tick for guests, as long as the engine is there.
fn tick(engine: &Engine) {
    let engine = engine.weak();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(TICK);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => break,
            }
        }
    });
}
