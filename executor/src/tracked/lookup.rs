//! How a name in a layer becomes a node: COPY's entries in order of rank, directories laid over each other.
//!
//! Everything of the repository that had to be looked at to decide is noted. Does not know FUSE.

use super::kind::Kind;
use super::nodes::{ROOT_NUMBER, Resolved, Shown};
use super::repository::Facts;
use super::served::{Looked, Served};
use super::shape::{Shape, Source};
use crate::read_set::Question;
use std::io;
use std::sync::Arc;

impl Served {
    /// Looks a name up in a directory on behalf of a process.
    pub(super) fn look_up(&self, pid: u32, parent: u64, name: &[u8]) -> io::Result<Looked> {
        if !is_one_name(name) {
            return Err(rustix::io::Errno::INVAL.into());
        }
        if let Some(node) = self.nodes.child(parent, name) {
            return Ok(Looked::Node(node));
        }
        if parent == ROOT_NUMBER && self.layer(name).is_none() {
            return Ok(Looked::AbsentYet);
        }
        let resolved = self.resolve_name(pid, parent, name)?;
        Ok(resolved.map_or(Looked::Absent, |resolved| {
            Looked::Node(self.nodes.add(parent, name, resolved))
        }))
    }

    /// What is seen of a name in a directory now.
    pub(super) fn resolve_name(
        &self,
        pid: u32,
        parent: u64,
        name: &[u8],
    ) -> io::Result<Option<Resolved>> {
        let (sources, shape) = if parent == ROOT_NUMBER {
            let Some(layer) = self.layer(name) else { return Ok(None) };
            (layer.sources.clone(), Some(layer))
        } else {
            below(&self.node(parent)?.resolved, name)
        };
        self.resolve(pid, sources, shape)
    }

    /// Looks a name up in the mount for large files. What exists was looked up in the other mount just before, except a
    /// layer and what leads to its entries, which may be mounted by path; so an unknown name is none, without looking.
    pub(super) fn look_up_beside(&self, pid: u32, parent: u64, name: &[u8]) -> io::Result<Looked> {
        if let Some(node) = self.nodes.child(parent, name) {
            return Ok(Looked::Node(node));
        }
        if parent == ROOT_NUMBER || self.node(parent)?.resolved.shape.is_some() {
            return self.look_up(pid, parent, name);
        }
        Ok(Looked::Absent)
    }

    /// What is seen of the candidates for one name, given highest rank first.
    fn resolve(
        &self,
        pid: u32,
        sources: Vec<Source>,
        shape: Option<Arc<Shape>>,
    ) -> io::Result<Option<Resolved>> {
        let mut made_up = shape.as_ref().and_then(|shape| shape.rank_below);
        let mut resolved: Option<Resolved> = None;
        let directory = |shown| Resolved { shown, sources: Vec::new(), shape: None };
        for source in sources {
            if made_up.take_if(|rank| *rank >= source.rank).is_some() {
                resolved
                    .get_or_insert_with(|| directory(Shown::MADE_UP_DIRECTORY))
                    .shape
                    .clone_from(&shape);
            }
            let Some(facts) = self.examine(pid, &source)? else { continue };
            if facts.kind != Kind::Directory {
                if resolved.is_none() {
                    let shown = Shown::of(&facts);
                    return Ok(Some(Resolved { shown, sources: vec![source], shape: None }));
                }
                return Ok(resolved);
            }
            resolved.get_or_insert_with(|| directory(Shown::of(&facts))).sources.push(source);
        }
        if made_up.is_some() {
            resolved.get_or_insert_with(|| directory(Shown::MADE_UP_DIRECTORY)).shape = shape;
        }
        Ok(resolved)
    }

    fn examine(&self, pid: u32, source: &Source) -> io::Result<Option<Facts>> {
        let facts = self.nearby.examine(&source.path).inspect_err(|error| {
            self.recorder.note_error(pid, &source.path, Question::Existence, error);
        })?;
        self.recorder.note_lookup(pid, &source.path, facts.as_ref());
        Ok(facts)
    }
}

/// Kernels ask for one name at a time. Who asks for more is a guest that wants to get out of what it was given.
fn is_one_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/')
}

/// The candidates for a name in a directory, highest rank first, and the place of the layer they are at.
fn below(directory: &Resolved, name: &[u8]) -> (Vec<Source>, Option<Arc<Shape>>) {
    let mut sources: Vec<_> = directory.sources.iter().map(|source| source.join(name)).collect();
    let shape = directory.shape.as_ref().and_then(|shape| shape.children.get(name)).cloned();
    if let Some(shape) = &shape {
        sources.extend(shape.sources.iter().cloned());
        sources.sort_by_key(|source| std::cmp::Reverse(source.rank));
    }
    (sources, shape)
}
