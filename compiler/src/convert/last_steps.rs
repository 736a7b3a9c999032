//! What starts with a container becomes the last steps of a Layerfile, which starts its programs itself: the program in
//! the background, then a step that waits until it is healthy, then its website.

use super::commands::Command;
use super::machine::{Machine, StageState};
use super::output::Output;
use super::quoting;
use super::starting::Starting;

/// Programs that wait for somebody to type: starting them in the background would be of no use.
const INTERACTIVE: [&str; 11] =
    ["sh", "bash", "ash", "dash", "zsh", "python", "python3", "node", "irb", "iex", "jshell"];

/// Seconds that the check of a server's health may take.
const HEALTH_SECONDS: u32 = 120;

/// Writes the last steps.
pub(super) fn write(state: &StageState, machine: &mut Machine, output: &mut Output) {
    let starting = &state.starting;
    let Some((line, text)) = program(starting) else {
        return write_unstarted(starting, output);
    };
    output.gap();
    machine.bring_to(state, line, output);
    output.instruction(line, &format!("RUN BACKGROUND {text}"));
    if let Some((line, health)) = &starting.health {
        // In brackets, because `exit` ends many checks and must end only the check.
        let check = format!("until ({}); do sleep 1; done", health.shell_text());
        let check = quoting::literal(&check);
        output.instruction(*line, &format!("RUN timeout {HEALTH_SECONDS} bash -c {check}"));
    }
    write_ports(state, output);
}

/// The program as shell text, if it is one that does something on its own.
fn program(starting: &Starting) -> Option<(u32, String)> {
    let words = |command: &Command| match command {
        Command::Words(words) => words.clone(),
        Command::Text(text) => vec!["/bin/sh".to_owned(), "-c".to_owned(), text.clone()],
    };
    let (line, text) = match (&starting.entry_point, &starting.command) {
        (Some((line, Command::Words(entry))), Some((_, command))) => {
            let all: Vec<String> = entry.iter().cloned().chain(words(command)).collect();
            (*line, quoting::command(&all))
        }
        (Some((line, entry)), _) => (*line, entry.shell_text()),
        (None, Some((line, command))) => (*line, command.shell_text()),
        (None, None) => return None,
    };
    let program = text.rsplit('/').next().unwrap_or_default();
    (!INTERACTIVE.contains(&program)).then_some((line, text))
}

fn write_unstarted(starting: &Starting, output: &mut Output) {
    for (line, command) in [&starting.entry_point, &starting.command].into_iter().flatten() {
        output.commented([format!("CMD {}", command.shell_text()).as_str()]);
        output.note(*line, "a shell in the background would do nothing, so it isn't started");
    }
    for (line, port) in &starting.ports {
        output.commented([format!("EXPOSE {port}").as_str()]);
        output.note(*line, format!("nothing is started here that could answer on port {port}"));
    }
    if let Some((line, _)) = &starting.health {
        output.note(*line, "HEALTHCHECK is left out: nothing is started here that it could check");
    }
}

/// The first port is the website, further ones are forwarded.
fn write_ports(state: &StageState, output: &mut Output) {
    let mut website = None;
    for (line, port) in &state.starting.ports {
        let expanded = state.variables.expand(port).unwrap_or_else(|_| port.clone());
        let number = expanded.strip_suffix("/tcp").unwrap_or(&expanded);
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            output.commented([format!("EXPOSE {port}").as_str()]);
            output.note(*line, format!("`{port}` is not one TCP port, so it can't be exposed"));
        } else if website.replace(number.to_owned()).is_none() {
            output.instruction(*line, &format!("EXPOSE WEBSITE localhost:{number}"));
            output.note(*line, format!("the machine now waits until port {number} answers"));
        } else {
            output.instruction_once(*line, &format!("EXPOSE TCP {number}"));
        }
    }
}
