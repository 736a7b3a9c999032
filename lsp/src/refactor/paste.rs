//! A Dockerfile, or a part of one, that was pasted into a Layerfile becomes instructions of Layerfiles.

use super::change::{Change, Edit, Promise, Refusal};
use layerc_compiler::convert::{Converted, from_dockerfile, looks_like_dockerfile};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::Span;

/// Converts the selected lines of a text, or all of it when nothing is selected. Notes of the conversion become
/// comments above it.
///
/// # Errors
/// If the lines don't look like a Dockerfile.
pub fn convert_pasted(path: &RepoPath, text: &str, selection: Span) -> Result<Change, Refusal> {
    let whole = Span::new(0, u32::try_from(text.len()).unwrap_or(u32::MAX));
    let span = if selection.is_empty() { whole } else { whole_lines(text, selection) };
    let selected = text.get(span.range()).unwrap_or_default();
    if !looks_like_dockerfile(selected) {
        return Err(Refusal::because("these lines don't look like a Dockerfile"));
    }
    let above = text.get(..span.start() as usize).unwrap_or_default();
    let replacement = replacement(&from_dockerfile(selected), has_from(above));
    let edit = Edit { span, replacement };
    Ok(Change::of_file(
        "convert this Dockerfile to a Layerfile",
        Promise::Nothing,
        path.clone(),
        vec![edit],
    ))
}

/// Whether a text already says what its machine starts as.
fn has_from(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("FROM "))
}

fn replacement(converted: &Converted, has_from: bool) -> String {
    let notes = converted.notes.iter().map(|note| format!("# line {}: {}\n", note.line, note.text));
    let mut dropped = !has_from;
    let lines = converted.text.lines().filter(|line| {
        let is_from = !dropped && line.starts_with("FROM ");
        dropped |= is_from;
        !is_from
    });
    notes.chain(lines.map(|line| format!("{line}\n"))).collect()
}

/// A span widened to whole lines.
fn whole_lines(text: &str, span: Span) -> Span {
    let before = text.get(..span.start() as usize).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let end = span.end().max(1) as usize;
    let behind = text.get(end - 1..).unwrap_or_default();
    let end = behind.find('\n').map_or(text.len(), |length| end + length);
    let offset = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    Span::new(offset(start), offset(end.min(text.len())))
}
