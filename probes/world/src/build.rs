//! Building a world from what was planted.

use crate::attributes::{Inode, Meta, NodeKind, WorldLimits};
use crate::content::Content;
use crate::error::WorldError;
use crate::tree::{Body, NAME_MAX, Name, ROOT, Tree, lock};
use crate::world::World;
use belljar_record::{ByteString, DecoyId, DecoySource, Log, NodeId};
use std::sync::{Arc, RwLock};

/// A world that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A path that is no absolute path of usual names.
    #[error(
        "{path}: not an absolute path without `.` and `..` and with names of at most 255 bytes"
    )]
    Path {
        /// Which.
        path: ByteString,
    },
    /// A path that is planted twice, or through something that is no directory.
    #[error("{path}: cannot be planted: {why}")]
    Place {
        /// Which.
        path: ByteString,
        /// Why not.
        why: WorldError,
    },
}

/// Takes what is to be served, then builds the [`World`].
///
/// Directories above a planted path that are not planted themselves belong to root with mode 755.
#[derive(Debug)]
pub struct WorldBuilder {
    tree: Tree,
    limits: WorldLimits,
    epoch: i64,
    wrong: Option<BuildError>,
}

impl WorldBuilder {
    /// Starts with an empty root directory.
    pub fn new(limits: WorldLimits) -> Self {
        let root = Inode::new(Meta { mode: 0o755, uid: 0, gid: 0, mtime_s: 0 });
        Self { tree: Tree::new(root), limits, epoch: 0, wrong: None }
    }

    /// Says which time it is, in seconds since 1970, at the run's moment 0.
    #[must_use]
    pub fn starting_at(mut self, seconds: i64) -> Self {
        self.epoch = seconds;
        self
    }

    /// Plants a directory; `/` and directories that are there already get their attributes.
    #[must_use]
    pub fn directory(mut self, path: impl AsRef<[u8]>, meta: Meta) -> Self {
        let (path, meta) = (path.as_ref(), self.limits.owners.of(meta));
        let known = self.tree.walk(path).filter(|&id| self.tree.is_directory(id));
        if let Some(slot) = known.and_then(|id| self.tree.slot(id).ok()) {
            *lock(&slot.node.inode) = Inode::new(meta);
            return self;
        }
        self.plant(path, meta, Body::Directory, None);
        self
    }

    /// Plants a file.
    #[must_use]
    pub fn file(
        mut self,
        path: impl AsRef<[u8]>,
        meta: Meta,
        source: Arc<dyn DecoySource>,
        decoy: Option<DecoyId>,
    ) -> Self {
        let body = Body::File(RwLock::new(Content::planted(source)));
        self.plant(path.as_ref(), meta, body, decoy);
        self
    }

    /// Plants a symbolic link.
    #[must_use]
    pub fn symlink(mut self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>, meta: Meta) -> Self {
        self.plant(path.as_ref(), meta, Body::Symlink(Arc::from(target.as_ref())), None);
        self
    }

    fn plant(&mut self, path: &[u8], meta: Meta, body: Body, decoy: Option<DecoyId>) {
        let meta = self.limits.owners.of(meta);
        let planted = self.tree.plant(path, meta, body, decoy, self.limits.path_bytes);
        if let (Err(error), None) = (planted, &self.wrong) {
            self.wrong = Some(error);
        }
    }

    /// Builds the world; from now on everything done to it goes into `log`.
    ///
    /// # Errors
    /// [`BuildError`], the first one of all that was planted.
    pub fn build(self, log: Log) -> Result<Arc<World>, BuildError> {
        match self.wrong {
            Some(error) => Err(error),
            None => Ok(Arc::new(World::new(self.tree, log, self.limits, self.epoch))),
        }
    }
}

/// The names in an absolute path; `None` if it is not one.
fn names(path: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let names = || path.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
    let usual =
        |name: &[u8]| name.len() <= NAME_MAX && name != b"." && name != b".." && !name.contains(&0);
    (path.first() == Some(&b'/') && names().all(usual)).then(names)
}

impl Tree {
    /// The node at an absolute path; links are not followed.
    pub(crate) fn walk(&self, path: &[u8]) -> Option<NodeId> {
        names(path)?.try_fold(ROOT, |at, name| self.child(at, name).ok())
    }

    pub(crate) fn is_directory(&self, id: NodeId) -> bool {
        self.slot(id).is_ok_and(|slot| slot.node.kind() == NodeKind::Directory)
    }

    /// Puts a node at an absolute path that is free; makes the directories above it.
    pub(crate) fn plant(
        &mut self,
        path: &[u8],
        meta: Meta,
        body: Body,
        decoy: Option<DecoyId>,
        longest: usize,
    ) -> Result<NodeId, BuildError> {
        let wrong = |why| BuildError::Place { path: ByteString::from(path), why };
        let parts: Vec<&[u8]> =
            names(path).ok_or_else(|| BuildError::Path { path: ByteString::from(path) })?.collect();
        let Some((&last, above)) = parts.split_last() else {
            return Err(wrong(WorldError::Exists));
        };
        if path.len() > longest {
            return Err(wrong(WorldError::NameTooLong));
        }
        let mut parent = ROOT;
        for &name in above {
            parent = match self.child(parent, name) {
                Ok(id) => id,
                Err(WorldError::NotFound) => {
                    let meta = Meta { mode: 0o755, uid: 0, gid: 0, ..meta };
                    self.plant_in(parent, name, meta, Body::Directory, None).map_err(wrong)?
                }
                Err(error) => return Err(wrong(error)),
            };
        }
        match self.child(parent, last) {
            Ok(_) => Err(wrong(WorldError::Exists)),
            Err(WorldError::NotFound) => {
                self.plant_in(parent, last, meta, body, decoy).map_err(wrong)
            }
            Err(error) => Err(wrong(error)),
        }
    }

    fn plant_in(
        &mut self,
        parent: NodeId,
        name: &[u8],
        meta: Meta,
        body: Body,
        decoy: Option<DecoyId>,
    ) -> Result<NodeId, WorldError> {
        let at: Name = self.path_at(parent, name).into();
        let id = self.add(body, Inode::new(meta), decoy, Some(at));
        self.attach(id, parent, Arc::from(name))?;
        Ok(id)
    }
}
