//! Large files have a mount of their own, whose reads the kernel passes on to the file on disk without asking here.
//!
//! It lies below the other one in the machine's layers: that one says that a large file is not there, so the kernel
//! looks for it in this one. Opening costs a question here, which counts as reading; in return the bytes come at the speed of
//! the disk's own file system. Only directories that seem to lead to a large file are in it, for in those a name that is
//! absent is asked for twice. Where none was found although there is one, it is served like any other file.

use super::kind::Kind;
use super::nodes::{Node, ROOT_NUMBER};
use super::repository::{Repository, examine_in};
use super::served::Served;
use super::shape::Shape;
use crate::read_set::TrackedPath;
use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;

/// Files from this size on, in bytes. Reading a smaller one takes less time than the questions would cost.
const LARGE_FILE_BYTES: u64 = 1024 * 1024;

/// Names looked at before a directory counts as one without large files.
const MOST_NAMES: usize = 128;

/// Where large files are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LargeFiles {
    /// With all others.
    Here,
    /// From a mount of their own.
    Beside,
}

impl Served {
    /// Whether the mount for large files has this node.
    pub(super) fn is_beside(&self, node: &Node) -> bool {
        match node.resolved.shown.kind {
            Kind::Directory => self.leads_to_large_files(node),
            Kind::File if node.resolved.shown.size >= LARGE_FILE_BYTES => {
                self.node(node.parent()).is_ok_and(|parent| self.leads_to_large_files(&parent))
            }
            Kind::File | Kind::Link => false,
        }
    }

    /// Whether a directory is in the mount for large files. Decided once: both mounts must agree.
    fn leads_to_large_files(&self, directory: &Node) -> bool {
        *directory.leads_to_large_files.get_or_init(|| {
            let is_reached = match directory.parent() {
                ROOT_NUMBER => self.large_files_of(directory) == LargeFiles::Beside,
                parent => self.node(parent).is_ok_and(|parent| self.leads_to_large_files(&parent)),
            };
            is_reached && self.finds_large_file(directory).unwrap_or(false)
        })
    }

    fn finds_large_file(&self, directory: &Node) -> io::Result<bool> {
        let mut paths: VecDeque<TrackedPath> =
            directory.resolved.sources.iter().map(|source| source.path.clone()).collect();
        if let Some(shape) = &directory.resolved.shape {
            add_sources(shape, &mut paths);
        }
        has_large_file(&self.repository, paths)
    }
}

fn add_sources(shape: &Shape, paths: &mut VecDeque<TrackedPath>) {
    for below in shape.children.values() {
        paths.extend(below.sources.iter().map(|source| source.path.clone()));
        add_sources(below, paths);
    }
}

/// Looks for a large file at or below these paths, what is near first. Notes nothing: no step sees what is found.
fn has_large_file(repository: &Repository, mut paths: VecDeque<TrackedPath>) -> io::Result<bool> {
    let mut left = MOST_NAMES;
    while let Some(path) = paths.pop_front() {
        let Some(rest) = left.checked_sub(1) else { return Ok(false) };
        left = rest;
        let Some(facts) = repository.examine(&path)? else { continue };
        match facts.kind {
            Kind::File if facts.size() >= LARGE_FILE_BYTES => return Ok(true),
            Kind::Directory => {}
            Kind::File | Kind::Link => continue,
        }
        let Some(opened) = repository.open_inside(&path, Kind::Directory)? else { continue };
        for listed in repository.first_names(&opened, left)? {
            left = left.saturating_sub(1);
            match listed.kind {
                Kind::Directory => paths.push_back(path.join(&listed.name)),
                Kind::File => {
                    let facts = examine_in(opened.descriptor.as_fd(), &listed.name)?;
                    if facts.is_some_and(|facts| facts.size() >= LARGE_FILE_BYTES) {
                        return Ok(true);
                    }
                }
                Kind::Link => {}
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::{LARGE_FILE_BYTES, MOST_NAMES, has_large_file};
    use crate::read_set::TrackedPath;
    use crate::tracked::{Repository, RepositoryOptions};
    use std::fs;
    use std::path::Path;

    fn check(root: &Path, path: &str, expected: bool) {
        let repository = Repository::open(root, RepositoryOptions::default()).unwrap();
        let found = has_large_file(&repository, [TrackedPath::new(path)].into()).unwrap();
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn a_large_file_is_found_nearby_and_not_at_any_cost() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let make = |path: &str, size: u64| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::File::create(path).unwrap().set_len(size).unwrap();
        };
        make("a/b/large", LARGE_FILE_BYTES);
        make("a/small", LARGE_FILE_BYTES - 1);
        make("c/small", 1);
        (0..MOST_NAMES).for_each(|number| make(&format!("d/x/{number}"), 1));
        make("d/x/y/large", LARGE_FILE_BYTES);
        std::os::unix::fs::symlink("a/b/large", root.join("link")).unwrap();
        check(root, "", true);
        check(root, "a", true);
        check(root, "a/b/large", true);
        check(root, "a/small", false);
        check(root, "c", false);
        check(root, "d", false);
        check(root, "link", false);
        check(root, "missing", false);
    }
}
