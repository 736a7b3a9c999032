//! The plan of small trees, as text.

use super::conditions::{Verdict, judge};
use super::{cycles, flattened, graph, hints, machine, words};
use crate::features::{code_lens, hover};
use crate::forecast::{StepFacts, StepForecast};
use crate::host::{Host, ProjectSettings};
use crate::workspace::{FileView, Snapshot, State, uri};
use layerc_compiler::directive::Instruction;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::{Entry, EntryKind};
use layerc_planner::plan::{Node, Plan};
use layerc_planner::render::StepAnnotation;
use ls_types::{HoverContents, InlayHintLabel, Position, Uri};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A disk of texts, on the branch `main`, whose RUN steps are cached if they say so.
#[derive(Debug)]
struct Disk(BTreeMap<RepoPath, String>);

impl Host for Disk {
    fn repository_root(&self, _: &Path) -> Option<PathBuf> {
        Some(PathBuf::from("/r"))
    }

    fn layerfiles(&self, _: &Path) -> Vec<RepoPath> {
        self.0.keys().cloned().collect()
    }

    fn read_text(&self, path: &Path) -> Result<String, String> {
        let path = path.strip_prefix("/r").ok().and_then(Path::to_str).and_then(RepoPath::new);
        path.and_then(|path| self.0.get(&path).cloned()).ok_or_else(|| "not there".to_owned())
    }

    fn kind(&self, _: &Path) -> Option<EntryKind> {
        None
    }

    fn list(&self, _: &Path) -> Vec<Entry> {
        Vec::new()
    }

    fn project_settings(&self, _: &Path) -> ProjectSettings {
        ProjectSettings::default()
    }

    fn rule_pages(&self) -> Option<&Path> {
        None
    }

    fn variables(&self, _: &Path) -> BTreeMap<String, String> {
        BTreeMap::from([("GIT_BRANCH".to_owned(), "main".to_owned())])
    }

    fn forecast(&self) -> Option<&dyn StepForecast> {
        Some(self)
    }
}

impl StepForecast for Disk {
    fn forecast(&self, _: &Path, plan: &Arc<Plan>) -> Arc<[StepFacts]> {
        let nodes = plan.graph.node_weights().zip(0..);
        let facts = nodes.filter_map(|(node, index)| {
            let Node::Step(step) = node else { return None };
            let (outlook, past) = match step.text.as_str() {
                text if text.contains("cached") => {
                    (Some(StepAnnotation::Cached), vec![9, 12_000, 13_000])
                }
                text if text.contains("changed") => {
                    let reason = "src/a changed".to_owned();
                    (Some(StepAnnotation::WillRun { reason }), vec![350])
                }
                _ => (None, Vec::new()),
            };
            Some(StepFacts { node: index, outlook, past_milliseconds: past })
        });
        facts.collect()
    }
}

fn state(files: &[(&str, &str)]) -> State {
    let texts = files.iter().map(|(path, text)| (RepoPath::new(path).unwrap(), (*text).to_owned()));
    let mut state = State::new(Arc::new(Disk(texts.collect())));
    state.add_folder(Path::new("/r"));
    state
}

fn uri_of(path: &str) -> Uri {
    uri::of_path(&Path::new("/r").join(path)).unwrap()
}

fn view<'s>(snapshot: &'s Snapshot, path: &str) -> FileView<'s> {
    snapshot.file(&uri_of(path)).unwrap()
}

/// The lines of a file with their hints behind `⟶`.
fn hinted(view: FileView<'_>) -> String {
    let mut lines: Vec<String> = view.text().lines().map(str::to_owned).collect();
    for hint in hints::hints(view, view.positions().whole()) {
        let InlayHintLabel::LabelParts(parts) = hint.label else { panic!("parts") };
        let text: String = parts
            .iter()
            .map(|part| match &part.location {
                Some(place) => {
                    let path = place.uri.as_str().trim_start_matches("file:///r/");
                    format!("{} ({path}:{})", part.value, place.range.start.line + 1)
                }
                None => part.value.clone(),
            })
            .collect();
        lines[hint.position.line as usize].push_str(&format!(" ⟶ {text}"));
    }
    lines.join("\n")
}

const BASE: &str =
    "FROM vm/ubuntu:22.04\nMEMORY 4G\nENV A=1 B=\"x $A\"\nWORKDIR /srv\nUSER builder\n";
const MIDDLE: &str = "FROM ../base\nSECRET ENV TOKEN\nWORKDIR app\nSETUP FILE env.sh\n";
const CHILD: &str = "FROM ../middle\nWORKDIR ../x\nMEMORY 2G\nENV A=2\nRUN cached\nRUN changed\nSKIP REMAINING IF GIT_BRANCH=main\nSKIP REMAINING IF GIT_BRANCH=other\nSKIP REMAINING IF PULL_REQUEST_URL=\"\"\n";

fn chain() -> State {
    state(&[("base/Layerfile", BASE), ("middle/Layerfile", MIDDLE), ("child/Layerfile", CHILD)])
}

#[test]
fn hints_say_what_is_inherited_and_from_which_line() {
    let snapshot = chain().snapshot();
    assert_eq!(
        hinted(view(&snapshot, "child/Layerfile")),
        "FROM ../middle ⟶ WORKDIR /srv/app (middle/Layerfile:3) · USER builder (base/Layerfile:5) · MEMORY 4G \
         (base/Layerfile:2) · SETUP FILE middle/env.sh (middle/Layerfile:4) · 3 variables (base/Layerfile:3)\n\
         WORKDIR ../x ⟶ = /srv/x (middle/Layerfile:3)\n\
         MEMORY 2G ⟶ 4G in effect (base/Layerfile:2)\n\
         ENV A=2 ⟶ replaces A of base/Layerfile:3 (base/Layerfile:3)\n\
         RUN cached ⟶ cached, else 12 s\n\
         RUN changed ⟶ will run, about 350 ms: src/a changed\n\
         SKIP REMAINING IF GIT_BRANCH=main ⟶ skips the rest now\n\
         SKIP REMAINING IF GIT_BRANCH=other ⟶ goes on: GIT_BRANCH is main\n\
         SKIP REMAINING IF PULL_REQUEST_URL=\"\""
    );
}

#[test]
fn a_machine_in_words_links_each_value_and_shows_no_secret() {
    let snapshot = chain().snapshot();
    let child = view(&snapshot, "child/Layerfile");
    assert_eq!(
        words::machine(&machine::before(child, 4)),
        "- WORKDIR `/srv/x` — [child/Layerfile:2](file:///r/child/Layerfile#L2)\n\
         - USER `builder` — [base/Layerfile:5](file:///r/base/Layerfile#L5)\n\
         - MEMORY `4G` — [base/Layerfile:2](file:///r/base/Layerfile#L2)\n\
         - SETUP FILE `middle/env.sh` — [middle/Layerfile:4](file:///r/middle/Layerfile#L4)\n\
         - ENV A `2` — [child/Layerfile:4](file:///r/child/Layerfile#L4)\n\
         - ENV B `x 1` — [base/Layerfile:3](file:///r/base/Layerfile#L3)\n\
         - SECRET ENV `TOKEN` — [middle/Layerfile:2](file:///r/middle/Layerfile#L2)\n"
    );
}

#[test]
fn a_flattened_file_maps_every_line_to_its_source() {
    let snapshot = state(&[
        ("base/Layerfile", "# base\nFROM vm/ubuntu:22.04\nRUN a && \\\n    b\n"),
        ("child/Layerfile", "FROM ../base\n# c\nCOPY x /x\n"),
    ])
    .snapshot();
    let flat = flattened::flattened(view(&snapshot, "child/Layerfile"));
    let mut shown = String::new();
    for (line, origin) in flat.text.lines().zip(&flat.lines) {
        let place = origin.as_ref().map_or(String::new(), |origin| {
            let path = origin.uri.as_str().trim_start_matches("file:///r/");
            format!(" ← {path}:{}", origin.range.start.line + 1)
        });
        shown.push_str(&format!("{line}{place}\n"));
    }
    assert_eq!(
        shown,
        "# base/Layerfile\nFROM vm/ubuntu:22.04 ← base/Layerfile:2\nRUN a && \\ ← base/Layerfile:3\n    b ← base/Layerfile:4\n\n# child/Layerfile\nCOPY x /x ← child/Layerfile:3\n"
    );
    assert_eq!(flat.lines.len(), flat.text.lines().count());
}

#[test]
fn lenses_count_who_inherits_and_who_waits() {
    let mut state = state(&[
        ("a/Layerfile", "FROM vm/ubuntu:22.04\n"),
        ("b/Layerfile", "FROM ../a\nSPLIT 3\nRUN t $SPLIT/$SPLIT_NUM\n"),
        ("c/Layerfile", "FROM vm/ubuntu:22.04\nWAIT ../a ../b\n"),
    ]);
    let titles = |state: &State, path: &str| -> Vec<String> {
        let none = code_lens::ClientCommands::new();
        let lenses = code_lens::lenses(view(&state.snapshot(), path), &none).into_iter();
        lenses.map(|lens| lens.command.unwrap().title).collect()
    };
    assert_eq!(titles(&state, "a/Layerfile"), ["1 inherit · 1 wait"]);
    assert_eq!(
        titles(&state, "b/Layerfile"),
        ["0 inherit · 1 wait", "show the values of one copy"]
    );
    state.show_copy(&uri_of("b/Layerfile"), Some(2));
    assert_eq!(titles(&state, "b/Layerfile")[1], "showing copy 2 of 0…2");
    let shown = hinted(view(&state.snapshot(), "b/Layerfile"));
    assert!(shown.ends_with("RUN t $SPLIT/$SPLIT_NUM ⟶ SPLIT=2 SPLIT_NUM=3"), "{shown}");
}

#[test]
fn hovers_tell_what_the_next_run_would_do_and_why() {
    let text = "FROM vm/ubuntu:22.04\nRUN cached 1\nRUN changed 1\nRUN new\n";
    let snapshot = state(&[("a/Layerfile", text)]).snapshot();
    let said = |line: u32| {
        let position = Position { line, character: 1 };
        let found = hover::hover(view(&snapshot, "a/Layerfile"), position).expect("a hover");
        let HoverContents::Markup(text) = found.contents else { panic!("Markdown") };
        text.value
            .split("The next run: ")
            .nth(1)
            .map(|rest| rest.lines().next().unwrap().to_owned())
    };
    assert_eq!(said(1).as_deref(), Some("cached, else 12 s"));
    assert_eq!(said(2).as_deref(), Some("will run, about 350 ms: src/a changed"));
    assert_eq!(said(3), None);
}

#[test]
fn lenses_count_what_the_next_run_would_do() {
    let snapshot = state(&[(
        "a/Layerfile",
        "FROM vm/ubuntu:22.04\nRUN cached 1\nRUN cached 2\nRUN changed 1\nRUN changed 2\n",
    )])
    .snapshot();
    let file = view(&snapshot, "a/Layerfile");
    let shown = |commands: &[&str]| -> Vec<(String, String)> {
        let commands = commands.iter().map(|name| (*name).to_owned()).collect();
        let lenses = code_lens::lenses(file, &commands).into_iter().skip(1);
        let commands = lenses.filter_map(|lens| lens.command);
        commands.map(|command| (command.title, command.command)).collect()
    };
    let outlook = "2 cached · 2 will run, about 700 ms".to_owned();
    assert_eq!(shown(&[]), [(outlook.clone(), String::new())]);
    let both =
        [("run".to_owned(), code_lens::RUN.to_owned()), (outlook, code_lens::PLAN.to_owned())];
    assert_eq!(shown(&[code_lens::RUN, code_lens::PLAN]), both);
}

#[test]
fn a_circle_is_told_in_each_of_its_files_and_where_it_is_waited_for() {
    let snapshot = state(&[
        ("a/Layerfile", "FROM vm/ubuntu:22.04\nWAIT ../b\n"),
        ("b/Layerfile", "FROM vm/ubuntu:22.04\nWAIT ../a\n"),
        ("c/Layerfile", "FROM vm/ubuntu:22.04\nWAIT ../d ../b\n"),
        ("d/Layerfile", "FROM ../a\n"),
        ("e/Layerfile", "FROM vm/ubuntu:22.04\n"),
    ])
    .snapshot();
    let told = |path: &str| -> Vec<String> {
        let file = view(&snapshot, path);
        let found = cycles::mirrored(file).into_iter();
        found
            .map(|found| format!("{}: {}", file.slice(found.primary.span), found.message))
            .collect()
    };
    let circle = "these files need each other and can never start: `a/Layerfile` → `b/Layerfile` → `a/Layerfile`";
    assert!(told("a/Layerfile").is_empty(), "the compiler tells it there");
    assert_eq!(told("b/Layerfile"), [format!("../a: {circle}")]);
    assert_eq!(
        told("c/Layerfile"),
        [
            "WAIT ../d ../b: `d/Layerfile` never starts: it needs `a/Layerfile`, which is part of a circle",
            "WAIT ../d ../b: `b/Layerfile` never starts: it is part of a circle of files that need each other",
        ]
    );
    assert!(told("d/Layerfile")[0].contains("`a/Layerfile` never starts"));
    assert!(told("e/Layerfile").is_empty());
}

#[test]
fn a_picture_knows_where_its_nodes_are_written() {
    let snapshot = chain().snapshot();
    let graph = graph::graph(view(&snapshot, "base/Layerfile")).unwrap();
    assert_eq!(graph.layerfiles.len(), 3);
    for place in &graph.nodes {
        assert!(graph.svg.contains(&format!("data-node=\"{}\"", place.node)), "{place:?}");
        assert_ne!(place.range.start, place.range.end);
    }
    assert!(graph.svg.contains("data-layerfile=\"2\"") && graph.svg.contains("class=\"cached\""));
}

#[test]
fn conditions_are_judged_only_by_what_is_known() {
    let snapshot = state(&[(
        "Layerfile",
        "FROM vm/ubuntu:22.04\nSKIP REMAINING IF GIT_BRANCH=~^(main|dev)$ AND GIT_TAG=x\nSKIP REMAINING IF GIT_TAG=x AND GIT_BRANCH!=main\nSKIP REMAINING IF GIT_BRANCH!=~ma\n",
    )])
    .snapshot();
    let values = BTreeMap::from([("GIT_BRANCH".to_owned(), "main".to_owned())]);
    let goes_on = Verdict::GoesOn { name: "GIT_BRANCH".to_owned(), value: "main".to_owned() };
    let expected = [Verdict::Open { name: "GIT_TAG".to_owned() }, goes_on.clone(), goes_on];
    let directives = &view(&snapshot, "Layerfile").analysis().directives;
    let found: Vec<Verdict> = directives
        .iter()
        .filter_map(|directive| match &directive.instruction {
            Instruction::SkipIf(conditions) => Some(judge(conditions, &values)),
            _ => None,
        })
        .collect();
    assert_eq!(found, expected);
}
