//! RUN REPEATABLE: real incremental builds get shorter and end where a build from scratch ends.

use layerc_tests::ordinary_user::on_path;
use layerc_tests::skip::skipped;
use layerc_tests::workflow::{Ran, Workflow, can_run};

const NONE: [&str; 0] = [];

/// Files of the C project.
const FILES: usize = 6;

const MAKEFILE: &str = "\
objects := $(patsubst %.c,%.o,$(wildcard part*.c))
program: $(objects) main.o
\tcc -o $@ $^
%.o: %.c parts.h
\t@echo compiled $<
\t@cc -c -o $@ $<
";

fn c_project() -> Workflow {
    let text = "FROM vm/ubuntu:22.04\nCOPY . /app\nWORKDIR /app\nRUN REPEATABLE make program && ./program\n";
    let place = Workflow::with(&[("Layerfile", text), ("Makefile", MAKEFILE)]);
    let mut header = String::new();
    let mut main =
        "#include <stdio.h>\n#include \"parts.h\"\nint main(void) { printf(\"%d\\n\", 0".to_owned();
    for part in 0..FILES {
        header.push_str(&format!("int part{part}(void);\n"));
        main.push_str(&format!(" + part{part}()"));
        place.repository.write(&format!("part{part}.c"), &part_text(part, 1));
    }
    place.repository.write("parts.h", &header);
    place.repository.write("main.c", &format!("{main}); return 0; }}\n"));
    place
}

fn part_text(part: usize, value: u32) -> String {
    format!("#include \"parts.h\"\nint part{part}(void) {{ return {value}; }}\n")
}

fn compiled(run: &Ran) -> usize {
    run.printed("main-layerfile").lines().filter(|line| line.starts_with("compiled")).count()
}

fn last_line(run: &Ran) -> String {
    run.printed("main-layerfile").lines().last().unwrap_or_default().to_owned()
}

#[test]
fn make_builds_only_what_changed_and_ends_like_a_build_from_scratch() {
    let test = "make_builds_only_what_changed_and_ends_like_a_build_from_scratch";
    if !can_run(test) {
        return;
    }
    if !on_path("make") || !on_path("cc") {
        return skipped(test, "make or cc is not installed");
    }
    let place = c_project();
    let first = place.run().expect_success();
    assert_eq!((compiled(&first), last_line(&first)), (FILES + 1, "6".to_owned()));
    assert_eq!(place.ran(), NONE);
    place.repository.write("part2.c", &part_text(2, 10));
    let second = place.run().expect_success();
    assert_eq!((compiled(&second), last_line(&second)), (1, "15".to_owned()));
    assert!(second.outcome.stdout.contains("own_last_run"));
    place.repository.write(
        "parts.h",
        &format!(
            "{}\n",
            std::fs::read_to_string(place.repository.join("parts.h")).expect("a file")
        ),
    );
    let third = place.run().expect_success();
    assert_eq!((compiled(&third), last_line(&third)), (FILES + 1, "15".to_owned()));
    let scratch = place.run_with(&["--no-cache"]).expect_success();
    assert_eq!((compiled(&scratch), last_line(&scratch)), (FILES + 1, "15".to_owned()));
    place.repository.write("part2.c", &part_text(2, 1));
    assert_eq!(last_line(&place.run().expect_success()), "6");
}

#[test]
fn cargo_builds_only_what_changed() {
    let test = "cargo_builds_only_what_changed";
    if !can_run(test) {
        return;
    }
    let text = "FROM vm/ubuntu:22.04\nCOPY . /app\nWORKDIR /app\nENV PATH=$PATH:/usr/local/cargo/bin CARGO_TERM_COLOR=never\n\
                RUN REPEATABLE cargo build --offline 2>&1 | grep -E 'Compiling|Finished' | sed 's/ in .*//'; ./target/debug/app\n";
    let place = Workflow::with(&[
        ("Layerfile", text),
        ("Cargo.toml", "[workspace]\nmembers = [\"app\", \"left\", \"right\"]\nresolver = \"3\"\n"),
        (
            "app/Cargo.toml",
            "[package]\nname = \"app\"\nedition = \"2021\"\n[dependencies]\nleft = { path = \"../left\" }\nright = { path = \"../right\" }\n",
        ),
        ("app/src/main.rs", "fn main() { println!(\"{}\", left::value() + right::value()); }\n"),
        ("left/Cargo.toml", "[package]\nname = \"left\"\nedition = \"2021\"\n"),
        ("left/src/lib.rs", "pub fn value() -> u32 { 1 }\n"),
        ("right/Cargo.toml", "[package]\nname = \"right\"\nedition = \"2021\"\n"),
        ("right/src/lib.rs", "pub fn value() -> u32 { 2 }\n"),
    ]);
    place
        .repository
        .write("probe/Layerfile", "FROM vm/ubuntu:22.04\nRUN cargo --version && cc --version\n");
    if place.run_with(&["--target", "probe"]).outcome.code() != 0 {
        return skipped(test, "the machine's own system has no cargo that steps can use");
    }
    place.repository.remove("probe");
    let first = place.run().expect_success();
    assert_eq!(compiled_crates(&first), 3, "{}", first.printed("main-layerfile"));
    place.repository.write("right/src/lib.rs", "pub fn value() -> u32 { 40 }\n");
    let second = place.run().expect_success();
    assert_eq!((compiled_crates(&second), last_line(&second)), (2, "41".to_owned()));
}

fn compiled_crates(run: &Ran) -> usize {
    run.printed("main-layerfile").lines().filter(|line| line.contains("Compiling")).count()
}

#[test]
fn today_s_files_come_in_even_where_the_step_had_written_over_them() {
    if !can_run("today_s_files_come_in_even_where_the_step_had_written_over_them") {
        return;
    }
    let step = "sed -i s/lock/LOCK/ lock kept; rm -f d/removed; ls d; cat lock kept late/*; true";
    let place = Workflow::with(&[
        (
            "Layerfile",
            &format!(
                "FROM vm/ubuntu:22.04\nCOPY . /app\nCOPY late*.txt /app/late/\nWORKDIR /app\nRUN REPEATABLE cat d/gone >> seen; {step}\n"
            ),
        ),
        ("lock", "lock 1\n"),
        ("kept", "lock\n"),
        ("d/removed", ""),
        ("d/gone", "x\n"),
        ("late1.txt", "late 1\n"),
    ]);
    let run = place.run().expect_success();
    assert_eq!(run.printed("main-layerfile"), "gone\nLOCK 1\nLOCK\nlate 1\n");
    place.repository.write("lock", "lock 2\n");
    place.repository.write("d/removed", "again");
    place.repository.write("d/new", "");
    place.repository.write("late2.txt", "late 2\n");
    let run = place.run().expect_success();
    assert_eq!(run.printed("main-layerfile"), "gone\nnew\nLOCK 2\nLOCK\nlate 1\nlate 2\n");
    assert_eq!(place.ran(), NONE);
    place.repository.remove("lock");
    place.repository.remove("d/gone");
    let text = std::fs::read_to_string(place.repository.join("Layerfile")).expect("the Layerfile");
    assert!(text.contains("REPEATABLE"));
    let run = place.run();
    assert_eq!(run.outcome.code(), 0, "{}", run.outcome.everything());
    assert!(
        run.output("main-layerfile").contains("lock: No such file"),
        "{}",
        run.output("main-layerfile")
    );
    assert!(
        run.printed("main-layerfile").ends_with("new\nLOCK\nlate 1\nlate 2\n"),
        "{}",
        run.printed("main-layerfile")
    );
}
