//! What Docker keeps for a stage besides its files, and how to bring a Layerfile's machine into that state.

use super::output::Output;
use super::starting::Starting;
use super::variables::Variables;

/// Directory of a stage that names none. A Layerfile starts in `/root`.
const DOCKER_DIRECTORY: &str = "/";

/// The user of a stage that names none.
const DOCKER_USER: &str = "root";

/// The shell that RUN uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shell {
    /// A shell without options.
    Plain,
    /// A shell of the same family as bash, with these arguments of `set`.
    Options(String),
    /// Another program, with its arguments.
    Program(Vec<String>),
}

/// The state at one point of a stage.
#[derive(Debug, Clone)]
pub(super) struct StageState {
    /// Known variables.
    pub(super) variables: Variables,
    /// WORKDIR; absolute if it is known to be.
    pub(super) directory: String,
    /// USER.
    pub(super) user: String,
    /// SHELL.
    pub(super) shell: Shell,
    /// CMD and its kin.
    pub(super) starting: Starting,
}

impl Default for StageState {
    fn default() -> Self {
        Self {
            variables: Variables::default(),
            directory: DOCKER_DIRECTORY.to_owned(),
            user: DOCKER_USER.to_owned(),
            shell: Shell::Plain,
            starting: Starting::default(),
        }
    }
}

/// The state that the Layerfile's machine is in.
#[derive(Debug)]
pub(super) struct Machine {
    directory: String,
    user: String,
}

impl Default for Machine {
    fn default() -> Self {
        Self { directory: "/root".to_owned(), user: DOCKER_USER.to_owned() }
    }
}

impl Machine {
    /// Writes what is needed before an instruction that depends on directory and user.
    pub(super) fn bring_to(&mut self, state: &StageState, line: u32, output: &mut Output) {
        self.bring_to_directory(state, line, output);
        if self.user != state.user {
            self.user.clone_from(&state.user);
            output.instruction(line, &format!("USER {}", self.user));
        }
    }

    /// Writes what is needed before an instruction that depends on the directory alone.
    pub(super) fn bring_to_directory(
        &mut self,
        state: &StageState,
        line: u32,
        output: &mut Output,
    ) {
        if self.directory != state.directory {
            self.directory.clone_from(&state.directory);
            output.instruction(line, &format!("WORKDIR {}", self.directory));
        }
    }

    /// Writes what a command needs that only root may do. Files are still found in the directory.
    pub(super) fn bring_to_root(&mut self, state: &StageState, line: u32, output: &mut Output) {
        let root = StageState { user: DOCKER_USER.to_owned(), ..state.clone() };
        self.bring_to(&root, line, output);
    }
}
