//! `layerc plan`: what would run, as a tree, a picture or a plan file.

use crate::configuration::Configuration;
use crate::exit::Exit;
use crate::replace::replace_file;
use crate::run::Conditions;
use crate::run::forecast::{self, forecast};
use crate::source::{FromSource, Planned, Source};
use crate::terminal;
use anstyle::{AnsiColor, Effects, Style};
use anyhow::Result;
use clap::{Args, ValueEnum};
use layerc_planner::codec::encode;
use layerc_planner::render::tree::{Detail, Role};
use layerc_planner::render::{StepAnnotations, dot, json, mermaid, summary, svg, tree};
use std::io::Write;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  layerc plan                              the repository around the current directory
  layerc plan services/api                 Layerfiles below a directory, and what they need
  layerc plan --target deploy              one Layerfile, and what it needs
  layerc plan --format svg -o plan.svg     a picture
  layerc plan -o ci.plan                   a plan file, for `layerc run ci.plan`
  layerc plan ci.plan                      look into a plan file
  layerc plan --format forecast            what a run would do, step by step, as JSON

Exit code: 1 when a needed Layerfile has errors; they are printed.";

/// `layerc plan`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,

    /// How the plan is shown [default: tree, or a plan file with --output]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// In the tree, leave out the steps: only Layerfiles and SPLIT, WAIT, BUTTON
    #[arg(long)]
    outline: bool,

    /// Write to a file instead, `-` is standard output; without --format, a plan file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Say which steps are cached, and why the others would run, in every format and not in the tree only
    #[arg(long)]
    outlook: bool,

    #[command(flatten)]
    conditions: Conditions,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Who starts from whom, who waits for whom
    Tree,
    /// Everything, for programs
    Json,
    /// Graphviz
    Dot,
    /// Mermaid, for Markdown
    Mermaid,
    /// A picture that needs nothing else
    Svg,
    /// What a run would do with every step of every runner, for programs
    Forecast,
}

/// Plans and shows.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let planned = match arguments.source.plan()? {
        Planned::Plan(planned) => planned,
        Planned::Errors => return Ok(Exit::Findings),
    };
    let plan = &planned.plan;
    match (&arguments.output, arguments.format) {
        (None, format) => {
            terminal::print(&rendered(&planned, format.unwrap_or(Format::Tree), arguments)?)?;
        }
        (Some(file), None) => {
            write(file, &encode(plan)?)?;
            terminal::tell(&format!("{}\n", summary(plan)));
        }
        (Some(file), Some(format)) => {
            write(
                file,
                anstream::adapter::strip_str(&rendered(&planned, format, arguments)?)
                    .to_string()
                    .as_bytes(),
            )?;
        }
    }
    Ok(Exit::Success)
}

fn rendered(planned: &FromSource, format: Format, arguments: &Arguments) -> Result<String> {
    let plan = &planned.plan;
    if format == Format::Forecast {
        let (root, configuration) = place(planned, arguments)?;
        let forecast = forecast(plan, &root, &configuration, &arguments.conditions)?;
        return Ok(serde_json::to_string_pretty(&forecast)? + "\n");
    }
    let known = annotations(planned, format, arguments)?;
    Ok(match format {
        Format::Tree => {
            let detail = if arguments.outline { Detail::Outline } else { Detail::Steps };
            tree::render(plan, detail, &known, &paint)
        }
        Format::Json => json::render(plan, &known)?,
        Format::Dot => dot::render(plan, &known),
        Format::Mermaid => mermaid::render(plan, &known),
        Format::Svg | Format::Forecast => svg::render(plan, &known),
    })
}

/// What a store says about the steps. Formats for programs say the same on every machine unless they are
/// asked with a store or `--outlook`.
fn annotations(
    planned: &FromSource,
    format: Format,
    arguments: &Arguments,
) -> Result<StepAnnotations> {
    let conditions = &arguments.conditions;
    if format != Format::Tree && conditions.store.is_none() && !arguments.outlook {
        return Ok(StepAnnotations::new());
    }
    match &planned.root {
        Some(root) => {
            forecast::annotations(&planned.plan, root, &planned.configuration, conditions)
        }
        None => Ok(StepAnnotations::new()),
    }
}

/// The repository that a run would be on.
fn place(planned: &FromSource, arguments: &Arguments) -> Result<(PathBuf, Configuration)> {
    match &planned.root {
        Some(root) => Ok((root.clone(), planned.configuration.clone())),
        None => arguments.conditions.repository_of_plan_file(),
    }
}

/// The style of each part of the tree.
fn paint(role: Role, text: &str) -> String {
    let style = match role {
        Role::Image => AnsiColor::Magenta.on_default().effects(Effects::BOLD),
        Role::Runner => Style::new().bold(),
        Role::Detail | Role::Branch => Style::new().dimmed(),
        Role::Step => Style::new(),
        Role::Structure | Role::Reason => AnsiColor::Yellow.on_default(),
        Role::Cached => AnsiColor::Green.on_default(),
    };
    format!("{style}{text}{style:#}")
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    if file.as_os_str() == "-" {
        let mut output = std::io::stdout().lock();
        output.write_all(bytes)?;
        output.flush()?;
        return Ok(());
    }
    replace_file(file, bytes)
}
