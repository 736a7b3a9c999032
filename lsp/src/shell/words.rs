//! The words and signs of bash that the lexer tells apart. Knows no position and no state.

/// Words after which a command follows.
pub(super) const BEFORE_COMMAND: [&str; 11] =
    ["if", "then", "else", "elif", "while", "until", "do", "!", "{", "time", "coproc"];
/// Words that end a compound command, or after which words follow.
pub(super) const BEFORE_WORDS: [&str; 8] =
    ["fi", "done", "esac", "}", "for", "case", "select", "function"];
/// The longest operators come first.
pub(super) const OPERATORS: [&str; 22] = [
    ";;&", "<<<", "&>>", "<<-", ";;", ";&", "&&", "||", "|&", "&>", "<<", ">>", "<&", ">&", "<>",
    ">|", ";", "&", "|", "<", ">", "\n",
];

/// Whether a word starts with `NAME=` or `NAME+=`.
pub(super) fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    let name = name.strip_suffix('+').unwrap_or(name);
    !name.is_empty() && name_length(name) == name.len()
}

/// Bytes of the variable name that a text starts with.
pub(super) fn name_length(text: &str) -> usize {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return 0;
    }
    text.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .unwrap_or(text.len())
}

/// Bytes of the rest of `$'…'`, its closing quote included.
pub(super) fn ansi_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (index, letter) in text.char_indices() {
        match letter {
            '\'' if !escaped => return Some(index + 1),
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    None
}
