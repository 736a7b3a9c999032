//! `layerc diff`: the files that a step changed, or that differ between two states.

use crate::candidates;
use crate::difference::unified;
use crate::exit::{Exit, WrongUsage};
use crate::past::StoreArgument;
use crate::revisit::{Revisit, RevisitArguments};
use crate::terminal;
use crate::wording;
use anyhow::Result;
use clap::Args;
use layerc_executor::overlay::changes::{FileChange, Files, Places, Seen, changes};
use layerc_executor::run::visit::{Side, Target, VisitError, layers};
use std::fs;
use std::os::unix::fs::MetadataExt;

/// Largest file whose text is compared.
const LARGEST_TEXT_BYTES: u64 = 1 << 20;

const EXAMPLES: &str = "\
Examples:
  layerc diff unit:3                    what step 3 of `unit` changed
  layerc diff unit:1 unit:3             what steps 2 and 3 did
  layerc diff unit:3 suite-2:1 --text   with the text of files
  layerc diff k3f9x2ab unit:3           in another run than the newest: name it first

A letter says what became of a file: A added, D deleted, M modified, T another kind of thing.";

/// `layerc diff [RUN] STEP [STEP]`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "layerc diff [OPTIONS] [RUN] STEP [STEP]")]
pub(crate) struct Arguments {
    /// One step: what it changed. Two: from the state behind one to that behind the other. A run's name may come first
    #[arg(value_name = "[RUN] STEP [STEP]", num_args = 1..=3, required = true, add = candidates::runs_and_steps())]
    words: Vec<String>,

    /// Show how the text of files changed
    #[arg(long)]
    text: bool,

    #[command(flatten)]
    store: StoreArgument,
}

/// Compares.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let archive = arguments.store.open()?;
    let (run, steps) = match arguments.words.as_slice() {
        [first, rest @ ..] if !rest.is_empty() && archive.run(first).is_ok() => {
            (archive.run(first)?, rest)
        }
        words => (archive.newest()?, words),
    };
    let revisit = Revisit::of(archive, &run, &RevisitArguments::default())?;
    let (before, after) = match steps {
        [step] => (revisit.target(step, Side::Before)?, revisit.target(step, Side::After)?),
        [one, other] => (revisit.target(one, Side::After)?, revisit.target(other, Side::After)?),
        _ => return Err(WrongUsage("give one step, or two".to_owned()).into()),
    };
    let found = revisit.with_setup(|setup| {
        let places = Places { layers: setup.backend.layer_directory(), repository: revisit.root() };
        let state = |target: &Target| {
            let (base, layers) = layers(setup, target)?;
            let trees = setup.backend.trees(&base);
            let trees = trees.map_err(|error| VisitError::Machine(error.to_string()))?;
            Ok::<_, VisitError>((base, trees, layers))
        };
        let (base, trees, layers) = &state(&before)?;
        let before = Files { base, trees, layers };
        let (base, trees, layers) = &state(&after)?;
        let after = Files { base, trees, layers };
        changes(&before, &after, places).map_err(|error| VisitError::Machine(error.to_string()))
    })?;
    for change in &found {
        terminal::print(&line(change))?;
        if arguments.text {
            terminal::print(&text(change).unwrap_or_default())?;
        }
    }
    if found.is_empty() {
        terminal::tell("no file differs\n");
    }
    Ok(Exit::Success)
}

fn line(change: &FileChange) -> String {
    let (style, letter) = match (&change.before, &change.after) {
        (None, _) => (wording::GOOD, 'A'),
        (Some(_), None) => (wording::BAD, 'D'),
        (Some(before), Some(after)) if kind(before) != kind(after) => (wording::NOTICE, 'T'),
        (Some(_), Some(_)) => (wording::NOTICE, 'M'),
    };
    let facts = match (&change.before, &change.after) {
        (Some(before), Some(after)) => differing(before, after),
        (None, Some(seen)) if seen.metadata.is_file() => format!("{} bytes", seen.metadata.len()),
        (_, _) => String::new(),
    };
    let slash = if change
        .after
        .as_ref()
        .or(change.before.as_ref())
        .is_some_and(|seen| seen.metadata.is_dir())
    {
        "/"
    } else {
        ""
    };
    let dim = wording::DIM;
    let facts = if facts.is_empty() { facts } else { format!("  {dim}{facts}{dim:#}") };
    format!("{style}{letter}{style:#} {}{slash}{facts}\n", change.path.display())
}

const FILE_KIND: u32 = 0o170_000;

fn kind(seen: &Seen) -> u32 {
    seen.metadata.mode() & FILE_KIND
}

fn differing(before: &Seen, after: &Seen) -> String {
    let (before, after) = (&before.metadata, &after.metadata);
    let mut facts = Vec::new();
    if before.is_file() && before.len() != after.len() {
        facts.push(format!("{} → {} bytes", before.len(), after.len()));
    }
    if before.mode() != after.mode() {
        facts.push(format!("mode {:o} → {:o}", before.mode() & 0o7777, after.mode() & 0o7777));
    }
    if (before.uid(), before.gid()) != (after.uid(), after.gid()) {
        facts.push(format!(
            "owner {}:{} → {}:{}",
            before.uid(),
            before.gid(),
            after.uid(),
            after.gid()
        ));
    }
    facts.join(", ")
}

/// How the text changed; `None` if one of them is no text, or too large.
fn text(change: &FileChange) -> Option<String> {
    let before = text_of(change.before.as_ref())?;
    let after = text_of(change.after.as_ref())?;
    let path = change.path.to_string_lossy();
    (before != after).then(|| unified(path.trim_start_matches('/'), &before, &after))
}

fn text_of(seen: Option<&Seen>) -> Option<String> {
    let Some(seen) = seen else { return Some(String::new()) };
    let is_fit = seen.metadata.is_file() && seen.metadata.len() <= LARGEST_TEXT_BYTES;
    let text = if is_fit { fs::read_to_string(&seen.place).ok()? } else { return None };
    (!text.contains('\0')).then_some(text)
}
