//! Loads the kernel's modules that came along, in the order they are listed. Which those are was decided when the
//! archive was made.

use super::super::failure::{Doing, Failure};
use super::MODULE_LIST;
use rustix::io::Errno;
use std::fs;

/// Loads all of them.
pub(super) fn load() -> Result<(), Failure> {
    let list = fs::read_to_string(MODULE_LIST).unwrap_or_default();
    for path in list.lines().filter(|line| !line.is_empty()) {
        load_file(path)?;
    }
    Ok(())
}

/// Loads one. If the kernel has it already, or it finds nothing it is for, that is no failure.
pub(super) fn load_file(path: &str) -> Result<(), Failure> {
    let image = fs::read(path).doing(|| format!("read the module {path}"))?;
    match rustix::system::init_module(&image, c"") {
        Ok(()) | Err(Errno::EXIST | Errno::NODEV) => {}
        Err(error) => return Err(error).doing(|| format!("load the module {path}")),
    }
    // Memory of the archive is the machine's: what was loaded isn't needed twice.
    let _kept = fs::remove_file(path);
    Ok(())
}
