//! Lines above instructions: who else a layer matters to.

use crate::plan;
use crate::workspace::FileView;
use crate::workspace::settings::Shown;
use ls_types::{CodeLens, Command};
use serde_json::json;

/// The command behind a lens, which clients have under this name: shows the places that name this layer.
pub const SHOW_REFERENCES: &str = "layerc.showReferences";

/// The lenses of a document.
pub fn lenses(view: FileView<'_>) -> Vec<CodeLens> {
    let first = view.analysis().directives.first();
    let Some(first) = first.filter(|_| view.snapshot.settings().code_lens == Shown::Yes) else {
        return Vec::new();
    };
    let graph = view.repository.graph();
    let (children, waiters) = (graph.children(view.id).len(), graph.waiters(view.id).len());
    let range = view.range(first.keyword);
    let arguments = vec![json!(view.document.uri().as_str()), json!(range.start)];
    let command = Command {
        title: format!("{children} inherit · {waiters} wait"),
        command: SHOW_REFERENCES.to_owned(),
        arguments: Some(arguments),
    };
    let dependents = CodeLens { range, command: Some(command), data: None };
    std::iter::once(dependents).chain(plan::lenses::copies(view)).collect()
}
