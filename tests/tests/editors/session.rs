//! A session of an editor with a small repository, a home of its own and the server under test.
//!
//! Knows what every editor's session has in common: how it is started and how it says what held.

use layerc_tests::editor_clients::{command, program};
use layerc_tests::layerc::{self, Outcome};
use layerc_tests::project_files::root;
use layerc_tests::repository::Repository;
use layerc_tests::skip;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A parent, and a child with a continued command and a word that is no directive in its last line.
const FILES: &[(&str, &str)] = &[
    ("layerc.toml", "[images]\n\"vm/ubuntu:22.04\" = \"host\"\n"),
    ("base/Layerfile", "FROM vm/ubuntu:22.04\nENV PORT=8080\nWORKDIR /srv\nRUN true\n"),
    (
        "tests/Layerfile",
        "FROM ../base\nENV GREETING=\"h\u{e9}llo\"\nRUN true && \\\n    true\nRUN echo $GREETING\nRUNN this\n",
    ),
];

/// An editor that is about to be started.
#[derive(Debug)]
pub(crate) struct Session {
    editor: PathBuf,
    home: tempfile::TempDir,
    repository: Repository,
}

impl Session {
    /// Makes everything ready; `None`, said loudly, if the editor isn't installed.
    pub(crate) fn start(what: &str, editor: &str) -> Option<Self> {
        match program(editor) {
            Ok(editor) => {
                let home = tempfile::tempdir().unwrap();
                Some(Self { editor, home, repository: Repository::with(FILES) })
            }
            Err(reason) => {
                skip::skipped(&format!("{what} in {editor}"), &reason);
                None
            }
        }
    }

    /// The editor's program.
    pub(crate) fn editor(&self) -> &Path {
        &self.editor
    }

    /// The home directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The repository's root.
    pub(crate) fn repository(&self) -> &Path {
        self.repository.path()
    }

    /// Runs the editor to its end; every check that it printed must have held.
    pub(crate) fn finish(self, arguments: impl FnOnce(&mut Command)) {
        let mut command = command(&self.editor, self.home());
        self.run(&mut command, arguments);
    }

    /// Like `finish`, with a program that drives the editor.
    pub(crate) fn finish_driven(self, driver: &Path, arguments: impl FnOnce(&mut Command)) {
        let mut command = command(driver, self.home());
        self.run(&mut command, arguments);
    }

    fn run(&self, command: &mut Command, arguments: impl FnOnce(&mut Command)) {
        let server = layerc::program();
        let path =
            format!("{}:{}", server.parent().unwrap().display(), std::env::var("PATH").unwrap());
        command.current_dir(self.repository()).env("LAYERC_PROGRAM", server).env("PATH", path);
        arguments(command);
        let outcome = Outcome::of(command);
        assert!(outcome.status.success(), "{}", outcome.everything());
        let hover = "ok      hover explains a keyword";
        assert!(outcome.everything().contains(hover), "{}", outcome.everything());
    }
}

/// Copies a folder of the project into another one; gives back the copy.
pub(crate) fn copy(from: &str, into: &Path) -> PathBuf {
    std::fs::create_dir_all(into).unwrap();
    let outcome = Outcome::of(Command::new("cp").arg("-r").arg(root().join(from)).arg(into));
    assert!(outcome.status.success(), "{}", outcome.everything());
    into.join(Path::new(from).file_name().unwrap())
}
