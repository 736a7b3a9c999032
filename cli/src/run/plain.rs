//! The view for logs: lines as they come, with a heading whenever another step speaks.

use super::unkept::Unkept;
use crate::wording;
use anyhow::Result;
use layerc_executor::event::{Event, StepInfo, TimedEvent};
use std::collections::HashMap;
use std::io::Write;

/// A step that speaks.
struct Speaking {
    step: StepInfo,
    /// The beginning of a line whose end hasn't come yet.
    partial: String,
}

/// See the module.
#[derive(Default)]
pub(super) struct Plain {
    steps: HashMap<String, Speaking>,
    /// The beginnings of lines of what steps left running, by runner and number of the step.
    late: HashMap<(String, u32), String>,
    /// Whose lines stand last.
    last: Option<String>,
    unkept: Unkept,
}

impl Plain {
    /// Shows an event.
    pub(super) fn show(&mut self, timed: &TimedEvent, output: &mut dyn Write) -> Result<()> {
        match &timed.event {
            Event::StepStarted { runner, step, reason, .. } => {
                let style = wording::DIM;
                writeln!(output, "{}  {style}({reason}){style:#}", wording::step(runner, step))?;
                self.last = Some(runner.clone());
                let speaking = Speaking { step: step.clone(), partial: String::new() };
                self.steps.insert(runner.clone(), speaking);
            }
            Event::StepCached { runner, step, .. } => {
                self.pass_by(runner, step, "  (cached)", output)?;
            }
            Event::StepSet { runner, step } => self.pass_by(runner, step, "", output)?,
            Event::Output { runner, text, .. } => self.say(runner, text, output)?,
            Event::StepFinished { runner, step, result, duration_ms, snapshot, .. } => {
                self.say_rest(runner, output)?;
                writeln!(
                    output,
                    "{}  {}",
                    wording::step(runner, step),
                    wording::result(result, *duration_ms)
                )?;
                if let Some(text) = self.unkept.news(runner, snapshot) {
                    writeln!(output, "{runner}: {text}")?;
                }
                self.last = Some(runner.clone());
                self.steps.remove(runner);
            }
            Event::LateOutput { runner, step, text, .. } => {
                self.say_late(runner, step, text, output)?;
            }
            Event::BasePreparing { image, text } => writeln!(output, "{image}: {text}")?,
            Event::RunStarted { .. }
            | Event::RunnerChanged { .. }
            | Event::ButtonAsked { .. }
            | Event::ButtonPressed { .. }
            | Event::Exposed { .. }
            | Event::Serving {}
            | Event::MachineAsleep { .. }
            | Event::MachineAwake { .. }
            | Event::Note { .. }
            | Event::Warning { .. }
            | Event::BackgroundEnded { .. }
            | Event::RunnerFailed { .. }
            | Event::RunFinished { .. } => {}
        }
        Ok(())
    }

    /// A step that needs no machine.
    fn pass_by(
        &mut self,
        runner: &str,
        step: &StepInfo,
        mark: &str,
        output: &mut dyn Write,
    ) -> Result<()> {
        let style = wording::DIM;
        writeln!(output, "{style}{runner} {} {}{mark}{style:#}", step.number, step.text)?;
        self.last = Some(runner.to_owned());
        Ok(())
    }

    fn say(&mut self, runner: &str, text: &str, output: &mut dyn Write) -> Result<()> {
        let Some(speaking) = self.steps.get_mut(runner) else { return Ok(()) };
        speaking.partial.push_str(text);
        let Some(end) = speaking.partial.rfind('\n') else { return Ok(()) };
        let rest = speaking.partial.split_off(end + 1);
        let lines = std::mem::replace(&mut speaking.partial, rest);
        let step = speaking.step.clone();
        self.write_lines(runner, &step, &lines, output)
    }

    /// Whole lines of something that a step left running, under the name of that step.
    fn say_late(
        &mut self,
        runner: &str,
        step: &StepInfo,
        text: &str,
        output: &mut dyn Write,
    ) -> Result<()> {
        let partial = self.late.entry((runner.to_owned(), step.number)).or_default();
        partial.push_str(text);
        let Some(end) = partial.rfind('\n') else { return Ok(()) };
        let rest = partial.split_off(end + 1);
        let lines = std::mem::replace(partial, rest);
        writeln!(output, "{}  (still running)", wording::step(runner, step))?;
        // Whoever speaks next is named again.
        self.last = None;
        lines.lines().try_for_each(|line| Ok(writeln!(output, "  | {line}")?))
    }

    fn say_rest(&mut self, runner: &str, output: &mut dyn Write) -> Result<()> {
        let Some(speaking) = self.steps.get_mut(runner) else { return Ok(()) };
        let lines = std::mem::take(&mut speaking.partial);
        let step = speaking.step.clone();
        self.write_lines(runner, &step, &lines, output)
    }

    fn write_lines(
        &mut self,
        runner: &str,
        step: &StepInfo,
        lines: &str,
        output: &mut dyn Write,
    ) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        if self.last.as_deref() != Some(runner) {
            writeln!(output, "{}", wording::step(runner, step))?;
            self.last = Some(runner.to_owned());
        }
        for line in lines.lines() {
            writeln!(output, "  | {line}")?;
        }
        Ok(())
    }
}
