//! What a container does when it starts: CMD, ENTRYPOINT, EXPOSE and HEALTHCHECK of the last stage.
//!
//! Only remembers them; what they become in a Layerfile is written by `last_steps`.

use super::commands::Command;
use super::words;

/// What a stage starts. Each comes with its line.
#[derive(Debug, Clone, Default)]
pub(super) struct Starting {
    /// ENTRYPOINT.
    pub(super) entry_point: Option<(u32, Command)>,
    /// CMD.
    pub(super) command: Option<(u32, Command)>,
    /// EXPOSE, as it was written.
    pub(super) ports: Vec<(u32, String)>,
    /// HEALTHCHECK.
    pub(super) health: Option<(u32, Command)>,
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
        self.ports.sort_unstable();
        self.ports.dedup_by(|one, other| one.1 == other.1);
    }
}
