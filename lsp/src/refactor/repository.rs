//! What refactorings see of a project: texts, links, and what the tree holds. Borrowed, so that a snapshot lends it.

use super::change::{Change, Operation, Refusal, edited};
use crate::workspace;
use layerc_compiler::directive::Instruction;
use layerc_compiler::project::{LinkedDirective, LinkedFile, Project, SourceFile};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::Sources;
use layerc_compiler::span::{FileId, Span};
use std::collections::BTreeMap;

/// The name of every Layerfile.
pub(crate) const LAYERFILE: &str = "Layerfile";

/// Tried numbers behind the name of a new directory. Nobody has that many.
const MAX_NAMES: u32 = 1000;

/// A project with its texts.
#[derive(Clone, Copy)]
pub struct Repository<'a> {
    /// The linked project.
    pub project: &'a Project,
    /// Texts by path.
    texts: &'a dyn Texts,
    /// What the tree holds.
    pub sources: &'a dyn Sources,
}

/// The texts of a project's Layerfiles.
pub trait Texts {
    /// The text of a file; `None` if it isn't one of the project.
    fn text(&self, path: &RepoPath) -> Option<&str>;
}

impl Texts for BTreeMap<RepoPath, String> {
    fn text(&self, path: &RepoPath) -> Option<&str> {
        self.get(path).map(String::as_str)
    }
}

impl Texts for workspace::Repository {
    fn text(&self, path: &RepoPath) -> Option<&str> {
        self.document(self.find(path)?).map(|document| document.text())
    }
}

impl std::fmt::Debug for Repository<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Repository").field("project", &self.project).finish_non_exhaustive()
    }
}

impl<'a> Repository<'a> {
    /// A project, its texts and its tree.
    pub fn new(project: &'a Project, texts: &'a dyn Texts, sources: &'a dyn Sources) -> Self {
        Self { project, texts, sources }
    }

    /// A file of the project.
    pub(crate) fn file(&self, id: FileId) -> Result<&'a LinkedFile, Refusal> {
        let file = self.project.files.get(id.index());
        file.ok_or_else(|| Refusal::because("this file is not part of the project"))
    }

    /// A file that has a plan.
    pub(crate) fn sound_file(&self, id: FileId) -> Result<&'a LinkedFile, Refusal> {
        let file = self.file(id)?;
        if file.has_errors {
            return Err(Refusal::because(format!(
                "`{}` has errors, or needs a file that has",
                file.path
            )));
        }
        Ok(file)
    }

    /// The text of a file of the project.
    pub(crate) fn text(&self, file: &LinkedFile) -> Result<&'a str, Refusal> {
        let text = self.texts.text(&file.path);
        text.ok_or_else(|| Refusal::because(format!("the text of `{}` isn't known", file.path)))
    }

    /// A part of a file's text.
    pub(crate) fn part(&self, file: &LinkedFile, span: Span) -> Result<&'a str, Refusal> {
        let part = self.text(file)?.get(span.range());
        part.ok_or_else(|| Refusal::because("the text has changed in the meantime"))
    }

    /// A path below `directory` at which nothing is: `name`, or the name with a number.
    pub(crate) fn free_directory(
        &self,
        directory: &RepoPath,
        name: &str,
    ) -> Result<RepoPath, Refusal> {
        let numbered = (2..MAX_NAMES).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        let free = names.find_map(|name| directory.join(&name).filter(|path| self.is_free(path)));
        free.ok_or_else(|| Refusal::because("no name is free for the new directory"))
    }

    /// Whether neither the tree nor the project has something at a path.
    pub(crate) fn is_free(&self, path: &RepoPath) -> bool {
        let inside = |file: &LinkedFile| file.path.is_at_or_below(path);
        self.sources.kind(path).is_none() && !self.project.files.iter().any(inside)
    }

    /// The texts of all Layerfiles after a change; `None` if it doesn't fit them.
    pub fn after(&self, change: &Change) -> Option<Vec<SourceFile>> {
        let mut texts: BTreeMap<RepoPath, String> = BTreeMap::new();
        for file in &self.project.files {
            texts.insert(file.path.clone(), self.texts.text(&file.path)?.to_owned());
        }
        for operation in &change.operations {
            match operation {
                Operation::Edit { path, edits } => {
                    let text = texts.get_mut(path)?;
                    *text = edited(text, 0, edits)?;
                }
                Operation::Create { path, text } => {
                    texts.insert(path.clone(), text.clone());
                }
                Operation::Rename { from, to } => {
                    let moved = |path: RepoPath| moved(&path, from, to).unwrap_or(path);
                    texts = texts.into_iter().map(|(path, text)| (moved(path), text)).collect();
                }
            }
        }
        Some(texts.into_iter().map(|(path, text)| SourceFile { path, text }).collect())
    }
}

/// Where `path` is after `from` was moved to `to`; `None` if it isn't in what moved.
pub(crate) fn moved(path: &RepoPath, from: &RepoPath, to: &RepoPath) -> Option<RepoPath> {
    to.join(path.below(from)?)
}

/// The instruction that starts a file.
pub(crate) fn from_directive(file: &LinkedFile) -> Result<&LinkedDirective, Refusal> {
    let first = file.directives.first();
    first
        .filter(|first| matches!(first.directive.instruction, Instruction::From(_)))
        .ok_or_else(|| Refusal::because(format!("`{}` doesn't start with FROM", file.path)))
}
