//! `layerc runs`: what was run, newest first.

use crate::exit::Exit;
use crate::listing::Format;
use crate::past::{Archive, StoreArgument};
use crate::terminal;
use crate::wording;
use anyhow::Result;
use clap::Args;
use layerc_executor::event::RunOutcome;
use layerc_executor::store::history::{PastRun, Status};
use std::time::{SystemTime, UNIX_EPOCH};

const EXAMPLES: &str = "\
Examples:
  layerc runs                what was run in this repository
  layerc runs --all          in every repository that uses the store
  layerc logs k3f9x2ab       what one of them printed

About the newest 200 runs of the last 30 days are kept.";

/// `layerc runs`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Runs of other repositories too
    #[arg(long)]
    all: bool,

    /// At most so many
    #[arg(short, long, value_name = "NUMBER", default_value_t = 20)]
    number: usize,

    /// How they are shown
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    #[command(flatten)]
    store: StoreArgument,
}

/// Lists them.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let archive = arguments.store.open()?;
    let mut runs = archive.runs()?;
    runs.retain(|run| arguments.all || archive.is_here(run));
    runs.truncate(arguments.number);
    let text = match arguments.format {
        Format::Table => runs.iter().map(|run| line(run, &archive, arguments)).collect::<String>(),
        Format::Json => runs.iter().map(json).collect::<Result<String>>()?,
    };
    terminal::print(&text)?;
    if runs.is_empty() {
        terminal::tell("no run yet\n");
    }
    Ok(Exit::Success)
}

fn line(run: &PastRun, archive: &Archive, arguments: &Arguments) -> String {
    let (strong, dim) = (wording::STRONG, wording::DIM);
    let header = run.header();
    let place = match (arguments.all, archive.is_here(run)) {
        (true, false) => format!("  {}", header.repository),
        (true, true) | (false, _) => String::new(),
    };
    let checkout = &header.checkout;
    let commit: String =
        checkout.commit.iter().flat_map(|commit| commit.chars().take(10)).collect();
    let branch = checkout.branch.as_deref().unwrap_or_default();
    format!(
        "{strong}{}{strong:#}  {:>10}  {}  {dim}{branch} {commit}{place}{dim:#}\n",
        header.run,
        age(header.started_at_ms),
        status(run.status())
    )
}

fn status(status: Status) -> String {
    let (good, bad, notice) = (wording::GOOD, wording::BAD, wording::NOTICE);
    match status {
        Status::Running => format!("{notice}running{notice:#}"),
        Status::Died => format!("{bad}killed{bad:#} "),
        Status::Ended(end) => {
            let (style, word) = match end.outcome {
                RunOutcome::Success => (good, "success"),
                RunOutcome::Failure => (bad, "failure"),
                RunOutcome::Error => (bad, "error"),
                RunOutcome::Cancelled => (notice, "stopped"),
                RunOutcome::Waiting => (notice, "waiting"),
            };
            let time = wording::duration(end.elapsed_ms);
            let (ran, cached) = (end.steps_run, end.steps_cached);
            format!("{style}{word:<7}{style:#}  {ran} run, {cached} cached  {time}")
        }
    }
}

/// `3 min ago`.
fn age(started_at_ms: u64) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    wording::age(now.saturating_sub(started_at_ms) / 1_000)
}

fn json(run: &PastRun) -> Result<String> {
    let mut object = serde_json::to_value(run.header())?;
    let status = match run.status() {
        Status::Running => serde_json::json!({ "kind": "running" }),
        Status::Died => serde_json::json!({ "kind": "died" }),
        Status::Ended(end) => {
            let mut ended = serde_json::to_value(end)?;
            if let Some(fields) = ended.as_object_mut() {
                fields.insert("kind".to_owned(), "ended".into());
            }
            ended
        }
    };
    if let Some(fields) = object.as_object_mut() {
        fields.insert("status".to_owned(), status);
    }
    Ok(format!("{object}\n"))
}
