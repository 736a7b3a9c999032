//! The one layout, as edits: of a whole document, of a range, and of the line that was just left.
//!
//! The layout is the compiler's; here its lines are compared with those that stand there, so that an editor keeps
//! its cursors.

use crate::workspace::FileView;
use layerc_compiler::format::format;
use layerc_compiler::span::Span;
use ls_types::{Position, Range, TextEdit};
use similar::{DiffOp, capture_diff_slices_deadline};
use std::time::{Duration, Instant};

/// How long differing lines are matched before the rest is replaced as a whole.
const PATIENCE: Duration = Duration::from_millis(20);

/// The edits that put the whole document in the layout.
pub fn whole(view: FileView<'_>) -> Vec<TextEdit> {
    changes(view).into_iter().map(|(_, edit)| edit).collect()
}

/// Those of them that touch the lines of one of `ranges`.
pub fn ranges(view: FileView<'_>, ranges: &[Range]) -> Vec<TextEdit> {
    let touches = |edit: &TextEdit| {
        ranges.iter().any(|range| {
            edit.range.start.line <= range.end.line && range.start.line <= edit.range.end.line
        })
    };
    changes(view).into_iter().map(|(_, edit)| edit).filter(touches).collect()
}

/// After a line end was typed: the layout of the instruction that ended there. An instruction that goes on below is
/// left alone while it is being written.
pub fn on_type(view: FileView<'_>, position: Position) -> Vec<TextEdit> {
    let Some(above) = position.line.checked_sub(1) else { return Vec::new() };
    let lines = &view.analysis().lines;
    let start = lines.line_start(above).unwrap_or(0);
    let end = lines.line_start(position.line).unwrap_or(start);
    let line = view.slice(Span::new(start, end)).trim_end();
    if line.ends_with('\\') || line.is_empty() {
        return Vec::new();
    }
    let is_above = |span: &Span| span.start() < end && start <= span.start();
    let edits = changes(view).into_iter().filter(|(span, edit)| {
        is_above(span) && span.end() <= end && edit.new_text.matches('\n').count() == 1
    });
    edits.map(|(_, edit)| edit).collect()
}

/// The differing lines.
fn changes(view: FileView<'_>) -> Vec<(Span, TextEdit)> {
    let formatted = format(view.text());
    if formatted == view.text() {
        return Vec::new();
    }
    let old: Vec<&str> = view.text().split_inclusive('\n').collect();
    let new: Vec<&str> = formatted.split_inclusive('\n').collect();
    let deadline = Some(Instant::now() + PATIENCE);
    let operations = capture_diff_slices_deadline(similar::Algorithm::Myers, &old, &new, deadline);
    let mut starts = vec![0];
    for line in &old {
        starts.push(starts.last().copied().unwrap_or(0) + line.len());
    }
    let at = |line: usize| {
        let offset = starts.get(line).copied().unwrap_or(view.text().len());
        u32::try_from(offset).unwrap_or(u32::MAX)
    };
    let changed =
        operations.into_iter().filter(|operation| !matches!(operation, DiffOp::Equal { .. }));
    let pieces =
        changed.flat_map(|operation| lines_apart(operation.old_range(), operation.new_range()));
    let edits = pieces.map(|(before, after)| {
        let span = Span::new(at(before.start), at(before.end));
        let new_text = new.get(after).unwrap_or_default().concat();
        (span, TextEdit { range: view.range(span), new_text })
    });
    edits.collect()
}

/// A stretch whose lines stay as many as they are, line by line; any other as a whole.
fn lines_apart(before: LineRange, after: LineRange) -> Vec<(LineRange, LineRange)> {
    if before.len() != after.len() {
        return vec![(before, after)];
    }
    before.zip(after).map(|(old, new)| (old..old + 1, new..new + 1)).collect()
}

/// Numbers of lines.
type LineRange = std::ops::Range<usize>;
