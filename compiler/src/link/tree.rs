//! Files that instructions take from the repository: sources of COPY and paths of SETUP FILE.
//!
//! Asks the tree only whether names exist; contents are nobody's business here.

use super::glob::{self, Found};
use super::resolve::relative;
use super::with_ids;
use crate::analysis::FileAnalysis;
use crate::diagnostic::{Applicability, Diagnostic};
use crate::directive::{Instruction, Word};
use crate::findings::Findings;
use crate::nearest::nearest;
use crate::pattern::is_pattern;
use crate::repo_path::RepoPath;
use crate::rules;
use crate::sources::{EntryKind, Sources};
use crate::span::FileId;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Missing names that get a "did you mean" in one linking; each lists a directory.
const SUGGESTIONS_LIMIT: u32 = 64;

/// The resolved paths of each SETUP FILE, by file and index of the instruction.
pub(crate) type SetupFiles = BTreeMap<(FileId, usize), Vec<RepoPath>>;

/// Checks every COPY and SETUP FILE, and resolves the latter.
pub(crate) fn check(
    files: &[&FileAnalysis],
    sources: &dyn Sources,
    findings: &mut Findings,
) -> SetupFiles {
    let known = sources.kind(&RepoPath::root()).is_some();
    let tree =
        Tree { sources: known.then_some(sources), suggestions_left: Cell::new(SUGGESTIONS_LIMIT) };
    let mut setup_files = SetupFiles::new();
    for (id, file) in with_ids(files) {
        for (index, directive) in file.directives.iter().enumerate() {
            match &directive.instruction {
                Instruction::Copy(copy) => {
                    for word in &copy.sources {
                        findings.extend(tree.copy_source(id, &file.directory, word));
                    }
                }
                Instruction::SetupFile(words) => {
                    let resolve = |word| tree.setup_file(id, &file.directory, word, findings);
                    setup_files.insert((id, index), words.iter().filter_map(resolve).collect());
                }
                _ => {}
            }
        }
    }
    setup_files
}

/// The repository as far as it is known.
struct Tree<'a> {
    /// `None` if nothing is known: then nothing is missing.
    sources: Option<&'a dyn Sources>,
    suggestions_left: Cell<u32>,
}

impl Tree<'_> {
    fn copy_source(&self, id: FileId, directory: &RepoPath, word: &Word) -> Option<Diagnostic> {
        let text = word.value.as_str();
        if text.starts_with('~') {
            let message = format!(
                "`{text}` isn't in the repository: sources of COPY are files of the repository"
            );
            return Some(rules::COPY_SOURCE_MISSING.at(id, word.span, message));
        }
        let Some(path) = RepoPath::resolve(directory, text) else {
            let message = format!("`{text}` leaves the repository, which ends at its root");
            let help = "copy files into the repository first, or fetch them in a RUN";
            return Some(rules::COPY_OUTSIDE.at(id, word.span, message).with_help(help));
        };
        if path.components().any(|component| component == ".git") {
            let message = format!("`{text}` isn't copied: `.git` is left out of the machine");
            let help =
                "use the variables GIT_COMMIT, GIT_BRANCH and so on, or CLONE the repository";
            return Some(rules::COPY_GIT.at(id, word.span, message).with_help(help));
        }
        if is_pattern(text) && self.sources.is_none_or(|sources| sources.kind(&path).is_none()) {
            return self.copy_pattern(id, word, &path);
        }
        if self.may_exist(&path) {
            return None;
        }
        let message = format!("there is no `{path}` in the repository");
        let diagnostic = rules::COPY_SOURCE_MISSING.at(id, word.span, message);
        Some(self.with_suggestion(diagnostic, directory, word, &path))
    }

    fn copy_pattern(&self, id: FileId, word: &Word, path: &RepoPath) -> Option<Diagnostic> {
        let found = self.sources.map_or(Found::TooMuch, |sources| glob::find(sources, path));
        if found == Found::Nothing {
            let message = format!("the pattern `{}` matches nothing in the repository", word.value);
            return Some(rules::COPY_SOURCE_MISSING.at(id, word.span, message));
        }
        let message = format!(
            "the pattern `{}` is understood here, but not by other Layerfile tools",
            word.value
        );
        Some(
            rules::COPY_GLOB
                .at(id, word.span, message)
                .with_help("name the files or their directory to stay portable"),
        )
    }

    /// Whether something is at `path`, as far as is known. Below a link everything may be.
    fn may_exist(&self, path: &RepoPath) -> bool {
        let Some(sources) = self.sources else { return true };
        if sources.kind(path).is_some() {
            return true;
        }
        let above = std::iter::successors(path.parent(), RepoPath::parent);
        above.map(|directory| sources.kind(&directory)).any(|kind| kind == Some(EntryKind::Symlink))
    }

    fn setup_file(
        &self,
        id: FileId,
        directory: &RepoPath,
        word: &Word,
        findings: &mut Findings,
    ) -> Option<RepoPath> {
        let text = word.value.as_str();
        let Some(path) = RepoPath::resolve(directory, text) else {
            let message = format!("`{text}` leaves the repository");
            findings.push(rules::COPY_OUTSIDE.at(id, word.span, message));
            return None;
        };
        if self.may_exist(&path) {
            return Some(path);
        }
        let from_root =
            RepoPath::new(text).filter(|from_root| *from_root != path && self.may_exist(from_root));
        if let Some(from_root) = from_root {
            let message =
                format!("`{text}` is found at the root of the repository, not beside this file");
            let diagnostic = rules::SETUP_FILE_FROM_ROOT.at(id, word.span, message);
            findings.push(suggest(diagnostic, word, format!("/{}", from_root.as_str())));
            return Some(from_root);
        }
        let message = format!("there is no `{path}` in the repository");
        let diagnostic = rules::SETUP_FILE_MISSING.at(id, word.span, message);
        findings.push(self.with_suggestion(diagnostic, directory, word, &path));
        Some(path)
    }

    /// Adds what was probably meant: the same name from the root, or a near name in the same directory.
    fn with_suggestion(
        &self,
        diagnostic: Diagnostic,
        directory: &RepoPath,
        word: &Word,
        path: &RepoPath,
    ) -> Diagnostic {
        let (Some(sources), Some(left)) =
            (self.sources, self.suggestions_left.get().checked_sub(1))
        else {
            return diagnostic;
        };
        self.suggestions_left.set(left);
        let text = word.value.as_str();
        if let Some(other) =
            other_anchor(text, directory).filter(|other| sources.kind(other).is_some())
        {
            let anchored = if text.starts_with('/') {
                relative(directory, &other)
            } else {
                format!("/{other}")
            };
            return suggest(diagnostic, word, anchored);
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return diagnostic;
        };
        let entries = sources.list(&parent);
        let near = nearest(name, entries.iter().map(|entry| entry.name.as_str()));
        let Some(meant) = near.unique() else {
            let question = near.question();
            return question.map_or(diagnostic.clone(), |question| diagnostic.with_help(question));
        };
        let kept = text.trim_end_matches('/');
        let kept = kept.strip_suffix(name).unwrap_or_default();
        suggest(diagnostic, word, format!("{kept}{meant}"))
    }
}

/// The path that a word names when `/` is taken for the directory of the file, or the other way round.
fn other_anchor(text: &str, directory: &RepoPath) -> Option<RepoPath> {
    match text.strip_prefix('/') {
        Some(rest) => RepoPath::resolve(directory, rest),
        None => RepoPath::new(text),
    }
}

/// Offers to write `text` instead: safe, because it is the only thing near that exists.
fn suggest(diagnostic: Diagnostic, word: &Word, text: String) -> Diagnostic {
    diagnostic.with_help(format!("did you mean `{text}`?")).with_fix(
        format!("write `{text}`"),
        Applicability::Safe,
        word.span,
        text,
    )
}
