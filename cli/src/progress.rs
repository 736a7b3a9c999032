//! A sign of life on the terminal when something takes longer than a second. Silent before, and off a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget};
use std::io::IsTerminal;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long nobody needs to be told anything.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the sign moves.
const TICK: Duration = Duration::from_millis(120);

/// Shows that work goes on until it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts waiting. `what` is a phrase like `reading Layerfiles`.
    pub(crate) fn start(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { done: None, thread: None };
        }
        let (done, is_done) = channel();
        let thread = std::thread::Builder::new().spawn(move || {
            if is_done.recv_timeout(PATIENCE).is_ok() {
                return;
            }
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
                .with_message(what);
            bar.enable_steady_tick(TICK);
            let _disconnected = is_done.recv();
            bar.finish_and_clear();
        });
        Self { done: Some(done), thread: thread.ok() }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            let _nobody_waits = done.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}
