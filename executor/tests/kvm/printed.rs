//! What a guest printed on its serial line, for whoever waits for it. Knows no guests.

use layerc_executor::kvm::Output;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// How often to look whether a machine that prints nothing has ended.
const LOOK: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Printed(Arc<(Mutex<String>, Condvar)>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.lock().unwrap().push_str(&String::from_utf8_lossy(bytes));
        self.0.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Printed {
    /// As an output of a machine.
    pub(crate) fn output(&self) -> Output {
        Box::new(self.clone())
    }

    /// Everything so far that nobody took.
    pub(crate) fn text(&self) -> String {
        self.0.0.lock().unwrap().clone()
    }

    /// Waits until `look` finds something in it, which it may take. It is `look` that loses patience.
    pub(crate) fn wait<T>(&self, mut look: impl FnMut(&mut String) -> Option<T>) -> T {
        let mut text = self.0.0.lock().unwrap();
        loop {
            if let Some(found) = look(&mut text) {
                return found;
            }
            text = self.0.1.wait_timeout(text, LOOK).unwrap().0;
        }
    }
}
