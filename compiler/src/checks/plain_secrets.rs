//! Secrets written into the file itself, where everyone who can read the repository finds them.
//!
//! Two signs: a value in the shape of a well-known service's token, or a random-looking value under a telling name.

use super::{Checked, File, found};
use crate::directive::{EnvPair, Instruction, Word};
use crate::rules;
use crate::shell;
use std::ops::Range;

/// How tokens of well-known services begin, and how many letters and digits follow at least.
const TOKEN_SHAPES: [(&str, usize); 18] = [
    ("ghp_", 36),
    ("gho_", 36),
    ("ghs_", 36),
    ("ghu_", 36),
    ("github_pat_", 40),
    ("glpat-", 20),
    ("AKIA", 16),
    ("sk_live_", 20),
    ("rk_live_", 20),
    ("xoxb-", 24),
    ("xoxp-", 24),
    ("npm_", 36),
    ("dckr_pat_", 20),
    ("hf_", 34),
    ("AIza", 35),
    ("dop_v1_", 60),
    ("sk-ant-", 40),
    ("SG.", 60),
];

/// Parts of a name that announce a secret.
const TELLING: [&str; 9] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "API_KEY",
    "APIKEY",
    "PRIVATE_KEY",
    "ACCESS_KEY",
    "AUTH_KEY",
];

pub(super) fn check(file: &File<'_>, checked: &mut Checked) {
    for directive in file.directives() {
        match &directive.instruction {
            Instruction::Env(pairs) => pairs.iter().for_each(|pair| env(file, pair, checked)),
            Instruction::Run(run) => run_text(file, &run.command, checked),
            _ => {}
        }
    }
}

fn env(file: &File<'_>, pair: &EnvPair, checked: &mut Checked) {
    let EnvPair { key, value } = pair;
    let literal = shell::unquoted(&value.value);
    if literal.len() < SHORTEST_WORD {
        return;
    }
    let shaped = token(&literal).is_some();
    let name = key.value.to_ascii_uppercase();
    let announced = TELLING.iter().any(|part| name.contains(part));
    let random = announced && looks_random(&literal);
    if !shaped && !random {
        return;
    }
    let span = file.located(value).span(&(0..value.value.len()));
    let message = format!(
        "the value of `{}` looks like a secret, in plain text for everyone who reads this file",
        key.value
    );
    let help = format!(
        "replace it at its service, store it as a secret, and write `SECRET ENV {}`",
        key.value
    );
    checked.add(found(&rules::SECRET_IN_TEXT, span, message).with_help(help));
}

fn run_text(file: &File<'_>, command: &Word, checked: &mut Checked) {
    let Some(range) = token(&command.value) else { return };
    let message = "looks like a secret, in plain text for everyone who reads this file";
    let help = "replace it at its service, store it as a secret, and use it through SECRET ENV";
    checked.add(
        found(&rules::SECRET_IN_TEXT, file.located(command).span(&range), message).with_help(help),
    );
}

/// The first token in the shape of a well-known service's, or the head of a private key.
fn token(text: &str) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        let rest = bytes.get(start..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_inside(**byte)).count();
        if length >= SHORTEST_WORD {
            let found = secret_at(text, start..start + length);
            if found.is_some() {
                return found;
            }
        }
        start += length + 1;
    }
    None
}

/// Fewer characters of tokens in a row are nothing to look at: the dashes and the first word of a key's head.
const SHORTEST_WORD: usize = PRIVATE_KEY_HEAD.len();

/// How the head of a private key begins, up to its first blank.
const PRIVATE_KEY_HEAD: &str = "-----BEGIN";

/// Whether tokens are made of such characters.
const fn is_inside(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// The secret that the word at `range` is or begins.
fn secret_at(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    const PRIVATE_KEY_END: &str = "PRIVATE KEY-----";
    const LONGEST_HEAD: usize = 60;
    let word = text.get(range.clone())?;
    if word == PRIVATE_KEY_HEAD {
        let length = text.get(range.start..)?.find(PRIVATE_KEY_END)? + PRIVATE_KEY_END.len();
        return (length < LONGEST_HEAD).then(|| range.start..range.start + length);
    }
    let shaped = |(prefix, length): &(&str, usize)| {
        word.len() >= prefix.len() + length && word.starts_with(prefix)
    };
    let random = word.bytes().any(|byte| byte.is_ascii_digit());
    (random && TOKEN_SHAPES.iter().any(shaped)).then_some(range)
}

/// Whether a value is long, of one piece, and mixes letters and digits as a generated one does.
fn looks_random(value: &str) -> bool {
    const LENGTH: usize = 20;
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'=' | b'.');
    if value.len() < LENGTH || !value.bytes().all(plain) {
        return false;
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let mut seen: Vec<u8> = value.bytes().collect();
    seen.sort_unstable();
    seen.dedup();
    digits >= 4 && letters >= 4 && seen.len() >= 10
}

#[cfg(test)]
mod tests {
    use super::{looks_random, token};

    #[test]
    fn knows_tokens_by_shape() {
        let shaped = ["ghp_", &"a1B2c3D4e5".repeat(4)].concat();
        assert_eq!(token(&format!("curl -H \"Bearer {shaped}\" x")), Some(16..16 + shaped.len()));
        assert_eq!(
            token("npm_config_cache=/root/.npm npm_config_loglevel_is_not_a_token_at_all=1"),
            None
        );
        assert_eq!(token("ghp_short"), None);
        let head = "-----BEGIN RSA PRIVATE KEY-----";
        assert_eq!(token(&format!("echo '{head}' > key")), Some(6..6 + head.len()));
    }

    #[test]
    fn ordinary_values_are_not_random() {
        for value in [
            "password",
            "postgres",
            "changeme123",
            "my-test-token-for-local-use",
            "https://a.example/b1c2d3e4f5g6",
        ] {
            assert!(!looks_random(value), "{value}");
        }
        assert!(looks_random("9f86d081884c7d659a2feaa0c55ad015"));
    }
}
