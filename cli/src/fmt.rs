//! `layerc fmt`: Layerfiles in the one layout. What a file means, and so every plan, stays the same.

use crate::compilation::numbered;
use crate::exit::{Exit, WrongUsage};
use crate::replace::replace_file;
use crate::repository::{Gravity, Repository, read_text};
use crate::{difference, terminal};
use anyhow::{Context, Result};
use clap::Args;
use layerc_compiler::format::format;
use std::io::Read;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  layerc fmt                     format every Layerfile of the repository
  layerc fmt services/api        those below a directory
  layerc fmt --check             change nothing, name the files that would change
  layerc fmt --diff              change nothing, show what would change
  layerc fmt - < Layerfile       standard input to standard output, for editors

Exit code: with --check or --diff, 1 if a file would change.";

/// Stands for standard input and output.
const STANDARD_INPUT: &str = "-";

/// `layerc fmt`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Files, or directories of one repository, or `-` [default: the current directory]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Change nothing; name the files that would change
    #[arg(long)]
    check: bool,

    /// Change nothing; show what would change
    #[arg(long)]
    diff: bool,
}

/// A text that may need another layout.
struct Candidate {
    /// As the user would type it.
    shown: String,
    path: PathBuf,
    text: String,
}

/// Formats, or says what would change.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    if arguments.paths.iter().any(|path| path.as_os_str() == STANDARD_INPUT) {
        return standard_input(arguments);
    }
    let (candidates, gravity) = candidates(&arguments.paths)?;
    let mut changed = 0;
    for candidate in &candidates {
        let formatted = format(&candidate.text);
        if formatted != candidate.text {
            changed += 1;
            change(candidate, &formatted, arguments)?;
        }
    }
    let all = numbered(candidates.len(), "Layerfile");
    let verb = if arguments.only_looks() { "would change" } else { "changed" };
    terminal::tell(&format!("{changed} of {all} {verb}\n"));
    let complains = gravity == Gravity::Error || (changed > 0 && arguments.only_looks());
    Ok(if complains { Exit::Findings } else { Exit::Success })
}

impl Arguments {
    fn only_looks(&self) -> bool {
        self.check || self.diff
    }
}

fn change(candidate: &Candidate, formatted: &str, arguments: &Arguments) -> Result<()> {
    if arguments.diff {
        return terminal::print(&difference::unified(&candidate.shown, &candidate.text, formatted));
    }
    if !arguments.check {
        replace_file(&candidate.path, formatted)?;
    }
    terminal::print(&format!("{}\n", candidate.shown))
}

fn standard_input(arguments: &Arguments) -> Result<Exit> {
    if arguments.paths.len() > 1 {
        return Err(WrongUsage("`-` can't be given together with other paths".to_owned()).into());
    }
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
    let formatted = format(&text);
    let differs = formatted != text;
    if arguments.diff {
        terminal::print(&if differs {
            difference::unified("Layerfile", &text, &formatted)
        } else {
            String::new()
        })?;
    } else if !arguments.check {
        terminal::print_exactly(&formatted)?;
    }
    Ok(if differs && arguments.only_looks() { Exit::Findings } else { Exit::Success })
}

/// Files that were named, whatever they are called, and Layerfiles below directories that were named.
fn candidates(paths: &[PathBuf]) -> Result<(Vec<Candidate>, Gravity)> {
    let (files, directories): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.iter().cloned().partition(|path| path.is_file());
    let mut candidates = files.iter().map(|path| named(path)).collect::<Result<Vec<_>>>()?;
    if files.is_empty() || !directories.is_empty() {
        let repository = Repository::open(&directories)?;
        let gravity = repository.report_notes();
        let in_scope = repository.files.iter().filter(|file| repository.is_in_scope(&file.path));
        candidates.extend(in_scope.map(|file| Candidate {
            shown: repository.shown(&file.path),
            path: repository.root.join(file.path.as_str()),
            text: file.text.clone(),
        }));
        return Ok((candidates, gravity));
    }
    Ok((candidates, Gravity::Warning))
}

fn named(path: &Path) -> Result<Candidate> {
    let text =
        read_text(path).map_err(|reason| WrongUsage(format!("`{}` {reason}", path.display())))?;
    Ok(Candidate { shown: path.display().to_string(), path: path.to_owned(), text })
}
