//! The wasm jar.
#![forbid(unsafe_code)]
