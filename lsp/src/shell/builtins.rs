//! The commands that bash has in itself, each in a sentence: for colours, completion and hovers.

/// A command of bash itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Builtin {
    /// How it is written.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// The builtin `name`.
pub fn builtin(name: &str) -> Option<&'static Builtin> {
    let index = BUILTINS.binary_search_by_key(&name, |builtin| builtin.name);
    index.ok().and_then(|index| BUILTINS.get(index))
}

/// Shorthand for the table.
const fn entry(name: &'static str, doc: &'static str) -> Builtin {
    Builtin { name, doc }
}

/// All of them that a script may use, sorted.
pub const BUILTINS: &[Builtin] = &[
    entry(".", "Runs the commands of a file in this shell."),
    entry(":", "Does nothing and succeeds."),
    entry("[", "Tests a condition: `[ -f file ]`."),
    entry(
        "alias",
        "Gives a command another name; scripts ignore it unless `expand_aliases` is set.",
    ),
    entry("bg", "Lets a stopped job go on in the background."),
    entry("break", "Leaves a loop."),
    entry("builtin", "Runs a builtin even where a function has its name."),
    entry("cd", "Changes the directory of this RUN alone; for later steps there is WORKDIR."),
    entry(
        "command",
        "Runs a program even where a function has its name; `command -v NAME` tells whether there is one.",
    ),
    entry("continue", "Goes on with the next round of a loop."),
    entry("declare", "Gives a variable of this RUN attributes."),
    entry("dirs", "Lists the directories that `pushd` remembers."),
    entry(
        "disown",
        "Forgets a job, so that it is not ended with the shell; for later steps there is RUN BACKGROUND.",
    ),
    entry("echo", "Prints its arguments."),
    entry("enable", "Turns builtins on and off."),
    entry("eval", "Runs its arguments as a command."),
    entry("exec", "Becomes another program, or redirects the rest of this RUN."),
    entry("exit", "Ends this RUN; with anything but 0 the step fails."),
    entry(
        "export",
        "Hands a variable to programs of this RUN alone; for later steps there is ENV.",
    ),
    entry("false", "Does nothing and fails."),
    entry("fg", "Brings a job to the front."),
    entry("getopts", "Reads options one by one."),
    entry("hash", "Remembers or forgets where programs are."),
    entry("help", "Explains builtins."),
    entry("jobs", "Lists the jobs of this shell."),
    entry("kill", "Sends a signal to a process."),
    entry("let", "Computes."),
    entry("local", "Makes a variable of a function."),
    entry("mapfile", "Reads lines into an array."),
    entry("popd", "Goes back to the directory that `pushd` left."),
    entry("printf", "Prints by a format."),
    entry("pushd", "Changes the directory and remembers the old one."),
    entry("pwd", "Prints the directory."),
    entry("read", "Reads a line into variables."),
    entry("readarray", "Reads lines into an array."),
    entry("readonly", "Makes a variable that can't change."),
    entry("return", "Leaves a function or a sourced file."),
    entry("set", "Sets options of this shell: `set -euo pipefail`."),
    entry("shift", "Drops the first argument."),
    entry("shopt", "Sets bash's own options."),
    entry(
        "source",
        "Runs the commands of a file in this shell; for later steps there is SETUP FILE.",
    ),
    entry("test", "Tests a condition."),
    entry("times", "Prints the time that the shell has used."),
    entry("trap", "Runs a command at a signal or at the end of this RUN."),
    entry("true", "Does nothing and succeeds."),
    entry("type", "Tells what a name stands for."),
    entry("typeset", "Gives a variable of this RUN attributes."),
    entry("ulimit", "Sets limits of this shell and its programs."),
    entry("umask", "Sets what new files are not permitted."),
    entry("unalias", "Takes an alias back."),
    entry("unset", "Takes a variable or function away."),
    entry("wait", "Waits for jobs of this RUN; for other layers there is WAIT."),
];

#[cfg(test)]
mod tests {
    use super::{BUILTINS, builtin};

    #[test]
    fn each_is_found_by_its_name() {
        assert!(BUILTINS.is_sorted_by_key(|builtin| builtin.name));
        for known in BUILTINS {
            assert_eq!(builtin(known.name), Some(known));
        }
        assert_eq!(builtin("npm"), None);
    }
}
