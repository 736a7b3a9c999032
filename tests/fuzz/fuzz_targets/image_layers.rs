//! Any bytes as a layer of an image: nothing outside of its directory is touched, whatever the archive says.

#![no_main]

use layerc_executor::images::hostile::{remove, unpack_any};
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

/// In memory: a directory with a file that nobody may touch, and room beside it.
fn place() -> &'static PathBuf {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let place = PathBuf::from(format!("/dev/shm/layerc-fuzz-{}", std::process::id()));
        fs::create_dir_all(&place).expect("there is room in memory");
        fs::write(place.join("outside"), "as it was").expect("and for a file");
        place
    })
}

fuzz_target!(|bytes: &[u8]| {
    let target = place().join("target");
    fs::create_dir(&target).expect("the target is new");
    let _refused = unpack_any(bytes, &target);
    let mut names: Vec<_> =
        fs::read_dir(place()).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["outside", "target"], "something was made beside it");
    assert_eq!(fs::read(place().join("outside")).expect("it is there"), b"as it was");
    remove(&target).expect("what was unpacked can be removed");
});
