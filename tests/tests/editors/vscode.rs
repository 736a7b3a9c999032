//! The extension in a real VS Code: its server with an extension host, its workbench in a browser without a screen.

use layerc_tests::editor_clients::{command, folder, program};
use layerc_tests::layerc::{self, Outcome};
use layerc_tests::project_files::root;
use layerc_tests::repository::Repository;
use layerc_tests::skip;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The largest extension and the largest server inside it, in bytes.
const MAX_EXTENSION_BYTES: u64 = 6_000_000;
const MAX_SERVER_BYTES: u64 = 12_000_000;

/// The extension, built into a folder of its own; `None`, said loudly, if what builds it isn't installed.
fn build(test: &str, into: &Path) -> Option<PathBuf> {
    let packages = folder().join("extension/node_modules");
    let node = match program("node") {
        Ok(node) if packages.is_dir() => node,
        Ok(_) => {
            skip::skipped(test, "what builds the extension is not installed");
            return None;
        }
        Err(reason) => {
            skip::skipped(test, &reason);
            return None;
        }
    };
    let extension = into.join("extension");
    std::fs::create_dir(&extension).unwrap();
    succeed(Command::new("cp").arg("-r").args(sources()).arg(&extension));
    std::os::unix::fs::symlink(packages, extension.join("node_modules")).unwrap();
    let run = |script: &[&str]| succeed(Command::new(&node).args(script).current_dir(&extension));
    run(&["node_modules/typescript/bin/tsc", "--noEmit"]);
    run(&["build.mjs"]);
    std::fs::create_dir_all(extension.join("server")).unwrap();
    std::os::unix::fs::symlink(layerc::program(), extension.join("server/layerc")).unwrap();
    Some(extension)
}

/// What the extension is made of, without what whoever packaged it here has left.
fn sources() -> Vec<PathBuf> {
    let is_left = |path: &PathBuf| {
        path.ends_with("node_modules")
            || path.ends_with("server")
            || path.extension().is_some_and(|kind| kind == "vsix")
    };
    let entries = std::fs::read_dir(root().join("editors/vscode")).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| !is_left(path)).collect()
}

fn succeed(command: &mut Command) {
    let outcome = Outcome::of(command);
    assert!(outcome.status.success(), "{command:?}: {}", outcome.everything());
}

/// The example with a broken line in one file, and a layer whose step fails.
fn repository() -> Repository {
    let repository = Repository::new();
    let example = root().join("spec/examples/web-service/.");
    succeed(Command::new("cp").arg("-r").arg(example).arg(repository.path()));
    repository.write("failing/Layerfile", "FROM vm/ubuntu:22.04\nRUN false\n");
    let broken = repository.join("http-tests/Layerfile");
    let text = std::fs::read_to_string(&broken).unwrap();
    std::fs::write(broken, text + "RUNN this\n").unwrap();
    repository
}

#[test]
fn the_extension_works_in_vs_code() {
    let test = "the extension in VS Code";
    let work = tempfile::tempdir().unwrap();
    let Some(extension) = build(test, work.path()) else { return };
    let missing = ["code-server", "chromium"].into_iter().find_map(|name| program(name).err());
    if let Some(reason) = missing {
        return skip::skipped(test, &reason);
    }
    let repository = repository();
    let pictures = folder().join("screenshots");
    std::fs::create_dir_all(&pictures).unwrap();
    let mut drive = command(&program("node").unwrap(), work.path());
    drive
        .arg(root().join("tests/editors/vscode/drive.mjs"))
        .arg(folder().join("bin"))
        .arg(extension)
        .arg(root().join("tests/editors/vscode/suite.js"))
        .args([repository.path(), work.path(), &pictures])
        .env("LAYERC_WORK", work.path());
    let outcome = Outcome::of(&mut drive);
    assert!(outcome.status.success(), "{}", outcome.everything());
    assert!(
        outcome.stdout.contains("ok      the server can be restarted"),
        "{}",
        outcome.everything()
    );
}

#[test]
fn the_packaged_extension_is_small_and_can_be_installed() {
    let test = "the packaged extension";
    let work = tempfile::tempdir().unwrap();
    let Some(extension) = build(test, work.path()) else { return };
    let server = stripped_server(work.path());
    let path = format!("{}:{}", folder().join("bin").display(), std::env::var("PATH").unwrap());
    let mut package = command(&extension.join("package-extension"), work.path());
    succeed(package.env("PATH", path).env("LAYERC_SERVER", &server).env("LAYERC_ROOT", root()));
    let mut made = std::fs::read_dir(&extension).unwrap().map(|entry| entry.unwrap().path());
    let vsix = made.find(|path| path.extension().is_some_and(|kind| kind == "vsix")).unwrap();
    check_sizes(bytes(&vsix), bytes(&server));
    match program("code-server") {
        Ok(code) => check_installation(&code, &vsix, work.path()),
        Err(reason) => skip::skipped("installing the extension", &reason),
    }
}

/// What is shipped is built for size; the program under test is not, so one that is too large is told, not failed.
fn check_sizes(extension: u64, server: u64) {
    if server > MAX_SERVER_BYTES || extension > MAX_EXTENSION_BYTES {
        let reason = format!(
            "with the server under test ({server} bytes) it has {extension} bytes; \
             `editors/vscode/package-extension` builds the one that is shipped"
        );
        skip::skipped("the size of the extension", &reason);
    }
}

/// The program under test without its symbols.
fn stripped_server(work: &Path) -> PathBuf {
    let server = work.join("layerc");
    succeed(Command::new("strip").arg("-o").arg(&server).arg(layerc::program()));
    server
}

fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

fn check_installation(code: &Path, vsix: &Path, work: &Path) {
    let extensions = work.join("extensions");
    let installed = |arguments: &[&str]| {
        let mut command = command(code, work);
        command.args(arguments).arg("--extensions-dir").arg(&extensions);
        Outcome::of(command.arg("--accept-server-license-terms"))
    };
    let install = installed(&["--install-extension", vsix.to_str().unwrap()]);
    assert!(install.status.success(), "{}", install.everything());
    let list = installed(&["--list-extensions"]);
    assert!(list.stdout.contains("layerc.layerfile"), "{}", list.everything());
    let found = Outcome::of(Command::new("find").arg(&extensions).args([
        "-path",
        "*server/layerc",
        "-perm",
        "-u+x",
    ]));
    assert!(!found.stdout.is_empty(), "the server that was installed can't be started");
}
