//! The `layerc` command: arguments, terminal output and exit codes.
//!
//! Thin on purpose: what a Layerfile means is in the compiler, what a plan is in the planner, how it runs in the
//! executor. This crate alone reads the terminal, the repository and the configuration, and it alone speaks `anyhow`.

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod cache;
mod candidates;
mod check;
mod compilation;
mod completions;
mod configuration;
mod diff;
mod difference;
mod doctor;
mod excerpts;
mod exit;
mod explain;
mod fmt;
mod gc;
mod here;
mod image;
mod init;
mod listing;
mod logs;
mod lsp;
mod man;
mod markdown;
mod past;
mod plan;
mod press;
mod progress;
mod replace;
mod repository;
mod revisit;
mod run;
mod runs;
mod screen;
mod shell;
mod size;
mod source;
mod store_directory;
mod terminal;
mod why;
mod wording;

use exit::Exit;

/// Checks, plans and runs Layerfiles.
#[derive(Debug, Parser)]
#[command(name = "layerc", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_long_help = exit::HELP)]
struct Cli {
    /// When to colour the output; NO_COLOR and CLICOLOR_FORCE are obeyed too
    #[arg(long, global = true, value_enum, default_value_t = terminal::Color::Auto, value_name = "WHEN")]
    color: terminal::Color,

    #[command(subcommand)]
    command: Command,
}

/// One variant per command; each lives in the module of its name, as `Arguments` and `run`.
#[derive(Debug, Subcommand)]
enum Command {
    /// Write a first Layerfile for the project it finds, or make one from a Dockerfile
    Init(init::Arguments),
    /// Say what is wrong or suspicious in Layerfiles
    Check(check::Arguments),
    /// Put Layerfiles in the one layout
    Fmt(fmt::Arguments),
    /// Show what would run, or write it to a plan file
    Plan(plan::Arguments),
    /// Run Layerfiles; skip every step that nothing it read has changed for
    Run(run::Arguments),
    /// List what was run
    Runs(runs::Arguments),
    /// Show what the steps of a run printed
    Logs(logs::Arguments),
    /// Open a shell in the state before or after any step of any run
    Shell(shell::Arguments),
    /// Show the files that a step changed, or that differ between two states
    Diff(diff::Arguments),
    /// Explain why a step of a run ran, or didn't have to
    Why(why::Arguments),
    /// Press a BUTTON that a run stands before
    Press(press::Arguments),
    /// Look after the directories that CACHE keeps
    Cache(cache::Arguments),
    /// Make room in the store: forget the results used least recently
    Gc(gc::Arguments),
    /// Say what works on this machine, what doesn't, and what to do about it
    Doctor(doctor::Arguments),
    /// Pull, import, list and remove images
    Image(image::Arguments),
    /// Explain a finding: the page of its rule, offline
    Explain(explain::Arguments),
    /// Serve an editor: diagnostics, completion, navigation and the plan, as a language server
    Lsp(lsp::Arguments),
    /// Write the manual pages
    Man(man::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
}

fn main() -> ExitCode {
    // A machine's agent is this program again; it must not have a second thread or read these arguments.
    if let Some(code) = layerc_executor::agent::run_if_agent() {
        return code;
    }
    completions::answer_script();
    let cli = Cli::parse();
    cli.color.apply();
    let exit = execute(&cli.command).unwrap_or_else(|error| terminal::report(&error));
    exit.into()
}

fn execute(command: &Command) -> Result<Exit> {
    match command {
        Command::Init(arguments) => init::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Fmt(arguments) => fmt::run(arguments),
        Command::Plan(arguments) => plan::run(arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Runs(arguments) => runs::run(arguments),
        Command::Logs(arguments) => logs::run(arguments),
        Command::Shell(arguments) => shell::run(arguments),
        Command::Diff(arguments) => diff::run(arguments),
        Command::Doctor(arguments) => doctor::run(arguments),
        Command::Why(arguments) => why::run(arguments),
        Command::Press(arguments) => press::run(arguments),
        Command::Cache(arguments) => cache::run(arguments),
        Command::Gc(arguments) => gc::run(arguments),
        Command::Image(arguments) => image::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Lsp(arguments) => lsp::run(arguments),
        Command::Man(arguments) => man::run(arguments),
        Command::Completions(arguments) => completions::run(arguments),
    }
}
