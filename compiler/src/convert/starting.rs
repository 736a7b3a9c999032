//! What a container does when it starts: CMD, ENTRYPOINT, EXPOSE and HEALTHCHECK of the last stage.
//!
//! A Layerfile starts its programs itself, so these become its last steps: the program in the background, then a step
//! that waits until it is healthy, then its website.

use super::commands::Command;
use super::machine::{Machine, StageState};
use super::output::Output;
use super::{quoting, words};

/// Programs that wait for somebody to type: starting them in the background would be of no use.
const INTERACTIVE: [&str; 11] =
    ["sh", "bash", "ash", "dash", "zsh", "python", "python3", "node", "irb", "iex", "jshell"];

/// Seconds that the check of a server's health may take.
const HEALTH_SECONDS: u32 = 120;

/// What a stage starts. Each comes with its line.
#[derive(Debug, Clone, Default)]
pub(super) struct Starting {
    /// ENTRYPOINT.
    pub(super) entry_point: Option<(u32, Command)>,
    /// CMD.
    pub(super) command: Option<(u32, Command)>,
    ports: Vec<(u32, String)>,
    health: Option<(u32, Command)>,
}

impl Starting {
    /// EXPOSE.
    pub(super) fn expose(&mut self, line: u32, arguments: &str) {
        self.ports.extend(arguments.split_whitespace().map(|port| (line, port.to_owned())));
    }

    /// HEALTHCHECK.
    pub(super) fn health_check(&mut self, line: u32, arguments: &str) {
        let (_, rest) = words::flags(arguments);
        let command = rest.strip_prefix("CMD").or_else(|| rest.strip_prefix("cmd"));
        self.health = command.and_then(Command::of).map(|command| (line, command));
    }

    /// A stage that starts from another one inherits its settings, but its ports belong to that one's lines.
    pub(super) fn forget_places(&mut self) {
        self.ports.sort();
        self.ports.dedup_by(|one, other| one.1 == other.1);
    }

    /// Writes the last steps.
    pub(super) fn write(&self, state: &StageState, machine: &mut Machine, output: &mut Output) {
        let Some((line, text)) = self.program() else {
            return self.write_unstarted(output);
        };
        output.gap();
        machine.bring_to(state, line, output);
        output.instruction(line, &format!("RUN BACKGROUND {text}"));
        if let Some((line, health)) = &self.health {
            // In brackets, because `exit` ends many checks and must end only the check.
            let check = format!("until ({}); do sleep 1; done", health.shell_text());
            let check = quoting::literal(&check);
            output.instruction(*line, &format!("RUN timeout {HEALTH_SECONDS} bash -c {check}"));
        }
        self.write_ports(state, output);
    }

    /// The program as shell text, if it is one that does something on its own.
    fn program(&self) -> Option<(u32, String)> {
        let words = |command: &Command| match command {
            Command::Words(words) => words.clone(),
            Command::Text(text) => vec!["/bin/sh".to_owned(), "-c".to_owned(), text.clone()],
        };
        let (line, text) = match (&self.entry_point, &self.command) {
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

    fn write_unstarted(&self, output: &mut Output) {
        for (line, command) in [&self.entry_point, &self.command].into_iter().flatten() {
            output.commented([format!("CMD {}", command.shell_text()).as_str()]);
            output.note(*line, "a shell in the background would do nothing, so it isn't started");
        }
        for (line, port) in &self.ports {
            output.commented([format!("EXPOSE {port}").as_str()]);
            output.note(*line, format!("nothing is started here that could answer on port {port}"));
        }
        if let Some((line, _)) = &self.health {
            output.note(
                *line,
                "HEALTHCHECK is left out: nothing is started here that it could check",
            );
        }
    }

    /// The first port is the website, further ones are forwarded.
    fn write_ports(&self, state: &StageState, output: &mut Output) {
        let mut website = None;
        for (line, port) in &self.ports {
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
}
