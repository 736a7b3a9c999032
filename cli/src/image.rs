//! `layerc image`: the images of the store.

use crate::configuration::Configuration;
use crate::exit::{Exit, WrongUsage};
use crate::listing::Format;
use crate::past::StoreArgument;
use crate::repository::Repository;
use crate::run::{TrustArguments, store_directory, wording};
use crate::terminal;
use anyhow::Result;
use clap::{Args, Subcommand};
use layerc_executor::images::{Image, ImageError, Images, Origin, Reference, Trust};
use layerc_executor::overlay::{OverlayOptions, open_images};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const EXAMPLES: &str = "\
Examples:
  layerc image pull ubuntu:22.04                      fetch what `FROM vm/ubuntu:22.04` starts from
  layerc image ls                                     what is here
  skopeo copy docker://debian:12 oci:/tmp/debian:12   on a machine with a network, then here:
  layerc image import /tmp/debian:12 --name debian:12
  layerc image rm debian:12                           forget it, and free its layers

Images that a run needs are pulled by themselves unless `--pull never` is given.";

/// `layerc image`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What to do with images.
#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch images from their registries
    Pull(Pull),
    /// Take an image from an OCI layout or an archive of `docker save`
    Import(Import),
    /// List the images of the store
    Ls(List),
    /// Forget images and free the layers that no other has
    Rm(Remove),
}

/// `layerc image pull`.
#[derive(Debug, Args)]
struct Pull {
    /// Names like ubuntu:22.04 or registry.example.org/team/app:1
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,

    #[command(flatten)]
    trust: TrustArguments,

    #[command(flatten)]
    store: StoreArgument,
}

/// `layerc image import`.
#[derive(Debug, Args)]
struct Import {
    /// A directory or file, with :NAME behind it where it holds several images
    #[arg(value_name = "PATH[:NAME]")]
    place: String,

    /// What the image is called from now on [default: as it is called there]
    #[arg(long, value_name = "IMAGE")]
    name: Option<String>,

    #[command(flatten)]
    store: StoreArgument,
}

/// `layerc image ls`.
#[derive(Debug, Args)]
struct List {
    /// How they are shown
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    #[command(flatten)]
    store: StoreArgument,
}

/// `layerc image rm`.
#[derive(Debug, Args)]
struct Remove {
    /// Names as `layerc image ls` shows them, or short ones
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,

    #[command(flatten)]
    store: StoreArgument,
}

/// Does it.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let done = match &arguments.command {
        Command::Pull(pull) => pull_images(pull),
        Command::Import(import) => import_image(import),
        Command::Ls(list) => list_images(list),
        Command::Rm(remove) => remove_images(remove),
    };
    done.map_err(|error| match error.downcast::<ImageError>() {
        Ok(error @ (ImageError::Reference(_) | ImageError::Unknown(_))) => {
            WrongUsage(error.to_string()).into()
        }
        Ok(error) => error.into(),
        Err(error) => error,
    })?;
    Ok(Exit::Success)
}

/// The images of the store that `layerc run` would use here.
fn open(store: &StoreArgument, trust: Trust) -> Result<Images> {
    let root = Repository::root_of(Path::new("."))?;
    let configuration = Configuration::read(&root)?;
    let directory = store_directory(store.given(), configuration.run.store.as_deref())?;
    Ok(open_images(&directory, &OverlayOptions::default().agent_program, trust)?)
}

fn say(text: &str) {
    terminal::tell(&format!("{text}\n"));
}

fn pull_images(arguments: &Pull) -> Result<()> {
    let images = open(&arguments.store, arguments.trust.trust())?;
    for name in &arguments.images {
        let reference = Reference::parse(name).map_err(ImageError::from)?;
        let image = images.pull(&reference, &say)?;
        terminal::print(&format!("{}  {}\n", image.name, image.manifest))?;
    }
    Ok(())
}

fn import_image(arguments: &Import) -> Result<()> {
    let images = open(&arguments.store, Trust::default())?;
    let name = arguments.name.as_deref().map(Reference::parse).transpose();
    let name = name.map_err(ImageError::from)?;
    let (path, wanted) = place(&arguments.place);
    let image = images.import(&path, wanted, name.as_ref(), &say)?;
    terminal::print(&format!("{}  {}\n", image.name, image.manifest))
}

/// `PATH` or `PATH:NAME`; something that is there under the whole text is a path.
fn place(text: &str) -> (PathBuf, Option<&str>) {
    match text.rsplit_once(':') {
        Some((path, name)) if !Path::new(text).exists() && !path.is_empty() => {
            (PathBuf::from(path), Some(name))
        }
        _ => (PathBuf::from(text), None),
    }
}

fn list_images(arguments: &List) -> Result<()> {
    let images = open(&arguments.store, Trust::default())?.list()?;
    let width = images.iter().map(|image| image.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for image in &images {
        text.push_str(&match arguments.format {
            Format::Table => line(image, width),
            Format::Json => serde_json::to_string(image)? + "\n",
        });
    }
    terminal::print(&text)?;
    if images.is_empty() {
        terminal::tell("no image yet\n");
    }
    Ok(())
}

fn line(image: &Image, width: usize) -> String {
    let (strong, dim) = (wording::STRONG, wording::DIM);
    let digest: String = image.manifest.to_string().chars().take(19).collect();
    let origin = match image.origin {
        Origin::Registry => "pulled",
        Origin::File => "imported",
    };
    let megabytes = image.size_bytes.div_ceil(1_000_000);
    format!(
        "{strong}{:<width$}{strong:#}  {megabytes:>6} MB  {:>3} layers  {origin:<8}  {:>12}  {dim}{digest}{dim:#}\n",
        image.name,
        image.layers.len(),
        age(image.since_seconds)
    )
}

/// `3 days ago`.
fn age(since_seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (number, unit) = match now.saturating_sub(since_seconds) {
        0..60 => return "just now".to_owned(),
        seconds @ 60..3_600 => (seconds / 60, "min"),
        seconds @ 3_600..86_400 => (seconds / 3_600, "h"),
        seconds => (seconds / 86_400, "days"),
    };
    format!("{number} {unit} ago")
}

fn remove_images(arguments: &Remove) -> Result<()> {
    let images = open(&arguments.store, Trust::default())?;
    for name in &arguments.images {
        let is_known = images.list()?.iter().any(|image| image.name == *name);
        let whole = if is_known { None } else { Reference::parse(name).ok() };
        let name = whole.as_ref().map_or(name.as_str(), Reference::as_str);
        let freed = images.remove(name)?;
        terminal::print(&format!("{name} is gone, {} MB are free again\n", freed / 1_000_000))?;
    }
    Ok(())
}
