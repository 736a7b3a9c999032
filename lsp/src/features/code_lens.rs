//! Lines above instructions: who else a layer matters to, what the next run would do with it, and a way to run it.

use crate::plan;
use crate::workspace::FileView;
use crate::workspace::settings::Shown;
use ls_types::{CodeLens, Command};
use serde_json::json;
use std::collections::BTreeSet;

/// The command behind a lens, which clients have under this name: shows the places that name this layer.
pub const SHOW_REFERENCES: &str = "layerc.showReferences";

/// Runs this Layerfile. Argument: the document. Offered only to clients that say they carry it out.
pub const RUN: &str = "layerc.run";

/// Shows the plan of this Layerfile. Argument: the document.
pub const PLAN: &str = "layerc.plan";

/// Names of commands that a client carries out itself.
pub type ClientCommands = BTreeSet<String>;

/// The lenses of a document.
pub fn lenses(view: FileView<'_>, carried_out: &ClientCommands) -> Vec<CodeLens> {
    let first = view.analysis().directives.first();
    let Some(first) = first.filter(|_| view.snapshot.settings().code_lens == Shown::Yes) else {
        return Vec::new();
    };
    let range = view.range(first.keyword);
    let document = json!(view.document.uri().as_str());
    let lens = |title: String, name: &str, arguments| {
        let command = Command { title, command: name.to_owned(), arguments: Some(arguments) };
        CodeLens { range, command: Some(command), data: None }
    };
    let graph = view.repository.graph();
    let (children, waiters) = (graph.children(view.id).len(), graph.waiters(view.id).len());
    let dependents = format!("{children} inherit · {waiters} wait");
    let mut lenses =
        vec![lens(dependents, SHOW_REFERENCES, vec![document.clone(), json!(range.start)])];
    if carried_out.contains(RUN) {
        lenses.push(lens("run".to_owned(), RUN, vec![document.clone()]));
    }
    let can_plan = carried_out.contains(PLAN);
    let outlook = plan::lenses::outlook(view).or_else(|| can_plan.then(|| "plan".to_owned()));
    // A title that can't be clicked has no command's name.
    let name = if can_plan { PLAN } else { "" };
    lenses.extend(outlook.map(|title| lens(title, name, vec![document])));
    lenses.extend(plan::lenses::copies(view));
    lenses
}
