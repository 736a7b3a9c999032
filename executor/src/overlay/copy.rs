//! What a COPY shows where: directories show their contents in the destination, files show themselves in it or as it.
//!
//! Knows the destination as the machine resolved it, and whether sources are directories. Looks at nothing else.

use crate::agent::protocol::Found;
use crate::backend::{BackendError, CopiedEntry, CopiedFiles};
use std::collections::BTreeSet;

/// A source and whether it is a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    Directory(&'a str),
    File(&'a str),
}

/// A destination and what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// As written in the Layerfile.
    pub(crate) written: &'a str,
    /// Absolute, links followed.
    pub(crate) path: &'a str,
    pub(crate) found: Found,
}

/// The entries of a COPY.
pub(crate) fn entries(
    sources: &[Source<'_>],
    target: Target<'_>,
) -> Result<CopiedFiles, BackendError> {
    let into = goes_into(sources, target);
    let entries = sources.iter().map(|source| match *source {
        Source::Directory(_) if target.found == Found::File => Err(BackendError::Refused(format!(
            "cannot copy a directory over the file `{}`",
            target.path
        ))),
        Source::Directory(path) => Ok(entry(path, target.path.to_owned())),
        Source::File(_) if into && target.found == Found::File => {
            Err(BackendError::Refused(format!("cannot copy into `{}`: it is a file", target.path)))
        }
        Source::File(path) if into => Ok(entry(path, join(target.path, base_name(path)))),
        Source::File(path) => Ok(entry(path, target.path.to_owned())),
    });
    Ok(CopiedFiles { entries: entries.collect::<Result<_, _>>()? })
}

/// Whether files go into the destination under their own names.
fn goes_into(sources: &[Source<'_>], target: Target<'_>) -> bool {
    let names_directory = ["/", "/.", "/.."].iter().any(|end| target.written.ends_with(end))
        || [".", "..", "~"].contains(&target.written);
    names_directory || target.found == Found::Directory || sources.len() > 1
}

fn entry(repository_path: &str, machine_path: String) -> CopiedEntry {
    CopiedEntry { repository_path: repository_path.to_owned(), machine_path }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn join(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

/// Directories of the machine that lead to the entries, and the entries themselves, without leading slash, parents
/// first: where they exist already they keep their attributes.
pub(crate) fn passages(files: &CopiedFiles) -> Vec<String> {
    let mut passages = BTreeSet::new();
    for entry in &files.entries {
        let path = entry.machine_path.trim_matches('/');
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        passages.extend(ends.filter_map(|end| path.get(..end)).filter(|path| !path.is_empty()));
    }
    passages.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sources: &[Source<'_>], written: &str, path: &str, found: Found, expected: &str) {
        let answer = match entries(sources, Target { written, path, found }) {
            Ok(files) => {
                let lines = files
                    .entries
                    .iter()
                    .map(|entry| format!("{}={}", entry.repository_path, entry.machine_path));
                lines.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(answer, expected);
    }

    #[test]
    fn files_go_into_directories_and_over_files() {
        let file = [Source::File("a/x.txt")];
        check(&file, "/app/", "/app", Found::Nothing, "a/x.txt=/app/x.txt");
        check(&file, ".", "/root", Found::Directory, "a/x.txt=/root/x.txt");
        check(&file, "/app", "/app", Found::Directory, "a/x.txt=/app/x.txt");
        check(&file, "/app", "/app", Found::Nothing, "a/x.txt=/app");
        check(&file, "/app", "/app", Found::File, "a/x.txt=/app");
        check(&file, "/app/", "/app", Found::File, "cannot copy into `/app`: it is a file");
        check(&file, "/", "/", Found::Directory, "a/x.txt=/x.txt");
    }

    #[test]
    fn directories_show_their_contents() {
        let directory = [Source::Directory("web")];
        check(&directory, ".", "/root", Found::Directory, "web=/root");
        check(&directory, "/new", "/new", Found::Nothing, "web=/new");
        check(&directory, "/x", "/x", Found::File, "cannot copy a directory over the file `/x`");
    }

    #[test]
    fn several_sources_keep_their_order() {
        let sources = [Source::Directory("a"), Source::File("b"), Source::Directory("")];
        check(&sources, "/d/", "/d", Found::Nothing, "a=/d b=/d/b =/d");
    }

    #[test]
    fn every_directory_on_the_way_is_a_passage() {
        let files = entries(
            &[Source::File("x")],
            Target { written: "/a/b/", path: "/a/b", found: Found::Nothing },
        );
        assert_eq!(passages(&files.unwrap()), ["a", "a/b", "a/b/x"]);
    }
}
