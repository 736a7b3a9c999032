//! `layerc doctor`: what works on this machine, what doesn't, and what to do about it.

use crate::exit::Exit;
use crate::here::Here;
use crate::run::Opened;
use crate::run::executor::Chosen;
use crate::terminal;
use crate::wording;
use anyhow::Result;
use clap::{Args, ValueEnum};
use layerc_executor::backend::{Attachment, Command, ExecutorKind, ImageSource, MachineStart};
use layerc_executor::doctor::{Check, Group, Verdict, examine, of_start};
use layerc_executor::store::file_system;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
Examples:
  layerc doctor
  layerc doctor --format json

Exit code: 1 when no machine starts here.";

/// `layerc doctor`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// How it is shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The store that a machine is started in [default: the user's cache directory]
    #[arg(long, value_name = "DIRECTORY")]
    store: Option<PathBuf>,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// A list of checks
    Json,
}

/// Looks and tells.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let here = Here::with_store(arguments.store.as_deref());
    // What stands in the way of a store stands in the way of a machine: it is told there.
    let mut checks = examine(here.as_ref().ok().map(|here| here.store.as_path()));
    let place = checks.iter().take_while(|check| check.group == Group::Machines).count();
    checks.insert(
        place,
        of_start(here.and_then(|here| start(&here)).map_err(|error| format!("{error:#}"))),
    );
    match arguments.format {
        Format::Json => terminal::print(&(serde_json::to_string_pretty(&checks)? + "\n"))?,
        Format::Text => terminal::print(&text(&checks))?,
    }
    let is_fit = checks.iter().all(|check| check.verdict != Verdict::Missing);
    Ok(if is_fit { Exit::Success } else { Exit::Findings })
}

/// Starts a machine on this machine's own system and runs something in it; how long that took.
fn start(here: &Here) -> Result<Duration> {
    let chosen = Chosen::of_run(ExecutorKind::Overlay, &here.configuration);
    let opened = Opened::to_look(&here.store, &here.root, &chosen)?;
    if let Some(warning) = file_system::unsuitable(opened.store.directory()) {
        terminal::warn(&warning);
    }
    let base = opened.machines.backend().prepare_base(&ImageSource::Host, &|_| {})?;
    let started = Instant::now();
    let mut machine = opened.machines.backend().start(&MachineStart {
        base: Arc::new(base),
        layers: Vec::new(),
        name: "doctor".to_owned(),
        memory_bytes: None,
        followers: 0,
    })?;
    let command = Command {
        script: "true".to_owned(),
        user: "root".to_owned(),
        workdir: "/".to_owned(),
        environment: BTreeMap::new(),
        setup_files: Vec::new(),
        caches: Vec::new(),
        mode: Attachment::Foreground,
    };
    machine.execute(&command, &mut |_, _| {})?;
    Ok(started.elapsed())
}

fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let (strong, dim) = (wording::STRONG, wording::DIM);
    let mut text = String::new();
    let mut group = None;
    for check in checks {
        if group != Some(check.group) {
            let gap = if group.is_some() { "\n" } else { "" };
            text.push_str(&format!("{gap}{strong}{}{strong:#}\n", heading(check.group)));
            group = Some(check.group);
        }
        let (style, mark) = match check.verdict {
            Verdict::Works => (wording::GOOD, "✓"),
            Verdict::Limited => (wording::NOTICE, "–"),
            Verdict::Missing => (wording::BAD, "✗"),
        };
        text.push_str(&format!(
            "  {style}{mark}{style:#} {:<width$}  {}\n",
            check.name, check.found
        ));
        if !check.advice.is_empty() {
            let indent = " ".repeat(width + 6);
            text.push_str(&format!("{indent}{dim}for {}{dim:#}\n", check.needed_for));
            text.push_str(&format!("{indent}{}\n", check.advice));
        }
    }
    text
}

const fn heading(group: Group) -> &'static str {
    match group {
        Group::Machines => "Machines of namespaces",
        Group::Virtualisation => "Virtual machines",
        Group::Programs => "Programs",
    }
}
