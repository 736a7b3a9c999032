//! Properties of linking whole repositories: it never panics, knows no order, and its places and fixes fit the texts.

use layerc_compiler::diagnostic::{Diagnostic, Severity};
use layerc_compiler::edits;
use layerc_compiler::limits::MAX_DIAGNOSTICS_PER_FILE;
use layerc_compiler::link::{Compiled, compile};
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::project::{Parent, SourceFile};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::{EntryKind, MemorySources, NoSources, Sources};
use proptest::prelude::*;

const DIRECTORIES: [&str; 6] = ["", "a", "a/b", "base", "Base", "c.d"];

/// References, good and bad.
fn reference() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "/",
            "/a",
            "/a/b",
            "../b",
            "..",
            "../..",
            "base",
            "/bse",
            "/BASE/layerfile",
            "/Layerfile",
            "./b/",
            "x:y",
            "/notes",
            "/link",
            "/link/a",
            "\\a",
            "vm/ubuntu:18.04",
            "/old",
            ".",
            "a b",
        ])
        .prop_map(str::to_owned),
        "[a-c./]{1,6}",
    ]
}

/// Instructions, many of them with something to say about.
fn line() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "RUN echo $TOKEN && sudo make &",
        "RUN cd web",
        "RUN set -x; printenv \\\n  && echo ${LAYERCI_BRANCH} > ~/.npm/x",
        "SECRET ENV TOKEN TOKEN",
        "CACHE ~/.npm",
        "MEMORY 2G",
        "  MEMORY 4G # big",
        "SPLIT 3",
        "USER me",
        "WORKDIR $HOME/x",
        "ENV A=b LAYERCI_BRANCH=x",
        "BUILD ENV GIT_COMIT EXPOSE_WEBSITE_HOST",
        "SKIP REMAINING IF CI=true",
        "SKIP REMAINING IF GIT_BRANCH =~ (",
        "SKIP REMAINING IF GIT_BRANCH=a AND GIT_BRANCH!=a",
        "EXPOSE WEBSITE localhost:433 /a",
        "CHECKPOINT disabled",
        "COPY package*.json ../x ~/y /.git $A ./",
        "SETUP FILE env.sh /env.sh ../../..",
        "AWS link --region=x",
        "# layerc: ignore LF0121 memory-late LF0203 because",
        "# layerc: ignore",
        "# swallow \\",
        "runn x",
        "",
    ])
    .prop_map(str::to_owned);
    prop_oneof![
        6 => fixed,
        2 => reference().prop_map(|name| format!("WAIT {name} /a")),
        1 => reference().prop_map(|name| format!("FROM {name}")),
        1 => "\\PC{0,20}",
    ]
}

fn repository() -> impl Strategy<Value = Vec<SourceFile>> {
    let text = (
        reference(),
        prop::collection::vec(line(), 0..8),
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
    )
        .prop_map(|(parent, lines, end)| format!("FROM {parent}{end}{}{end}", lines.join(end)));
    prop::collection::vec((prop::sample::select(DIRECTORIES.to_vec()), text), 0..7).prop_map(
        |files| {
            files
                .into_iter()
                .map(|(directory, text)| SourceFile { path: path(directory, "Layerfile"), text })
                .collect()
        },
    )
}

fn path(directory: &str, name: &str) -> RepoPath {
    RepoPath::new(&format!("{directory}/{name}")).unwrap_or_else(RepoPath::root)
}

fn tree(files: &[SourceFile]) -> MemorySources {
    let others = ["notes", "old/layerfile", "package.json", "env.sh", "a/environment.sh"];
    let others = others.into_iter().filter_map(RepoPath::new);
    let mut tree = MemorySources::new(files.iter().map(|file| file.path.clone()).chain(others));
    tree.insert(&path("", "link"), EntryKind::Symlink);
    tree
}

fn compiled(files: &[SourceFile], sources: &dyn Sources) -> Compiled {
    compile(files, sources, &LintConfiguration::default())
}

/// Every label lies in its file, and every fix can be applied.
fn check_places(files: &[SourceFile], compiled: &Compiled) {
    for diagnostic in &compiled.diagnostics {
        let text_of = |file| {
            let path = &compiled.project.file(file).path;
            files
                .iter()
                .find(|source| source.path == *path)
                .map_or("", |source| source.text.as_str())
        };
        for label in diagnostic.related.iter().chain([&diagnostic.primary]) {
            assert!(text_of(label.file).get(label.span.range()).is_some(), "{diagnostic:?}");
        }
        for fix in &diagnostic.fixes {
            for file in fix.edits.iter().map(|edit| edit.file) {
                let own = fix.edits.iter().filter(|edit| edit.file == file);
                assert!(edits::apply(text_of(file), own).is_some(), "{fix:?}");
            }
        }
    }
}

/// A file is marked exactly if an error is in it or in a file that it needs.
fn check_marks(compiled: &Compiled) {
    let errors =
        compiled.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    for error in errors {
        assert!(compiled.project.file(error.primary.file).has_errors, "{error:?}");
    }
    for file in &compiled.project.files {
        let parent = if let Parent::File(parent) = file.parent { Some(parent) } else { None };
        let waits = file.directives.iter().flat_map(|linked| linked.waits.iter().copied());
        for needed in parent.into_iter().chain(waits) {
            assert!(file.has_errors || !compiled.project.file(needed).has_errors, "{}", file.path);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_repository_links(mut files in repository()) {
        files.sort_by(|one, other| one.path.cmp(&other.path));
        files.dedup_by(|one, other| one.path == other.path);
        let first = compiled(&files, &tree(&files));
        check_places(&files, &first);
        check_marks(&first);
        let key = |at: &Diagnostic| (at.primary.file, at.primary.span, at.code);
        let sorted = first.diagnostics.windows(2).all(|pair| key(&pair[0]) <= key(&pair[1]) && pair[0] != pair[1]);
        prop_assert!(sorted, "{:?}", first.diagnostics);
        files.reverse();
        prop_assert_eq!(&compiled(&files, &tree(&files)), &first);
    }

    #[test]
    fn an_unknown_tree_misses_nothing(files in repository()) {
        let known_missing = ["LF0100", "LF0101", "LF0102", "LF0103", "LF0104", "LF0106", "LF0113", "LF0115"];
        for diagnostic in compiled(&files, &NoSources).diagnostics {
            let code = diagnostic.code.to_string();
            let home = diagnostic.message.starts_with("`~");
            prop_assert!(home || !known_missing.contains(&code.as_str()), "{diagnostic:?}");
        }
    }
}

#[test]
fn a_huge_file_says_only_so_much() {
    let mut text = String::from("FROM ./missing\nSPLIT 2\n");
    for keyword in ["WAIT", "COPY", "SECRET ENV", "CACHE"] {
        text.push_str(keyword);
        text.push_str(&" nothing/here".repeat(30_000));
        text.push_str(" there/\n");
    }
    text.push_str(&"RUN sudo echo $LAYERCI_BRANCH\n".repeat(30_000));
    text.push_str("SPLIT 3\n");
    let files = [SourceFile { path: path("", "Layerfile"), text }];
    let compiled = compiled(&files, &tree(&files));
    let of = |severity| {
        compiled.diagnostics.iter().filter(|finding| finding.severity == severity).count()
    };
    for severity in [Severity::Hint, Severity::Warning, Severity::Error] {
        assert!(
            (1..=2 * MAX_DIAGNOSTICS_PER_FILE).contains(&of(severity)),
            "{} {severity:?}",
            of(severity)
        );
    }
    assert!(compiled.project.files[0].has_errors);
}

#[test]
fn a_suppression_is_not_called_useless_where_nothing_is_known() {
    let text = "FROM vm/ubuntu:18.04\n# layerc: ignore copy-source-missing generated before the run\nCOPY dist .\n";
    let files = [SourceFile { path: path("", "Layerfile"), text: text.to_owned() }];
    assert_eq!(compiled(&files, &NoSources).diagnostics, []);
    assert_eq!(compiled(&files, &tree(&files)).diagnostics, []);
    let mut with_dist = tree(&files);
    with_dist.insert(&path("", "dist"), EntryKind::Directory);
    let codes: Vec<String> = compiled(&files, &with_dist)
        .diagnostics
        .iter()
        .map(|finding| finding.code.to_string())
        .collect();
    assert_eq!(codes, ["LF0290"]);
}
