//! Another commit's repository in a machine that has seen one: RUN REPEATABLE starts from its own last state, in which the
//! guest's kernel remembers what files were.
//!
//! So nothing that it remembers is asked again: the overlays of all COPY are taken down and made anew over directories
//! that the kernel has never heard of, below what steps wrote. That can't be done under processes that use files there,
//! which is refused with their names. Does not know what changed: it is told.

use super::super::failure::{Doing, Failure};
use super::super::open_files::open_files;
use super::super::overlay_mount::Tree;
use super::super::protocol::Renewal;
use super::copy::{Copies, Shown, place_copy};
use super::root::REPOSITORY;
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where a machine's processes are told of.
const PROCESSES: &str = "/proc";

/// What else a process can use of a file system besides the files that it has open.
const USES: [&str; 3] = ["cwd", "root", "exe"];

impl Copies {
    /// See the module.
    ///
    /// # Errors
    /// When processes use what would be taken down. The machine is of no further use then.
    pub(super) fn renew(&mut self, renewal: &Renewal) -> Result<(), Failure> {
        if self.has_covered_root() {
            return Err(Failure::Refused("COPY has copied to `/` itself".to_owned()));
        }
        let (shown, trees) = self.forget();
        trees.iter().rev().try_for_each(take_down)?;
        refuse_views(&trees)?;
        for Shown { layer, covered } in shown {
            self.show(Shown { layer: in_place_of(layer, renewal), covered })?;
        }
        let changed = Path::new(REPOSITORY).join(&renewal.changed_layer);
        for path in self.written(&renewal.changed) {
            place_copy(&changed, path)?;
        }
        self.written(&renewal.gone).into_iter().try_for_each(remove)
    }

    /// Those of some machine paths that a step has written to, from the root.
    fn written<'p>(&self, paths: &'p [String]) -> Vec<&'p Path> {
        let paths = paths.iter().map(|path| Path::new(path.trim_start_matches('/')));
        paths.filter(|path| self.is_written(path)).collect()
    }
}

/// The layer that is shown now where another one was.
fn in_place_of(layer: String, renewal: &Renewal) -> String {
    let found = renewal.layers.iter().find(|(before, _)| *before == layer);
    found.map_or(layer, |(_, after)| after.clone())
}

fn take_down(tree: &Tree) -> Result<(), Failure> {
    let target = Path::new("/").join(&tree.path);
    match unmount(&target, UnmountFlags::empty()) {
        Err(Errno::BUSY) => Err(in_use(&target, &users(&target))),
        unmounted => unmounted.doing(|| format!("take `{}` down", target.display())),
    }
}

fn in_use(target: &Path, names: &BTreeSet<String>) -> Failure {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let who = if names.is_empty() { "something".to_owned() } else { names.join(", ") };
    Failure::Refused(format!(
        "what COPY showed in `{}` is in use ({who}); start what stays in a RUN before it, in another directory",
        target.display()
    ))
}

/// Names of the processes that use something below a directory.
fn users(target: &Path) -> BTreeSet<String> {
    let below = |link: &Path| fs::read_link(link).is_ok_and(|to| to.starts_with(target));
    let open = open_files(Path::new(PROCESSES)).filter(|file| below(&file.link()));
    let mut found: BTreeSet<String> = open.filter_map(|file| name_of(&file.process)).collect();
    for process in processes() {
        if USES.iter().any(|name| below(&process.join(name))) {
            found.extend(name_of(&process));
        }
    }
    found
}

/// Containers and services may have views of their own of what was taken down here.
fn refuse_views(before: &[Tree]) -> Result<(), Failure> {
    let mut uppers = before.iter().filter_map(|tree| Some((tree, tree.directories.first()?)));
    let shows = |mounts: &str, upper: &Path| {
        let option = format!("upperdir={}", upper.display());
        mounts.lines().any(|line| line.split([' ', ',']).any(|word| word == option))
    };
    let views: Vec<(PathBuf, String)> = processes()
        .filter_map(|process| {
            let mounts = fs::read_to_string(process.join("mountinfo")).ok()?;
            Some((process, mounts))
        })
        .collect();
    uppers.try_for_each(|(tree, upper)| {
        let seen = views.iter().filter(|(_, mounts)| shows(mounts, upper));
        let names: BTreeSet<String> = seen.filter_map(|(process, _)| name_of(process)).collect();
        if names.is_empty() {
            Ok(())
        } else {
            Err(in_use(&Path::new("/").join(&tree.path), &names))
        }
    })
}

fn processes() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(PROCESSES).into_iter().flatten().flatten();
    let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    entries
        .filter(move |entry| entry.file_name().to_str().is_some_and(is_number))
        .map(|entry| entry.path())
}

fn name_of(process: &Path) -> Option<String> {
    Some(fs::read_to_string(process.join("comm")).ok()?.trim_end().to_owned())
}

fn remove(path: &Path) -> Result<(), Failure> {
    let target = Path::new("/").join(path);
    match fs::symlink_metadata(&target) {
        Ok(found) if !found.is_dir() => {}
        Ok(_) => return Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(error) => return Err(error).doing(|| format!("look at {}", target.display())),
    }
    fs::remove_file(&target).doing(|| format!("remove {}", target.display()))
}
