//! What changed between two lists of tokens: one edit from the first difference to the last.

use ls_types::{SemanticToken, SemanticTokensEdit};

/// Numbers in a token.
const NUMBERS: usize = 5;

/// The edits that make `now` of `before`.
pub fn between(before: &[SemanticToken], now: &[SemanticToken]) -> Vec<SemanticTokensEdit> {
    let same_start = before.iter().zip(now).take_while(|(one, other)| one == other).count();
    let rest = before.len().min(now.len()) - same_start;
    let ends = before.iter().rev().zip(now.iter().rev());
    let same_end = ends.take(rest).take_while(|(one, other)| one == other).count();
    let replaced = before.len() - same_start - same_end;
    let data = now.get(same_start..now.len() - same_end).unwrap_or_default();
    if replaced == 0 && data.is_empty() {
        return Vec::new();
    }
    let numbers = |tokens: usize| u32::try_from(tokens * NUMBERS).unwrap_or(u32::MAX);
    vec![SemanticTokensEdit {
        start: numbers(same_start),
        delete_count: numbers(replaced),
        data: (!data.is_empty()).then(|| data.to_vec()),
    }]
}

#[cfg(test)]
mod tests {
    use super::{NUMBERS, between};
    use ls_types::SemanticToken;
    use proptest::prelude::*;

    fn tokens(lengths: &[u32]) -> Vec<SemanticToken> {
        let token = |length: &u32| SemanticToken {
            delta_line: 0,
            delta_start: 1,
            length: *length,
            token_type: 0,
            token_modifiers_bitset: 0,
        };
        lengths.iter().map(token).collect()
    }

    proptest! {
        #[test]
        fn edits_make_the_new_tokens_of_the_old(
            before in proptest::collection::vec(0_u32..3, 0..12),
            now in proptest::collection::vec(0_u32..3, 0..12),
        ) {
            let (before, now) = (tokens(&before), tokens(&now));
            let mut edited = before.clone();
            for edit in between(&before, &now) {
                let start = edit.start as usize / NUMBERS;
                let end = start + edit.delete_count as usize / NUMBERS;
                edited.splice(start..end, edit.data.unwrap_or_default());
            }
            prop_assert_eq!(edited, now);
        }
    }
}
