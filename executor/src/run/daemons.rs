//! What steps left running in a machine, and which step it was: their output and their end are told under its name,
//! whoever has the machine by then.

use super::context::Context;
use super::output::StepOutput;
use super::perform::result_of;
use crate::backend::{Heard, Stream};
use crate::event::{Event, OutputStream, StepInfo};
use std::collections::BTreeMap;

/// Lines of a log that are told when something has ended badly.
const LOG_LINES: usize = 20;

/// Most bytes of them.
const LOG_LIMIT_BYTES: usize = 8 << 10;

/// By the number of the command that started them.
#[derive(Default)]
pub(super) struct Daemons(BTreeMap<u32, Daemon>);

/// What one command left running.
struct Daemon {
    runner: String,
    step: StepInfo,
    /// The end of what the command itself printed.
    before: String,
    /// What came later.
    output: StepOutput,
}

impl Daemons {
    /// Notes whose command this was, and what it printed while it was waited for.
    pub(super) fn note(
        &mut self,
        command: u32,
        (context, runner, step): (&Context<'_>, &str, &StepInfo),
        printed: &[u8],
    ) {
        let daemon = Daemon {
            runner: runner.to_owned(),
            step: step.clone(),
            before: last_lines(&String::from_utf8_lossy(printed)),
            output: StepOutput::new(context.secrets),
        };
        self.0.insert(command, daemon);
    }

    /// Nothing runs any more.
    pub(super) fn forget(&mut self, context: &Context<'_>) {
        for (_, mut daemon) in std::mem::take(&mut self.0) {
            daemon.finish(context);
        }
    }

    /// Tells the world. What the command of the moment prints is nothing of this.
    pub(super) fn hear(&mut self, context: &Context<'_>, heard: Heard<'_>) {
        match heard {
            Heard::Output(..) | Heard::Late { stream: Stream::Answer, .. } => {}
            Heard::Late { command, stream, bytes } => {
                let stream = match stream {
                    Stream::Stdout => OutputStream::Stdout,
                    Stream::Stderr | Stream::Answer => OutputStream::Stderr,
                };
                if let Some(daemon) = self.0.get_mut(&command) {
                    let text = daemon.output.push(stream, bytes);
                    daemon.say(context, stream, text);
                }
            }
            Heard::BackgroundEnded { command, end } => {
                let Some(mut daemon) = self.0.remove(&command) else { return };
                daemon.finish(context);
                let Daemon { runner, step, before, output } = daemon;
                let log = before + &String::from_utf8_lossy(&output.into_kept());
                let (result, log) = (result_of(end), last_lines(&log));
                context.emit(Event::BackgroundEnded { runner, step, result, log });
            }
        }
    }
}

impl Daemon {
    fn finish(&mut self, context: &Context<'_>) {
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            let text = self.output.finish(stream);
            self.say(context, stream, text);
        }
    }

    fn say(&self, context: &Context<'_>, stream: OutputStream, text: Option<String>) {
        let Some(text) = text else { return };
        let (runner, step) = (self.runner.clone(), self.step.clone());
        context.emit(Event::LateOutput { runner, step, stream, text });
    }
}

fn last_lines(text: &str) -> String {
    let start = text.ceil_char_boundary(text.len().saturating_sub(LOG_LIMIT_BYTES));
    let text = text.get(start..).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(LOG_LINES);
    lines.get(first..).unwrap_or_default().iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_end_where_they_end() {
        assert_eq!(last_lines(""), "");
        assert_eq!(last_lines("a\nb"), "a\nb\n");
        let many: String = (0..100).map(|number| format!("{number}\n")).collect();
        assert!(last_lines(&many).starts_with("80\n") && last_lines(&many).ends_with("99\n"));
        assert!(last_lines(&"ü".repeat(100_000)).len() <= LOG_LIMIT_BYTES + 1);
    }
}
