//! `layerc image build`: a base made now, so that no run has to wait for it; written out if somebody wants it elsewhere.

use super::say;
use crate::candidates;
use crate::configuration::{ImageMap, misspelt_kind, parse_source};
use crate::exit::WrongUsage;
use crate::here::Here;
use crate::past::StoreArgument;
use crate::run::{self, TrustArguments};
use crate::terminal;
use anyhow::{Context, Result};
use clap::Args;
use layerc_executor::backend::{Backend, BackendError, BaseImage, ImageSource};
use layerc_executor::images::ImageError;
use layerc_executor::overlay::{OverlayBackend, OverlayOptions};
use layerc_executor::reference::Reference;
use layerc_executor::tracked;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `layerc image build`.
#[derive(Debug, Args)]
pub(super) struct Build {
    /// A name that Layerfiles use, or a source as in layerc.toml: debootstrap:SUITE, rootfs:PATH, oci:IMAGE, …
    #[arg(value_name = "IMAGE|SOURCE", add = candidates::image_sources())]
    image: String,

    /// Write it to an OCI layout: an archive if this ends with .tar, else a directory
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,

    /// What it is called there
    #[arg(long, value_name = "IMAGE", requires = "output")]
    name: Option<String>,

    /// Make the disk that virtual machines start from too
    #[arg(long)]
    bootable: bool,

    /// The kernel that they boot [default: as of `layerc run`]
    #[arg(long, value_name = "FILE", requires = "bootable")]
    kernel: Option<PathBuf>,

    #[command(flatten)]
    trust: TrustArguments,

    #[command(flatten)]
    store: StoreArgument,
}

/// Makes it, and writes it out.
pub(super) fn build(arguments: &Build) -> Result<()> {
    let Here { root, configuration, store } = Here::with_store(arguments.store.given())?;
    let source = source(&arguments.image, &configuration.images)?;
    let name = arguments.name.as_deref().map(Reference::parse).transpose();
    let name = name.map_err(ImageError::from)?;
    let repository = tracked::Repository::open(&root, tracked::RepositoryOptions::default())?;
    let options = OverlayOptions { trust: arguments.trust.trust(), ..OverlayOptions::default() };
    let repository = Arc::new(repository);
    let backend = OverlayBackend::new(&store, Arc::clone(&repository), options.clone())?;
    let base = made(&backend, &source)?;
    if arguments.bootable {
        let backend = OverlayBackend::new(&store, Arc::clone(&repository), options)?;
        let kernel = run::executor::kernel(arguments.kernel.clone(), &configuration);
        let disk = disk(backend, repository, kernel.as_deref(), &source)?;
        terminal::print(&format!("{source} is bootable: {}\n", disk.display()))?;
    }
    for note in &base.notes {
        terminal::tell(&format!("note: {note}\n"));
    }
    let Some(output) = &arguments.output else {
        let layers = base.directories.len();
        return terminal::print(&format!("{source} is ready: {layers} layers\n"));
    };
    let digest = backend.images().write(&base, output, name.as_ref(), &say)?;
    terminal::print(&format!("{}  {digest}\n", output.display()))
}

/// The disk that virtual machines start from.
#[cfg(target_arch = "x86_64")]
fn disk(
    overlay: OverlayBackend,
    repository: Arc<tracked::Repository>,
    kernel: Option<&Path>,
    source: &ImageSource,
) -> Result<PathBuf> {
    use layerc_executor::kvm::backend::{KvmBackend, KvmOptions};
    let kernel = run::executor::kernel_choice(kernel);
    let options = KvmOptions { kernel, ..KvmOptions::default() };
    let base = made(&KvmBackend::new(overlay, repository, options), source)?;
    base.directories.into_iter().next().context("the base has no disk")
}

#[cfg(not(target_arch = "x86_64"))]
fn disk(
    _overlay: OverlayBackend,
    _repository: Arc<tracked::Repository>,
    _kernel: Option<&Path>,
    _source: &ImageSource,
) -> Result<PathBuf> {
    Err(WrongUsage("virtual machines are made on x86-64 only".to_owned()).into())
}

fn made(backend: &dyn Backend, source: &ImageSource) -> Result<BaseImage> {
    match backend.prepare_base(source, &say) {
        Ok(base) => Ok(base),
        Err(error @ BackendError::Unavailable(_)) => Err(error.into()),
        Err(error) => Err(error).with_context(|| format!("cannot make {source} ready")),
    }
}

/// What is meant: something that `layerc.toml` maps, else a source, else what the name stands for by itself.
fn source(text: &str, images: &ImageMap) -> Result<ImageSource> {
    let source = match parse_source(text, Path::new(".")) {
        _ if images.names().any(|name| name == text) => images.source(text),
        Ok(source) => Some(source),
        Err(message) if ImageMap::is_kind(text) => return Err(WrongUsage(message).into()),
        Err(_) => match misspelt_kind(text) {
            Some(message) => return Err(WrongUsage(message).into()),
            None => images.source(text),
        },
    };
    match source {
        Some(ImageSource::Host) => Err(WrongUsage(
            "`host` is this machine itself, there is nothing to build: take `debootstrap:SUITE` or `rootfs:PATH`"
                .to_owned(),
        )
        .into()),
        Some(source) => Ok(source),
        None => {
            let text = format!("`{text}` means no image: map it in layerc.toml, or give a source");
            Err(WrongUsage(text).into())
        }
    }
}
