//! The base `debootstrap`: a minimal Debian or Ubuntu, installed once by Debian's bootstrap program and kept.

use super::failure::Doing;
use super::identities::program;
use super::kept_bases::{KeptBases, NEW_PREFIX};
use super::rootfs::place;
use super::store_layout::fresh_name;
use crate::backend::{BackendError, BaseImage, ImageSource};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Packages that Layerfiles rely on besides a minimal system (see `spec/machine.md`).
const PACKAGES: &str = "bash,ca-certificates,curl,git,gnupg,lsb-release,procps,python3,sudo";

/// Lines of the program's output that an error tells.
const LAST_LINES: usize = 5;

/// Installs a suite unless it is there.
pub(super) fn prepare(
    suite: &str,
    mirror: Option<&str>,
    bases: &KeptBases,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<BaseImage, BackendError> {
    check_words(suite, mirror)?;
    let identity = identity(suite, mirror);
    let name = name(&identity);
    let directory = bases.directory().join(&name);
    let mirror_text = mirror.map(str::to_owned);
    bases
        .hold(&name, &ImageSource::Debootstrap { suite: suite.to_owned(), mirror: mirror_text })?;
    if !directory.is_dir() {
        let program = find()?;
        let _making = bases.making()?;
        let beside = bases.directory().join(format!("{NEW_PREFIX}{}", fresh_name()));
        fs::create_dir(&beside).doing(|| format!("make {}", beside.display()))?;
        place(install(&program, suite, mirror, &beside, progress), &beside, &directory)?;
    }
    Ok(BaseImage {
        identity,
        directories: vec![directory],
        notes: Vec::new(),
        environment: BTreeMap::new(),
    })
}

/// Whether a suite is installed.
pub(super) fn is_ready(suite: &str, mirror: Option<&str>, bases: &Path) -> bool {
    bases.join(name(&identity(suite, mirror))).is_dir()
}

fn name(identity: &[u8; 32]) -> String {
    let name: String = blake3::Hash::from_bytes(*identity).to_hex().chars().take(16).collect();
    format!("debootstrap-{name}")
}

fn identity(suite: &str, mirror: Option<&str>) -> [u8; 32] {
    let text = format!(
        "layerc debootstrap 1\0{suite}\0{}\0{PACKAGES}\0{}",
        mirror.unwrap_or_default(),
        std::env::consts::ARCH
    );
    *blake3::hash(text.as_bytes()).as_bytes()
}

/// Both become arguments of a program that runs as root.
fn check_words(suite: &str, mirror: Option<&str>) -> Result<(), BackendError> {
    let is_word = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    if suite.is_empty() || suite.starts_with(['-', '.']) || !is_word(suite) {
        return Err(BackendError::Unavailable(format!(
            "`{suite}` is not the name of a suite, like `bookworm`"
        )));
    }
    let schemes = ["http://", "https://", "file:///", "copy:///"];
    match mirror.filter(|mirror| !schemes.iter().any(|scheme| mirror.starts_with(scheme))) {
        Some(mirror) => Err(BackendError::Unavailable(format!(
            "`{mirror}` is not the address of a package archive"
        ))),
        None => Ok(()),
    }
}

fn find() -> Result<std::path::PathBuf, BackendError> {
    let Some(program) = program("debootstrap").or_else(|| {
        Some("/usr/sbin/debootstrap".into()).filter(|path: &std::path::PathBuf| path.is_file())
    }) else {
        return Err(BackendError::Unavailable(
            "the base needs the program `debootstrap`: install the package of that name (`apt-get install debootstrap`), \
             or map the image to `host` or to a `rootfs` archive"
                .to_owned(),
        ));
    };
    if rustix::process::geteuid().is_root() {
        return Ok(program);
    }
    Err(BackendError::Unavailable(
        "`debootstrap` works for root only: run once as root, or make an archive with `mmdebstrap` and use it as `rootfs`"
            .to_owned(),
    ))
}

fn install(
    program: &Path,
    suite: &str,
    mirror: Option<&str>,
    target: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(), BackendError> {
    progress(&format!("installing {suite} with debootstrap (once; takes minutes)"));
    let mut command = Command::new(program);
    command
        .arg("--variant=minbase")
        .arg(format!("--include={PACKAGES}"))
        .arg(suite)
        .arg(target)
        .args(mirror);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .env("DEBIAN_FRONTEND", "noninteractive");
    let mut child = command.spawn().doing(|| format!("run {}", program.display()))?;
    let mut last = Vec::new();
    for line in child
        .stdout
        .take()
        .map(BufReader::new)
        .into_iter()
        .flat_map(BufRead::lines)
        .map_while(Result::ok)
    {
        progress(&line);
        last.push(line);
        if last.len() > LAST_LINES {
            last.remove(0);
        }
    }
    let ended = child.wait().doing(|| format!("run {}", program.display()))?;
    if !ended.success() {
        return Err(BackendError::Unavailable(format!(
            "debootstrap could not install `{suite}`:\n{}",
            last.join("\n")
        )));
    }
    tidy(target).doing(|| format!("tidy {}", target.display()))
}

/// Machines begin without package lists, as the files expect (`apt-get update` first) and without fetched packages.
fn tidy(root: &Path) -> std::io::Result<()> {
    for (directory, kept) in
        [("var/cache/apt/archives", "partial"), ("var/lib/apt/lists", "partial")]
    {
        for entry in fs::read_dir(root.join(directory))?.flatten() {
            if entry.file_name() != *kept && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_could_be_options_are_refused() {
        for suite in ["", "--foreign", "a b", "../x", "bookworm;x"] {
            assert!(check_words(suite, None).is_err(), "{suite}");
        }
        assert!(check_words("bookworm", Some("--x")).is_err());
        assert!(check_words("bookworm", Some("https://deb.debian.org/debian")).is_ok());
        assert_ne!(identity("bookworm", None), identity("trixie", None));
    }
}
