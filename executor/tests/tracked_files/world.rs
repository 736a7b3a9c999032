//! A repository, and a machine root over it: overlay over FUSE over files, large files through a mount of their own.

use layerc_executor::backend::{CopiedEntry, CopiedFiles};
use layerc_executor::read_set::{Question, TrackedPath};
use layerc_executor::tracked::{Repository, RepositoryOptions, TrackedServer, mount_fuse};
use rustix::mount::{MountFlags, UnmountFlags};
use std::ffi::CString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Names another FUSE device than `/dev/fuse`.
pub(crate) const FUSE_VARIABLE: &str = "LAYERC_TEST_FUSE";

/// Older than the clock's tick: then a stamp is believed.
const SETTLED: Duration = Duration::from_millis(80);

/// A repository and what a machine sees of it.
pub(crate) struct World {
    place: TempDir,
    pub(crate) server: TrackedServer,
    pub(crate) repository: Arc<Repository>,
}

impl World {
    /// A directory that other users may enter.
    pub(crate) fn open_directory() -> TempDir {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    /// The whole repository at `/app`.
    pub(crate) fn new(make: impl FnOnce(&Path)) -> Self {
        Self::copying(make, &[("", "/app")])
    }

    /// Chosen paths of a repository, at chosen places.
    pub(crate) fn copying(make: impl FnOnce(&Path), entries: &[(&str, &str)]) -> Self {
        Self::with(make, entries, RepositoryOptions::default())
    }

    pub(crate) fn with(
        make: impl FnOnce(&Path),
        entries: &[(&str, &str)],
        options: RepositoryOptions,
    ) -> Self {
        let place = Self::open_directory();
        for part in ["repository", "fuse", "large-files", "base", "upper", "work", "root"] {
            fs::create_dir(place.path().join(part)).unwrap();
        }
        make(&place.path().join("repository"));
        std::thread::sleep(SETTLED);
        let device = mount_fuse(&super::fuse_device(), &place.path().join("fuse")).unwrap();
        let repository =
            Arc::new(Repository::open(&place.path().join("repository"), options).unwrap());
        let mut server = TrackedServer::start(device, Arc::clone(&repository)).unwrap();
        let large_files = place.path().join("large-files");
        let device = mount_fuse(&super::fuse_device(), &large_files).unwrap();
        if let Err(error) = server.serve_large_files(device) {
            println!("SKIPPED: large files through a mount of their own ({error})");
            rustix::mount::unmount(&large_files, UnmountFlags::DETACH).unwrap();
        }
        let entry = |&(repository_path, machine_path): &(&str, &str)| CopiedEntry {
            repository_path: repository_path.to_owned(),
            machine_path: machine_path.to_owned(),
        };
        let layer = server
            .add_layer(&CopiedFiles { entries: entries.iter().map(entry).collect() })
            .unwrap();
        let world = Self { place, server, repository };
        world.mount_overlay(&layer);
        world
    }

    /// With the options that machines have.
    fn mount_overlay(&self, layer: &str) {
        let place = self.place.path().display();
        let large_files = self.large_files(layer);
        let large_files = if large_files.is_dir() {
            format!("{}:", large_files.display())
        } else {
            String::new()
        };
        let options = format!(
            "lowerdir={place}/fuse/{layer}:{large_files}{place}/base,upperdir={place}/upper,workdir={place}/work,index=off,xino=auto,userxattr,volatile"
        );
        let options = CString::new(options).unwrap();
        let root = self.place.path().join("root");
        rustix::mount::mount("overlay", root, "overlay", MountFlags::NODEV, options.as_c_str())
            .unwrap();
    }

    /// A path of the repository, from outside.
    pub(crate) fn outside(&self, path: &str) -> PathBuf {
        self.place.path().join("repository").join(path)
    }

    /// A path in the machine.
    pub(crate) fn machine(&self, path: &str) -> PathBuf {
        self.place.path().join("root").join(path.trim_start_matches('/'))
    }

    /// A path on the FUSE mount itself.
    pub(crate) fn mount(&self, path: &str) -> PathBuf {
        self.place.path().join("fuse").join(path)
    }

    /// A path on the mount for large files.
    pub(crate) fn large_files(&self, path: &str) -> PathBuf {
        self.place.path().join("large-files").join(path)
    }

    /// Runs a command line with the machine's root as working directory; says what it printed.
    pub(crate) fn bash(&self, script: &str) -> String {
        let output = Command::new("bash")
            .args(["-c", script])
            .current_dir(self.machine("/"))
            .output()
            .unwrap();
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    }

    /// What was read since the last call, one `path Question` a line.
    pub(crate) fn reads(&self) -> Vec<String> {
        described(self.server.take_reads().answers.keys())
    }

    /// What does not have its first answer any more.
    pub(crate) fn changed(&self) -> Vec<String> {
        described(self.server.changed().unwrap().iter())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for mount in ["root", "fuse", "large-files"] {
            rustix::mount::unmount(self.place.path().join(mount), UnmountFlags::DETACH).ok();
        }
    }
}

/// As `path Question`; the root is `.`.
pub(crate) fn described<'key>(
    keys: impl Iterator<Item = &'key (TrackedPath, Question)>,
) -> Vec<String> {
    keys.map(|(path, question)| match path.as_bytes() {
        [] => format!(". {question:?}"),
        _ => format!("{path} {question:?}"),
    })
    .collect()
}
