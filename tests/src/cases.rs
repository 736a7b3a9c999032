//! Cases: one file holds a repository and what is expected of it. A dropped file is a test.
//!
//! ```text
//! A sentence that says what the case shows.
//! --- services/api/Layerfile
//! FROM /base
//! --- file package.json
//! --- findings
//! error LF0100: …
//! ```
//!
//! `UPDATE_CASES=1` writes the last section anew. Knows nothing of what is expected.

use crate::examples::{Claim, Example};
use layerc_compiler::project::SourceFile;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::EntryKind;
use std::path::{Path, PathBuf};

/// Starts the line above each section.
const SECTION: &str = "--- ";

/// One case.
#[derive(Debug)]
pub struct Case {
    /// Where it was read.
    pub path: PathBuf,
    /// Everything before the expectation.
    given: String,
    /// The repository.
    pub repository: Example,
    /// The text of the last section.
    expected: String,
}

impl Case {
    /// Reads a case whose last section is headed `heading`.
    ///
    /// # Panics
    /// If it can't be read or a section isn't understood.
    pub fn read(path: &Path, heading: &str) -> Self {
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mark = format!("{SECTION}{heading}\n");
        let (given, expected) = text.split_once(&mark).unwrap_or((&text, ""));
        let repository =
            repository(given).unwrap_or_else(|line| panic!("{}: `{line}`", path.display()));
        Self {
            path: path.to_owned(),
            given: given.to_owned(),
            repository,
            expected: expected.to_owned(),
        }
    }

    /// Compares what came out; with `UPDATE_CASES` set, writes it down instead.
    ///
    /// # Errors
    /// The difference, as text.
    pub fn compare(&self, heading: &str, actual: &str) -> Result<(), String> {
        if self.expected == actual {
            return Ok(());
        }
        if std::env::var_os("UPDATE_CASES").is_some() {
            let text = format!("{}{SECTION}{heading}\n{actual}", self.given);
            return std::fs::write(&self.path, text).map_err(|error| error.to_string());
        }
        Err(format!("{}:\nexpected:\n{}\ncame out:\n{actual}", self.path.display(), self.expected))
    }
}

/// The cases of a directory below `tests/cases`, in order.
///
/// # Panics
/// If the directory can't be listed or holds none.
pub fn paths(directory: &str) -> Vec<PathBuf> {
    let directory = crate::project_files::root().join("tests/cases").join(directory);
    let entries = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "case"));
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no case", directory.display());
    paths
}

/// The repository of the sections, or the first section line that isn't understood.
fn repository(text: &str) -> Result<Example, String> {
    let mut example =
        Example { line: 1, claim: Claim::None, layerfiles: Vec::new(), entries: Vec::new() };
    let mut open: Option<SourceFile> = None;
    for line in text.split_inclusive('\n') {
        let Some(name) = line.strip_prefix(SECTION) else {
            open.as_mut().into_iter().for_each(|file| file.text.push_str(line));
            continue;
        };
        example.layerfiles.extend(open.take());
        let name = name.trim_end();
        let (kind, path) = name.split_once(' ').unwrap_or(("layerfile", name));
        let path = RepoPath::new(path).ok_or(line)?;
        match kind {
            "layerfile" => open = Some(SourceFile { path, text: String::new() }),
            "file" => example.entries.push((path, EntryKind::File)),
            "link" => example.entries.push((path, EntryKind::Symlink)),
            _ => return Err(line.to_owned()),
        }
    }
    example.layerfiles.extend(open);
    Ok(example)
}
