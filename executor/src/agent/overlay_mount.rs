//! One OverlayFS mount, through the kernel's newer interface (a lower directory at a time, Linux 6.7) or the older
//! one (all options in one string of at most 4095 bytes).
//!
//! Knows directories only, nothing of layers or machines.

use super::failure::{Doing, Failure};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount, move_mount,
};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Kernel's limit on the lower directories of one overlay.
pub(crate) const LOWER_LIMIT: usize = 500;

/// Bytes of options that the older interface takes: a page less its end.
const OPTION_LIMIT_BYTES: usize = 4095;

/// What to mount where. Paths may be relative to the working directory, which keeps them short.
#[derive(Debug)]
pub(crate) struct OverlayMount<'a> {
    /// Top first; at least one.
    pub(crate) lowers: &'a [PathBuf],
    /// Takes what is written.
    pub(crate) upper: &'a Path,
    /// The kernel's scratch directory, on the same file system as `upper`.
    pub(crate) work: &'a Path,
}

/// An overlay that is part of a mounted root.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// Below the machine's root.
    pub(crate) path: PathBuf,
    /// What it is made of, top first, the upper directory too.
    pub(crate) directories: Vec<PathBuf>,
}

impl OverlayMount<'_> {
    /// Mounts it.
    pub(crate) fn mount_at(&self, target: &Path) -> Result<(), Failure> {
        if self.lowers.len() > LOWER_LIMIT {
            let text = format!(
                "the machine has {} layers, the kernel takes {LOWER_LIMIT}",
                self.lowers.len()
            );
            return Err(Failure::Refused(text));
        }
        match self.mount_by_steps(target) {
            // An unknown parameter: the kernel is older than the interface.
            Err(Errno::INVAL | Errno::NOSYS) => self.mount_by_string(target),
            Err(error) => Err(error).doing(|| format!("mount the overlay at {}", target.display())),
            Ok(()) => Ok(()),
        }
    }

    fn mount_by_steps(&self, target: &Path) -> rustix::io::Result<()> {
        let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        let context = &context;
        for lower in self.lowers {
            fsconfig_set_string(context, "lowerdir+", lower)?;
        }
        fsconfig_set_string(context, "upperdir", self.upper)?;
        fsconfig_set_string(context, "workdir", self.work)?;
        for (name, value) in [("index", "off"), ("xino", "auto")] {
            fsconfig_set_string(context, name, value)?;
        }
        for flag in ["userxattr", "volatile"] {
            fsconfig_set_flag(context, flag)?;
        }
        fsconfig_create(context)?;
        let mounted =
            fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::MOUNT_ATTR_NODEV)?;
        move_mount(&mounted, "", rustix::fs::CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
    }

    fn mount_by_string(&self, target: &Path) -> Result<(), Failure> {
        let mut options = b"lowerdir=".to_vec();
        for (place, lower) in self.lowers.iter().enumerate() {
            if place > 0 {
                options.push(b':');
            }
            options.extend_from_slice(plain(lower)?);
        }
        for (name, path) in [(&b",upperdir="[..], self.upper), (b",workdir=", self.work)] {
            options.extend_from_slice(name);
            options.extend_from_slice(plain(path)?);
        }
        options.extend_from_slice(b",index=off,xino=auto,userxattr,volatile");
        if options.len() > OPTION_LIMIT_BYTES {
            let text = format!(
                "{} layers are more than this kernel takes at once; Linux 6.7 lifts this",
                self.lowers.len()
            );
            return Err(Failure::Refused(text));
        }
        let options = CString::new(options).unwrap_or_default();
        mount("overlay", target, "overlay", MountFlags::NODEV, Some(options.as_c_str()))
            .doing(|| format!("mount the overlay at {}", target.display()))
    }
}

/// A path whose bytes mean nothing else in an option string.
fn plain(path: &Path) -> Result<&[u8], Failure> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.iter().any(|byte| b":,\\\0".contains(byte)) {
        let text = format!(
            "`{}` has a character that overlay options can't hold on this kernel",
            path.display()
        );
        return Err(Failure::Refused(text));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_separators_are_refused() {
        assert!(plain(Path::new("a:b")).is_err());
        assert!(plain(Path::new("a,b")).is_err());
        assert_eq!(plain(Path::new("layers/1")).unwrap(), b"layers/1");
    }
}
