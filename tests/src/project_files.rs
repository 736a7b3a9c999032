//! The project's own files, as git lists them: tracked ones and new ones that are not ignored.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository root.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Every file of the project, relative to the root, sorted.
///
/// # Panics
/// When git can't list them: the rules can't be checked then.
pub fn all() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output()
        .expect("git lists the project's files");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let mut files: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .split('\0')
        .filter(|path| !path.is_empty() && root().join(path).is_file())
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    files
}

/// The files with this extension (without the dot).
pub fn with_extension(extension: &str) -> Vec<String> {
    let suffix = format!(".{extension}");
    all().into_iter().filter(|path| path.ends_with(&suffix)).collect()
}

/// The text of one of them; what is not UTF-8 is replaced.
///
/// # Panics
/// When it can't be read.
pub fn read(path: &str) -> String {
    let bytes = std::fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    String::from_utf8_lossy(&bytes).into_owned()
}
