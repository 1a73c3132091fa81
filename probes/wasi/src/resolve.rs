//! Paths in the world: resolved name by name below the directory that a guest holds, as the
//! published hosts do it. Nothing above that directory can be named, by `..`, by an absolute path
//! or by a link. What is passed on the way is not in the record; what is found, missed or refused
//! at the end is.

use crate::guest::Guest;
use belljar_record::{Actor, NodeId};
use belljar_world::{Attributes, NodeKind, World, WorldError};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

/// Links that are followed in one path.
const LINKS: u32 = 40;
/// Longest path, in bytes (PATH_MAX without the end).
const LONGEST: usize = 4095;

/// Whether a link at the end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    Follow,
    Keep,
}

/// Where a path leads.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The directory that holds the name.
    pub(crate) parent: NodeId,
    /// The name; `.` for the directory itself.
    pub(crate) name: Vec<u8>,
    /// What is there, if anything is.
    pub(crate) found: Option<Attributes>,
    /// Whether the path ends in `/`, and so means a directory.
    pub(crate) slash: bool,
}

impl Place {
    /// Whether it is a directory that was named by no name of its own (`.`, `..`).
    pub(crate) fn is_itself(&self) -> bool {
        self.name == b"."
    }
}

/// What the world's errors are called by WASI.
pub(crate) fn code(error: WorldError) -> ErrorCode {
    match error {
        WorldError::NotFound | WorldError::Stale => ErrorCode::NoEntry,
        WorldError::Exists => ErrorCode::Exist,
        WorldError::NotDirectory => ErrorCode::NotDirectory,
        WorldError::IsDirectory => ErrorCode::IsDirectory,
        WorldError::NotEmpty => ErrorCode::NotEmpty,
        WorldError::Invalid | WorldError::NoDevice => ErrorCode::Invalid,
        WorldError::NameTooLong => ErrorCode::NameTooLong,
        WorldError::NoSpace => ErrorCode::InsufficientSpace,
        WorldError::TooLarge => ErrorCode::FileTooLarge,
        WorldError::NoAttribute | WorldError::AttributeTooLarge | WorldError::Unsupported => {
            ErrorCode::Unsupported
        }
        WorldError::NotPermitted => ErrorCode::NotPermitted,
        WorldError::TooManyLinks => ErrorCode::TooManyLinks,
        WorldError::RecordFull => ErrorCode::Io,
    }
}

/// What somebody wants to do with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Read = 4,
    Write = 2,
    Search = 1,
}

/// Whether mode and owner allow it, as for native components.
pub(crate) fn may(node: &Attributes, owner: (u32, u32), want: Want) -> Result<(), ErrorCode> {
    let shift = match (owner.0, owner.1) {
        (0, _) => return Ok(()),
        (uid, _) if uid == node.uid => 6,
        (_, gid) if gid == node.gid => 3,
        _ => 0,
    };
    if node.mode >> shift & want as u32 != 0 { Ok(()) } else { Err(ErrorCode::Access) }
}

impl Guest {
    /// Finds where `path` leads from `base`. The last name need not exist.
    pub(crate) fn resolve(&self, base: NodeId, path: &str, last: Last) -> Result<Place, ErrorCode> {
        let actor = self.shared.actor();
        let found = walk(&self.doors.world, &actor, base, path, last, self.setting.owner);
        if let Err(refused) = found {
            // What was asked for and refused is told even where no name was looked up.
            self.note("wasi:filesystem path refused", format!("{path:?}: {refused:?}"))
                .map_err(|_| ErrorCode::Io)?;
        }
        found
    }

    /// The same, for something that must be there.
    pub(crate) fn existing(
        &self,
        base: NodeId,
        path: &str,
        last: Last,
    ) -> Result<(Place, Attributes), ErrorCode> {
        let place = self.resolve(base, path, last)?;
        match place.found {
            Some(found) if place.slash && found.kind != NodeKind::Directory => {
                Err(ErrorCode::NotDirectory)
            }
            Some(found) => Ok((place, found)),
            None => Err(self.missed(&place)),
        }
    }

    /// Records that a name was looked for in vain.
    pub(crate) fn missed(&self, place: &Place) -> ErrorCode {
        let actor = self.shared.actor();
        match self.doors.world.lookup(&actor, place.parent, &place.name) {
            Err(error) => code(error),
            Ok(_) => ErrorCode::NoEntry,
        }
    }
}

fn walk(
    world: &World,
    actor: &Actor,
    base: NodeId,
    path: &str,
    last: Last,
    owner: (u32, u32),
) -> Result<Place, ErrorCode> {
    if path.is_empty() {
        return Err(ErrorCode::NoEntry);
    }
    if path.len() > LONGEST {
        return Err(ErrorCode::NameTooLong);
    }
    if path.as_bytes().contains(&0) {
        return Err(ErrorCode::Invalid);
    }
    if path.starts_with('/') {
        return Err(ErrorCode::NotPermitted);
    }
    let slash = path.ends_with('/') || path.ends_with("/.") || path == ".";
    // Names still to go, the next one last.
    let mut rest: Vec<Vec<u8>> = names(path.as_bytes());
    let mut stack = vec![base];
    let mut links = 0;
    while let Some(name) = rest.pop() {
        let at = *stack.last().unwrap_or(&base);
        if name == b".." {
            stack.pop();
            if stack.is_empty() {
                return Err(ErrorCode::NotPermitted);
            }
            continue;
        }
        let here = world.peek_node(at).map_err(code)?;
        if here.kind != NodeKind::Directory {
            return Err(ErrorCode::NotDirectory);
        }
        may(&here, owner, Want::Search)?;
        let end = rest.is_empty();
        let found = match world.peek(at, &name) {
            Ok(found) => found,
            Err(WorldError::NotFound) if end => {
                return Ok(Place { parent: at, name, found: None, slash });
            }
            Err(WorldError::NotFound) => {
                return Err(world.lookup(actor, at, &name).err().map_or(ErrorCode::NoEntry, code));
            }
            Err(error) => return Err(code(error)),
        };
        if found.kind == NodeKind::Symlink && (!end || last == Last::Follow || slash) {
            links += 1;
            if links > LINKS {
                return Err(ErrorCode::Loop);
            }
            let target = world.read_link(actor, found.node).map_err(code)?;
            match target.first() {
                None => return Err(ErrorCode::NoEntry),
                Some(b'/') => return Err(ErrorCode::NotPermitted),
                Some(_) => {}
            }
            rest.extend(names(&target));
            if rest.len() > LONGEST {
                return Err(ErrorCode::NameTooLong);
            }
            continue;
        }
        if end {
            return Ok(Place { parent: at, name, found: Some(found), slash });
        }
        stack.push(found.node);
    }
    // The path ended in `.` or `..`: the directory itself.
    let at = *stack.last().unwrap_or(&base);
    let found = world.peek_node(at).map_err(code)?;
    Ok(Place { parent: at, name: b".".to_vec(), found: Some(found), slash: true })
}

/// The names of a path, the first one last; `.` and empty names mean nothing.
fn names(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty() && *name != b".")
        .map(<[u8]>::to_vec)
        .rev()
        .collect()
}
