//! What a refactoring does: edits of texts and operations on files, in the order in which they are done.

use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::Span;

/// A replacement in the text of a file as it is before the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The replaced bytes.
    pub span: Span,
    /// What takes their place.
    pub replacement: String,
}

/// One step of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Edits of one file, which don't overlap.
    Edit {
        /// The file.
        path: RepoPath,
        /// The edits, in any order.
        edits: Vec<Edit>,
    },
    /// A new file.
    Create {
        /// Where.
        path: RepoPath,
        /// Its text.
        text: String,
    },
    /// A file or a directory moves.
    Rename {
        /// From here.
        from: RepoPath,
        /// To here, where nothing is.
        to: RepoPath,
    },
}

/// What has to be the same before and after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Every machine.
    SameMachines,
    /// Every machine, commands that follow each other taken together.
    SameCommands,
    /// Nothing: there was no machine before.
    Nothing,
}

/// Everything that one refactoring does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What an editor's menu says.
    pub title: String,
    /// What it keeps.
    pub promise: Promise,
    /// In order: edits are of the texts before, renames come last.
    pub operations: Vec<Operation>,
}

impl Change {
    /// A change of one file.
    pub fn of_file(
        title: impl Into<String>,
        promise: Promise,
        path: RepoPath,
        edits: Vec<Edit>,
    ) -> Self {
        Self { title: title.into(), promise, operations: vec![Operation::Edit { path, edits }] }
    }
}

/// Why a refactoring can't be done here, as a sentence for people, lower case and without final dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub String);

impl Refusal {
    /// Nothing is done because of this.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Edits of one file as they come in its text; those at one place as they were.
pub(crate) fn in_order(mut edits: Vec<&Edit>) -> Vec<&Edit> {
    edits.sort_by_key(|edit| edit.span);
    edits
}

/// `text`, whose first byte is at `start` of its file, with edits of that file applied. Edits outside are left out;
/// `None` if two overlap or one cuts a character.
pub fn edited(text: &str, start: u32, edits: &[Edit]) -> Option<String> {
    let end = start + u32::try_from(text.len()).ok()?;
    let inside = |edit: &&Edit| start <= edit.span.start() && edit.span.end() <= end;
    let inside = in_order(edits.iter().filter(inside).collect());
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    for edit in inside {
        let (from, to) = ((edit.span.start() - start) as usize, (edit.span.end() - start) as usize);
        result.push_str(text.get(copied..from)?);
        result.push_str(&edit.replacement);
        copied = to;
    }
    result.push_str(text.get(copied..)?);
    Some(result)
}
