//! What a guest's kernel was told, in a form that goes with a snapshot: layers, and the numbers of everything it knows.
//!
//! Another server goes on from it, perhaps over another commit. It is the same wherever the guest was told something,
//! since a snapshot is only used when those answers are the same today; where nothing was told, it shows what is there now.

use super::large::LargeFiles;
use super::nodes::{Node, ROOT_NUMBER};
use super::served::Served;
use crate::backend::CopiedFiles;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io;

/// Most names that are read back.
const MOST_NODES: usize = 16 << 20;

/// The process that nobody is.
const NOBODY: u32 = 0;

/// A name that the guest's kernel knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedNode {
    number: u64,
    parent: u64,
    name: Vec<u8>,
}

/// All that a server must know to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFiles {
    layers: Vec<CopiedFiles>,
    /// Those above come first.
    nodes: Vec<SavedNode>,
}

impl Served {
    /// What the kernel knows now.
    pub(super) fn save(&self) -> SavedFiles {
        let mut of_parents: HashMap<u64, Vec<SavedNode>> = HashMap::new();
        for node in self.nodes.all() {
            let (parent, name) = (node.parent(), node.name().to_vec());
            of_parents.entry(parent).or_default().push(SavedNode {
                number: node.number,
                parent,
                name,
            });
        }
        let mut nodes = Vec::new();
        let mut above = vec![ROOT_NUMBER];
        while let Some(parent) = above.pop() {
            let mut below = of_parents.remove(&parent).unwrap_or_default();
            below.sort_unstable_by(|left, right| left.name.cmp(&right.name));
            above.extend(below.iter().map(|node| node.number));
            nodes.extend(below);
        }
        SavedFiles { layers: self.layer_files(), nodes }
    }

    /// Goes on from there. Names that are gone by now stay unknown: the kernel hears so when it asks.
    ///
    /// # Errors
    /// When it can't have been saved by a server, or the repository can't be read.
    pub(super) fn restore(&self, saved: &SavedFiles) -> io::Result<()> {
        if saved.nodes.len() > MOST_NODES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "too many files in a snapshot"));
        }
        for files in &saved.layers {
            self.add_layer(files, LargeFiles::Here)?;
        }
        for node in &saved.nodes {
            let resolved = self.resolve_name(NOBODY, node.parent, &node.name);
            if let Ok(Some(resolved)) = resolved {
                self.nodes.insert(Node::new(node.number, node.parent, &node.name, resolved));
            }
        }
        // Looked at for the machine's earlier life, in whose records it is.
        let _noted = self.recorder.take();
        Ok(())
    }
}
