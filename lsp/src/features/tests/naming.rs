//! What names what: definition, references, highlight, rename, moves.

use crate::features::moves::{Moves, first_text, follow, forget};
use crate::features::references::{Definitions, highlight, linked_editing, references};
use crate::features::rename::{prepare, rename};
use crate::features::{locate, navigation};
use crate::fixture::{Fixture, edited, shown, shown_range, shown_uri};
use layerc_compiler::repo_path::RepoPath;
use ls_types::{DocumentChanges, LocationLink, OneOf, TextDocumentEdit, TextEdit};

const TREE: &str = "\
--- package.json
{}
--- base/Layerfile
FROM vm/ubuntu:18.04
ENV MODE=fast LEVEL=2
--- web/Layerfile
FROM ../base
COPY ./package.json /package.json ./
RUN echo $MODE && echo \\
  ${LEVEL}
ENV OWN=$MODE
RUN OWN=1 make $OWN
--- test/Layerfile
FROM /web
WAIT ../web /base/Layerfile
RUN echo $MODE $CI
SKIP REMAINING IF CI=no
";

/// The tree with the cursor in front of the first `mark` in `path`.
fn tree(path: &str, mark: &str) -> Fixture {
    let head = format!("--- {path}\n");
    let (before, after) = TREE.split_once(&head).expect("the file");
    let at = after.find(mark).expect("the mark");
    let (left, right) = after.split_at(at);
    Fixture::new(&format!("{before}{head}{left}‸{right}"))
}

fn links(links: &[LocationLink]) -> String {
    let line = |link: &LocationLink| {
        let (uri, range) = (shown_uri(&link.target_uri), shown_range(link.target_selection_range));
        format!("{uri} {range}\n")
    };
    links.iter().map(line).collect()
}

fn check_definition(path: &str, mark: &str, expected: &str) {
    let tree = tree(path, mark);
    assert_eq!(links(&navigation::definition(tree.view(), tree.position)), expected, "{mark}");
}

#[test]
fn definitions_are_found_through_from() {
    check_definition("web/Layerfile", "../base", "base/Layerfile 0:0-0:20\n");
    check_definition("web/Layerfile", "MODE", "base/Layerfile 1:4-1:8\n");
    check_definition("web/Layerfile", "LEVEL", "base/Layerfile 1:14-1:19\n");
    check_definition("web/Layerfile", "/package.json .", "package.json 0:0-0:0\n");
    check_definition("web/Layerfile", "OWN\n", "web/Layerfile 4:4-4:7\n");
    check_definition("test/Layerfile", "MODE", "base/Layerfile 1:4-1:8\n");
    check_definition("test/Layerfile", "/base/Layerfile", "base/Layerfile 0:0-0:20\n");
    check_definition("test/Layerfile", "CI\n", "");
}

#[test]
fn implementations_are_the_layers_that_inherit() {
    let tree = tree("web/Layerfile", "../base");
    let found = navigation::implementation(tree.view(), tree.position);
    assert_eq!(links(&found), "web/Layerfile 0:0-0:12\n");
    let kind = navigation::type_definition(tree.view(), tree.position);
    assert_eq!(links(&kind), "base/Layerfile 0:0-0:20\n");
}

fn check_references(path: &str, mark: &str, definitions: Definitions, expected: &[&str]) {
    let tree = tree(path, mark);
    let found = references(tree.view(), tree.position, definitions);
    assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), expected, "{mark}");
}

#[test]
fn references_cross_files() {
    let mentions =
        ["test/Layerfile 2:10-2:14", "web/Layerfile 2:10-2:14", "web/Layerfile 4:9-4:13"];
    check_references("web/Layerfile", "MODE", Definitions::LeftOut, &mentions);
    let own = "base/Layerfile 0:0-0:4";
    let naming = [own, "test/Layerfile 1:12-1:27", "web/Layerfile 0:5-0:12"];
    check_references("web/Layerfile", "../base", Definitions::Included, &naming);
    check_references("base/Layerfile", "ROM", Definitions::LeftOut, &naming[1..]);
    let built_in = ["test/Layerfile 2:16-2:18", "test/Layerfile 3:18-3:20"];
    check_references("test/Layerfile", "CI\n", Definitions::LeftOut, &built_in);
    let paths = ["web/Layerfile 1:20-1:33"];
    check_references("web/Layerfile", "/package.json .", Definitions::LeftOut, &paths);
    check_references(
        "base/Layerfile",
        "vm/ubuntu",
        Definitions::Included,
        &["base/Layerfile 0:5-0:20"],
    );
}

#[test]
fn highlights_tell_reading_from_writing() {
    let tree = tree("web/Layerfile", "OWN=$");
    let found = highlight(tree.view(), tree.position);
    let shown: Vec<String> = found
        .iter()
        .map(|found| format!("{} {:?}", shown_range(found.range), found.kind))
        .collect();
    let expected = ["4:4-4:7 Some(Write)", "5:4-5:7 Some(Write)", "5:16-5:19 Some(Read)"];
    assert_eq!(shown, expected);
    let linked = linked_editing(tree.view(), tree.position).expect("a variable of this file");
    assert_eq!(linked.ranges.len(), 3);
}

#[test]
fn what_other_files_see_is_not_edited_while_typing() {
    let tree = tree("web/Layerfile", "MODE");
    assert_eq!(linked_editing(tree.view(), tree.position), None);
}

fn texts(tree: &Fixture, documents: &[TextDocumentEdit]) -> String {
    let mut shown = String::new();
    for document in documents {
        let view = tree.snapshot.file(&document.text_document.uri).expect("a file of the tree");
        let edits: Vec<TextEdit> = document
            .edits
            .iter()
            .map(|edit| match edit {
                OneOf::Left(edit) => edit.clone(),
                OneOf::Right(annotated) => annotated.text_edit.clone(),
            })
            .collect();
        let text = edited(view, &edits);
        let changed = text.lines().filter(|line| !view.text().lines().any(|old| old == *line));
        shown.push_str(&format!("--- {}\n", view.document.path()));
        changed.for_each(|line| shown.push_str(&format!("{line}\n")));
    }
    shown
}

#[test]
fn a_variable_is_renamed_in_every_file_that_inherits_it() {
    let tree = tree("web/Layerfile", "MODE");
    assert!(prepare(tree.view(), tree.position).is_some());
    let edit = rename(tree.view(), tree.position, "SPEED").expect("a name").expect("an edit");
    let Some(DocumentChanges::Edits(documents)) = edit.document_changes else { panic!("edits") };
    let expected = "\
--- base/Layerfile
ENV SPEED=fast LEVEL=2
--- test/Layerfile
RUN echo $SPEED $CI
--- web/Layerfile
RUN echo $SPEED && echo \\
ENV OWN=$SPEED
";
    assert_eq!(texts(&tree, &documents), expected);
}

#[test]
fn names_that_cannot_be_are_refused_with_a_reason() {
    let tree = tree("web/Layerfile", "MODE");
    for name in ["2x", "a b", "", "CI"] {
        let refusal = rename(tree.view(), tree.position, name).expect_err("a refusal");
        assert!(refusal.contains(&format!("`{name}`")), "{refusal}");
    }
    let built_in = super::naming::tree("test/Layerfile", "CI\n");
    assert_eq!(prepare(built_in.view(), built_in.position), None);
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

#[test]
fn moving_a_directory_respells_what_names_it() {
    let tree = tree("web/Layerfile", "FROM");
    let moves = Moves::new(vec![(path("base"), path("images/base")), (path("web"), path("x"))]);
    let edits = follow(&tree.snapshot, tree.view().repository, &moves).into_documents();
    let expected = "\
--- test/Layerfile
FROM /x
WAIT ../x /images/base/Layerfile
--- web/Layerfile
FROM ../images/base
";
    let shown = texts(&tree, &edits);
    assert!(shown.starts_with(expected), "{shown}");
}

#[test]
fn deleting_a_layer_takes_its_waits_out() {
    let tree = tree("web/Layerfile", "FROM");
    let one = forget(&tree.snapshot, tree.view().repository, &[path("base")]).into_documents();
    assert_eq!(texts(&tree, &one), "--- test/Layerfile\nWAIT ../web\n");
    let both = [path("base"), path("web/Layerfile")];
    let both = forget(&tree.snapshot, tree.view().repository, &both).into_documents();
    let text = &both[0].edits;
    let [OneOf::Left(edit)] = text.as_slice() else { panic!("one edit") };
    assert_eq!((shown_range(edit.range).as_str(), edit.new_text.as_str()), ("1:0-2:0", ""));
}

#[test]
fn a_new_layerfile_continues_the_one_above() {
    let tree = tree("web/Layerfile", "FROM");
    let text = |at: &str| first_text(&tree.snapshot, tree.view().repository, &path(at));
    assert_eq!(text("web/unit/Layerfile").as_deref(), Some("FROM ..\n"));
    assert_eq!(text("other/Layerfile").as_deref(), Some("FROM vm/ubuntu:18.04\n"));
    assert_eq!(text("other/README.md"), None);
}

#[test]
fn keywords_are_known_on_broken_lines_too() {
    let tree = Fixture::new("FROM vm/ubuntu:18.04\nSKIP REMAIN‸ING IF\n");
    let thing = locate::thing_at(tree.view(), tree.view().offset(tree.position));
    let Some(locate::Thing::Keyword(info, span)) = thing else { panic!("{thing:?}") };
    assert_eq!((info.keyword, tree.view().slice(span)), ("SKIP REMAINING IF", "SKIP REMAINING IF"));
}
