//! Tests of the parser as a whole: what a text says, what is said about it, and that no text breaks it.

use super::{Parsed, parse};
use crate::line_index::{ColumnUnit, LineIndex};
use crate::span::FileId;
use proptest::prelude::*;
use std::fmt::Write as _;

/// The findings about `text`, one per line with place, marked text, message, help and fixes.
fn findings(text: &str) -> String {
    let lines = LineIndex::new(text);
    let mut shown = String::new();
    for diagnostic in parse(FileId::new(0), text).diagnostics {
        let span = diagnostic.primary.span;
        let place = lines.position(text, span.start(), ColumnUnit::Characters);
        let (line, column, marked) = (place.line, place.column, &text[span.range()]);
        writeln!(shown, "{line}:{column} {} {marked:?} {}", diagnostic.code, diagnostic.message)
            .unwrap();
        for label in &diagnostic.related {
            writeln!(shown, "  {:?} {}", &text[label.span.range()], label.text).unwrap();
        }
        if let Some(help) = &diagnostic.help {
            writeln!(shown, "  help: {help}").unwrap();
        }
        for fix in &diagnostic.fixes {
            writeln!(shown, "  {:?}: {}", fix.applicability, fix.title).unwrap();
        }
    }
    shown
}

fn check_whole(text: &str) -> Parsed {
    let parsed = parse(FileId::new(0), text);
    let joined: String = parsed.tokens.iter().map(|token| &text[token.span.range()]).collect();
    assert_eq!(joined, text);
    for diagnostic in &parsed.diagnostics {
        let places = std::iter::once(&diagnostic.primary).chain(&diagnostic.related);
        for place in places {
            assert!(
                text.get(place.span.range()).is_some(),
                "{} lies outside of {text:?}",
                diagnostic.code
            );
        }
        for edit in diagnostic.fixes.iter().flat_map(|fix| &fix.edits) {
            assert!(
                text.get(edit.span.range()).is_some(),
                "a fix of {} lies outside of {text:?}",
                diagnostic.code
            );
        }
    }
    for directive in &parsed.directives {
        assert!(
            text.get(directive.span.range()).is_some(),
            "{directive:?} lies outside of {text:?}"
        );
    }
    parsed
}

proptest! {
    #[test]
    fn any_text_is_read(text in any::<String>()) {
        check_whole(&text);
    }

    #[test]
    fn any_text_of_the_language_is_read(parts in prop::collection::vec(prop::sample::select(FRAGMENTS), 0..40)) {
        check_whole(&parts.concat());
    }
}

const FRAGMENTS: &[&str] = &[
    "FROM ",
    "RUN ",
    "RUN BACKGROUND ",
    "ENV ",
    "SKIP REMAINING IF ",
    "CLONE ",
    "COPY ",
    "THEN ",
    "LABEL ",
    "AWS ",
    "EXPOSE WEBSITE ",
    "EXPOSE TCP ",
    "MEMORY ",
    "SPLIT ",
    "USER ",
    "BUTTON ",
    "BUILD ENV ",
    "from ",
    "CMD ",
    "a",
    "\\\n",
    "\\",
    "\\\\\n",
    "\n",
    "\r",
    " ",
    "\t",
    "#",
    "=",
    "\"",
    "'",
    "$(",
    ")",
    "`",
    "AND",
    "!=~",
    "DEFAULT=",
    "\u{a0}",
    "\u{feff}",
    "é",
    "\u{0}",
    "<<EOF",
    "EOF\n",
    "--from=x",
    "[\"a\"",
    "localhost:",
    "80",
    "2G",
    "://",
    "status",
];

#[test]
fn each_bad_line_is_reported_and_the_good_ones_are_kept() {
    let text = "FROM vm/ubuntu:18.04\nRUNN a\nCOPY a\ncopy a b\nEXPOSE 80\nCMD [\"x\"]\nRUN ok\n";
    insta::assert_snapshot!(findings(text), @r#"
    2:1 LF0010 "RUNN" `RUNN` is not a directive
      help: did you mean `RUN`?
      Suggestion: write `RUN`
    3:1 LF0040 "COPY a" `COPY` needs another argument
      help: write `COPY source… destination`
    4:1 LF0011 "copy" directives are written in capitals: `COPY`, not `copy`
      help: write `COPY source… destination`
      Safe: write it in capitals
    5:1 LF0021 "EXPOSE 80" `EXPOSE 80` says nothing here
      help: use `EXPOSE WEBSITE port` for a web server, `EXPOSE TCP port` for anything else
      Suggestion: write `EXPOSE WEBSITE 80`
    6:1 LF0020 "CMD" `CMD` is an instruction of Dockerfiles
      help: a Layerfile starts its programs itself: use `RUN BACKGROUND command` for a server, `RUN command` for a step
    "#);
    assert_eq!(parse(FileId::new(0), text).directives.len(), 2);
}
