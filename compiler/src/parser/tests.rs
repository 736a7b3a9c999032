//! Tests of the parser as a whole: what a text says, what is said about it, and that no text breaks it.

use super::{Parsed, parse};
use crate::line_index::{ColumnUnit, LineIndex};
use crate::random_text::layerfile_like;
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
    fn any_text_of_the_language_is_read(text in layerfile_like(40)) {
        check_whole(&text);
    }
}

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
      Suggestion: write `RUN BACKGROUND`
    "#);
    assert_eq!(parse(FileId::new(0), text).directives.len(), 2);
}

#[test]
fn habits_from_dockerfiles_are_each_answered() {
    let text = "FROM vm/ubuntu:18.04\n\
         ENTRYPOINT [\"a\"]\n\
         ADD a b\n\
         ARG X\n\
         COPY --from=build a b\n\
         COPY [\"a\", \"b\"]\n\
         RUN [\"a\", \"b\"]\n\
         expose 80\n\
         FROM x:1 AS y\n";
    insta::assert_snapshot!(findings(text), @r#"
    2:1 LF0020 "ENTRYPOINT" `ENTRYPOINT` is an instruction of Dockerfiles
      help: a Layerfile starts its programs itself: use `RUN BACKGROUND command` for a server, `RUN command` for a step
      Suggestion: write `RUN BACKGROUND`
    3:1 LF0020 "ADD" `ADD` is an instruction of Dockerfiles
      help: use `COPY` for files of the repository; for archives and addresses, `RUN` curl and tar
      Suggestion: write `COPY`
    4:1 LF0020 "ARG" `ARG` is an instruction of Dockerfiles
      help: use `ENV NAME=value` for a fixed value, or `BUILD ENV NAME` to make a built-in variable part of the cache key
    5:6 LF0022 "--from=build" `COPY` has no option `--from`
      help: there are no build stages: start this file `FROM` the other Layerfile to get its files
    6:6 LF0023 "[\"a\", \"b\"]" `COPY` takes words, not a JSON array
      help: write `COPY source… destination`
      Suggestion: write the elements as words
    7:5 LF0023 "[\"a\", \"b\"]" `RUN` takes a shell command, not a JSON array
      help: write the command as in a terminal: `RUN npm start`
      Suggestion: write the elements as a command
    8:1 LF0021 "expose 80" `EXPOSE 80` says nothing here
      help: use `EXPOSE WEBSITE port` for a web server, `EXPOSE TCP port` for anything else
      Suggestion: write `EXPOSE WEBSITE 80`
    9:1 LF0004 "FROM x:1 AS y" a Layerfile has one `FROM`, this is the second
      "FROM" the first one
      help: describe a second machine in a Layerfile of its own, in another directory
    9:9 LF0025 " AS y" a Layerfile has no build stages to name
      help: write `FROM x:1`; another Layerfile refers to this one by its path
      Safe: delete the stage name
    "#);
}

#[test]
fn continuations_and_comments_that_mislead() {
    let text = "FROM vm/ubuntu:18.04\n\
         RUN a && \\\\\n\
          b\n\
         # c \\\n\
         RUN d\n\
         RUN e && \\\n\
           # f \\\n\
           g\n\
         RUN h \\\n\
         \n\
         RUN i && \\\n\
         \n\
          j\n\
         BUTTON k # l\n";
    insta::assert_snapshot!(findings(text), @r##"
    2:10 LF0030 "\\\\" only the second of these backslashes continues the line; the first stays in the text
      help: end the line with a single backslash
      Safe: delete one backslash
    4:5 LF0031 "\\" this backslash makes the next line part of the comment
      "RUN d" this line is not read
      help: delete the backslash if the next line is meant to count
      Suggestion: delete the backslash
    7:1 LF0032 "# f " this comment reaches to the end of the command, over all lines that continue it
      "g" this is not run
      help: move the comment above the instruction
    9:7 LF0034 "\\" this backslash continues onto an empty line, so the instruction ends here
      help: delete the backslash, or the empty line behind it
      Safe: delete the backslash
    13:1 LF0033 "j" this line no longer belongs to the instruction above: an empty line stands between them
      "\\\n" this backslash continues nothing
      help: delete the empty line; a backslash continues onto the very next line
    14:10 LF0035 "# l" `BUTTON` cannot have a comment on its line
      help: write the comment on a line of its own
      Safe: move the comment above
    "##);
}

#[test]
fn assignments_that_lose_something() {
    let text = "FROM vm/ubuntu:18.04\n\
         ENV A\n\
         ENV A=b c\n\
         ENV A = b\n\
         ENV =b\n\
         ENV A=\"b\n\
         ENV A=b\"c d\"\n\
         ENV A=\"b\"c\n\
         SECRET ENV TOKEN=secret\n\
         ENV A=$(b c\n\
         BUILD ENV $A,B\n";
    insta::assert_snapshot!(findings(text), @r#"
    2:5 LF0047 "A" `A` has no value
      help: write `ENV A=value`, or `ENV A=` for an empty one
    3:9 LF0048 "c" `c` belongs to no assignment
      help: if it belongs to the value before it, quote the whole value: `'b c'`
    4:5 LF0049 "A = b" no blanks may stand around `=`
      help: write `A=b`
      Safe: delete the blanks
    5:5 LF0050 "=" the name before `=` is missing
      help: write `ENV NAME=value`, without blanks around `=`
    6:7 LF0051 "\"b" the value of `A` has a `"` that is not closed
      help: close it on the same line; to go on in the next line, end the line with a backslash
    7:7 LF0051 "b\"c" the value of `A` has a `"` that is not closed
      help: quotes group words only where they start the value: quote all of it
    9:12 LF0052 "TOKEN=secret" `SECRET ENV` takes names, not values
      help: write `SECRET ENV TOKEN`; `ENV` sets values
      Suggestion: delete the value
    10:7 LF0051 "$(b" the value of `A` has a `$(` that is not closed
      help: close it on the same line; to go on in the next line, end the line with a backslash
    11:11 LF0050 "$A,B" `$A,B` cannot be the name of a variable
      help: a name holds letters, digits and `_`, and does not start with a digit
      Safe: separate names with blanks
    "#);
}

#[test]
fn numbers_targets_and_names() {
    let text = "FROM vm/ubuntu:18.04\n\
         MEMORY 2 GB\n\
         MEMORY 2GiB\n\
         SPLIT\n\
         SPLIT 2000\n\
         USER a:b\n\
         EXPOSE WEBSITE 127.0.0.1:80/x\n\
         EXPOSE WEBSITE localhost:x\n\
         EXPOSE WEBSITE example.com\n\
         EXPOSE TCP 80:90\n\
         EXPOSE TCP 0\n";
    insta::assert_snapshot!(findings(text), @r#"
    2:8 LF0062 "2 GB" no blank may stand between number and unit
      help: write `MEMORY 2G`
      Safe: write number and letter as one word
    3:8 LF0062 "2GiB" `2GiB` is not an amount of memory
      help: write a whole number and one of `K`, `M` and `G`, for example `2G` or `1536M`
      Safe: write the unit as one letter
    4:1 LF0040 "SPLIT" `SPLIT` needs an argument
      help: write `SPLIT [UNORDERED] copies`
    5:7 LF0063 "2000" `2000` is not a number of copies
      help: write a number from 1 to 1024; variables are not expanded here
    6:6 LF0064 "a:b" `a:b` is not a user name
      help: write one name of letters, digits, `.`, `_` and `-`; groups and variables may not stand here
    7:16 LF0060 "127.0.0.1:80/x" only `localhost` can be exposed, not `127.0.0.1`
      help: the server must listen in this machine; name it `localhost:3000` or only `3000`
      Safe: write `localhost:80 /x`
    8:16 LF0060 "localhost:x" `x` is not a port
      help: write `localhost:3000` or only `3000`
    9:16 LF0060 "example.com" only `localhost` can be exposed, not `example.com`
      help: the server must listen in this machine; name it `localhost:3000` or only `3000`
    10:12 LF0061 "80:90" `80:90` is not a port
      help: write one port, or two with a blank between them: `EXPOSE TCP 8080 80`
      Safe: separate the ports with a blank
    11:12 LF0061 "0" `0` is not a port
      help: a port is a number from 1 to 65535
    "#);
}

#[test]
fn labels_conditions_and_aws() {
    let text = "FROM vm/ubuntu:18.04\n\
         LABEL a\n\
         LABEL status=shown\n\
         SKIP REMAINING IF\n\
         SKIP REMAINING IF A=b C=d\n\
         SKIP REMAINING IF AND A=b\n\
         SKIP REMAINING IF ${A}=b\n\
         SKIP REMAINING IF A\n\
         SKIP REMAINING IF A=~(\n\
         AWS\n";
    insta::assert_snapshot!(findings(text), @r#"
    2:7 LF0065 "a" `a` is not `key=value`
      help: keys and values hold letters, digits, `_` and `-`; quotes and blanks are not possible
    3:14 LF0067 "shown" there is no status `shown`
      help: `status=merge` shows one result for all copies of a SPLIT, `status=hidden` shows none
    4:1 LF0040 "SKIP REMAINING IF" `SKIP REMAINING IF` needs an argument
      help: write `SKIP REMAINING IF NAME=value [AND …]`
    5:23 LF0071 "C" `AND` is missing before `C`
      help: join conditions with `AND`
      Safe: write `AND`
    6:19 LF0071 "AND" `AND` stands where a condition is missing
      help: `AND` joins two conditions: `A=x AND B=y`
    7:19 LF0070 "${A}" expected the name of a variable, found `${A}`
      help: write `A`, without `$`
      Safe: delete the `$`
    8:19 LF0070 "A" `A` is not compared with anything
      help: write `NAME=value`; compare with `=`, `!=`, `=~` or `!=~`
    9:22 LF0072 "(" `(` is not a regular expression
      help: escape characters that have a meaning in patterns with a backslash, for example `\[skip\]`
    10:1 LF0017 "AWS" `AWS` only works on the vendor's hosts
      help: install the command with `RUN` and give it credentials with `SECRET ENV`
    10:1 LF0040 "AWS" `AWS` needs an argument
      help: write `AWS subcommand --key=value…`
    "#);
}

#[test]
fn words_that_are_no_directive() {
    let text = "FROM vm/ubuntu:18.04\n\
         BUILD A\n\
         SKIP REMAINING A=b\n\
         COPYa b\n\
         // c\n\
         npm ci\n\
           && d\n\
         RUN\u{a0}e\n\
         THEN RUN f\n\
         ARTIFACT g\n";
    insta::assert_snapshot!(findings(text), @r#"
    2:1 LF0010 "BUILD" `BUILD` alone is no directive
      help: write `BUILD ENV NAME…`
    3:1 LF0010 "SKIP" `SKIP` alone is no directive
      help: write `SKIP REMAINING IF NAME=value [AND …]`
    4:1 LF0012 "COPYa" a blank is missing behind `COPY`
      help: write `COPY source… destination`
      Safe: insert a space
    5:1 LF0010 "//" `//` starts no comment and no directive
      help: comments start with `#`
      Suggestion: write `#`
    6:1 LF0010 "npm" `npm` is not a directive
      help: commands stand behind `RUN`; directives are written in capitals
      Suggestion: write `RUN` before it
    7:1 LF0010 "&&" `&&` is not a directive
      help: a line starts with a directive such as `FROM`, `RUN` or `COPY`, or with `#`
    8:4 LF0007 "\u{a0}" a no-break space (U+00A0) separates nothing
      help: only spaces and tabs separate words
      Safe: write an ordinary space
    9:1 LF0015 "THEN " `THEN` was removed from the language
      help: delete it; `CHECKPOINT` says where a snapshot is wanted
      Safe: delete `THEN`
    10:1 LF0016 "ARTIFACT" `ARTIFACT` was removed from the language in 2020
      help: keep files with `CACHE`, or send them from a `RUN` step to where they are wanted
    "#);
}

#[test]
fn files_that_do_not_start_with_from() {
    let text = "RUN a\n\
         # b\n";
    insta::assert_snapshot!(findings(text), @r#"
    1:1 LF0003 "RUN" the first instruction must be `FROM`, found `RUN`
      help: say what the machine is built from: `FROM vm/ubuntu:18.04`
      Suggestion: insert `FROM vm/ubuntu:18.04`
    "#);
}
