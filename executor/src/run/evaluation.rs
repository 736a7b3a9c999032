//! ENV: the bash text that evaluates values in the machine, and the reading of its answer.
//!
//! A value is shell text, evaluated once, in order, in the machine; later pairs see earlier ones. The answer comes
//! back over file descriptor 3, one NUL-ended string for each pair.

/// Bash text that evaluates `pairs`.
pub(super) fn script(pairs: &[(String, String)]) -> String {
    let mut script = String::new();
    for (name, value) in pairs {
        let value = quote_bare(value);
        // A failing command substitution fails the assignment, and with it the instruction.
        script.push_str(&format!(
            "__layerc_value={value} || exit\nprintf '%s\\0' \"$__layerc_value\" >&3 || exit\n"
        ));
        if is_identifier(name) {
            script.push_str(&format!("export {name}=\"$__layerc_value\"\n"));
        }
    }
    script
}

/// The values in the answer to [`script`], if it is one.
pub(super) fn values(answer: &[u8], count: usize) -> Option<Vec<String>> {
    let mut values: Vec<String> = answer
        .split(|byte| *byte == 0)
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect();
    let behind_last = values.pop()?;
    (behind_last.is_empty() && values.len() == count).then_some(values)
}

/// What bash can have as a variable; other names (`npm-config`) still reach programs through the environment.
fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// An unquoted value may hold characters that end a shell word (`http://x?a=1&b=2`); they are meant as they stand.
/// Expansions and quotes stay as they are.
fn quote_bare(value: &str) -> String {
    let begins_quoted = value.starts_with(['"', '\'', '`']);
    if begins_quoted || value.contains("$(") || value.contains('`') {
        return value.to_owned();
    }
    let mut quoted = String::with_capacity(value.len());
    let mut inside: Option<char> = None;
    let mut is_escaped = false;
    for character in value.chars() {
        if is_escaped {
            is_escaped = false;
        } else if character == '\\' && inside != Some('\'') {
            is_escaped = true;
        } else if inside == Some(character) {
            inside = None;
        } else if inside.is_none() {
            match character {
                '"' | '\'' => inside = Some(character),
                '&' | ';' | '|' | '<' | '>' | '(' | ')' | ' ' | '\t' => quoted.push('\\'),
                _ => {}
            }
        }
        quoted.push(character);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::{quote_bare, script, values};
    use std::process::Command;

    /// Evaluates with the real bash, descriptor 3 turned into standard output.
    fn evaluated(pairs: &[(&str, &str)]) -> Option<Vec<String>> {
        let pairs: Vec<_> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let output = Command::new("bash")
            .args(["-c", &format!("exec 3>&1\n{}", script(&pairs))])
            .env("HOME", "/home/x")
            .output()
            .unwrap();
        output.status.success().then(|| values(&output.stdout, pairs.len()).unwrap())
    }

    #[test]
    fn values_are_shell_text() {
        let pairs = [
            ("A", "x"),
            ("B", "$A:~"),
            ("C", "\"$A y\""),
            ("D", "'$A'"),
            ("E", "$(echo z)"),
            ("F-G", "~/b"),
        ];
        assert_eq!(evaluated(&pairs).unwrap(), ["x", "x:/home/x", "x y", "$A", "z", "/home/x/b"]);
        assert_eq!(
            evaluated(&[("U", "http://h/?a=1&b=(2)"), ("V", "")]).unwrap(),
            ["http://h/?a=1&b=(2)", ""]
        );
        assert_eq!(evaluated(&[("M", "\"a\nb\"")]).unwrap(), ["a\nb"]);
    }

    #[test]
    fn a_failing_evaluation_is_a_failure() {
        assert_eq!(evaluated(&[("A", "$(false)")]), None);
        assert_eq!(evaluated(&[("A", "\"unclosed")]), None);
        assert_eq!(quote_bare("a\"b;c\"d;e"), "a\"b;c\"d\\;e");
    }
}
