//! What is true at a place and isn't written there.

use crate::plan;
use crate::workspace::FileView;
use crate::workspace::settings::Shown;
use layerc_compiler::directive::{Instruction, SplitOrder};
use layerc_compiler::span::Span;
use ls_types::{InlayHint, InlayHintLabel, Range};

/// The hints of the lines in `range`.
pub fn hints(view: FileView<'_>, range: Range) -> Vec<InlayHint> {
    if view.snapshot.settings().inlay_hints == Shown::No {
        return Vec::new();
    }
    let wanted = view.positions().span(range);
    let directives = view.analysis().directives.iter();
    let hints = directives.filter_map(|directive| {
        let label = label(&directive.instruction)?;
        let near = wanted.touches(directive.span.end());
        near.then(|| hint(view, directive.span, label))
    });
    hints.chain(plan::hints::hints(view, range)).collect()
}

fn hint(view: FileView<'_>, span: Span, label: String) -> InlayHint {
    InlayHint {
        position: view.positions().position(span.end()),
        label: InlayHintLabel::String(label),
        kind: None,
        text_edits: None,
        tooltip: None,
        padding_left: Some(true),
        padding_right: None,
        data: None,
    }
}

fn label(instruction: &Instruction) -> Option<String> {
    match instruction {
        Instruction::Split(split) => {
            let (copies, last) = (split.copies.value, split.copies.value.saturating_sub(1));
            Some(match split.order {
                SplitOrder::Ordered => format!("SPLIT=0…{last} SPLIT_NUM={copies}"),
                SplitOrder::Unordered => format!("SPLIT_NUM={copies}"),
            })
        }
        _ => None,
    }
}
