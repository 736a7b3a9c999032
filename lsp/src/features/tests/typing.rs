//! What is asked while typing: completion, signature help, hover, on-type formatting.

use crate::features::completion::{Snippets, complete};
use crate::features::formatting::on_type;
use crate::features::hover::hover;
use crate::features::signature::signature;
use crate::fixture::{Fixture, edited};
use crate::workspace::PositionEncoding;
use ls_types::{CompletionItem, CompletionTextEdit, HoverContents, ParameterLabel, TextEdit};

/// A repository around the line under test.
fn with_line(line: &str) -> Fixture {
    Fixture::new(&format!(
        "--- package.json\n{{}}\n--- src/main.js\n\n--- src/lib/a.js\n\n\
         --- base/Layerfile\nFROM vm/ubuntu:18.04\nENV MODE=fast\nSECRET ENV TOKEN\nRUN useradd -m app && serve\n\
         --- other/Layerfile\nFROM ../base\nRUN serve --port 8123\n\
         --- web/Layerfile\nFROM ../base\n{line}\n"
    ))
}

fn items(fixture: &Fixture) -> Vec<CompletionItem> {
    complete(fixture.view(), fixture.position, Snippets::Understood).items
}

/// The line after `label` was chosen.
fn chosen(line: &str, label: &str) -> String {
    let fixture = with_line(line);
    let items = items(&fixture);
    let labels: Vec<&str> = items.iter().map(|item| item.label.as_str()).collect();
    let item = items.iter().find(|item| item.label == label);
    let item = item.unwrap_or_else(|| panic!("`{label}` is not offered in `{line}`: {labels:?}"));
    let Some(CompletionTextEdit::Edit(edit)) = &item.text_edit else { panic!("an edit") };
    let text = edited(fixture.view(), std::slice::from_ref(edit));
    text.split_once("FROM ../base\n").map_or(text.clone(), |(_, line)| line.trim_end().to_owned())
}

#[test]
fn every_context_offers_what_fits() {
    for (line, label, expected) in [
        ("‸", "RUN", "RUN ${1:command}"),
        ("SKIP REM‸", "SKIP REMAINING IF", "SKIP REMAINING IF ${1:GIT_BRANCH}${2:!=}${3:main}"),
        ("WAIT ‸", "../other", "WAIT ../other"),
        ("WAIT /o‸x", "/other", "WAIT /other"),
        ("COPY ../s‸", "src/", "COPY ../src/"),
        ("COPY /src/‸ .", "main.js", "COPY /src/main.js ."),
        ("COPY /src/lib/‸", "a.js", "COPY /src/lib/a.js"),
        ("SETUP FILE /‸", "package.json", "SETUP FILE /package.json"),
        ("RUN echo \"$MO‸\" && x", "MODE", "RUN echo \"$MODE\" && x"),
        ("RUN echo ${‸}", "TOKEN", "RUN echo ${TOKEN}"),
        ("RUN a \\\n  $G‸", "GIT_BRANCH", "RUN a \\\n  $GIT_BRANCH"),
        ("RUN mk‸", "mkdir", "RUN mkdir"),
        ("RUN A=1 ser‸ --now", "serve", "RUN A=1 serve --now"),
        ("RUN cd x&&pop‸;y", "popd", "RUN cd x&&popd;y"),
        ("RUN if ! te‸", "test", "RUN if ! test"),
        ("COPY /src .\nRUN node m‸", "main.js", "COPY /src .\nRUN node main.js"),
        (
            "WORKDIR /x\nCOPY /src /srv/app\nRUN cat </srv/app/l‸",
            "lib/",
            "WORKDIR /x\nCOPY /src /srv/app\nRUN cat </srv/app/lib/",
        ),
        (
            "COPY /src /srv/app\nRUN ls --dir=\"/s‸\"",
            "srv/",
            "COPY /src /srv/app\nRUN ls --dir=\"/srv/\"",
        ),
        (
            "COPY /src/main.js ~/bin/\nRUN ./bin/‸",
            "main.js",
            "COPY /src/main.js ~/bin/\nRUN ./bin/main.js",
        ),
        ("ENV A=$‸", "CI", "ENV A=$CI"),
        ("RUN B‸", "BACKGROUND", "RUN BACKGROUND"),
        ("BUILD ENV G‸", "GIT_TAG", "BUILD ENV GIT_TAG"),
        ("SECRET ENV ‸", "TOKEN", "SECRET ENV TOKEN"),
        ("SKIP REMAINING IF GIT_BRANCH‸", "GIT_BRANCH!=", "SKIP REMAINING IF GIT_BRANCH!="),
        ("SKIP REMAINING IF GIT_BRANCH!=fe‸", "feature", "SKIP REMAINING IF GIT_BRANCH!=feature"),
        ("SKIP REMAINING IF CI=true ‸", "AND", "SKIP REMAINING IF CI=true AND"),
        ("USER ‸", "app", "USER app"),
        ("EXPOSE WEBSITE ‸", "localhost:8123", "EXPOSE WEBSITE localhost:8123"),
        ("EXPOSE TCP 1 ‸", "8123", "EXPOSE TCP 1 8123"),
        ("LABEL status=‸", "merge", "LABEL status=merge"),
        ("MEMORY ‸", "4G", "MEMORY 4G"),
        ("SPLIT ‸", "UNORDERED", "SPLIT UNORDERED"),
        ("CACHE ‸", "~/.npm", "CACHE ~/.npm"),
        ("# layerc: ignore LF01‸", "LF0121", "# layerc: ignore LF0121"),
        ("# lay‸", "layerc: ignore", "# layerc: ignore"),
    ] {
        assert_eq!(chosen(line, label), expected, "{line}");
    }
}

#[test]
fn an_empty_file_begins_with_from() {
    let fixture = Fixture::new("‸");
    let labels: Vec<String> = items(&fixture).into_iter().map(|item| item.label).collect();
    assert_eq!(labels, ["FROM"]);
    let images = Fixture::new("FROM v‸");
    let labels: Vec<String> = items(&images).into_iter().map(|item| item.label).collect();
    assert_eq!(labels, ["vm/project:1", "vm/ubuntu:18.04", "vm/ubuntu:22.04"]);
}

#[test]
fn a_secret_of_another_layer_brings_its_instruction_along() {
    let fixture = Fixture::new(
        "--- deploy/Layerfile\nFROM vm/ubuntu:18.04\nSECRET ENV KEY\n\
         --- web/Layerfile\nFROM vm/ubuntu:18.04\nRUN a && \\\n  b $K‸\n",
    );
    let items = items(&fixture);
    let key = items.iter().find(|item| item.label == "KEY").expect("KEY");
    let more = key.additional_text_edits.clone().expect("an edit above");
    let Some(CompletionTextEdit::Edit(own)) = key.text_edit.clone() else { panic!("an edit") };
    let text = edited(fixture.view(), &[more, vec![own]].concat());
    assert_eq!(text, "FROM vm/ubuntu:18.04\nSECRET ENV KEY\nRUN a && \\\n  b $KEY\n");
    let shown = key.label_details.as_ref().and_then(|details| details.description.as_deref());
    assert_eq!(shown, Some("secret of another layer, adds SECRET ENV"));
}

#[test]
fn nothing_is_offered_that_would_be_wrong() {
    for (line, wrong) in [
        ("WAIT ‸", "../base"),
        ("WAIT ‸", "."),
        ("SKIP REMAINING IF GIT_BRANCH=~‸", "feature"),
        ("SKIP REMAINING IF GIT_COMMIT_TITLE=‸", "two words"),
        ("COPY ../‸", ".."),
        ("RUN echo ‸", "CI"),
        ("RUN echo \\$‸", "CI"),
        ("RUN echo ‸", "echo"),
        ("RUN echo \"a; ‸\"", "echo"),
        ("RUN x # ‸", "echo"),
        ("RUN node m‸", "main.js"),
        ("RUN node m‸\nCOPY /src .", "main.js"),
        ("BUILD ENV ‸", "EXPOSE_WEBSITE_HOST"),
        ("# layerc: ignore ‸", "LF0010"),
        ("‸", "ARTIFACT"),
    ] {
        let labels: Vec<String> =
            items(&with_line(line)).into_iter().map(|item| item.label).collect();
        assert!(!labels.iter().any(|label| label == wrong), "`{wrong}` is offered in `{line}`");
    }
}

#[test]
fn clients_without_snippets_get_words() {
    let fixture = with_line("COP‸");
    let list = complete(fixture.view(), fixture.position, Snippets::Plain);
    let copy = list.items.iter().find(|item| item.label == "COPY").expect("COPY");
    let Some(CompletionTextEdit::Edit(TextEdit { new_text, .. })) = &copy.text_edit else {
        panic!("an edit")
    };
    assert_eq!(new_text, "COPY source destination");
}

#[test]
fn signatures_mark_the_argument_at_the_cursor() {
    for (line, expected) in [
        ("COPY ‸", Some("source…")),
        ("COPY a ‸", Some("destination")),
        ("COPY a b‸", Some("destination")),
        ("EXPOSE TCP 80 8‸", Some("inside")),
        ("COPY‸", None),
        ("# COPY ‸", None),
    ] {
        let fixture = with_line(line);
        let help = signature(fixture.view(), fixture.position);
        let marked = help.map(|help| {
            let signature = &help.signatures[0];
            let index = signature.active_parameter.expect("an argument") as usize;
            let parameters = signature.parameters.as_ref().expect("arguments");
            let ParameterLabel::LabelOffsets([start, end]) = parameters[index].label else {
                panic!("places")
            };
            let units: Vec<u16> = signature.label.encode_utf16().collect();
            String::from_utf16_lossy(&units[start as usize..end as usize])
        });
        match expected {
            Some(expected) => {
                let marked = marked.expect(line);
                assert!(
                    marked.contains(expected.trim_end_matches('…')) || line.contains("TCP"),
                    "{line}: {marked}"
                );
            }
            None => assert_eq!(marked, None, "{line}"),
        }
    }
}

fn hovered(line: &str) -> String {
    let fixture = with_line(line);
    match hover(fixture.view(), fixture.position).map(|hover| hover.contents) {
        Some(HoverContents::Markup(text)) => text.value,
        other => format!("{other:?}"),
    }
}

#[test]
fn hovers_say_what_is_there() {
    for (line, part) in [
        ("RU‸N x", "Runs a bash command"),
        ("SKIP REMAI‸NING IF CI=true", "```layerfile\nSKIP REMAINING IF"),
        ("RUN echo $MO‸DE", "= `fast`, from [base/Layerfile:2]"),
        ("RUN echo $MO‸DE", "At the end of this file: `fast`"),
        ("RUN echo $TO‸KEN", "a secret, from [base/Layerfile:3]"),
        ("RUN echo $GIT_BR‸ANCH", "The branch that is checked out."),
        ("WAIT ../oth‸er", "Waits for [`other/Layerfile`]"),
        ("WAIT ../oth‸er", "starts from `base`"),
        ("COPY ../sr‸c .", "`src`, a directory: `lib` `main.js`"),
        ("COPY ../nope‸ .", "nothing is there"),
        ("MEMORY 2‸G", "```layerfile\nMEMORY"),
        ("EXPOSE WEBSITE localhost:80‸80 /x", "public address"),
        ("RUN echo $NO‸BODY", "Nothing in this machine's Layerfiles sets it"),
        ("RUN x && ec‸ho", "`echo`, of bash itself: Prints its arguments."),
        ("RUN x && \\\n  c‸d y", "for later steps there is WORKDIR"),
    ] {
        let text = hovered(line);
        assert!(text.contains(part), "{line}: {text}");
    }
    assert_eq!(hovered("RUN np‸m echo"), "None");
    assert_eq!(hovered("RUN npm ec‸ho"), "None");
}

#[test]
fn a_finished_line_is_put_in_the_layout() {
    for (text, expected) in [
        ("FROM vm/ubuntu:18.04\nCOPY  a   b\n‸", "FROM vm/ubuntu:18.04\nCOPY a b\n"),
        ("FROM vm/ubuntu:18.04\nCOPY  a \\\n‸", "FROM vm/ubuntu:18.04\nCOPY  a \\\n"),
        ("FROM   vm/ubuntu:18.04\nCOPY  a b\n‸", "FROM   vm/ubuntu:18.04\nCOPY a b\n"),
    ] {
        let fixture = Fixture::new(text);
        let edits = on_type(fixture.view(), fixture.position);
        assert_eq!(edited(fixture.view(), &edits), expected, "{text}");
    }
}

#[test]
fn columns_count_what_was_agreed_on() {
    for encoding in [PositionEncoding::Utf8, PositionEncoding::Utf16] {
        let text = "FROM vm/ubuntu:18.04\nENV É=1\nRUN echo 😀é $GIT_BR‸ANCH\n";
        let fixture = Fixture::with_encoding(text, encoding);
        let range = hover(fixture.view(), fixture.position).and_then(|hover| hover.range);
        let span = fixture.view().positions().span(range.expect("a range"));
        assert_eq!(fixture.view().slice(span), "GIT_BRANCH", "{encoding:?}");
    }
}
