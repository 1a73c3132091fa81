//! From a preview-1 module to a component, by the published adapter.

use crate::module::{Form, LoadError, look};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata, metadata};

/// The interfaces that a module may import by hand.
const BY_HAND: &str = include_str!("by-hand.wit");

/// The component that a program is run as: itself, or its preview-1 module with the adapter.
///
/// # Errors
/// [`LoadError`].
pub fn component_of(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    match look(bytes)? {
        Form::Component => Ok(bytes.to_vec()),
        Form::Core { by_hand } => adapt(bytes, by_hand),
    }
}

/// Makes a component of a core module. `by_hand` gives it the types of the interfaces that it
/// imports without saying them.
fn adapt(module: &[u8], by_hand: bool) -> Result<Vec<u8>, LoadError> {
    let failed = |error: &dyn std::fmt::Display| LoadError::Adapt(error.to_string());
    let mut typed = module.to_vec();
    if by_hand {
        // The adapter tells the types of all that a command may import.
        let (_, known) = metadata::decode(WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)
            .map_err(|error| failed(&format!("{error:#}")))?;
        let mut resolve = known.resolve;
        let package = resolve
            .push_source("by-hand.wit", BY_HAND)
            .map_err(|error| failed(&format!("{error:#}")))?;
        let world = resolve
            .select_world(&[package], Some("by-hand"))
            .map_err(|error| failed(&format!("{error:#}")))?;
        embed_component_metadata(&mut typed, &resolve, world, StringEncoding::UTF8)
            .map_err(|error| failed(&format!("{error:#}")))?;
    }
    ComponentEncoder::default()
        .validate(true)
        // So that what is glue can be told from the guest's own functions in back-traces.
        .debug_names(true)
        .module(&typed)
        .and_then(|encoder| {
            encoder.adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
            )
        })
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| failed(&format!("{error:#}")))
}
