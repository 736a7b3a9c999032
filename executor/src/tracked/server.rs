//! The life of a machine's mounts: started over opened FUSE devices, given layers, asked what was read.
//!
//! The mount itself is made, and unmade, by whoever made the machine's namespaces. Does not know where it is.

use super::filesystem::TrackedFilesystem;
use super::large::LargeFiles;
use super::large_filesystem::LargeFilesystem;
use super::read_ahead::raise_read_ahead;
use super::readers::Readers;
use super::repository::Repository;
use super::saved::SavedFiles;
use super::served::Served;
use crate::backend::CopiedFiles;
use crate::read_set::{Question, ReadSet, TrackedPath};
use fuser::{Config, Filesystem, Session, SessionACL};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;

/// Threads that answer requests. One may wait for the disk while another answers.
const THREADS: usize = 3;

/// Threads that answer for the mount of large files: questions are few there.
const LARGE_FILES_THREADS: usize = 1;

/// Serves the repository through a FUSE mount, perhaps its large files through another, and keeps account of what is read through it.
///
/// The serving threads end when the mount is gone, which is when the last mount namespace that holds it ends.
#[derive(Debug)]
pub struct TrackedServer {
    served: Arc<Served>,
    large_files: LargeFiles,
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
        let served = Arc::new(Served::new(repository, Readers::default()));
        let session = session(TrackedFilesystem::new(Arc::clone(&served)), fuse_device, THREADS)?;
        raise_read_ahead(session.as_fd());
        thread::Builder::new().name("tracked-files".to_owned()).spawn(move || session.run())?;
        Ok(Self { served, large_files: LargeFiles::Here })
    }

    /// Starts to serve a guest, whose requests come as messages through `socket` and whose answers go back there. `saved`
    /// is what it was told by an earlier server, if it goes on from a snapshot.
    ///
    /// # Errors
    /// When the repository can't be read, or the host has no more threads.
    pub fn start_for_guest(
        socket: OwnedFd,
        repository: Arc<Repository>,
        saved: Option<&SavedFiles>,
    ) -> io::Result<Self> {
        let served = Arc::new(Served::new(repository, Readers::of_guest()));
        if let Some(saved) = saved {
            served.restore(saved)?;
        }
        let filesystem = TrackedFilesystem::new(Arc::clone(&served));
        // Its first message comes when the guest mounts it, if it ever does.
        thread::Builder::new()
            .name("tracked-files".to_owned())
            .spawn(move || session(filesystem, socket, THREADS)?.run())?;
        Ok(Self { served, large_files: LargeFiles::Here })
    }

    /// What a guest's kernel was told, for a snapshot.
    pub fn save(&self) -> SavedFiles {
        self.served.save()
    }

    /// Serves large files through a second mount, made like the first and laid below it: layers that are added from now
    /// on have, in its root, a directory of the same name if they seem to show large files.
    ///
    /// # Errors
    /// When the kernel can't hand files over (Linux 6.9 can). Then they go on being served through the first mount.
    pub fn serve_large_files(&mut self, fuse_device: OwnedFd) -> io::Result<()> {
        let filesystem = LargeFilesystem::new(Arc::clone(&self.served));
        let session = session(filesystem, fuse_device, LARGE_FILES_THREADS)?;
        thread::Builder::new().name("large-files".to_owned()).spawn(move || session.run())?;
        self.large_files = LargeFiles::Beside;
        Ok(())
    }

    /// Adds the layer of a COPY and returns the name of its directory in the mount's root. At once, whatever its size.
    ///
    /// # Errors
    /// When a machine path is not absolute and normalised.
    pub fn add_layer(&self, files: &CopiedFiles) -> io::Result<String> {
        self.served.add_layer(files, self.large_files)
    }

    /// The files of a layer that was added, here or where it was saved.
    pub fn files_of(&self, layer: &str) -> Option<CopiedFiles> {
        self.served.files_of(layer)
    }

    /// The same for files that are read through the first mount alone, without an overlay.
    ///
    /// # Errors
    /// As for any layer.
    pub fn add_whole_layer(&self, files: &CopiedFiles) -> io::Result<String> {
        self.served.add_layer(files, LargeFiles::Here)
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

/// A mount whose first message has been answered.
fn session<F: Filesystem>(
    filesystem: F,
    fuse_device: OwnedFd,
    threads: usize,
) -> io::Result<Session<F>> {
    let mut config = Config::default();
    config.n_threads = Some(threads);
    Session::from_fd(filesystem, fuse_device, SessionACL::All, config)
}
