//! What bash reads before a script: login files, variables, directory, setup files, in this order.
//!
//! Given to bash as the file that `BASH_ENV` names, so that the script itself stays what the user wrote: line numbers
//! in its errors count from its own first line, and functions and variables of the setup files are there.

use std::collections::BTreeMap;
use std::path::Path;

/// File descriptor at which bash finds the prelude.
pub(crate) const PRELUDE_DESCRIPTOR: i32 = 4;

/// File descriptor of the first setup file; the next ones follow.
pub(crate) const FIRST_SETUP_DESCRIPTOR: i32 = 5;

/// Longest script that is an argument; the kernel takes 128 KiB. Longer ones are read through the prelude.
pub(crate) const ARGUMENT_LIMIT_BYTES: usize = 120 * 1024;

/// The login files, as the original executor read them.
const LOGIN_FILES: [&str; 3] = ["/etc/profile", "~/.profile", "~/.bash_profile"];

/// Debian's login files ask `id -u` at every step: bash knows the answer, and starting a program for it takes as long as
/// bash itself. Gone after them, together with a function of this name that one of them might have made.
const ANSWER_ID: &str =
    "id() { if [ \"$*\" = -u ]; then echo \"$EUID\"; else command id \"$@\"; fi; }\n";

/// The prelude's text.
pub(crate) fn prelude(
    environment: &BTreeMap<String, String>,
    workdir: &Path,
    setup_files: &[String],
) -> String {
    let mut text = format!("unset BASH_ENV\n{ANSWER_ID}");
    for file in LOGIN_FILES {
        text.push_str(&format!("if [ -r {file} ]; then . {file}; fi\n"));
    }
    text.push_str("unset -f id\n");
    for (name, value) in environment.iter().filter(|(name, _)| is_shell_name(name)) {
        text.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    // The shell is there already, by the agent's power; a user might not get back into it, so only leaving is undone.
    let workdir = quoted(&workdir.to_string_lossy());
    text.push_str(&format!("if [ \"$PWD\" != {workdir} ]; then cd -- {workdir}; fi\n"));
    for (descriptor, file) in (FIRST_SETUP_DESCRIPTOR..).zip(setup_files) {
        let source = format!(". /proc/self/fd/{descriptor}\nexec {descriptor}<&-\n");
        if exports_all(file) {
            text.push_str(&format!("set -a\n{source}set +a\n"));
        } else {
            text.push_str(&source);
        }
    }
    text.push_str(&format!("exec {PRELUDE_DESCRIPTOR}<&-\n"));
    text
}

/// Whether plain assignments in a setup file are meant for the programs: `.env` files.
fn exports_all(file: &str) -> bool {
    file.rsplit('/').next().is_some_and(|name| name.starts_with(".env"))
}

/// Whether bash can have a variable of this name. Others reach programs through the environment alone.
fn is_shell_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && bytes.first().is_some_and(|byte| !byte.is_ascii_digit())
}

/// A word that bash reads as exactly this text.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_win_over_login_files_and_setup_files_over_both() {
        let environment = BTreeMap::from([
            ("A".to_owned(), "it's".to_owned()),
            ("b-c".to_owned(), "x".to_owned()),
        ]);
        let text = prelude(
            &environment,
            Path::new("/a b"),
            &["x/.env.test".to_owned(), "setup.sh".to_owned()],
        );
        let expected = "unset BASH_ENV\n\
            id() { if [ \"$*\" = -u ]; then echo \"$EUID\"; else command id \"$@\"; fi; }\n\
            if [ -r /etc/profile ]; then . /etc/profile; fi\n\
            if [ -r ~/.profile ]; then . ~/.profile; fi\n\
            if [ -r ~/.bash_profile ]; then . ~/.bash_profile; fi\n\
            unset -f id\n\
            export A='it'\\''s'\n\
            if [ \"$PWD\" != '/a b' ]; then cd -- '/a b'; fi\n\
            set -a\n. /proc/self/fd/5\nexec 5<&-\nset +a\n\
            . /proc/self/fd/6\nexec 6<&-\n\
            exec 4<&-\n";
        assert_eq!(text, expected);
    }
}
