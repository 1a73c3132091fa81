//! The root tree of a jar: an allow-list of what is shown of the host, all else made new.
//!
//! Promises: of the host's files only `/usr` (with its usual links), named files of `/etc`, and what
//! the component's own file names are visible, read-only below an overlay; everything that can be
//! written lies on one tmpfs whose size is the disk limit.
//! Cannot see: whether a file in the allow-list holds a secret of the host (`/usr` is not searched).

use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use belljar_sys::mounts;
use nix::mount::{MsFlags, mount};

use crate::copy::{self, Copied};
use crate::diff::Scanned;
use crate::etc;
use crate::messages::{Lower, LowerKind, Order};
use crate::plan::WorldMount;
use crate::step::{Failed, Step as _};

const NO_HINT: &str = "";
const FUSE_HINT: &str = "the kernel must allow FUSE in user namespaces (Linux 4.18 or later)";
const OVERLAY_HINT: &str =
    "overlayfs in user namespaces needs Linux 5.11 or later, with tmpfs as upper layer 6.6";
const NONE: Option<&str> = None;
/// What the world is mounted from, as far as lists of mounts say. Its type cannot be hidden.
const SOURCE: &str = "/dev/sda3";
/// Where the storage is mounted while the tree is built. It exists on every host.
const STAGE: &str = "/tmp";

/// The tree while it is built.
pub(crate) struct Tree {
    storage: PathBuf,
    storage_fd: OwnedFd,
    root: PathBuf,
    overlays: Vec<(usize, PathBuf, Arc<std::fs::File>)>,
    lowers: Vec<(Lower, Option<OwnedFd>)>,
    host_socket: Option<OwnedFd>,
}

fn bind(from: &Path, to: &Path) -> Result<(), Failed> {
    mount(Some(from), to, NONE, MsFlags::MS_BIND, NONE)
        .step(format!("bind {} to {}", from.display(), to.display()), NO_HINT)
}

fn make_directory(path: &Path, mode: u32) -> Result<(), Failed> {
    std::fs::create_dir_all(path).step(format!("mkdir {}", path.display()), NO_HINT)?;
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, mode).step(format!("chmod {}", path.display()), NO_HINT)
}

impl Tree {
    /// Takes hold of what is shown of the host, then mounts the storage.
    pub(crate) fn begin(
        order: &Order,
        mapped: impl Iterator<Item = (usize, OwnedFd)>,
    ) -> Result<Self, Failed> {
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(NONE, "/", NONE, private, NONE).step("make mounts private", NO_HINT)?;
        let mut lowers: Vec<(Lower, Option<OwnedFd>)> =
            order.lowers.iter().cloned().map(|lower| (lower, None)).collect();
        for (at, fd) in mapped {
            if let Some(lower) = lowers.get_mut(at) {
                lower.1 = Some(fd);
            }
        }
        for (lower, fd) in &mut lowers {
            if fd.is_none() {
                // Without root nobody can map owners: what is shown keeps those that it has.
                let name = format!("take hold of {}", lower.host.display());
                let taken = mounts::detached(&lower.host).step(name, NO_HINT)?;
                *fd = Some(taken);
            }
        }
        let host_socket = match &order.host_socket {
            Some(socket) => Some(mounts::detached(socket).step("sabotage", NO_HINT)?),
            None => None,
        };
        let storage = PathBuf::from(STAGE);
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("tmpfs"), &storage, Some("tmpfs"), flags, Some("mode=0755,nr_inodes=1000000"))
            .step("mount the storage", NO_HINT)?;
        let root = storage.join("root");
        for name in ["root", "upper", "work", "lower", "world"] {
            make_directory(&storage.join(name), 0o755)?;
        }
        bind(&root, &root)?;
        let storage_fd = std::fs::File::open(&storage).step("open the storage", NO_HINT)?.into();
        Ok(Self { storage, storage_fd, root, overlays: Vec::new(), lowers, host_socket })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn storage(&self) -> &OwnedFd {
        &self.storage_fd
    }

    /// What is compared before and after, seen from the storage.
    pub(crate) fn scanned(&self) -> Vec<Scanned> {
        let mut all = vec![Scanned { tree: "root".into(), inside: "/".into(), lower: None }];
        for (at, inside, lower) in &self.overlays {
            all.push(Scanned {
                tree: format!("upper/{at}").into(),
                inside: inside.clone(),
                lower: Some(Arc::clone(lower)),
            });
        }
        all
    }

    /// Mounts the world beside the tree. Nobody answers yet, so nothing is looked up in it.
    pub(crate) fn mount_world(&self, world: &WorldMount, fuse: &OwnedFd) -> Result<(), Failed> {
        let options = world.options.replace("{fd}", &fuse.as_fd().as_raw_fd().to_string());
        let at = self.storage.join("world");
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some(SOURCE), &at, Some("fuse"), flags, Some(options.as_str()))
            .step("mount the world", FUSE_HINT)
    }

    /// Builds everything.
    pub(crate) fn complete(&mut self, order: &Order) -> Result<(), Failed> {
        self.directories()?;
        etc::copy_allowed(&self.root, &order.lowers)?;
        etc::write_own(&self.root, &order.plan)?;
        let lowers = std::mem::take(&mut self.lowers);
        let mut kept = Copied::default();
        for (at, (lower, fd)) in lowers.iter().enumerate() {
            let Some(fd) = fd else { continue };
            self.show(at, lower, fd, &mut kept, order.single)?;
        }
        self.host_links()?;
        self.devices(order.single)?;
        etc::trust(&self.root, &order.plan.ca_pem)?;
        for file in &order.plan.provisions {
            let path = self.inside(Path::new(&file.path));
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)
                    .step(format!("mkdir for {}", file.path), NO_HINT)?;
            }
            std::fs::write(&path, &file.content).step(format!("write {}", file.path), NO_HINT)?;
            let mode = std::fs::Permissions::from_mode(file.mode & 0o7777);
            std::fs::set_permissions(&path, mode).step(format!("chmod {}", file.path), NO_HINT)?;
        }
        if let Some(world) = &order.plan.world {
            for path in &world.binds {
                self.bind_world(path)?;
            }
        }
        if let Some(socket) = &self.host_socket {
            let to = self.root.join("run/host.sock");
            std::fs::write(&to, "").step("sabotage", NO_HINT)?;
            mounts::attach(socket, &to).step("sabotage", NO_HINT)?;
        }
        self.limit_size(order.plan.limits.disk)
    }

    fn inside(&self, path: &Path) -> PathBuf {
        // `..` cannot climb: components that are not names are left out.
        let names = path.components().filter_map(|part| match part {
            std::path::Component::Normal(name) => Some(name),
            _ => None,
        });
        let mut out = self.root.clone();
        out.extend(names);
        out
    }

    fn directories(&self) -> Result<(), Failed> {
        for (path, mode) in [
            ("etc", 0o755),
            ("var", 0o755),
            ("var/lib", 0o755),
            ("var/log", 0o755),
            ("var/cache", 0o755),
            ("var/spool", 0o755),
            ("var/tmp", 0o1777),
            ("tmp", 0o1777),
            ("run", 0o755),
            ("run/lock", 0o1777),
            ("dev", 0o755),
            ("proc", 0o555),
            ("sys", 0o555),
            ("root", 0o700),
            ("home", 0o755),
            ("opt", 0o755),
            ("srv", 0o755),
            ("mnt", 0o755),
            ("media", 0o755),
        ] {
            make_directory(&self.root.join(path), mode)?;
        }
        let _ = symlink("/run", self.root.join("var/run"));
        let _ = symlink("/run/lock", self.root.join("var/lock"));
        Ok(())
    }

    /// `/bin`, `/lib`, … where they are links on the host. (Where they are directories they are in
    /// the list of what is shown.)
    fn host_links(&self) -> Result<(), Failed> {
        for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
            let host = Path::new("/").join(name);
            if let Ok(target) = std::fs::read_link(&host) {
                let link = self.root.join(name);
                if link.symlink_metadata().is_err() {
                    symlink(target, link).step(format!("link /{name}"), NO_HINT)?;
                }
            }
        }
        Ok(())
    }

    fn show(
        &mut self,
        at: usize,
        lower: &Lower,
        fd: &OwnedFd,
        kept: &mut Copied,
        single: bool,
    ) -> Result<(), Failed> {
        let name = lower.host.display().to_string();
        let inside = self.inside(&lower.inside);
        match lower.kind {
            LowerKind::File => {
                if let Some(parent) = inside.parent() {
                    std::fs::create_dir_all(parent).step(format!("mkdir for {name}"), NO_HINT)?;
                }
                if lower.host.is_dir() {
                    make_directory(&inside, 0o755)?;
                } else if inside.symlink_metadata().is_err() {
                    std::fs::write(&inside, "").step(format!("make {name}"), NO_HINT)?;
                }
                mounts::attach(fd, &inside).step(format!("show {name}"), NO_HINT)?;
                self.read_only(&inside)
            }
            LowerKind::Tree => {
                let below = self.storage.join(format!("lower/{at}"));
                let upper = self.storage.join(format!("upper/{at}"));
                let work = self.storage.join(format!("work/{at}"));
                for path in [&below, &upper, &work, &inside] {
                    make_directory(path, 0o755)?;
                }
                mounts::attach(fd, &below).step(format!("show {name}"), NO_HINT)?;
                let options = format!(
                    "lowerdir={},upperdir={},workdir={},userxattr",
                    below.display(),
                    upper.display(),
                    work.display()
                );
                let flags = MsFlags::MS_NODEV;
                mount(Some("overlay"), &inside, Some("overlay"), flags, Some(options.as_str()))
                    .step(format!("overlay {name}"), OVERLAY_HINT)?;
                let held = std::fs::File::open(&below).step(format!("hold {name}"), NO_HINT)?;
                self.overlays.push((at, lower.inside.clone(), Arc::new(held)));
                Ok(())
            }
            LowerKind::State => {
                let below = self.storage.join(format!("lower/{at}"));
                make_directory(&below, 0o755)?;
                mounts::attach(fd, &below).step(format!("show {name}"), NO_HINT)?;
                std::fs::create_dir_all(&inside).step(format!("mkdir {name}"), NO_HINT)?;
                copy::directory(&below, &inside, kept, single).step(format!("copy {name}"), NO_HINT)
            }
        }
    }

    /// A mount that came from a more privileged place keeps its locked flags; they must be repeated.
    fn read_only(&self, at: &Path) -> Result<(), Failed> {
        let kept = nix::sys::statvfs::statvfs(at).step("statvfs", NO_HINT)?.flags();
        let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        use nix::sys::statvfs::FsFlags;
        for (has, set) in [
            (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
            (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
            (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
            (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
            (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
            (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
        ] {
            if kept.contains(has) {
                flags |= set;
            }
        }
        mount(NONE, at, NONE, flags, NONE).step(format!("make {} read-only", at.display()), NO_HINT)
    }

    fn devices(&self, single: bool) -> Result<(), Failed> {
        let dev = self.root.join("dev");
        for name in ["null", "zero", "full", "random", "urandom", "tty"] {
            let to = dev.join(name);
            std::fs::write(&to, "").step(format!("make /dev/{name}"), NO_HINT)?;
            bind(&Path::new("/dev").join(name), &to)?;
        }
        make_directory(&dev.join("shm"), 0o1777)?;
        make_directory(&dev.join("pts"), 0o755)?;
        let group = if single { "" } else { ",gid=5" };
        let options = format!("newinstance,ptmxmode=0666,mode=620{group}");
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        mount(Some("devpts"), &dev.join("pts"), Some("devpts"), flags, Some(options.as_str()))
            .step("mount /dev/pts", NO_HINT)?;
        for (link, target) in [
            ("ptmx", "pts/ptmx"),
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ] {
            symlink(target, dev.join(link)).step(format!("link /dev/{link}"), NO_HINT)?;
        }
        Ok(())
    }

    fn bind_world(&self, path: &str) -> Result<(), Failed> {
        let from = self.storage.join("world").join(path.trim_start_matches('/'));
        let to = self.inside(Path::new(path));
        let kind = from.symlink_metadata().step(format!("look up {path} in the world"), NO_HINT)?;
        if kind.is_dir() {
            std::fs::create_dir_all(&to).step(format!("mkdir {path}"), NO_HINT)?;
        } else {
            if let Some(parent) = to.parent() {
                std::fs::create_dir_all(parent).step(format!("mkdir for {path}"), NO_HINT)?;
            }
            if to.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
                std::fs::remove_file(&to).step(format!("make room for {path}"), NO_HINT)?;
            }
            if to.symlink_metadata().is_err() {
                std::fs::write(&to, "").step(format!("make {path}"), NO_HINT)?;
            }
        }
        bind(&from, &to)
    }

    /// What is there already does not count against the component's limit.
    fn limit_size(&self, disk: u64) -> Result<(), Failed> {
        let now = nix::sys::statvfs::statvfs(&self.storage).step("statvfs", NO_HINT)?;
        let used = now.blocks().saturating_sub(now.blocks_free()) * now.fragment_size();
        let inodes = now.files().saturating_sub(now.files_free()) + disk / 4096 + 4096;
        let options = format!("size={},nr_inodes={inodes}", used.saturating_add(disk));
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(NONE, &self.storage, NONE, flags, Some(options.as_str()))
            .step("limit the storage", NO_HINT)
    }
}
