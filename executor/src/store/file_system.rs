//! Tells whether a directory is on a file system that a store can live on, and whether there is room left.

use std::path::Path;

/// Magic numbers of `statfs`, from the kernel's `include/uapi/linux/magic.h` and the file systems' own sources.
const UNSUITABLE: [(u64, &str, &str); 7] = [
    (0x794c_7630, "overlay", "layers can't be stacked on another overlay"),
    (0x6969, "nfs", "its locks and memory maps don't hold between machines"),
    (0xfe53_4d42, "smb", "its locks and memory maps don't hold between machines"),
    (0xff53_4d42, "cifs", "its locks and memory maps don't hold between machines"),
    (0x0102_1997, "9p", "its memory maps aren't coherent"),
    (0x6573_5546, "fuse", "layers can't be stacked on it"),
    (0x4d44, "fat", "it has neither modes nor links"),
];

/// A sentence about why `directory` is a bad place for a store, if it is one.
pub fn unsuitable(directory: &Path) -> Option<String> {
    let answer = rustix::fs::statfs(directory).ok()?;
    let kind = u64::try_from(answer.f_type).ok()?;
    let (_, name, why) = UNSUITABLE.iter().find(|(magic, _, _)| *magic == kind)?;
    Some(format!(
        "the store `{}` is on a file system of type {name}: {why}; choose a place on ext4, xfs, btrfs or tmpfs with \
         `--store DIRECTORY`",
        directory.display()
    ))
}

/// A file system with less than one of so many parts free is nearly full.
const NEARLY_FULL_PARTS: u64 = 20;

/// Whether so little is left where the store lies that nothing should be kept that nobody asked for. Not known counts
/// as room enough.
pub(crate) fn is_nearly_full(store: &Path) -> bool {
    rustix::fs::statvfs(store)
        .is_ok_and(|space| space.f_bavail.saturating_mul(NEARLY_FULL_PARTS) < space.f_blocks)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_process_file_system_is_not_said_to_be_unsuitable_by_mistake() {
        assert_eq!(super::unsuitable(std::path::Path::new("/proc")), None);
    }
}
