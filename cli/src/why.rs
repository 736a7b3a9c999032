//! `layerc why`: why a step of a run ran, followed back to where it began; or why it didn't have to.

mod instructions;

use crate::candidates;
use crate::exit::Exit;
use crate::past::{Archive, Fate, StoreArgument, Story, ToldStep};
use crate::terminal;
use crate::wording;
use anyhow::Result;
use clap::Args;
use layerc_executor::event::{Change, Reason, StepResult};
use layerc_executor::read_set::{Question, ReadSet};
use layerc_executor::store::history::PastRun;

/// Answers shown of a step that was skipped, unless all are asked for.
const MOST_READS: usize = 10;

const EXAMPLES: &str = "\
Examples:
  layerc why unit:3                   why this step ran in the newest run, or didn't
  layerc why unit/Layerfile:7         the same, by line
  layerc why k3f9x2ab unit:3          in another run; `layerc runs` lists them
  layerc why unit:3 --reads           everything that would make it run again";

/// `layerc why [RUN] STEP`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "layerc why [OPTIONS] [RUN] STEP")]
pub(crate) struct Arguments {
    /// A run by name, its beginning or `last`, and a step: RUNNER:NUMBER or LAYERFILE:LINE
    #[arg(value_name = "[RUN] STEP", num_args = 1..=2, required = true, add = candidates::runs_and_steps())]
    words: Vec<String>,

    /// Everything the step asked of the repository
    #[arg(long)]
    reads: bool,

    #[command(flatten)]
    store: StoreArgument,
}

/// Explains.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let archive = arguments.store.open()?;
    let (run, step) = archive.run_and_named_step(&arguments.words)?;
    let story = Story::of(run.events()?);
    let told = story.one(&step)?;
    let mut text = format!("{}\n", wording::step(&told.runner, &told.step));
    match &told.fate {
        Fate::Cached { made_by, saved_ms } => {
            let saved = wording::duration(*saved_ms);
            text.push_str(&format!("was skipped: nothing it depends on has changed since run {made_by}, where it took {saved}\n"));
        }
        Fate::Ran { reason, .. } => {
            let past = Told { archive: &archive, run: &run, story: &story };
            let cause = past.cause(told, reason);
            text.push_str("ran, because ");
            text.push_str(&past.because(cause, reason)?);
        }
    }
    text.push_str(&reads_of(&archive, told, arguments)?);
    terminal::print(&text)?;
    Ok(Exit::Success)
}

/// A run that is explained.
struct Told<'run> {
    archive: &'run Archive,
    run: &'run PastRun,
    story: &'run Story,
}

impl<'run> Told<'run> {
    /// The step that made this one run: itself, or the one it follows.
    fn cause(&self, told: &'run ToldStep, reason: &Reason) -> &'run ToldStep {
        let Reason::Follows { number, layerfile } = reason else { return told };
        let is_it = |other: &&ToldStep| {
            other.step.number == *number
                && other.step.layerfile == *layerfile
                && self.story.is_own(other)
                && matches!(other.fate, Fate::Ran { .. })
        };
        let mut candidates = self.story.steps.iter().filter(is_it);
        let own = candidates.clone().find(|other| other.runner == told.runner);
        own.or_else(|| candidates.next()).unwrap_or(told)
    }

    fn because(&self, cause: &ToldStep, reason: &Reason) -> Result<String> {
        match (&cause.fate, reason) {
            (Fate::Ran { reason: first, .. }, Reason::Follows { .. }) => {
                let step = wording::step(&cause.runner, &cause.step);
                let place = format!("{}:{}", cause.step.layerfile, cause.step.line);
                Ok(format!(
                    "a step before it ran: {step} ({place}),\nwhich ran, because {}",
                    self.explain(cause, first)?
                ))
            }
            _ => self.explain(cause, reason),
        }
    }

    fn explain(&self, cause: &ToldStep, reason: &Reason) -> Result<String> {
        Ok(match reason {
            Reason::New => self.unknown(cause)?,
            Reason::FileChanged { change, before, after, .. } => {
                let (dim, what) = (wording::DIM, asked(*change));
                let none = || "nothing there".to_owned();
                let before = before.clone().unwrap_or_else(none);
                let after = after.clone().unwrap_or_else(none);
                format!("{reason}\n{dim}{what} before: {before}\n{what} after:  {after}{dim:#}\n")
            }
            Reason::ValueChanged { .. }
            | Reason::Follows { .. }
            | Reason::StateNeeded { .. }
            | Reason::Forced => format!("{reason}\n"),
        })
    }

    /// An instruction without a record: which one changed, if an earlier run tells.
    fn unknown(&self, cause: &ToldStep) -> Result<String> {
        let started = self.run.header().started_at_ms;
        let runs = self.archive.runs()?;
        let earlier = runs.iter().filter(|other| {
            other.header().repository == self.run.header().repository
                && other.header().started_at_ms < started
                && other.header().run != self.run.header().run
        });
        for other in earlier {
            let Some(changed) = instructions::first_change(self.run, other, &cause.step)? else {
                continue;
            };
            let name = &other.header().run;
            return Ok(match changed {
                instructions::Compared::Different { place, now, before } => {
                    format!(
                        "an instruction changed at {place}\n  before: {before}  (run {name})\n  now:    {now}\n"
                    )
                }
                instructions::Compared::Same => self.same_instructions(other, cause)?,
            });
        }
        Ok("it is new: no earlier run in this store has its Layerfile\n".to_owned())
    }

    fn same_instructions(&self, other: &PastRun, cause: &ToldStep) -> Result<String> {
        let name = &other.header().run;
        let story = Story::of(other.events()?);
        let same =
            |told: &&ToldStep| told.runner == cause.runner && told.step.number == cause.step.number;
        Ok(match story.steps.iter().rfind(same).map(|told| &told.fate) {
            Some(Fate::Ran { end: Some(end), .. }) if end.result != StepResult::Success => {
                format!("it did not end well in run {name} before, and only successes are kept\n")
            }
            Some(Fate::Ran { end: Some(_), .. } | Fate::Cached { .. }) => {
                format!(
                    "no record fits any more: that of run {name} is gone, or its base image or a value behind it was another one\n"
                )
            }
            Some(Fate::Ran { end: None, .. }) | None => {
                format!("run {name} before it did not come to its end\n")
            }
        })
    }
}

/// What a change is a change of.
const fn asked(change: Change) -> &'static str {
    match change {
        Change::Appeared | Change::Vanished => "answer",
        Change::Content => "content",
        Change::Attributes => "attributes",
        Change::Listing => "listing",
        Change::Link => "link",
    }
}

/// What would make the step run again, as far as it is known: what it asked and nobody before it had.
fn reads_of(archive: &Archive, told: &ToldStep, arguments: &Arguments) -> Result<String> {
    let Some(state) = told.state else { return Ok(String::new()) };
    let view = archive.store.index().view()?;
    let Some(record) = view.record_of_state(state)? else { return Ok(String::new()) };
    let reads = view.reads(record.strong)?.unwrap_or_default();
    Ok(listed(&reads, if arguments.reads { usize::MAX } else { MOST_READS }))
}

fn listed(reads: &ReadSet, most: usize) -> String {
    let count = reads.answers.len();
    if count == 0 {
        return "it asked nothing of the repository that no step before it had asked\n".to_owned();
    }
    let mut text = String::from("it runs again when one of these answers changes:\n");
    for ((path, question), answer) in reads.answers.iter().take(most) {
        let what = match question {
            Question::Existence => "existence",
            Question::Attributes => "attributes",
            Question::Listing => "listing",
            Question::Link => "link",
            Question::Content => "content",
        };
        let path = if path.as_bytes().is_empty() { ".".to_owned() } else { path.to_string() };
        let reader = if answer.reader.command.is_empty() { "?" } else { &answer.reader.command };
        text.push_str(&format!("  {what:<10}  {}  {path}  ({reader})\n", answer.fingerprint));
    }
    if count > most {
        text.push_str(&format!("  and {} more; `--reads` shows all\n", count - most));
    }
    text
}
