//! What belljar, the supervisor and init say to each other: one typed message a packet, descriptors
//! beside it. What is long travels in a memory file.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::sabotage::Sabotage;
use crate::{JarPlan, User};

/// What the supervisor is to make.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub plan: JarPlan,
    /// Only one user can be mapped.
    pub single: bool,
    /// What of the host is shown, in the order of the mounts that come with [`ToSupervisor::Mapped`].
    pub lowers: Vec<Lower>,
    pub sabotage: Option<Sabotage>,
    /// A socket of the host, for the sabotage that shows it inside.
    pub host_socket: Option<PathBuf>,
}

/// Something of the host that is shown inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lower {
    pub host: PathBuf,
    pub inside: PathBuf,
    pub kind: LowerKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LowerKind {
    /// A directory, with an overlay above it.
    Tree,
    /// One file, read-only.
    File,
    /// A directory that is copied.
    State,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToSupervisor {
    /// Make this; with the order as memory file and init's end of its socket.
    Make,
    /// Users are mapped; with the mounts of those lowers (by place) that could be idmapped.
    Mapped { idmapped: Vec<usize> },
    /// belljar's doors answer: complete the tree.
    Go,
    /// Everything inside has ended: what changed?
    Changes,
}
/// What carries packets between the component and belljar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Carried {
    ByTun,
    ByPair,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromSupervisor {
    /// It has its user namespace.
    Unshared,
    /// Its devices: the fuse device if there is a world; then, if there is a wire, the four
    /// descriptors of the inner network and the two of the outer.
    Devices { device: u32, carried: Carried },
    /// The tree is complete; init waits for commands.
    Ready { init: u32 },
    /// With the changes as memory file.
    Changes,
    /// A step failed.
    Failed { step: String, detail: String, hint: String },
}

/// What a launched process becomes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Become {
    /// A program.
    Program { argv: Vec<String>, env: BTreeMap<String, String>, cwd: String, user: User },
    /// The look from inside.
    Look(crate::inside::Facts),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToInit {
    /// Start one; with the order as memory file and the write ends of its output.
    Spawn {
        id: u64,
    },
    /// Its notifications are being answered: let it run.
    Release {
        id: u64,
    },
    KillAll,
    Exists {
        path: String,
    },
    /// End everything and yourself.
    Finish,
}

/// What travels in the memory file of [`ToInit::Spawn`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SpawnOrder {
    pub become_what: Become,
    pub filter: Vec<(u16, u8, u8, u32)>,
    pub single: bool,
    pub sabotage: Option<Sabotage>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum FromInit {
    /// With its pidfd and the listener of its filter.
    Started {
        id: u64,
    },
    /// It has become what it was to be.
    Running {
        id: u64,
    },
    /// It could not.
    Failed {
        id: u64,
        step: String,
        detail: String,
    },
    Exited {
        id: u64,
        code: Option<i32>,
        signal: Option<i32>,
    },
    Exists {
        exists: bool,
    },
    Killed,
    Finished {
        user_micros: u64,
        system_micros: u64,
        largest_resident: u64,
    },
}

/// A message did not come through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TalkError {
    #[error(transparent)]
    Call(#[from] belljar_sys::CallError),
    #[error("not a message: {0}")]
    Form(#[from] serde_json::Error),
    #[error("memory file: {0}")]
    File(#[from] std::io::Error),
    #[error("the other side has ended")]
    Ended,
    #[error("an expected descriptor did not come with the message")]
    Descriptor,
}

pub(crate) fn say(
    socket: impl AsFd,
    message: &impl Serialize,
    descriptors: &[impl AsFd],
) -> Result<(), TalkError> {
    Ok(belljar_sys::channel::send(socket, &serde_json::to_vec(message)?, descriptors)?)
}

/// A message without descriptors.
pub(crate) fn tell(socket: impl AsFd, message: &impl Serialize) -> Result<(), TalkError> {
    Ok(belljar_sys::channel::send(socket, &serde_json::to_vec(message)?, &[] as &[OwnedFd])?)
}

/// Waits for a message.
pub(crate) fn hear<M: DeserializeOwned>(
    socket: impl AsFd,
) -> Result<(M, std::vec::IntoIter<OwnedFd>), TalkError> {
    let got = belljar_sys::channel::receive(socket)?.ok_or(TalkError::Ended)?;
    Ok((serde_json::from_slice(&got.bytes)?, got.descriptors.into_iter()))
}

/// Puts something long into a memory file.
pub(crate) fn pack(what: &impl Serialize) -> Result<OwnedFd, TalkError> {
    use nix::sys::memfd::{MFdFlags, memfd_create};
    let fd = memfd_create(c"belljar", MFdFlags::MFD_CLOEXEC).map_err(std::io::Error::from)?;
    let mut file = std::fs::File::from(fd);
    file.write_all(&serde_json::to_vec(what)?)?;
    Ok(file.into())
}

/// Reads it back.
pub(crate) fn unpack<M: DeserializeOwned>(fd: Option<OwnedFd>) -> Result<M, TalkError> {
    let mut file = std::fs::File::from(fd.ok_or(TalkError::Descriptor)?);
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}
