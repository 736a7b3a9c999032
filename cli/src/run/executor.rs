//! What the command line says about which machines a run has: namespaces or virtual ones, and what those boot.

use super::machines::MachineArguments;
use crate::configuration::{Configuration, ExecutorChoice};
use crate::exit::WrongUsage;
use crate::store_directory::store_key;
use anyhow::Result;
use clap::Args;
use layerc_executor::agent::guest::Init;
use layerc_executor::backend::{ExecutorKind, ImageSource};
use layerc_planner::plan::Plan;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Names the kernel of virtual machines where neither option nor configuration does.
const KERNEL_VARIABLE: &str = "LAYERC_KERNEL";

/// Options about executors.
#[derive(Debug, Default, Args)]
pub(crate) struct ExecutorArguments {
    /// What machines are made of [default: overlay]
    #[arg(long, value_enum, value_name = "WHICH")]
    executor: Option<ExecutorChoice>,

    /// The kernel that virtual machines boot [default: $LAYERC_KERNEL, else the newest of the store or in /boot]
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
}

/// Which machines, and whether somebody should hear why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) kind: ExecutorKind,
    /// Why, where the choice was left open.
    pub(crate) reason: Option<String>,
    /// The kernel that was named.
    pub(crate) kernel: Option<PathBuf>,
    /// Who is process 1 of virtual machines.
    pub(crate) init: Init,
    /// Where the key of the store's owner is, if there is a place for it.
    pub(crate) store_key: Option<PathBuf>,
}

impl Chosen {
    /// The one of an earlier run.
    pub(crate) fn of_run(kind: ExecutorKind, configuration: &Configuration) -> Self {
        Self::new(kind, None, kernel(None, configuration), configuration)
    }

    fn new(
        kind: ExecutorKind,
        reason: Option<String>,
        kernel: Option<PathBuf>,
        configuration: &Configuration,
    ) -> Self {
        let init = configuration.run.init;
        let store_key = store_key(configuration.run.store_key.as_deref());
        Self { kind, reason, kernel, init, store_key }
    }
}

impl ExecutorArguments {
    /// What a run of a plan has. `before` is what it had when it began; a kernel may be in the store.
    pub(crate) fn choose(
        &self,
        configuration: &Configuration,
        before: Option<ExecutorKind>,
        plan: &Plan,
        images: &BTreeMap<String, ImageSource>,
        store_directory: &Path,
    ) -> Result<Chosen> {
        let before = before.map(ExecutorChoice::of);
        let choice = self.executor.or(before).or(configuration.run.executor);
        let kernel = kernel(self.kernel.clone(), configuration);
        let (kind, reason) = match choice.unwrap_or(ExecutorChoice::Overlay) {
            ExecutorChoice::Overlay => (ExecutorKind::Overlay, None),
            ExecutorChoice::Kvm => (ExecutorKind::Kvm, None),
            ExecutorChoice::Auto => {
                let (kind, reason) = automatic(plan, images, kernel.as_deref(), store_directory);
                (kind, Some(reason))
            }
        };
        Ok(Chosen::new(kind, reason, kernel, configuration))
    }
}

/// The kernel that was named.
pub(crate) fn kernel(given: Option<PathBuf>, configuration: &Configuration) -> Option<PathBuf> {
    let from_environment =
        || std::env::var_os(KERNEL_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    given.or_else(from_environment).or_else(|| configuration.run.kernel.clone())
}

/// The kernel that was named, or whichever there is.
#[cfg(target_arch = "x86_64")]
pub(crate) fn kernel_choice(named: Option<&Path>) -> layerc_executor::kvm::backend::KernelChoice {
    use layerc_executor::kvm::backend::KernelChoice;
    named.map_or(KernelChoice::Newest, |path| KernelChoice::File(path.to_owned()))
}

#[cfg(target_arch = "x86_64")]
fn automatic(
    plan: &Plan,
    images: &BTreeMap<String, ImageSource>,
    kernel: Option<&Path>,
    store_directory: &Path,
) -> (ExecutorKind, String) {
    use layerc_executor::kvm::backend::{LACKING, choose, kernels_of};
    let mut obstacles = layerc_executor::run::beyond(plan, images, LACKING);
    if let Err(error) = kernel_choice(kernel).find(Some(&kernels_of(store_directory))) {
        obstacles.push(error.to_string());
    }
    let choice = choose(&layerc_executor::kvm::probe(), &obstacles);
    (choice.kind, choice.reason)
}

#[cfg(not(target_arch = "x86_64"))]
fn automatic(
    _plan: &Plan,
    _images: &BTreeMap<String, ImageSource>,
    _kernel: Option<&Path>,
    _store_directory: &Path,
) -> (ExecutorKind, String) {
    (ExecutorKind::Overlay, "virtual machines are made on x86-64 only".to_owned())
}

/// Refuses what makes no sense together.
pub(super) fn check(machines: &MachineArguments, kind: ExecutorKind) -> Result<()> {
    if kind == ExecutorKind::Kvm && machines.is_host_network() {
        return Err(WrongUsage(
            "a virtual machine has a network of its own: choose `--network none` or `--network pasta`, or \
             `--executor overlay`"
                .to_owned(),
        )
        .into());
    }
    Ok(())
}

/// The reason, as a line for people.
pub(super) fn told(kind: ExecutorKind, reason: &str) -> String {
    format!("executor: {kind} ({reason})\n")
}
