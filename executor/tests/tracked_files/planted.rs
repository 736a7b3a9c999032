//! Every kind of dependency, planted: a step reads in one way, the repository changes in one way, the change must be found;
//! and a change beside it must not.

use super::world::World;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// The tests by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("content", content),
    ("content_of_a_large_file", content_of_a_large_file),
    ("content_of_an_empty_file", content_of_an_empty_file),
    ("absence", absence),
    ("absence_of_a_directory", absence_of_a_directory),
    ("listing", listing),
    ("listing_of_kinds", listing_of_kinds),
    ("attributes", attributes),
    ("mode", mode),
    ("mode_of_a_file_that_is_read", mode_of_a_file_that_is_read),
    ("mode_of_a_directory_on_the_way", mode_of_a_directory_on_the_way),
    ("permission_denied", permission_denied),
    ("link", link),
    ("exec", exec),
    ("mmap", mmap),
    ("rename_over", rename_over),
    ("hard_link", hard_link),
    ("glob", glob),
    ("symlinked_directory", symlinked_directory),
    ("directory_replaced_by_a_link", directory_replaced_by_a_link),
    ("copy_up", copy_up),
    ("overwriting", overwriting),
    ("opening", opening),
];

/// A repository with one of everything.
pub(crate) fn make_repository(root: &Path) {
    for (path, text) in [
        ("plain", "one\n"),
        ("other", "two\n"),
        ("empty", ""),
        ("src/a.c", "int a;\n"),
        ("src/b.c", "int b;\n"),
        ("src/deep/inner", "inner\n"),
        ("second/inner", "INNER\n"),
        (".git/HEAD", "ref\n"),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    symlink("src/a.c", root.join("link")).unwrap();
    symlink("src/deep", root.join("way")).unwrap();
    fs::hard_link(root.join("plain"), root.join("twin")).unwrap();
}

/// The same with a large file in every directory, so that each of them is in the mount for large files too.
pub(crate) fn make_repository_with_large_files(root: &Path) {
    make_repository(root);
    for directory in ["", "src", "src/deep", "second"] {
        let file = fs::File::create(root.join(directory).join("large")).unwrap();
        file.set_len(LARGE_FILE_BYTES).unwrap();
    }
}

/// The size from which on files are served through a mount of their own.
pub(crate) const LARGE_FILE_BYTES: u64 = 1 << 20;

/// Reads `script`; nothing may differ before the edit, exactly `found` after it.
fn check_planted(script: &str, edit: impl Fn(&Path), found: &[&str]) {
    check_planted_in(make_repository, script, &edit, found);
    check_planted_in(make_repository_with_large_files, script, &edit, found);
}

fn check_planted_in(make: fn(&Path), script: &str, edit: &impl Fn(&Path), found: &[&str]) {
    let world = World::new(make);
    world.bash(script);
    let reads = world.server.take_reads();
    let differences =
        || super::world::described(world.repository.differences(&reads).unwrap().iter());
    assert_eq!(differences(), [""; 0], "nothing has changed yet");
    fs::write(world.outside("other"), "unread\n").unwrap();
    fs::write(world.outside("src/deep/unread"), "unread\n").unwrap();
    assert_eq!(differences(), [""; 0], "what was not read has changed");
    edit(&world.outside(""));
    assert_eq!(differences(), found, "read: {:?}", super::world::described(reads.answers.keys()));
    assert_eq!(world.changed(), found, "the server knows too");
}

fn write(root: &Path, path: &str, text: &str) {
    fs::write(root.join(path), text).unwrap();
}

fn content() {
    check_planted("cat app/plain", |root| write(root, "plain", "ONE\n"), &["plain Content"]);
}

fn content_of_a_large_file() {
    let world = World::new(|root| fs::write(root.join("large"), vec![1; 3_000_000]).unwrap());
    world.bash("tail -c 10 app/large");
    assert_eq!(world.reads(), [". Existence", "large Content"]);
    let mut bytes = vec![1; 3_000_000];
    bytes[5] = 2;
    fs::write(world.outside("large"), bytes).unwrap();
    assert_eq!(world.changed(), ["large Content"], "a change where nobody looked is one too");
}

fn content_of_an_empty_file() {
    check_planted("cat app/empty", |root| write(root, "empty", "x"), &["empty Attributes"]);
}

fn absence() {
    check_planted("cat app/missing", |root| write(root, "missing", ""), &["missing Existence"]);
}

fn absence_of_a_directory() {
    let edit = |root: &Path| fs::create_dir(root.join("no")).unwrap();
    check_planted("cat app/no/such/file", edit, &["no Existence"]);
}

fn listing() {
    check_planted("ls app/src", |root| write(root, "src/c.c", ""), &["src Listing"]);
    check_planted(
        "ls app/src",
        |root| fs::remove_file(root.join("src/b.c")).unwrap(),
        &["src Listing"],
    );
}

fn listing_of_kinds() {
    let edit = |root: &Path| {
        fs::remove_file(root.join("src/b.c")).unwrap();
        fs::create_dir(root.join("src/b.c")).unwrap();
    };
    check_planted("ls app/src", edit, &["src Listing"]);
}

fn attributes() {
    check_planted("stat app/plain", |root| write(root, "plain", "longer\n"), &["plain Attributes"]);
}

fn set_mode(root: &Path, path: &str, mode: u32) {
    fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
}

fn mode() {
    check_planted(
        "test -x app/plain",
        |root| set_mode(root, "plain", 0o755),
        &["plain Attributes"],
    );
}

fn mode_of_a_file_that_is_read() {
    check_planted("cat app/plain", |root| set_mode(root, "plain", 0o755), &["plain Content"]);
}

fn mode_of_a_directory_on_the_way() {
    check_planted("cat app/src/a.c", |root| set_mode(root, "src", 0o700), &["src Existence"]);
}

/// The kernel refuses by the permission bits, without asking for the content.
fn permission_denied() {
    let world = World::new(|root| {
        make_repository(root);
        set_mode(root, "plain", 0o600);
    });
    let script = "setpriv --reuid 65534 --regid 65534 --clear-groups cat app/plain";
    assert!(world.bash(script).contains("Permission denied"));
    assert_eq!(world.reads(), [". Existence", "plain Attributes"]);
    set_mode(&world.outside(""), "plain", 0o644);
    assert_eq!(world.changed(), ["plain Attributes"]);
}

fn link() {
    let edit = |root: &Path| {
        fs::remove_file(root.join("link")).unwrap();
        symlink("src/b.c", root.join("link")).unwrap();
    };
    check_planted("readlink app/link", edit, &["link Link"]);
}

fn copy_program(root: &Path, from: &str, to: &str) {
    fs::copy(fs::canonicalize(from).unwrap(), root.join(to)).unwrap();
    set_mode(root, to, 0o755);
}

fn append(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
}

fn exec() {
    let world = World::new(|root| copy_program(root, "/bin/true", "tool"));
    assert_eq!(world.bash("app/tool && echo ran"), "ran\n");
    assert_eq!(world.reads(), [". Existence", "tool Content"]);
    append(&world.outside("tool"));
    assert_eq!(world.changed(), ["tool Content"]);
}

/// The dynamic loader maps a library.
fn mmap() {
    let Ok(library) = library() else {
        println!("SKIPPED: mmap (no libc.so.6 found by ldd)");
        return;
    };
    let world = World::new(|root| copy_program(root, &library, "libc.so.6"));
    assert_eq!(world.bash("LD_LIBRARY_PATH=$PWD/app /bin/true && echo ran"), "ran\n");
    assert!(world.reads().contains(&"libc.so.6 Content".to_owned()));
    append(&world.outside("libc.so.6"));
    assert_eq!(world.changed(), ["libc.so.6 Content"]);
}

fn library() -> Result<String, std::io::Error> {
    let output = Command::new("ldd").arg("/bin/true").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains("libc.so.6 =>"));
    line.and_then(|line| line.split_whitespace().nth(2))
        .map(str::to_owned)
        .ok_or_else(|| std::io::Error::other("no libc"))
}

fn rename_over() {
    check_planted(
        "cat app/plain",
        |root| {
            write(root, "new", "new\n");
            fs::rename(root.join("new"), root.join("plain")).unwrap();
        },
        &["plain Content"],
    );
}

fn hard_link() {
    check_planted("cat app/plain", |root| write(root, "twin", "ONE\n"), &["plain Content"]);
}

fn glob() {
    check_planted("echo app/src/*.c", |root| write(root, "src/new.c", ""), &["src Listing"]);
}

fn symlinked_directory() {
    check_planted(
        "cat app/way/inner",
        |root| write(root, "src/deep/inner", "INNER\n"),
        &["src/deep/inner Content"],
    );
    let turn = |root: &Path| {
        fs::remove_file(root.join("way")).unwrap();
        symlink("second", root.join("way")).unwrap();
    };
    check_planted("cat app/way/inner", turn, &["way Attributes", "way Link"]);
}

fn directory_replaced_by_a_link() {
    let edit = |root: &Path| {
        fs::rename(root.join("src"), root.join("elsewhere")).unwrap();
        symlink("elsewhere", root.join("src")).unwrap();
    };
    check_planted("cat app/src/a.c", edit, &["src Existence", "src/a.c Content"]);
}

/// Changing the mode of a file copies it up: a reading of its content.
fn copy_up() {
    check_planted("chmod 700 app/plain", |root| write(root, "plain", "ONE\n"), &["plain Content"]);
}

/// Overwriting keeps nothing of the content.
fn overwriting() {
    check_planted("echo own > app/plain", |root| write(root, "plain", "ONE\n"), &[]);
}

/// Opening asks for no byte.
fn opening() {
    check_planted("exec < app/plain", |root| write(root, "plain", "ONE\n"), &[]);
    check_planted("exec < app/plain", |root| write(root, "plain", "more\n"), &["plain Attributes"]);
}
