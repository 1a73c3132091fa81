//! One file a command.

pub(crate) mod bench;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod library;
pub(crate) mod plant;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod setup;
pub(crate) mod trace;
pub(crate) mod verify;
