//! The directory that is unpacked into: every path in it is resolved by the kernel as if it were the root.

use super::Ownership;
use super::facts::Facts;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, Timestamps, XattrFlags, fsetxattr,
};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Says that a directory hides what is below it. The overlays of machines are mounted with `userxattr`.
pub(crate) const OPAQUE_ATTRIBUTE: &str = "user.overlay.opaque";

/// See the module.
#[derive(Debug)]
pub(super) struct Target {
    root: OwnedFd,
    ownership: Ownership,
}

/// What may be replaced by an entry of the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replacing {
    /// Entries that would replace a directory are left out, as `tar` does.
    AllButDirectories,
    /// A directory must be empty.
    Anything,
}

/// Where a new file goes. Nothing has its name.
#[derive(Debug)]
pub(super) struct Place<'a> {
    directory: OwnedFd,
    name: &'a OsStr,
}

impl Target {
    pub(super) fn open(path: &Path, ownership: Ownership) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { root: rustix::fs::open(path, flags, Mode::empty())?, ownership })
    }

    fn open_at(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = flags | OFlags::CLOEXEC;
        Ok(rustix::fs::openat2(&self.root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)?)
    }

    /// A directory, to change its attributes.
    pub(super) fn open_directory(&self, path: &Path) -> io::Result<OwnedFd> {
        self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY)
    }

    fn enter(&self, path: &Path) -> io::Result<OwnedFd> {
        self.open_at(path, OFlags::PATH | OFlags::DIRECTORY)
    }

    /// Makes a directory and those that lead to it; returns those that were not there.
    pub(super) fn make_directories(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        // Nearly always it is there.
        if self.enter(path).is_ok() {
            return Ok(Vec::new());
        }
        let (mut reached, mut made) = (PathBuf::new(), Vec::new());
        for name in path.components() {
            let parent = self.enter(&reached).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => io::Error::other(format!(
                    "`{}` is a link that leads to nothing in the archive",
                    reached.display()
                )),
                _ => error,
            })?;
            reached.push(name);
            match rustix::fs::mkdirat(&parent, name.as_os_str(), Mode::from_raw_mode(0o755)) {
                Ok(()) => made.push(reached.clone()),
                Err(Errno::EXIST) => {
                    if hides(&parent, name.as_os_str()) {
                        replace_by_opaque_directory(&parent, name.as_os_str())?;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(made)
    }

    /// Where a file of this path goes; what has the name already goes away. `None`: it stays, and the entry is left out.
    pub(super) fn place<'a>(
        &self,
        path: &'a Path,
        replacing: Replacing,
    ) -> io::Result<Option<Place<'a>>> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
        let directory = self.enter(parent)?;
        match rustix::fs::unlinkat(&directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR) if replacing == Replacing::AllButDirectories => return Ok(None),
            Err(Errno::ISDIR) => rustix::fs::unlinkat(&directory, name, AtFlags::REMOVEDIR)?,
            Err(error) => return Err(error.into()),
        }
        Ok(Some(Place { directory, name }))
    }

    /// Removes what has the name of a directory that is about to be made, unless it is one.
    pub(super) fn clear_for_directory(&self, path: &Path) -> io::Result<()> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        let directory = self.enter(parent)?;
        if hides(&directory, name) {
            return replace_by_opaque_directory(&directory, name);
        }
        match rustix::fs::unlinkat(&directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Another name for a file that is there.
    pub(super) fn link_hard(&self, existing: &Path, place: &Place<'_>) -> io::Result<()> {
        let (Some(parent), Some(name)) = (existing.parent(), existing.file_name()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let directory = self.enter(parent)?;
        Ok(rustix::fs::linkat(&directory, name, &place.directory, place.name, AtFlags::empty())?)
    }

    /// Hides what the layers below have under this name. What the layer itself has there stays, and hides too.
    pub(super) fn hide(&self, directory: &Path, name: &OsStr) -> io::Result<()> {
        let parent = self.enter(directory)?;
        match rustix::fs::mknodat(&parent, name, FileType::CharacterDevice, Mode::empty(), 0) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => match self.open_directory(&directory.join(name)) {
                Ok(_) => self.make_opaque(&directory.join(name)),
                Err(_) => Ok(()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Hides what the layers below have in a directory.
    pub(super) fn make_opaque(&self, directory: &Path) -> io::Result<()> {
        let directory = self.open_directory(directory)?;
        Ok(fsetxattr(&directory, OPAQUE_ATTRIBUTE, b"y", XattrFlags::empty())?)
    }

    /// Gives a file what its facts say; returns how many extended attributes this place does not take.
    ///
    /// Owner first: changing it clears set-user bits and the powers of a program.
    pub(super) fn apply(&self, descriptor: impl AsFd, facts: &Facts) -> io::Result<u32> {
        if self.ownership == Ownership::Kept {
            known_owner(rustix::fs::fchown(&descriptor, Some(facts.user), Some(facts.group)))?;
        }
        rustix::fs::fchmod(&descriptor, facts.mode)?;
        let mut left_out = 0;
        for attribute in &facts.attributes {
            let value = attribute.value.as_slice();
            match fsetxattr(&descriptor, attribute.name.as_os_str(), value, XattrFlags::empty()) {
                Ok(()) => {}
                Err(
                    Errno::PERM | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSPC | Errno::TOOBIG,
                ) => {
                    left_out += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let times = Timestamps { last_access: facts.modified, last_modification: facts.modified };
        rustix::fs::futimens(&descriptor, &times)?;
        Ok(left_out)
    }

    /// Gives a symbolic link its owner.
    pub(super) fn own_link(&self, place: &Place<'_>, facts: &Facts) -> io::Result<()> {
        if self.ownership == Ownership::Own {
            return Ok(());
        }
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let (user, group) = (Some(facts.user), Some(facts.group));
        known_owner(rustix::fs::chownat(&place.directory, place.name, user, group, flags))
    }
}

impl Place<'_> {
    /// An empty file, closed to others until it has its own mode.
    pub(super) fn create_file(&self) -> io::Result<OwnedFd> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(rustix::fs::openat(&self.directory, self.name, flags, Mode::from_raw_mode(0o600))?)
    }

    /// A symbolic link.
    pub(super) fn create_link(&self, leads_to: &Path) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(leads_to, &self.directory, self.name)?)
    }
}

/// Whether a name is marked as taken away.
fn hides(directory: &OwnedFd, name: &OsStr) -> bool {
    rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| {
        FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice && found.st_rdev == 0
    })
}

/// What was taken away and comes back as a directory shows nothing of what is below.
fn replace_by_opaque_directory(directory: &OwnedFd, name: &OsStr) -> io::Result<()> {
    rustix::fs::unlinkat(directory, name, AtFlags::empty())?;
    rustix::fs::mkdirat(directory, name, Mode::from_raw_mode(0o755))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let made = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    Ok(fsetxattr(&made, OPAQUE_ATTRIBUTE, b"y", XattrFlags::empty())?)
}

/// A user namespace without the owner's number leaves the file to root.
fn known_owner(owned: rustix::io::Result<()>) -> io::Result<()> {
    match owned {
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
