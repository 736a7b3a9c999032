//! The shape of a document: colours, outline, folds, selections, hints, links, layout, hierarchies.

use crate::features::{
    code_lens, folding, formatting, hierarchy, inlay_hints, links, selection, semantic_tokens,
    symbols,
};
use crate::fixture::{Fixture, edited, shown_range, shown_uri};
use crate::workspace::PositionEncoding;
use ls_types::{Position, SelectionRange, SemanticToken};

/// `line:column kind text` for each token.
fn shown_tokens(fixture: &Fixture, tokens: &[SemanticToken]) -> Vec<String> {
    let legend = semantic_tokens::legend();
    let (mut line, mut column) = (0, 0);
    let mut shown = Vec::new();
    for token in tokens {
        line += token.delta_line;
        column = if token.delta_line == 0 { column + token.delta_start } else { token.delta_start };
        let start = Position { line, character: column };
        let end = Position { line, character: column + token.length };
        let span = fixture.view().positions().span(ls_types::Range { start, end });
        let kind = legend.token_types[token.token_type as usize].as_str();
        shown.push(format!("{line}:{column} {kind} {}", fixture.view().slice(span)));
    }
    shown
}

#[test]
fn every_stretch_has_its_colour() {
    let text = "\
FROM ../base # é
ENV A=\"x $B\" 😀=2
RUN echo \\
  $A
SKIP REMAINING IF CI=no AND GIT_TAG=~v
";
    let expected = [
        "0:0 keyword FROM",
        "0:5 namespace ../base # é",
        "1:0 keyword ENV",
        "1:4 variable A",
        "1:5 operator =",
        "1:6 string \"x ",
        "1:9 operator $",
        "1:10 variable B",
        "1:11 string \"",
    ];
    for encoding in [PositionEncoding::Utf8, PositionEncoding::Utf16] {
        let fixture = Fixture::with_encoding(text, encoding);
        let shown = shown_tokens(&fixture, &semantic_tokens::whole(fixture.view()));
        let head: Vec<&str> = shown.iter().take(2).map(String::as_str).collect();
        assert_eq!(head[0], expected[0]);
        let keywords: Vec<&String> =
            shown.iter().filter(|token| token.contains("keyword")).collect();
        assert_eq!(keywords.last().map(|token| token.ends_with("AND")), Some(true), "{shown:?}");
        assert!(shown.contains(&"2:4 function echo".to_owned()), "{shown:?}");
        assert!(shown.contains(&"3:3 variable A".to_owned()), "{shown:?}");
    }
}

#[test]
fn a_range_has_the_tokens_of_its_lines() {
    let fixture = Fixture::new("FROM vm/ubuntu:18.04\nRUN a\nRUN b\n");
    let range = ls_types::Range {
        start: Position { line: 1, character: 0 },
        end: Position { line: 1, character: 5 },
    };
    let shown = shown_tokens(&fixture, &semantic_tokens::range(fixture.view(), range));
    assert_eq!(shown, ["1:0 keyword RUN", "1:4 function a"]);
}

#[test]
fn outlines_name_instructions_and_what_they_define() {
    let fixture = Fixture::new("FROM vm/ubuntu:18.04\nENV A=1 B=2\nRUN a \\\n  b\n");
    let shown: Vec<String> = symbols::document(fixture.view())
        .iter()
        .map(|symbol| {
            let children = symbol.children.iter().flatten().map(|child| child.name.clone());
            format!("{} {:?}", symbol.name, children.collect::<Vec<_>>())
        })
        .collect();
    let expected = ["FROM vm/ubuntu:18.04 []", "ENV A=1 B=2 [\"A\", \"B\"]", "RUN a b []"];
    assert_eq!(shown, expected);
}

const TREE: &str = "\
--- base/Layerfile
FROM vm/ubuntu:18.04
ENV MODE=fast
--- other/Layerfile
FROM ../base
--- web/Layerfile
FROM ../ba‸se
WAIT ../other
COPY ../notes.txt .
CLONE https://example.org/a/b /b
SPLIT 3
--- notes.txt
";

#[test]
fn the_workspace_is_searched_by_letters_in_their_order() {
    let fixture = Fixture::new(TREE);
    let found = |query: &str| -> Vec<String> {
        let found = symbols::workspace(&fixture.snapshot, query);
        found.into_iter().map(|symbol| symbol.name).collect()
    };
    assert_eq!(found("mde"), ["MODE"]);
    assert_eq!(found("web"), ["web"]);
    assert_eq!(found(""), ["web", "MODE", "base", "other"]);
    assert_eq!(found("xyz"), Vec::<String>::new());
}

#[test]
fn hierarchies_follow_from_and_wait() {
    let fixture = Fixture::new(TREE);
    let items = hierarchy::prepare_types(fixture.view(), fixture.position).expect("a layer");
    assert_eq!(items[0].name, "base");
    let below = hierarchy::subtypes(&fixture.snapshot, &items[0].uri).expect("layers");
    assert_eq!(below.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["other", "web"]);
    let above = hierarchy::supertypes(&fixture.snapshot, &below[1].uri).expect("layers");
    assert_eq!(above[0].name, "base");
    let calls = hierarchy::outgoing(&fixture.snapshot, &fixture.uri).expect("waits");
    assert_eq!(
        (calls[0].to.name.as_str(), shown_range(calls[0].from_ranges[0]).as_str()),
        ("other", "1:5-1:13")
    );
    let callers = hierarchy::incoming(&fixture.snapshot, &calls[0].to.uri).expect("waits");
    assert_eq!(callers[0].from.name, "web");
}

#[test]
fn links_hints_and_lenses_say_what_is_around() {
    let fixture = Fixture::new(TREE);
    let found: Vec<String> = links::links(fixture.view())
        .iter()
        .map(|link| shown_uri(link.target.as_ref().expect("a target")))
        .collect();
    let expected = ["base/Layerfile", "other/Layerfile", "notes.txt", "https://example.org/a/b"];
    assert_eq!(found, expected);
    let hints = inlay_hints::hints(fixture.view(), fixture.view().positions().whole());
    assert_eq!(hints.len(), 2, "what FROM brings, and what SPLIT makes");
    let none = code_lens::ClientCommands::new();
    let lens = code_lens::lenses(fixture.view(), &none);
    let title = lens[0].command.as_ref().map(|command| command.title.as_str());
    assert_eq!(title, Some("0 inherit · 0 wait"));
}

#[test]
fn folds_are_continuations_comments_and_regions() {
    let fixture = Fixture::new(
        "FROM vm/ubuntu:18.04\n# region x\nRUN a \\\n  b\n# one\n# two\n# endregion\n",
    );
    let folds: Vec<(u32, u32)> = folding::folding(fixture.view())
        .iter()
        .map(|fold| (fold.start_line, fold.end_line))
        .collect();
    assert_eq!(folds, [(1, 6), (2, 3), (4, 6)]);
}

#[test]
fn selections_grow_outwards() {
    let fixture = Fixture::new("FROM vm/ubuntu:18.04\n\nCOPY ./a/fi‸le.txt ./b/\nRUN x\n");
    let ranges = selection::selection(fixture.view(), &[fixture.position]);
    let mut texts = Vec::new();
    let mut next: Option<&SelectionRange> = ranges.first();
    while let Some(range) = next {
        texts.push(fixture.view().slice(fixture.view().positions().span(range.range)));
        next = range.parent.as_deref();
    }
    let expected = [
        "file",
        "./a/file.txt",
        "./a/file.txt ./b/",
        "COPY ./a/file.txt ./b/",
        "COPY ./a/file.txt ./b/\nRUN x",
        "FROM vm/ubuntu:18.04\n\nCOPY ./a/file.txt ./b/\nRUN x\n",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn formatting_changes_only_lines_that_differ() {
    let fixture = Fixture::new("FROM   vm/ubuntu:18.04\nRUN a\nCOPY  a   b\n");
    let edits = formatting::whole(fixture.view());
    assert_eq!(edits.len(), 2);
    let formatted = layerc_compiler::format::format(fixture.view().text());
    assert_eq!(edited(fixture.view(), &edits), formatted);
    let second = ls_types::Range {
        start: Position { line: 2, character: 0 },
        end: Position { line: 2, character: 3 },
    };
    let edits = formatting::ranges(fixture.view(), &[second]);
    let expected = "FROM   vm/ubuntu:18.04\nRUN a\nCOPY a b\n";
    assert_eq!(edited(fixture.view(), &edits), expected);
    let first = ls_types::Range::default();
    let edits = formatting::ranges(fixture.view(), &[first, second]);
    assert_eq!(edited(fixture.view(), &edits), formatted);
    assert_eq!(formatting::ranges(fixture.view(), &[]), []);
}
