//! The marks that a guest makes on its serial line, for whoever waits for the next one. What its kernel prints between them
//! is passed over.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What the first program of a guest prints.
const MARK: u8 = 1;

/// Longest wait for one.
const PATIENCE: Duration = Duration::from_secs(170);

/// See the module.
pub(super) struct Marks(Receiver<()>);

/// Where a serial line goes.
pub(super) struct Output(Sender<()>);

impl Marks {
    pub(super) fn new() -> (Self, Output) {
        let (sender, receiver) = channel();
        (Self(receiver), Output(sender))
    }

    /// Waits for the next that is made from now on.
    pub(super) fn next(&self) {
        while self.0.try_recv().is_ok() {}
        self.first();
    }

    /// Waits for one that was made already, or the next.
    pub(super) fn first(&self) {
        self.0.recv_timeout(PATIENCE).expect("the guest runs");
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for _ in bytes.iter().filter(|byte| **byte == MARK) {
            // Nobody listens any more: the figure is taken.
            let _ = self.0.send(());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
