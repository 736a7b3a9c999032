//! `layerc logs`: what the steps of a run printed; for one that was skipped, what it printed when it ran.

use crate::candidates;
use crate::exit::Exit;
use crate::past::{Archive, Fate, StoreArgument, Story, ToldStep};
use crate::terminal;
use crate::wording;
use anyhow::Result;
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  layerc logs                         the newest run in this repository
  layerc logs --failed                only what went wrong in it
  layerc logs unit                    one runner
  layerc logs unit:3                  one step, exactly as it printed
  layerc logs unit/Layerfile:7        the same, by line
  layerc logs k3f9x2ab unit:3         of another run; `layerc runs` lists them";

/// `layerc logs [RUN] [STEP]`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A run by name, its beginning or `last`, and a step: RUNNER, RUNNER:NUMBER or LAYERFILE:LINE
    #[arg(value_name = "RUN] [STEP", num_args = 0..=2, add = candidates::runs_and_steps())]
    words: Vec<String>,

    /// Only steps that failed
    #[arg(long)]
    failed: bool,

    #[command(flatten)]
    store: StoreArgument,
}

/// Shows them.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let archive = arguments.store.open()?;
    let (run, step) = archive.run_and_step(&arguments.words)?;
    let story = Story::of(run.events()?);
    let is_one = step.as_deref().is_some_and(|step| step.contains(':'));
    let steps = match &step {
        Some(step) => story.named(step)?,
        None => story.steps.iter().collect(),
    };
    for told in steps.into_iter().filter(|told| !arguments.failed || told.has_failed()) {
        let output = output(&archive, told)?;
        if is_one {
            terminal::print(&output.unwrap_or_default())?;
        } else {
            terminal::print(&with_heading(told, output.as_deref()))?;
        }
    }
    if !is_one {
        for (runner, text) in &story.complaints {
            let runner = runner.as_ref().map(|runner| format!("{runner}: ")).unwrap_or_default();
            terminal::print(&format!("{runner}{text}\n"))?;
        }
    }
    Ok(Exit::Success)
}

/// What a step printed; `None` if that is not in the store any more.
fn output(archive: &Archive, told: &ToldStep) -> Result<Option<String>> {
    match (&told.fate, told.state) {
        (Fate::Cached { .. }, Some(state)) => {
            let view = archive.store.index().view()?;
            let Some(record) = view.record_of_state(state)? else { return Ok(None) };
            let bytes = view.output(record.strong)?;
            Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        }
        (Fate::Cached { .. }, None) => Ok(None),
        (Fate::Ran { .. }, _) => Ok(Some(told.output.clone())),
    }
}

fn with_heading(told: &ToldStep, output: Option<&str>) -> String {
    let dim = wording::DIM;
    let how = match &told.fate {
        Fate::Cached { made_by, .. } => format!("{dim}(cached, from run {made_by}){dim:#}"),
        Fate::Ran { end: Some(end), .. } => wording::result(&end.result, end.duration_ms),
        Fate::Ran { end: None, .. } => format!("{dim}(unfinished){dim:#}"),
    };
    let mut text = format!("{}  {how}\n", wording::step(&told.runner, &told.step));
    match output {
        Some(output) => {
            for line in output.lines() {
                text.push_str(&format!("  | {line}\n"));
            }
        }
        None => text.push_str("  what it printed is not in the store any more\n"),
    }
    text
}
