//! What takes room in a store besides results, and can be had again: images, bases, other repositories, records of runs.
//!
//! Each kind has its own directory, locks and ways of removing; here is only what [`collect`](super::collect) has to
//! know of them to let the least recently used go first.

use super::StoreError;
use std::time::SystemTime;

/// Begins the names of what is being removed: it was renamed at once, and goes at leisure. Nothing else has such a name,
/// so whoever makes room next removes what an interrupted removal left.
pub(crate) const ASIDE: &str = "gone-";

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeptKind {
    /// An image that was pulled, or taken from a file.
    Image,
    /// A base that was unpacked or installed.
    Base,
    /// A commit of another repository.
    Clone,
    /// A kernel for virtual machines.
    Kernel,
    /// What a run told.
    History,
}

/// Something that takes room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What it is.
    pub kind: KeptKind,
    /// Its name among its kind.
    pub name: String,
    /// What it takes on disk, less what others used more recently need too.
    pub bytes: u64,
    /// When it was used last.
    pub used_at: SystemTime,
    /// Whether it must stay: somebody uses it, or it could not be had again.
    pub is_needed: bool,
}

/// What came of removing something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It is gone; so many bytes on disk are free.
    Removed(u64),
    /// Somebody began to use it.
    InUse,
}

/// All things of a kind.
pub trait Hoard {
    /// Lists them.
    ///
    /// # Errors
    /// When the store can't be read.
    fn list(&self) -> Result<Vec<Kept>, StoreError>;

    /// Removes one unless somebody uses it.
    ///
    /// # Errors
    /// When the store can't be written.
    fn remove(&self, kept: &Kept) -> Result<Attempt, StoreError>;
}
