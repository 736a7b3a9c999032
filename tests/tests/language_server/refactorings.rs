//! Refactorings of whole public repositories, asked for and applied as an editor does: what every machine does stays.
//!
//! Compared is by the compiler and the planner alone, not by what the server proves its offers with. A sample each time;
//! `LAYERC_TEST_EVERY_OFFSET=1` takes every place of every repository.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON indexed by a name gives null where there is none"
)]

use layerc_compiler::link::compile;
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::project::SourceFile;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::MemorySources;
use layerc_planner::plan::{Action, CommandMode, LayerfileId, Node, Plan};
use layerc_planner::{Selection, build};
use layerc_tests::language_server::{Client, place, uri};
use layerc_tests::reference;
use layerc_tests::repository::Repository;
use layerc_tests::skip::skipped;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Every how many places is tried when not all are.
const STRIDE: usize = 41;

/// Paths of a repository that are made; what goes beyond matters to no Layerfile.
const MOST_PATHS: usize = 1_000;

/// A repository: the texts of its Layerfiles, and nothing in all other files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree(pub(crate) BTreeMap<String, String>);

/// What each Layerfile's machine does, from the image on.
type Machines = BTreeMap<String, Vec<String>>;

impl Tree {
    /// `None` for a repository of which nobody knows what else is in it.
    fn read(folder: &Path) -> Option<Self> {
        let list = std::fs::read_to_string(folder.join(".FILES.txt")).ok()?;
        let files = list.lines().take(MOST_PATHS).filter(|path| RepoPath::new(path).is_some());
        let text = |path: &str| {
            let is_layerfile = path.rsplit('/').next() == Some("Layerfile");
            let text =
                is_layerfile.then(|| std::fs::read(folder.join(path)).expect("a listed file"));
            String::from_utf8_lossy(&text.unwrap_or_default()).into_owned()
        };
        Some(Self(files.map(|path| (path.to_owned(), text(path))).collect()))
    }

    fn layerfiles(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.0.iter().filter(|(path, _)| path.rsplit('/').next() == Some("Layerfile"));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    fn machines(&self) -> Machines {
        let file = |(path, text): (&str, &str)| {
            Some(SourceFile { path: RepoPath::new(path)?, text: text.to_owned() })
        };
        let files: Vec<SourceFile> = self.layerfiles().filter_map(file).collect();
        let sources = MemorySources::new(self.0.keys().filter_map(|path| RepoPath::new(path)));
        let project = compile(&files, &sources, &LintConfiguration::default()).project;
        let sound = project.ids().filter(|id| !project.file(*id).has_errors).collect();
        let Ok(plan) = build(&project, &Selection::Targets(sound)) else { return Machines::new() };
        let machine = |(index, file): (u32, &layerc_planner::plan::PlannedLayerfile)| {
            let settings = format!("{:?} {} {:?}", file.memory_bytes, file.copies, file.status);
            let happenings = happenings(&plan, LayerfileId(index));
            (file.path.to_string(), [vec![settings], happenings].concat())
        };
        (0..).zip(&plan.layerfiles).map(machine).collect()
    }

    /// The tree after an editor has done what the server said.
    pub(crate) fn applied(&self, edit: &Value, root: &Path) -> Self {
        let mut after = self.clone();
        let path = |name: &Value| {
            let name = name.as_str().expect("a name").strip_prefix("file://").expect("a file");
            let path = Path::new(name).strip_prefix(root).expect("in the repository");
            path.to_str().expect("UTF-8").to_owned()
        };
        for change in edit["documentChanges"].as_array().into_iter().flatten() {
            match change["kind"].as_str() {
                Some("create") => {
                    after.0.insert(path(&change["uri"]), String::new());
                }
                Some("rename") => after.rename(&path(&change["oldUri"]), &path(&change["newUri"])),
                Some(other) => panic!("an operation `{other}`"),
                None => {
                    let path = path(&change["textDocument"]["uri"]);
                    let text = after.0.get_mut(&path).unwrap_or_else(|| panic!("{path} is there"));
                    *text = edited(text, &change["edits"]);
                }
            }
        }
        after
    }

    fn rename(&mut self, from: &str, to: &str) {
        let moved = |path: String| match path.strip_prefix(from) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{to}{rest}"),
            _ => path,
        };
        let files = std::mem::take(&mut self.0);
        self.0 = files.into_iter().map(|(path, text)| (moved(path), text)).collect();
    }
}

fn happenings(plan: &Plan, id: LayerfileId) -> Vec<String> {
    let mut chain = vec![id];
    while let Some(parent) =
        chain.last().and_then(|id| plan.layerfile(*id)).and_then(|file| file.parent)
    {
        chain.push(parent);
    }
    let mut said: Vec<String> = Vec::new();
    for (_, node) in chain.iter().rev().flat_map(|id| plan.path(*id)) {
        let next = match node {
            Node::Base { image } => format!("FROM {image}"),
            Node::Step(step) => match &step.action {
                Action::Run { mode: CommandMode::Plain, command } => {
                    let command = command.split_whitespace().collect::<Vec<_>>().join(" ");
                    let run = format!("{:?} RUN ", step.snapshot);
                    // A command and its halves do the same.
                    if let Some(before) = said.last_mut().filter(|before| before.starts_with(&run))
                    {
                        before.push_str(&format!(" && {command}"));
                        continue;
                    }
                    format!("{run}{command}")
                }
                action => format!("{:?} {action:?}", step.snapshot),
            },
            Node::Fork { copies, ordered, .. } => format!("SPLIT {copies} {ordered}"),
            Node::Join { targets, .. } => {
                let path = |id: &LayerfileId| plan.layerfile(*id).map(|file| file.path.to_string());
                let mut paths: Vec<String> = targets.iter().filter_map(path).collect();
                paths.sort();
                format!("WAIT {paths:?}")
            }
            Node::Gate { message, .. } => format!("BUTTON {message}"),
            Node::End { .. } => continue,
        };
        said.push(next);
    }
    said
}

/// Edits from the last to the first, so that none moves another.
fn edited(text: &str, edits: &Value) -> String {
    let offset = |position: &Value| {
        let number = |name: &str| {
            usize::try_from(position[name].as_u64().expect("a number")).expect("small")
        };
        let lines = text.split_inclusive('\n').take(number("line")).map(str::len);
        (lines.sum::<usize>() + number("character")).min(text.len())
    };
    let mut sorted: Vec<(usize, usize, &str)> = edits
        .as_array()
        .into_iter()
        .flatten()
        .map(|edit| {
            let (start, end) = (offset(&edit["range"]["start"]), offset(&edit["range"]["end"]));
            (start, end, edit["newText"].as_str().expect("a text"))
        })
        .collect();
    sorted.sort();
    let mut text = text.to_owned();
    for (start, end, new) in sorted.into_iter().rev() {
        text.replace_range(start..end, new);
    }
    text
}

/// The changes that are offered at a line of a Layerfile, each with its title.
fn offered(client: &mut Client, name: &str, line: u32) -> Vec<(String, Value)> {
    let start = json!({ "line": line, "character": 0 });
    let below = json!({ "line": line, "character": 3 });
    let mut offers = Vec::new();
    for range in [json!({ "start": start, "end": start }), json!({ "start": start, "end": below })]
    {
        let context = json!({ "diagnostics": [], "only": ["refactor"] });
        let params = json!({ "textDocument": { "uri": name }, "range": range, "context": context });
        let actions = client.request("textDocument/codeAction", &params);
        let titled = actions.as_array().cloned().unwrap_or_default().into_iter();
        offers.extend(titled.map(|mut action| {
            (action["title"].as_str().unwrap_or_default().to_owned(), action["edit"].take())
        }));
    }
    offers
}

/// The machines as they have to be when the layer `from` is called `to`.
fn with_name(machines: &Machines, from: &str, to: &str) -> Machines {
    let renamed = |text: &str| {
        let inside = text.replace(&format!("\"{from}/"), &format!("\"{to}/"));
        inside.replace(&format!("\"{from}\""), &format!("\"{to}\""))
    };
    let file = |path: &String| match path.strip_prefix(&format!("{from}/")) {
        Some(rest) => format!("{to}/{rest}"),
        None => path.clone(),
    };
    let said = |said: &Vec<String>| said.iter().map(|text| renamed(text)).collect();
    machines.iter().map(|(path, happenings)| (file(path), said(happenings))).collect()
}

fn check(folder: &Path, places: &mut Places, counts: &mut BTreeMap<String, usize>) {
    let Some(tree) = Tree::read(folder) else { return };
    let chosen: Vec<(String, u32)> = places.of(&tree);
    if chosen.is_empty() {
        return;
    }
    let files: Vec<(&str, &str)> =
        tree.0.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let repository = Repository::with(&files);
    let before = tree.machines();
    let capabilities = json!({
        "general": { "positionEncodings": ["utf-8"] },
        "workspace": { "workspaceEdit": { "resourceOperations": ["create", "rename"] } },
    });
    let mut client = Client::greeted(repository.path(), &capabilities);
    for (path, line) in chosen {
        let name = uri(&repository.join(&path));
        for (title, edit) in offered(&mut client, &name, line) {
            let kind = title.split(' ').next().unwrap_or_default().to_owned();
            // What is converted was no Layerfile before, so there is nothing to compare.
            if kind != "convert" {
                let after = tree.applied(&edit, repository.path()).machines();
                for (path, machine) in &before {
                    let shown = format!("{}: {path} after `{title}`", folder.display());
                    assert_eq!(after.get(path), Some(machine), "{shown}");
                }
            }
            *counts.entry(kind).or_default() += 1;
        }
        let Some((layer, column)) = named_layer(&tree, &path, line) else { continue };
        let mut rename = place(&name, line, column);
        rename["newName"] = json!("renamed-here");
        if let Ok(edit) = client.try_request("textDocument/rename", &rename)
            && !edit.is_null()
        {
            let parent = layer.rsplit_once('/').map_or("", |(parent, _)| parent);
            let expected = with_name(
                &before,
                &layer,
                format!("{parent}/renamed-here").trim_start_matches('/'),
            );
            let after = tree.applied(&edit, repository.path());
            assert_eq!(after.machines(), expected, "{}: {layer} renamed", folder.display());
            *counts.entry("rename".to_owned()).or_default() += 1;
        }
    }
}

/// The layer that FROM or WAIT names first on a line, and the column of its name.
fn named_layer(tree: &Tree, path: &str, line: u32) -> Option<(String, u32)> {
    let text = tree.0.get(path)?.lines().nth(usize::try_from(line).ok()?)?;
    let rest = text.strip_prefix("FROM ").or_else(|| text.strip_prefix("WAIT "))?.trim_start();
    let word = rest.split_whitespace().next().filter(|word| word.starts_with(['.', '/']))?;
    let target = RepoPath::resolve(&RepoPath::new(path)?.parent()?, word)?;
    let target = target.as_str().trim_end_matches("Layerfile").trim_end_matches('/').to_owned();
    let column = u32::try_from(text.len() - rest.len()).ok()?;
    (!target.is_empty()).then_some((target, column))
}

/// Which lines are tried: all, or some that are spread evenly over all repositories.
#[derive(Debug)]
struct Places {
    stride: usize,
    seen: usize,
}

impl Places {
    fn of(&mut self, tree: &Tree) -> Vec<(String, u32)> {
        let mut chosen = Vec::new();
        for (path, text) in tree.layerfiles() {
            for (line, _) in (0..).zip(text.lines()) {
                if self.seen.is_multiple_of(self.stride) {
                    chosen.push((path.to_owned(), line));
                }
                self.seen += 1;
            }
        }
        chosen
    }
}

#[test]
fn the_machines_of_public_repositories_stay_what_they_are() {
    let Some(folder) = reference::folder() else {
        let test = "the_machines_of_public_repositories_stay_what_they_are";
        return skipped(test, "the public repositories are not beside the repository");
    };
    let entries = std::fs::read_dir(folder.join("corpus-trees")).expect("repositories");
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    let is_whole = std::env::var_os("LAYERC_TEST_EVERY_OFFSET").is_some();
    let mut places = Places { stride: if is_whole { 1 } else { STRIDE }, seen: 0 };
    let mut counts = BTreeMap::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        check(folder, &mut places, &mut counts);
    }
    println!("refactorings whose machines were compared: {counts:?}");
    let offers: usize = counts.values().sum();
    assert!(offers > 20, "too few to say anything: {counts:?}");
}
