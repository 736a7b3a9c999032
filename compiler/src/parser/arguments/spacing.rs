//! Blanks around keywords and between words that the vendor's parser reads differently, and the historical THEN.

use super::{Reporter, Statement, WithFix};
use crate::catalog::DirectiveKind;
use crate::lexer::Lexeme;
use crate::rules;
use crate::token::TokenKind;

/// Reports what is accepted here and means something else, or nothing, to the vendor.
pub(super) fn check(statement: &Statement<'_>, reporter: &mut Reporter<'_>) {
    if let Some(prefix) = &statement.then_prefix {
        let span = reporter.span(prefix.clone());
        let diagnostic = reporter.at(
            &rules::REMOVED_THEN,
            prefix.clone(),
            "`THEN` was removed from the language",
        );
        let help = "delete it; `CHECKPOINT` says where a snapshot is wanted";
        reporter.say(diagnostic.with_help(help).safely("delete `THEN`", span, ""));
    }
    let keywords =
        statement.lexemes.iter().take_while(|lexeme| lexeme.start < statement.keyword.end);
    let inside = keywords
        .filter(|lexeme| lexeme.kind == TokenKind::Blank && lexeme.start > statement.keyword.start);
    for blank in inside {
        check_inside_keyword(statement, *blank, reporter);
    }
    let behind = statement.lexemes.iter().find(|lexeme| lexeme.start == statement.keyword.end);
    if let Some(blank) = behind.filter(|lexeme| lexeme.kind == TokenKind::Blank) {
        check_behind_keyword(statement, *blank, reporter);
    }
    check_behind_amount(statement, reporter);
    check_tabs(statement, reporter);
}

fn text_of<'text>(blank: Lexeme, reporter: &Reporter<'text>) -> &'text str {
    reporter.logical().text().get(blank.start as usize..blank.end as usize).unwrap_or_default()
}

fn check_inside_keyword(statement: &Statement<'_>, blank: Lexeme, reporter: &mut Reporter<'_>) {
    if text_of(blank, reporter) == " " {
        return;
    }
    let span = reporter.span(blank.range());
    let is_modifier =
        matches!(statement.info.kind, DirectiveKind::RunBackground | DirectiveKind::RunRepeatable);
    let (rule, message) = if is_modifier {
        let message = format!(
            "to the vendor's parser this is a plain `RUN` of a program, not `{}`",
            statement.name()
        );
        (&rules::RUN_MODIFIER_SPACING, message)
    } else {
        (
            &rules::VENDOR_SPACING,
            format!("the vendor's parser wants one space inside `{}`", statement.name()),
        )
    };
    let diagnostic = reporter
        .at(rule, blank.range(), message)
        .with_help(format!("write `{}`", statement.name()));
    reporter.say(diagnostic.safely("write one space", span, " "));
}

fn check_behind_keyword(statement: &Statement<'_>, blank: Lexeme, reporter: &mut Reporter<'_>) {
    let text = text_of(blank, reporter);
    let is_rejected = match statement.info.kind {
        DirectiveKind::Memory | DirectiveKind::User | DirectiveKind::Split => text != " ",
        DirectiveKind::Button
        | DirectiveKind::Cache
        | DirectiveKind::Checkpoint
        | DirectiveKind::Copy => false,
        _ => text.starts_with('\t'),
    };
    if !is_rejected || statement.arguments.is_empty() {
        return;
    }
    let span = reporter.span(blank.range());
    let message = format!("the vendor's parser wants one space behind `{}`", statement.name());
    let diagnostic = reporter.at(&rules::VENDOR_SPACING, blank.range(), message);
    reporter.say(diagnostic.with_help("write one space").safely("write one space", span, " "));
}

/// `MEMORY 2G` must be followed by the end of the line at once, for the vendor.
fn check_behind_amount(statement: &Statement<'_>, reporter: &mut Reporter<'_>) {
    let last = statement.lexemes.last().filter(|lexeme| lexeme.kind == TokenKind::Blank);
    let Some(blank) = last.filter(|_| statement.info.kind == DirectiveKind::Memory) else { return };
    if statement.arguments.is_empty() {
        return;
    }
    let span = reporter.span(blank.range());
    let message = "the vendor's parser rejects a blank behind the amount";
    let diagnostic = reporter.at(&rules::VENDOR_SPACING, blank.range(), message);
    reporter.say(diagnostic.with_help("end the line behind the amount").safely(
        "delete it",
        span,
        "",
    ));
}

/// Tabs between the words of these directives belong to the words, for the vendor.
fn check_tabs(statement: &Statement<'_>, reporter: &mut Reporter<'_>) {
    let is_value = matches!(
        statement.info.kind,
        DirectiveKind::Env
            | DirectiveKind::BuildEnv
            | DirectiveKind::SecretEnv
            | DirectiveKind::SkipIf
    );
    let Some((first, last)) =
        statement.arguments.first().zip(statement.arguments.last()).filter(|_| is_value)
    else {
        return;
    };
    let between = |lexeme: &&Lexeme| lexeme.start >= first.end() && lexeme.end <= last.start();
    let blanks =
        statement.lexemes.iter().filter(between).filter(|lexeme| lexeme.kind == TokenKind::Blank);
    let Some(tab) = blanks.copied().find(|blank| text_of(*blank, reporter).contains('\t')) else {
        return;
    };
    let message =
        format!("to the vendor's parser a tab in `{}` is part of a word", statement.name());
    let span = reporter.span(tab.range());
    let diagnostic = reporter
        .at(&rules::VENDOR_TAB, tab.range(), message)
        .with_help("separate words with spaces");
    reporter.say(diagnostic.safely("write one space", span, " "));
}
