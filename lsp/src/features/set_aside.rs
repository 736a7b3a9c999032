//! What silences an error where it stands: its lines become a comment, or the file is set aside.
//!
//! A comment that hides an error would leave a file that can't be planned, or one whose plan isn't what it says. So the lines
//! that are wrong stop counting, stay readable, and come back when the marks are taken away. FROM can't be missing: what it
//! named stays as a comment behind a base that exists.

use super::code_actions::{action, line_of_instruction, line_text, physical_end};
use super::edit::Edits;
use crate::workspace::{FileView, uri};
use layerc_compiler::catalog::{DirectiveKind, keyword_at};
use layerc_compiler::diagnostic::Diagnostic;
use layerc_compiler::rules::{self, Rule};
use layerc_compiler::span::Span;
use ls_types::{
    CodeAction, DocumentChangeOperation, DocumentChanges, RenameFile, RenameFileOptions,
    ResourceOp, WorkspaceEdit,
};

/// What is put behind the name of a file so that it is no Layerfile any more.
const ASIDE: &str = ".off";

/// Errors that no comment ends, because they are about what is missing or about characters. Each has a fix that always works.
const AROUND_LINES: [&Rule; 3] =
    [&rules::EMPTY_FILE, &rules::FROM_NOT_FIRST, &rules::NUL_CHARACTER];

/// What makes a line a comment.
const MARK: &str = "# ";

/// The image to start from where nothing says which.
const IMAGE: &str = "vm/ubuntu:18.04";

/// The action that takes what an error is about out of the file.
pub(super) fn set_aside(view: FileView<'_>, finding: &Diagnostic) -> Option<CodeAction> {
    if finding.code == rules::FILE_TOO_LARGE.code {
        return file_aside(view, finding);
    }
    let has_own_end = AROUND_LINES.iter().any(|rule| rule.code == finding.code);
    (!has_own_end).then(|| lines_aside(view, finding))
}

/// The file under a name that isn't discovered.
fn file_aside(view: FileView<'_>, finding: &Diagnostic) -> Option<CodeAction> {
    let path = uri::path_of(view.document.uri())?;
    let name = path.file_name()?.to_str()?;
    let aside = format!("{name}{ASIDE}");
    let rename = RenameFile {
        old_uri: view.document.uri().clone(),
        new_uri: uri::of_path(&path.with_file_name(&aside))?,
        options: Some(RenameFileOptions { overwrite: Some(false), ignore_if_exists: Some(false) }),
        annotation_id: None,
    };
    let operations = vec![DocumentChangeOperation::Op(ResourceOp::Rename(rename))];
    let edit = WorkspaceEdit {
        document_changes: Some(DocumentChanges::Operations(operations)),
        ..WorkspaceEdit::default()
    };
    Some(action(view, finding, format!("set this file aside as `{aside}`"), edit))
}

/// The instruction around a finding as a comment.
fn lines_aside(view: FileView<'_>, finding: &Diagnostic) -> CodeAction {
    let start = line_of_instruction(view, finding.primary.span.start());
    let mut edits = Edits::default();
    let title = if is_base(view, start) {
        let image = image(view);
        let from = format!("FROM {image}\n{MARK}");
        comment_out(view, start, finding, from, &mut edits);
        format!("start from `{image}` and keep this line as a comment")
    } else {
        comment_out(view, start, finding, MARK.to_owned(), &mut edits);
        "make this instruction a comment".to_owned()
    };
    action(view, finding, title, edits.into_workspace_edit())
}

/// Puts marks before the lines from `start` to the end of the instruction, and `first` before the first of them.
fn comment_out<'s>(
    view: FileView<'s>,
    start: u32,
    finding: &Diagnostic,
    first: String,
    edits: &mut Edits<'s>,
) {
    let lines = &view.analysis().lines;
    let mut mark = Some(first);
    for line in lines.line(start)..=last_line(view, start, finding) {
        let text = line_text(view, line);
        let blanks = text.len() - text.trim_start_matches(['\u{feff}', ' ', '\t']).len();
        let at = lines.line_start(line).map(|start| start + u32::try_from(blanks).unwrap_or(0));
        if let Some(at) = at.filter(|_| !text.trim().is_empty()) {
            edits.replace(view, Span::empty(at), mark.take().unwrap_or_else(|| MARK.to_owned()));
        }
    }
}

/// The last line of the instruction that begins at `start`, with the text of a here-document that it was meant to have.
fn last_line(view: FileView<'_>, start: u32, finding: &Diagnostic) -> u32 {
    let lines = &view.analysis().lines;
    let is_heredoc = finding.code == rules::HEREDOC.code;
    let bodies = finding.related.iter().filter(|_| is_heredoc).map(|label| label.span.end());
    let end = bodies.fold(finding.primary.span.end(), u32::max);
    physical_end(view, lines.line(start)).max(physical_end(view, lines.line(end)))
}

/// Whether the FROM that the whole file rests on begins at `start`.
fn is_base(view: FileView<'_>, start: u32) -> bool {
    let line = line_text(view, view.analysis().lines.line(start));
    let text = line.trim_start_matches(['\u{feff}', ' ', '\t']).to_ascii_uppercase();
    let earlier = view.analysis().directives.first();
    let is_first = earlier.is_none_or(|directive| directive.span.start() >= start);
    is_first && keyword_at(&text).is_some_and(|(info, _)| info.kind == DirectiveKind::From)
}

/// The image that the project names, else one that every host knows.
fn image(view: FileView<'_>) -> &str {
    let images = &view.repository.project_settings().images;
    images.iter().find(|image| *image != "*").map_or(IMAGE, String::as_str)
}
