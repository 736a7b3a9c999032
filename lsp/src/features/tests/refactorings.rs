//! Refactorings as an editor gets them: code actions with their edits, and layers that are renamed.

use crate::features::code_actions::{self, Wanted};
use crate::features::rename;
use crate::fixture::{Fixture, edited, shown_uri};
use ls_types::{
    CodeActionKind, DocumentChangeOperation, DocumentChanges, OneOf, Range, ResourceOp,
    WorkspaceEdit,
};
use std::fmt::Write as _;

/// The files that an edit changes, as they are afterwards, and what happens to files.
fn shown(fixture: &Fixture, edit: &WorkspaceEdit) -> String {
    let Some(DocumentChanges::Operations(operations)) = &edit.document_changes else {
        panic!("operations")
    };
    let mut text = String::new();
    for operation in operations {
        match operation {
            DocumentChangeOperation::Op(ResourceOp::Create(create)) => {
                writeln!(text, "create {}", shown_uri(&create.uri)).unwrap();
            }
            DocumentChangeOperation::Op(ResourceOp::Rename(rename)) => {
                let (from, to) = (shown_uri(&rename.old_uri), shown_uri(&rename.new_uri));
                writeln!(text, "move {from} to {to}").unwrap();
            }
            DocumentChangeOperation::Op(ResourceOp::Delete(_)) => panic!("nothing is deleted"),
            DocumentChangeOperation::Edit(edit) => {
                let edits: Vec<_> = edit
                    .edits
                    .iter()
                    .map(|edit| match edit {
                        OneOf::Left(edit) => edit.clone(),
                        OneOf::Right(_) => panic!("a plain edit"),
                    })
                    .collect();
                let uri = &edit.text_document.uri;
                let after = match fixture.snapshot.file(uri) {
                    Some(view) => edited(view, &edits),
                    None => edits[0].new_text.clone(),
                };
                writeln!(text, "{}: {after:?}", shown_uri(uri)).unwrap();
            }
        }
    }
    text
}

/// The action of a kind at the line of the cursor, from its start to the cursor.
fn action(text: &str, kind: CodeActionKind) -> Option<(String, String)> {
    let fixture = Fixture::new(text);
    let mut start = fixture.position;
    start.character = 0;
    let range = Range { start, end: fixture.position };
    let wanted = Wanted { only: Some(vec![kind]), ..Wanted::about(range) };
    let actions = code_actions::actions(fixture.view(), &wanted);
    let action = actions.into_iter().next()?;
    Some((action.title, shown(&fixture, action.edit.as_ref()?)))
}

#[test]
fn actions_are_offered_where_they_keep_every_machine() {
    let (title, edit) =
        action("FROM vm/ubuntu:22.04\nRUN make‸\nRUN test\n", CodeActionKind::REFACTOR_EXTRACT)
            .unwrap();
    assert_eq!(title, "extract 1 instruction to the new layer `base`");
    assert_eq!(
        edit,
        "Layerfile: \"FROM ./base\\nRUN test\\n\"\ncreate base/Layerfile\nbase/Layerfile: \"FROM vm/ubuntu:22.04\\nRUN make\\n\"\n"
    );
    let (title, edit) = action(
        "--- a/Layerfile\nFROM ../b‸\nRUN x\n--- b/Layerfile\nFROM vm/ubuntu:22.04\nCOPY y /y\n",
        CodeActionKind::REFACTOR_INLINE,
    )
    .unwrap();
    assert_eq!(title, "inline the parent `b`");
    assert_eq!(edit, "a/Layerfile: \"FROM vm/ubuntu:22.04\\nCOPY ../b/y /y\\nRUN x\\n\"\n");
    let (title, edit) =
        action("FROM vm/ubuntu:22.04\nRUN a && b‸\n", CodeActionKind::REFACTOR_REWRITE).unwrap();
    assert_eq!(title, "split into 2 steps");
    assert_eq!(edit, "Layerfile: \"FROM vm/ubuntu:22.04\\nRUN a\\nRUN b\\n\"\n");
    let quiet = action("FROM vm/ubuntu:22.04\nRUN cd x && b‸\n", CodeActionKind::REFACTOR_REWRITE);
    assert_eq!(quiet, None);
}

#[test]
fn renaming_a_layer_moves_its_directory() {
    let fixture = Fixture::new(
        "--- a/Layerfile\nFROM ../ba‸se\nCOPY /base/x .\n--- base/Layerfile\nFROM vm/ubuntu:22.04\n--- base/x\n",
    );
    assert!(rename::prepare(fixture.view(), fixture.position).is_some());
    let renamed = rename::rename(fixture.view(), fixture.position, "ground").unwrap().unwrap();
    assert_eq!(
        shown(&fixture, &renamed),
        "a/Layerfile: \"FROM ../ground\\nCOPY /ground/x .\\n\"\nmove base to ground\n"
    );
    let taken = rename::rename(fixture.view(), fixture.position, "a");
    assert_eq!(taken.unwrap_err(), "`a` exists already");
}
