//! WASI doors in front of the world and the fake internet.
#![forbid(unsafe_code)]
