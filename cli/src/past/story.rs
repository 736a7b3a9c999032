//! The events of one run, put together by step: what logs, reports and explanations are made from.

use crate::exit::WrongUsage;
use crate::wording;
use anyhow::Result;
use layerc_compiler::nearest::nearest;
use layerc_executor::event::{
    Event, Reason, RunOutcome, RunnerInfo, RunnerSummary, StepInfo, StepResult, TimedEvent,
};
use layerc_executor::store::record::StateId;
use layerc_executor::store::run_name::RunName;

/// Most bytes of a step's output that are kept here: its end, where failures are explained.
const MOST_OUTPUT_BYTES: usize = 1 << 20;

/// A step as the run told of it: skipped, or run once. One that ran twice is there twice.
#[derive(Debug, Clone)]
pub(crate) struct ToldStep {
    /// Whose.
    pub(crate) runner: String,
    /// Which.
    pub(crate) step: StepInfo,
    /// Milliseconds since the run began.
    pub(crate) began_ms: u64,
    /// What became of it.
    pub(crate) fate: Fate,
    /// The state behind it, if there is a record of it.
    pub(crate) state: Option<StateId>,
    /// What it printed, both streams as they came, and what it left running printed later.
    pub(crate) output: String,
    /// What became of what it left running, if that ended badly.
    pub(crate) afterwards: Option<String>,
}

/// What became of a step.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// A record of this run answered for it.
    Cached { made_by: RunName, saved_ms: u64 },
    /// It ran.
    Ran { reason: Reason, end: Option<StepEnd> },
}

/// How a step that ran ended.
#[derive(Debug, Clone)]
pub(crate) struct StepEnd {
    /// Well or not.
    pub(crate) result: StepResult,
    /// How long it took.
    pub(crate) duration_ms: u64,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    /// Every runner, in the plan's order.
    pub(crate) runners: Vec<RunnerInfo>,
    /// The steps, in the order they began.
    pub(crate) steps: Vec<ToldStep>,
    /// Warnings and failures, in order.
    pub(crate) complaints: Vec<(Option<String>, String)>,
    /// How it ended, if it did.
    pub(crate) outcome: Option<RunOutcome>,
    /// What each runner did, if it ended.
    pub(crate) summaries: Vec<RunnerSummary>,
    /// Milliseconds from its beginning to what was told last.
    pub(crate) elapsed_ms: u64,
}

impl Story {
    /// What these events tell.
    pub(crate) fn of(events: impl Iterator<Item = TimedEvent>) -> Self {
        let mut story = Self::default();
        events.for_each(|timed| story.hear(timed));
        story
    }

    /// Takes the next event.
    pub(crate) fn hear(&mut self, timed: TimedEvent) {
        self.elapsed_ms = timed.elapsed_ms;
        match timed.event {
            // A run that is resumed tells everything again, of what it had done as skipped.
            Event::RunStarted { runners, .. } => *self = Self { runners, ..Self::default() },
            Event::StepCached { runner, step, saved_ms, state, made_by } => {
                let fate = Fate::Cached { made_by, saved_ms };
                self.begin(runner, step, fate, Some(state));
            }
            Event::StepStarted { runner, step, reason, .. } => {
                self.begin(runner, step, Fate::Ran { reason, end: None }, None);
            }
            Event::Output { runner, text, .. } => {
                if let Some(told) = self.speaking(&runner) {
                    told.say(&text);
                }
            }
            Event::LateOutput { runner, step, text, .. } => {
                if let Some(told) = self.last(&runner, &step) {
                    told.say(&text);
                }
            }
            Event::BackgroundEnded { runner, step, result, log } => {
                let text = wording::background_ended(&step, &result, &log);
                if let Some(told) = self.last(&runner, &step) {
                    told.afterwards = Some(text.clone());
                }
                self.complaints.push((Some(runner), text));
            }
            Event::StepFinished { runner, result, duration_ms, state, .. } => {
                if let Some(told) = self.speaking(&runner)
                    && let Fate::Ran { end, .. } = &mut told.fate
                {
                    *end = Some(StepEnd { result, duration_ms });
                    told.state = state;
                }
            }
            Event::Warning { runner, text } => self.complaints.push((runner, text)),
            Event::RunnerFailed { runner, text } => self.complaints.push((Some(runner), text)),
            Event::RunnerChanged { .. }
            | Event::ButtonAsked { .. }
            | Event::ButtonPressed { .. }
            | Event::Exposed { .. }
            | Event::Serving {}
            | Event::MachineAsleep { .. }
            | Event::MachineAwake { .. }
            | Event::BasePreparing { .. }
            | Event::Note { .. }
            | Event::StepSet { .. } => {}
            Event::RunFinished { outcome, runners, .. } => {
                self.outcome = Some(outcome);
                self.summaries = runners;
            }
        }
    }

    fn begin(&mut self, runner: String, step: StepInfo, fate: Fate, state: Option<StateId>) {
        let (began_ms, output) = (self.elapsed_ms, String::new());
        let afterwards = None;
        self.steps.push(ToldStep { runner, step, began_ms, fate, state, output, afterwards });
    }

    fn speaking(&mut self, runner: &str) -> Option<&mut ToldStep> {
        let is_open = |told: &&mut ToldStep| {
            told.runner == runner && matches!(told.fate, Fate::Ran { end: None, .. })
        };
        self.steps.iter_mut().rev().find(is_open)
    }

    /// The last time a step was come to.
    fn last(&mut self, runner: &str, step: &StepInfo) -> Option<&mut ToldStep> {
        self.steps.iter_mut().rev().find(|told| told.runner == runner && told.step == *step)
    }

    /// The steps that a person means: `RUNNER` (all of its own), `RUNNER:NUMBER` or `LAYERFILE:LINE`.
    pub(crate) fn named(&self, text: &str) -> Result<Vec<&ToldStep>> {
        let numbered = text
            .rsplit_once(':')
            .and_then(|(name, number)| Some((name, number.parse::<u32>().ok()?)));
        let is_meant = |told: &&ToldStep| match numbered {
            Some((name, number)) => {
                (told.runner == name && self.is_own(told) && told.step.number == number)
                    || (told.step.layerfile == name && told.step.line == number)
            }
            None => told.runner == text,
        };
        let found: Vec<&ToldStep> = self.steps.iter().filter(is_meant).collect();
        if found.is_empty() { Err(WrongUsage(self.unknown_step(text)).into()) } else { Ok(found) }
    }

    /// The last time the one step that a person means was come to.
    pub(crate) fn one(&self, text: &str) -> Result<&ToldStep> {
        let found = self.named(text)?;
        let is_one = |told: &&&ToldStep| {
            found
                .first()
                .is_some_and(|first| told.step == first.step && told.runner == first.runner)
        };
        match found.last() {
            Some(last) if found.iter().filter(is_one).count() == found.len() => Ok(last),
            _ => {
                let names: Vec<String> = found.iter().map(|told| told.name()).collect();
                Err(WrongUsage(format!("`{text}` is several steps: {}", names.join(", "))).into())
            }
        }
    }

    /// What a runner did, if the run ended.
    pub(crate) fn summary(&self, runner: &str) -> Option<&RunnerSummary> {
        self.summaries.iter().find(|summary| summary.name == runner)
    }

    /// Whether a step stands in the Layerfile of the runner that came to it. (Another's runs again where its state was
    /// not kept.)
    pub(crate) fn is_own(&self, told: &ToldStep) -> bool {
        let info = self.runners.iter().find(|info| info.name == told.runner);
        info.is_none_or(|info| info.layerfile == told.step.layerfile)
    }

    fn unknown_step(&self, text: &str) -> String {
        if self.runners.iter().any(|info| info.name == text) {
            return format!("the runner `{text}` came to no step of its own in this run");
        }
        let names: Vec<String> = self.steps.iter().map(ToldStep::name).collect();
        let runners = self.runners.iter().map(|info| info.name.as_str());
        let help = nearest(text, names.iter().map(String::as_str).chain(runners)).question();
        let help = help.unwrap_or_else(|| {
            "steps are called `RUNNER:NUMBER` or `LAYERFILE:LINE`; `layerc logs` shows them"
                .to_owned()
        });
        format!("this run came to no step `{text}`; {help}")
    }
}

impl ToldStep {
    fn say(&mut self, text: &str) {
        self.output.push_str(text);
        if self.output.len() > 2 * MOST_OUTPUT_BYTES {
            let surplus = self.output.len() - MOST_OUTPUT_BYTES;
            let cut = self.output.ceil_char_boundary(surplus);
            self.output.drain(..cut);
        }
    }

    /// What commands call it.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.runner, self.step.number)
    }

    /// Whether it ran and didn't end well.
    pub(crate) fn has_failed(&self) -> bool {
        match &self.fate {
            Fate::Cached { .. } => false,
            Fate::Ran { end, .. } => {
                end.as_ref().is_some_and(|end| end.result != StepResult::Success)
            }
        }
    }
}
