//! `layerc image kernel`: a kernel for virtual machines put into the store, out of a distribution's packages.

use crate::past::StoreArgument;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// `layerc image kernel`.
#[derive(Debug, Args)]
pub(super) struct Kernel {
    /// Debian packages with a kernel and its modules [default: this system's newest, which apt-get fetches]
    #[arg(value_name = "FILE.deb")]
    packages: Vec<PathBuf>,

    #[command(flatten)]
    store: StoreArgument,
}

/// Puts it there. Nothing is installed, and no boot loader hears of it.
#[cfg(target_arch = "x86_64")]
pub(super) fn keep(arguments: &Kernel) -> Result<()> {
    use crate::terminal;
    use layerc_executor::kvm::backend::{keep_kernels, keep_newest_kernel, kernels_of};

    let kernels = kernels_of(&super::directory(&arguments.store)?);
    let versions = if arguments.packages.is_empty() {
        super::say("fetching this system's kernel for virtual machines with apt-get");
        keep_newest_kernel(&kernels)?
    } else {
        keep_kernels(&arguments.packages, &kernels)?
    };
    for version in versions {
        let place = kernels.join("boot").join(format!("vmlinuz-{version}"));
        terminal::print(&format!("{version}  {}\n", place.display()))?;
    }
    Ok(())
}

/// There are none here.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn keep(_arguments: &Kernel) -> Result<()> {
    let text = "virtual machines are made on x86-64 only, and nothing else boots a kernel";
    Err(crate::exit::WrongUsage(text.to_owned()).into())
}
