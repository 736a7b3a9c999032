//! What must hold of virtual machines.

mod agents;
mod booting;
pub(crate) mod processes;
mod snapshots;

use libtest_mimic::Failed;

/// One of them.
pub(crate) type Case = fn() -> Result<(), Failed>;

/// Those that any KVM will do for, an emulating one too.
pub(crate) fn small() -> Vec<(&'static str, Case)> {
    vec![
        ("a_machine_is_kept_and_goes_on_in_another_process", processes::is_kept_and_goes_on),
        ("a_machine_is_prepared_before_it_is_asked_for", processes::is_prepared),
        ("a_machine_runs_while_it_is_written", processes::runs_while_it_is_written),
        ("a_machines_process_has_nothing_of_the_host", processes::has_nothing_of_the_host),
        ("the_end_of_a_machines_process_is_told", processes::its_end_is_told),
        ("machines_end_with_their_run", processes::end_with_their_run),
        ("machines_end_with_what_they_come_from", processes::end_with_their_nursery),
    ]
}

/// Every case and its claim.
pub(crate) fn all() -> Vec<(&'static str, Case)> {
    let mut cases: Vec<(&'static str, Case)> = vec![
        ("a_stock_kernel_boots_pauses_and_turns_itself_off", booting::boots_pauses_and_ends),
        ("steps_run_in_a_guest_and_survive_with_it", agents::steps_run_and_survive),
        ("a_restored_machine_goes_on_where_it_was", snapshots::goes_on),
        ("copies_of_one_snapshot_live_side_by_side", snapshots::forks),
        ("a_chain_of_snapshots_has_every_state_and_is_folded", snapshots::chain),
        ("files_that_were_cut_or_changed_are_refused", snapshots::broken_files),
    ];
    cases.extend(small());
    cases
}
