//! The view for a terminal: a moving line for every runner that works, finished steps above them.

use super::wording;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use layerc_executor::event::{Event, StepInfo, StepResult, TimedEvent};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Lines of a failed step's output that are shown again.
const TAIL_LINES: usize = 40;

/// How often the lines move.
const TICK: Duration = Duration::from_millis(100);

/// Width that an instruction gets in a line.
const INSTRUCTION_CHARACTERS: usize = 48;

struct Working {
    bar: ProgressBar,
    tail: VecDeque<String>,
    partial: String,
}

/// See the module.
pub(super) struct Live {
    lines: MultiProgress,
    working: HashMap<String, Working>,
}

impl Live {
    pub(super) fn new() -> Self {
        Self {
            lines: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12)),
            working: HashMap::new(),
        }
    }

    /// Shows an event.
    pub(super) fn show(&mut self, timed: &TimedEvent) {
        match &timed.event {
            Event::StepStarted { runner, step, .. } => self.begin(runner, step),
            Event::Output { runner, text, .. } => self.say(runner, text),
            Event::StepFinished { runner, step, result, duration_ms, snapshot, .. } => {
                self.end(runner, step, result, *duration_ms);
                if let Some(text) = wording::snapshot(snapshot) {
                    self.above(&format!("{runner}: {text}"));
                }
            }
            Event::BasePreparing { image, text } => self.above(&format!("{image}: {text}")),
            Event::RunFinished { .. } => {
                let _no_terminal = self.lines.clear();
            }
            Event::RunStarted { .. }
            | Event::RunnerChanged { .. }
            | Event::ButtonAsked { .. }
            | Event::ButtonPressed { .. }
            | Event::StepCached { .. }
            | Event::StepSet { .. }
            | Event::Note { .. }
            | Event::Warning { .. }
            | Event::RunnerFailed { .. } => {}
        }
    }

    /// Writes a line above the moving ones.
    pub(super) fn above(&self, line: &str) {
        let _no_terminal = self.lines.println(line);
    }

    fn begin(&mut self, runner: &str, step: &StepInfo) {
        let bar = self.lines.add(ProgressBar::new_spinner());
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {prefix} {elapsed:>4} {wide_msg:.dim}")
        {
            bar.set_style(style);
        }
        let instruction = wording::shortened(&step.text, INSTRUCTION_CHARACTERS);
        bar.set_prefix(format!("{runner} {} {instruction}", step.number));
        bar.enable_steady_tick(TICK);
        self.working.insert(
            runner.to_owned(),
            Working { bar, tail: VecDeque::new(), partial: String::new() },
        );
    }

    fn say(&mut self, runner: &str, text: &str) {
        let Some(working) = self.working.get_mut(runner) else { return };
        working.partial.push_str(text);
        while let Some(end) = working.partial.find(['\n', '\r']) {
            let rest = working.partial.split_off(end + 1);
            let line = std::mem::replace(&mut working.partial, rest);
            working.tail.push_back(line.trim_end().to_owned());
            if working.tail.len() > TAIL_LINES {
                working.tail.pop_front();
            }
        }
        if let Some(line) = working.tail.back() {
            let plain = anstream::adapter::strip_str(line).to_string();
            working.bar.set_message(plain.replace('\t', " "));
        }
    }

    fn end(&mut self, runner: &str, step: &StepInfo, result: &StepResult, milliseconds: u64) {
        let Some(working) = self.working.remove(runner) else { return };
        working.bar.finish_and_clear();
        self.lines.remove(&working.bar);
        self.above(&format!(
            "{}  {}",
            wording::step(runner, step),
            wording::result(result, milliseconds)
        ));
        if *result != StepResult::Success {
            for line in working
                .tail
                .iter()
                .chain(std::iter::once(&working.partial).filter(|line| !line.is_empty()))
            {
                self.above(&format!("  | {line}"));
            }
        }
    }
}
