//! Which directory is meant.

use serde::{Deserialize, Serialize};

/// Names a directory that outlives runs: one for each repository, image and path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CacheName {
    /// The repository's root as people know it.
    pub repository: String,
    /// The base image that the chain began with.
    pub image: String,
    /// Absolute, or starting with `~`.
    pub path: String,
    /// Whose home `~` is; empty for an absolute path.
    pub home_of: String,
}

impl CacheName {
    /// 16 hexadecimal digits that are different for different names.
    pub fn id(&self) -> String {
        blake3::hash(&self.to_bytes()).to_hex().chars().take(16).collect()
    }

    /// What [`Self::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Four texts, which postcard can always write.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// What [`Self::to_bytes`] wrote, if it is that.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}
