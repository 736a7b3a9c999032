//! The argument forms of Dockerfile instructions: flags, JSON arrays, words with quotes.

/// `--name` or `--name=value` before the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flag {
    /// Without dashes.
    pub(super) name: String,
    /// What follows `=`; empty without it.
    pub(super) value: String,
}

/// The flags in front of the arguments, and the rest.
pub(super) fn flags(text: &str) -> (Vec<Flag>, &str) {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(flag) = rest.strip_prefix("--") {
        let end = flag.find([' ', '\t']).unwrap_or(flag.len());
        let Some((word, behind)) = flag.split_at_checked(end) else { break };
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        found.push(Flag { name: name.to_ascii_lowercase(), value: value.to_owned() });
        rest = behind.trim_start();
    }
    (found, rest)
}

/// The strings of a JSON array; `None` if the text is anything else.
pub(super) fn json_array(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim().strip_prefix('[')?.trim_start();
    let mut strings = Vec::new();
    if let Some(behind) = rest.strip_prefix(']') {
        return behind.trim().is_empty().then_some(strings);
    }
    loop {
        let (string, behind) = json_string(rest)?;
        strings.push(string);
        let behind = behind.trim_start();
        if let Some(end) = behind.strip_prefix(']') {
            return end.trim().is_empty().then_some(strings);
        }
        rest = behind.strip_prefix(',')?.trim_start();
    }
}

fn json_string(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut string = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((string, text.get(index + 1..)?)),
            '\\' => match characters.next()?.1 {
                'n' => string.push('\n'),
                't' => string.push('\t'),
                'r' => string.push('\r'),
                'u' => {
                    let digits: String =
                        characters.by_ref().take(4).map(|(_, digit)| digit).collect();
                    string.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                }
                escaped @ ('"' | '\\' | '/') => string.push(escaped),
                _ => return None,
            },
            other => string.push(other),
        }
    }
    None
}

/// Words separated by blanks outside of quotes; quotes and escapes stay in them.
pub(super) fn quoted_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut escaped = false;
    for (index, character) in text.char_indices() {
        let blank = character.is_whitespace() && quote.is_none() && !escaped;
        match (start, blank) {
            (None, false) => start = Some(index),
            (Some(from), true) => {
                words.extend(text.get(from..index));
                start = None;
            }
            _ => {}
        }
        match quote {
            Some(open) if open == character && !escaped => quote = None,
            None if matches!(character, '"' | '\'') && !escaped => quote = Some(character),
            _ => {}
        }
        escaped = character == '\\' && !escaped && quote != Some('\'');
    }
    words.extend(start.and_then(|from| text.get(from..)));
    words
}

/// The words of an instruction that takes a list: a JSON array or words without quotes.
pub(super) fn list(text: &str) -> Vec<String> {
    json_array(text).unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect())
}
