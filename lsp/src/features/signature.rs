//! What an instruction wants next: its usage, with the argument at the cursor marked.

use super::line::Line;
use crate::workspace::FileView;
use ls_types::{
    Documentation, ParameterInformation, ParameterLabel, Position, SignatureHelp,
    SignatureInformation,
};

/// The usage of the instruction at `position`; `None` on the keyword itself and outside of instructions.
pub fn signature(view: FileView<'_>, position: Position) -> Option<SignatureHelp> {
    let line = Line::before(view, view.offset(position));
    let (info, arguments) = line.arguments()?;
    let parameters = parameters(info.usage, info.keyword.len());
    let count = u32::try_from(parameters.len()).unwrap_or(0);
    let written = arguments.split_whitespace().count();
    let begun = written - usize::from(!arguments.ends_with([' ', '\t']) && written > 0);
    let active = u32::try_from(begun).unwrap_or(0).min(count.saturating_sub(1));
    Some(SignatureHelp {
        signatures: vec![SignatureInformation {
            label: info.usage.to_owned(),
            documentation: Some(Documentation::String(info.doc.to_owned())),
            parameters: Some(parameters),
            active_parameter: (count > 0).then_some(active),
        }],
        active_signature: Some(0),
        active_parameter: (count > 0).then_some(active),
    })
}

/// The words of a usage behind its keyword, as places in it, counted in UTF-16 as the protocol wants it here.
fn parameters(usage: &str, keyword: usize) -> Vec<ParameterInformation> {
    let units = |bytes: usize| {
        let before = usage.get(..bytes).unwrap_or_default();
        u32::try_from(before.encode_utf16().count()).unwrap_or(0)
    };
    let mut at = keyword;
    let mut found = Vec::new();
    for word in usage.get(keyword..).unwrap_or_default().split(' ') {
        if !word.is_empty() {
            let label = ParameterLabel::LabelOffsets([units(at), units(at + word.len())]);
            found.push(ParameterInformation { label, documentation: None });
        }
        at += word.len() + 1;
    }
    found
}
