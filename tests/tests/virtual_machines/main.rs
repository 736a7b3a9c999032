//! Plans run in virtual machines by the built command: on this machine's own KVM where the processor has it, otherwise in a
//! machine that has one (`tests/kvm-lab/lab`). The lab runs `tests/kvm-lab/runs`; what that left is looked at here.
//!
//! `LAYERC_KVM_PARTS` names the parts of the script that are run, where it is not to be the usual ones (`lab.rs`).
//! Where neither can be had, that is told in a line that begins with SKIPPED:.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails must stop")]

mod lab;
mod repositories;
mod services;
mod told;

use lab::{Brought, Outcome};
use repositories::{ROWS, copies};
use told::{End, Told};

/// Something that must be so after a part of the script.
type Claim = fn(&Brought);

/// What the lab's script ran, once for all claims: a machine boots for it.
#[test]
fn plans_run_in_virtual_machines() {
    let results = match lab::run() {
        Outcome::Ran(results) => results,
        Outcome::Skipped => return,
    };
    let parts: [(&str, &[Claim]); 9] = [
        (
            "service",
            &[the_example_runs_and_is_skipped_the_second_time, an_edit_runs_what_read_the_file],
        ),
        (
            "database",
            &[a_database_runs_on_in_a_child_and_in_every_copy, a_later_run_goes_on_without_booting],
        ),
        (
            "directives",
            &[
                images_of_layers_caches_and_clones_are_what_they_are_elsewhere,
                a_secret_is_known_to_its_steps_and_to_nothing_that_is_kept,
                a_button_waits_and_what_is_exposed_answers,
                a_kept_machine_can_be_looked_into_and_given_up,
            ],
        ),
        ("memory", &[memory_that_nobody_uses_is_the_hosts]),
        ("waking", &[a_website_sleeps_and_wakes_with_all_that_it_had]),
        ("terminal", &[a_shell_in_a_kept_machine_has_a_terminal]),
        (
            "secrets",
            &[
                a_machine_that_knows_a_secret_is_kept_and_the_store_does_not_show_it,
                copies_of_a_machine_that_knows_a_secret_know_it,
                with_another_key_it_is_made_again,
            ],
        ),
        (
            "repeatable",
            &[
                a_repeatable_step_goes_on_from_its_own_last_machine_with_today_s_files,
                where_a_process_stays_in_the_way_it_starts_from_the_step_before_it,
            ],
        ),
        ("killed", &[a_killed_run_leaves_nothing_behind_and_the_next_is_right]),
    ];
    for (part, claims) in parts {
        if lab::has_run(part) {
            claims.iter().for_each(|claim| claim(&results));
        }
    }
}

fn the_example_runs_and_is_skipped_the_second_time(results: &Brought) {
    let first = Told::of(results, "first");
    assert_eq!(first.status, 0, "{}", first.log);
    assert!(first.printed("smoke test: snip 1.0.0 is well"), "{}", first.log);
    for part in 0..3 {
        assert!(first.printed(&format!("part {part} of 3:")), "{}", first.log);
    }
    let again = Told::of(results, "again");
    assert_eq!((again.status, again.ran.as_slice()), (0, [].as_slice()), "{}", again.log);
    assert_eq!(again.cached.len(), first.came().len(), "{}", again.log);
    assert_eq!(again.foreseen(), again.came(), "a forecast of the second run");
}

fn an_edit_runs_what_read_the_file(results: &Brought) {
    let edited = Told::of(results, "edited");
    assert_eq!(edited.status, 0, "{}", edited.log);
    assert_eq!(edited.ran_anew(), ["unit-tests:2"], "{}", edited.log);
    assert_eq!(edited.foreseen(), edited.came(), "a forecast of the third run");
}

fn a_database_runs_on_in_a_child_and_in_every_copy(results: &Brought) {
    let database = Told::of(results, "database");
    assert_eq!(database.status, 0, "{}", database.log);
    let born = database.words_of("base", "born ");
    assert_eq!(born.len(), 1, "{}", database.log);
    assert_eq!(database.words_of("child", "born "), born, "{}", database.log);
    let rows = database.words_of("child", "row ");
    assert!(rows[0].starts_with(&format!("{ROWS} is ")), "{}", database.log);
    for copy in 0..copies() {
        let runner = if copy == 0 { "copies".to_owned() } else { format!("copies-{}", copy + 1) };
        assert_eq!(database.words_of(&runner, "born "), born, "{}", database.log);
        assert_eq!(database.words_of(&runner, "row "), rows, "{}", database.log);
        // Each has a database of its own: it sees no other's answer.
        let own = format!("{copy} of {}, 1 answer", copies());
        assert_eq!(database.words_of(&runner, "copy "), [own], "{}", database.log);
    }
    assert_eq!(database.most_at_once("copies"), copies() as usize, "{}", database.log);
    let server = database.ran.iter().filter(|step| step.starts_with("base:"));
    assert_eq!(server.count(), 4, "it was started and filled once for all: {}", database.log);
}

fn a_later_run_goes_on_without_booting(results: &Brought) {
    let (database, longer) = (Told::of(results, "database"), Told::of(results, "longer"));
    assert_eq!(longer.status, 0, "{}", longer.log);
    let born = database.words_of("base", "born ");
    assert_eq!(longer.words_of("child", "still "), born, "{}", longer.log);
    assert_eq!(longer.ran_anew(), ["child:2"], "{}", longer.log);
    assert!(!longer.ran.iter().any(|step| step.starts_with("base:")), "{}", longer.log);
    assert_eq!(longer.end_of("child:2"), Some(End::Success), "{}", longer.log);
}

fn images_of_layers_caches_and_clones_are_what_they_are_elsewhere(results: &Brought) {
    let (first, cached) = (Told::of(results, "directives"), Told::of(results, "cached"));
    for line in ["of the upper layer", "cal was taken away", "a line of the other repository"] {
        assert!(first.printed(line), "{line}: {}", first.log);
    }
    assert_eq!(first.words_of("base", "run "), ["1 with this cache"], "{}", first.log);
    assert_eq!(cached.status, 0, "{}", cached.log);
    assert_eq!(cached.words_of("base", "run "), ["2 with the same cache"], "{}", cached.log);
    assert_eq!(cached.ran_anew(), ["base:4"], "{}", cached.log);
}

fn a_repeatable_step_goes_on_from_its_own_last_machine_with_today_s_files(results: &Brought) {
    let words = ["times ", "files ", "lock ", "kept ", "late "];
    let told = |name: &str| {
        let told = Told::of(results, name);
        assert_eq!(told.status, 0, "{}", told.log);
        words.map(|word| told.words_of("all", word).join("|"))
    };
    assert_eq!(told("repeat-1"), ["1", "gone", "LOCK 1", "LOCK 1", "late 1"]);
    assert_eq!(told("repeat-2"), ["2", "gone new", "LOCK 2", "LOCK 2", "late 1 late 2"]);
    let again = Told::of(results, "repeat-3");
    assert_eq!(again.ran, [] as [String; 0], "{}", again.log);
    assert_eq!(told("repeat-4"), ["2", "new", "", "LOCK 2", "late 2"]);
}

fn where_a_process_stays_in_the_way_it_starts_from_the_step_before_it(results: &Brought) {
    for name in ["repeat-1", "repeat-2"] {
        let told = Told::of(results, name);
        assert_eq!(told.words_of("held", "times "), ["1"], "{}", told.log);
    }
    let second = Told::of(results, "repeat-2");
    assert!(second.printed("changed"), "{}", second.log);
    let why =
        "can't start from its own last state: what COPY showed in `/srv/held` is in use (sleep)";
    assert!(second.log.contains(why), "{}", second.log);
}

fn a_machine_that_knows_a_secret_is_kept_and_the_store_does_not_show_it(results: &Brought) {
    let (told, restored) = (Told::of(results, "told"), Told::of(results, "restored"));
    assert_eq!(told.status, 0, "{}", told.log);
    assert_eq!(results.text("told-anywhere"), "", "files that show the secret");
    assert!(results.text("open-anywhere").contains("/layers/"), "what is no secret is found");
    assert!(results.text("key").starts_with("-rw-------"), "{}", results.text("key"));
    assert_eq!(restored.status, 0, "{}", restored.log);
    assert!(restored.printed("it runs on and knows it"), "{}", restored.log);
    assert_eq!(restored.ran.len(), 1, "it is restored: {}", restored.log);
}

fn copies_of_a_machine_that_knows_a_secret_know_it(results: &Brought) {
    let copies = Told::of(results, "copies");
    assert_eq!(copies.status, 0, "{}", copies.log);
    for copy in 0..3 {
        assert!(copies.printed(&format!("copy {copy} runs on and knows it")), "{}", copies.log);
    }
    assert!(copies.ran.iter().all(|step| step.starts_with("copies")), "{}", copies.log);
}

fn with_another_key_it_is_made_again(results: &Brought) {
    let foreign = Told::of(results, "foreign");
    assert_eq!(foreign.status, 0, "{}", foreign.log);
    assert!(foreign.log.contains("a kept state is made again"), "{}", foreign.log);
    assert!(foreign.log.contains("store.key, is not there"), "{}", foreign.log);
    assert!(foreign.printed("another step"), "{}", foreign.log);
    assert!(foreign.printed("it runs on and knows it"), "{}", foreign.log);
}

fn a_killed_run_leaves_nothing_behind_and_the_next_is_right(results: &Brought) {
    for name in ["step", "keep"] {
        assert_eq!(results.text(&format!("{name}.killed")), "killed\n", "{name}");
        assert_eq!(results.text(&format!("{name}.left")).trim(), "", "{name}");
        let after = Told::of(results, name);
        assert_eq!(after.status, 0, "{}", after.log);
        for line in [format!("one of the {name} run"), format!("two of the {name} run")] {
            assert!(after.printed(&format!("found {line}\n")), "{}", after.log);
        }
    }
    assert!(!results.text("killed-after").contains(".new"), "{}", results.text("killed-after"));
}

fn a_secret_is_known_to_its_steps_and_to_nothing_that_is_kept(results: &Brought) {
    let told = Told::of(results, "directives");
    assert!(told.printed("the token has 27 bytes"), "{}", told.log);
    assert!(told.printed("it is still known"), "{}", told.log);
    assert_eq!(results.text("told-secrets"), "", "files that hold the secret");
}

fn a_button_waits_and_what_is_exposed_answers(results: &Brought) {
    let waiting = Told::of(results, "directives");
    assert_eq!(waiting.status, 4, "it waits for the button: {}", waiting.log);
    let served = Told::of(results, "served");
    assert!(served.printed("behind the button: a page of the machine"), "{}", served.log);
    assert!(!served.ran.iter().any(|step| step.starts_with("base:")), "{}", served.log);
    assert_eq!(results.text("website"), "a page of the machine\n", "{}", served.log);
    assert_eq!(results.text("forwarded"), "a page of the machine\n", "{}", served.log);
}

fn memory_that_nobody_uses_is_the_hosts(results: &Brought) {
    assert_eq!(Told::of(results, "memory").status, 0);
    let text = results.text("memory.samples");
    let mebibytes = |word: &str| word.parse::<u64>().unwrap() >> 10;
    let private: Vec<u64> =
        text.lines().map(|line| mebibytes(line.split(' ').next().unwrap())).collect();
    let most = private.iter().max().unwrap();
    let peak = private.iter().position(|taken| taken == most).unwrap();
    let (before, after) =
        (private[..peak].iter().min().unwrap(), private[peak..].iter().min().unwrap());
    println!(
        "a guest of 4 GiB: {before} MiB idle, {most} MiB with 400 MiB in use, {after} MiB when given back"
    );
    assert!(*before < 512, "little is used of 4 GiB: {private:?}");
    assert!(most - before >= 350, "what is used is taken: {private:?}");
    assert!(most - after >= 300, "and given back: {private:?}");
}

fn a_website_sleeps_and_wakes_with_all_that_it_had(results: &Brought) {
    let log = results.text("waking.log");
    let number = |name: &str| -> u32 { results.text(name).trim().parse().unwrap() };
    assert_eq!(number("waking.status"), 0, "{log}");
    assert_eq!(number("machines.awake"), 1, "{log}");
    assert_eq!(results.text("machines.asleep"), "0\n0\n", "processes of sleeping machines: {log}");
    // The server counts connections that ask: looking whether its port answers asks nothing.
    let mut answers = ["answer1", "answer2", "answer3", "answer4", "answer5"].map(|name| {
        let text = results.text(name);
        text.lines().last().unwrap_or_default().to_owned()
    });
    answers.sort();
    let expected = [1, 2, 3, 4, 5].map(|count| format!("request {count}"));
    assert_eq!(answers, expected, "{log}");
    assert_eq!((number("woken"), number("slept")), (1, 1), "{log}");
    assert_eq!(
        results.text("waking.told"),
        "",
        "files with the secret of a sleeping machine: {log}"
    );
    assert_eq!(number("layers.ended"), number("layers.awake"), "sleep outlives no run: {log}");
}

fn a_shell_in_a_kept_machine_has_a_terminal(results: &Brought) {
    assert_eq!(Told::of(results, "terminal").status, 0);
    for (name, state) in [("screen", "of-step-3"), ("screenbefore", "of-step-2")] {
        let text = results.text(&format!("{name}.text"));
        let (before, after) = text.split_once("a-2-terminal").unwrap();
        assert!(before.contains(state) && before.contains("\r\n33 77\r\n"), "{text}");
        assert!(after.contains("\r\n44 88\r\n"), "{text}");
        assert_eq!(results.text(&format!("{name}.status")).trim(), "5", "{text}");
    }
}

fn a_kept_machine_can_be_looked_into_and_given_up(results: &Brought) {
    assert!(results.text("shell.log").contains("\nbase\n"), "{}", results.text("shell.log"));
    let number = |name: &str| results.text(name).trim().parse::<u32>().unwrap();
    assert_eq!(number("gc.status"), 0, "{}", results.text("gc.log"));
    assert!(number("layers.after") < number("layers.before"), "{}", results.text("gc.log"));
}
