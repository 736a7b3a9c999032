//! The lab of `tests/kvm-lab`, where virtual machines run without hardware of their own: its parts, and commands that run a
//! program in it.
//!
//! Knows nothing of what runs there.

use crate::layerc::program;
use crate::project_files::root;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Exit status of the lab's scripts where something is missing; the line that says what is in their output.
pub const MISSING: i32 = 3;

/// Where the lab's parts are, once `tests/kvm-lab/prepare` has made them.
#[must_use]
pub fn parts() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    target.map_or_else(|| root().join("target"), PathBuf::from).join("kvm-lab/parts")
}

/// A file or program of this machine, and where the lab has it.
#[must_use]
pub fn pair(from: &Path, to: &str) -> String {
    format!("{}:{to}", from.display())
}

/// One of the scripts that make the lab's parts.
#[must_use]
pub fn preparing(script: &str) -> Command {
    Command::new(root().join("tests/kvm-lab").join(script))
}

/// The command that boots the lab; what it is given and what it runs are still to be added.
#[must_use]
pub fn booting() -> Command {
    let mut lab = Command::new(root().join("tests/kvm-lab/lab"));
    lab.current_dir(root());
    lab
}

/// Gives the lab the program under test as `/bin/layerc`, and the small agent that was built with it beside that.
pub fn give_layerc(lab: &mut Command) {
    let program = program();
    lab.args(["--program", &pair(program, "bin/layerc")]);
    let agent = program.with_file_name("layerc-agent");
    if agent.is_file() {
        lab.args(["--program", &pair(&agent, "bin/layerc-agent")]);
    }
}
