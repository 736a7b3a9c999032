//! Directories of the host as an ordinary user's own, without files.
//!
//! In a user's machine the host's directories belong to nobody: nothing could be made in them. A layer of empty
//! directories of the same names and modes, which belong to the machine's root, lies over them; so programs can be
//! installed. Files that are there can be replaced or removed, but not changed in place.

use super::failure::Doing;
use super::host_part::HostPart;
use super::store_layout::fresh_name;
use crate::agent::remove_own_tree;
use crate::backend::BackendError;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Levels mirrored below a part: where packages put their directories (`usr/lib/python3/dist-packages`), not what is
/// inside those of packages that are there.
const LEVELS: u32 = 3;

/// Mirrored to the bottom: made for changes by hand.
const WHOLE: &str = "/usr/local";

/// Directories with very many directories that nobody but their packages writes to.
const LEAVES: [&str; 3] = ["/usr/share/doc", "/usr/share/locale", "/usr/share/icons"];

/// Directories mirrored at most: ten times what a desktop system has.
const DIRECTORY_LIMIT: usize = 20_000;

/// The mirror of these parts; made unless there is one of this name. `name` changes with the host's packages.
pub(super) fn ensure(
    bases: &Path,
    name: &str,
    parts: &[HostPart],
) -> Result<PathBuf, BackendError> {
    let directory = bases.join(name);
    if directory.is_dir() {
        return Ok(directory);
    }
    let beside = bases.join(format!("new-{}", fresh_name()));
    fs::create_dir(&beside).doing(|| format!("make {}", beside.display()))?;
    let mut left = DIRECTORY_LIMIT;
    let made = parts.iter().try_for_each(|part| {
        let place = beside.join(&part.path);
        fs::create_dir_all(&place)?;
        mirror(&part.source, &place, LEVELS, &mut left)
    });
    made.doing(|| "mirror the host's directories".to_owned())?;
    let placed = fs::rename(&beside, &directory);
    if placed.is_err() {
        let _ = remove_own_tree(&beside);
    }
    if directory.is_dir() {
        Ok(directory)
    } else {
        placed.map(|()| directory.clone()).doing(|| format!("make {}", directory.display()))
    }
}

fn mirror(source: &Path, target: &Path, levels: u32, left: &mut usize) -> io::Result<()> {
    let levels = if source.starts_with(WHOLE) { LEVELS } else { levels };
    if levels == 0 || LEAVES.iter().any(|leaf| source == Path::new(leaf)) {
        return Ok(());
    }
    // What this user can't list, a machine of this user can't either.
    let Ok(entries) = fs::read_dir(source) else { return Ok(()) };
    for entry in entries.flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        // One that went away since it was listed is none.
        let Ok(metadata) = entry.metadata() else { continue };
        let Some(rest) = left.checked_sub(1) else { return Ok(()) };
        *left = rest;
        let mode = metadata.mode() & 0o1777;
        let place = target.join(entry.file_name());
        // Made enterable first: its own directories come before its final mode would forbid them.
        DirBuilder::new().mode(0o700).create(&place)?;
        mirror(&entry.path(), &place, levels - 1, left)?;
        rustix::fs::chmod(&place, rustix::fs::Mode::from_raw_mode(mode | 0o500))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_mirrored_without_files() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("source");
        fs::create_dir_all(source.join("a/b/c/d")).unwrap();
        fs::write(source.join("a/file"), "").unwrap();
        let part = HostPart { path: PathBuf::from("usr"), source };
        let mirror = ensure(root.path(), "mirror", &[part]).unwrap();
        assert!(mirror.join("usr/a/b/c").is_dir());
        assert!(!mirror.join("usr/a/b/c/d").exists());
        assert!(!mirror.join("usr/a/file").exists());
    }
}
