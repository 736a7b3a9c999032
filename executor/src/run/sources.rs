//! COPY's sources: globs expanded against the repository, and everything asked on the way written down, so that a
//! file that comes to match a pattern makes the step run again.

use crate::read_set::{Answer, Question, ReadSet, Reader, TrackedPath};
use crate::repository_view::RepositoryView;
use layerc_planner::pattern::{is_pattern, matches};
use std::io;

/// Why the sources can't be copied.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceError {
    /// Nothing there.
    #[error("the source `{0}` does not exist in the repository")]
    Missing(TrackedPath),
    /// Nothing fits.
    #[error("no file in the repository matches the source `{0}`")]
    NoMatch(TrackedPath),
    /// The repository can't be read.
    #[error("cannot look at `{0}` in the repository")]
    Unreadable(String, #[source] io::Error),
}

/// Looks sources up; notes what was asked in `reads`.
pub(super) fn expand(
    sources: &[String],
    repository: &dyn RepositoryView,
    reads: &mut ReadSet,
) -> Result<Vec<String>, SourceError> {
    let mut found = Vec::new();
    for source in sources {
        found.extend(expand_one(source.trim_matches('/'), repository, reads)?);
    }
    Ok(found)
}

fn expand_one(
    source: &str,
    repository: &dyn RepositoryView,
    reads: &mut ReadSet,
) -> Result<Vec<String>, SourceError> {
    let unreadable = |error| SourceError::Unreadable(source.to_owned(), error);
    let path = TrackedPath::new(source);
    ask(repository, reads, &path, Question::Existence).map_err(unreadable)?;
    if repository.kind(&path).map_err(unreadable)?.is_some() {
        return Ok(vec![source.to_owned()]);
    }
    if !is_pattern(source) {
        return Err(SourceError::Missing(path));
    }
    let mut matches = vec![String::new()];
    for component in source.split('/') {
        matches = descend(&matches, component, repository, reads)?;
    }
    if matches.is_empty() { Err(SourceError::NoMatch(path)) } else { Ok(matches) }
}

/// The paths one component further down, sorted.
fn descend(
    directories: &[String],
    component: &str,
    repository: &dyn RepositoryView,
    reads: &mut ReadSet,
) -> Result<Vec<String>, SourceError> {
    let mut next = Vec::new();
    for directory in directories {
        let unreadable = |error| SourceError::Unreadable(directory.clone(), error);
        let path = TrackedPath::new(directory.as_bytes());
        if is_pattern(component) {
            ask(repository, reads, &path, Question::Listing).map_err(unreadable)?;
            let names = repository.names(&path).map_err(unreadable)?;
            let names = names.into_iter().filter_map(|name| String::from_utf8(name).ok());
            next.extend(
                names.filter(|name| matches(component, name)).map(|name| joined(directory, &name)),
            );
        } else {
            let child = joined(directory, component);
            let path = TrackedPath::new(child.as_bytes());
            ask(repository, reads, &path, Question::Existence).map_err(unreadable)?;
            if repository.kind(&path).map_err(unreadable)?.is_some() {
                next.push(child);
            }
        }
    }
    next.sort_unstable();
    Ok(next)
}

fn joined(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Asks for the executor itself.
fn ask(
    repository: &dyn RepositoryView,
    reads: &mut ReadSet,
    path: &TrackedPath,
    question: Question,
) -> io::Result<()> {
    let fingerprint = repository.fingerprint(path, question)?;
    let reader = Reader { command: "layerc".to_owned(), pid: 0 };
    reads.answers.entry((path.clone(), question)).or_insert(Answer { fingerprint, reader });
    Ok(())
}
