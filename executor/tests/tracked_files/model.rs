//! Random operations by a step, against a model that says what each must have noted.

use super::world::World;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// The tests by name.
pub(crate) const TESTS: &[(&str, fn())] =
    &[("random_operations_note_what_the_model_says", random_operations)];

const WORLDS: u64 = 12;
const OPERATIONS: usize = 120;

/// All paths that operations use; the lower-case directories are there, the others are not.
const DIRECTORIES: &[&str] = &["a", "a/b", "a/b/c", "d"];
const FILES: &[&str] = &["f", "a/f", "a/g", "a/b/f", "a/b/c/f", "d/empty", "empty"];
const LINKS: &[&str] = &["l", "a/l", "a/b/c/l"];
const MISSING: &[&str] = &["X", "a/X", "a/b/c/X", "X/Y", "f/X", "d/X", "a/b/X/Y"];

fn make_tree(root: &Path) {
    for directory in DIRECTORIES {
        fs::create_dir(root.join(directory)).unwrap();
    }
    for file in FILES {
        let text = if file.ends_with("empty") { String::new() } else { format!("text of {file}") };
        fs::write(root.join(file), text).unwrap();
    }
    for link in LINKS {
        symlink("nowhere", root.join(link)).unwrap();
    }
}

/// What a step does with a path.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Stat,
    Read,
    List,
    ReadLink,
}

fn random_operations() {
    for seed in 1..=WORLDS {
        let world = World::new(make_tree);
        let mut dice = Dice(seed);
        let mut model = Model::default();
        for step in 0..OPERATIONS {
            if dice.below(8) == 0 {
                assert_eq!(world.reads(), model.take(), "seed {seed}, step {step}");
            }
            let all = [DIRECTORIES, FILES, LINKS, MISSING].concat();
            let path = all[dice.below(all.len())];
            let operation =
                [Operation::Stat, Operation::Read, Operation::List, Operation::ReadLink]
                    [dice.below(4)];
            operate(operation, &world.machine("app").join(path));
            model.operate(operation, path);
        }
        assert_eq!(world.reads(), model.take(), "seed {seed}, end");
        assert_eq!(world.changed(), [""; 0]);
    }
}

fn operate(operation: Operation, place: &Path) {
    match operation {
        Operation::Stat => drop(fs::symlink_metadata(place)),
        Operation::Read => drop(fs::read(place)),
        Operation::List => drop(fs::read_dir(place).map(Iterator::count)),
        Operation::ReadLink => drop(fs::read_link(place)),
    }
}

/// What must have been noted.
#[derive(Default)]
struct Model {
    known: BTreeSet<(String, Noted)>,
    fresh: BTreeSet<(String, Noted)>,
}

/// The questions, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Noted {
    Existence,
    Attributes,
    Listing,
    Link,
    Content,
}

impl Model {
    fn operate(&mut self, operation: Operation, path: &str) {
        self.note("", Noted::Existence);
        let ends: Vec<_> =
            path.match_indices('/').map(|(end, _)| end).chain([path.len()]).collect();
        for end in ends {
            let part = &path[..end];
            if FILES.contains(&part) || LINKS.contains(&part) {
                self.note(part, Noted::Attributes);
                if end == path.len() {
                    self.look_inside(operation, path);
                }
                return;
            }
            self.note(part, Noted::Existence);
            if !DIRECTORIES.contains(&part) {
                return;
            }
        }
        if matches!(operation, Operation::List) {
            self.note(path, Noted::Listing);
        }
    }

    fn look_inside(&mut self, operation: Operation, path: &str) {
        if LINKS.contains(&path) {
            if !matches!(operation, Operation::Stat) {
                self.note(path, Noted::Link);
            }
            if matches!(operation, Operation::Read | Operation::List) {
                let parent = path.rfind('/').map_or("", |slash| &path[..=slash]);
                self.note(&format!("{parent}nowhere"), Noted::Existence);
            }
        } else if matches!(operation, Operation::Read) && !path.ends_with("empty") {
            self.note(path, Noted::Content);
        }
    }

    fn note(&mut self, path: &str, noted: Noted) {
        if self.known.insert((path.to_owned(), noted)) {
            self.fresh.insert((path.to_owned(), noted));
        }
    }

    /// What is new, less what the content of the same file says already.
    fn take(&mut self) -> Vec<String> {
        let fresh = std::mem::take(&mut self.fresh);
        let said = |path: &String, noted: &Noted| {
            *noted == Noted::Attributes && fresh.contains(&(path.clone(), Noted::Content))
        };
        fresh
            .iter()
            .filter(|(path, noted)| !said(path, noted))
            .map(|(path, noted)| format!("{} {noted:?}", if path.is_empty() { "." } else { path }))
            .collect()
    }
}

/// Repeatable chance (a multiplicative congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}
