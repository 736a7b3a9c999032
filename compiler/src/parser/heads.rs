//! Lines that start with no keyword: what was probably meant.
//!
//! Exactly one finding per line, from the most to the least certain reading.

use super::layout::{continues_onto_nothing, report_unusual_blank};
use super::reporter::{Reporter, WithFix};
use super::shell::ends_in_comment;
use crate::catalog::{
    DIRECTIVES, DOCKER_INSTRUCTIONS, DirectiveInfo, DirectiveKind, docker_instruction, keyword_at,
};
use crate::diagnostic::Diagnostic;
use crate::lexer::{Head, Lexed, is_unusual_blank};
use crate::nearest::nearest;
use crate::rules;
use crate::token::TokenKind;
use std::ops::Range;

/// The unknown word of a line and what follows it.
struct Unknown<'text> {
    word: &'text str,
    /// Logical bytes of the word.
    range: Range<u32>,
    /// Logical text from the word to the end of the line.
    line: &'text str,
    /// Whether blanks stand before the word.
    is_indented: bool,
}

/// Reports line `index`, whose head is unknown; returns the directive it was meant to be, if that is plain.
pub(super) fn report_unknown(
    lexed: &Lexed,
    index: usize,
    reporter: &mut Reporter<'_>,
) -> Option<DirectiveKind> {
    if reporter.is_full() {
        return None;
    }
    let line = lexed.lines.get(index)?;
    let lexeme = lexed.line(line).iter().find(|lexeme| lexeme.kind == TokenKind::UnknownWord)?;
    let end = lexed.range(line).end;
    let text = reporter.logical().text();
    let unknown = Unknown {
        word: text.get(lexeme.start as usize..lexeme.end as usize)?,
        range: lexeme.range(),
        line: text.get(lexeme.start as usize..end as usize)?,
        is_indented: lexeme.start > lexed.range(line).start,
    };
    unusual_blank(&unknown, reporter)
        .or_else(|| wrong_case(&unknown, reporter))
        .or_else(|| docker(&unknown, reporter))
        .or_else(|| foreign_comment(&unknown, reporter))
        .or_else(|| missing_separator(&unknown, reporter))
        .or_else(|| half_keyword(&unknown, reporter))
        .or_else(|| broken_continuation(&unknown, lexed, index, reporter))
        .unwrap_or_else(|| misspelled(&unknown, lexed, index, reporter))
}

/// What a reading found: `Some` ends the search, its content is the directive that was meant.
type Reading = Option<Option<DirectiveKind>>;

/// `RUN<no-break space>a`.
fn unusual_blank(unknown: &Unknown<'_>, reporter: &mut Reporter<'_>) -> Reading {
    let next = unknown
        .line
        .get(unknown.word.len()..)?
        .chars()
        .next()
        .filter(|next| is_unusual_blank(*next))?;
    let (info, _) = keyword_at(unknown.word)?;
    let width = u32::try_from(next.len_utf8()).unwrap_or(1);
    report_unusual_blank(unknown.range.end..unknown.range.end + width, next, reporter);
    Some(Some(info.kind))
}

/// `From`, `run background`.
fn wrong_case(unknown: &Unknown<'_>, reporter: &mut Reporter<'_>) -> Reading {
    // Only the first words can be keyword; upper-casing all of a long line would be wasted.
    let head: String =
        unknown.line.chars().take(MAX_KEYWORD_CHARACTERS).collect::<String>().to_ascii_uppercase();
    let (info, words) = keyword_at(&head)?;
    let length = u32::try_from(words.end()).ok()?;
    let range = unknown.range.start..unknown.range.start + length;
    let span = reporter.span(range.clone());
    let written = unknown.line.get(..length as usize)?;
    let message =
        format!("directives are written in capitals: `{}`, not `{written}`", info.keyword);
    let diagnostic = reporter
        .at(&rules::KEYWORD_CASE, range, message)
        .with_help(format!("write `{}`", info.usage));
    reporter.say(diagnostic.safely("write it in capitals", span, info.keyword));
    Some(Some(info.kind))
}

/// Longer than any keyword, with some blanks to spare.
const MAX_KEYWORD_CHARACTERS: usize = 48;

/// `CMD`, `EXPOSE 80`.
fn docker(unknown: &Unknown<'_>, reporter: &mut Reporter<'_>) -> Reading {
    let upper = unknown.word.to_ascii_uppercase();
    if upper == "EXPOSE" {
        return docker_expose(unknown, reporter);
    }
    let instruction = docker_instruction(&upper)?;
    let message = format!("`{}` is an instruction of Dockerfiles", instruction.keyword);
    let diagnostic = reporter.at(&rules::DOCKER_INSTRUCTION, unknown.range.clone(), message);
    let diagnostic = diagnostic.with_help(instruction.instead);
    let span = reporter.span(unknown.range.clone());
    reporter.say(match instruction.replacement {
        Some(instead) => diagnostic.perhaps(&format!("write `{instead}`"), span, instead),
        None => diagnostic,
    });
    Some(None)
}

fn docker_expose(unknown: &Unknown<'_>, reporter: &mut Reporter<'_>) -> Reading {
    let argument = unknown.line.split_whitespace().nth(1)?;
    let argument = argument.split('#').next().unwrap_or(argument);
    let digits: String = argument.chars().take_while(char::is_ascii_digit).collect();
    if digits.is_empty() {
        return None;
    }
    let end =
        unknown.range.start + u32::try_from(unknown.line.find(argument)? + argument.len()).ok()?;
    let range = unknown.range.start..end;
    let span = reporter.span(range.clone());
    let diagnostic =
        reporter.at(&rules::DOCKER_EXPOSE, range, format!("`EXPOSE {argument}` says nothing here"));
    let help = "use `EXPOSE WEBSITE port` for a web server, `EXPOSE TCP port` for anything else";
    let website = format!("EXPOSE WEBSITE {digits}");
    reporter.say(diagnostic.with_help(help).perhaps(&format!("write `{website}`"), span, website));
    Some(Some(DirectiveKind::ExposeWebsite))
}

/// How other languages start a comment.
const FOREIGN_COMMENTS: [&str; 4] = ["//", "--", "/*", ";"];

/// `// comment`.
fn foreign_comment(unknown: &Unknown<'_>, reporter: &mut Reporter<'_>) -> Reading {
    let mark = FOREIGN_COMMENTS.into_iter().find(|mark| unknown.word.starts_with(mark))?;
    let range = unknown.range.start..unknown.range.start + u32::try_from(mark.len()).ok()?;
    let span = reporter.span(range.clone());
    let diagnostic = reporter.at(
        &rules::UNKNOWN_DIRECTIVE,
        range,
        format!("`{mark}` starts no comment and no directive"),
    );
    let help = "comments start with `#`";
    reporter.say(diagnostic.with_help(help).perhaps("write `#`", span, "#"));
    Some(None)
}

/// `COPYa b`, `FROM/base`, `ENVA=b`.
fn missing_separator(unknown: &Unknown<'_>, reporter: &mut Reporter<'_>) -> Reading {
    let runs_in = |info: &&DirectiveInfo| {
        let rest = unknown.word.strip_prefix(info.keyword);
        rest.and_then(|rest| rest.chars().next()).is_some_and(|next| {
            !next.is_ascii_uppercase()
                || info.kind == DirectiveKind::Env && unknown.word.contains('=')
        })
    };
    let info = DIRECTIVES.iter().find(runs_in)?;
    let end = unknown.range.start + u32::try_from(info.keyword.len()).ok()?;
    let gap = reporter.span(end..end);
    let message = format!("a blank is missing behind `{}`", info.keyword);
    let diagnostic = reporter.at(&rules::MISSING_SEPARATOR, unknown.range.clone(), message);
    reporter.say(diagnostic.with_help(format!("write `{}`", info.usage)).safely(
        "insert a space",
        gap,
        " ",
    ));
    Some(Some(info.kind))
}

/// `BUILD A`, `SKIP REMAINING A=b`: the first word of a longer keyword.
fn half_keyword(unknown: &Unknown<'_>, reporter: &mut Reporter<'_>) -> Reading {
    let is_half = |info: &&DirectiveInfo| info.keyword.split(' ').next() == Some(unknown.word);
    let longer: Vec<&DirectiveInfo> = DIRECTIVES.iter().filter(is_half).collect();
    let first = longer.first()?;
    let second = unknown.line.split_whitespace().nth(1).unwrap_or_default();
    let second_words = longer.iter().filter_map(|info| info.keyword.split(' ').nth(1));
    let meant = nearest(second, second_words)
        .first()
        .and_then(|word| longer.iter().find(|info| info.keyword.split(' ').nth(1) == Some(word)))
        .unwrap_or(first);
    let usages: Vec<String> = longer.iter().map(|info| format!("`{}`", info.usage)).collect();
    let message = format!("`{}` alone is no directive", unknown.word);
    let diagnostic = reporter.at(&rules::UNKNOWN_DIRECTIVE, unknown.range.clone(), message);
    reporter.say(diagnostic.with_help(format!("write {}", usages.join(" or "))));
    Some(Some(meant.kind))
}

/// A line that belonged to the instruction above until a blank line or a comment ended it.
fn broken_continuation(
    unknown: &Unknown<'_>,
    lexed: &Lexed,
    index: usize,
    reporter: &mut Reporter<'_>,
) -> Reading {
    if let Some(comment) = ends_in_comment(lexed, index, reporter) {
        let related = reporter.span(comment);
        let message = "this line no longer belongs to the instruction above: the comment before it has no backslash";
        let help = "move the comment above the instruction";
        let file = reporter.file();
        let diagnostic = reporter.at(&rules::CONTINUATION_BROKEN, unknown.range.clone(), message);
        reporter.say(
            diagnostic.with_related(file, related, "the instruction ends here").with_help(help),
        );
        return Some(None);
    }
    let above = lexed.lines.get(..index)?.iter().rposition(|line| line.head != Head::Nothing)?;
    let line = lexed.lines.get(above)?;
    let last = *reporter.logical().continuations_in(lexed.range(line)).last()?;
    if line.head == Head::Unknown || !continues_onto_nothing(last, reporter) {
        return None;
    }
    let message =
        "this line no longer belongs to the instruction above: an empty line stands between them";
    let help = "delete the empty line; a backslash continues onto the very next line";
    let file = reporter.file();
    let diagnostic = reporter.at(&rules::CONTINUATION_BROKEN, unknown.range.clone(), message);
    reporter.say(
        diagnostic
            .with_related(file, last.original, "this backslash continues nothing")
            .with_help(help),
    );
    Some(None)
}

fn misspelled(
    unknown: &Unknown<'_>,
    lexed: &Lexed,
    index: usize,
    reporter: &mut Reporter<'_>,
) -> Option<DirectiveKind> {
    let keywords = DIRECTIVES.iter().filter_map(|info| info.keyword.split(' ').next());
    let docker = DOCKER_INSTRUCTIONS.iter().map(|instruction| instruction.keyword);
    let candidates = keywords.chain(docker).chain(["EXPOSE"]);
    // An indented word in small letters is the rest of a command, whatever it resembles.
    let is_candidate = !unknown.is_indented || starts_upper(unknown.word);
    let near = is_candidate.then(|| nearest(unknown.word, candidates).first()).flatten();
    let diagnostic = reporter.at(
        &rules::UNKNOWN_DIRECTIVE,
        unknown.range.clone(),
        format!("`{}` is not a directive", unknown.word),
    );
    let Some(near) = near else {
        let mut above = lexed.lines.get(..index).unwrap_or_default().iter().map(|line| line.head);
        let above = above.rfind(|head| *head != Head::Nothing);
        reporter.say(with_advice(diagnostic, unknown, above, reporter));
        return None;
    };
    let span = reporter.span(unknown.range.clone());
    let kind = keyword_at(near).map(|(info, _)| info.kind);
    reporter.say(diagnostic.with_help(format!("did you mean `{near}`?")).perhaps(
        &format!("write `{near}`"),
        span,
        near,
    ));
    kind
}

/// What to do about a word that resembles nothing.
fn with_advice(
    diagnostic: Diagnostic,
    unknown: &Unknown<'_>,
    above: Option<Head>,
    reporter: &Reporter<'_>,
) -> Diagnostic {
    let continues = |info: &DirectiveInfo| {
        format!(
            "if it continues the `{}` above, end the line before it with a backslash",
            info.keyword
        )
    };
    let is_command =
        unknown.word.starts_with(|first: char| first.is_ascii_lowercase() || first == '.');
    let start = reporter.span(unknown.range.start..unknown.range.start);
    match above {
        Some(Head::Directive(info)) if unknown.is_indented || !is_command => {
            diagnostic.with_help(continues(info))
        }
        _ if is_command => diagnostic
            .with_help("commands stand behind `RUN`; directives are written in capitals")
            .perhaps("write `RUN` before it", start, "RUN "),
        Some(Head::Directive(info)) => diagnostic.with_help(continues(info)),
        _ => diagnostic.with_help(
            "a line starts with a directive such as `FROM`, `RUN` or `COPY`, or with `#`",
        ),
    }
}

fn starts_upper(word: &str) -> bool {
    word.starts_with(|character: char| character.is_ascii_uppercase())
}
