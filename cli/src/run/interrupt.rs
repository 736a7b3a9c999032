//! Ctrl-C and its kin: the first stops the run in good order, the second at once.

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::mpsc;

/// The exit code of a process that a person interrupted.
const INTERRUPTED: i32 = 130;

/// Listens for signals; each way to stop a process counts.
///
/// # Errors
/// When the handlers can't be set.
pub(super) fn listen(stop: impl Fn() + Send + 'static) -> Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot listen for Ctrl-C")?;
    let (ready, is_ready) = mpsc::channel();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let _nobody_waits = ready.send(());
            let mut signals = signals.forever();
            if signals.next().is_some() {
                crate::terminal::tell("\nstopping; once more to stop at once\n");
                stop();
            }
            if signals.next().is_some() {
                // Machines die with their parent: the kernel ends what is in their namespaces.
                std::process::exit(INTERRUPTED);
            }
        })
        .context("cannot start a thread")?;
    let _started = is_ready.recv();
    Ok(())
}
