//! Whatever a rule has to say can be silenced where it stands: for each finding of each page of `spec/diagnostics` there is an
//! action, and after every one that is offered the finding is gone.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON indexed by a name gives null where there is none"
)]

use crate::refactorings::Tree;
use layerc_compiler::project::SourceFile;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::rules::{RULES, Rule};
use layerc_compiler::sources::EntryKind;
use layerc_tests::examples::{self, Claim, Example};
use layerc_tests::language_server::{Client, uri};
use layerc_tests::repository::Repository;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What a page can't show: rules, and a text for each.
fn unshown() -> [(&'static str, String); 2] {
    let large = format!("FROM vm/ubuntu:18.04\n{}", "# much\n".repeat(2_500_000));
    [
        ("file-too-large", large),
        ("nul-character", "FROM vm/ubuntu:18.04\nRUN a\0b\n# \0\n".to_owned()),
    ]
}

/// Repositories beside each other, and a server that looks at each of them.
struct Bench {
    client: Client,
    repositories: Repository,
    count: usize,
}

impl Bench {
    fn new() -> Self {
        let repositories = Repository::with(&[("start/.git/HEAD", "")]);
        let resources = json!(["create", "rename", "delete"]);
        let edit = json!({ "documentChanges": true, "resourceOperations": resources });
        let capabilities = json!({
            "general": { "positionEncodings": ["utf-8"] }, "workspace": { "workspaceEdit": edit },
        });
        let mut client = Client::greeted(&repositories.join("start"), &capabilities);
        let settings = json!({ "layerc": { "shellcheck": { "path": "" } } });
        client.notify("workspace/didChangeConfiguration", &json!({ "settings": settings }));
        Self { client, repositories, count: 0 }
    }

    /// Puts a tree on disk and has the server look at it: where it is.
    fn lay_out(&mut self, tree: &Tree, example: &Example) -> PathBuf {
        self.count += 1;
        let name = self.count.to_string();
        self.repositories.write(&format!("{name}/.git/HEAD"), "");
        for (path, text) in &tree.0 {
            self.repositories.write(&format!("{name}/{path}"), text);
        }
        for (path, _) in links(example) {
            self.repositories.link("nowhere", &format!("{name}/{path}"));
        }
        let root = self.repositories.join(&name);
        let folder = json!({ "uri": uri(&root), "name": name });
        let event = json!({ "event": { "added": [folder], "removed": [] } });
        self.client.notify("workspace/didChangeWorkspaceFolders", &event);
        root
    }

    fn look_away(&mut self, root: &Path) {
        let folder = json!({ "uri": uri(root), "name": "done" });
        let event = json!({ "event": { "added": [], "removed": [folder] } });
        self.client.notify("workspace/didChangeWorkspaceFolders", &event);
    }

    /// The findings of a rule in a file.
    fn findings(&mut self, name: &str, rule: &Rule) -> Vec<Value> {
        let params = json!({ "textDocument": { "uri": name } });
        let report = self.client.request("textDocument/diagnostic", &params);
        let items = report["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().filter(|item| item["code"] == rule.code.to_string()).collect()
    }

    /// The actions that answer a finding.
    fn actions(&mut self, name: &str, finding: &Value) -> Vec<Value> {
        let context = json!({ "diagnostics": [finding], "only": ["quickfix"] });
        let document = json!({ "uri": name });
        let params =
            json!({ "textDocument": document, "range": finding["range"], "context": context });
        let actions = self.client.request("textDocument/codeAction", &params);
        let all = actions.as_array().cloned().unwrap_or_default();
        let own = |action: &Value| {
            let about = action["diagnostics"].as_array().into_iter().flatten();
            about
                .into_iter()
                .any(|about| about["code"] == finding["code"] && about["range"] == finding["range"])
        };
        all.into_iter().filter(own).collect()
    }

    /// What is wrong with the actions of a rule's findings in an example.
    fn faults(&mut self, rule: &Rule, example: &Example) -> Vec<String> {
        let texts = example.layerfiles.iter();
        let mut tree = Tree(texts.map(|file| (file.path.to_string(), file.text.clone())).collect());
        let files = example.entries.iter().filter(|(_, kind)| *kind == EntryKind::File);
        tree.0.extend(files.map(|(path, _)| (path.to_string(), String::new())));
        let root = self.lay_out(&tree, example);
        let mut faults = Vec::new();
        let mut found = 0;
        for file in &example.layerfiles {
            let name = uri(&root.join(file.path.as_str()));
            let before = self.findings(&name, rule);
            found += before.len();
            for finding in &before {
                let actions = self.actions(&name, finding);
                if actions.is_empty() {
                    faults.push(format!("{}: nothing is offered: {finding}", rule.code));
                }
                for action in actions {
                    let after = tree.applied(&action["edit"], &root);
                    let place = self.lay_out(&after, example);
                    let left = self.findings(&uri(&place.join(file.path.as_str())), rule);
                    if left.len() >= before.len() {
                        let text = after.0.get(file.path.as_str());
                        faults.push(format!(
                            "{}: it is still there after {}\n{}\n{left:?}",
                            rule.code,
                            action["title"],
                            text.map_or("", |text| text.get(..500).unwrap_or(text))
                        ));
                    }
                    self.look_away(&place);
                }
            }
        }
        self.look_away(&root);
        if found == 0 {
            faults.push(format!("{}: the server is silent about line {}", rule.code, example.line));
        }
        faults
    }
}

fn links(example: &Example) -> impl Iterator<Item = &(RepoPath, EntryKind)> {
    example.entries.iter().filter(|(_, kind)| *kind == EntryKind::Symlink)
}

#[test]
fn every_finding_of_every_rule_has_an_action_that_ends_it_where_it_stands() {
    let unshown = unshown();
    let mut bench = Bench::new();
    let mut faults = Vec::new();
    for rule in RULES {
        let mut bad: Vec<Example> = examples::read(rule.page)
            .into_iter()
            .filter(|example| example.claim == Claim::Bad)
            .collect();
        if let Some((_, text)) = unshown.iter().find(|(name, _)| *name == rule.name) {
            let path = RepoPath::new("Layerfile").expect("a path");
            let layerfiles = vec![SourceFile { path, text: text.clone() }];
            bad.push(Example { line: 0, claim: Claim::Bad, layerfiles, entries: Vec::new() });
        }
        assert!(!bad.is_empty(), "{} has an example", rule.code);
        for example in bad {
            faults.extend(bench.faults(rule, &example));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
