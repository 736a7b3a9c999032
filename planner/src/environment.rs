//! Variables whose value is known without running anything.
//!
//! ENV values are shell text. What needs a shell to know (`$(…)`, backticks, `~`, variables of the base image) is
//! left out, and so is whatever an instruction behind a SKIP REMAINING IF may or may not set: a value given here is
//! certain. Files of SETUP FILE are not looked into; they can still change what a command sees.

use layerc_compiler::directive::{EnvPair, Instruction, Split};
use std::collections::BTreeMap;

/// The known variables at one point of a Layerfile.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    known: BTreeMap<String, String>,
    reached: Reached,
}

/// Whether the current point is reached in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Reached {
    #[default]
    Always,
    Perhaps,
}

impl Environment {
    /// What a child of this file starts with.
    pub(crate) fn inherited(&self) -> Self {
        Self { known: self.known.clone(), reached: Reached::Always }
    }

    /// The variables and their values.
    pub(crate) fn into_known(self) -> BTreeMap<String, String> {
        self.known
    }

    /// Takes account of one instruction.
    pub(crate) fn apply(&mut self, instruction: &Instruction) {
        match instruction {
            Instruction::Env(pairs) => pairs.iter().for_each(|pair| self.assign(pair)),
            Instruction::SecretEnv(names) => names.iter().for_each(|name| self.forget(&name.value)),
            Instruction::Split(split) => self.split(split),
            Instruction::SkipIf(_) => self.reached = Reached::Perhaps,
            _ => {}
        }
    }

    fn assign(&mut self, pair: &EnvPair) {
        self.set(&pair.key.value, evaluate(&pair.value.value, &self.known));
    }

    fn split(&mut self, split: &Split) {
        self.forget("SPLIT");
        self.set("SPLIT_NUM", Some(split.copies.value.to_string()));
    }

    fn forget(&mut self, name: &str) {
        self.known.remove(name);
    }

    fn set(&mut self, name: &str, value: Option<String>) {
        match (self.reached, value) {
            (Reached::Always, Some(value)) => {
                self.known.insert(name.to_owned(), value);
            }
            (Reached::Perhaps, Some(value)) if self.known.get(name) == Some(&value) => {}
            (Reached::Always | Reached::Perhaps, _) => self.forget(name),
        }
    }
}

/// What bash would make of `text` on the right of `NAME=`; `None` when that can't be known here.
fn evaluate(text: &str, known: &BTreeMap<String, String>) -> Option<String> {
    let mut evaluation = Evaluation { rest: text, known, value: String::new() };
    while let Some(character) = evaluation.next() {
        match character {
            '\'' => evaluation.single_quoted()?,
            '"' => evaluation.double_quoted()?,
            '\\' => {
                let escaped = evaluation.next()?;
                evaluation.value.push(escaped);
            }
            '$' => evaluation.variable()?,
            // Each of these means something to a shell that only the machine can tell.
            '`' | '~' | '*' | '?' | '[' | '{' | '(' | ')' | '<' | '>' | '|' | '&' | ';' | '#' => {
                return None;
            }
            blank if blank.is_whitespace() => return None,
            plain => evaluation.value.push(plain),
        }
    }
    Some(evaluation.value)
}

/// A walk over shell text.
struct Evaluation<'text> {
    rest: &'text str,
    known: &'text BTreeMap<String, String>,
    value: String,
}

impl Evaluation<'_> {
    fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = self.rest.get(character.len_utf8()..)?;
        Some(character)
    }

    fn single_quoted(&mut self) -> Option<()> {
        let (text, rest) = self.rest.split_once('\'')?;
        self.value.push_str(text);
        self.rest = rest;
        Some(())
    }

    fn double_quoted(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                '"' => return Some(()),
                '`' => return None,
                '$' => self.variable()?,
                '\\' => self.double_quoted_escape()?,
                plain => self.value.push(plain),
            }
        }
    }

    /// Inside double quotes a backslash counts only before these four characters.
    fn double_quoted_escape(&mut self) -> Option<()> {
        let escaped = self.next()?;
        if !matches!(escaped, '$' | '`' | '"' | '\\') {
            self.value.push('\\');
        }
        self.value.push(escaped);
        Some(())
    }

    /// `$NAME` or `${NAME}` of a known variable; everything else that starts with `$` is not knowable.
    fn variable(&mut self) -> Option<()> {
        let braced = self.rest.strip_prefix('{');
        let text = braced.unwrap_or(self.rest);
        let length =
            text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(length)?;
        self.value.push_str(self.known.get(name)?);
        self.rest = if braced.is_some() { rest.strip_prefix('}')? } else { rest };
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::evaluate;
    use std::collections::BTreeMap;

    fn check(text: &str, expected: Option<&str>) {
        let known =
            BTreeMap::from([("V".to_owned(), "14".to_owned()), ("E".to_owned(), String::new())]);
        assert_eq!(evaluate(text, &known).as_deref(), expected, "{text}");
    }

    #[test]
    fn literal_values_lose_their_quotes() {
        check("plain", Some("plain"));
        check("", Some(""));
        check(r#""a b"'c d'e"#, Some("a bc de"));
        check(r#""\"\$\\\n""#, Some(r#""$\\n"#));
        check(r"a\ b", Some("a b"));
        check("'$V'", Some("$V"));
        check("http://h/p=1,2:3@x", Some("http://h/p=1,2:3@x"));
    }

    #[test]
    fn known_variables_are_expanded() {
        check("$V.0", Some("14.0"));
        check("v${V}x", Some("v14x"));
        check("\"/$V$E/\"", Some("/14/"));
    }

    #[test]
    fn what_only_a_shell_knows_stays_unknown() {
        for text in [
            "$PATH:/x",
            "$(date)",
            "`date`",
            "\"`date`\"",
            "~/x",
            "${V:-1}",
            "${V",
            "$V_",
            "$1",
            "$",
            "'open",
            "\"open",
            "a*",
            "{a,b}",
            "a b",
            "a;b",
            "\\",
            "$'x'",
            "\"$\"",
        ] {
            check(text, None);
        }
    }
}
