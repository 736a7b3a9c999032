//! As much of the shell as one must know to see where a command stops meaning what it seems to mean:
//! quotes, comments and here-documents. Judges no command.

use super::reporter::Reporter;
use super::statement::{Argument, Statement};
use crate::catalog::DirectiveKind;
use crate::lexer::{Head, Lexed};
use crate::rules;
use std::ops::Range;

/// What a scan of shell text found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scanned {
    /// The quote that is still open at the end.
    pub(super) unclosed: Option<char>,
    /// Where a comment starts.
    pub(super) comment: Option<usize>,
    /// Where a here-document is announced (`<<` to the end of its delimiter), and its delimiter.
    pub(super) heredoc: Option<(Range<usize>, String)>,
}

/// Walks over shell text up to its first comment.
pub(super) fn scan(text: &str) -> Scanned {
    let mut scanned = Scanned { unclosed: None, comment: None, heredoc: None };
    let mut characters = text.char_indices().peekable();
    let mut previous = ' ';
    while let Some((index, character)) = characters.next() {
        match (character, scanned.unclosed) {
            ('\\', None | Some('"' | '`')) => {
                characters.next();
            }
            ('"' | '\'' | '`', None) => scanned.unclosed = Some(character),
            (_, Some(open)) if open == character => scanned.unclosed = None,
            ('#', None) if matches!(previous, ' ' | '\t' | ';' | '&' | '|' | '(') => {
                scanned.comment = Some(index);
                return scanned;
            }
            ('<', None) if previous != '<' && scanned.heredoc.is_none() => {
                scanned.heredoc = heredoc_at(text, index);
            }
            _ => {}
        }
        previous = character;
    }
    scanned
}

/// A here-document that starts at `start`: `<<` or `<<-`, then a word that starts with a letter, perhaps quoted.
fn heredoc_at(text: &str, start: usize) -> Option<(Range<usize>, String)> {
    let rest = text.get(start..)?.strip_prefix("<<")?;
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start_matches([' ', '\t']);
    let rest = rest.strip_prefix(['"', '\'', '\\']).unwrap_or(rest);
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let length = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
    let word = rest.get(..length)?;
    let starts =
        word.starts_with(|character: char| character.is_ascii_alphabetic() || character == '_');
    let end = text.len() - rest.len() + length;
    starts.then(|| (start..end, word.to_owned()))
}

/// Says what a comment in a command costs.
pub(super) fn check_comment(command: &Argument<'_>, reporter: &mut Reporter<'_>) {
    if !command.text.contains('#') {
        return; // Most commands: no need to walk over them.
    }
    let Some(comment) = scan(command.text).comment else { return };
    let range = command.part(comment..command.text.len());
    let lost = reporter.logical().continuations_in(range.start + 1..range.end).first().copied();
    let Some(lost) = lost.filter(|piece| piece.logical < range.end) else {
        let diagnostic =
            reporter.at(&rules::RUN_COMMENT, range, "this comment is part of the command");
        let help = "to change it without running the step again, write it on a line of its own";
        reporter.say(diagnostic.with_help(help));
        return;
    };
    let message = "this comment reaches to the end of the command, over all lines that continue it";
    let commented_out = reporter.span(lost.logical..range.end);
    let file = reporter.file();
    let own_line = range.start..lost.logical;
    let diagnostic = reporter.at(&rules::COMMENT_IN_CONTINUATION, own_line, message);
    let diagnostic = diagnostic.with_related(file, commented_out, "this is not run");
    reporter.say(diagnostic.with_help("move the comment above the instruction"));
}

/// Lines that are looked at for the end of a here-document.
const MAX_HEREDOC_LINES: usize = 200;

/// Reports a here-document in the statement of line `index`; returns how many lines after it are its body.
pub(super) fn heredoc_body(
    statement: &Statement<'_>,
    lexed: &Lexed,
    index: usize,
    reporter: &mut Reporter<'_>,
) -> usize {
    let is_run = matches!(
        statement.info.kind,
        DirectiveKind::Run | DirectiveKind::RunBackground | DirectiveKind::RunRepeatable
    );
    let is_of_use = is_run && !reporter.is_full();
    let Some(command) = statement.arguments.first().filter(|_| is_of_use) else { return 0 };
    if !command.text.contains("<<") {
        return 0;
    }
    let Some((range, delimiter)) = scan(command.text).heredoc else { return 0 };
    let following = lexed.lines.get(index + 1..).unwrap_or_default().iter().take(MAX_HEREDOC_LINES);
    let line_text = |range: Range<u32>| {
        reporter
            .logical()
            .text()
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default()
            .trim()
    };
    let body =
        following.map(|line| lexed.range(line)).position(|range| line_text(range) == delimiter);
    let message = format!("a Layerfile has no here-documents, so `{delimiter}` gets no text");
    let help = "write the text to a file of the repository and COPY it, or use printf with several arguments";
    let diagnostic = reporter.at(&rules::HEREDOC, command.part(range), message).with_help(help);
    let lines = body.map_or(0, |lines| lines + 1);
    let first = lexed.lines.get(index + 1).filter(|_| lines > 0).map(|line| lexed.range(line));
    let last = lexed.lines.get(index + lines).filter(|_| lines > 0).map(|line| lexed.range(line));
    let file = reporter.file();
    reporter.say(match first.zip(last) {
        Some((first, last)) => {
            let span = reporter.span(first.start..last.end);
            diagnostic.with_related(file, span, "these lines would be read as instructions")
        }
        None => diagnostic,
    });
    lines
}

/// Whether the line above `index` is an instruction whose last piece, after a continuation, is a comment.
pub(super) fn ends_in_comment(
    lexed: &Lexed,
    index: usize,
    reporter: &Reporter<'_>,
) -> Option<Range<u32>> {
    let line = lexed.lines.get(index.checked_sub(1)?)?;
    if !matches!(line.head, Head::Directive(_)) {
        return None;
    }
    let range = lexed.range(line);
    let last = reporter.logical().continuations_in(range.clone()).last()?;
    let piece = last.logical..range.end;
    let text = reporter.logical().text().get(piece.start as usize..piece.end as usize)?;
    text.trim_start().starts_with('#').then_some(piece)
}

#[cfg(test)]
mod tests {
    use super::scan;

    #[test]
    fn comments_quotes_and_here_documents_are_seen_outside_quotes_only() {
        assert_eq!(scan("echo 'a # b' # c").comment, Some(13));
        assert_eq!(scan("echo a#b $# ${#x}").comment, None);
        assert_eq!(scan(r"echo \# x").comment, None);
        assert_eq!(scan("echo \"it's").unclosed, Some('"'));
        assert_eq!(scan("cat <<-'EOF' > x").heredoc, Some((4..11, "EOF".to_owned())));
        assert_eq!(scan("cat <<< word; echo $((1<<2)) '<<EOF'").heredoc, None);
    }
}
