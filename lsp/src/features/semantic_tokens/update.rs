//! The tokens of a document after an edit: those of lines that stayed are kept, the others are made anew.
//!
//! What a logical line looks like depends on that line alone, so stretches between beginnings of logical lines can be
//! put together. A test holds the result to the tokens that are made from nothing.

use crate::workspace::FileView;
use crate::workspace::document::Document;
use layerc_compiler::line_index::LineIndex;
use layerc_compiler::span::Span;
use ls_types::SemanticToken;

/// The tokens of a document that was `before` with the tokens `known`.
pub fn updated(
    view: FileView<'_>,
    before: &Document,
    known: &[SemanticToken],
) -> Vec<SemanticToken> {
    let (old, new) = (Text::of(before), Text::of(view.document));
    let start = unchanged_start(old, new);
    let (old_end, new_end) = unchanged_end(old, new, start);
    let (first, old_last, new_last) =
        (new.lines.line(start), old.lines.line(old_end), new.lines.line(new_end));
    let kept = before_line(known, if start == 0 { 0 } else { first });
    let gone = if old_end == old.length() { known.len() } else { before_line(known, old_last) };
    let mut tokens = known.get(..kept).unwrap_or_default().to_vec();
    let mut line: u32 = tokens.iter().map(|token| token.delta_line).sum();
    let made = super::in_span(view, Span::new(start, new_end));
    let inside = within(&made, first, (new_end < new.length()).then_some(new_last));
    line = append(&mut tokens, line, inside.0, inside.1);
    let rest = known.get(gone..).unwrap_or_default();
    let rest_line: u32 = known.iter().take(gone + 1).map(|token| token.delta_line).sum();
    if !rest.is_empty() {
        append(&mut tokens, line, (rest_line + new_last).saturating_sub(old_last), rest);
    }
    tokens
}

/// A text with its lines.
#[derive(Clone, Copy)]
struct Text<'t> {
    text: &'t str,
    lines: &'t LineIndex,
}

impl<'t> Text<'t> {
    fn of(document: &'t Document) -> Self {
        Self { text: document.text(), lines: &document.analysis().lines }
    }

    fn length(self) -> u32 {
        u32::try_from(self.text.len()).unwrap_or(u32::MAX)
    }

    /// Whether a logical line begins at byte `offset` whatever comes before its line.
    fn begins_at(self, offset: u32) -> bool {
        let before = self.text.get(..offset as usize);
        let line = before.and_then(|before| before.strip_suffix('\n'));
        offset == 0
            || line.is_some_and(|line| !line.trim_end_matches([' ', '\t', '\r']).ends_with('\\'))
    }
}

/// The last beginning of a logical line up to which both texts are the same.
fn unchanged_start(old: Text<'_>, new: Text<'_>) -> u32 {
    let pairs = old.text.bytes().zip(new.text.bytes());
    let same = pairs.take_while(|(one, other)| one == other).count();
    let mut line = new.lines.line(u32::try_from(same).unwrap_or(u32::MAX));
    loop {
        let start = new.lines.line_start(line).unwrap_or(0);
        if line == 0 || (start as usize <= same && new.begins_at(start)) {
            return start;
        }
        line -= 1;
    }
}

/// The first beginning of a logical line from which both texts are the same, at or behind `start`; their ends if there
/// is none.
fn unchanged_end(old: Text<'_>, new: Text<'_>, start: u32) -> (u32, u32) {
    let most = old.length().min(new.length()).saturating_sub(start) as usize;
    let pairs = old.text.bytes().rev().zip(new.text.bytes().rev());
    let same = pairs.take(most).take_while(|(one, other)| one == other).count();
    let first = u32::try_from(new.text.len() - same).unwrap_or(u32::MAX);
    let ends = (old.length(), new.length());
    let mut line = new.lines.line(first);
    while let Some(offset) = new.lines.line_start(line) {
        let in_old = (old.length() + offset).checked_sub(new.length());
        if offset >= first
            && new.begins_at(offset)
            && let Some(in_old) = in_old.filter(|in_old| *in_old >= start && old.begins_at(*in_old))
        {
            return (in_old, offset);
        }
        line += 1;
    }
    ends
}

/// How many tokens stand before a line.
fn before_line(tokens: &[SemanticToken], line: u32) -> usize {
    let mut at = 0;
    let is_before = |token: &&SemanticToken| {
        at += token.delta_line;
        at < line
    };
    tokens.iter().take_while(is_before).count()
}

/// The tokens from line `first` on and before line `end`, and the line of the first of them.
fn within(tokens: &[SemanticToken], first: u32, end: Option<u32>) -> (u32, &[SemanticToken]) {
    let from = before_line(tokens, first);
    let to = end.map_or(tokens.len(), |end| before_line(tokens, end));
    let line = tokens.iter().take(from + 1).map(|token| token.delta_line).sum();
    (line, tokens.get(from..to).unwrap_or_default())
}

/// Appends tokens of which the first stands on line `first`, behind tokens that end on line `last`; gives the new last
/// line.
fn append(tokens: &mut Vec<SemanticToken>, last: u32, first: u32, more: &[SemanticToken]) -> u32 {
    let start = tokens.len();
    tokens.extend_from_slice(more);
    match tokens.get_mut(start) {
        Some(token) => {
            token.delta_line = first.saturating_sub(last);
            first + more.iter().skip(1).map(|token| token.delta_line).sum::<u32>()
        }
        None => last,
    }
}

#[cfg(test)]
mod tests {
    use super::updated;
    use crate::features::semantic_tokens::whole;
    use crate::fixture::Fixture;
    use proptest::prelude::*;

    const PIECES: [&str; 16] = [
        "FROM vm/ubuntu:18.04\n",
        "RUN a \\\n  b $C && d\n",
        "ENV A=1 B=\"é $A\"\n",
        "# note\n",
        "# note \\\n",
        "WAIT ../x\r\n",
        "\n",
        "\\",
        "\\\n",
        " ",
        "RUN x",
        "\r",
        "SPLIT 2\n",
        "  ",
        "FROM ../a\n",
        "😀",
    ];

    fn texts() -> impl Strategy<Value = Vec<&'static str>> {
        prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn they_are_those_that_are_made_from_nothing(
            head in texts(), old in texts(), new in texts(), tail in texts(),
        ) {
            let text = |middle: &[&str]| [&head[..], middle, &tail[..]].concat().concat();
            let before = Fixture::new(&format!("--- Layerfile\n{}", text(&old)));
            let after = Fixture::new(&format!("--- Layerfile\n{}", text(&new)));
            let tokens = updated(after.view(), before.view().document, &whole(before.view()));
            prop_assert_eq!(tokens, whole(after.view()), "{:?} → {:?}", text(&old), text(&new));
        }
    }
}
