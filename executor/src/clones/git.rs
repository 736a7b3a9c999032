//! The git program, as CLONE uses it: it never asks anybody, runs no hook, and is ended when the run is.

use super::{CloneError, said};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Ends a running git.
pub type Stopper = Box<dyn Fn() + Send + Sync>;

/// Variables of a git that `layerc` may have been started by (a hook), which would lead this one astray.
const LEFT_OUT: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
];

/// Ways to reach a repository. `ext::` would run any command.
const PROTOCOLS: &str = "file:git:http:https:ssh";

/// Where fetched commits are noted.
const NOTED: &str = "refs/layerc/fetched";

/// What another repository has.
#[derive(Debug, Default)]
pub(super) struct Remote {
    /// Branches and their commits.
    pub(super) branches: BTreeMap<String, String>,
    /// The commit of its own choice.
    pub(super) head: Option<String>,
}

/// See the module.
pub(super) struct Git<'run> {
    /// Where relative paths begin.
    pub(super) root: &'run Path,
    /// Its objects.
    pub(super) objects: PathBuf,
    pub(super) stopper: &'run dyn Fn(Stopper),
}

impl Git<'_> {
    /// The heads of another repository.
    pub(super) fn list(&self, address: &str, url: &str) -> Result<Remote, CloneError> {
        let output =
            self.run(self.command().args(["ls-remote", "--", address, "HEAD", "refs/heads/*"]))?;
        if !output.status.success() {
            return Err(unreachable(url, &output));
        }
        let mut remote = Remote::default();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Some((commit, name)) = line.split_once('\t').filter(|(commit, _)| is_hash(commit))
            else {
                continue;
            };
            if name == "HEAD" {
                remote.head = Some(commit.to_owned());
            } else if let Some(branch) = name.strip_prefix("refs/heads/") {
                remote.branches.insert(branch.to_owned(), commit.to_owned());
            }
        }
        Ok(remote)
    }

    /// Fetches one commit, without what came before it.
    pub(super) fn fetch(
        &self,
        address: &str,
        url: &str,
        reference: &str,
    ) -> Result<(), CloneError> {
        if !self.objects.is_dir() {
            let mut init = self.command();
            init.args(["init", "--quiet", "--bare", "--template=", "--"]).arg(&self.objects);
            self.succeed(&mut init, "make a place for fetched commits")?;
        }
        let mut fetch = self.command();
        fetch.arg("--git-dir").arg(&self.objects);
        fetch.args([
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-auto-gc",
            "--no-write-fetch-head",
            "--",
        ]);
        let output = self.run(fetch.arg(address).arg(format!("+{reference}:{NOTED}")))?;
        if output.status.success() { Ok(()) } else { Err(unreachable(url, &output)) }
    }

    /// Writes the files of a fetched commit into an empty directory.
    pub(super) fn write_tree(&self, commit: &str, directory: &Path) -> Result<(), CloneError> {
        let index = directory.with_extension("index");
        let git = |arguments: &[&str]| {
            let mut command = self.command();
            command.arg("--git-dir").arg(&self.objects).arg("--work-tree").arg(directory);
            command.env("GIT_INDEX_FILE", &index).current_dir(directory);
            command.args(["-c", "core.autocrlf=false", "-c", "core.symlinks=true"]).args(arguments);
            self.succeed(&mut command, "write the files of a fetched commit")
        };
        let written = git(&["read-tree", commit])
            .and_then(|()| git(&["checkout-index", "--all", "--force", "--quiet"]));
        let _ = std::fs::remove_file(&index);
        written
    }

    fn succeed(&self, command: &mut Command, action: &'static str) -> Result<(), CloneError> {
        let output = self.run(command)?;
        if output.status.success() {
            return Ok(());
        }
        Err(CloneError::Failed { action, said: said(&output.stderr) })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        for variable in LEFT_OUT {
            command.env_remove(variable);
        }
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", PROTOCOLS)
            .env("LC_ALL", "C")
            .current_dir(self.root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if std::env::var_os("GIT_SSH_COMMAND").is_none() {
            command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
        }
        command
    }

    fn run(&self, command: &mut Command) -> Result<Output, CloneError> {
        let child = command.spawn().map_err(CloneError::NoGit)?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        (self.stopper)(Box::new(move || {
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::KILL);
            }
        }));
        let output = child.wait_with_output();
        (self.stopper)(Box::new(|| {}));
        output.map_err(|error: io::Error| CloneError::NoGit(error))
    }
}

fn unreachable(url: &str, output: &Output) -> CloneError {
    CloneError::Unreachable { url: url.to_owned(), said: said(&output.stderr) }
}

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
