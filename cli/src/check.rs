//! `layerc check`: everything the compiler has to say, in the form the reader wants.

mod fix;
mod github;
mod human;
mod json;
mod place;
mod sarif;

use crate::compilation::{Compilation, Counts};
use crate::exit::Exit;
use crate::repository::Gravity;
use crate::terminal;
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  layerc check                          check the repository around the current directory
  layerc check services/api             show only findings about Layerfiles below a directory
  layerc check --fix                    apply every fix that needs no second look
  layerc check --format sarif > layerc.sarif
  layerc explain LF0010                 what a finding means

A finding is silenced by `# layerc: ignore CODE reason` on the line before, a rule by [lints] in layerc.toml.
Exit code: 0 without errors (with --deny-warnings: without errors and warnings), else 1.";

/// `layerc check`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Layerfiles or directories of one repository [default: the current directory]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// How findings are written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,

    /// Fail on warnings too
    #[arg(long)]
    deny_warnings: bool,

    /// Change the files: apply fixes that keep what the author meant, and say what changed
    #[arg(long)]
    fix: bool,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Source excerpts for people
    Human,
    /// One JSON document, described in spec/command-line.md
    Json,
    /// SARIF 2.1.0, for code scanning services
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

/// Checks and reports.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let compilation = if arguments.fix {
        fix::apply(&arguments.paths)?
    } else {
        Compilation::of(&arguments.paths)?
    };
    let gravity = compilation.repository.report_notes();
    if !compilation.compiled.project.ids().any(|id| compilation.is_in_scope(id)) {
        terminal::warn("there is no file named `Layerfile` here");
    }
    terminal::print(&match arguments.format {
        Format::Human => human::report(&compilation),
        Format::Json => json::report(&compilation)?,
        Format::Sarif => sarif::report(&compilation)?,
        Format::Github => github::report(&compilation),
    })?;
    let counts = Counts::of(compilation.findings());
    let denied = counts.errors > 0 || (arguments.deny_warnings && counts.warnings > 0);
    Ok(if denied || gravity == Gravity::Error { Exit::Findings } else { Exit::Success })
}
