//! Tests of converted Dockerfiles by their plans: each command runs where, as whom and with which variables Docker has it.

use super::proof::{Happening, machines};
use super::{Operation, change, paste};
use crate::plan::machine::joined;
use layerc_compiler::link::compile;
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::project::SourceFile;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::MemorySources;
use layerc_compiler::span::Span;
use layerc_planner::plan::{Action, CommandMode};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a command meets, or a file that is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Met {
    Run { command: String, directory: String, user: String, variables: BTreeMap<String, String> },
    Copy { source: String, destination: String },
}

/// What a machine is on the way.
#[derive(Debug, Clone)]
struct State {
    directory: String,
    user: String,
    variables: BTreeMap<String, String>,
}

impl State {
    fn new(directory: &str) -> Self {
        let (directory, user) = (directory.to_owned(), "root".to_owned());
        Self { directory, user, variables: BTreeMap::new() }
    }

    fn run(&self, command: &str) -> Met {
        let command = command.split_whitespace().collect::<Vec<_>>().join(" ");
        let Self { directory, user, variables } = self.clone();
        Met::Run { command, directory, user, variables }
    }

    fn copy(&self, source: &str, destination: &str) -> Met {
        let destination = joined(&self.directory, destination);
        let (source, destination) = (source.trim_matches('/'), destination.trim_end_matches('/'));
        Met::Copy { source: source.to_owned(), destination: destination.to_owned() }
    }
}

const INSTRUCTIONS: [&str; 14] = [
    "RUN make all",
    "RUN apt-get update && \\\n    apt-get install -y curl",
    "RUN [\"tar\", \"xf\", \"a.tar\"]",
    "WORKDIR /srv/app",
    "WORKDIR sub",
    "WORKDIR ../other",
    "ENV MODE=fast",
    "ENV A=1 B=two",
    "ENV OLD value",
    "USER builder",
    "USER root",
    "COPY src/main.c /etc/main.c",
    "COPY src lib/",
    "# a comment",
];

/// What Docker does, read straight off the instructions above.
fn expected(lines: &[&str]) -> Vec<Met> {
    let mut state = State::new("/");
    let mut met = Vec::new();
    for line in lines {
        let (keyword, rest) = line.split_once(' ').expect("an instruction");
        match keyword {
            "RUN" if rest.starts_with('[') => met.push(state.run("tar xf a.tar")),
            "RUN" => met.push(state.run(&rest.replace("\\\n", ""))),
            "WORKDIR" => state.directory = joined(&state.directory, rest),
            "USER" => state.user = rest.to_owned(),
            "ENV" if rest == "OLD value" => {
                state.variables.insert("OLD".to_owned(), "value".to_owned());
            }
            "ENV" => {
                let pairs = rest.split(' ').filter_map(|pair| pair.split_once('='));
                let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
                state.variables.extend(owned);
            }
            "COPY" => {
                let (source, destination) = rest.split_once(' ').expect("two words");
                met.push(state.copy(source, destination));
            }
            _ => {}
        }
    }
    met
}

/// What the plan of the converted text does.
fn planned(text: &str) -> Vec<Met> {
    let path = RepoPath::new("Layerfile").expect("a path");
    let change =
        paste::convert_pasted(&path, text, Span::new(0, text.len() as u32)).expect("a Dockerfile");
    let [Operation::Edit { edits, .. }] = change.operations.as_slice() else { panic!("one edit") };
    let text = change::edited(text, 0, edits).expect("edits that fit");
    let sources = ["Layerfile", "src/main.c"].map(|path| RepoPath::new(path).expect("a path"));
    let files = [SourceFile { path: path.clone(), text: text.clone() }];
    let project =
        compile(&files, &MemorySources::new(sources), &LintConfiguration::default()).project;
    let machine = machines(&project).remove(&path).unwrap_or_else(|| panic!("a plan of {text}"));
    let mut state = State::new("/root");
    let mut met = Vec::new();
    for happening in machine.happenings {
        let Happening::Step(action, _) = happening else { continue };
        match action {
            Action::Run { mode: CommandMode::Plain, command } => met.push(state.run(&command)),
            Action::Workdir { path } => state.directory = joined(&state.directory, &path),
            Action::User { name } => state.user = name,
            Action::Env { pairs } => {
                let plain = |text: String| text.replace(['"', '\''], "");
                state.variables.extend(pairs.into_iter().map(|(name, value)| (name, plain(value))));
            }
            Action::Copy { sources, destination } => {
                met.extend(sources.iter().map(|source| state.copy(source, &destination)));
            }
            other => panic!("{other:?} comes out of none of the instructions: {text}"),
        }
    }
    met
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn commands_meet_what_docker_has_for_them(
        chosen in prop::collection::vec(prop::sample::select(&INSTRUCTIONS[..]), 1..12),
    ) {
        let text = format!("FROM ubuntu:22.04\nRUN first\n{}\nCMD [\"bash\"]\n", chosen.join("\n"));
        let lines: Vec<&str> = std::iter::once("RUN first").chain(chosen).collect();
        prop_assert_eq!(planned(&text), expected(&lines), "{}", text);
    }
}
