//! The directories of the store that belong to images.
//!
//! ```text
//! images/lock            shared by who uses images, taken alone by who removes some
//! images/names/HASH      what a name stands for, one JSON document each
//! images/documents/HEX   manifests and configurations, by digest
//! images/layers/NAME     unpacked layers; they never change
//! images/partial/HEX     blobs on their way: compressed layers, kept when a transfer breaks so that it can go on
//! ```
//!
//! Everything is made beside and moved into place, and a name is written last: whatever a crash leaves, a name that can
//! be read stands for an image that is whole.

use super::documents::{DOCUMENT_LIMIT_BYTES, Documents};
use super::error::{Doing, ImageError};
use crate::reference::Digest;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where an image came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Its registry.
    Registry,
    /// A layout or archive.
    File,
}

/// An image of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// As the user names it, completed.
    pub name: String,
    /// Digest of its manifest.
    pub manifest: Digest,
    /// Digest of its configuration.
    pub configuration: Digest,
    /// Directories of `images/layers`, bottom first.
    pub layers: Vec<String>,
    /// Bytes of its layers as they were transferred.
    pub size_bytes: u64,
    /// Seconds since 1970 when it came here.
    pub since_seconds: u64,
    /// Where from.
    pub origin: Origin,
    /// Variables its programs start with, as `NAME=VALUE`.
    pub environment: Vec<String>,
    /// What the user should hear when it is used first.
    pub notes: Vec<String>,
    /// What `stat` said of the file it was taken from, if it stands for that file; else empty.
    pub stamp: String,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Shelf {
    root: PathBuf,
}

/// As long as this lives, no layer is removed.
#[derive(Debug)]
pub struct Using(#[expect(dead_code, reason = "holds the lock")] File);

/// A file that goes with this value.
#[derive(Debug)]
pub(super) struct Scratch(pub(super) PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is swept when an image is removed.
        let _ = fs::remove_file(&self.0);
    }
}

impl Shelf {
    /// Makes what is missing.
    pub(super) fn open(store_directory: &Path) -> Result<Self, ImageError> {
        let root = store_directory.join("images");
        for name in ["names", "documents", "layers", "partial"] {
            let path = root.join(name);
            fs::create_dir_all(&path).doing(|| format!("make `{}`", path.display()))?;
        }
        let root = root.canonicalize().doing(|| format!("find `{}`", root.display()))?;
        Ok(Self { root })
    }

    pub(super) fn layers(&self) -> PathBuf {
        self.root.join("layers")
    }

    /// Where a blob is gathered.
    pub(super) fn partial(&self, digest: &Digest) -> PathBuf {
        self.root.join("partial").join(digest.digits())
    }

    /// A file for something that is only needed for a while.
    pub(super) fn scratch(&self) -> Result<(Scratch, File), ImageError> {
        let path = self.root.join("partial").join(format!("scratch-{}", fresh_name()));
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.doing(|| format!("make `{}`", path.display()))?;
        Ok((Scratch(path), file))
    }

    fn lock(&self, how: FlockOperation) -> Result<File, ImageError> {
        let path = self.root.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.doing(|| format!("open `{}`", path.display()))?;
        match flock(&file, how) {
            Ok(()) => Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(ImageError::InUse),
            Err(error) => Err(error).doing(|| format!("lock `{}`", path.display())),
        }
    }

    pub(super) fn use_it(&self) -> Result<Using, ImageError> {
        self.lock(FlockOperation::LockShared).map(Using)
    }

    pub(super) fn use_it_alone(&self) -> Result<Using, ImageError> {
        self.lock(FlockOperation::NonBlockingLockExclusive).map(Using)
    }

    /// Writes a file so that it is either there as a whole or not at all.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), ImageError> {
        let action = || format!("write `{}`", path.display());
        let beside = path.with_extension(format!("new-{}", fresh_name()));
        let mut file = File::create(&beside).doing(action)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let placed = written.and_then(|()| fs::rename(&beside, path));
        placed.map_err(|error| {
            let _ = fs::remove_file(&beside);
            ImageError::System { action: action(), source: error }
        })
    }

    pub(super) fn keep_documents(&self, documents: &Documents) -> Result<(), ImageError> {
        for bytes in [&documents.configuration_bytes, &documents.manifest_bytes] {
            self.write(&self.root.join("documents").join(Digest::of(bytes).digits()), bytes)?;
        }
        Ok(())
    }

    fn name_file(&self, name: &str) -> PathBuf {
        self.root.join("names").join(blake3::hash(name.as_bytes()).to_hex().as_str())
    }

    /// Gives an image a name. Another image that had it is forgotten.
    pub(super) fn record(
        &self,
        name: &str,
        image: &Image,
        origin: Origin,
    ) -> Result<Image, ImageError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let image =
            Image { name: name.to_owned(), origin, since_seconds: now.as_secs(), ..image.clone() };
        let text = serde_json::to_vec_pretty(&image).map_err(|error| ImageError::System {
            action: "write down an image".to_owned(),
            source: error.into(),
        })?;
        self.write(&self.name_file(name), &text)?;
        Ok(image)
    }

    /// The image of a name. A document that can't be read is as good as none: the image is fetched again.
    pub(super) fn find(&self, name: &str) -> Result<Option<Image>, ImageError> {
        Ok(read_image(&self.name_file(name))?.filter(|image| image.name == name))
    }

    /// When an image was used last; the beginning of time if nobody knows.
    pub(super) fn used_at(&self, name: &str) -> SystemTime {
        let modified = fs::metadata(self.name_file(name)).and_then(|found| found.modified());
        modified.unwrap_or(UNIX_EPOCH)
    }

    /// Writes down that an image is used now.
    pub(super) fn note_use(&self, name: &str) {
        if let Ok(file) = File::open(self.name_file(name)) {
            // Who may only read the store uses its images all the same.
            let _ = file.set_modified(SystemTime::now());
        }
    }

    pub(super) fn list(&self) -> Result<Vec<Image>, ImageError> {
        let directory = self.root.join("names");
        let entries =
            fs::read_dir(&directory).doing(|| format!("list `{}`", directory.display()))?;
        let mut images = Vec::new();
        for entry in entries.flatten() {
            images.extend(read_image(&entry.path())?);
        }
        images.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(images)
    }

    /// Removes a name.
    pub(super) fn forget(&self, name: &str) -> Result<(), ImageError> {
        match fs::remove_file(self.name_file(name)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(ImageError::Unknown(name.to_owned()))
            }
            other => other.doing(|| format!("forget the image `{name}`")),
        }
    }

    /// Documents and half-made things that none of these images needs.
    pub(super) fn leftovers(&self, kept: &[Image]) -> Vec<PathBuf> {
        let documents: Vec<&str> = kept
            .iter()
            .flat_map(|image| [image.manifest.digits(), image.configuration.digits()])
            .collect();
        let unneeded = |directory: &str, needed: &dyn Fn(&str) -> bool| {
            let entries = fs::read_dir(self.root.join(directory)).into_iter().flatten().flatten();
            let entries = entries.filter(|entry| !needed(&entry.file_name().to_string_lossy()));
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        let mut leftovers = unneeded("documents", &|name| documents.contains(&name));
        leftovers.extend(unneeded("partial", &|_| false));
        leftovers
    }
}

fn read_image(path: &Path) -> Result<Option<Image>, ImageError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.doing(|| format!("read `{}`", path.display()))?,
    };
    let mut bytes = Vec::new();
    let read = file.take(DOCUMENT_LIMIT_BYTES).read_to_end(&mut bytes);
    read.doing(|| format!("read `{}`", path.display()))?;
    Ok(serde_json::from_slice(&bytes).ok())
}

/// A name that no other call gives, here or in another process.
pub(super) fn fresh_name() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NAMES: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{now:x}-{}-{}", std::process::id(), NAMES.fetch_add(1, Ordering::Relaxed))
}
