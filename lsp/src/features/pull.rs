//! Diagnostics for clients that ask for them: of one document, and of the whole workspace.
//!
//! A report has an id made of its content, so that an unchanged one is not sent twice.

use super::diagnostics::of_file;
use crate::workspace::Snapshot;
use ls_types::{
    Diagnostic, DocumentDiagnosticReport, DocumentDiagnosticReportResult,
    FullDocumentDiagnosticReport, PreviousResultId, RelatedFullDocumentDiagnosticReport,
    RelatedUnchangedDocumentDiagnosticReport, UnchangedDocumentDiagnosticReport, Uri,
    WorkspaceDiagnosticReport, WorkspaceDiagnosticReportResult, WorkspaceDocumentDiagnosticReport,
    WorkspaceFullDocumentDiagnosticReport, WorkspaceUnchangedDocumentDiagnosticReport,
};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The diagnostics of one document; of a document that isn't ours there are none.
pub fn document(
    snapshot: &Snapshot,
    uri: &Uri,
    known: Option<&str>,
) -> DocumentDiagnosticReportResult {
    let items = snapshot.file(uri).map(of_file).unwrap_or_default();
    let report = match report(items, known) {
        Report::Full(report) => {
            DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
                related_documents: None,
                full_document_diagnostic_report: report,
            })
        }
        Report::Unchanged(report) => {
            DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
                related_documents: None,
                unchanged_document_diagnostic_report: report,
            })
        }
    };
    report.into()
}

/// The diagnostics of every Layerfile, and empty ones for files that were reported before and are gone.
pub fn workspace(
    snapshot: &Snapshot,
    known: Vec<PreviousResultId>,
) -> WorkspaceDiagnosticReportResult {
    let mut known: BTreeMap<Uri, String> =
        known.into_iter().map(|known| (known.uri, known.value)).collect();
    let mut items = Vec::new();
    for view in snapshot.files() {
        let uri = view.document.uri();
        let before = known.remove(uri);
        let version = view.document.version().map(i64::from);
        items.push(of_workspace(uri.clone(), version, report(of_file(view), before.as_deref())));
    }
    let gone = known.into_iter().filter(|(_, id)| *id != id_of(&[]));
    items.extend(gone.map(|(uri, _)| of_workspace(uri, None, report(Vec::new(), None))));
    WorkspaceDiagnosticReport { items }.into()
}

enum Report {
    Full(FullDocumentDiagnosticReport),
    Unchanged(UnchangedDocumentDiagnosticReport),
}

fn report(items: Vec<Diagnostic>, known: Option<&str>) -> Report {
    let id = id_of(&items);
    if known == Some(id.as_str()) {
        Report::Unchanged(UnchangedDocumentDiagnosticReport { result_id: id })
    } else {
        Report::Full(FullDocumentDiagnosticReport { result_id: Some(id), items })
    }
}

fn of_workspace(
    uri: Uri,
    version: Option<i64>,
    report: Report,
) -> WorkspaceDocumentDiagnosticReport {
    match report {
        Report::Full(full_document_diagnostic_report) => {
            WorkspaceDocumentDiagnosticReport::Full(WorkspaceFullDocumentDiagnosticReport {
                uri,
                version,
                full_document_diagnostic_report,
            })
        }
        Report::Unchanged(unchanged_document_diagnostic_report) => {
            WorkspaceDocumentDiagnosticReport::Unchanged(
                WorkspaceUnchangedDocumentDiagnosticReport {
                    uri,
                    version,
                    unchanged_document_diagnostic_report,
                },
            )
        }
    }
}

/// The same for the same diagnostics, in this process.
fn id_of(items: &[Diagnostic]) -> String {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(items).unwrap_or_default().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
