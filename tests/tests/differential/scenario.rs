//! A scenario: the repository's files, its instructions, and what is edited between runs. Can be applied and printed.

use layerc_tests::repository::Repository;
use std::fmt;
use std::path::Path;

/// One round of the test.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// What the repository starts with.
    pub(crate) tree: Vec<Edit>,
    /// Instructions after FROM and the first COPY.
    pub(crate) instructions: Vec<String>,
    /// How many of them are in the parent Layerfile; the others are in a child of it.
    pub(crate) in_parent: usize,
    /// Edits before the second, third, … run.
    pub(crate) batches: Vec<Vec<Edit>>,
}

/// A change of the repository. One that is not possible is not made, so that parts of a scenario can be left out.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// A file with this text, instead of whatever was there.
    Write(String, String),
    /// More text at a file's end.
    Append(String, String),
    /// A symbolic link, instead of whatever was there: path, target.
    Link(String, String),
    /// Permissions.
    SetMode(String, u32),
    /// Nothing there any more.
    Remove(String),
    /// Somewhere else.
    Rename(String, String),
}

impl Edit {
    /// Makes the change.
    pub(crate) fn apply(&self, repository: &Repository) {
        match self {
            Self::Write(path, text) => {
                if clear(repository, path) {
                    repository.write(path, text);
                }
            }
            Self::Append(path, text) => {
                let full = repository.join(path);
                if full.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
                    let old = std::fs::read_to_string(&full).unwrap();
                    repository.write(path, &format!("{old}{text}"));
                }
            }
            Self::Link(path, target) => {
                if clear(repository, path) {
                    repository.link(target, path);
                }
            }
            Self::SetMode(path, mode) => {
                let full = repository.join(path);
                if full.symlink_metadata().is_ok_and(|metadata| !metadata.is_symlink()) {
                    repository.set_mode(path, *mode);
                }
            }
            Self::Remove(path) => {
                clear(repository, path);
            }
            Self::Rename(from, to) => {
                let is_there = || repository.join(from).symlink_metadata().is_ok();
                let inside = Path::new(to).starts_with(from) || Path::new(from).starts_with(to);
                // Asked again: where a link is on the way both may be the same, which was cleared.
                if is_there() && !inside && clear(repository, to) && is_there() {
                    std::fs::create_dir_all(repository.join(to).parent().unwrap()).unwrap();
                    repository.rename(from, to);
                }
            }
        }
    }
}

/// Removes what is at a path; false if the path leads through something that is no real directory.
fn clear(repository: &Repository, path: &str) -> bool {
    let root = repository.path();
    let full = repository.join(path);
    let parents = full.ancestors().skip(1).take_while(|parent| parent.starts_with(root));
    let blocked =
        |parent: &Path| parent.symlink_metadata().is_ok_and(|metadata| !metadata.is_dir());
    if parents.into_iter().any(blocked) {
        return false;
    }
    if full.symlink_metadata().is_ok() {
        repository.remove(path);
    }
    true
}

/// The last instructions: a secret that is another one in each run, so that what follows always runs, and the
/// description of everything below /srv. Times are left out, and sizes of directories, which tell their history.
const MANIFEST: &str = "SECRET ENV NONCE
RUN cd /srv && find . -printf '%P %y %m %U %l\\n' | LC_ALL=C sort && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 --no-run-if-empty sha256sum && echo \"V=$V\"
";

impl Scenario {
    /// The text of the parent's Layerfile and, if there is one, the child's.
    pub(crate) fn layerfiles(&self) -> Vec<(&'static str, String)> {
        let (parent, child) =
            self.instructions.split_at(self.in_parent.min(self.instructions.len()));
        let lines = |instructions: &[String]| {
            instructions.iter().map(|line| format!("{line}\n")).collect::<String>()
        };
        let begin = "FROM vm/ubuntu:22.04\nWORKDIR /srv/work\nCOPY /tree .\n";
        if child.is_empty() {
            return vec![("Layerfile", format!("{begin}{}{MANIFEST}", lines(parent)))];
        }
        vec![
            ("Layerfile", format!("{begin}{}", lines(parent))),
            ("child/Layerfile", format!("FROM ..\n{}{MANIFEST}", lines(child))),
        ]
    }

    /// The name of the runner that prints the manifest.
    pub(crate) fn last_runner(&self) -> &'static str {
        if self.layerfiles().len() == 1 { "main-layerfile" } else { "child" }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for edit in &self.tree {
            writeln!(formatter, "  at first: {edit:?}")?;
        }
        for (path, text) in self.layerfiles() {
            writeln!(formatter, "  --- {path}\n{text}  ---")?;
        }
        for (number, batch) in self.batches.iter().enumerate() {
            for edit in batch {
                writeln!(formatter, "  before run {}: {edit:?}", number + 2)?;
            }
        }
        Ok(())
    }
}
