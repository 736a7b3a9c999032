//! How the repository looks to a machine, and what is noted when.

use super::planted::make_repository;
use super::world::World;
use layerc_executor::read_set::{FingerprintSource, Question, TrackedPath};
use layerc_executor::tracked::{GitDirectories, RepositoryOptions};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

/// The tests by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("walking_lists_nothing", walking_lists_nothing),
    ("listing_looks_nothing_up", listing_looks_nothing_up),
    ("a_question_is_noted_once", a_question_is_noted_once),
    ("the_reader_is_named", the_reader_is_named),
    ("git_directories_and_special_files_are_hidden", git_directories_and_special_files_are_hidden),
    ("git_directories_can_be_shown", git_directories_can_be_shown),
    ("everything_is_root_s_and_nothing_is_set_id", everything_is_root_s_and_nothing_is_set_id),
    ("inode_numbers_are_the_same_in_every_machine", inode_numbers_are_the_same_in_every_machine),
    ("the_mount_itself_takes_no_writes", the_mount_itself_takes_no_writes),
    ("writes_stay_in_the_machine", writes_stay_in_the_machine),
    ("any_name_can_be_read", any_name_can_be_read),
    ("links_do_not_lead_out_of_the_repository", links_do_not_lead_out_of_the_repository),
    ("entries_lie_over_each_other", entries_lie_over_each_other),
    ("a_change_during_the_run_is_found", a_change_during_the_run_is_found),
    ("a_change_within_the_clock_s_tick_is_found", a_change_within_the_clock_s_tick_is_found),
    ("a_second_answer_is_told", a_second_answer_is_told),
    ("layers_come_while_mounted", layers_come_while_mounted),
    ("a_copy_to_the_machine_s_root", a_copy_to_the_machine_s_root),
    ("a_copy_of_one_file", a_copy_of_one_file),
    ("names_arrive_whole", names_arrive_whole),
    ("bytes_arrive_whole", bytes_arrive_whole),
    ("bulk_and_single_answers_agree", bulk_and_single_answers_agree),
];

fn walking_lists_nothing() {
    let world = World::new(make_repository);
    world.bash("cat app/src/deep/inner");
    assert_eq!(
        world.reads(),
        [". Existence", "src Existence", "src/deep Existence", "src/deep/inner Content"]
    );
}

fn listing_looks_nothing_up() {
    let world = World::new(make_repository);
    world.bash("ls app/src; find app/src -name '*.c'; echo app/src/*");
    assert_eq!(
        world.reads(),
        [". Existence", "src Existence", "src Listing", "src/deep Existence", "src/deep Listing"]
    );
}

fn a_question_is_noted_once() {
    let world = World::new(make_repository);
    world.bash("cat app/plain app/plain");
    assert_eq!(world.reads(), [". Existence", "plain Content"]);
    world.bash("cat app/plain; test -e app/missing");
    assert_eq!(world.reads(), ["missing Existence"]);
    fs::write("/proc/sys/vm/drop_caches", "2").ok();
    world.bash("cat app/plain; test -e app/missing; ls app");
    assert_eq!(world.reads(), [". Listing"], "the kernel's forgetting changes nothing");
    assert_eq!(world.changed(), [""; 0]);
}

fn the_reader_is_named() {
    let world = World::new(make_repository);
    world.bash("sleep 0.05; cat app/plain");
    let reads = world.server.take_reads();
    let answer = &reads.answers[&(TrackedPath::new("plain"), Question::Content)];
    assert_eq!(answer.reader.command, "cat");
    assert_ne!(answer.reader.pid, 0);
}

fn make_strange_things(root: &std::path::Path) {
    make_repository(root);
    fs::create_dir_all(root.join("src/.git")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe"), rustix::fs::Mode::RWXU).unwrap();
    drop(UnixListener::bind(root.join("socket")).unwrap());
}

fn git_directories_and_special_files_are_hidden() {
    let world = World::new(make_strange_things);
    assert_eq!(
        world
            .bash("ls -A app app/src")
            .split_whitespace()
            .filter(|name| [".git", "pipe", "socket"].contains(name))
            .count(),
        0
    );
    for path in ["app/.git", "app/src/.git", "app/pipe", "app/socket"] {
        assert!(!world.machine(path).exists(), "{path}");
    }
    world.reads();
    assert_eq!(world.changed(), [""; 0]);
}

fn git_directories_can_be_shown() {
    let options = RepositoryOptions {
        git_directories: GitDirectories::Shown,
        ..RepositoryOptions::default()
    };
    let world = World::with(make_repository, &[("", "/app")], options);
    assert_eq!(world.bash("cat app/.git/HEAD"), "ref\n");
    assert!(world.bash("ls -A app").contains(".git"));
    world.reads();
    assert_eq!(world.changed(), [""; 0]);
}

fn everything_is_root_s_and_nothing_is_set_id() {
    let world = World::new(|root| {
        make_repository(root);
        std::os::unix::fs::chown(root.join("plain"), Some(1234), Some(1234)).unwrap();
        fs::set_permissions(root.join("plain"), fs::Permissions::from_mode(0o6755)).unwrap();
    });
    let (seen, real) = (
        fs::metadata(world.machine("app/plain")).unwrap(),
        fs::metadata(world.outside("plain")).unwrap(),
    );
    assert_eq!((seen.uid(), seen.gid(), seen.mode()), (0, 0, 0o100_755));
    assert_eq!((seen.mtime(), seen.mtime_nsec()), (real.mtime(), real.mtime_nsec()));
    assert_eq!((seen.len(), seen.nlink()), (4, 1));
}

fn inode_numbers_are_the_same_in_every_machine() {
    let (first, second) = (World::new(make_repository), World::new(make_repository));
    let number =
        |world: &World, path: &str| fs::symlink_metadata(world.machine(path)).unwrap().ino();
    for path in ["app/plain", "app/link", "app/src/a.c"] {
        assert_eq!(number(&first, path), number(&second, path), "{path}");
    }
    assert_ne!(number(&first, "app/plain"), number(&first, "app/twin"));
}

fn the_mount_itself_takes_no_writes() {
    let world = World::new(make_repository);
    assert!(fs::read(world.mount("c0/app/plain")).is_ok());
    let refused = |result: std::io::Result<()>| {
        assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    };
    refused(fs::write(world.mount("c0/app/plain"), "x"));
    refused(fs::write(world.mount("c0/app/fresh"), "x"));
    refused(fs::create_dir(world.mount("c0/app/fresh")));
    refused(fs::remove_file(world.mount("c0/app/plain")));
    refused(fs::set_permissions(world.mount("c0/app/plain"), fs::Permissions::from_mode(0o000)));
}

fn writes_stay_in_the_machine() {
    let world = World::new(make_repository);
    world.bash("echo mine > app/plain; rm -r app/src; mkdir app/src; echo x > app/src/x; mv app/other app/moved");
    assert_eq!(world.bash("cat app/plain app/moved; ls app/src"), "mine\ntwo\nx\n");
    assert_eq!(fs::read_to_string(world.outside("plain")).unwrap(), "one\n");
    assert!(world.outside("src/a.c").exists());
    world.reads();
    assert_eq!(world.changed(), [""; 0]);
}

fn any_name_can_be_read() {
    let name = OsStr::from_bytes(b"\xff new\nline \\ \"'");
    let world = World::new(|root| {
        fs::create_dir(root.join(name)).unwrap();
        fs::write(root.join(name).join(name), "strange").unwrap();
    });
    assert_eq!(fs::read(world.machine("app").join(name).join(name)).unwrap(), b"strange");
    assert_eq!(
        fs::read_dir(world.machine("app")).unwrap().next().unwrap().unwrap().file_name(),
        name
    );
    let reads = world.server.take_reads();
    let path = [name.as_bytes(), b"/", name.as_bytes()].concat();
    assert!(reads.answers.contains_key(&(TrackedPath::new(path), Question::Content)));
    assert_eq!(world.repository.differences(&reads).unwrap(), []);
}

fn links_do_not_lead_out_of_the_repository() {
    let secret = tempfile::tempdir().unwrap();
    fs::write(secret.path().join("key"), "secret").unwrap();
    let make = |root: &std::path::Path| {
        symlink(secret.path(), root.join("out")).unwrap();
        symlink("..", root.join("up")).unwrap();
    };
    let world = World::copying(
        make,
        &[("out/key", "/stolen"), ("up/repository", "/upstairs"), ("..", "/parent"), ("", "/app")],
    );
    for path in ["stolen", "upstairs", "parent"] {
        assert!(!world.machine(path).exists(), "{path}");
    }
    assert_eq!(
        fs::read_link(world.machine("app/out")).unwrap(),
        secret.path(),
        "a link is shown, and leads into the machine"
    );
    let absent =
        world.repository.fingerprint(&TrackedPath::new("nothing"), Question::Content).unwrap();
    for path in ["out/key", "up/repository", "../repository", "..", "up/."] {
        let path = TrackedPath::new(path);
        let single = world.repository.fingerprint(&path, Question::Existence).unwrap();
        let bulk = world.repository.fingerprints(&[(&path, Question::Existence)]).unwrap();
        assert_eq!((single, bulk), (absent, vec![absent]), "{path}");
    }
}

fn entries_lie_over_each_other() {
    let make = |root: &std::path::Path| {
        for (path, text) in [
            ("one/same", "1"),
            ("one/only1", "1"),
            ("one/sub/x", "1"),
            ("two/same", "2"),
            ("two/only2", "2"),
            ("two/sub/y", "2"),
            ("file", "f"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    };
    let world = World::copying(
        make,
        &[("one", "/d"), ("two", "/d"), ("file", "/d/sub/file"), ("file", "/d/only1")],
    );
    assert_eq!(
        world.bash("cd d; ls . sub; cat same only1 only2 sub/x sub/y sub/file"),
        ".:\nonly1\nonly2\nsame\nsub\n\nsub:\nfile\nx\ny\n2f212f"
    );
    let reads = world.reads();
    for read in [
        "one Listing",
        "two Listing",
        "two/same Content",
        "file Content",
        "one/sub/x Content",
        "two/sub/y Content",
    ] {
        assert!(reads.contains(&read.to_owned()), "{read} in {reads:?}");
    }
    assert!(!reads.contains(&"one/same Content".to_owned()), "what is hidden is not read");
    assert_eq!(world.changed(), [""; 0]);
}

fn a_change_during_the_run_is_found() {
    let world = World::new(|root| {
        make_repository(root);
        fs::write(root.join("large"), vec![1; 1_000_000]).unwrap();
    });
    world.bash("cat app/large app/plain; ls app/src");
    fs::write(world.outside("large"), vec![2; 1_000_000]).unwrap();
    world.reads();
    assert!(
        world.changed().contains(&"large Content".to_owned()),
        "hashed too late to know what was read"
    );
    fs::write(world.outside("plain"), "ONE\n").unwrap();
    fs::write(world.outside("src/more"), "").unwrap();
    assert_eq!(world.changed(), ["large Content", "plain Content", "src Listing"]);
    fs::write(world.outside("plain"), "one\n").unwrap();
    fs::remove_file(world.outside("src/more")).unwrap();
    assert_eq!(world.changed(), ["large Content"], "what is as it was again is unchanged");
}

fn a_change_within_the_clock_s_tick_is_found() {
    let world = World::new(make_repository);
    for round in 0..50_u8 {
        let name = format!("fresh{round}");
        fs::write(world.outside(&name), vec![b'a'; 40_000]).unwrap();
        assert_eq!(fs::read(world.machine("app").join(&name)).unwrap().first(), Some(&b'a'));
        fs::write(world.outside(&name), vec![b'b'; 40_000]).unwrap();
        world.reads();
        assert!(world.changed().contains(&format!("{name} Content")), "round {round}");
    }
}

/// The same file through another layer: another node, so the kernel asks again.
fn a_second_answer_is_told() {
    let world = World::new(make_repository);
    let again = |world: &World| {
        let entry = layerc_executor::backend::CopiedEntry {
            repository_path: "plain".to_owned(),
            machine_path: "/again".to_owned(),
        };
        let files = layerc_executor::backend::CopiedFiles { entries: vec![entry] };
        let layer = world.server.add_layer(&files).unwrap();
        fs::read_to_string(world.mount(&layer).join("again")).unwrap()
    };
    world.bash("cat app/plain");
    let first = world.server.take_reads();
    assert_eq!(again(&world), "one\n");
    assert_eq!(world.reads(), [""; 0], "the same answer is not told twice");
    fs::write(world.outside("plain"), "ONE\n").unwrap();
    assert_eq!(again(&world), "ONE\n");
    let second = world.server.take_reads();
    let key = (TrackedPath::new("plain"), Question::Content);
    assert_ne!(first.answers[&key].fingerprint, second.answers[&key].fingerprint);
    fs::write(world.outside("plain"), "one\n").unwrap();
    assert_eq!(world.changed(), ["plain Content"], "though it is as it was again");
}

fn layers_come_while_mounted() {
    let world = World::new(make_repository);
    assert!(!world.mount("c1").exists());
    let entry = layerc_executor::backend::CopiedEntry {
        repository_path: "src".to_owned(),
        machine_path: "/usr/src".to_owned(),
    };
    let layer = world
        .server
        .add_layer(&layerc_executor::backend::CopiedFiles { entries: vec![entry] })
        .unwrap();
    assert_eq!(layer, "c1");
    assert_eq!(fs::read(world.mount("c1/usr/src/a.c")).unwrap(), b"int a;\n");
    assert_eq!(
        world.reads(),
        ["src Existence", "src/a.c Content"],
        "the way there is not the repository's"
    );
}

fn a_copy_to_the_machine_s_root() {
    let world = World::copying(make_repository, &[("", "/")]);
    assert_eq!(world.bash("cat plain; test -e usr || echo no usr"), "one\nno usr\n");
    assert_eq!(world.reads(), [". Existence", "plain Content", "usr Existence"]);
    world.bash("ls");
    assert_eq!(world.reads(), [". Listing"]);
}

fn a_copy_of_one_file() {
    let world = World::copying(make_repository, &[("src/a.c", "/etc/deep/main.c")]);
    assert_eq!(
        world.bash("ls etc etc/deep; cat etc/deep/main.c"),
        "etc:\ndeep\n\netc/deep:\nmain.c\nint a;\n"
    );
    assert_eq!(
        world.reads(),
        ["src/a.c Content"],
        "its siblings and its directory are not asked for"
    );
    fs::remove_file(world.outside("src/a.c")).unwrap();
    assert_eq!(world.changed(), ["src/a.c Content"]);
}

fn names_arrive_whole() {
    for count in [0, 1, 2, 3, 5_000] {
        let world = World::new(|root| {
            fs::create_dir(root.join("d")).unwrap();
            for index in 0..count {
                fs::write(root.join(format!("d/{}{index}", "long".repeat(index % 30))), "")
                    .unwrap();
            }
        });
        let names = |path| {
            let listed = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
            listed.collect::<std::collections::BTreeSet<_>>()
        };
        let seen = names(world.machine("app/d"));
        assert_eq!(seen.len(), count);
        assert_eq!(seen, names(world.outside("d")));
        assert_eq!(world.bash("ls -a app/d | head -n 2"), ".\n..\n");
    }
}

fn bytes_arrive_whole() {
    let mut state = 1_u64;
    let bytes: Vec<u8> = (0..5_000_001)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        })
        .collect();
    let world = World::new(|root| fs::write(root.join("large"), &bytes).unwrap());
    assert_eq!(
        world.bash("dd if=app/large bs=7777 skip=300 count=2 status=none | wc -c"),
        "15554\n"
    );
    assert!(fs::read(world.machine("app/large")).unwrap() == bytes);
    world.reads();
    assert_eq!(world.changed(), [""; 0]);
}

fn bulk_and_single_answers_agree() {
    let world = World::new(make_strange_things);
    let questions = [
        Question::Existence,
        Question::Attributes,
        Question::Listing,
        Question::Link,
        Question::Content,
    ];
    let paths = [
        "",
        "plain",
        "plain/below",
        "link",
        "way",
        "way/inner",
        "src",
        "src/a.c",
        "src/deep",
        "src/deep/inner",
        "src-",
        "no",
        "no/no",
        ".git/HEAD",
        "pipe",
    ];
    let paths: Vec<_> = paths.iter().map(|path| TrackedPath::new(path.as_bytes())).collect();
    let asked: Vec<_> =
        paths.iter().flat_map(|path| questions.map(|question| (path, question))).collect();
    let many: Vec<_> = std::iter::repeat_n(&asked, 60).flatten().copied().collect();
    let single: Vec<_> = asked
        .iter()
        .map(|(path, question)| world.repository.fingerprint(path, *question).unwrap())
        .collect();
    let bulk = world.repository.fingerprints(&many).unwrap();
    assert!(bulk.chunks(asked.len()).all(|part| part == single));
}
