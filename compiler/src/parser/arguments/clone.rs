//! CLONE: an address, sources and a destination, with `DEFAULT=` anywhere among them.

use super::paths::check_words;
use super::shape::{expect_words, misfit, to_word, to_words};
use super::{Argument, Reporter, Statement};
use crate::directive::{Clone_, Instruction};

const DEFAULT: &str = "DEFAULT=";

/// At least two words besides `DEFAULT=`; the last `DEFAULT=` counts, an empty one means none.
pub(super) fn read(statement: &Statement<'_>, reporter: &mut Reporter<'_>) -> Option<Instruction> {
    check_words(statement, reporter)?;
    let words = expect_words(statement, 2..=usize::MAX, reporter)?;
    let (defaults, paths): (Vec<_>, Vec<_>) =
        words.into_iter().partition(|word| word.text.starts_with(DEFAULT));
    let [url, sources @ .., destination] = paths.as_slice() else {
        misfit(statement, statement.arguments.len(), reporter);
        return None;
    };
    let branch =
        defaults.last().map(|word: &Argument<'_>| word.cut(DEFAULT.len()..word.text.len()));
    Some(Instruction::Clone(Clone_ {
        url: to_word(url, reporter),
        default_branch: branch
            .filter(|branch| !branch.text.is_empty())
            .map(|branch| to_word(&branch, reporter)),
        sources: to_words(sources, reporter),
        destination: to_word(destination, reporter),
    }))
}
