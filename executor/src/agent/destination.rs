//! Where a COPY goes: the written destination, followed through the links of the machine's own file system.

use super::accounts::{future_home, home_of};
use super::failure::{Doing, Failure};
use super::launch::expand_home;
use super::protocol::{Destination, Found, Reply};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Follows a destination. Called in a process that is inside the machine.
pub(crate) fn resolve(destination: &Destination) -> Result<Reply, Failure> {
    let home = home_of(Path::new("/etc"), &destination.user)?
        .unwrap_or_else(|| future_home(&destination.user));
    let base = Path::new("/").join(expand_home(&destination.workdir, &home));
    let written = base.join(expand_home(&destination.destination, &home));
    let (path, found) = follow(&written)?;
    let text = path.into_os_string().into_string();
    let path = text.map_err(|_| {
        Failure::Refused(format!("`{}` leads to a name that is not UTF-8", written.display()))
    })?;
    Ok(Reply::Resolved { path, found })
}

/// The longest part that exists is resolved by the kernel; the rest is taken literally.
fn follow(written: &Path) -> Result<(PathBuf, Found), Failure> {
    let written = without_dots(written);
    let mut missing = Vec::new();
    let mut existing = written.as_path();
    loop {
        match fs::canonicalize(existing) {
            Ok(found) => return with_missing(found, &missing, &written),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                if existing.is_symlink() {
                    return Err(Failure::Refused(format!(
                        "`{}` is a link that leads nowhere",
                        existing.display()
                    )));
                }
            }
            Err(error) => return Err(error).doing(|| format!("follow `{}`", written.display())),
        }
        let (Some(parent), Some(name)) = (existing.parent(), existing.file_name()) else {
            return Ok((PathBuf::from("/"), Found::Directory));
        };
        missing.push(name);
        existing = parent;
    }
}

fn with_missing(
    found: PathBuf,
    missing: &[&std::ffi::OsStr],
    written: &Path,
) -> Result<(PathBuf, Found), Failure> {
    let is_directory = found.is_dir();
    if missing.is_empty() {
        return Ok((found, if is_directory { Found::Directory } else { Found::File }));
    }
    if !is_directory {
        let text = format!(
            "cannot copy to `{}`: `{}` is not a directory",
            written.display(),
            found.display()
        );
        return Err(Failure::Refused(text));
    }
    let path = missing.iter().rev().fold(found, |path, name| path.join(name));
    Ok((path, Found::Nothing))
}

/// Removes `.` and resolves `..` by name, as a shell's `cd` does. Only names that exist could be links, and a path with
/// `..` behind a link is rare enough to be read literally.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            Component::Normal(name) => clean.push(name),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_followed_through_links() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::create_dir(root.join("real")).unwrap();
        std::os::unix::fs::symlink("real", root.join("link")).unwrap();
        fs::write(root.join("real/file"), "").unwrap();
        assert_eq!(
            follow(&root.join("link/new/x")).unwrap(),
            (root.join("real/new/x"), Found::Nothing)
        );
        assert_eq!(follow(&root.join("link")).unwrap(), (root.join("real"), Found::Directory));
        assert_eq!(
            follow(&root.join("./a/../link/file")).unwrap(),
            (root.join("real/file"), Found::File)
        );
        assert!(follow(&root.join("real/file/x")).is_err());
    }
}
