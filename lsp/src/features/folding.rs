//! What can be folded: continued instructions, runs of comments, and regions between `# region` and `# endregion`.

use crate::workspace::FileView;
use layerc_compiler::token::TokenKind;
use ls_types::{FoldingRange, FoldingRangeKind};

/// The folds of a document, sorted by their first line.
pub fn folding(view: FileView<'_>) -> Vec<FoldingRange> {
    let lines = &view.analysis().lines;
    let directives = view.analysis().directives.iter();
    let mut folds: Vec<FoldingRange> = directives
        .map(|directive| (lines.line(directive.span.start()), lines.line(directive.span.end())))
        .filter(|(start, end)| start < end)
        .map(|(start, end)| fold(start, end, None))
        .collect();
    let comments = comment_lines(view);
    let numbers: Vec<u32> = comments.iter().map(|(line, _)| *line).collect();
    for run in numbers.chunk_by(|one, next| one + 1 == *next) {
        if let (Some(start), Some(end)) = (run.first(), run.last())
            && start < end
        {
            folds.push(fold(*start, *end, Some(FoldingRangeKind::Comment)));
        }
    }
    folds.extend(regions(&comments));
    folds.sort_by_key(|fold| (fold.start_line, fold.end_line));
    folds
}

/// The lines that are nothing but a comment, with its words.
fn comment_lines(view: FileView<'_>) -> Vec<(u32, &str)> {
    let lines = &view.analysis().lines;
    let comments = view.analysis().tokens.iter().filter(|token| token.kind == TokenKind::Comment);
    let alone = comments.filter_map(|token| {
        let line = lines.line(token.span.start());
        let start = lines.line_start(line)? as usize;
        let before = view.text().get(start..token.span.start() as usize)?;
        before.trim().is_empty().then(|| (line, view.slice(token.span)))
    });
    alone.collect()
}

fn regions(comments: &[(u32, &str)]) -> Vec<FoldingRange> {
    let mut open = Vec::new();
    let mut folds = Vec::new();
    for (line, text) in comments {
        let words = text.trim_start_matches('#').trim_start();
        if words.starts_with("region") {
            open.push(*line);
        } else if words.starts_with("endregion")
            && let Some(start) = open.pop()
        {
            folds.push(fold(start, *line, Some(FoldingRangeKind::Region)));
        }
    }
    folds
}

fn fold(start_line: u32, end_line: u32, kind: Option<FoldingRangeKind>) -> FoldingRange {
    FoldingRange { start_line, end_line, kind, ..FoldingRange::default() }
}
