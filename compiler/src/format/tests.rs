//! What the layout looks like, and that it changes neither meaning nor itself.

use super::format;
use crate::parser::parse;
use crate::random_text::layerfile_like;
use crate::span::FileId;
use proptest::prelude::*;

fn check_format(text: &str, expected: &str) {
    assert_eq!(format(text), expected, "{text:?}");
    check_kept(text);
}

/// What the text means and its comments, without places.
fn meaning(text: &str) -> String {
    let parsed = parse(FileId::new(0), text);
    let mut shown = String::new();
    for directive in &parsed.directives {
        shown.push_str(&without_spans(&format!("{:?}\n", directive.instruction)));
    }
    for comment in &parsed.comments {
        shown.push_str(comment.text.trim_end());
        shown.push('\n');
    }
    shown
}

/// Debug text with every `span: Span { … }` taken out.
fn without_spans(debug: &str) -> String {
    let mut parts = debug.split("span: Span { start: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once('}').map_or(part, |(_, rest)| rest))
}

fn check_kept(text: &str) {
    let formatted = format(text);
    assert_eq!(meaning(&formatted), meaning(text), "{text:?} became {formatted:?}");
    assert_eq!(format(&formatted), formatted, "not stable: {text:?}");
}

#[test]
fn blanks_empty_lines_and_line_ends_are_laid_out() {
    check_format(
        "\u{feff}\r\n\n  FROM   vm/ubuntu:18.04  \r\n\r\n\r\n\r\t# a  \rCOPY\ta   b \nRUN  BACKGROUND   npm  start",
        "FROM vm/ubuntu:18.04\n\n# a\nCOPY a b\nRUN BACKGROUND npm  start\n",
    );
    check_format("", "");
    check_format("\n\n", "");
}

#[test]
fn commands_keep_every_byte_and_lists_are_indented() {
    check_format(
        "FROM a:1\nRUN a &&  \\ \t\n  b\\\n      c\nRUN \\\n   d \\\n   e\nCOPY a \\\n b\t\\\n   c/ # d\n",
        "FROM a:1\nRUN a &&  \\\n  b\\\n      c\nRUN \\\n   d \\\n   e\nCOPY a \\\n    b \\\n    c/ # d\n",
    );
}

#[test]
fn odd_continuations_keep_their_meaning() {
    check_format("FROM a:1\nCACHE b #\\\n ", "FROM a:1\nCACHE b #\n");
    check_format("FROM a:1\nRU\\\nN b \\\n\nRUN c", "FROM a:1\nRUN b\n\nRUN c\n");
    check_format("FROM a:1\nRUN b \\\\\n\nRUN c\n", "FROM a:1\nRUN b \\\\\n\nRUN c\n");
    check_format("FROM a:1\n# c \\\nRUN a\nRUN b \\", "FROM a:1\n# c \\\nRUN a\nRUN b\n");
}

#[test]
fn lines_with_errors_stay() {
    check_format(
        "FROM a:1\n  runn   b\n  COPY  a\nRUN   c\n",
        "FROM a:1\n  runn   b\n  COPY  a\nRUN c\n",
    );
    check_format(
        "FROM a:1\nRUN cat  <<X\n  RUN   a\nX\nRUN  b\n",
        "FROM a:1\nRUN cat  <<X\n  RUN   a\nX\nRUN b\n",
    );
}

proptest! {
    #[test]
    fn formatting_keeps_the_meaning_of_any_text(text in layerfile_like(30)) {
        check_kept(&text);
    }

    #[test]
    fn formatting_never_panics(text in any::<String>()) {
        check_kept(&text);
    }
}
