//! Whole public repositories: what is said about their references is true, and safe fixes repair without harm.

use layerc_compiler::diagnostic::{Applicability, Diagnostic, Severity};
use layerc_compiler::edits;
use layerc_compiler::link::{Compiled, compile};
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::project::SourceFile;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::MemorySources;
use layerc_tests::{examples, reference, skip};
use std::collections::BTreeSet;
use std::path::Path;

/// Names every path of a repository, one a line.
const LIST: &str = ".FILES.txt";

/// A repository known by the list of its paths and the texts of its Layerfiles.
struct Tree {
    name: String,
    paths: BTreeSet<RepoPath>,
    files: Vec<SourceFile>,
}

impl Tree {
    fn read(folder: &Path) -> Self {
        let list = std::fs::read_to_string(folder.join(LIST)).expect("a list of paths");
        let paths: BTreeSet<RepoPath> = list.lines().filter_map(RepoPath::new).collect();
        let layerfiles = paths.iter().filter(|path| path.file_name() == Some("Layerfile"));
        let files = layerfiles.map(|path| {
            let bytes = std::fs::read(folder.join(path.as_str())).expect("a listed Layerfile");
            SourceFile { path: path.clone(), text: String::from_utf8_lossy(&bytes).into_owned() }
        });
        let files = files.collect();
        Self { name: folder.display().to_string(), paths, files }
    }

    fn compile(&self, files: &[SourceFile]) -> Compiled {
        compile(
            files,
            &MemorySources::new(self.paths.iter().cloned()),
            &LintConfiguration::default(),
        )
    }

    fn text(&self, path: &RepoPath) -> &str {
        self.files.iter().find(|file| file.path == *path).map_or("", |file| &file.text)
    }

    /// A reference that is said to lead nowhere names no Layerfile of the list.
    fn check_reference(&self, compiled: &Compiled, finding: &Diagnostic) {
        let path = &compiled.project.file(finding.primary.file).path;
        let word = &self.text(path)[finding.primary.span.range()];
        let directory = path.parent().expect("a directory");
        let Some(target) = RepoPath::resolve(&directory, word) else { return };
        for named in [target.clone(), target.join("Layerfile").expect("a path below")] {
            let exists = named.file_name() == Some("Layerfile") && self.paths.contains(&named);
            assert!(
                !exists,
                "{}: `{word}` in {path} names {named}, but: {}",
                self.name, finding.message
            );
        }
    }

    /// A safe fix takes its finding away and makes no new error.
    fn check_fix(&self, compiled: &Compiled, finding: &Diagnostic) {
        let safe = finding.fixes.iter().filter(|fix| fix.applicability == Applicability::Safe);
        for fix in safe {
            let mut files = self.files.clone();
            for file in &mut files {
                let own = fix
                    .edits
                    .iter()
                    .filter(|edit| compiled.project.file(edit.file).path == file.path);
                file.text = edits::apply(&file.text, own).expect("edits that fit");
            }
            let after = self.compile(&files);
            let said = examples::describe(&after, &files);
            let place = format!("{}: {} ({})", self.name, fix.title, finding.code);
            assert!(errors(&after) <= errors(compiled), "{place} makes an error:\n{said}");
            let count = |compiled: &Compiled| {
                compiled.diagnostics.iter().filter(|other| other.code == finding.code).count()
            };
            assert!(count(&after) < count(compiled), "{place} doesn't help:\n{said}");
        }
    }
}

fn errors(compiled: &Compiled) -> usize {
    compiled.diagnostics.iter().filter(|finding| finding.severity == Severity::Error).count()
}

#[test]
fn findings_on_public_repositories_are_true_and_fixes_repair() {
    let Some(folder) = reference::folder() else {
        skip::skipped("public repositories", "no folder `shared` beside the repository");
        return;
    };
    let entries = std::fs::read_dir(folder.join("corpus-trees")).expect("repositories");
    let folders = entries.map(|entry| entry.expect("an entry").path());
    // One repository comes without its list of paths, so nothing can be said to be missing from it.
    let trees: Vec<Tree> = folders
        .filter(|path| path.join(LIST).is_file())
        .map(|folder| Tree::read(&folder))
        .collect();
    assert!(trees.len() > 50, "only {} repositories", trees.len());
    for tree in &trees {
        let compiled = tree.compile(&tree.files);
        for finding in &compiled.diagnostics {
            if ("LF0100"..="LF0106").contains(&finding.code.to_string().as_str()) {
                tree.check_reference(&compiled, finding);
            }
            tree.check_fix(&compiled, finding);
        }
    }
}
