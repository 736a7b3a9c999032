//! The last word on findings: levels of the configuration, suppressions, order, and which files they break.
//!
//! Makes no findings of its own but those about suppressions.

use super::with_ids;
use crate::analysis::FileAnalysis;
use crate::diagnostic::{Applicability, Code, Diagnostic, Severity};
use crate::findings::Findings;
use crate::lint_configuration::{LintConfiguration, rule_question};
use crate::project::{Parent, Project};
use crate::rules;
use crate::span::{FileId, Span};
use crate::suppression::{Reason, Suppression};
use std::collections::BTreeSet;

/// All findings of a project in their final form.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    /// Those that are shown.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Those that a comment silences.
    pub(crate) suppressed: Vec<(FileId, Code)>,
}

/// What findings are measured by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The levels of rules.
    pub(crate) configuration: &'a LintConfiguration,
    /// Whether the repository could be asked.
    pub(crate) tree: Tree,
}

/// Whether the repository could be asked about names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    /// Yes.
    Known,
    /// No: rules that ask it were silent, whatever is there.
    Unknown,
}

impl Context<'_> {
    /// Whether a rule that found nothing would have spoken.
    fn could_speak(self, code: Code) -> bool {
        let asks_tree = rules::FROM_NOT_FOUND.code <= code && code < rules::UNKNOWN_VARIABLE.code;
        (self.tree == Tree::Known || !asks_tree)
            && self.configuration.severity(code, Severity::Hint).is_some()
    }
}

/// Finishes findings; `linked` are those that linking made.
pub(crate) fn finish(files: &[&FileAnalysis], linked: Findings, context: Context<'_>) -> Finished {
    let mut of_files: Vec<Vec<Diagnostic>> = with_ids(files)
        .map(|(id, file)| {
            file.diagnostics.iter().map(|finding| with_file(finding.clone(), id)).collect()
        })
        .collect();
    for finding in linked.into_list() {
        if let Some(own) = of_files.get_mut(finding.primary.file.index()) {
            own.push(finding);
        }
    }
    let mut finished = Finished::default();
    for ((id, file), findings) in with_ids(files).zip(of_files) {
        let mut kept = suppress(id, file, findings, context, &mut finished.suppressed);
        kept.retain_mut(|finding| level(finding, context.configuration));
        finished.diagnostics.extend(kept);
    }
    finished.diagnostics.sort_by(|one, other| key(one).cmp(&key(other)));
    finished.diagnostics.dedup();
    finished
}

/// Sorts by file, place, code, words.
fn key(finding: &Diagnostic) -> (FileId, Span, Code, &str) {
    (finding.primary.file, finding.primary.span, finding.code, &finding.message)
}

/// A finding of an analysis, moved to the id that its file has in the project.
pub(crate) fn with_file(mut finding: Diagnostic, id: FileId) -> Diagnostic {
    finding.primary.file = id;
    for label in &mut finding.related {
        label.file = id;
    }
    for edit in finding.fixes.iter_mut().flat_map(|fix| &mut fix.edits) {
        edit.file = id;
    }
    finding
}

/// Gives a finding the level of the configuration; false if it is off.
fn level(finding: &mut Diagnostic, configuration: &LintConfiguration) -> bool {
    let severity = configuration.severity(finding.code, finding.severity);
    finding.severity = severity.unwrap_or(finding.severity);
    severity.is_some()
}

/// Takes out what the comments of the file silence, and adds what there is to say about these comments.
fn suppress(
    id: FileId,
    file: &FileAnalysis,
    findings: Vec<Diagnostic>,
    context: Context<'_>,
    suppressed: &mut Vec<(FileId, Code)>,
) -> Vec<Diagnostic> {
    if file.suppressions.is_empty() {
        return findings;
    }
    let mut used: BTreeSet<(usize, Code)> = BTreeSet::new();
    let mut kept: Vec<Diagnostic> = Vec::new();
    for finding in findings {
        let by = silencer(&file.suppressions, &finding);
        used.extend(by.map(|by| (by, finding.code)));
        if by.is_none() || finding.severity == Severity::Error {
            kept.push(finding);
        } else if context.configuration.severity(finding.code, finding.severity).is_some() {
            suppressed.push((id, finding.code));
        }
    }
    let errors: BTreeSet<Code> = kept
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.code)
        .collect();
    for (index, suppression) in file.suppressions.iter().enumerate() {
        let is_used = |code: Code| used.contains(&(index, code));
        kept.extend(remarks(id, suppression, is_used, &errors, context));
    }
    kept
}

/// The suppression that silences a finding: the nearest of those above its instruction.
/// They are in order, and so are the ends of what they cover.
fn silencer(suppressions: &[Suppression], finding: &Diagnostic) -> Option<usize> {
    let start = finding.primary.span.start();
    let above = suppressions.partition_point(|suppression| suppression.covers.start() <= start);
    let candidates = suppressions.iter().enumerate().take(above).rev();
    let names = |suppression: &Suppression| {
        suppression.rules.iter().any(|rule| rule.code == Some(finding.code))
    };
    candidates
        .take_while(|(_, suppression)| start < suppression.covers.end())
        .find(|(_, suppression)| names(suppression))
        .map(|(index, _)| index)
}

/// What there is to say about one suppression.
fn remarks(
    id: FileId,
    suppression: &Suppression,
    is_used: impl Fn(Code) -> bool,
    errors: &BTreeSet<Code>,
    context: Context<'_>,
) -> Vec<Diagnostic> {
    let mut remarks = Vec::new();
    for rule in &suppression.rules {
        let text = &rule.text;
        let Some(code) = rule.code else {
            let message = format!("there is no rule `{text}`");
            let help = rule_question(text)
                .unwrap_or_else(|| "write a code, like `LF0200`, or a rule's name".to_owned());
            remarks.push(rules::SUPPRESSION_UNKNOWN.at(id, rule.span, message).with_help(help));
            continue;
        };
        if is_used(code) && errors.contains(&code) {
            let message = format!("`{text}` can't be ignored: it makes a plan impossible");
            remarks.push(rules::SUPPRESSION_OF_ERROR.at(id, rule.span, message));
        } else if !is_used(code) && context.could_speak(code) {
            remarks.push(unused(id, suppression, text, rule.span));
        }
    }
    if suppression.rules.is_empty() {
        let message = "nothing is ignored: no rule is named".to_owned();
        let help = "write `# layerc: ignore LF0200 reason`";
        remarks
            .push(rules::SUPPRESSION_UNKNOWN.at(id, suppression.comment, message).with_help(help));
    } else if suppression.reason == Reason::Missing {
        let help = "say behind the rule why it doesn't apply here";
        let message = "a finding is ignored without a reason";
        remarks.push(
            rules::SUPPRESSION_WITHOUT_REASON.at(id, suppression.comment, message).with_help(help),
        );
    }
    remarks
}

fn unused(id: FileId, suppression: &Suppression, text: &str, span: Span) -> Diagnostic {
    let finding = rules::SUPPRESSION_UNUSED.at(
        id,
        span,
        format!("nothing to ignore: `{text}` finds nothing in the next instruction"),
    );
    match suppression.rules.as_slice() {
        [_] => finding.with_fix("remove the comment", Applicability::Safe, suppression.comment, ""),
        _ => finding.with_help("take the rule out of the comment"),
    }
}

/// Marks the files that errors name, those in `tangled`, and all that depend on them.
pub(crate) fn mark_errors(
    project: &mut Project,
    diagnostics: &[Diagnostic],
    tangled: impl IntoIterator<Item = FileId>,
) {
    let mut needed_by: Vec<Vec<FileId>> = vec![Vec::new(); project.files.len()];
    for (id, file) in (0..).map(FileId::new).zip(&project.files) {
        let parent = if let Parent::File(parent) = file.parent { Some(parent) } else { None };
        for needed in parent
            .into_iter()
            .chain(file.directives.iter().flat_map(|linked| linked.waits.iter().copied()))
        {
            needed_by.get_mut(needed.index()).into_iter().for_each(|users| users.push(id));
        }
    }
    let errors = diagnostics.iter().filter(|finding| finding.severity == Severity::Error);
    let mut open: Vec<FileId> = errors.map(|finding| finding.primary.file).chain(tangled).collect();
    while let Some(id) = open.pop() {
        let Some(file) = project.files.get_mut(id.index()).filter(|file| !file.has_errors) else {
            continue;
        };
        file.has_errors = true;
        open.extend(needed_by.get(id.index()).into_iter().flatten().copied());
    }
}
