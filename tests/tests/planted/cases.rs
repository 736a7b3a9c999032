//! The planted dependencies, one row each. To plant another, add a row.

use crate::case::{Case, Change, Needs};

const COPY_ALL: &str = "COPY . .";

/// Nothing of this is looked at by any case that lists it.
const UNRELATED: Change =
    ("edit a file nobody reads", |repository| repository.write("unrelated.txt", "changed\n"));
/// Times are no part of what a step depends on.
const TOUCHED: Change = ("write data/a.txt again with the same text", |repository| {
    repository.write("data/a.txt", "alpha\n");
});
const A_CHANGES: Change =
    ("edit data/a.txt", |repository| repository.write("data/a.txt", "omega\n"));
const B_CHANGES: Change =
    ("edit data/b.txt", |repository| repository.write("data/b.txt", "gamma\n"));
const A_GROWS: Change =
    ("lengthen data/a.txt", |repository| repository.write("data/a.txt", "alpha and more\n"));
const A_GOES: Change = ("remove data/a.txt", |repository| repository.remove("data/a.txt"));
const A_EXECUTABLE: Change =
    ("chmod data/a.txt", |repository| repository.set_mode("data/a.txt", 0o755));
const NAME_APPEARS: Change =
    ("add data/new.txt", |repository| repository.write("data/new.txt", "new\n"));
const DEEP_CHANGES: Change =
    ("edit data/nested/deep.txt", |repository| repository.write("data/nested/deep.txt", "x\n"));
const DEEP_APPEARS: Change =
    ("add data/nested/new.txt", |repository| repository.write("data/nested/new.txt", "x\n"));
const OTHER_CHANGES: Change =
    ("edit other/a.txt", |repository| repository.write("other/a.txt", "changed\n"));

fn case(name: &'static str, step: &'static str, unnoticed: &[Change], noticed: &[Change]) -> Case {
    let unnoticed = [&[UNRELATED], unnoticed].concat();
    Case { name, needs: Needs::Nothing, copy: COPY_ALL, step, unnoticed, noticed: noticed.to_vec() }
}

fn compiled(
    name: &'static str,
    step: &'static str,
    unnoticed: &[Change],
    noticed: &[Change],
) -> Case {
    Case { needs: Needs::Compiler, ..case(name, step, unnoticed, noticed) }
}

fn copying(copy: &'static str, case: Case) -> Case {
    Case { copy, ..case }
}

/// Every case.
pub(crate) fn all() -> Vec<Case> {
    [
        contents(),
        existence(),
        listings(),
        attributes(),
        links(),
        programs(),
        changes_in_the_machine(),
        copies(),
    ]
    .concat()
}

fn contents() -> Vec<Case> {
    vec![
        case(
            "content",
            "cat data/a.txt",
            &[TOUCHED, B_CHANGES, NAME_APPEARS],
            &[A_CHANGES, A_GROWS, A_GOES],
        ),
        case("content_of_a_part", "head --bytes 1 data/a.txt", &[B_CHANGES], &[A_CHANGES]),
        case("content_by_redirection", "read -r word < data/a.txt", &[B_CHANGES], &[A_CHANGES]),
        case(
            "content_compared",
            "cmp data/a.txt data/b.txt || true",
            &[OTHER_CHANGES],
            &[A_CHANGES, B_CHANGES],
        ),
        case(
            "content_searched",
            "grep --recursive alpha data || true",
            &[OTHER_CHANGES],
            &[A_CHANGES, B_CHANGES, DEEP_CHANGES, NAME_APPEARS, DEEP_APPEARS],
        ),
        case("content_copied", "cp data/a.txt /srv/taken", &[B_CHANGES], &[A_CHANGES]),
        case(
            "content_sourced",
            ". ./environment.sh",
            &[B_CHANGES],
            &[("edit environment.sh", |repository| {
                repository.write("environment.sh", "export FROM_SETUP=2\n");
            })],
        ),
        case(
            "content_read_by_a_child_process",
            "bash -c '(cat data/a.txt | wc -l) &  wait'",
            &[B_CHANGES],
            &[A_CHANGES],
        ),
    ]
}

fn existence() -> Vec<Case> {
    let appears: Change =
        ("create config/local", |repository| repository.write("config/local", "x\n"));
    let sibling: Change =
        ("create config/another", |repository| repository.write("config/another", "x\n"));
    vec![
        case(
            "absence",
            "test -e data/missing || echo none",
            &[A_CHANGES, NAME_APPEARS],
            &[("create data/missing", |repository| {
                repository.write("data/missing", "");
            })],
        ),
        case(
            "absence_of_a_directory",
            "test -e config/local || echo none",
            &[A_CHANGES],
            &[appears, sibling],
        ),
        case(
            "absence_seen_by_opening",
            "cat data/missing 2>/dev/null || true",
            &[B_CHANGES],
            &[("create data/missing", |repository| {
                repository.write("data/missing", "here\n");
            })],
        ),
        case(
            "presence",
            "test -f data/a.txt && echo there",
            &[B_CHANGES, NAME_APPEARS],
            &[
                A_GOES,
                ("make it a directory", |repository| {
                    repository.remove("data/a.txt");
                    repository.write("data/a.txt/file", "x\n");
                }),
            ],
        ),
    ]
}

fn listings() -> Vec<Case> {
    vec![
        case(
            "listing",
            "ls data",
            &[A_CHANGES, B_CHANGES, DEEP_APPEARS],
            &[
                NAME_APPEARS,
                A_GOES,
                ("rename data/a.txt", |repository| {
                    repository.rename("data/a.txt", "data/c.txt");
                }),
            ],
        ),
        case(
            "listing_by_find",
            "find data -name '*.txt' | sort",
            &[A_CHANGES, OTHER_CHANGES],
            &[NAME_APPEARS, DEEP_APPEARS, A_GOES],
        ),
        case(
            "listing_of_kinds",
            "find data -type f | sort",
            &[A_CHANGES],
            &[("make b.txt a directory", |repository| {
                repository.remove("data/b.txt");
                repository.write("data/b.txt/file", "x\n");
            })],
        ),
        case(
            "listing_of_an_empty_match",
            "ls data/*.none 2>/dev/null || true",
            &[A_CHANGES],
            &[("add data/x.none", |repository| {
                repository.write("data/x.none", "");
            })],
        ),
        case("glob", "echo data/*.txt", &[A_CHANGES, DEEP_CHANGES], &[NAME_APPEARS, A_GOES]),
        // Bash looks at every name here to see whether it is a directory, and so learns every file's size.
        Case { unnoticed: vec![A_CHANGES, B_CHANGES], ..glob_over_directories() },
    ]
}

fn glob_over_directories() -> Case {
    let appears: Change = ("add third/a.txt", |repository| repository.write("third/a.txt", "x\n"));
    case("glob_over_directories", "echo */a.txt", &[], &[A_GOES, appears])
}

fn attributes() -> Vec<Case> {
    vec![
        case("size", "stat --format %s data/a.txt", &[B_CHANGES], &[A_GROWS, A_GOES]),
        case("mode", "stat --format %a data/a.txt", &[B_CHANGES], &[A_EXECUTABLE]),
        case("mode_by_test", "test -x data/a.txt || true", &[B_CHANGES], &[A_EXECUTABLE]),
        case(
            "mode_of_a_directory",
            "stat --format %a data",
            &[A_CHANGES],
            &[("chmod data", |repository| {
                repository.set_mode("data", 0o700);
            })],
        ),
        case(
            "mode_by_find",
            "find data -perm -100 -type f",
            &[OTHER_CHANGES],
            &[
                A_EXECUTABLE,
                ("chmod nested/deep.txt", |repository| {
                    repository.set_mode("data/nested/deep.txt", 0o700);
                }),
            ],
        ),
        case(
            "mode_taken_along",
            "cp --preserve=mode data/a.txt /srv/taken",
            &[B_CHANGES],
            &[A_EXECUTABLE, A_CHANGES],
        ),
    ]
}

fn links() -> Vec<Case> {
    let retargeted: Change = ("point data/link at b.txt", |repository| {
        repository.remove("data/link");
        repository.link("b.txt", "data/link");
    });
    let replaced: Change = ("make data/link a file", |repository| {
        repository.remove("data/link");
        repository.write("data/link", "alpha\n");
    });
    let directory_retargeted: Change = ("point directory-link at other", |repository| {
        repository.remove("directory-link");
        repository.link("other", "directory-link");
    });
    vec![
        case("link", "readlink data/link", &[A_CHANGES, B_CHANGES], &[retargeted]),
        case("link_followed", "cat data/link", &[B_CHANGES], &[A_CHANGES, retargeted]),
        case("link_or_file", "test -L data/link", &[A_CHANGES], &[replaced]),
        case(
            "link_that_dangles",
            "cat dangling 2>/dev/null || true",
            &[A_CHANGES],
            &[("create nowhere", |repository| {
                repository.write("nowhere", "somewhere\n");
            })],
        ),
        case(
            "symlinked_directory",
            "cat directory-link/a.txt",
            &[B_CHANGES, OTHER_CHANGES],
            &[A_CHANGES, directory_retargeted],
        ),
        case(
            "symlinked_directory_listed",
            "ls directory-link/",
            &[A_CHANGES, OTHER_CHANGES],
            &[NAME_APPEARS, directory_retargeted],
        ),
        case(
            "hard_link",
            "ln data/a.txt data/second && cat data/second",
            &[B_CHANGES],
            &[A_CHANGES],
        ),
        case("hard_link_unread", "ln data/a.txt data/second", &[B_CHANGES], &[A_CHANGES]),
    ]
}

fn programs() -> Vec<Case> {
    let tool_changes: Change =
        ("edit tool", |repository| repository.write("tool", "#!/bin/bash\necho changed\n"));
    let tool_not_executable: Change =
        ("chmod tool", |repository| repository.set_mode("tool", 0o644));
    vec![
        case("exec_of_a_script", "./tool", &[A_CHANGES], &[tool_changes, tool_not_executable]),
        case(
            "exec_through_path",
            "PATH=$PWD:$PATH tool",
            &[A_CHANGES],
            &[tool_changes, tool_not_executable],
        ),
        case("exec_by_interpreter", "bash tool", &[A_CHANGES], &[tool_changes]),
        compiled(
            "exec_of_a_binary",
            "bin/map data/b.txt",
            &[A_CHANGES],
            &[("replace the program", |repository| {
                repository.remove("bin/map");
                repository.rename("bin/send-file", "bin/map");
            })],
        ),
        compiled("mmap", "bin/map data/a.txt", &[B_CHANGES, TOUCHED], &[A_CHANGES, A_GROWS]),
        compiled("read_at_an_offset", "bin/at-offset data/a.txt", &[B_CHANGES], &[A_CHANGES]),
        compiled(
            "open_by_directory_descriptor",
            "bin/by-descriptor data a.txt",
            &[B_CHANGES],
            &[A_CHANGES],
        ),
        compiled("sendfile", "bin/send-file data/a.txt", &[B_CHANGES], &[A_CHANGES]),
    ]
}

/// The machine's state depends on the repository although nothing was "read": the overlay copied it up.
fn changes_in_the_machine() -> Vec<Case> {
    vec![
        case("rename", "mv data/a.txt data/moved.txt", &[B_CHANGES], &[A_CHANGES, A_EXECUTABLE]),
        case(
            "rename_and_read",
            "mv data/a.txt data/moved.txt && cat data/moved.txt",
            &[B_CHANGES],
            &[A_CHANGES],
        ),
        case(
            "rename_of_a_directory",
            "mv data moved && cat moved/a.txt",
            &[OTHER_CHANGES],
            &[A_CHANGES],
        ),
        case("append", "echo more >> data/a.txt", &[B_CHANGES], &[A_CHANGES]),
        case("change_in_place", "sed --in-place s/a/b/ data/a.txt", &[B_CHANGES], &[A_CHANGES]),
        case("change_of_mode", "chmod 600 data/a.txt", &[B_CHANGES], &[A_CHANGES]),
        case("removal", "rm data/a.txt", &[B_CHANGES], &[A_GOES]),
        case(
            "archive",
            "tar --create --file /srv/data.tar data",
            &[OTHER_CHANGES],
            &[A_CHANGES, DEEP_CHANGES, NAME_APPEARS, A_EXECUTABLE],
        ),
        case(
            "copy_of_a_tree",
            "cp --recursive data /srv/data",
            &[OTHER_CHANGES],
            &[A_CHANGES, DEEP_CHANGES, DEEP_APPEARS],
        ),
    ]
}

fn copies() -> Vec<Case> {
    vec![
        copying(
            "COPY data/a.txt /srv/one",
            case("copied_file", "cat /srv/one", &[B_CHANGES], &[A_CHANGES]),
        ),
        copying(
            "COPY data/a.txt /srv/one",
            // COPY itself looks at kind and permissions of what it names, at nothing else.
            case("copied_file_unread", "true", &[A_CHANGES, A_GROWS], &[]),
        ),
        copying(
            "COPY data /srv/data",
            case("copied_directory", "cat /srv/data/a.txt", &[B_CHANGES], &[A_CHANGES]),
        ),
        copying(
            "SETUP FILE environment.sh",
            case("setup_file", "echo $FROM_SETUP", &[A_CHANGES], &[]),
        ),
    ]
}
