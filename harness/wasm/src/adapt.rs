//! From a preview-1 module to a component, by the published adapter.

use crate::module::{Form, LoadError, Role, look};
use belljar_wasi::ENGINE_WIT;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata, metadata};

/// The interfaces that a module may import by hand.
const BY_HAND: &str = include_str!("by-hand.wit");

/// What an engine may import and what it exports.
const ENGINE: &str = "package belljar:guest-engine; \
                      world engine { include belljar:guest/by-hand; include belljar:engine/engine@0.1.0; }";

/// The component that a command is run as: itself, or its preview-1 module with the adapter.
///
/// # Errors
/// [`LoadError`].
pub fn component_of(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    made(bytes, Role::Command)
}

/// The component of a command or of an engine.
pub(crate) fn made(bytes: &[u8], role: Role) -> Result<Vec<u8>, LoadError> {
    match (look(bytes, role)?, role) {
        (Form::Component, _) => Ok(bytes.to_vec()),
        (Form::Core { typed: false, by_hand: true }, Role::Command) => adapt(bytes, role, true),
        // What an engine exports has a type even if it imports nothing.
        (Form::Core { typed: false, .. }, Role::Engine) => adapt(bytes, role, true),
        (Form::Core { .. }, _) => adapt(bytes, role, false),
    }
}

/// Makes a component of a core module. `untyped` gives it the types of the interfaces that it
/// imports and exports without saying them.
fn adapt(module: &[u8], role: Role, untyped: bool) -> Result<Vec<u8>, LoadError> {
    let failed = |error: &dyn std::fmt::Display| LoadError::Adapt(error.to_string());
    let mut typed = module.to_vec();
    let adapter = match role {
        Role::Command => WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
        Role::Engine => WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
    };
    if untyped {
        // The adapter tells the types of all that a command may import.
        let (_, known) = metadata::decode(WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)
            .map_err(|error| failed(&format!("{error:#}")))?;
        let mut resolve = known.resolve;
        let mut push = |name: &str, text: &str| {
            resolve.push_source(name, text).map_err(|error| failed(&format!("{error:#}")))
        };
        let (package, world) = match role {
            Role::Command => (push("by-hand.wit", BY_HAND)?, "by-hand"),
            Role::Engine => {
                push("by-hand.wit", BY_HAND)?;
                push("engine.wit", ENGINE_WIT)?;
                (push("guest-engine.wit", ENGINE)?, "engine")
            }
        };
        let world = resolve
            .select_world(&[package], Some(world))
            .map_err(|error| failed(&format!("{error:#}")))?;
        embed_component_metadata(&mut typed, &resolve, world, StringEncoding::UTF8)
            .map_err(|error| failed(&format!("{error:#}")))?;
    }
    ComponentEncoder::default()
        .validate(true)
        // So that what is glue can be told from the guest's own functions in back-traces.
        .debug_names(true)
        .module(&typed)
        .and_then(|encoder| encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter))
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| failed(&format!("{error:#}")))
}
