//! The view for logs that fold: each step that ran is a group of lines, whole and in one piece, because runners that
//! work side by side would mix. A step is named when it begins; what it printed comes when it ends.

use crate::wording;
use anyhow::Result;
use layerc_executor::event::{Event, StepInfo, StepResult, TimedEvent};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// Whose log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    GitHub,
    GitLab,
}

impl Dialect {
    /// The service that this process runs in, by the variables it sets.
    pub(super) fn detected() -> Option<Self> {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| value == "true");
        if is_set("GITHUB_ACTIONS") {
            Some(Self::GitHub)
        } else if is_set("GITLAB_CI") {
            Some(Self::GitLab)
        } else {
            None
        }
    }
}

/// See the module.
pub(super) struct Grouped {
    dialect: Dialect,
    outputs: HashMap<String, String>,
    /// What steps left running printed since a group was written, by the group's title.
    late: BTreeMap<String, String>,
    groups: u32,
}

impl Grouped {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, outputs: HashMap::new(), late: BTreeMap::new(), groups: 0 }
    }

    /// Shows an event.
    pub(super) fn show(&mut self, timed: &TimedEvent, output: &mut dyn Write) -> Result<()> {
        match &timed.event {
            Event::StepStarted { runner, step, reason, .. } => {
                writeln!(output, "{runner} {} {} ({reason})", step.number, step.text)?;
                self.outputs.insert(runner.clone(), String::new());
            }
            Event::StepCached { runner, step, .. } => {
                writeln!(output, "{runner} {} {} (cached)", step.number, step.text)?;
            }
            Event::StepSet { runner, step } => {
                writeln!(output, "{runner} {} {}", step.number, step.text)?;
            }
            Event::Output { runner, text, .. } => {
                self.outputs.entry(runner.clone()).or_default().push_str(text);
            }
            Event::StepFinished { runner, step, result, duration_ms, .. } => {
                let text = self.outputs.remove(runner).unwrap_or_default();
                let how = wording::result(result, *duration_ms);
                let how = anstream::adapter::strip_str(&how).to_string();
                let title = format!("{runner} {} {}: {how}", step.number, step.text);
                self.group(&title, &text, *result == StepResult::Success, output)?;
                if *result != StepResult::Success && *result != StepResult::Cancelled {
                    self.complain("error", step, &title, output)?;
                }
                self.show_late(output)?;
            }
            Event::LateOutput { runner, step, text, .. } => {
                let title = format!("{runner} {} {}: still running", step.number, step.text);
                self.late.entry(title).or_default().push_str(text);
            }
            Event::BackgroundEnded { runner, step, result, log } => {
                self.show_late(output)?;
                let text = wording::background_ended(step, result, log);
                self.complain("warning", step, &format!("{runner}: {text}"), output)?;
            }
            Event::RunFinished { .. } => self.show_late(output)?,
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
            | Event::RunnerFailed { .. } => {}
        }
        Ok(())
    }

    fn show_late(&mut self, output: &mut dyn Write) -> Result<()> {
        for (title, text) in std::mem::take(&mut self.late) {
            self.group(&title, &text, true, output)?;
        }
        Ok(())
    }

    /// Lines under a title. What went wrong is left open, where the service can do that.
    fn group(
        &mut self,
        title: &str,
        text: &str,
        is_good: bool,
        output: &mut dyn Write,
    ) -> Result<()> {
        self.groups += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let name = format!("layerc_{}", self.groups);
        match self.dialect {
            Dialect::GitHub => writeln!(output, "::group::{title}")?,
            Dialect::GitLab => {
                let folded = if is_good { "[collapsed=true]" } else { "" };
                writeln!(output, "\x1b[0Ksection_start:{now}:{name}{folded}\r\x1b[0K{title}")?;
            }
        }
        for line in text.lines() {
            writeln!(output, "{}", self.harmless(line))?;
        }
        match self.dialect {
            Dialect::GitHub => writeln!(output, "::endgroup::")?,
            Dialect::GitLab => writeln!(output, "\x1b[0Ksection_end:{now}:{name}\r\x1b[0K")?,
        }
        Ok(())
    }

    /// A line of a step that can't be taken for a command to the service.
    fn harmless(&self, line: &str) -> String {
        let line = line.trim_end_matches('\r');
        match self.dialect {
            Dialect::GitHub if line.trim_start().starts_with("::") => format!("\u{200b}{line}"),
            Dialect::GitLab => line
                .replace("section_start:", "section_start :")
                .replace("section_end:", "section_end :"),
            Dialect::GitHub => line.to_owned(),
        }
    }

    fn complain(
        &self,
        level: &str,
        step: &StepInfo,
        title: &str,
        output: &mut dyn Write,
    ) -> Result<()> {
        match self.dialect {
            Dialect::GitHub => {
                let text = title.replace('%', "%25").replace('\n', "%0A");
                let StepInfo { layerfile, line, .. } = step;
                Ok(writeln!(output, "::{level} file={layerfile},line={line}::{text}")?)
            }
            Dialect::GitLab => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_gives_the_service_no_commands() {
        let github = Grouped::new(Dialect::GitHub);
        assert!(!github.harmless("  ::set-output name=x::y").trim_start().starts_with("::"));
        assert_eq!(github.harmless("a::b"), "a::b");
        let gitlab = Grouped::new(Dialect::GitLab);
        assert!(!gitlab.harmless("\x1b[0Ksection_end:1:layerc_1").contains("section_end:"));
    }
}
