//! `layerc image`: the images and bases of the store.

mod build;
mod kernel;
mod list;

use crate::candidates;
use crate::exit::{Exit, WrongUsage};
use crate::here::Here;
use crate::past::StoreArgument;
use crate::run::TrustArguments;
use crate::{size, terminal};
use anyhow::Result;
use build::Build;
use clap::{Args, Subcommand};
use kernel::Kernel;
use layerc_executor::images::{ImageError, Images, Trust};
use layerc_executor::kvm::{KeptKernel, KeptKernels};
use layerc_executor::overlay::{KeptBases, OverlayOptions, open_images};
use layerc_executor::reference::Reference;
use layerc_executor::store::room::Attempt;
use list::List;
use std::path::{Path, PathBuf};

/// Begins the names of kernels among those of images; no image has such a name with a version.
const KERNEL: &str = "kernel:";

/// The name of a kernel among those of images.
pub(crate) fn kernel_name(kernel: &KeptKernel) -> String {
    format!("{KERNEL}{}", kernel.version)
}

const EXAMPLES: &str = "\
Examples:
  layerc image pull ubuntu:22.04                      fetch what `FROM vm/ubuntu:22.04` starts from
  layerc image ls                                     what is here
  skopeo copy docker://debian:12 oci:/tmp/debian:12   on a machine with a network, then here:
  layerc image import /tmp/debian:12 --name debian:12
  layerc image rm debian:12                           forget it, and free its layers
  layerc image rm kernel:6.1.0-9-cloud-amd64          the same for a kernel
  layerc image build debootstrap:bookworm             make a base now, which a run would make when it needs it
  layerc image build rootfs:root.tar -o base.tar --name team/base:1   and write it as an OCI archive
  layerc image kernel                                 a kernel for virtual machines, fetched with apt-get into the store
  layerc image build ubuntu:22.04 --bootable          the disk that virtual machines start from, made now

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
    /// Make a base of any source now, and write it out as an OCI layout or archive
    Build(Build),
    /// Put a kernel for virtual machines into the store, out of packages
    Kernel(Kernel),
    /// List the images, bases and kernels of the store
    Ls(List),
    /// Forget images, bases and kernels, and free what no other image has
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

/// `layerc image rm`.
#[derive(Debug, Args)]
struct Remove {
    /// Names as `layerc image ls` shows them, or short ones
    #[arg(value_name = "IMAGE", required = true, add = candidates::kept_images())]
    images: Vec<String>,

    #[command(flatten)]
    store: StoreArgument,
}

/// Does it.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let done = match &arguments.command {
        Command::Pull(pull) => pull_images(pull),
        Command::Import(import) => import_image(import),
        Command::Build(build) => build::build(build),
        Command::Kernel(kernel) => kernel::keep(kernel),
        Command::Ls(list) => list::list(list),
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

/// The store that `layerc run` would use here.
fn directory(store: &StoreArgument) -> Result<PathBuf> {
    Ok(Here::with_store(store.given())?.store)
}

/// What that store starts machines from.
struct Everything {
    images: Images,
    /// What was unpacked or installed.
    bases: KeptBases,
    kernels: KeptKernels,
}

impl Everything {
    fn of(store: &StoreArgument) -> Result<Self> {
        let directory = directory(store)?;
        Ok(Self {
            images: images_of(&directory, Trust::default())?,
            bases: KeptBases::of(directory.join("bases")),
            kernels: KeptKernels::of(&directory),
        })
    }
}

/// The images of the store that `layerc run` would use here.
fn open(store: &StoreArgument, trust: Trust) -> Result<Images> {
    images_of(&directory(store)?, trust)
}

fn images_of(directory: &Path, trust: Trust) -> Result<Images> {
    Ok(open_images(directory, &OverlayOptions::default().agent_program, trust)?)
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

fn remove_images(arguments: &Remove) -> Result<()> {
    let Everything { images, bases, kernels } = Everything::of(&arguments.store)?;
    for name in &arguments.images {
        if let Some(version) = name.strip_prefix(KERNEL)
            && let Some(attempt) = kernels.remove(version)?
        {
            tell_freed(name, attempt)?;
            continue;
        }
        let base = bases.list().into_iter().find(|base| base.name == *name || base.source == *name);
        let attempt = match base {
            Some(base) => bases.remove(&base.name)?,
            None => Attempt::Removed(images.remove(&known_name(&images, name)?)?),
        };
        tell_freed(name, attempt)?;
    }
    Ok(())
}

fn tell_freed(name: &str, attempt: Attempt) -> Result<()> {
    match attempt {
        Attempt::Removed(freed) => {
            terminal::print(&format!("{name} is gone, {} are free again\n", size::shown(freed)))
        }
        Attempt::InUse => Err(ImageError::InUse.into()),
    }
}

/// The name that an image of the store has, which people may shorten.
fn known_name(images: &Images, name: &str) -> Result<String> {
    let is_known = images.list()?.iter().any(|image| image.name == name);
    let whole = if is_known { None } else { Reference::parse(name).ok() };
    Ok(whole.as_ref().map_or(name, Reference::as_str).to_owned())
}
