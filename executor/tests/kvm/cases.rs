//! What must hold of virtual machines.

mod agents;
mod booting;
mod snapshots;

use libtest_mimic::Failed;

/// One of them.
pub(crate) type Case = fn() -> Result<(), Failed>;

/// Every case and its claim.
pub(crate) fn all() -> Vec<(&'static str, Case)> {
    vec![
        ("a_stock_kernel_boots_pauses_and_turns_itself_off", booting::boots_pauses_and_ends),
        ("steps_run_in_a_guest_and_survive_with_it", agents::steps_run_and_survive),
        ("a_restored_machine_goes_on_where_it_was", snapshots::goes_on),
        ("copies_of_one_snapshot_live_side_by_side", snapshots::forks),
        ("a_chain_of_snapshots_has_every_state_and_is_folded", snapshots::chain),
        ("files_that_were_cut_or_changed_are_refused", snapshots::broken_files),
    ]
}
