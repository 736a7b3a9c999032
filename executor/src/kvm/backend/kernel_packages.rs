//! Kernels of the store: taken out of a distribution's packages, which somebody gives or has fetched, and laid out as on
//! a system where they are installed (`boot/vmlinuz-VERSION`, `lib/modules/VERSION`).
//!
//! Nothing of a package is run, and nothing is installed on this machine. Fetching is left to the distribution's own
//! program, which knows whom to trust. Knows nothing of machines.

use crate::archive::Ownership;
use crate::backend::BackendError;
use crate::kvm::KeptKernels;
use crate::overlay::failure::Doing;
use crate::overlay::identities::program;
use crate::overlay::unpack_archive;
use crate::store::runs::fresh_name;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Packages that stand for the newest kernel of a distribution, without the drivers of real hardware.
const NEWEST: [&str; 2] = ["linux-image-cloud-amd64", "linux-image-virtual"];

/// Begins the names of packages with a kernel, or with its modules where these are apart.
const PREFIXES: [&str; 2] = ["linux-image-", "linux-modules-"];

/// How a package begins: it is an archive of `ar`.
const MAGIC: &[u8; 8] = b"!<arch>\n";

/// Length of the header before each of its members.
const HEADER_BYTES: usize = 60;

/// The member with the files.
const FILES: &str = "data.tar";

/// Most members that are looked at; a package has three.
const MOST_MEMBERS: usize = 16;

/// Where a package may have modules.
const MODULES: [&str; 2] = ["lib/modules", "usr/lib/modules"];

/// The directory of a store that kernels are in.
pub fn kernels_of(store_directory: &Path) -> PathBuf {
    KeptKernels::of(store_directory).directory().to_owned()
}

/// Has the distribution's own program fetch the packages of its newest kernel, and takes it into `kernels`; its version.
///
/// # Errors
/// Where there is no such program, or it can't.
pub fn keep_newest_kernel(kernels: &Path) -> Result<Vec<String>, BackendError> {
    let fetched = kernels.join(format!("fetched-{}", fresh_name()));
    fs::create_dir_all(&fetched).doing(|| format!("make {}", fetched.display()))?;
    let kept = fetch(&fetched).and_then(|packages| keep_kernels(&packages, kernels));
    let _taken = crate::agent::remove_own_tree(&fetched);
    kept
}

fn fetch(directory: &Path) -> Result<Vec<PathBuf>, BackendError> {
    let missing = |what: &str| {
        BackendError::Unavailable(format!(
            "{what}: give the package of a kernel, `layerc image kernel FILE.deb`, or name a kernel with `--kernel FILE`"
        ))
    };
    if program("apt-get").is_none() {
        return Err(missing("there is no `apt-get` here that could fetch a kernel"));
    }
    let mut packages = BTreeSet::new();
    for newest in NEWEST {
        add_dependencies(newest, &mut packages)?;
    }
    if packages.is_empty() {
        return Err(missing("apt's lists name no kernel for virtual machines (`apt-get update`)"));
    }
    let action = || "fetch a kernel with apt-get".to_owned();
    let mut fetch = Command::new("apt-get");
    fetch.arg("download").args(&packages).current_dir(directory).stdin(Stdio::null());
    let output = fetch.output().doing(action)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or_default();
        return Err(missing(&format!("apt-get could not fetch a kernel ({last})")));
    }
    let entries = fs::read_dir(directory).doing(action)?.flatten();
    Ok(entries.map(|entry| entry.path()).filter(|path| is_package(path)).collect())
}

fn is_package(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "deb")
}

/// The packages with a kernel or modules that a package depends on, and what those do.
fn add_dependencies(package: &str, found: &mut BTreeSet<String>) -> Result<(), BackendError> {
    let mut ask = Command::new("apt-cache");
    let output = ask.args(["depends", "--important", package]).stdin(Stdio::null()).output();
    let output = output.doing(|| "ask apt-cache for kernels".to_owned())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    for name in named.filter(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix))) {
        if found.insert(name.to_owned()) {
            add_dependencies(name, found)?;
        }
    }
    Ok(())
}

/// Takes the kernels out of these packages into `kernels`; their versions.
///
/// # Errors
/// When one is no package, or there is no kernel with its modules in them.
pub fn keep_kernels(packages: &[PathBuf], kernels: &Path) -> Result<Vec<String>, BackendError> {
    let beside = kernels.join(format!("new-{}", fresh_name()));
    fs::create_dir_all(&beside).doing(|| format!("make {}", beside.display()))?;
    let kept = packages
        .iter()
        .try_for_each(|package| take_files(package, &beside))
        .and_then(|()| move_kernels(&beside.join("tree"), kernels));
    let _unpacked = crate::agent::remove_own_tree(&beside);
    kept
}

/// Unpacks the files of a package into `tree` of a directory.
fn take_files(package: &Path, beside: &Path) -> Result<(), BackendError> {
    let action = || format!("read {}", package.display());
    let mut file = File::open(package).doing(action)?;
    let bytes = find_files(&mut file).doing(action)?.ok_or_else(|| {
        let text = format!("`{}` is no Debian package", package.display());
        BackendError::Unavailable(text)
    })?;
    let files = beside.join("files");
    let mut output = File::create(&files).doing(|| format!("write {}", files.display()))?;
    io::copy(&mut file.take(bytes), &mut output).doing(action)?;
    let tree = beside.join("tree");
    // What several packages have goes together.
    let own = beside.join(format!("tree-{}", fresh_name()));
    for directory in [&tree, &own] {
        fs::create_dir_all(directory).doing(|| format!("make {}", directory.display()))?;
    }
    unpack_archive(&files, &own, Ownership::Own)?;
    for place in MODULES.into_iter().chain(["boot"]) {
        move_entries(&own.join(place), &tree.join(place))?;
    }
    Ok(())
}

/// Stands at the member with the files when it returns how long that is.
fn find_files(package: &mut File) -> io::Result<Option<u64>> {
    let mut magic = [0; MAGIC.len()];
    if package.read_exact(&mut magic).is_err() || magic != *MAGIC {
        return Ok(None);
    }
    for _ in 0..MOST_MEMBERS {
        let mut header = [0; HEADER_BYTES];
        if package.read_exact(&mut header).is_err() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&header).into_owned();
        let size = text.get(48..58).and_then(|size| size.trim().parse::<u64>().ok());
        let Some(size) = size else { return Ok(None) };
        if text.starts_with(FILES) {
            return Ok(Some(size));
        }
        // Members begin at even places.
        let next = i64::try_from(size + size % 2).map_err(io::Error::other)?;
        package.seek(SeekFrom::Current(next))?;
    }
    Ok(None)
}

/// Moves what is in a directory into another one; what is not there has nothing.
fn move_entries(from: &Path, to: &Path) -> Result<(), BackendError> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    fs::create_dir_all(to).doing(|| format!("make {}", to.display()))?;
    for entry in entries.flatten() {
        let place = to.join(entry.file_name());
        crate::agent::remove_own_tree(&place)
            .or_else(|_| fs::remove_file(&place))
            .and_then(|()| fs::rename(entry.path(), &place))
            .doing(|| format!("write {}", place.display()))?;
    }
    Ok(())
}

/// Moves kernels whose modules are there to where they are looked for: modules first, so that a kernel which is found
/// has them.
fn move_kernels(tree: &Path, kernels: &Path) -> Result<Vec<String>, BackendError> {
    let names = fs::read_dir(tree.join("boot")).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let versions = names.filter_map(|name| Some(name.strip_prefix("vmlinuz-")?.to_owned()));
    let has_modules =
        |version: &String| MODULES.iter().any(|place| tree.join(place).join(version).is_dir());
    let versions: Vec<String> = versions.filter(has_modules).collect();
    if versions.is_empty() {
        return Err(BackendError::Unavailable(
            "there is no kernel with its modules in there: on Debian both are in `linux-image-VERSION`, on Ubuntu give \
             `linux-image-VERSION` and `linux-modules-VERSION`"
                .to_owned(),
        ));
    }
    for place in MODULES {
        move_entries(&tree.join(place), &kernels.join("lib/modules"))?;
    }
    move_entries(&tree.join("boot"), &kernels.join("boot"))?;
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kvm::backend::KernelChoice;

    /// A package as `dpkg-deb` makes one, with these files.
    fn package(place: &Path, name: &str, files: &[&str]) -> PathBuf {
        let mut archive = tar::Builder::new(Vec::new());
        for file in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            archive.append_data(&mut header, file, b"x".as_slice()).unwrap();
        }
        let files = archive.into_inner().unwrap();
        let mut bytes = MAGIC.to_vec();
        for (member, content) in
            [("debian-binary", b"2.0\n".as_slice()), ("control.tar", b"odd"), (FILES, &files)]
        {
            let size = content.len();
            bytes.extend(
                format!("{member:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100_644).bytes(),
            );
            bytes.extend(content);
            bytes.extend(vec![b'\n'; size % 2]);
        }
        let path = place.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn a_kernel_of_one_package_or_of_two_is_found_afterwards() {
        let place = tempfile::tempdir().unwrap();
        let kernels = place.path().join("kernels");
        let debian = package(
            place.path(),
            "debian.deb",
            &["boot/vmlinuz-6.1.0-9", "boot/config-6.1.0-9", "usr/lib/modules/6.1.0-9/kernel/a.ko"],
        );
        assert_eq!(keep_kernels(&[debian], &kernels).unwrap(), ["6.1.0-9"]);
        let image = package(place.path(), "image.deb", &["boot/vmlinuz-6.8.0-40"]);
        let modules = package(place.path(), "modules.deb", &["lib/modules/6.8.0-40/kernel/a.ko"]);
        let alone = keep_kernels(std::slice::from_ref(&image), &kernels).unwrap_err();
        assert!(alone.to_string().contains("no kernel with its modules"), "{alone}");
        assert_eq!(keep_kernels(&[image, modules], &kernels).unwrap(), ["6.8.0-40"]);
        let found = KernelChoice::Newest.find(Some(&kernels)).unwrap();
        assert!(found.image.ends_with("boot/vmlinuz-6.8.0-40"), "{found:?}");
        assert!(found.modules.join("kernel/a.ko").is_file(), "{found:?}");
        let left = fs::read_dir(&kernels).unwrap().count();
        assert_eq!(left, 2, "boot and lib, nothing else");
    }

    #[test]
    fn what_is_no_package_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let kernels = place.path().join("kernels");
        for bytes in [b"".as_slice(), b"!<arch>\n", b"!<arch>\nshort", &[b'x'; 200]] {
            let path = place.path().join("file.deb");
            fs::write(&path, bytes).unwrap();
            let refused = keep_kernels(&[path], &kernels).unwrap_err().to_string();
            assert!(refused.ends_with("is no Debian package"), "{refused}");
        }
    }
}
