//! What one machine is shown, and what was asked of it: the parts that `lookup`, `reading` and `large` work on.
//!
//! Knows which layers and nodes there are, not what is in them. Does not know FUSE.

use super::large::LargeFiles;
use super::nearby::Nearby;
use super::nodes::{Node, Nodes, ROOT_NUMBER};
use super::open_files::OpenFiles;
use super::readers::Readers;
use super::recorder::Recorder;
use super::repository::Repository;
use super::shape::Shape;
use super::wakefulness::Wakefulness;
use crate::backend::CopiedFiles;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

/// One machine's mounts and what was asked of them.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) repository: Arc<Repository>,
    pub(super) nearby: Nearby,
    pub(super) recorder: Recorder,
    pub(super) nodes: Nodes,
    pub(super) open_files: OpenFiles,
    pub(super) wakefulness: Wakefulness,
    /// The layers, by their names in the mount's root.
    layers: RwLock<BTreeMap<String, Layer>>,
}

/// What a COPY shows, or what is shown to the executor's own programs.
#[derive(Debug)]
struct Layer {
    files: CopiedFiles,
    shape: Arc<Shape>,
    large_files: LargeFiles,
}

/// What a name is.
#[derive(Debug)]
pub(super) enum Looked {
    Node(Arc<Node>),
    /// Not there, for the life of the mount.
    Absent,
    /// Not there, but may come: a layer.
    AbsentYet,
}

impl Served {
    pub(super) fn new(repository: Arc<Repository>, readers: Readers) -> Self {
        let recorder = Recorder::new(Arc::clone(&repository), readers);
        let nearby = Nearby::new(Arc::clone(&repository));
        Self {
            repository,
            nearby,
            recorder,
            nodes: Nodes::default(),
            open_files: OpenFiles::default(),
            wakefulness: Wakefulness::default(),
            layers: RwLock::default(),
        }
    }

    /// Adds the layer of these files and names it.
    ///
    /// # Errors
    /// When a machine path is not absolute and normalised.
    pub(super) fn add_layer(
        &self,
        files: &CopiedFiles,
        large_files: LargeFiles,
    ) -> io::Result<String> {
        let shape = Arc::new(Shape::of(files)?);
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        let name = layer_name(layers.len());
        layers.insert(name.clone(), Layer { files: files.clone(), shape, large_files });
        Ok(name)
    }

    /// The files of all layers, in the order in which they were added.
    pub(super) fn layer_files(&self) -> Vec<CopiedFiles> {
        let layers = self.layers.read().unwrap_or_else(PoisonError::into_inner);
        let in_order = (0..layers.len()).filter_map(|number| layers.get(&layer_name(number)));
        in_order.map(|layer| layer.files.clone()).collect()
    }

    /// The files of the layer of this name.
    pub(super) fn files_of(&self, name: &str) -> Option<CopiedFiles> {
        self.in_layer(name.as_bytes(), |layer| layer.files.clone())
    }

    /// What the layer of this name shows.
    pub(super) fn layer(&self, name: &[u8]) -> Option<Arc<Shape>> {
        self.in_layer(name, |layer| Arc::clone(&layer.shape))
    }

    /// Where the large files of a layer are; `node` is its root.
    pub(super) fn large_files_of(&self, node: &Node) -> LargeFiles {
        let is_layer = node.parent() == ROOT_NUMBER;
        let told = self.in_layer(node.name(), |layer| layer.large_files);
        told.filter(|_| is_layer).unwrap_or(LargeFiles::Here)
    }

    fn in_layer<T>(&self, name: &[u8], tell: impl Fn(&Layer) -> T) -> Option<T> {
        let layers = self.layers.read().unwrap_or_else(PoisonError::into_inner);
        layers.get(std::str::from_utf8(name).ok()?).map(tell)
    }

    /// The node of a number that the kernel was given.
    pub(super) fn node(&self, number: u64) -> io::Result<Arc<Node>> {
        self.nodes.get(number).ok_or_else(stale)
    }
}

/// The name of a layer in the mount's root.
fn layer_name(number: usize) -> String {
    format!("c{number}")
}

/// The kernel asks about a number it was never given.
pub(super) fn stale() -> io::Error {
    rustix::io::Errno::STALE.into()
}
