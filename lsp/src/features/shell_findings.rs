//! What ShellCheck says of RUN, as diagnostics at their exact places, with its fixes and a way to silence each.

use super::edit::Edits;
use crate::shell::script::{COMMAND_LINE, DISABLE, Script, scripts};
use crate::shell::shellcheck::{Finding, Level};
use crate::workspace::FileView;
use layerc_compiler::span::Span;
use ls_types::{
    CodeAction, CodeActionKind, CodeDescription, Diagnostic, DiagnosticSeverity, NumberOrString,
};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// What names ShellCheck as the origin of a diagnostic.
const SOURCE: &str = "shellcheck";

/// The numbers of ShellCheck's findings about syntax.
const SYNTAX: RangeInclusive<u32> = 1000..=1999;

/// A script and what is known about it.
struct Checked<'s> {
    script: Script<'s>,
    findings: Arc<Vec<Finding>>,
}

/// The scripts of an open file about which something is known. What isn't is asked for; the client hears of it later.
fn checked(view: FileView<'_>) -> Vec<Checked<'_>> {
    if !view.document.is_open() {
        return Vec::new();
    }
    let (program, checker) = (&view.snapshot.settings().shellcheck, view.snapshot.shellcheck());
    let checked = scripts(view).into_iter().filter_map(|script| {
        let findings = checker.findings(program, &script.text)?;
        Some(Checked { script, findings })
    });
    checked.collect()
}

/// What ShellCheck tells of a file.
#[derive(Debug, Default)]
pub struct Told {
    /// Its diagnostics, in order.
    pub diagnostics: Vec<Diagnostic>,
    /// The instructions whose command it can't read.
    pub unreadable: Vec<Span>,
}

/// What ShellCheck tells of a file.
pub fn told(view: FileView<'_>) -> Told {
    let mut told = Told::default();
    for Checked { script, findings } in checked(view) {
        told.diagnostics.extend(findings.iter().filter_map(|found| diagnostic(&script, found)));
        if findings.iter().any(|found| SYNTAX.contains(&found.code) && found.level == Level::Error)
        {
            told.unreadable.push(script.instruction);
        }
    }
    told
}

fn span(script: &Script<'_>, finding: &Finding) -> Option<Span> {
    let in_command = finding.line == COMMAND_LINE && finding.end_line == COMMAND_LINE;
    in_command.then(|| script.span((finding.column, finding.end_column))).flatten()
}

fn diagnostic(script: &Script<'_>, finding: &Finding) -> Option<Diagnostic> {
    let code = format!("SC{}", finding.code);
    let page = format!("https://www.shellcheck.net/wiki/{code}");
    Some(Diagnostic {
        range: script.view.range(span(script, finding)?),
        severity: Some(match finding.level {
            Level::Error => DiagnosticSeverity::ERROR,
            Level::Warning => DiagnosticSeverity::WARNING,
            Level::Info => DiagnosticSeverity::INFORMATION,
            Level::Style => DiagnosticSeverity::HINT,
        }),
        code: Some(NumberOrString::String(code)),
        code_description: page.parse().ok().map(|href| CodeDescription { href }),
        source: Some(SOURCE.to_owned()),
        message: finding.message.clone(),
        ..Diagnostic::default()
    })
}

/// What can be done about the findings whose places are asked about.
pub fn actions(view: FileView<'_>, is_asked: impl Fn(Span) -> bool) -> Vec<CodeAction> {
    let mut actions = Vec::new();
    for Checked { script, findings } in checked(view) {
        for finding in findings.iter() {
            if span(&script, finding).is_some_and(&is_asked) {
                actions.extend(fixed(&script, finding));
                actions.push(silenced(&script, finding));
            }
        }
    }
    actions
}

fn action(script: &Script<'_>, finding: &Finding, title: String, edits: Edits<'_>) -> CodeAction {
    CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: diagnostic(script, finding).map(|diagnostic| vec![diagnostic]),
        edit: Some(edits.into_workspace_edit()),
        ..CodeAction::default()
    }
}

/// ShellCheck's own fix, if it has one that stays in the command.
fn fixed(script: &Script<'_>, finding: &Finding) -> Option<CodeAction> {
    let fix = finding.fix.as_ref()?;
    let mut edits = Edits::default();
    for replacement in &fix.replacements {
        if replacement.line != COMMAND_LINE || replacement.end_line != COMMAND_LINE {
            return None;
        }
        let span = script.span((replacement.column, replacement.end_column))?;
        edits.replace(script.view, span, replacement.replacement.clone());
    }
    let title = format!("apply ShellCheck's fix of SC{}", finding.code);
    Some(CodeAction { is_preferred: Some(true), ..action(script, finding, title, edits) })
}

/// A comment above the instruction that ShellCheck understands.
fn silenced(script: &Script<'_>, finding: &Finding) -> CodeAction {
    let view = script.view;
    let before = view.text().get(..script.instruction.start() as usize).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    let indent = before.get(line..).unwrap_or_default();
    let mut edits = Edits::default();
    let place = Span::empty(u32::try_from(line).unwrap_or(u32::MAX));
    edits.replace(view, place, format!("{indent}{DISABLE}SC{}\n", finding.code));
    action(script, finding, format!("silence SC{} here", finding.code), edits)
}
