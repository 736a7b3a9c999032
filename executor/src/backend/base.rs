//! What machines start from: where it comes from, what it is when it is ready, and what of it is where on this machine.
//!
//! Knows nothing of how a base is made.

use crate::reference::Reference;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a base image comes from, after mapping its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ImageSource {
    /// This machine's own root file system, personal things hidden.
    Host,
    /// A folder or tar archive with a root file system.
    RootFileSystem(PathBuf),
    /// Made by Debian's bootstrap program.
    Debootstrap {
        /// For example `bookworm`.
        suite: String,
        /// Archive to install from; `None` for the program's default.
        mirror: Option<String>,
    },
    /// An image of a registry, kept in the store once it was pulled or imported.
    Registry(Reference),
    /// An OCI layout or an archive of images on disk.
    ImageFile {
        /// Directory or file.
        path: PathBuf,
        /// Tag or name, where it holds several.
        image: Option<String>,
    },
}

impl std::fmt::Display for ImageSource {
    /// As `layerc.toml` writes it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host => formatter.write_str("host"),
            Self::RootFileSystem(path) => write!(formatter, "rootfs:{}", path.display()),
            Self::Debootstrap { suite, mirror: None } => write!(formatter, "debootstrap:{suite}"),
            Self::Debootstrap { suite, mirror: Some(mirror) } => {
                write!(formatter, "debootstrap:{suite}@{mirror}")
            }
            Self::Registry(reference) => write!(formatter, "oci:{reference}"),
            Self::ImageFile { path, image: None } => {
                write!(formatter, "oci-layout:{}", path.display())
            }
            Self::ImageFile { path, image: Some(image) } => {
                write!(formatter, "oci-layout:{}:{image}", path.display())
            }
        }
    }
}

/// A base image that is ready to start machines from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseImage {
    /// Digest of what it holds; the seed of every cache key.
    pub identity: [u8; 32],
    /// Read-only directories, bottom first, that make up its root.
    pub directories: Vec<PathBuf>,
    /// Things the user should hear once, for example what of the host is not visible.
    pub notes: Vec<String>,
    /// Variables that every command has unless the Layerfile sets them.
    pub environment: BTreeMap<String, String>,
}

impl BaseImage {
    /// Its directories, as what machines show.
    #[must_use]
    pub fn trees(&self) -> Vec<BaseTree> {
        self.directories.iter().map(|directory| BaseTree::whole(directory)).collect()
    }
}

/// Files of this machine that a base shows, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseTree {
    /// Below the machine's root, without a leading slash; empty for the root itself.
    pub at: PathBuf,
    /// Where they are here.
    pub directory: PathBuf,
}

impl BaseTree {
    /// One that is the machine's root.
    #[must_use]
    pub fn whole(directory: &Path) -> Self {
        Self { at: PathBuf::new(), directory: directory.to_owned() }
    }

    /// Where it keeps a path of the machine (without a leading slash), if that is in it.
    #[must_use]
    pub fn place(&self, path: &Path) -> Option<PathBuf> {
        let rest = path.strip_prefix(&self.at).ok()?;
        let is_itself = rest.as_os_str().is_empty();
        Some(if is_itself { self.directory.clone() } else { self.directory.join(rest) })
    }
}
