//! What a file is, and whether it can run here. A module that cannot is refused with the import or
//! the feature that stands in the way, and what would work.

use wasmparser::{Encoding, Parser, Payload, TypeRef};

/// A program that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not WebAssembly at all.
    #[error("not a WebAssembly module or component: {0}")]
    NotWasm(String),
    /// It needs something that this jar does not have.
    #[error("{wants}: {instead}")]
    Refused {
        /// What it wants, by name.
        wants: String,
        /// What would work.
        instead: String,
    },
    /// A preview-1 module that cannot be made a component.
    #[error("cannot be adapted from WASI preview 1: {0}")]
    Adapt(String),
    /// It does not compile.
    #[error("cannot be compiled: {0}")]
    Compile(String),
    /// An import that does not fit what is linked.
    #[error("cannot be linked: {0}")]
    Link(String),
}

/// The two forms of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A core module.
    Core {
        /// Whether it says the types of its imports and exports.
        typed: bool,
        /// Whether it imports interfaces of components.
        by_hand: bool,
    },
    /// A component.
    Component,
}

/// What a program is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// It is started with arguments and runs to its end.
    Command,
    /// It is called for one file after the other.
    Engine,
}

/// Interface that a preview-1 module imports.
const PREVIEW_1: &str = "wasi_snapshot_preview1";
const REBUILD: &str = "build it for WASI preview 1 (wasm32-wasip1: wasi-libc, wasi-sdk, Rust) or as \
                       a WASI 0.2 command component";

fn refused(wants: String, instead: &str) -> LoadError {
    LoadError::Refused { wants, instead: instead.to_owned() }
}

/// Looks at a program without compiling it.
pub(crate) fn look(bytes: &[u8], role: Role) -> Result<Form, LoadError> {
    let broken = |error: wasmparser::BinaryReaderError| LoadError::NotWasm(error.to_string());
    let mut form = None;
    let mut typed = false;
    let mut by_hand = false;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(broken)? {
            Payload::Version { encoding: Encoding::Component, .. } => return Ok(Form::Component),
            Payload::Version { .. } => form = Some(()),
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(broken)?;
                    look_at_import(import.module, import.name, import.ty, role)?;
                    by_hand |= import.module.contains(':');
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    if memory.map_err(broken)?.shared {
                        return Err(refused(
                            "a shared memory (threads)".into(),
                            "build it without threads",
                        ));
                    }
                }
            }
            Payload::CustomSection(section) => {
                typed |= section.name().starts_with("component-type")
            }
            _ => {}
        }
    }
    match form {
        Some(()) => Ok(Form::Core { typed, by_hand }),
        None => Err(LoadError::NotWasm("it is empty".into())),
    }
}

fn look_at_import(module: &str, name: &str, ty: TypeRef, role: Role) -> Result<(), LoadError> {
    let import = format!("import {module}.{name}");
    let emscripten = || {
        refused(
            import.clone(),
            "a module built by Emscripten runs only with its own JavaScript; build it with wasi-sdk \
             or wasi-libc",
        )
    };
    if let TypeRef::Memory(memory) = ty {
        return Err(if memory.shared {
            refused(format!("{import}, a shared memory (threads)"), "build it without threads")
        } else if module == "env" && name == "memory" {
            refused(import.clone(), "link it without --import-memory")
        } else {
            refused(import.clone(), REBUILD)
        });
    }
    match module {
        PREVIEW_1 => Ok(()),
        "wasi" => Err(refused(import, "wasi-threads is not offered; build it without threads")),
        "wasi_unstable" => Err(refused(
            import,
            "this is WASI of 2019 (snapshot 0); build it with a newer wasi-libc",
        )),
        "a" if name.len() <= 2 => Err(emscripten()),
        "env" if name.starts_with("emscripten") || name.starts_with("__syscall") => {
            Err(emscripten())
        }
        "env" | "GOT.mem" | "GOT.func" => Err(refused(
            import,
            "a module of another module or of a host of its own; link it whole, for WASI",
        )),
        "wasm_bindgen" | "wbg" | "__wbindgen_placeholder__" => Err(refused(
            import,
            "a module of wasm-bindgen runs only with its own JavaScript; build it for WASI",
        )),
        module if module.contains(':') => offered(module, &import, role),
        "__main_module__" => Ok(()),
        _ => Err(refused(import, REBUILD)),
    }
}

/// Whether an interface is one that is linked.
pub(crate) fn offered(interface: &str, import: &str, role: Role) -> Result<(), LoadError> {
    let (name, version) = interface.split_once('@').unwrap_or((interface, ""));
    if belljar_wasi::ENGINE_LINKED.contains(&name) {
        return match (role, version) {
            (Role::Engine, "0.1.0") => Ok(()),
            (Role::Engine, _) => Err(refused(import.to_owned(), "belljar:engine@0.1.0 is offered")),
            (Role::Command, _) => Err(refused(
                import.to_owned(),
                "this is an engine; say so in the component file, with a table [engine]",
            )),
        };
    }
    let linked = belljar_wasi::LINKED.contains(&name);
    if linked && (version.is_empty() || version.starts_with("0.2.")) {
        return Ok(());
    }
    if linked || name.starts_with("wasi:") && version.starts_with("0.3") {
        return Err(refused(import.to_owned(), "WASI 0.2 is offered, this is another version"));
    }
    Err(refused(
        import.to_owned(),
        "the jar offers the interfaces of the WASI 0.2 command world and wasi:http for sending",
    ))
}
