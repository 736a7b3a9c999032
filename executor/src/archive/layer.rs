//! What makes an image's layer different from a tree: entries that take files away, and the layers it lies on.
//!
//! In a layer `.wh.NAME` takes `NAME` away, and `.wh..wh..opq` everything that its directory has below. OverlayFS says the
//! same with a device of number 0 and an extended attribute of the directory; it lets ordinary users make both.

use super::facts::Facts;
use super::target::Target;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Begins names that take something away.
pub(super) const MARK: &[u8] = b".wh.";

/// Takes away everything in its directory.
pub(super) const OPAQUE: &[u8] = b".wh..wh..opq";

/// Begins names that an older layer format kept notes under.
const NOTES: &[u8] = b".wh..wh.";

/// Something that a layer takes away.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Removal<'a> {
    /// One name of a directory.
    Name(&'a Path, &'a OsStr),
    /// All that a directory has below.
    Contents(&'a Path),
    /// Nothing: a note of an older format.
    Nothing,
}

/// What an entry of this path takes away; `None` if it is a file.
pub(super) fn removal(path: &Path) -> io::Result<Option<Removal<'_>>> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
    let Some(removed) = name.as_bytes().strip_prefix(MARK) else { return Ok(None) };
    Ok(Some(match removed {
        _ if name.as_bytes() == OPAQUE => Removal::Contents(directory),
        _ if name.as_bytes().starts_with(NOTES) => Removal::Nothing,
        b"" | b"." | b".." => {
            return Err(io::Error::other(format!("`{}` takes nothing away", path.display())));
        }
        removed => Removal::Name(directory, OsStr::from_bytes(removed)),
    }))
}

impl Removal<'_> {
    /// Marks it in the target. Its directory is there.
    pub(super) fn carry_out(&self, target: &Target) -> io::Result<()> {
        match self {
            Self::Name(directory, name) => target.hide(directory, name),
            Self::Contents(directory) => target.make_opaque(directory),
            Self::Nothing => Ok(()),
        }
    }
}

/// The directories a layer lies on, top first.
#[derive(Debug)]
pub(super) struct Below {
    roots: Vec<OwnedFd>,
}

impl Below {
    pub(super) fn open(directories: &[PathBuf]) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = |path: &PathBuf| Ok(rustix::fs::open(path, flags, Mode::empty())?);
        Ok(Self { roots: directories.iter().map(open).collect::<io::Result<_>>()? })
    }

    /// What a directory of this path is like below.
    pub(super) fn directory(&self, path: &Path) -> io::Result<Option<Facts>> {
        let found = self.find(path, OFlags::DIRECTORY)?;
        found.map(|file| Facts::of_file(&file)).transpose()
    }

    /// A regular file below.
    pub(super) fn file(&self, path: &Path) -> io::Result<Option<(File, Facts)>> {
        let Some(file) = self.find(path, OFlags::NONBLOCK)? else { return Ok(None) };
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        let facts = Facts::of_file(&file)?;
        Ok(Some((file, facts)))
    }

    /// The topmost thing of this path, if it opens that way. A link or something taken away ends the search.
    fn find(&self, path: &Path, flags: OFlags) -> io::Result<Option<File>> {
        let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
        for root in &self.roots {
            match rustix::fs::openat2(root, path, flags, Mode::empty(), resolve) {
                Ok(found) => return Ok(Some(File::from(found))),
                Err(Errno::NOENT) => {}
                Err(Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::NODEV | Errno::ACCESS) => {
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}
