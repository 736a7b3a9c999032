//! Code lenses of the plan: who inherits from a file and who waits for it, and which copy of a SPLIT is shown.
//!
//! Commands are carried out by the client (`layerc.showReferences`, `layerc.pickCopy`); one that doesn't know them
//! shows the titles all the same.

use super::chain::{self, Dependents};
use super::hints::shown_copy;
use crate::workspace::FileView;
use crate::workspace::settings::Shown;
use layerc_compiler::directive::{Instruction, SplitOrder};
use layerc_compiler::span::{FileId, Span};
use ls_types::{CodeLens, Command, Location, Range};
use serde_json::{Value, json};

/// Shows places. Arguments: the document, the position, the locations.
pub const SHOW_REFERENCES: &str = "layerc.showReferences";

/// Lets the user pick a copy, then executes `layerc.showCopy`. Arguments: the document, the number of copies, the copy
/// that is shown or null.
pub const PICK_COPY: &str = "layerc.pickCopy";

/// The lenses of a file.
pub fn lenses(view: FileView<'_>) -> Vec<CodeLens> {
    if view.snapshot.settings().code_lens == Shown::No {
        return Vec::new();
    }
    let mut lenses = Vec::new();
    if let Some(first) = view.analysis().directives.first() {
        lenses.extend(dependents(view, view.range(first.keyword)));
    }
    lenses.extend(copies(view));
    lenses
}

fn dependents(view: FileView<'_>, range: Range) -> Vec<CodeLens> {
    let Dependents { inherit, wait } = chain::dependents(view);
    let lens = |places: &[(FileId, Span)], verb: &str| {
        let locations: Vec<Location> = places
            .iter()
            .filter_map(|(id, span)| view.sibling(*id).map(|file| file.location(*span)))
            .collect();
        let arguments = vec![json!(view.document.uri()), json!(range.start), json!(locations)];
        command_lens(range, format!("{} {verb}", places.len()), SHOW_REFERENCES, arguments)
    };
    vec![lens(&inherit, "inherit"), lens(&wait, "wait")]
}

fn command_lens(range: Range, title: String, command: &str, arguments: Vec<Value>) -> CodeLens {
    let command = Command { title, command: command.to_owned(), arguments: Some(arguments) };
    CodeLens { range, command: Some(command), data: None }
}

/// The SPLIT whose copies have numbers: its index in the file, and how many copies.
pub fn ordered_split(view: FileView<'_>) -> Option<(usize, u32)> {
    let directives = view.analysis().directives.iter().enumerate();
    directives.into_iter().find_map(|(index, directive)| match &directive.instruction {
        Instruction::Split(split) if split.order == SplitOrder::Ordered => {
            Some((index, split.copies.value))
        }
        _ => None,
    })
}

fn copies(view: FileView<'_>) -> Option<CodeLens> {
    let (index, copies) = ordered_split(view)?;
    let directive = view.analysis().directives.get(index)?;
    let shown = shown_copy(view).map(|(copy, _)| copy);
    let title = match shown {
        Some(copy) => format!("showing copy {copy} of 0…{}", copies.saturating_sub(1)),
        None => "show the values of one copy".to_owned(),
    };
    let arguments = vec![json!(view.document.uri()), json!(copies), json!(shown)];
    Some(command_lens(view.range(directive.keyword), title, PICK_COPY, arguments))
}
