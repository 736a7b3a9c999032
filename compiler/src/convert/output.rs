//! The Layerfile that is being written, each instruction checked before it is kept.

use super::{Converted, Note};
use crate::analysis::analyze_file;
use crate::diagnostic::Severity;
use crate::project::SourceFile;
use crate::repo_path::RepoPath;

/// A Layerfile in the making.
#[derive(Debug, Default)]
pub(super) struct Output {
    lines: Vec<String>,
    notes: Vec<Note>,
}

/// A FROM that any instruction can follow.
const ANY_FROM: &str = "FROM vm/ubuntu:22.04\n";

impl Output {
    /// Writes FROM; the text is one that [`Self::is_valid_from`] accepts.
    pub(super) fn from(&mut self, image: &str) {
        self.lines.push(format!("FROM {image}"));
    }

    /// Whether an image name can stand behind FROM.
    pub(super) fn is_valid_from(image: &str) -> bool {
        first_error(&format!("FROM {image}\n")).is_none()
    }

    /// Writes an instruction; if it would be an error, as a comment with a note about line `line`.
    pub(super) fn instruction(&mut self, line: u32, text: &str) {
        match first_error(&format!("{ANY_FROM}{text}\n")) {
            None => self.lines.push(text.to_owned()),
            Some(error) => {
                self.commented(text.split('\n'));
                self.note(line, format!("can't be written as it stands: {error}"));
            }
        }
    }

    /// Writes an instruction that only the language has, once.
    pub(super) fn instruction_once(&mut self, line: u32, text: &str) {
        if !self.lines.iter().any(|written| written == text) {
            self.instruction(line, text);
        }
    }

    /// Writes comment lines, which have their `#` already.
    pub(super) fn comments(&mut self, comments: &[String]) {
        self.lines.extend(comments.iter().map(|comment| harmless(comment)));
    }

    /// Writes lines as comments.
    pub(super) fn commented<'line>(&mut self, lines: impl IntoIterator<Item = &'line str>) {
        self.lines.extend(lines.into_iter().map(|line| harmless(&format!("# {line}"))));
    }

    /// Writes an empty line, unless there is one.
    pub(super) fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    /// Notes something about a line of the Dockerfile.
    pub(super) fn note(&mut self, line: u32, text: impl Into<String>) {
        self.notes.push(Note { line, text: text.into() });
    }

    /// The whole Layerfile.
    pub(super) fn finish(mut self) -> Converted {
        self.notes.sort_by_key(|note| note.line);
        self.notes.dedup();
        let mut text = self.lines.join("\n");
        text.push('\n');
        Converted { text, notes: self.notes }
    }
}

/// A comment that takes no other line with it: a backslash at its end would continue it, and other line ends would end
/// it.
fn harmless(comment: &str) -> String {
    let line = comment.replace(['\r', '\n', '\0'], " ");
    line.trim_end_matches([' ', '\t', '\\']).to_owned()
}

/// The first error of a text.
fn first_error(text: &str) -> Option<String> {
    let path = RepoPath::new("Layerfile")?;
    let analysis = analyze_file(&SourceFile { path, text: text.to_owned() });
    let errors = analysis.diagnostics.into_iter();
    errors.filter(|found| found.severity == Severity::Error).map(|found| found.message).next()
}
