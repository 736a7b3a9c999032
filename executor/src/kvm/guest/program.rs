//! The agent as it goes into a guest: this very program, with the libraries that it is running with if it was linked
//! with any.

use super::initramfs::Initramfs;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// By this path programs name what loads their libraries; a link on most systems.
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// An archive with the program, and with the libraries of this process.
///
/// # Errors
/// When one of them can't be read.
pub fn with_libraries(program: &Path) -> io::Result<Initramfs> {
    let mut initramfs = Initramfs::new(program)?;
    let libraries = libraries()?;
    for library in &libraries {
        initramfs.add_program(Path::new(library), library)?;
    }
    if !libraries.is_empty() && !libraries.contains(LOADER) {
        initramfs.add_program(Path::new(LOADER), LOADER)?;
    }
    Ok(initramfs)
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
