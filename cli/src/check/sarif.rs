//! Findings as SARIF 2.1.0, the format that code scanning services read.
//!
//! Facts from the OASIS standard: paths are URIs relative to a named base, columns count what `columnKind` says,
//! rules are listed once and results point at them.

use super::place::{Place, Places};
use crate::compilation::Compilation;
use anyhow::Result;
use layerc_compiler::diagnostic::{Diagnostic, Fix, Label, Severity, TextEdit};
use layerc_compiler::rules::{RULES, Rule};
use layerc_compiler::span::{FileId, Span};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The log, indented.
pub(super) fn report(compilation: &Compilation) -> Result<String> {
    let mut places = Places::new(compilation);
    let results: Vec<Value> =
        compilation.findings().filter_map(|finding| result(finding, &mut places)).collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "layerc",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": RULES.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    Ok(serde_json::to_string_pretty(&log)? + "\n")
}

fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.code.to_string(),
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": level(rule.severity)},
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "note",
    }
}

fn result(finding: &Diagnostic, places: &mut Places<'_>) -> Option<Value> {
    let help = finding.help.iter().map(|help| format!("\nhelp: {help}"));
    let message = help.fold(finding.message.clone(), |message, help| message + &help);
    let mut result = json!({
        "ruleId": finding.code.to_string(),
        "level": level(finding.severity),
        "message": {"text": message},
        "locations": [location(places.find(finding.primary.file, finding.primary.span)?)],
    });
    let fields = result.as_object_mut()?;
    if let Ok(index) = RULES.binary_search_by(|rule| rule.code.cmp(&finding.code)) {
        fields.insert("ruleIndex".to_owned(), json!(index));
    }
    insert_list(
        fields,
        "relatedLocations",
        finding.related.iter().filter_map(|label| related(label, places)),
    );
    insert_list(fields, "fixes", finding.fixes.iter().map(|offered| fix(offered, places)));
    Some(result)
}

fn insert_list(fields: &mut Map<String, Value>, name: &str, values: impl Iterator<Item = Value>) {
    let values: Vec<Value> = values.collect();
    if !values.is_empty() {
        fields.insert(name.to_owned(), Value::Array(values));
    }
}

fn location(place: Place<'_>) -> Value {
    json!({"physicalLocation": {"artifactLocation": artifact(&place), "region": region(&place)}})
}

fn artifact(place: &Place<'_>) -> Value {
    json!({"uri": uri(place.path.as_str()), "uriBaseId": "%SRCROOT%"})
}

fn region(place: &Place<'_>) -> Value {
    json!({
        "startLine": place.start.line,
        "startColumn": place.start.column,
        "endLine": place.end.line,
        "endColumn": place.end.column,
    })
}

fn related(label: &Label, places: &mut Places<'_>) -> Option<Value> {
    let mut location = location(places.find(label.file, label.span)?);
    location.as_object_mut()?.insert("message".to_owned(), json!({"text": label.text}));
    Some(location)
}

fn fix(fix: &Fix, places: &mut Places<'_>) -> Value {
    let mut by_file: BTreeMap<FileId, Vec<&TextEdit>> = BTreeMap::new();
    for edit in &fix.edits {
        by_file.entry(edit.file).or_default().push(edit);
    }
    let changes = by_file.into_iter().filter_map(|(file, edits)| {
        let artifact = artifact(&places.find(file, Span::empty(0))?);
        let replacements: Vec<Value> =
            edits.into_iter().filter_map(|edit| replacement(edit, places)).collect();
        Some(json!({"artifactLocation": artifact, "replacements": replacements}))
    });
    json!({"description": {"text": fix.title}, "artifactChanges": changes.collect::<Vec<_>>()})
}

fn replacement(edit: &TextEdit, places: &mut Places<'_>) -> Option<Value> {
    let region = region(&places.find(edit.file, edit.span)?);
    Some(json!({"deletedRegion": region, "insertedContent": {"text": edit.replacement}}))
}

/// A relative URI: every byte that is not plainly allowed in a path is written as `%XX`.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            other => {
                let _infallible = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}
