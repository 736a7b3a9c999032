//! Findings of the compiler as diagnostics of the protocol.
//!
//! Knows no rule: words, severity, places and fixes come from the compiler.

use super::shell_findings;
use crate::plan;
use crate::workspace::{FileView, Snapshot, uri};
use layerc_compiler::diagnostic::{self as finding, Severity};
use layerc_compiler::rules;
use layerc_compiler::span::Span;
use ls_types::{
    CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag,
    NumberOrString,
};
use serde_json::json;
use std::borrow::Cow;
use std::sync::Arc;

/// What names us as the origin of a diagnostic.
pub const SOURCE: &str = "layerc";

/// The diagnostics of one file, in order.
pub fn of_file(view: FileView<'_>) -> Vec<Diagnostic> {
    let told = shell_findings::told(view);
    // What ShellCheck can't read either is said once, by it, because it says why.
    let is_told = |finding: &finding::Diagnostic| {
        finding.code == rules::SHELL_SYNTAX.code
            && told.unreadable.iter().any(|span| span.touches(finding.primary.span.start()))
    };
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for finding in findings(view).filter(|finding| !is_told(finding)) {
        diagnostics.extend(shown(view, &finding));
    }
    diagnostics.extend(told.diagnostics);
    diagnostics
}

/// Everything that the compiler says of a file, circles that are reported elsewhere too.
pub(super) fn findings(view: FileView<'_>) -> impl Iterator<Item = Cow<'_, finding::Diagnostic>> {
    let own = view.repository.findings(view.id).iter().map(Cow::Borrowed);
    own.chain(plan::cycles::mirrored(view).into_iter().map(Cow::Owned))
}

/// What a finding looks like.
pub(super) fn shown(
    view: FileView<'_>,
    finding: &finding::Diagnostic,
) -> impl Iterator<Item = Diagnostic> {
    std::iter::once(diagnostic(view, finding)).chain(never_reached(view, finding))
}

/// The steps below a condition that always holds, for editors to fade.
fn never_reached(view: FileView<'_>, finding: &finding::Diagnostic) -> Option<Diagnostic> {
    Some(Diagnostic {
        range: view.range(unreachable(view, finding)?),
        severity: Some(DiagnosticSeverity::HINT),
        message: "these steps never run".to_owned(),
        tags: Some(vec![DiagnosticTag::UNNECESSARY]),
        related_information: None,
        ..diagnostic(view, finding)
    })
}

/// The steps that a finding calls unreachable.
pub(super) fn unreachable(view: FileView<'_>, finding: &finding::Diagnostic) -> Option<Span> {
    let first = finding.related.first().filter(|_| finding.code == rules::UNREACHABLE.code)?;
    let end = view.analysis().directives.last()?.span.end();
    Some(Span::new(first.span.start(), end.max(first.span.end())))
}

/// One finding for the protocol.
pub fn diagnostic(view: FileView<'_>, finding: &finding::Diagnostic) -> Diagnostic {
    let message = match &finding.help {
        Some(help) => format!("{}\nhelp: {help}", finding.message),
        None => finding.message.clone(),
    };
    let name = rules::by_code(finding.code).map(|rule| rule.name);
    Diagnostic {
        range: view.range(finding.primary.span),
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Hint => DiagnosticSeverity::HINT,
        }),
        code: Some(NumberOrString::String(finding.code.to_string())),
        code_description: page(view.snapshot, finding.code),
        source: Some(SOURCE.to_owned()),
        message,
        related_information: related(view, finding),
        tags: tags(finding),
        data: Some(json!({ "code": finding.code.to_string(), "rule": name })),
    }
}

/// Where the page of a rule is: it ships inside the program, and the host keeps it as a file.
pub(super) fn page(snapshot: &Snapshot, code: finding::Code) -> Option<CodeDescription> {
    let path = snapshot.host().rule_pages()?.join(format!("{code}.md"));
    uri::of_path(&path).map(|href| CodeDescription { href })
}

fn related(
    view: FileView<'_>,
    finding: &finding::Diagnostic,
) -> Option<Vec<DiagnosticRelatedInformation>> {
    let labels = finding.related.iter().filter_map(|label| {
        let file = view.sibling(label.file)?;
        let location = file.location(label.span);
        Some(DiagnosticRelatedInformation { location, message: label.text.clone() })
    });
    let related: Vec<_> = labels.collect();
    (!related.is_empty()).then_some(related)
}

fn tags(finding: &finding::Diagnostic) -> Option<Vec<DiagnosticTag>> {
    let unnecessary = [
        &rules::WAIT_REPEATED,
        &rules::WAIT_ON_PARENT,
        &rules::REPEATED_NAME,
        &rules::SKIP_NEVER,
        &rules::ENV_REPLACED,
    ];
    let unnecessary = unnecessary.iter().any(|rule| rule.code == finding.code)
        || finding.code == rules::SUPPRESSION_UNUSED.code;
    let deprecated = finding.code == rules::DEPRECATED_VARIABLE.code;
    match (unnecessary, deprecated) {
        (true, _) => Some(vec![DiagnosticTag::UNNECESSARY]),
        (false, true) => Some(vec![DiagnosticTag::DEPRECATED]),
        (false, false) => None,
    }
}

/// The diagnostics of every file, each with its file.
pub fn of_snapshot(snapshot: &Snapshot) -> Vec<(FileView<'_>, Vec<Diagnostic>)> {
    snapshot.files().map(|view| (view, of_file(view))).collect()
}

/// Whether two moments have the same findings about a file and the same text under them.
pub fn unchanged(before: &FileView<'_>, now: &FileView<'_>) -> bool {
    Arc::ptr_eq(before.document, now.document)
        && before.repository.findings(before.id) == now.repository.findings(now.id)
}
