//! The processes that descend from another one, by what the kernel tells of them (proc(5)).

use std::fs;

/// The children of a process, whichever of its threads made them.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let texts =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let numbers = |text: String| -> Vec<u32> {
        text.split_whitespace().filter_map(|number| number.parse().ok()).collect()
    };
    texts.flat_map(numbers).collect()
}
