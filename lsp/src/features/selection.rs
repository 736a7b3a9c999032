//! Growing selections: word, argument, all arguments, instruction, paragraph, file.

use super::locate::directive_at;
use crate::workspace::FileView;
use layerc_compiler::span::Span;
use ls_types::{Position, SelectionRange};

/// For each position the ranges around it, the innermost outside.
pub fn selection(view: FileView<'_>, positions: &[Position]) -> Vec<SelectionRange> {
    positions.iter().map(|position| around(view, view.offset(*position))).collect()
}

fn around(view: FileView<'_>, offset: u32) -> SelectionRange {
    let whole = Span::new(0, u32::try_from(view.text().len()).unwrap_or(u32::MAX));
    let mut spans = vec![whole, paragraph(view, offset)];
    if let Some((_, directive)) = directive_at(view, offset) {
        spans.push(directive.span);
        let arguments = Span::new(directive.keyword.end(), directive.span.end());
        let blanks = view.slice(arguments);
        let skipped = u32::try_from(blanks.len() - blanks.trim_start().len()).unwrap_or(0);
        spans.push(Span::new(arguments.start() + skipped, arguments.end()));
        spans.push(directive.keyword);
    }
    let tokens = &view.analysis().tokens;
    let after = tokens.partition_point(|token| token.span.start() <= offset);
    let near = tokens.get(after.saturating_sub(2)..after).unwrap_or_default();
    spans.extend(near.iter().map(|token| token.span));
    spans.push(run_of(view, offset, |c| !c.is_whitespace()));
    spans.push(run_of(view, offset, |c| c.is_alphanumeric() || c == '_'));
    nested(view, spans, offset)
}

/// Keeps the spans that hold the offset and lie in the one before, and turns them inside out.
fn nested(view: FileView<'_>, mut spans: Vec<Span>, offset: u32) -> SelectionRange {
    spans.retain(|span| span.touches(offset) && !span.is_empty());
    spans.sort_by_key(|span| std::cmp::Reverse(span.len()));
    let mut chosen: Option<(Span, SelectionRange)> = None;
    for span in spans {
        let inside = chosen.as_ref().is_none_or(|(outer, _)| {
            outer.start() <= span.start() && span.end() <= outer.end() && *outer != span
        });
        if inside {
            let parent = chosen.take().map(|(_, range)| Box::new(range));
            chosen = Some((span, SelectionRange { range: view.range(span), parent }));
        }
    }
    let here = view.range(Span::empty(offset));
    chosen.map_or(SelectionRange { range: here, parent: None }, |(_, range)| range)
}

/// The lines around the offset up to the next empty ones.
fn paragraph(view: FileView<'_>, offset: u32) -> Span {
    let lines = &view.analysis().lines;
    let text = |line: u32| {
        let start = lines.line_start(line)? as usize;
        let end = lines.line_start(line + 1).map_or(view.text().len(), |end| end as usize);
        view.text().get(start..end)
    };
    let is_full = |line: &u32| text(*line).is_some_and(|text| !text.trim().is_empty());
    let here = lines.line(offset);
    let first = (0..here).rev().take_while(is_full).last().unwrap_or(here);
    let last = (here + 1..lines.line_count()).take_while(is_full).last().unwrap_or(here);
    let start = lines.line_start(first).unwrap_or(0);
    let length = text(last).map_or(0, |text| text.trim_end().len());
    let end = lines.line_start(last).unwrap_or(start) + u32::try_from(length).unwrap_or(0);
    Span::new(start, end)
}

/// The longest stretch around the offset of characters that fit.
fn run_of(view: FileView<'_>, offset: u32, fits: impl Fn(char) -> bool) -> Span {
    let (before, after) = view.text().split_at_checked(offset as usize).unwrap_or_default();
    let start = before.len() - before.trim_end_matches(&fits).len();
    let end = after.len() - after.trim_start_matches(&fits).len();
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(0);
    Span::new(offset - length(start), offset + length(end))
}
