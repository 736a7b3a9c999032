//! Which kernel guests boot: a file that somebody names, or the newest of the store's or of this machine's own whose
//! modules are there.
//!
//! Looks, and downloads nothing. Knows nothing of what is in the files.

use crate::backend::BackendError;
use crate::kvm::kept_kernels::{PREFIX, in_parts};
use std::fs;
use std::path::{Path, PathBuf};

/// Where distributions put kernels.
const KERNELS: &str = "/boot";

/// Where distributions put modules, a directory for each version.
const MODULES: &str = "/lib/modules";

/// What can be done about it.
const WAYS: &str = "have one fetched into the store (`layerc image kernel`) or install one (`apt-get install \
                    linux-image-cloud-amd64` on Debian, `linux-image-virtual` on Ubuntu), or name a kernel file with \
                    `--kernel FILE`, LAYERC_KERNEL or `[run] kernel` in layerc.toml; `--executor overlay` needs none";

/// What the user said of kernels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelChoice {
    /// Nothing: the newest of the store, else the newest that is installed.
    Newest,
    /// This file. Its modules are beside it, or where its version says.
    File(PathBuf),
}

/// A kernel and its modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// A bzImage, or an uncompressed image.
    pub image: PathBuf,
    /// The directory that holds `kernel/`, or that one itself.
    pub modules: PathBuf,
}

impl KernelChoice {
    /// The files. `kept` is where the store has kernels, if there is a store.
    ///
    /// # Errors
    /// Names the ways to a kernel.
    pub fn find(&self, kept: Option<&Path>) -> Result<Kernel, BackendError> {
        let of_store =
            || kept.and_then(|kept| newest(&kept.join("boot"), &kept.join("lib/modules")));
        let installed = || newest(Path::new(KERNELS), Path::new(MODULES));
        match self {
            Self::Newest => of_store().or_else(installed).ok_or_else(|| {
                let text = format!(
                    "there is no kernel for virtual machines here: no readable {KERNELS}/{PREFIX}VERSION with \
                     {MODULES}/VERSION; {WAYS}"
                );
                BackendError::Unavailable(text)
            }),
            Self::File(image) => named(image),
        }
    }
}

fn named(image: &Path) -> Result<Kernel, BackendError> {
    let unavailable = |text: String| Err(BackendError::Unavailable(text));
    if let Err(error) = fs::File::open(image) {
        return unavailable(format!("cannot read the kernel `{}`: {error}", image.display()));
    }
    let places = module_places(image, Path::new(MODULES));
    match places.iter().find(|place| place.is_dir()) {
        Some(modules) => Ok(Kernel { image: image.to_owned(), modules: modules.clone() }),
        None => {
            let places = places.iter().map(|place| format!("`{}`", place.display()));
            unavailable(format!(
                "the modules of the kernel `{}` are not there: looked for {}",
                image.display(),
                places.collect::<Vec<_>>().join(", ")
            ))
        }
    }
}

/// Where the modules of a kernel file may be: beside it, in the package that it was unpacked from, on this machine.
fn module_places(image: &Path, installed: &Path) -> Vec<PathBuf> {
    let beside = image.parent().unwrap_or(Path::new("."));
    let mut places = vec![beside.join("modules")];
    if let Some(version) = version_of(image) {
        places.push(beside.join("../lib/modules").join(version));
        places.push(installed.join(version));
    }
    places
}

fn version_of(image: &Path) -> Option<&str> {
    image.file_name()?.to_str()?.strip_prefix(PREFIX)
}

fn newest(kernels: &Path, installed: &Path) -> Option<Kernel> {
    let entries = fs::read_dir(kernels).ok()?.flatten();
    let found = entries.filter_map(|entry| {
        let image = entry.path();
        let modules = installed.join(version_of(&image)?);
        let usable = modules.is_dir() && fs::File::open(&image).is_ok();
        usable.then_some(Kernel { image, modules })
    });
    found.max_by_key(|kernel| version_of(&kernel.image).map(in_parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(kernels: &[&str], modules: &[&str]) -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("boot")).unwrap();
        for version in kernels {
            fs::write(place.path().join("boot").join(format!("vmlinuz-{version}")), "").unwrap();
        }
        for version in modules {
            fs::create_dir_all(place.path().join("modules").join(version)).unwrap();
        }
        place
    }

    #[test]
    fn the_newest_kernel_with_modules_is_taken() {
        let versions = ["6.1.0-9-cloud-amd64", "6.1.0-13-cloud-amd64", "6.12.0-1-cloud-amd64"];
        let found = |modules: &[&str]| {
            let place = place(&versions, modules);
            newest(&place.path().join("boot"), &place.path().join("modules"))
                .and_then(|kernel| version_of(&kernel.image).map(str::to_owned))
        };
        assert_eq!(found(&versions).as_deref(), Some("6.12.0-1-cloud-amd64"));
        assert_eq!(found(&versions[..2]).as_deref(), Some("6.1.0-13-cloud-amd64"));
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn the_modules_of_a_named_kernel_are_beside_it_or_named_like_it() {
        let place = place(&["1.2"], &["1.2"]);
        let image = place.path().join("boot/vmlinuz-1.2");
        let missing = named(&image).unwrap_err().to_string();
        assert!(missing.contains("are not there: looked for"), "{missing}");
        fs::create_dir_all(place.path().join("lib/modules/1.2")).unwrap();
        assert!(named(&image).unwrap().modules.ends_with("lib/modules/1.2"));
        fs::create_dir(place.path().join("boot/modules")).unwrap();
        assert_eq!(named(&image).unwrap().modules, place.path().join("boot/modules"));
        let absent = named(&place.path().join("none")).unwrap_err().to_string();
        assert!(absent.starts_with("cannot read the kernel `"), "{absent}");
    }
}
