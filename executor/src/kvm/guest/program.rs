//! The agent as it goes into a guest: a small program that is built beside this one, or this very program, with the libraries
//! that it runs with if it was linked with any.
//!
//! Both come from the same sources; the small one holds nothing else. A guest's kernel copies every byte of what it boots from,
//! and the guest has it in memory from then on, in every state that is kept of it. Whether the one that lies there is of these
//! sources is known by asking it. Refuses to know what the agent does.

use super::initramfs::Initramfs;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// By this path programs name what loads their libraries; a link on most systems.
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// Name of the small program.
const NAME: &str = "layerc-agent";

/// What this was built from.
const SOURCES: &str = env!("LAYERC_EXECUTOR_SOURCES");

/// A program whose `main` begins with [`run_if_agent`](crate::agent::run_if_agent).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentProgram {
    path: PathBuf,
    libraries: BTreeSet<String>,
}

impl AgentProgram {
    /// The small one beside this program if there is one of these sources, else this one, which is the running one or linked like
    /// it.
    ///
    /// # Errors
    /// When this process can't be looked at.
    pub fn beside(program: &Path) -> io::Result<Self> {
        match small_one(program) {
            Some(small) => Ok(small),
            None => Ok(Self { path: program.to_owned(), libraries: libraries()? }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An archive with the program and its libraries.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn archive(&self) -> io::Result<Initramfs> {
        let mut initramfs = Initramfs::new(&self.path)?;
        for library in &self.libraries {
            initramfs.add_program(Path::new(library), library)?;
        }
        if !self.libraries.is_empty() && !self.libraries.contains(LOADER) {
            initramfs.add_program(Path::new(LOADER), LOADER)?;
        }
        Ok(initramfs)
    }
}

/// What a program says of itself that may be the small one: its sources, and the libraries that it runs with, a line each.
///
/// # Errors
/// When this process can't be looked at.
pub fn description() -> io::Result<String> {
    let libraries = libraries()?;
    let lines = std::iter::once(SOURCES.to_owned()).chain(libraries);
    Ok(lines.map(|line| line + "\n").collect())
}

fn small_one(program: &Path) -> Option<AgentProgram> {
    let path = fs::canonicalize(program).ok()?.with_file_name(NAME);
    let mut command = Command::new(&path);
    command.env_clear().stdin(Stdio::null()).stderr(Stdio::null());
    let said = command.output().ok().filter(|output| output.status.success())?;
    let libraries = described(std::str::from_utf8(&said.stdout).ok()?)?;
    Some(AgentProgram { path, libraries })
}

/// The libraries in a description of a program of these sources.
fn described(text: &str) -> Option<BTreeSet<String>> {
    let mut lines = text.lines();
    (lines.next() == Some(SOURCES)).then(|| lines.map(str::to_owned).collect())
}

/// The libraries that are mapped into this process.
fn libraries() -> io::Result<BTreeSet<String>> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let paths = maps.lines().filter_map(|line| line.get(line.find('/')?..));
    let is_library = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        name.ends_with(".so") || name.contains(".so.")
    };
    Ok(paths.filter(is_library).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_description_is_understood_by_those_of_the_same_sources() {
        let described_here = described(&description().unwrap()).unwrap();
        assert_eq!(described_here, libraries().unwrap());
        assert_eq!(described("0123\n/lib/libc.so.6\n"), None);
        assert_eq!(described(""), None);
    }

    /// A directory with a program, and a small one that answers this.
    fn place(answer: &str) -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let program = place.path().join("layerc");
        fs::write(&program, "").unwrap();
        let small = place.path().join(NAME);
        fs::write(&small, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
        fs::set_permissions(&small, fs::Permissions::from_mode(0o755)).unwrap();
        (place, program)
    }

    #[test]
    fn the_small_program_is_taken_if_it_is_of_these_sources() {
        let (_kept, program) = place(&format!("{SOURCES}\n/lib/some.so.1"));
        let taken = AgentProgram::beside(&program).unwrap();
        assert!(taken.path().ends_with(NAME), "{taken:?}");
        assert_eq!(taken.libraries.into_iter().collect::<Vec<_>>(), ["/lib/some.so.1"]);
    }

    #[test]
    fn one_of_other_sources_is_not() {
        let (_kept, program) = place("0123456789abcdef");
        let taken = AgentProgram::beside(&program).unwrap();
        assert_eq!((taken.path(), &taken.libraries), (&*program, &libraries().unwrap()));
    }
}
