//! The life of one mount: started over an opened FUSE device, given layers, asked what was read.
//!
//! The mount itself is made, and unmade, by whoever made the machine's namespaces. Does not know where it is.

use super::filesystem::TrackedFilesystem;
use super::lookup::Served;
use super::read_ahead::raise_read_ahead;
use super::repository::Repository;
use super::shape::Shape;
use crate::backend::CopiedFiles;
use crate::read_set::{Question, ReadSet, TrackedPath};
use fuser::{Config, Session, SessionACL};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;

/// Threads that answer requests. One may wait for the disk while another answers.
const THREADS: usize = 3;

/// Serves the repository through one FUSE mount and keeps account of what is read through it.
///
/// The serving threads end when the mount is gone, which is when the last mount namespace that holds it ends.
#[derive(Debug)]
pub struct TrackedServer {
    served: Arc<Served>,
}

impl TrackedServer {
    /// Starts to serve. `fuse_device` is an open `/dev/fuse` that has been mounted (its first message waits in it).
    ///
    /// Mount it read-only (`ro`), with `allow_other` and without `default_permissions`, from a process in the
    /// executor's own process namespace: by that namespace the kernel numbers the readers.
    ///
    /// # Errors
    /// When the device was not mounted, or the kernel is older than Linux 5.1.
    pub fn start(fuse_device: OwnedFd, repository: Arc<Repository>) -> io::Result<Self> {
        let served = Arc::new(Served::new(repository));
        let filesystem = TrackedFilesystem::new(Arc::clone(&served));
        let mut config = Config::default();
        config.n_threads = Some(THREADS);
        let session = Session::from_fd(filesystem, fuse_device, SessionACL::All, config)?;
        raise_read_ahead(session.as_fd());
        thread::Builder::new().name("tracked-files".to_owned()).spawn(move || session.run())?;
        Ok(Self { served })
    }

    /// Adds the layer of a COPY and returns the name of its directory in the mount's root. At once, whatever its size.
    ///
    /// # Errors
    /// When a machine path is not absolute and normalised.
    pub fn add_layer(&self, files: &CopiedFiles) -> io::Result<String> {
        Ok(self.served.add_layer(Shape::of(files)?))
    }

    /// What was asked since the last call. A question that was asked before, even in an earlier call's set, is not
    /// repeated: its first answer stands for the life of the mount. Unless it got another answer, because the repository
    /// changed: then it is in the set again with that one, or with one that no repository gives when both were given since.
    pub fn take_reads(&self) -> ReadSet {
        self.served.recorder.take()
    }

    /// The questions, of all that were taken, whose answer is not the same any more: the repository changed
    /// while the machine ran, and nothing recorded of it can be relied on.
    ///
    /// # Errors
    /// When the repository can't be read.
    pub fn changed(&self) -> io::Result<Vec<(TrackedPath, Question)>> {
        self.served.recorder.changed()
    }
}
