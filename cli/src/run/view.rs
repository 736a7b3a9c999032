//! Turns events into what the user sees: one of three views, and at the end the summary they share.

use super::grouped::{Dialect, Grouped};
use super::listeners::Listener;
use super::live::Live;
use super::plain::Plain;
use super::{prompt, waiting};
use crate::terminal;
use crate::wording;
use anyhow::Result;
use clap::ValueEnum;
use layerc_executor::event::{Event, TimedEvent};
use std::io::{IsTerminal, Write};

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Moving lines on a terminal, else plain
    Auto,
    /// Lines for a log
    Plain,
    /// The log of a GitHub workflow: a group for each step [in one: what auto means]
    Github,
    /// The log of a GitLab job: a section for each step [in one: what auto means]
    Gitlab,
    /// Every event as a line of JSON
    Json,
}

/// See the module.
pub(super) enum View {
    Live(Live),
    Plain(Plain),
    Grouped(Grouped),
    Json,
}

impl View {
    /// `live` makes the view for a terminal, which only that needs.
    pub(super) fn new(format: Format, live: impl FnOnce() -> Live) -> Self {
        let is_terminal = std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
        match (format, Dialect::detected()) {
            (Format::Json, _) => Self::Json,
            (Format::Github, _) => Self::Grouped(Grouped::new(Dialect::GitHub)),
            (Format::Gitlab, _) => Self::Grouped(Grouped::new(Dialect::GitLab)),
            (Format::Auto, _) if is_terminal => Self::Live(live()),
            (Format::Auto, Some(dialect)) => Self::Grouped(Grouped::new(dialect)),
            (Format::Auto, None) | (Format::Plain, _) => Self::Plain(Plain::default()),
        }
    }
}

impl Listener for View {
    fn hear(&mut self, timed: &TimedEvent) {
        // A reader that went away is no reason to stop the run.
        let _closed = match self {
            Self::Json => json(timed),
            Self::Plain(plain) => plainly(timed, |output| plain.show(timed, output)),
            Self::Grouped(grouped) => exactly(timed, |output| grouped.show(timed, output)),
            Self::Live(live) => {
                live.show(timed);
                tell(timed, |line| live.above(line))
            }
        };
    }
}

fn json(timed: &TimedEvent) -> Result<()> {
    let mut output = std::io::stdout().lock();
    serde_json::to_writer(&mut output, timed)?;
    output.write_all(b"\n")?;
    Ok(output.flush()?)
}

fn plainly(timed: &TimedEvent, show: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut output = anstream::stdout().lock();
    show(&mut output)?;
    output.flush()?;
    drop(output);
    tell(timed, |line| terminal::tell(&format!("{line}\n")))
}

/// The same with its marks for the service, which a log would otherwise lose like colours.
fn exactly(timed: &TimedEvent, show: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut output = std::io::stdout().lock();
    show(&mut output)?;
    output.flush()?;
    drop(output);
    tell(timed, |line| terminal::tell(&format!("{line}\n")))
}

/// What both views for people say in the same words.
fn tell(timed: &TimedEvent, say: impl Fn(&str)) -> Result<()> {
    let (notice, bad) = (wording::NOTICE, wording::BAD);
    match &timed.event {
        Event::Note { text } => say(&format!("note: {text}")),
        Event::Warning { runner: Some(runner), text } => {
            say(&format!("{notice}warning:{notice:#} {runner}: {text}"));
        }
        Event::Warning { runner: None, text } => say(&format!("{notice}warning:{notice:#} {text}")),
        Event::BackgroundEnded { runner, step, result, log } => {
            let text = wording::background_ended(step, result, log);
            say(&format!("{notice}warning:{notice:#} {runner}: {text}"));
        }
        Event::RunnerFailed { runner, text } => say(&format!("{bad}{runner}:{bad:#} {text}")),
        Event::RunFinished { outcome, steps_run, steps_cached, runners } => {
            let last = wording::outcome(*outcome, *steps_run, *steps_cached, timed.elapsed_ms);
            terminal::print(&(wording::summary(runners) + &last))?;
        }
        Event::ButtonAsked { runner, number, message, .. } => {
            let message = waiting::message(message);
            let invitation = if prompt::is_possible() { prompt::INVITATION } else { "" };
            say(&format!("{notice}BUTTON {number}{notice:#} of {runner}: {message} {invitation}"));
        }
        Event::ButtonPressed { runner, number, by } => {
            say(&format!("BUTTON {number} of {runner}: pressed by {by}"));
        }
        Event::Exposed { runner, address } => say(&wording::exposed(runner, address)),
        Event::Serving {} => say("everything is done; what is exposed stays up until Ctrl-C"),
        Event::MachineAsleep { runner } => {
            say(&format!("{runner}: nobody connects; its machine sleeps until somebody does"));
        }
        Event::MachineAwake { runner, duration_ms } => {
            let duration = wording::duration(*duration_ms);
            say(&format!("{runner}: somebody connects; its machine is up again after {duration}"));
        }
        Event::RunStarted { run, .. } => say(&format!("run {run}")),
        Event::RunnerChanged { .. }
        | Event::BasePreparing { .. }
        | Event::StepCached { .. }
        | Event::StepSet { .. }
        | Event::StepStarted { .. }
        | Event::Output { .. }
        | Event::LateOutput { .. }
        | Event::StepFinished { .. } => {}
    }
    Ok(())
}
