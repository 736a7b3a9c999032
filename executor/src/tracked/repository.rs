//! The repository on disk: looked at, listed and opened by path, without ever following a link out of it.
//!
//! Every path is resolved by the kernel below the root with no symbolic link on the way
//! (`openat2` with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`). Devices, sockets and pipes do not exist here, nor does
//! `.git` unless asked for. Knows no digests and no FUSE.

use super::kind::Kind;
use super::listing::{ListedName, Listing};
use super::stamp::{MemoryStatCache, Stamp, StatCache};
use crate::read_set::TrackedPath;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags, StatxFlags};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes asked of the kernel at a time when listing a directory.
const LISTING_BUFFER_BYTES: usize = 32 * 1024;

/// Longest link target that is read; Linux makes none longer than 4095 bytes.
const LINK_TARGET_BYTES: usize = 4096;

/// First byte of a path in another repository's tree. No name in a file system has it.
const OTHER_TREE: u8 = 0;

/// Permission bits that are shown. Set-user and set-group bits are not: nothing from a repository runs as its owner.
const SHOWN_PERMISSION_BITS: u32 = 0o1777;

/// Whether `.git` exists for steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GitDirectories {
    /// At no level.
    #[default]
    Hidden,
    /// Like anything else.
    Shown,
}

/// How a repository is served.
#[derive(Clone, Default)]
pub struct RepositoryOptions {
    /// `.git`, at every level.
    pub git_directories: GitDirectories,
    /// Digests from earlier runs; `None` for one that lives as long as the repository is open.
    pub stat_cache: Option<Arc<dyn StatCache>>,
}

impl fmt::Debug for RepositoryOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RepositoryOptions")
            .field("git_directories", &self.git_directories)
            .finish_non_exhaustive()
    }
}

/// A directory tree that steps may read. Cheap to share; all methods may be called at once.
pub struct Repository {
    root: OwnedFd,
    /// Trees of other repositories, by the names they are shown under.
    others: RwLock<BTreeMap<Vec<u8>, Arc<OwnedFd>>>,
    git_directories: GitDirectories,
    pub(super) stat_cache: Arc<dyn StatCache>,
}

impl fmt::Debug for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Repository")
            .field("git_directories", &self.git_directories)
            .finish_non_exhaustive()
    }
}

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    pub(super) stamp: Stamp,
}

impl Facts {
    /// The permission bits that are shown.
    pub(super) fn mode(&self) -> u16 {
        (self.stamp.mode & SHOWN_PERMISSION_BITS) as u16
    }

    /// The size that is shown, in bytes; 0 for a directory.
    pub(super) fn size(&self) -> u64 {
        if self.kind == Kind::Directory { 0 } else { self.stamp.size }
    }
}

/// A file that was opened, as it was then.
#[derive(Debug)]
pub(super) struct OpenedFile {
    pub(super) descriptor: OwnedFd,
    pub(super) facts: Facts,
}

impl OpenedFile {
    /// Opens the file of this name in a directory; `None` when nothing is served there.
    pub(super) fn file_in(directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<Self>> {
        Self::of(Kind::File, |flags| open_below(directory, name, flags))
    }

    fn of(
        kind: Kind,
        open: impl Fn(OFlags) -> rustix::io::Result<OwnedFd>,
    ) -> io::Result<Option<Self>> {
        // Without O_NONBLOCK the opening of a pipe that took the file's place would wait for a writer.
        let mut flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        if kind == Kind::Directory {
            flags |= OFlags::DIRECTORY;
        }
        let descriptor = match open(flags) {
            Ok(descriptor) => descriptor,
            Err(error) => return if_absent(error, None),
        };
        Ok(facts_of(descriptor.as_fd())?.map(|facts| Self { descriptor, facts }))
    }
}

impl Repository {
    /// Opens the directory at `root`.
    ///
    /// # Errors
    /// When it is not a directory that can be entered, or the kernel can't resolve paths safely (Linux 5.6 can).
    pub fn open(root: &Path, options: RepositoryOptions) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(root, flags, Mode::empty())?;
        if let Err(Errno::NOSYS) = open_below(root.as_fd(), b"", flags) {
            let text = "the kernel does not offer `openat2` (Linux 5.6), or a sandbox forbids it";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        let stat_cache = options.stat_cache.unwrap_or_else(|| Arc::new(MemoryStatCache::default()));
        Ok(Self {
            root,
            others: RwLock::default(),
            git_directories: options.git_directories,
            stat_cache,
        })
    }

    /// Shows another tree below a name.
    pub(super) fn show_tree(&self, name: &[u8], tree: &Path) -> io::Result<()> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = Arc::new(rustix::fs::open(tree, flags, Mode::empty())?);
        self.others.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_vec(), root);
        Ok(())
    }

    /// Resolves a path below the root, or below the other tree that its first name stands for.
    pub(super) fn resolve(&self, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        if path.first() != Some(&OTHER_TREE) {
            return open_below(self.root(), path, flags);
        }
        let end = path.iter().position(|&byte| byte == b'/').unwrap_or(path.len());
        let (name, rest) = path.split_at_checked(end).ok_or(Errno::NOENT)?;
        let tree = {
            let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(others.get(name).ok_or(Errno::NOENT)?)
        };
        open_below(tree.as_fd(), rest.strip_prefix(b"/").unwrap_or(rest), flags)
    }

    /// The repository's root, to resolve paths below.
    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Whether there is a directory at `path`, not following links. Not an answer to a step: records nothing.
    ///
    /// # Errors
    /// When the repository can't be read.
    pub fn is_directory(&self, path: &TrackedPath) -> io::Result<bool> {
        Ok(self.examine(path)?.is_some_and(|facts| facts.kind == Kind::Directory))
    }

    /// Whether the options hide something of this path.
    pub(super) fn hides(&self, path: &[u8]) -> bool {
        self.git_directories == GitDirectories::Hidden
            && path.split(|&byte| byte == b'/').any(|name| name == b".git")
    }

    /// Whether listings show everything that is there.
    pub(super) fn hides_nothing(&self) -> bool {
        self.git_directories == GitDirectories::Shown
    }

    /// What `path` is now; `None` when nothing is served there.
    pub(super) fn examine(&self, path: &TrackedPath) -> io::Result<Option<Facts>> {
        if self.hides(path.as_bytes()) {
            return Ok(None);
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match self.resolve(path.as_bytes(), flags) {
            Ok(descriptor) => facts_of(descriptor.as_fd()),
            Err(error) => if_absent(error, None),
        }
    }

    /// Opens a file or directory for reading; `None` when nothing is served there.
    pub(super) fn open_inside(
        &self,
        path: &TrackedPath,
        kind: Kind,
    ) -> io::Result<Option<OpenedFile>> {
        if self.hides(path.as_bytes()) {
            return Ok(None);
        }
        OpenedFile::of(kind, |flags| self.resolve(path.as_bytes(), flags))
    }

    /// Where the link at `path` points; `None` when there is no link.
    pub(super) fn link_target(&self, path: &TrackedPath) -> io::Result<Option<Vec<u8>>> {
        if self.hides(path.as_bytes()) {
            return Ok(None);
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let link = match self.resolve(path.as_bytes(), flags) {
            Ok(link) => link,
            Err(error) => return if_absent(error, None),
        };
        match rustix::fs::readlinkat(&link, "", Vec::with_capacity(LINK_TARGET_BYTES)) {
            Ok(target) => Ok(Some(target.into_bytes())),
            Err(Errno::INVAL | Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The names in an opened directory, hidden and special ones left out.
    pub(super) fn list(&self, directory: &OpenedFile) -> io::Result<Listing> {
        Ok(Listing::new(self.first_names(directory, usize::MAX)?))
    }

    /// Some of the names in an opened directory, as the disk has them.
    pub(super) fn first_names(
        &self,
        directory: &OpenedFile,
        most: usize,
    ) -> io::Result<Vec<ListedName>> {
        let mut buffer = [MaybeUninit::uninit(); LISTING_BUFFER_BYTES];
        let mut reading = RawDir::new(&directory.descriptor, &mut buffer);
        let mut names = Vec::new();
        while let Some(entry) = reading.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") || self.hides(name) {
                continue;
            }
            if names.len() >= most {
                break;
            }
            if let Some(kind) = listed_kind(directory.descriptor.as_fd(), name, entry.file_type())?
            {
                names.push(ListedName { name: name.into(), kind });
            }
        }
        Ok(names)
    }
}

/// The kind of a listed name; asks for it where the filesystem does not tell along with the name.
fn listed_kind(directory: BorrowedFd<'_>, name: &[u8], told: FileType) -> io::Result<Option<Kind>> {
    if told != FileType::Unknown {
        return Ok(kind_of(told));
    }
    examine_in(directory, name).map(|facts| facts.map(|facts| facts.kind))
}

/// What `name` in an opened directory is; `None` when nothing is served there.
pub(super) fn examine_in(directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<Facts>> {
    // A tracked path has no such names; if one came, it must not lead out.
    if matches!(name, b"." | b"..") {
        return Ok(None);
    }
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    match rustix::fs::statx(directory, name, flags, StatxFlags::BASIC_STATS) {
        Ok(status) => Ok(facts_in(&status)),
        Err(error) => if_absent(error, None),
    }
}

/// Resolves `path` below `directory`, with no link on the way; empty means the directory itself.
pub(super) fn open_below(
    directory: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    loop {
        match rustix::fs::openat2(directory, path, flags, Mode::empty(), resolve) {
            // The kernel could not rule out a race with a rename; it asks to try again.
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => return result,
        }
    }
}

/// Facts of something opened; `None` for special files.
pub(super) fn facts_of(descriptor: BorrowedFd<'_>) -> io::Result<Option<Facts>> {
    let status = rustix::fs::statx(descriptor, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    Ok(facts_in(&status))
}

fn facts_in(status: &rustix::fs::Statx) -> Option<Facts> {
    let kind = kind_of(FileType::from_raw_mode(u32::from(status.stx_mode)))?;
    Some(Facts { kind, stamp: Stamp::of(status) })
}

fn kind_of(file_type: FileType) -> Option<Kind> {
    match file_type {
        FileType::RegularFile => Some(Kind::File),
        FileType::Directory => Some(Kind::Directory),
        FileType::Symlink => Some(Kind::Link),
        FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => None,
    }
}

/// Whether a path is the root of another repository's tree.
pub(super) fn is_root(path: &[u8]) -> bool {
    path.first() == Some(&OTHER_TREE) && !path.contains(&b'/')
}

/// Directory and last name of a path.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => {
            (path.get(..slash).unwrap_or_default(), path.get(slash + 1..).unwrap_or_default())
        }
        None => (&[], path),
    }
}

/// Errors that mean "no such thing below the root": missing, below a file, behind a link, outside, unnameable, a socket.
pub(super) fn if_absent<T>(error: Errno, absent: T) -> io::Result<T> {
    match error {
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::LOOP
        | Errno::XDEV
        | Errno::NAMETOOLONG
        | Errno::NXIO => Ok(absent),
        error => Err(error.into()),
    }
}
