//! Jars: where a component runs, so that it reaches nothing but the two doors.
//!
//! Promises: nothing is started in a jar that has not been looked at from inside; the component's own
//! user namespace lies in a second one, so that it cannot take the world's mounts away; when belljar
//! dies, however it dies, everything in the jar dies and nothing stays mounted.
//! Cannot see: flaws of the kernel, covert channels of the hardware.
//!
//! One file a process: [`jar`] is belljar's side, [`supervisor`] lives outside the pid namespace,
//! [`init`] is process 1 inside, [`launcher`] is a child of it that becomes the component.
#![forbid(unsafe_code)]
#![allow(rustdoc::private_intra_doc_links, reason = "the map of the crate names its private files")]

mod contract;
mod copy;
mod diff;
mod error;
mod etc;
mod init;
mod inside;
mod jar;
mod keeper;
mod launcher;
mod leftovers;
mod limits;
mod maps;
mod messages;
mod plan;
mod sabotage;
mod shown;
mod step;
mod supervisor;
mod tree;

pub use contract::{Ended, Jar, JarEnd, LimitHit, Running, SystemChange, Usage};
pub use error::JarError;
pub use jar::{Devices, NamespaceJar};
pub use leftovers::{own_name, sweep};
pub use limits::sweep_groups;
pub use plan::{
    CommandSpec, HostFile, JarLimits, JarPlan, Token, User, WireMount, WorldMount, Written,
};
pub use sabotage::{SABOTAGE_VARIABLE, Sabotage};
pub use supervisor::{SUPERVISOR_ARGUMENT, supervisor_main};
