//! `layerc press`: presses a BUTTON of a run, from any shell of the same user.

use crate::candidates;
use crate::exit::{Exit, WrongUsage};
use crate::past::StoreArgument;
use crate::run::waiting;
use crate::terminal;
use anyhow::Result;
use clap::Args;
use layerc_executor::store::history::{AskedButton, PastRun, Status};

const EXAMPLES: &str = "\
Examples:
  layerc press k3f9x2ab      the one button that this run stands before
  layerc press k3f 2         button 2 of the run whose name begins with k3f
  layerc press k3f deploy    the button of the runner `deploy`

A run that is alive goes on at once. One that has ended waiting goes on with `layerc run --resume RUN`.";

/// `layerc press`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The run: its name or the first letters of it
    #[arg(value_name = "RUN", add = candidates::runs())]
    run: String,

    /// The button: its number, its runner or its message [default: the only one]
    #[arg(value_name = "BUTTON", add = candidates::buttons())]
    button: Option<String>,

    #[command(flatten)]
    store: StoreArgument,
}

/// Presses, and says what happens now.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let run = arguments.store.open()?.run(&arguments.run)?;
    let number = choose(&run, &run.unpressed()?, arguments.button.as_deref())?;
    run.pressed().press(number, "layerc press")?;
    let name = &run.header().run;
    let rest = match run.status() {
        Status::Running => "it goes on".to_owned(),
        Status::Ended(_) | Status::Died => {
            let option = waiting::store_option(arguments.store.given());
            format!("go on with `layerc run{option} --resume {name}`")
        }
    };
    terminal::print(&format!("pressed button {number} of run {name}; {rest}\n"))?;
    Ok(Exit::Success)
}

/// The number of the button that is meant.
fn choose(run: &PastRun, open: &[AskedButton], wanted: Option<&str>) -> Result<u32> {
    let name = &run.header().run;
    let is_meant = |button: &&AskedButton| {
        wanted.is_none_or(|wanted| {
            button.number.to_string() == wanted
                || button.runner == wanted
                || button.message == wanted
        })
    };
    let meant: Vec<&AskedButton> = open.iter().filter(is_meant).collect();
    let lines: String = open.iter().map(waiting::line).collect();
    let problem = match (meant.as_slice(), open) {
        ([one], _) => return Ok(one.number),
        (_, []) => format!("run {name} stands before no button that isn't pressed"),
        ([], _) => format!("run {name} stands before no such button; these are there:\n{lines}"),
        (_, _) => format!("run {name} stands before several buttons; which one?\n{lines}"),
    };
    Err(WrongUsage(problem.trim_end().to_owned()).into())
}
