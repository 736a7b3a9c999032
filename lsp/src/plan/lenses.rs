//! The code lens of SPLIT: which copy's values are shown.
//!
//! Its command is carried out by the client; one that doesn't know it shows the title all the same.

use super::hints::shown_copy;
use crate::workspace::FileView;
use layerc_compiler::directive::{Instruction, SplitOrder};
use ls_types::{CodeLens, Command, Range};
use serde_json::{Value, json};

/// Lets the user pick a copy, then executes `layerc.showCopy`. Arguments: the document, the number of copies, the copy
/// that is shown or null.
pub const PICK_COPY: &str = "layerc.pickCopy";

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

/// The lens of a SPLIT whose copies have numbers.
pub fn copies(view: FileView<'_>) -> Option<CodeLens> {
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
