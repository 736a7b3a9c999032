//! Writes texts as bash words. Knows nothing of where they come from.

/// Characters that mean nothing to the shell anywhere in a word.
const PLAIN: &str = "_./:@%+,=-^";

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || PLAIN.contains(character)
}

/// A word whose value is exactly `text`: plain if it can be, else in quotes.
pub(super) fn word(text: &str) -> String {
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { literal(text) }
}

/// `text` in single quotes.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A command of these words.
pub(super) fn command(words: &[String]) -> String {
    words.iter().map(|text| word(text)).collect::<Vec<_>>().join(" ")
}

/// A line of a here-document in which the shell expands variables, as a word in double quotes. There a backslash
/// counts only before `$`, a backtick and itself; in double quotes also before a quote.
pub(super) fn expandable_line(line: &str) -> String {
    let mut result = String::from("\"");
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('"', _) => result.push_str("\\\""),
            ('\\', Some('$' | '`' | '\\')) => {
                result.push('\\');
                result.extend(characters.next());
            }
            ('\\', _) => result.push_str("\\\\"),
            (other, _) => result.push(other),
        }
    }
    result.push('"');
    result
}

/// The value of a variable: parts that are literal, and parts that the shell expands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// As it is.
    Literal(String),
    /// `$NAME` or `${…}`.
    Expanded(String),
}

/// The right side of `NAME=` for a value: plain if it can be, else in the quotes that need the fewest escapes.
pub(super) fn assignment(parts: &[Part]) -> String {
    let literal_text: String = parts
        .iter()
        .filter_map(|part| match part {
            Part::Literal(text) => Some(text.as_str()),
            Part::Expanded(_) => None,
        })
        .collect();
    if literal_text.chars().all(is_plain) {
        return parts.iter().map(Part::text).collect();
    }
    let expands = parts.iter().any(|part| matches!(part, Part::Expanded(_)));
    let needs_escapes = literal_text.contains(['"', '$', '`', '\\']);
    if needs_escapes && !expands && !literal_text.contains('\'') {
        return format!("'{literal_text}'");
    }
    format!("\"{}\"", parts.iter().map(Part::in_double_quotes).collect::<String>())
}

impl Part {
    fn text(&self) -> &str {
        match self {
            Self::Literal(text) | Self::Expanded(text) => text,
        }
    }

    fn in_double_quotes(&self) -> String {
        match self {
            Self::Expanded(text) => text.clone(),
            Self::Literal(text) => text.chars().fold(String::new(), |mut escaped, character| {
                if matches!(character, '"' | '$' | '`' | '\\') {
                    escaped.push('\\');
                }
                escaped.push(character);
                escaped
            }),
        }
    }
}
