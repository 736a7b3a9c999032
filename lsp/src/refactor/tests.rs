//! Refactorings of projects in memory: what they write, and by generated projects that they keep every plan.

use super::proof::{machines, prove};
use super::repository::Repository;
use super::{Change, Operation, Refusal, commands, extract, hoist, inline, moving, paste};
use layerc_compiler::link::compile;
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::project::{Project, SourceFile};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::MemorySources;
use layerc_compiler::span::{FileId, Span};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;

#[derive(Debug)]
struct Tree {
    texts: BTreeMap<RepoPath, String>,
    sources: MemorySources,
    project: Project,
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

impl Tree {
    /// A repository of these Layerfiles, named by their directories, and of a few other files.
    fn new(files: &[(&str, String)]) -> Self {
        let texts: BTreeMap<RepoPath, String> = files
            .iter()
            .map(|(directory, text)| (path(directory).join("Layerfile").unwrap(), text.clone()))
            .collect();
        let others = ["src/main.c", "a/src/x", "a/b/setup.sh", "c/.env", "setup.sh"].map(path);
        let sources = MemorySources::new(texts.keys().cloned().chain(others));
        let sorted: Vec<SourceFile> = texts
            .iter()
            .map(|(path, text)| SourceFile { path: path.clone(), text: text.clone() })
            .collect();
        let project = compile(&sorted, &sources, &LintConfiguration::default()).project;
        Self { texts, sources, project }
    }

    fn repository(&self) -> Repository<'_> {
        Repository::new(&self.project, &self.texts, &self.sources)
    }

    fn id(&self, directory: &str) -> FileId {
        let wanted = path(directory).join("Layerfile").unwrap();
        self.project.ids().find(|id| self.project.file(*id).path == wanted).unwrap()
    }

    /// Where a text stands in a file.
    fn span(&self, directory: &str, text: &str) -> Span {
        let file = &self.texts[&path(directory).join("Layerfile").unwrap()];
        let start = file.find(text).unwrap() as u32;
        Span::new(start, start + text.len() as u32)
    }

    /// The files that a change changes, as they are afterwards; or why there is none.
    fn shown(&self, change: &Result<Change, Refusal>) -> String {
        let change = match change {
            Ok(change) => change,
            Err(Refusal(reason)) => return format!("refused: {reason}\n"),
        };
        let mut shown = format!("{}\n", change.title);
        for file in self.repository().after(change).unwrap() {
            if self.texts.get(&file.path) != Some(&file.text) {
                let text = file.text.replace('\n', "\n  ");
                writeln!(shown, "{}:\n  {}", file.path, text.trim_end()).unwrap();
            }
        }
        shown
    }
}

fn tree(files: &[(&str, &str)]) -> Tree {
    let files: Vec<(&str, String)> =
        files.iter().map(|(directory, text)| (*directory, (*text).to_owned())).collect();
    Tree::new(&files)
}

#[track_caller]
fn check(tree: &Tree, change: &Result<Change, Refusal>, expected: &str) {
    if let Ok(change) = change {
        assert_eq!(prove(&tree.repository(), change), Ok(()));
    }
    assert_eq!(tree.shown(change), expected.replace("\n        ", "\n").trim_start());
}

#[test]
fn renaming_a_layer_keeps_how_each_author_wrote_it() {
    let tree = tree(&[
        ("a/base", "FROM vm/ubuntu:22.04\nCOPY . .\nCOPY ../src/x /x\nSETUP FILE ../b/setup.sh\n"),
        ("a/b", "FROM ../base/Layerfile\nCOPY ../base/data ../../src /d/\n"),
        (
            "c",
            "FROM ../a/base/\nWAIT /a/base/Layerfile /a/b\nCOPY /a/base/x \\\n  /a/basement ./\n",
        ),
    ]);
    let base = tree.id("a/base");
    check(
        &tree,
        &moving::rename_layer(&tree.repository(), base, "ground"),
        "rename the layer to `ground`
        a/b/Layerfile:
          FROM ../ground/Layerfile
          COPY ../ground/data ../../src /d/
        a/ground/Layerfile:
          FROM vm/ubuntu:22.04
          COPY . .
          COPY ../src/x /x
          SETUP FILE ../b/setup.sh
        c/Layerfile:
          FROM ../a/ground/
          WAIT /a/ground/Layerfile /a/b
          COPY /a/ground/x \\
            /a/basement ./
        ",
    );
    check(
        &tree,
        &moving::rename_layer(&tree.repository(), base, "/c/x/y"),
        "rename the layer to `/c/x/y`
        a/b/Layerfile:
          FROM ../../c/x/y/Layerfile
          COPY ../../c/x/y/data ../../src /d/
        c/Layerfile:
          FROM ./x/y/
          WAIT /c/x/y/Layerfile /a/b
          COPY /c/x/y/x \\
            /a/basement ./
        c/x/y/Layerfile:
          FROM vm/ubuntu:22.04
          COPY . .
          COPY ../../../a/src/x /x
          SETUP FILE ../../../a/b/setup.sh
        ",
    );
    for name in ["", "b", "../x", "x/y", "a b", ".", "base"] {
        assert!(moving::rename_layer(&tree.repository(), base, name).is_err(), "{name}");
    }
}

#[test]
fn steps_become_a_parent() {
    let tree = tree(&[
        (
            "a",
            "# the service\nFROM ../c\n# tools\nRUN apt-get install make\nLABEL display_name=a\nCOPY ./src /src\nCHECKPOINT disabled\nRUN make\nMEMORY 2G\nEXPOSE WEBSITE 80\n",
        ),
        ("c", "FROM vm/ubuntu:22.04\n"),
    ]);
    check(
        &tree,
        &extract::extract_parent(&tree.repository(), tree.id("a"), tree.span("a", "CHECKPOINT")),
        "extract 3 instructions to the new layer `a/base`
        a/Layerfile:
          # the service
          FROM ./base
          LABEL display_name=a
          CHECKPOINT disabled
          RUN make
          MEMORY 2G
          EXPOSE WEBSITE 80
        a/base/Layerfile:
          FROM ../../c
          MEMORY 2G
          # tools
          RUN apt-get install make
          COPY ../src /src
          CHECKPOINT disabled
        ",
    );
    check(
        &tree,
        &extract::extract_parent(&tree.repository(), tree.id("a"), tree.span("a", "EXPOSE")),
        "refused: line 10 can't move: EXPOSE: it belongs to the runner of its file\n",
    );
}

#[test]
fn a_parent_becomes_steps() {
    let tree = tree(&[
        ("c", "# base\nFROM vm/ubuntu:22.04\nLABEL status=hidden\nCOPY . /c\n# end\n"),
        ("a", "# a\nFROM ../c # here\nRUN x\n"),
        ("b", "FROM ../c\nRUN x\n"),
    ]);
    check(
        &tree,
        &inline::inline_parent(&tree.repository(), tree.id("b")),
        "inline the parent `c`
        b/Layerfile:
          # base
          FROM vm/ubuntu:22.04
          COPY ../c /c
          # end
          RUN x
        ",
    );
}

#[test]
fn what_siblings_do_first_becomes_their_parent() {
    let tree = tree(&[
        (
            "a/b",
            "FROM vm/ubuntu:22.04\nLABEL display_name=one\n# files\nCOPY ../src /src\nRUN make\nRUN b\n",
        ),
        ("a/c", "FROM vm/ubuntu:22.04\n# own\nCOPY /a/src /src\nRUN make\nMEMORY 4G\nRUN c\n"),
        ("x", "FROM vm/ubuntu:18.04\nCOPY /a/src /src\n"),
    ]);
    check(
        &tree,
        &hoist::hoist_common_steps(&tree.repository(), tree.id("a/b")),
        "hoist 2 common instructions of 2 Layerfiles to the new layer `a/base`
        a/b/Layerfile:
          FROM ../base
          LABEL display_name=one
          RUN b
        a/base/Layerfile:
          FROM vm/ubuntu:22.04
          # files
          COPY ../src /src
          RUN make
        a/c/Layerfile:
          FROM ../base
          # own
          MEMORY 4G
          RUN c
        ",
    );
    check(
        &tree,
        &hoist::hoist_common_steps(&tree.repository(), tree.id("x")),
        "refused: no other Layerfile begins with the same steps\n",
    );
}

#[test]
fn commands_are_split_and_joined_where_no_shell_is_lost() {
    let tree = tree(&[(
        "a",
        "FROM vm/ubuntu:22.04\nRUN a 'x && y' && \\\n    b | c && (d && e)\nRUN cd /x && f\nRUN g\nRUN h || i\nRUN A=1 && j\n",
    )]);
    let split = |text: &str| {
        commands::split_run(&tree.repository(), tree.id("a"), tree.span("a", text).start())
    };
    let join = |text: &str| {
        commands::join_runs(&tree.repository(), tree.id("a"), tree.span("a", text).start())
    };
    check(
        &tree,
        &split("RUN a"),
        "split into 3 steps
        a/Layerfile:
          FROM vm/ubuntu:22.04
          RUN a 'x && y'
          RUN b | c
          RUN (d && e)
          RUN cd /x && f
          RUN g
          RUN h || i
          RUN A=1 && j
        ",
    );
    check(
        &tree,
        &split("RUN cd"),
        "refused: `cd` changes the shell, and the next step would have another\n",
    );
    check(&tree, &split("RUN g"), "refused: the command has no parts that are joined by `&&`\n");
    check(
        &tree,
        &split("RUN A"),
        "refused: a part sets a variable, which only its own shell would see\n",
    );
    check(&tree, &join("RUN g"), "refused: `||` binds the parts in another way than `&&`\n");
    check(
        &tree,
        &join("RUN cd"),
        "refused: `cd` changes the shell, and the next step would have another\n",
    );
    let tree = tree_of_two_runs();
    check(
        &tree,
        &commands::join_runs(&tree.repository(), tree.id("a"), tree.span("a", "RUN x").start()),
        "join with the next step
        a/Layerfile:
          FROM vm/ubuntu:22.04
          RUN x && \\
              y && z
        ",
    );
}

fn tree_of_two_runs() -> Tree {
    tree(&[("a", "FROM vm/ubuntu:22.04\nRUN x\nRUN y && z\n")])
}

#[test]
fn a_pasted_dockerfile_is_converted_where_it_stands() {
    let text = "FROM vm/ubuntu:22.04\nRUN x\nFROM node:20 AS build\nARG V=1\nRUN --mount=type=cache,target=/c make\nCMD [\"serve\"]\n# end\n";
    let start = text.find("FROM node").unwrap() as u32;
    let selection = Span::new(start + 3, text.find("# end").unwrap() as u32);
    let change = paste::convert_pasted(&path("Layerfile"), text, selection).unwrap();
    let [Operation::Edit { edits, .. }] = change.operations.as_slice() else { panic!("one edit") };
    assert_eq!(
        super::change::edited(text, 0, edits).unwrap(),
        "FROM vm/ubuntu:22.04\nRUN x\n# line 2: `V` always has its default here: a run takes no build arguments\nENV V=1\nCACHE /c\nWORKDIR /\nRUN make\n\nRUN BACKGROUND serve\n# end\n"
    );
    assert!(paste::convert_pasted(&path("Layerfile"), "FROM a\nRUN x\n", Span::empty(0)).is_err());
}

const DIRECTORIES: [&str; 5] = ["", "a", "a/b", "c", "a/b/d"];

/// The path of a Layerfile's directory from another one, written in one of the ways people do.
fn spelled(from: &str, to: &str, style: u8) -> String {
    let climbs = path(from).components().count();
    let relative = format!("{}/{to}", [".."].repeat(climbs).join("/"));
    let relative = if climbs == 0 { format!("./{to}") } else { relative };
    let relative = relative.trim_end_matches('/').to_owned();
    match style % 5 {
        0 => format!("/{to}"),
        1 => format!("/{to}/Layerfile").replace("//", "/"),
        2 => format!("{relative}/"),
        3 => format!("{relative}/Layerfile"),
        _ => relative,
    }
}

const STEPS: [&str; 22] = [
    "RUN make",
    "RUN a b",
    "RUN c | d > e",
    "RUN apt-get update && \\\n    apt-get install make",
    "RUN cd x && y",
    "COPY . .",
    "COPY src /src",
    "COPY /a ../src* /x/",
    "COPY ./src/ ./b .././src dest/",
    "ENV A=1 B=\"$A x\"",
    "WORKDIR x",
    "USER builder",
    "MEMORY 2G",
    "MEMORY 512M",
    "SETUP FILE /setup.sh",
    "LABEL display_name=n",
    "# a comment",
    "CHECKPOINT disabled",
    "CHECKPOINT",
    "RUN echo $RUNNER_ID",
    "CACHE ~/.cache",
    "SECRET ENV TOKEN",
];

/// Files of which each starts from an image or an earlier one, and waits for earlier ones.
fn projects() -> impl Strategy<Value = Tree> {
    let steps = prop::collection::vec((0..STEPS.len() + 3, any::<u8>()), 0..7);
    let files = prop::collection::vec((any::<u8>(), any::<u8>(), steps), 1..=DIRECTORIES.len());
    let common = prop::collection::vec(prop::sample::select(&STEPS[..]), 0..4);
    (files, common).prop_map(|(files, common)| {
        let mut made: Vec<(&str, String)> = Vec::new();
        for ((from, style, steps), directory) in files.into_iter().zip(DIRECTORIES) {
            let earlier = usize::from(from) % (made.len() + 1);
            let mut text = match made.get(earlier) {
                Some((parent, _)) => format!("FROM {}\n", spelled(directory, parent, style)),
                None => "FROM vm/ubuntu:22.04\n".to_owned(),
            };
            if style % 2 == 0 {
                text.extend(common.iter().map(|step| format!("{step}\n")));
            }
            for (step, style) in steps {
                match (STEPS.get(step), made.get(usize::from(style) % made.len().max(1))) {
                    (Some(step), _) => writeln!(text, "{step}").unwrap(),
                    (None, Some((other, _))) => {
                        writeln!(text, "WAIT {}", spelled(directory, other, style)).unwrap();
                    }
                    (None, None) => {}
                }
            }
            made.push((directory, text));
        }
        Tree::new(&made)
    })
}

/// Every change that is offered anywhere in a project.
fn offered(tree: &Tree) -> Vec<Change> {
    let repository = tree.repository();
    let mut changes = Vec::new();
    for id in tree.project.ids() {
        changes.push(inline::inline_parent(&repository, id));
        changes.push(hoist::hoist_common_steps(&repository, id));
        let names = ["new", "/c/deeper/new", "/top"];
        changes.extend(names.map(|name| moving::rename_layer(&repository, id, name)));
        for linked in &tree.project.file(id).directives {
            let span = linked.directive.span;
            changes.push(extract::extract_parent(&repository, id, span));
            changes.push(commands::split_run(&repository, id, span.start()));
            changes.push(commands::join_runs(&repository, id, span.start()));
        }
    }
    changes.into_iter().flatten().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_refactoring_of_any_project_changes_a_machine(tree in projects()) {
        for change in offered(&tree) {
            let after = tree.repository().after(&change);
            prop_assert_eq!(
                prove(&tree.repository(), &change), Ok(()),
                "{}\nbefore: {:#?}\nafter: {:#?}", change.title, &tree.texts, after
            );
        }
    }
}

#[test]
fn generated_projects_have_plans_and_refactorings() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut planned, mut changes) = (0, BTreeMap::<String, usize>::new());
    for _ in 0..40 {
        let tree = projects().new_tree(&mut runner).unwrap().current();
        planned += machines(&tree.project).len();
        for change in offered(&tree) {
            *changes.entry(change.title.split(' ').next().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert!(planned > 60, "{planned}");
    for kind in ["rename", "inline", "extract", "hoist", "split", "join"] {
        assert!(changes.get(kind).is_some_and(|count| *count > 1), "{kind}: {changes:?}");
    }
}
