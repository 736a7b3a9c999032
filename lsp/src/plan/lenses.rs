//! What lenses say of the plan: what the next run would do with a file, and which copy of a SPLIT is shown.
//!
//! Their commands are carried out by the client; one that doesn't know them shows the titles all the same.

use super::hints::shown_copy;
use super::outlook::{duration_text, of_file};
use crate::workspace::FileView;
use layerc_compiler::directive::{Instruction, SplitOrder};
use layerc_planner::render::StepAnnotation;
use ls_types::{CodeLens, Command, Range};
use serde_json::{Value, json};

/// Lets the user pick a copy, then executes `layerc.showCopy`. Arguments: the document, the number of copies, the copy
/// that is shown or null.
pub const PICK_COPY: &str = "layerc.pickCopy";

/// `2 cached · 1 will run, about 12 s`: the steps of a file in the words of `layerc plan`, counted; `None` where past
/// runs tell nothing of it.
pub fn outlook(view: FileView<'_>) -> Option<String> {
    let (mut cached, mut running, mut unknown, mut left_out) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut milliseconds = 0_u64;
    for line in of_file(view) {
        match line.outlook {
            Some(StepAnnotation::Cached) => cached += 1,
            Some(StepAnnotation::WillRun { .. }) => {
                running += 1;
                milliseconds += line.usual_milliseconds.unwrap_or(0);
            }
            Some(StepAnnotation::Unknown { .. }) => unknown += 1,
            Some(StepAnnotation::LeftOut) => left_out += 1,
            None => {}
        }
    }
    let about = format!(", about {}", duration_text(milliseconds));
    let counted = [
        (cached, "cached", ""),
        (running, "will run", if milliseconds > 0 { about.as_str() } else { "" }),
        (unknown, "unknown", ""),
        (left_out, "left out", ""),
    ];
    let told = counted.into_iter().filter(|(count, ..)| *count > 0);
    let told: Vec<String> =
        told.map(|(count, words, more)| format!("{count} {words}{more}")).collect();
    (!told.is_empty()).then(|| told.join(" · "))
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
