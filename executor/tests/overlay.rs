//! The overlay backend with real mounts and namespaces. This program is its own agent: machines start it again.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test: a panic is a failed case"
)]

mod overlay_cases;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = layerc_executor::agent::run_if_agent() {
        return code;
    }
    if let Some(store) = std::env::var_os(overlay_cases::VICTIM) {
        overlay_cases::be_victim(store.as_ref());
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let cases = overlay_cases::GROUPS.iter().copied().flatten();
    let trials = cases.map(|(name, case)| {
        Trial::test(*name, move || {
            std::panic::catch_unwind(*case).map_err(|_| Failed::from("see the panic above"))
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
