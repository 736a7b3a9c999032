//! Large files: served by the kernel from the disk, noted like any others.

use super::planted::{LARGE_FILE_BYTES, make_repository, make_repository_with_large_files};
use super::world::World;
use std::fs;
use std::path::Path;

/// The tests by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    (
        "only_trees_with_large_files_are_mounted_twice",
        only_trees_with_large_files_are_mounted_twice,
    ),
    ("large_files_arrive_whole", large_files_arrive_whole),
    ("looking_at_a_large_file_does_not_read_it", looking_at_a_large_file_does_not_read_it),
    ("opening_a_large_file_reads_it", opening_a_large_file_reads_it),
    ("a_large_file_is_written_in_the_machine", a_large_file_is_written_in_the_machine),
    ("a_machine_keeps_the_large_file_it_saw", a_machine_keeps_the_large_file_it_saw),
];

fn only_trees_with_large_files_are_mounted_twice() {
    let world = World::new(make_repository);
    assert!(world.mount("c0/app/src").is_dir());
    assert!(!world.large_files("c0").exists());
    let world = World::new(|root| {
        make_repository(root);
        large(root, "src/deep/large", 7);
    });
    for (path, expected) in
        [("src/deep/large", true), ("src/deep", true), ("src/deep/inner", false), ("second", false)]
    {
        // In the order in which an overlay asks.
        let is_above = world.mount("c0/app").join(path).exists();
        assert_eq!(world.large_files("c0/app").join(path).exists(), expected, "{path}");
        assert_eq!(is_above, path != "src/deep/large", "{path}");
    }
}

/// Bytes that differ from place to place.
fn large(root: &Path, path: &str, seed: usize) {
    let bytes: Vec<u8> =
        (0..LARGE_FILE_BYTES as usize + 12_345).map(|at| ((at * seed) >> 8) as u8).collect();
    fs::write(root.join(path), bytes).unwrap();
}

fn large_files_arrive_whole() {
    let world = World::new(|root| {
        make_repository(root);
        large(root, "src/large", 3);
        large(root, "second/large", 5);
    });
    for path in ["src/large", "second/large"] {
        let machine = world.machine("app").join(path);
        assert!(fs::read(&machine).unwrap() == fs::read(world.outside(path)).unwrap(), "{path}");
        assert_eq!(fs::metadata(machine).unwrap().len(), LARGE_FILE_BYTES + 12_345);
    }
    assert_eq!(
        world.bash("cmp app/src/large app/src/large; tail -c 1 app/src/large | wc -c"),
        "1\n"
    );
    let expected = [
        ". Existence",
        "second Existence",
        "second/large Content",
        "src Existence",
        "src/large Content",
    ];
    assert_eq!(world.reads(), expected);
    large(&world.outside(""), "src/large", 9);
    assert_eq!(world.changed(), ["src/large Content"]);
}

fn looking_at_a_large_file_does_not_read_it() {
    let world = World::new(make_repository_with_large_files);
    assert_eq!(world.bash("ls app/src"), "a.c\nb.c\ndeep\nlarge\n");
    assert_eq!(world.reads(), [". Existence", "src Existence", "src Listing"]);
    assert_eq!(world.bash("stat -c %s app/src/large; test -e app/src/missing"), "1048576\n");
    assert_eq!(world.reads(), ["src/large Attributes", "src/missing Existence"]);
    fs::write(world.outside("src/deep/large"), "not looked at").unwrap();
    fs::write(world.outside("src/large"), vec![1; LARGE_FILE_BYTES as usize]).unwrap();
    assert_eq!(world.changed(), [""; 0]);
}

fn opening_a_large_file_reads_it() {
    let world = World::new(make_repository_with_large_files);
    world.bash("exec < app/large");
    assert_eq!(world.reads(), [". Existence", "large Content"]);
}

fn a_large_file_is_written_in_the_machine() {
    let world = World::new(make_repository_with_large_files);
    world.bash("echo own > app/large; echo more >> app/src/large; rm app/second/large; mv app/src/deep/large app/moved");
    assert_eq!(
        world.bash("cat app/large; tail -c 5 app/src/large; ls app/second"),
        "own\nmore\ninner\n"
    );
    assert_eq!(world.bash("stat -c %s app/moved"), "1048576\n");
    let contents: Vec<_> =
        world.reads().into_iter().filter(|read| read.ends_with("Content")).collect();
    // Even what is overwritten: the overlay opens it, and for a large file that is reading.
    let expected = ["large Content", "src/deep/large Content", "src/large Content"];
    assert_eq!(contents, expected);
    assert_eq!(fs::metadata(world.outside("large")).unwrap().len(), LARGE_FILE_BYTES);
}

fn a_machine_keeps_the_large_file_it_saw() {
    let world = World::new(|root| large(root, "large", 3));
    let first = fs::read(world.machine("app/large")).unwrap();
    assert_eq!(world.reads(), [". Existence", "large Content"]);
    large(&world.outside(""), "new", 5);
    fs::rename(world.outside("new"), world.outside("large")).unwrap();
    assert!(fs::read(world.machine("app/large")).unwrap() == first);
    assert_eq!(world.changed(), ["large Content"]);
}
