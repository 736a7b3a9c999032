//! Applies the text edits of a fix to a text. Knows nothing of diagnostics or files.

use crate::diagnostic::TextEdit;

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
