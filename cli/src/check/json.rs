//! Findings as one JSON document. The shape is described in `spec/command-line.md` and only grows.

use super::place::{Place, Places};
use crate::compilation::{Compilation, Counts};
use anyhow::Result;
use layerc_compiler::diagnostic::{Applicability, Diagnostic, Fix, Label, Severity};
use layerc_compiler::line_index::LineColumn;
use layerc_compiler::rules;
use layerc_compiler::span::{FileId, Span};
use serde::Serialize;

/// The version of the shape; it changes when something is removed or renamed.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'compilation> {
    version: u32,
    layerfiles: usize,
    errors: usize,
    warnings: usize,
    hints: usize,
    suppressed: usize,
    diagnostics: Vec<Finding<'compilation>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding<'compilation> {
    code: String,
    name: &'static str,
    severity: Severity,
    message: &'compilation str,
    #[serde(flatten)]
    place: JsonPlace<'compilation>,
    #[serde(skip_serializing_if = "str::is_empty")]
    label: &'compilation str,
    related: Vec<Related<'compilation>>,
    help: Option<&'compilation str>,
    fixes: Vec<JsonFix<'compilation>>,
}

#[derive(Serialize)]
struct JsonPlace<'compilation> {
    path: &'compilation str,
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: u32,
    column: u32,
    offset: u32,
}

#[derive(Serialize)]
struct Related<'compilation> {
    #[serde(flatten)]
    place: JsonPlace<'compilation>,
    message: &'compilation str,
}

#[derive(Serialize)]
struct JsonFix<'compilation> {
    title: &'compilation str,
    applicability: Applicability,
    edits: Vec<Edit<'compilation>>,
}

#[derive(Serialize)]
struct Edit<'compilation> {
    #[serde(flatten)]
    place: JsonPlace<'compilation>,
    replacement: &'compilation str,
}

/// The document, indented.
pub(super) fn report(compilation: &Compilation) -> Result<String> {
    let mut places = Places::new(compilation);
    let counts = Counts::of(compilation.findings());
    let document = Document {
        version: VERSION,
        layerfiles: compilation
            .compiled
            .project
            .ids()
            .filter(|id| compilation.is_in_scope(*id))
            .count(),
        errors: counts.errors,
        warnings: counts.warnings,
        hints: counts.hints,
        suppressed: compilation.suppressed(),
        diagnostics: compilation
            .findings()
            .filter_map(|found| finding(found, &mut places))
            .collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn finding<'compilation>(
    finding: &'compilation Diagnostic,
    places: &mut Places<'compilation>,
) -> Option<Finding<'compilation>> {
    Some(Finding {
        code: finding.code.to_string(),
        name: rules::by_code(finding.code).map_or("", |rule| rule.name),
        severity: finding.severity,
        message: &finding.message,
        place: json_place(finding.primary.file, finding.primary.span, places)?,
        label: &finding.primary.text,
        related: finding.related.iter().filter_map(|label| related(label, places)).collect(),
        help: finding.help.as_deref(),
        fixes: finding.fixes.iter().map(|fix| json_fix(fix, places)).collect(),
    })
}

fn related<'compilation>(
    label: &'compilation Label,
    places: &mut Places<'compilation>,
) -> Option<Related<'compilation>> {
    Some(Related { place: json_place(label.file, label.span, places)?, message: &label.text })
}

fn json_fix<'compilation>(
    fix: &'compilation Fix,
    places: &mut Places<'compilation>,
) -> JsonFix<'compilation> {
    let edits = fix.edits.iter().filter_map(|edit| {
        Some(Edit {
            place: json_place(edit.file, edit.span, places)?,
            replacement: &edit.replacement,
        })
    });
    JsonFix { title: &fix.title, applicability: fix.applicability, edits: edits.collect() }
}

fn json_place<'compilation>(
    file: FileId,
    span: Span,
    places: &mut Places<'compilation>,
) -> Option<JsonPlace<'compilation>> {
    let Place { path, start, end } = places.find(file, span)?;
    let position = |LineColumn { line, column }, offset| Position { line, column, offset };
    Some(JsonPlace {
        path: path.as_str(),
        start: position(start, span.start()),
        end: position(end, span.end()),
    })
}
