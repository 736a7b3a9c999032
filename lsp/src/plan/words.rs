//! A machine in words, for hovers and tooltips: each value with a link to the line that set it.

use super::machine::{Machine, Place, Variable};
use std::fmt::Write as _;

/// Variables that are listed by name; of more, the rest is counted.
const SHOWN_VARIABLES: usize = 12;

/// Characters of a value that are shown.
const SHOWN_CHARACTERS: usize = 60;

/// `base/Layerfile:3`, as a Markdown link.
pub fn link(place: Place<'_>) -> String {
    let path = place.view.document.path();
    let line = line(place);
    format!("[{path}:{line}]({}#L{line})", place.view.document.uri().as_str())
}

/// `base/Layerfile:3`.
pub fn plain(place: Place<'_>) -> String {
    format!("{}:{}", place.view.document.path(), line(place))
}

fn line(place: Place<'_>) -> u32 {
    place.view.positions().position(place.span.start()).line + 1
}

/// A value that fits a line.
pub fn shortened(value: &str) -> String {
    let line = value.replace(['\n', '\r', '\t'], " ");
    if line.chars().count() <= SHOWN_CHARACTERS {
        return line;
    }
    let cut: String = line.chars().take(SHOWN_CHARACTERS - 1).collect();
    format!("{cut}…")
}

/// A value as Markdown code, whatever is in it.
fn code(value: &str) -> String {
    let fence = if value.contains('`') { "``" } else { "`" };
    let space = if value.starts_with('`') || value.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", shortened(value))
}

/// A machine as a Markdown list; empty if nothing is set.
pub fn machine(machine: &Machine<'_>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str, place: Place<'_>| {
        let _infallible = writeln!(text, "- {name} {} — {}", code(value), link(place));
    };
    if let Some(directory) = &machine.directory {
        line("WORKDIR", &directory.value, directory.place);
    }
    if let Some(user) = &machine.user {
        line("USER", &user.value, user.place);
    }
    if let Some((_, memory)) = &machine.memory {
        line("MEMORY", &memory.value, memory.place);
    }
    for file in &machine.setup_files {
        line("SETUP FILE", &file.value, file.place);
    }
    for (name, variable) in machine.variables.iter().take(SHOWN_VARIABLES) {
        match variable {
            Variable::Set(setting) => line(&format!("ENV {name}"), &setting.value, setting.place),
            Variable::Secret(place) => line("SECRET ENV", name, *place),
        }
    }
    let more = machine.variables.len().saturating_sub(SHOWN_VARIABLES);
    if more > 0 {
        let _infallible = writeln!(text, "- and {more} more variables");
    }
    text
}
