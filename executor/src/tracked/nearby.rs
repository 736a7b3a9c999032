//! The repository as requests come: one directory after the other. The directory asked last stays open for a moment,
//! which spares the kernel the walk to it.
//!
//! For a moment only: a directory that is moved while a machine runs must not be served from its new place. Not used
//! to verify answers. Knows no digests and no FUSE.

use super::repository::{Facts, OpenedFile, Repository, examine_in, is_root, split};
use crate::read_set::TrackedPath;
use rustix::fs::OFlags;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a directory stays open without being looked for again.
const KEPT: Duration = Duration::from_millis(5);

/// Looks into the repository for requests.
#[derive(Debug)]
pub(super) struct Nearby {
    repository: Arc<Repository>,
    last: Mutex<Option<Arc<Directory>>>,
}

#[derive(Debug)]
struct Directory {
    path: Vec<u8>,
    descriptor: OwnedFd,
    opened: Instant,
}

impl Nearby {
    pub(super) fn new(repository: Arc<Repository>) -> Self {
        Self { repository, last: Mutex::default() }
    }

    /// What `path` is; `None` when nothing is served there.
    pub(super) fn examine(&self, path: &TrackedPath) -> io::Result<Option<Facts>> {
        let (directory, name) = split(path.as_bytes());
        if name.is_empty() || is_root(path.as_bytes()) {
            return self.repository.examine(path);
        }
        if self.repository.hides(path.as_bytes()) {
            return Ok(None);
        }
        match self.directory(directory)? {
            Some(directory) => examine_in(directory.descriptor.as_fd(), name),
            None => Ok(None),
        }
    }

    /// Opens the file at `path`; `None` when nothing is served there.
    pub(super) fn open_file(&self, path: &TrackedPath) -> io::Result<Option<OpenedFile>> {
        let (directory, name) = split(path.as_bytes());
        if name.is_empty() || self.repository.hides(path.as_bytes()) {
            return Ok(None);
        }
        match self.directory(directory)? {
            Some(directory) => OpenedFile::file_in(directory.descriptor.as_fd(), name),
            None => Ok(None),
        }
    }

    fn directory(&self, path: &[u8]) -> io::Result<Option<Arc<Directory>>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(directory) = &*last
            && directory.path == path
            && now.duration_since(directory.opened) < KEPT
        {
            return Ok(Some(Arc::clone(directory)));
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = match self.repository.resolve(path, flags) {
            Ok(descriptor) => descriptor,
            Err(error) => return super::repository::if_absent(error, None),
        };
        let directory = Arc::new(Directory { path: path.to_vec(), descriptor, opened: now });
        *last = Some(Arc::clone(&directory));
        Ok(Some(directory))
    }
}
