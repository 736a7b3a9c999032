//! What the kernel has been told about: every name that was looked up and exists, with its first answer.
//!
//! A node keeps its first answer for the life of the mount, so that a machine sees one state of a thing even when
//! the kernel forgets and asks again. Numbers are made from names: the same COPY gives a file the same inode
//! number in every machine. Does not look at the repository.

use super::kind::Kind;
use super::listing::Listing;
use super::repository::Facts;
use super::shape::{Shape, Source};
use super::stamp::Stamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

/// The root of the mount, by FUSE's rule.
pub(super) const ROOT_NUMBER: u64 = 1;

/// Permission bits of a directory that only leads to an entry.
const MADE_UP_DIRECTORY_MODE: u16 = 0o755;

/// What `stat` is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) kind: Kind,
    pub(super) mode: u16,
    pub(super) size: u64,
    /// Since 1970.
    pub(super) modified_nanoseconds: i64,
}

impl Shown {
    /// A directory on the way to an entry. Its time is always the same.
    pub(super) const MADE_UP_DIRECTORY: Self = Self {
        kind: Kind::Directory,
        mode: MADE_UP_DIRECTORY_MODE,
        size: 0,
        modified_nanoseconds: 0,
    };

    pub(super) fn of(facts: &Facts) -> Self {
        Self {
            kind: facts.kind,
            mode: facts.mode(),
            size: facts.size(),
            modified_nanoseconds: facts.stamp.modified_nanoseconds,
        }
    }

    /// Whether both are the same but for their times.
    pub(super) fn is_same_answer(&self, other: &Self) -> bool {
        (self.kind, self.mode, self.size) == (other.kind, other.mode, other.size)
    }
}

/// What a name turned out to be.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) shown: Shown,
    /// Where its inside comes from, first seen first: one file or link, or directories laid over each other.
    pub(super) sources: Vec<Source>,
    /// Entries at or below this place of the layer, if it is a directory.
    pub(super) shape: Option<Arc<Shape>>,
}

/// Something the kernel knows.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) number: u64,
    parent: u64,
    name: Box<[u8]>,
    pub(super) resolved: Resolved,
    /// Of a directory: whether the mount for large files has it. Decided when it is asked first.
    pub(super) leads_to_large_files: OnceLock<bool>,
    inside: Mutex<Inside>,
}

/// First answers about the inside.
#[derive(Debug, Default)]
pub(super) struct Inside {
    pub(super) listing: Option<Arc<Listing>>,
    /// The stamp of the file when its content was first read.
    pub(super) content: Option<Stamp>,
    pub(super) target: Option<Arc<[u8]>>,
}

impl Node {
    pub(super) fn new(number: u64, parent: u64, name: &[u8], resolved: Resolved) -> Self {
        Self {
            number,
            parent,
            name: name.into(),
            resolved,
            leads_to_large_files: OnceLock::new(),
            inside: Mutex::default(),
        }
    }

    pub(super) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn parent(&self) -> u64 {
        self.parent
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(super) fn is_file(&self) -> bool {
        self.resolved.shown.kind == Kind::File
    }
}

/// All nodes of one mount but its root.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    by_number: RwLock<HashMap<u64, Arc<Node>>>,
}

impl Nodes {
    pub(super) fn get(&self, number: u64) -> Option<Arc<Node>> {
        self.by_number.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    /// The node of a name, if it was looked up before.
    pub(super) fn child(&self, parent: u64, name: &[u8]) -> Option<Arc<Node>> {
        let nodes = self.by_number.read().unwrap_or_else(PoisonError::into_inner);
        find(&nodes, parent, name).ok()
    }

    /// All of them, in no order.
    pub(super) fn all(&self) -> Vec<Arc<Node>> {
        let nodes = self.by_number.read().unwrap_or_else(PoisonError::into_inner);
        nodes.values().cloned().collect()
    }

    /// Adds a node that the kernel knows by its number.
    pub(super) fn insert(&self, node: Node) {
        let mut nodes = self.by_number.write().unwrap_or_else(PoisonError::into_inner);
        nodes.insert(node.number, Arc::new(node));
    }

    /// Adds the node of a name; when another thread was first, its node is returned.
    pub(super) fn add(&self, parent: u64, name: &[u8], resolved: Resolved) -> Arc<Node> {
        let mut nodes = self.by_number.write().unwrap_or_else(PoisonError::into_inner);
        let number = match find(&nodes, parent, name) {
            Ok(node) => return node,
            Err(number) => number,
        };
        let node = Arc::new(Node::new(number, parent, name, resolved));
        nodes.insert(number, Arc::clone(&node));
        node
    }
}

/// The node of a name, or the number it would get.
fn find(nodes: &HashMap<u64, Arc<Node>>, parent: u64, name: &[u8]) -> Result<Arc<Node>, u64> {
    let mut number = number_of(parent, name);
    while let Some(node) = nodes.get(&number) {
        if node.parent == parent && *node.name == *name {
            return Ok(Arc::clone(node));
        }
        number = usable(number.wrapping_add(1));
    }
    Err(number)
}

/// The number a name has unless another name took it: a hash (FNV-1a, then mixed) of the names from the root.
pub(super) fn number_of(parent: u64, name: &[u8]) -> u64 {
    let mut hash = parent ^ 0xcbf2_9ce4_8422_2325;
    for &byte in name {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ hash >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    usable(hash ^ hash >> 32)
}

/// Numbers that mean nothing special: not 0 (no node), not the root's, and positive as a signed number.
fn usable(number: u64) -> u64 {
    let number = number & (u64::MAX >> 1);
    if number <= ROOT_NUMBER { number + ROOT_NUMBER + 1 } else { number }
}

#[cfg(test)]
mod tests {
    use super::{Nodes, ROOT_NUMBER, Resolved, Shown, number_of};

    fn nothing() -> Resolved {
        Resolved { shown: Shown::MADE_UP_DIRECTORY, sources: Vec::new(), shape: None }
    }

    #[test]
    fn a_name_has_one_node_and_the_same_number_in_every_mount() {
        let (first, second) = (Nodes::default(), Nodes::default());
        let node = first.add(ROOT_NUMBER, b"a", nothing());
        assert_eq!(first.add(ROOT_NUMBER, b"a", nothing()).number, node.number);
        assert_eq!(second.add(ROOT_NUMBER, b"a", nothing()).number, node.number);
        assert_ne!(first.add(ROOT_NUMBER, b"b", nothing()).number, node.number);
        assert_ne!(first.add(node.number, b"a", nothing()).number, node.number);
    }

    #[test]
    fn names_whose_numbers_collide_get_different_nodes() {
        let nodes = Nodes::default();
        let taken = number_of(ROOT_NUMBER, b"a");
        nodes.insert(super::Node::new(taken, 77, b"squatter", nothing()));
        assert!(nodes.child(ROOT_NUMBER, b"a").is_none());
        let node = nodes.add(ROOT_NUMBER, b"a", nothing());
        assert_ne!(node.number, taken);
        assert_eq!(nodes.child(ROOT_NUMBER, b"a").unwrap().number, node.number);
    }
}
