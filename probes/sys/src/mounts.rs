//! Detached and idmapped mounts (open_tree, mount_setattr, move_mount).

use crate::CallError;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

fn path_of(path: &Path) -> Result<CString, CallError> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| CallError {
        call: format!("path {}", path.display()),
        source: std::io::ErrorKind::InvalidInput.into(),
    })
}

/// A detached copy of the mount at `path`, without mounts below it; with them where they may not be
/// left out (a less privileged mount namespace must not uncover what lies under a mount).
///
/// # Errors
/// What open_tree(2) says.
pub fn detached(path: &Path) -> Result<OwnedFd, CallError> {
    match open_tree(path, 0) {
        Err(error) if error.errno() == libc::EINVAL => {
            open_tree(path, libc::AT_RECURSIVE.cast_unsigned())
        }
        other => other,
    }
}

fn open_tree(path: &Path, more: u32) -> Result<OwnedFd, CallError> {
    let name = path_of(path)?;
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | more;
    // SAFETY: `name` is a valid string for the whole call.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, name.as_ptr(), flags) };
    let fd = RawFd::try_from(fd).unwrap_or(-1);
    if fd < 0 {
        return Err(CallError::last(format!("open_tree {}", path.display())));
    }
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes a detached mount read-only and without devices; with `users` its owners are mapped by that
/// user namespace.
///
/// # Errors
/// What mount_setattr(2) says (`EINVAL` where the file system cannot be idmapped).
pub fn restrict(mount: impl AsFd, users: Option<&OwnedFd>) -> Result<(), CallError> {
    let mut set = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NODEV;
    if users.is_some() {
        set |= libc::MOUNT_ATTR_IDMAP;
    }
    let attributes = libc::mount_attr {
        attr_set: set,
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: users.map_or(0, |fd| u64::try_from(fd.as_raw_fd()).unwrap_or(0)),
    };
    // SAFETY: the empty string and the attributes are valid for the whole call, the size is theirs.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            std::ptr::from_ref(&attributes),
            size_of::<libc::mount_attr>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(CallError::last("mount_setattr")) }
}

/// Attaches a detached mount at `path`.
///
/// # Errors
/// What move_mount(2) says.
pub fn attach(mount: impl AsFd, path: &Path) -> Result<(), CallError> {
    const MOVE_MOUNT_F_EMPTY_PATH: u32 = 4;
    let name = path_of(path)?;
    // SAFETY: both strings are valid for the whole call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            name.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    if done == 0 { Ok(()) } else { Err(CallError::last(format!("move_mount {}", path.display()))) }
}

/// Whether an overlay's upper directory hides what lies below it (`user.overlay.opaque`, or
/// `trusted.` where the overlay was mounted so).
pub fn is_opaque(directory: &Path) -> bool {
    let Ok(name) = path_of(directory) else { return false };
    let mut value = [0_u8; 4];
    // SAFETY: the strings are valid for the whole call, the buffer is ours and has that size.
    let len = unsafe {
        libc::lgetxattr(
            name.as_ptr(),
            c"user.overlay.opaque".as_ptr(),
            value.as_mut_ptr().cast(),
            value.len(),
        )
    };
    len == 1 && value[0] == b'y'
}
