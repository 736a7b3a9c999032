//! Chooses the fixes that can be applied together, and applies edits to a text. Knows nothing of files on disk.

use crate::diagnostic::{Applicability, Diagnostic, TextEdit};
use crate::span::FileId;
use std::collections::BTreeMap;

/// Fixes that can be applied together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// Their edits by file, none overlapping.
    pub edits: BTreeMap<FileId, Vec<TextEdit>>,
    /// How many fixes these are.
    pub fixes: usize,
}

/// The first safe fix of each finding, as long as it does not touch what an earlier one changes. One round can make
/// room for another: a keyword in capitals shows that its arguments are wrong.
pub fn safe_round<'a>(findings: impl IntoIterator<Item = &'a Diagnostic>) -> Round {
    let mut round = Round::default();
    for finding in findings {
        let safe = finding.fixes.iter().find(|fix| fix.applicability == Applicability::Safe);
        let edits = safe.map(|fix| fix.edits.as_slice()).unwrap_or_default();
        if !edits.is_empty() && edits.iter().all(|edit| has_room(&round.edits, edit)) {
            round.fixes += 1;
            for edit in edits {
                round.edits.entry(edit.file).or_default().push(edit.clone());
            }
        }
    }
    round
}

/// Edits that only touch count as overlapping: which insertion comes first would be a guess.
fn has_room(round: &BTreeMap<FileId, Vec<TextEdit>>, edit: &TextEdit) -> bool {
    let apart = |other: &TextEdit| {
        edit.span.end() < other.span.start() || other.span.end() < edit.span.start()
    };
    round.get(&edit.file).is_none_or(|others| others.iter().all(apart))
}

/// `text` with the edits applied, in whatever order they come.
/// `None` if two of them overlap or one lies outside of the text or inside a character.
pub fn apply<'a>(text: &str, edits: impl IntoIterator<Item = &'a TextEdit>) -> Option<String> {
    let mut edits: Vec<&TextEdit> = edits.into_iter().collect();
    edits.sort_by_key(|edit| edit.span);
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    for edit in edits {
        let range = edit.span.range();
        result.push_str(text.get(copied..range.start)?);
        result.push_str(&edit.replacement);
        text.get(range.clone())?;
        copied = range.end;
    }
    result.push_str(text.get(copied..)?);
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::apply;
    use crate::diagnostic::TextEdit;
    use crate::span::{FileId, Span};

    fn edit(start: u32, end: u32, replacement: &str) -> TextEdit {
        TextEdit {
            file: FileId::new(0),
            span: Span::new(start, end),
            replacement: replacement.to_owned(),
        }
    }

    #[test]
    fn edits_apply_in_any_order() {
        let edits = [edit(4, 5, "x"), edit(0, 0, "> "), edit(1, 3, "")];
        assert_eq!(apply("abcde", &edits).as_deref(), Some("> adx"));
    }

    #[test]
    fn bad_edits_are_refused() {
        assert_eq!(apply("abc", &[edit(0, 2, ""), edit(1, 3, "")]), None);
        assert_eq!(apply("abc", &[edit(2, 9, "")]), None);
        assert_eq!(apply("é", &[edit(1, 2, "")]), None);
    }
}
