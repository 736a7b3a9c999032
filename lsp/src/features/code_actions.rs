//! What can be done about findings: their fixes, all safe fixes at once, and silence, here or in the project. What a comment
//! can't silence is set aside ([`super::set_aside`]).

use super::diagnostics::{findings, shown, unreachable};
use super::edit::Edits;
use super::{refactorings, set_aside, shell_findings};
use crate::workspace::repository::CONFIGURATION_NAME;
use crate::workspace::{FileView, uri};
use layerc_compiler::diagnostic::{Applicability, Code, Diagnostic, Fix, Severity};
use layerc_compiler::edits::safe_round;
use layerc_compiler::rules;
use layerc_compiler::span::Span;
use layerc_compiler::suppression::{SuppressedRule, Suppression};
use layerc_compiler::token::TokenKind;
use ls_types::{
    CodeAction, CodeActionKind, CreateFile, CreateFileOptions, DocumentChangeOperation,
    DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, Position, Range, ResourceOp,
    TextDocumentEdit, TextEdit, WorkspaceEdit,
};

/// The kind of the action that applies every safe fix.
pub const FIX_ALL: &str = "source.fixAll.layerc";

/// The reason that a new suppression comment gives, for its author to say better.
const REASON: &str = "intended here";

/// Where findings count that the cursor isn't on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nowhere.
    Range,
    /// On the line, if there is nothing to do at the range itself: somebody asked, and sees the finding behind the line.
    Line,
}

/// What a client wants actions for.
#[derive(Debug)]
pub struct Wanted {
    /// Where.
    pub range: Range,
    /// Where the findings stand that the user is asking about; Neovim names all of the cursor's line.
    pub findings: Vec<Range>,
    /// Where else findings count.
    pub reach: Reach,
    /// Which kinds; all, if it doesn't say.
    pub only: Option<Vec<CodeActionKind>>,
}

impl Wanted {
    /// All that can be done about a range.
    pub const fn about(range: Range) -> Self {
        Self { range, findings: Vec::new(), reach: Reach::Range, only: None }
    }
}

/// The actions that are wanted.
pub fn actions(view: FileView<'_>, asked: &Wanted) -> Vec<CodeAction> {
    let wanted = |kind: &CodeActionKind| {
        let is_within = |only: &CodeActionKind| is_within(kind.as_str(), only.as_str());
        asked.only.as_ref().is_none_or(|only| only.iter().any(is_within))
    };
    let mut actions = Vec::new();
    if wanted(&CodeActionKind::QUICKFIX) {
        actions = quick_fixes(view, asked, view.positions().span(asked.range));
        if actions.is_empty() && asked.reach == Reach::Line {
            actions = quick_fixes(view, asked, line_around(view, asked.range));
        }
    }
    actions.extend(refactorings::actions(view, asked.range, wanted));
    let fix_all = CodeActionKind::new(FIX_ALL);
    // Saved settings ask for it by name; in a menu it appears only where it does something.
    if wanted(&fix_all) {
        actions.extend(all_fixes(view, fix_all));
    }
    actions
}

/// What can be done about the findings that meet `span`, or that the client named.
fn quick_fixes(view: FileView<'_>, asked: &Wanted, span: Span) -> Vec<CodeAction> {
    let named: Vec<Span> =
        asked.findings.iter().map(|range| view.positions().span(*range)).collect();
    let is_asked = |own: Span| meets(own, span) || named.contains(&own);
    let mut actions = Vec::new();
    for finding in findings(view) {
        let faded = unreachable(view, &finding);
        if faded.into_iter().chain([finding.primary.span]).any(is_asked) {
            actions.extend(for_finding(view, &finding));
        }
    }
    actions.extend(shell_findings::actions(view, is_asked));
    actions
}

/// The line of a range that stays on one, without its end; else the range.
fn line_around(view: FileView<'_>, range: Range) -> Span {
    if range.start.line != range.end.line {
        return view.positions().span(range);
    }
    let lines = &view.analysis().lines;
    let line = lines.line(view.offset(range.start));
    let start = lines.line_start(line).unwrap_or(0);
    let text = line_text(view, line).trim_end_matches(['\r', '\n']);
    Span::new(start, start + u32::try_from(text.len()).unwrap_or(0))
}

/// `quickfix.x` is within `quickfix`.
fn is_within(kind: &str, wanted: &str) -> bool {
    kind.strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || wanted.is_empty())
}

fn meets(one: Span, other: Span) -> bool {
    one.start() <= other.end() && other.start() <= one.end()
}

fn for_finding(view: FileView<'_>, finding: &Diagnostic) -> Vec<CodeAction> {
    let mut actions: Vec<CodeAction> = finding
        .fixes
        .iter()
        .enumerate()
        .map(|(index, fix)| {
            let preferred = index == 0 && fix.applicability == Applicability::Safe;
            CodeAction { is_preferred: Some(preferred), ..fixed(view, finding, fix) }
        })
        .collect();
    // The rule decides, not the level that the project gives it.
    let is_error =
        rules::by_code(finding.code).is_some_and(|rule| rule.severity == Severity::Error);
    if is_error {
        actions.extend(set_aside::set_aside(view, finding));
    } else {
        actions.extend(silenced_here(view, finding));
        actions.extend(silenced_in_project(view, finding));
    }
    actions
}

/// An action that answers a finding.
pub(super) fn action(
    view: FileView<'_>,
    finding: &Diagnostic,
    title: String,
    edit: WorkspaceEdit,
) -> CodeAction {
    CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(shown(view, finding).collect()),
        edit: Some(edit),
        ..CodeAction::default()
    }
}

fn fixed(view: FileView<'_>, finding: &Diagnostic, fix: &Fix) -> CodeAction {
    let mut edits = Edits::default();
    for edit in &fix.edits {
        if let Some(file) = view.sibling(edit.file) {
            edits.replace(file, edit.span, edit.replacement.clone());
        }
    }
    action(view, finding, fix.title.clone(), edits.into_workspace_edit())
}

/// Every safe fix of this document that doesn't touch another one.
fn all_fixes(view: FileView<'_>, kind: CodeActionKind) -> Option<CodeAction> {
    let round = safe_round(view.repository.findings(view.id));
    let own = round.edits.get(&view.id)?;
    let mut edits = Edits::default();
    own.iter().for_each(|edit| edits.replace(view, edit.span, edit.replacement.clone()));
    Some(CodeAction {
        title: "apply every safe fix in this file".to_owned(),
        kind: Some(kind),
        edit: Some(edits.into_workspace_edit()),
        ..CodeAction::default()
    })
}

/// A comment above the instruction, or one more rule in the comment that is there.
fn silenced_here(view: FileView<'_>, finding: &Diagnostic) -> Option<CodeAction> {
    if finding.code >= rules::SUPPRESSION_UNUSED.code {
        return without_comment(view, finding);
    }
    let name = rules::by_code(finding.code).map(|rule| rule.name)?;
    let start = line_of_instruction(view, finding.primary.span.start());
    let mut edits = Edits::default();
    match suppression_above(view, start) {
        Some(after_mark) => {
            edits.replace(view, Span::empty(after_mark), format!(" {}", finding.code));
        }
        None => {
            let indent = indent_at(view, start);
            let comment = format!("{indent}# layerc: ignore {} {REASON}\n", finding.code);
            edits.replace(view, Span::empty(start), comment);
        }
    }
    let title = format!("silence {} ({name}) here", finding.code);
    Some(action(view, finding, title, edits.into_workspace_edit()))
}

/// A finding about a suppression comment ends with the comment, or with its rule: no other comment can silence it.
fn without_comment(view: FileView<'_>, finding: &Diagnostic) -> Option<CodeAction> {
    let about =
        |suppression: &&Suppression| suppression.comment.touches(finding.primary.span.start());
    let suppression = view.analysis().suppressions.iter().find(about)?;
    let mut edits = Edits::default();
    let mut remove = |span: Span, title: &str| {
        edits.replace(view, span, "");
        title.to_owned()
    };
    let own = |rule: &&SuppressedRule| rule.span == finding.primary.span;
    let title = match suppression.rules.iter().find(own) {
        Some(rule) if suppression.rules.len() > 1 => {
            remove(with_separators(view, rule.span), "take the rule out of the comment")
        }
        Some(_) | None => remove(whole_lines(view, suppression.comment), "take the comment out"),
    };
    Some(action(view, finding, title, edits.into_workspace_edit()))
}

/// A word with the blanks and commas behind it.
fn with_separators(view: FileView<'_>, span: Span) -> Span {
    let rest = view.text().get(span.end() as usize..).unwrap_or_default();
    let length = rest.len() - rest.trim_start_matches([' ', '\t', ',']).len();
    Span::new(span.start(), span.end() + u32::try_from(length).unwrap_or(0))
}

/// The lines of a comment that stands by itself, else the comment.
fn whole_lines(view: FileView<'_>, comment: Span) -> Span {
    let lines = &view.analysis().lines;
    let line = lines.line(comment.start());
    let start = lines.line_start(line).unwrap_or(0);
    if !view.slice(Span::new(start, comment.start())).trim().is_empty() {
        return comment;
    }
    let whole = u32::try_from(view.text().len()).unwrap_or(u32::MAX);
    Span::new(start, lines.line_start(lines.line(comment.end()) + 1).unwrap_or(whole))
}

/// The first byte of the line on which the instruction around `offset` begins, or the line of `offset` itself.
pub(super) fn line_of_instruction(view: FileView<'_>, offset: u32) -> u32 {
    let lines = &view.analysis().lines;
    let around = super::locate::directive_at(view, offset);
    let start = around.map_or(offset, |(_, directive)| directive.span.start());
    let mut line = lines.line(start);
    // A line that a continuation joins to the one above can't have a comment between them.
    while line > 0 && ends_in_backslash(view, line - 1) {
        line -= 1;
    }
    lines.line_start(line).unwrap_or(0)
}

/// The last of the lines that continuations join to `line`.
pub(super) fn physical_end(view: FileView<'_>, mut line: u32) -> u32 {
    let lines = &view.analysis().lines;
    while ends_in_backslash(view, line) && lines.line_start(line + 1).is_some() {
        line += 1;
    }
    line
}

fn ends_in_backslash(view: FileView<'_>, line: u32) -> bool {
    line_text(view, line).trim_end().ends_with('\\')
}

/// A line with its end.
pub(super) fn line_text(view: FileView<'_>, line: u32) -> &str {
    let lines = &view.analysis().lines;
    let start = lines.line_start(line).unwrap_or(0);
    let end = lines.line_start(line + 1);
    let whole = u32::try_from(view.text().len()).unwrap_or(u32::MAX);
    view.slice(Span::new(start, end.unwrap_or(whole)))
}

fn indent_at(view: FileView<'_>, start: u32) -> &str {
    let rest = view.text().get(start as usize..).unwrap_or_default();
    let length = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    rest.get(..length).unwrap_or_default()
}

/// Where in a suppression comment on the line above `start` another rule can be named.
fn suppression_above(view: FileView<'_>, start: u32) -> Option<u32> {
    const MARK: &str = "layerc: ignore";
    let line = view.analysis().lines.line(start).checked_sub(1)?;
    let above = view.analysis().lines.line_start(line)?;
    let text = line_text(view, line);
    let at = text.find(MARK).filter(|_| text.trim_start().starts_with('#'))?;
    let tokens = &view.analysis().tokens;
    let is_comment = tokens.iter().any(|token| {
        token.kind == TokenKind::Comment
            && token.span.start() >= above
            && token.span.start() < start
    });
    let offset = above + u32::try_from(at + MARK.len()).unwrap_or(0);
    is_comment.then_some(offset)
}

/// `RULE = "off"` in the `[lints]` of `layerc.toml`.
fn silenced_in_project(view: FileView<'_>, finding: &Diagnostic) -> Option<CodeAction> {
    let name = rules::by_code(finding.code).map(|rule| rule.name)?;
    let path = view.repository.directory()?.join(CONFIGURATION_NAME);
    let uri = uri::of_path(&path)?;
    let title = format!("turn {} ({name}) off in {CONFIGURATION_NAME}", finding.code);
    let text = view.snapshot.host().read_text(&path).ok();
    let edit = lints_edit(uri, text.as_deref(), finding.code);
    Some(action(view, finding, title, edit))
}

fn lints_edit(uri: ls_types::Uri, text: Option<&str>, code: Code) -> WorkspaceEdit {
    let existing = text.unwrap_or_default();
    let section = existing.lines().position(|line| line.trim() == "[lints]");
    let at = section.map_or(existing.lines().count(), |line| line + 1);
    let begun = existing.is_empty() || existing.ends_with('\n') || section.is_some();
    let new_line = if begun { "" } else { "\n" };
    let heading = if section.is_some() { "" } else { "[lints]\n" };
    let line = u32::try_from(at).unwrap_or(u32::MAX);
    // Past the last line counts as the end of the last line.
    let place = Position { line, character: 0 };
    let new_text = format!("{new_line}{heading}{code} = \"off\"\n");
    let edit = TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri: uri.clone(), version: None },
        edits: vec![OneOf::Left(TextEdit { range: Range { start: place, end: place }, new_text })],
    };
    let mut operations = vec![DocumentChangeOperation::Edit(edit)];
    if text.is_none() {
        let options = CreateFileOptions { overwrite: None, ignore_if_exists: Some(true) };
        let create = CreateFile { uri, options: Some(options), annotation_id: None };
        operations.insert(0, DocumentChangeOperation::Op(ResourceOp::Create(create)));
    }
    WorkspaceEdit {
        document_changes: Some(DocumentChanges::Operations(operations)),
        ..WorkspaceEdit::default()
    }
}
