//! Comments behind arguments: where none can stand, and where the vendor's parser sees an argument.

use super::{Argument, Reporter, Statement, WithFix};
use crate::catalog::DirectiveKind;
use crate::diagnostic::{Applicability, Fix, TextEdit};
use crate::rules;
use crate::span::Span;

/// Reports the trailing comment of a statement, if there is anything to say about it.
pub(super) fn check(statement: &Statement<'_>, reporter: &mut Reporter<'_>) {
    if matches!(statement.info.kind, DirectiveKind::From | DirectiveKind::Button) {
        check_text(statement, reporter);
    }
    let Some(comment) = &statement.comment else { return };
    let argument_of_vendor = match statement.info.kind {
        DirectiveKind::SkipIf | DirectiveKind::Clone => true,
        DirectiveKind::Memory => statement.blank_before(comment.start()).is_some(),
        DirectiveKind::Env => is_one_word(comment.text) && comment.text.contains('='),
        DirectiveKind::Split | DirectiveKind::User | DirectiveKind::Label | DirectiveKind::Aws => {
            false
        }
        _ => is_one_word(comment.text),
    };
    if argument_of_vendor && !statement.arguments.is_empty() {
        let message = format!(
            "the vendor's parser takes this comment for an argument of `{}`",
            statement.name()
        );
        let diagnostic = reporter.at(&rules::VENDOR_COMMENT, comment.range(), message);
        let mut diagnostic = diagnostic.with_help("write the comment on a line of its own");
        diagnostic.fixes.push(move_above(statement, comment, comment.text, reporter));
        reporter.say(diagnostic);
    }
}

fn is_one_word(comment: &str) -> bool {
    !comment.contains([' ', '\t'])
}

/// FROM and BUTTON take the rest of the line, so a `#` would be part of a name or message; the vendor even loses all of it.
fn check_text(statement: &Statement<'_>, reporter: &mut Reporter<'_>) {
    let Some(text) = statement.arguments.first() else { return };
    let Some(hash) = text.text.find('#') else { return };
    let comment = text.cut(hash..text.text.len());
    let before = text.text.get(..hash).unwrap_or_default();
    let message = format!("`{}` cannot have a comment on its line", statement.name());
    let mut diagnostic = reporter.at(&rules::COMMENT_NOT_ALLOWED, comment.range(), message);
    if before.ends_with([' ', '\t']) {
        diagnostic.fixes.push(move_above(statement, &comment, comment.text, reporter));
        diagnostic = diagnostic.with_help("write the comment on a line of its own");
    } else {
        let span = reporter.span(comment.range());
        diagnostic = diagnostic.with_help("a `#` cannot stand here, not even inside a word");
        diagnostic = diagnostic.perhaps("delete it", span, "");
    }
    reporter.say(diagnostic);
}

/// Moves a comment to a line of its own above the statement.
fn move_above(
    statement: &Statement<'_>,
    comment: &Argument<'_>,
    text: &str,
    reporter: &Reporter<'_>,
) -> Fix {
    let file = reporter.file();
    let start =
        statement.then_prefix.as_ref().map_or(statement.keyword.start, |prefix| prefix.start);
    let line_start = reporter.span(start..start).start();
    let trimmed_end = reporter
        .logical()
        .text()
        .get(..comment.start() as usize)
        .unwrap_or_default()
        .trim_end()
        .len();
    let deleted =
        reporter.span(u32::try_from(trimmed_end).unwrap_or(comment.start())..comment.end());
    let edits = vec![
        TextEdit { file, span: Span::empty(line_start), replacement: format!("{text}\n") },
        TextEdit { file, span: deleted, replacement: String::new() },
    ];
    Fix { title: "move the comment above".to_owned(), applicability: Applicability::Safe, edits }
}
