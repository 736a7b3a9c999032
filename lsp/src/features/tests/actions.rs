//! What can be done about findings.

use crate::features::code_actions::{FIX_ALL, Reach, Wanted, actions};
use crate::fixture::{Fixture, edited};
use ls_types::{
    CodeAction, CodeActionKind, DocumentChangeOperation, DocumentChanges, OneOf, Position, Range,
    TextEdit,
};

fn all(fixture: &Fixture) -> Vec<CodeAction> {
    actions(fixture.view(), &Wanted::about(fixture.view().positions().whole()))
}

/// The file with the cursor after an action.
fn done(fixture: &Fixture, action: &CodeAction) -> String {
    let changes = action.edit.as_ref().and_then(|edit| edit.document_changes.clone());
    let documents = match changes.expect("changes") {
        DocumentChanges::Edits(documents) => documents,
        DocumentChanges::Operations(operations) => operations
            .into_iter()
            .filter_map(|operation| match operation {
                DocumentChangeOperation::Edit(edit) => Some(edit),
                DocumentChangeOperation::Op(_) => None,
            })
            .collect(),
    };
    let own = documents.into_iter().filter(|document| document.text_document.uri == fixture.uri);
    let edits: Vec<TextEdit> = own
        .flat_map(|document| document.edits)
        .map(|edit| match edit {
            OneOf::Left(edit) => edit,
            OneOf::Right(annotated) => annotated.text_edit,
        })
        .collect();
    edited(fixture.view(), &edits)
}

fn titled<'a>(actions: &'a [CodeAction], title: &str) -> &'a CodeAction {
    let titles: Vec<&str> = actions.iter().map(|action| action.title.as_str()).collect();
    actions
        .iter()
        .find(|action| action.title.contains(title))
        .unwrap_or_else(|| panic!("{titles:?}"))
}

#[test]
fn fixes_are_edits_and_safe_ones_are_preferred() {
    let fixture = Fixture::new("FROM vm/ubuntu:18.04\nrun ‸a\ncopy a b\n");
    let found = all(&fixture);
    let fix = titled(&found, "capitals");
    assert_eq!(fix.is_preferred, Some(true));
    assert_eq!(done(&fixture, fix), "FROM vm/ubuntu:18.04\nRUN a\ncopy a b\n");
    let every = titled(&found, "every safe fix");
    assert_eq!(done(&fixture, every), "FROM vm/ubuntu:18.04\nRUN a\nCOPY a b\n");
}

#[test]
fn only_the_kinds_that_were_asked_for_come() {
    let fixture = Fixture::new("FROM vm/ubuntu:18.04\nrun ‸a\n");
    let only = |kind: &'static str| {
        let range = fixture.view().positions().whole();
        let only = Some(vec![CodeActionKind::new(kind)]);
        let found = actions(fixture.view(), &Wanted { only, ..Wanted::about(range) });
        found.into_iter().filter_map(|action| action.kind).collect::<Vec<_>>()
    };
    assert_eq!(only("source.fixAll"), [CodeActionKind::new(FIX_ALL)]);
    assert_eq!(only("source.organizeImports"), []);
    assert!(only("quickfix").iter().all(|kind| *kind == CodeActionKind::QUICKFIX));
}

#[test]
fn a_finding_that_is_asked_about_has_its_actions_wherever_the_cursor_is_on_its_line() {
    let fixture = Fixture::new("FROM vm/ubuntu:18.04\nRUNN make it ‸now\n");
    let cursor = Range { start: fixture.position, end: fixture.position };
    let here = Wanted::about(cursor);
    let (start, end) = (Position { line: 1, character: 0 }, Position { line: 1, character: 4 });
    let named = Wanted { findings: vec![Range { start, end }], ..Wanted::about(cursor) };
    assert_eq!(actions(fixture.view(), &here), []);
    let on_line = Wanted { reach: Reach::Line, ..Wanted::about(cursor) };
    for wanted in [named, on_line] {
        let found = actions(fixture.view(), &wanted);
        assert!(done(&fixture, titled(&found, "RUN")).contains("\nRUN make"));
    }
}

/// Texts whose findings are warnings and hints of many rules.
const NOISY: &[&str] = &[
    "FROM vm/ubuntu:18.04\nRUN sudo make\n",
    "FROM vm/ubuntu:18.04\nRUN a\nMEMORY 2G\nMEMORY 4G\n",
    "FROM vm/ubuntu:18.04\n  RUN a \\\n    # why \\\n    b\n",
    "FROM vm/ubuntu:18.04\nRUN cd /x\nRUN export A=1\nRUN sleep 9 &\n",
    "FROM vm/ubuntu:18.04\nSECRET ENV T\nRUN echo $T\nRUN env\n",
    "FROM vm/ubuntu:18.04\nEXPOSE WEBSITE localhost:80 /\nEXPOSE WEBSITE localhost:81 /\n",
    "FROM vm/ubuntu:18.04\nCOPY nope .\nSETUP FILE nope\nBUTTON\n",
    "FROM vm/ubuntu:18.04\nSKIP REMAINING IF NOBODY=1\nSKIP REMAINING IF CI=true\nRUN a\n",
    "FROM vm/none:1\n# layerc: ignore LF0200\nRUN  BACKGROUND a\n",
    "FROM vm/ubuntu:18.04\nRUN a \\\\\nRUN b\n# c \\\nRUN d\n",
];

#[test]
fn every_warning_can_be_silenced_where_it_stands() {
    for text in NOISY {
        let fixture = Fixture::new(text);
        let found = all(&fixture);
        let silence: Vec<&CodeAction> =
            found.iter().filter(|action| is_silence(&action.title)).collect();
        assert!(!silence.is_empty(), "{text}");
        for action in silence {
            let after = done(&fixture, action);
            let ls_types::NumberOrString::String(code) = code(action) else { panic!("a code") };
            let before = count(&fixture, &code);
            let left = count(&Fixture::new(&after), &code);
            assert!(left < before, "{}: {before} to {left}\n{after}", action.title);
        }
    }
}

fn is_silence(title: &str) -> bool {
    title.starts_with("silence") || title.starts_with("take the comment")
}

fn code(action: &CodeAction) -> ls_types::NumberOrString {
    let diagnostic = action.diagnostics.as_ref().and_then(|diagnostics| diagnostics.first());
    diagnostic.and_then(|diagnostic| diagnostic.code.clone()).expect("a code")
}

/// Findings that a comment silences or takes away.
#[test]
fn every_warning_and_hint_has_its_silence() {
    for text in NOISY {
        let fixture = Fixture::new(text);
        let found = all(&fixture);
        let silenced: Vec<ls_types::NumberOrString> =
            found.iter().filter(|action| is_silence(&action.title)).map(code).collect();
        for finding in fixture.view().repository.findings(fixture.view().id) {
            let code = ls_types::NumberOrString::String(finding.code.to_string());
            let is_error = finding.severity == layerc_compiler::diagnostic::Severity::Error;
            assert!(is_error || silenced.contains(&code), "{} in {text}", finding.code);
        }
    }
}

fn count(fixture: &Fixture, code: &str) -> usize {
    let findings = fixture.view().repository.findings(fixture.view().id).iter();
    findings.filter(|finding| finding.code.to_string() == code).count()
}

/// Files with an error, and what is left when it is taken out.
const SET_ASIDE: &[(&str, &str)] = &[
    (
        "FROM vm/ubuntu:18.04\n  WAIT /no‸where \\\n\t../base\nRUN make",
        "FROM vm/ubuntu:18.04\n  # WAIT /nowhere \\\n\t# ../base\nRUN make",
    ),
    (
        "FROM vm/ubuntu:18.04\nRUN cat > a <‸<EOF\n\n  RUN x\nEOF\nRUN make\n",
        "FROM vm/ubuntu:18.04\n# RUN cat > a <<EOF\n\n  # RUN x\n# EOF\nRUN make\n",
    ),
    ("FROM ../no‸where\nRUN make\n", "FROM vm/project:1\n# FROM ../nowhere\nRUN make\n"),
    (
        "FROM vm/ubuntu:18.04\nRUN make\nFROM ../‸a\n",
        "FROM vm/ubuntu:18.04\nRUN make\n# FROM ../a\n",
    ),
];

#[test]
fn what_an_error_is_about_becomes_a_comment() {
    for (text, expected) in SET_ASIDE {
        let fixture = Fixture::new(text);
        let found = all(&fixture);
        let aside = found.iter().find(|action| action.title.contains("a comment"));
        let aside = aside.unwrap_or_else(|| panic!("{text}: {found:?}"));
        assert_eq!(done(&fixture, aside), *expected, "{text}");
    }
}

#[test]
fn a_rule_that_the_suppression_names_in_vain_goes_and_the_others_stay() {
    let fixture =
        Fixture::new("FROM vm/ubuntu:18.04\n# layerc: ignore LF0121, LF0999 why\nRUN sudo make\n");
    let found = all(&fixture);
    let after = done(&fixture, titled(&found, "take the rule out"));
    assert_eq!(after, "FROM vm/ubuntu:18.04\n# layerc: ignore LF0121, why\nRUN sudo make\n");
}
