//! `layerc init`: a first Layerfile for the project it finds, or one made from a Dockerfile.

mod projects;

use crate::exit::{Exit, WrongUsage};
use crate::repository::read_text;
use crate::terminal;
use anyhow::{Context, Result, anyhow};
use clap::Args;
use layerc_compiler::convert::{Note, from_dockerfile};
use layerc_compiler::format::format;
use projects::{Project, Recipe};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The name that `layerc` looks for.
const LAYERFILE: &str = "Layerfile";

const EXAMPLES: &str = "\
Examples:
  layerc init                     a Layerfile for the project in the current directory
  layerc init services/api        for the one there
  layerc init --from Dockerfile   what a Dockerfile says, as a Layerfile
  layerc init --print             only show it

Known are Node, Python, Rust, Go, Rails and Docker Compose. A file that is there is never overwritten.";

/// `layerc init`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The project's directory
    #[arg(value_name = "DIRECTORY", default_value = ".")]
    directory: PathBuf,

    /// Convert this Dockerfile instead; the Layerfile goes into the directory all the same
    #[arg(long, value_name = "DOCKERFILE")]
    from: Option<PathBuf>,

    /// Print it instead of writing a file
    #[arg(long)]
    print: bool,
}

/// Makes it.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    if !arguments.directory.is_dir() {
        let text = format!("`{}` is not a directory", arguments.directory.display());
        return Err(WrongUsage(text).into());
    }
    let text = match &arguments.from {
        Some(dockerfile) => converted(dockerfile)?,
        None => found(&arguments.directory)?,
    };
    let text = format(&text).trim_end().to_owned() + "\n";
    if arguments.print {
        terminal::print(&text)?;
        return Ok(Exit::Success);
    }
    let place = arguments.directory.join(LAYERFILE);
    write_new(&place, &text)?;
    let place = place.display();
    terminal::tell(&format!(
        "wrote {place}; `layerc check` and `layerc plan` look at it, `layerc run` runs it\n"
    ));
    Ok(Exit::Success)
}

fn converted(dockerfile: &Path) -> Result<String> {
    let text =
        read_text(dockerfile).map_err(|reason| anyhow!("`{}` {reason}", dockerfile.display()))?;
    let converted = from_dockerfile(&text);
    for Note { line, text } in &converted.notes {
        terminal::tell(&format!("{}:{line}: {text}\n", dockerfile.display()));
    }
    Ok(converted.text)
}

fn found(directory: &Path) -> Result<String> {
    let project = Project::look(directory);
    let Some(recipe) = project.recipe() else {
        let text = format!(
            "there is nothing in `{}` that says what kind of project it is (package.json, requirements.txt, \
             pyproject.toml, Cargo.toml, go.mod, Gemfile, compose.yaml); `layerc init --from Dockerfile` converts a \
             Dockerfile",
            directory.display()
        );
        return Err(WrongUsage(text).into());
    };
    terminal::tell(&format!("found {}: {}\n", recipe.kind, recipe.evidence));
    Ok(layerfile(&recipe))
}

fn layerfile(recipe: &Recipe) -> String {
    let mut text = format!(
        "# {} A step runs again only if something that it, or a step\n# before it, has really read has changed; so the \
         order matters little, and nothing needs to be listed.\nFROM vm/ubuntu:22.04\n\n",
        recipe.introduction
    );
    if !recipe.packages.is_empty() {
        text.push_str(&format!(
            "RUN apt-get update && apt-get install {}\n\n",
            recipe.packages.join(" ")
        ));
    }
    text.push_str("COPY . /app\nWORKDIR /app\n");
    for line in &recipe.steps {
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn write_new(place: &Path, text: &str) -> Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(place) {
        Ok(mut file) => file
            .write_all(text.as_bytes())
            .with_context(|| format!("cannot write `{}`", place.display())),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = format!(
                "`{}` is there already; `--print` only shows what it would be",
                place.display()
            );
            Err(WrongUsage(text).into())
        }
        Err(error) => Err(error).with_context(|| format!("cannot write `{}`", place.display())),
    }
}
