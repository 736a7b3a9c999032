//! Plans run in virtual machines by the built command: on this machine's own KVM where the processor has it, otherwise in a
//! machine that has one (`tests/kvm-lab/lab`). The lab runs `tests/kvm-lab/runs`; what that left is looked at here.
//!
//! Where neither can be had, that is told in a line that begins with SKIPPED:.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails must stop")]

mod lab;
mod told;

use lab::{Brought, Outcome};
use told::{End, Told};

/// What the lab's script ran, once for all claims: a machine boots for it.
#[test]
fn plans_run_in_virtual_machines() {
    let results = match lab::run() {
        Outcome::Ran(results) => results,
        Outcome::Skipped => return,
    };
    the_example_runs_and_is_skipped_the_second_time(&results);
    an_edit_runs_what_read_the_file(&results);
    a_daemon_is_found_by_a_child_and_by_copies(&results);
    a_later_run_goes_on_without_booting(&results);
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
    assert_eq!(again.cached.len(), first.ran.len(), "{}", again.log);
    assert_eq!(again.foreseen(), again.came(), "a forecast of the second run");
}

fn an_edit_runs_what_read_the_file(results: &Brought) {
    let edited = Told::of(results, "edited");
    assert_eq!(edited.status, 0, "{}", edited.log);
    assert_eq!(edited.ran_anew(), ["unit-tests:2"], "{}", edited.log);
    assert_eq!(edited.foreseen(), edited.came(), "a forecast of the third run");
}

fn a_daemon_is_found_by_a_child_and_by_copies(results: &Brought) {
    let daemon = Told::of(results, "daemon");
    assert_eq!(daemon.status, 0, "{}", daemon.log);
    assert!(daemon.printed("the child finds "), "{}", daemon.log);
    assert!(daemon.printed("copy 0 of 2 counts on"), "{}", daemon.log);
    assert!(daemon.printed("copy 1 of 2 counts on"), "{}", daemon.log);
    let background = daemon.ran.iter().filter(|step| step.starts_with("base:1"));
    assert_eq!(background.count(), 1, "it was started once for all: {}", daemon.log);
}

fn a_later_run_goes_on_without_booting(results: &Brought) {
    let longer = Told::of(results, "longer");
    assert_eq!(longer.status, 0, "{}", longer.log);
    assert!(longer.printed("still "), "{}", longer.log);
    assert_eq!(longer.ran_anew(), ["child:2"], "{}", longer.log);
    assert!(!longer.ran.iter().any(|step| step.starts_with("base:")), "{}", longer.log);
    assert_eq!(longer.end_of("child:2"), Some(End::Success), "{}", longer.log);
}
